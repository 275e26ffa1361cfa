/*
 * A packet source that makes its packets at the moment a worker asks for them, and tells the
 * reference cache what it hands out. So the reference sees the packets in the worker's own order
 * whatever the rhythm of the steps. Counts observed as the contract of packet_source says.
 *
 * Test code; one thread; the simulator owns everything.
 */
#ifndef SPANFLOW_SIM_SIM_SOURCE_H
#define SPANFLOW_SIM_SIM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/prefix_set.h"
#include "packet/packet_source.h"
#include "sim/frame_builder.h"
#include "sim/reference_cache.h"

/* A frame that went out lately, of which other ports may bring copies. */
enum { SIM_ORIGINALS = 8, SIM_OTHERS_MAX = 3 };
struct sim_original {
    struct frame frame;
    uint64_t time_ns;
    uint32_t ip_offset;
    uint32_t ports; /* set of those that have brought it */
};

/* What all sources of one worker share. */
struct sim_feed {
    struct traffic traffic;
    struct random random;
    struct reference_cache *reference;
    struct reference_cache *others[SIM_OTHERS_MAX]; /* of the caches after the first */
    unsigned other_count;
    const struct prefix_set *ignore;
    uint64_t known_ns; /* newest time that the worker can know */
    uint32_t sampling; /* 1 of N */
    uint32_t sampling_position;
    uint32_t wire_length_min; /* the filter leaves out what is shorter; 0: no filter */
    unsigned late;            /* percent of packets that come late */
    bool late_anyhow;         /* also across deadlines */
    bool vlan_in_key;
    unsigned strangers; /* percent of frames that are not IP */
    unsigned copies;    /* percent of packets that are copies of others; 0: none */
    uint64_t window_ns; /* how far in time they are from their originals, at most */
    struct sim_original originals[SIM_ORIGINALS];
    uint32_t
        serial; /* of the last packet, where there are copies: each original is unlike others */
    uint64_t observed; /* packets handed out */
    uint64_t copied;   /* of these, copies that pass the filter */
    uint64_t metered;  /* of these, those the reference was told of */
};

struct sim_source {
    struct packet_source base; /* first: the worker knows nothing else */
    struct sim_feed *feed;
    uint64_t budget; /* packets that may be handed out; then idle */
    uint32_t batch_max;
    bool ended;                                      /* nothing more once the budget is used up */
    bool outstanding;                                /* a batch was not released yet */
    struct ledger_pair device_losses[DROPPED_COUNT]; /* to be reported at the next poll */
    struct frame frames[PACKET_BATCH_MAX];
};

/* Prepares SOURCE as number NUMBER of a worker. */
void sim_source_init(struct sim_source *source, struct sim_feed *feed, unsigned number, bool live);

#endif
