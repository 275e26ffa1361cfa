/*
 * A packet source for long simulated runs: flows come and go for ever, so that no table can settle.
 * Each flow is a number, and all its fields follow from that; a packet belongs to a new flow or to
 * one of the latest. Test code; one thread; the caller owns everything.
 */
#ifndef SPANFLOW_SIM_CHURN_SOURCE_H
#define SPANFLOW_SIM_CHURN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet_source.h"
#include "sim/random.h"

enum { CHURN_FRAME_MAX = 80 };

struct churn_source {
    struct packet_source base; /* first: the worker knows nothing else */
    struct random random;
    uint64_t flow;     /* number of the latest flow */
    uint32_t recent;   /* a packet that begins no flow belongs to one of so many */
    unsigned new_flow; /* percent of packets that begin one */
    uint32_t budget;   /* packets that may be handed out */
    uint64_t now_ns;   /* their time at most */
    uint64_t given;    /* packets handed out, and said to be lost by the device */
    uint8_t frames[PACKET_BATCH_MAX][CHURN_FRAME_MAX];
};

/* Prepares SOURCE; SEED draws its packets. */
void churn_source_init(struct churn_source *source, uint64_t seed);

#endif
