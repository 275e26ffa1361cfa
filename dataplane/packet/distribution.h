/*
 * The software distribution stage: one reader takes the batches of all sources and hands each
 * packet to one of several workers, chosen by a keyed, symmetric hash of the two addresses that
 * make the flow key (the innermost ones where tunnels are opened). So both directions of a
 * conversation, all its fragments and both ports of a tap meet in one worker. With hash_ports the
 * ports of the key count as well; later fragments then follow a first one that was seen before
 * them, as long as the fragment table holds it. Used where the device cannot spread packets that
 * way by itself, and for capture files.
 *
 * A lane carries packets, by copy and in order, to one worker, which sees it as an ordinary source.
 * It also carries the clock, so that a worker without packets ends its records in time, and what
 * was lost on the way, so that each packet is observed by exactly one worker.
 *
 * Created and destroyed by the control thread; step() on one reader thread; each lane's receive()
 * and release() on its worker's thread.
 */
#ifndef SPANFLOW_PACKET_DISTRIBUTION_H
#define SPANFLOW_PACKET_DISTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet_source.h"
#include "parse/parse.h"

enum { DISTRIBUTION_SOURCES_MAX = SOURCE_LIST_MAX, DISTRIBUTION_LANES_MAX = 64 };

struct distribution_config {
    struct packet_source *sources[DISTRIBUTION_SOURCES_MAX]; /* not owned */
    uint32_t source_count;
    bool more_sources; /* as source_list.more */
    uint32_t lanes;
    struct parser_config parser; /* as the workers parse */
    uint64_t hash_seed[2];       /* secret of this start */
    bool hash_ports;             /* ports decide as well as addresses */
    bool populated;              /* the pages of the lanes are taken when it is created */
    bool offline; /* a full lane holds the reader; live, its packets are dropped(distribution_full)
                   */
};

enum distribution_status {
    DISTRIBUTION_BUSY,
    DISTRIBUTION_IDLE, /* no packets now */
    DISTRIBUTION_HELD, /* offline: a worker is behind */
    DISTRIBUTION_ENDED /* every packet is in a lane, and the lanes know that no more will come */
};

struct distribution;

/* NULL and ERROR if memory is short. */
struct distribution *distribution_create(const struct distribution_config *config,
                                         struct error *error);
/* Frees the stage and its lanes, not the sources. */
void distribution_destroy(struct distribution *distribution);

/* The source of worker LANE (0..lanes-1); owned by the distribution. */
struct packet_source *distribution_lane(struct distribution *distribution, uint32_t lane);

/* Takes at most one batch of every source. NOW_NS: wall clock, offline 0. Reader thread. */
enum distribution_status distribution_step(struct distribution *distribution, uint64_t now_ns);

/* The clock behind NOW_NS and the packets' time stamps jumped: told to every worker in its place
 * between the packets. Reader thread. */
void distribution_clock_stepped(struct distribution *distribution);

/* Sleeps until a source that can sleep may have packets. As worker_wait(). Reader thread. */
void distribution_wait(struct distribution *distribution, uint64_t until_ns);

/* Gives the sources up to somebody else who goes on with them, between two batches: nothing more is
 * taken, and the devices are not asked to stop. What was taken is in the lanes, or gets there by
 * further steps, which say ENDED in the end. Reader thread; not offline. */
void distribution_leave(struct distribution *distribution);
/* The sources were read by somebody else before, who has left them: what they counted by now is
 * not told to the lanes. Reader thread, before the first step. */
void distribution_take_over(struct distribution *distribution);

/* Gives DISTRIBUTION the sources of LIST, as worker_submit_sources(). Control thread. */
void distribution_submit_sources(struct distribution *distribution, const struct source_list *list);
/* Whether the reader has taken them. Control thread. */
bool distribution_sources_taken(const struct distribution *distribution);

/* Asks for the end: no more packets are taken from the sources. Any thread. */
void distribution_stop(struct distribution *distribution);

#endif
