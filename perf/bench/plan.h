/*
 * How the tables are filled before a measurement, and a consumer of the record ring that adds up
 * what the records say and discards them. Called by the bench_* programs, one thread.
 */
#ifndef SPANFLOW_PERF_BENCH_PLAN_H
#define SPANFLOW_PERF_BENCH_PLAN_H

#include <stdint.h>

#include "flow/flow_cache.h"
#include "flow/record_ring.h"
#include "parse/parse.h"
#include "perf/bench/measure.h"
#include "worker/worker.h"

/* Virtual time of a batch of 64 packets: 20 million packets a second. */
enum { BATCH_STEP_NS = 3200 };
static const uint32_t bench_ring_lines = 1u << 14;

/* With new flows there is room for a quarter more than the active ones, and it is full; if every
 * packet is a new flow the table holds the last ones. */
uint32_t plan_flows_max(const struct bench_case *it);
void plan_cache(const struct bench_case *it, struct flow_cache_config *config);
void plan_parser(const struct bench_case *it, struct parser_config *config);

/* The steps before the measurement: direction, packets, time step of a batch. False at the end.
 * The flows start evenly over the idle timeout, so that the sweep finds as much to look at as
 * ever; then the active ones are answered once. */
struct plan_step {
    bool reverse;
    uint64_t packets;
    uint64_t batch_step_ns;
};
bool plan_step(const struct bench_case *it, unsigned number, struct plan_step *step);

/* Takes all records off RING and adds what they hold to SUM. */
void plan_discard(struct record_ring *ring, struct ledger_pair *sum);

/* Whether ACCOUNT, of a worker with one source, adds up: what was observed is metered or named,
 * what was metered is in EXPORTED, the records that left it, or still cached. */
bool plan_balances(const struct worker_account *account, struct ledger_pair exported);

#endif
