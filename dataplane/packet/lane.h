/*
 * A lane of the distribution stage: a single-producer single-consumer ring of variable-length
 * entries. The reader appends and publishes; the worker reads packets in place and gives them back
 * when their batch is released.
 */
#ifndef SPANFLOW_PACKET_LANE_H
#define SPANFLOW_PACKET_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet_source.h"

struct lane;

/* A lane to worker NUMBER; LIVE as its sources are. NULL and ERROR if memory is short. Destroyed
 * when reader and worker ended. Control thread. */
struct lane *lane_create(uint32_t number, bool live, struct error *error);
/* Takes its pages now, so that the reader waits for none. False and ERROR on lack of memory. */
bool lane_populate(struct lane *lane, struct error *error);
void lane_destroy(struct lane *lane);

/* The worker's end. */
struct packet_source *lane_source(struct lane *lane);

/* Reader: appends packet I of BATCH. False if the lane is full. */
bool lane_put_packet(struct lane *lane, const struct packet_batch *batch, unsigned i);
/* Reader: tells the worker the time. False if the lane is full: packets tell it too. */
bool lane_put_clock(struct lane *lane, uint64_t time_ns);
/* Reader: the clock jumped between the packets put before and after. False if the lane is full. */
bool lane_put_clock_step(struct lane *lane);
/* Reader: PACKETS with OCTETS were lost for REASON. False if the lane is full: say it later. */
bool lane_put_loss(struct lane *lane, enum ledger_dropped reason, uint64_t packets,
                   uint64_t octets);
/* Reader: PACKETS with OCTETS were left to the host. False if the lane is full: say it later. */
bool lane_put_host(struct lane *lane, uint64_t packets, uint64_t octets);
/* Reader: shows the worker what was put. */
void lane_publish(struct lane *lane);
/* Reader: publishes and says that nothing more will come. */
void lane_end(struct lane *lane);

#endif
