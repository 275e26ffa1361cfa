/*
 * A transport whose far end is a mood: takes everything, is full, refuses, fails or breaks, by
 * seeded chance. Counts what it took. Test code; the destination owns it once it is set.
 */
#ifndef SPANFLOW_SIM_SIM_TRANSPORT_H
#define SPANFLOW_SIM_SIM_TRANSPORT_H

#include "exporting_process_hooks.h"
#include "sim/random.h"

/* Percent of offers that end in this way; what is left is taken. */
struct sim_mood {
    unsigned again;
    unsigned refused;
    unsigned failed;
    unsigned broken;
    bool sessions;    /* keeps sessions and confirms messages; then nothing is refused or failed */
    bool topic;       /* with sessions: as Kafka has them; FAILED is then of messages handed over */
    unsigned leaves;  /* percent of steps with a session that end it */
    unsigned returns; /* percent of steps without one in which one begins */
};

/* What the far end saw. Outlives the transport; owned by the caller. */
struct sim_far_end {
    struct sim_mood mood;
    uint64_t messages;
    uint64_t octets;
    uint64_t sessions;
    uint32_t partitions; /* of a topic */
    bool completed;
};

/* A transport that reports to FAR_END. Aborts if memory is short. */
struct transport sim_transport_open(struct sim_far_end *far_end, uint64_t seed);

#endif
