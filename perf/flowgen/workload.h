/*
 * The workloads of the generator and what is exactly known of each. Called by flowgen.c; one
 * thread; a workload frees what it allocates.
 */
#ifndef SPANFLOW_PERF_FLOWGEN_WORKLOAD_H
#define SPANFLOW_PERF_FLOWGEN_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture_writer.h"
#include "frame.h"

/* The ground truth, counted frame by frame as they are written. */
struct workload_truth {
    uint64_t packets;
    uint64_t frame_octets;
    uint64_t ip_octets;
    uint64_t uniflows;
    uint64_t biflows; /* a uniflow without an answer counts as one */
    uint64_t tcp_packets;
    uint64_t udp_packets;
    uint64_t icmp_packets;
    uint64_t ipv6_packets;
    uint64_t first_ns;
    uint64_t last_ns;
};

struct workload_run {
    struct capture_writer *writer;
    uint64_t seed;
    uint32_t scale; /* packets and flows are divided by this */
    uint64_t start_ns;
    struct workload_truth truth;
};

/* One line of the table of workloads. */
struct workload {
    const char *name;
    const char *help;
    uint32_t packets; /* at scale 1 */
    uint32_t flows;   /* at scale 1 */
    uint64_t span_ns; /* packet times are spread evenly over this */
    bool (*generate)(struct workload_run *run, const struct workload *workload);
};

/* Ends with a row whose name is NULL. */
extern const struct workload workloads[];

/* The generators of the rows; false if there is no memory. */
bool generate_imix(struct workload_run *run, const struct workload *workload);
bool generate_small64(struct workload_run *run, const struct workload *workload);
bool generate_synflood(struct workload_run *run, const struct workload *workload);
bool generate_xorhash(struct workload_run *run, const struct workload *workload);
bool generate_random_keys(struct workload_run *run, const struct workload *workload);

/* Builds, counts and writes one frame. */
void workload_emit(struct workload_run *run, const struct frame_plan *plan, uint64_t time_ns);

/* N numbers 0..FLOWS-1, each as often as COUNTS says (NULL: N / FLOWS times each), in random
 * order. NULL if there is no memory; free() it. */
uint32_t *workload_shuffle(uint64_t seed, uint32_t n, uint32_t flows, const uint32_t *counts);

/* A different unicast IPv4 address for each INDEX below 2^31. */
uint32_t workload_distinct_address(uint64_t seed, uint32_t index);

#endif
