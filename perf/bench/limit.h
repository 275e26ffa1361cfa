/*
 * Loops that do nothing but move the memory that a stage has to move: the limits that results are
 * compared with, measured in the same run. Called by the bench_* programs, one thread.
 */
#ifndef SPANFLOW_PERF_BENCH_LIMIT_H
#define SPANFLOW_PERF_BENCH_LIMIT_H

#include <stdint.h>

#include "flow/flow_cache.h"
#include "packet/packet_source.h"
#include "perf/bench/measure.h"
#include "perf/bench/traffic.h"

/* Cycles per packet of the memory limit: for each packet one bucket line read and one hot record
 * line read and written (IPv6: its second line read), in the tables of CACHE themselves and in the
 * random ORDER, batches of 64 fetched ahead as the cache does. Changes no content. */
double limit_tables(const struct flow_cache *cache, struct traffic_order *order, bool six,
                    uint64_t packets);

/* Cycles per packet of reading the first 64 captured octets of the packets of SOURCE. */
double limit_headers(struct packet_source *source, uint64_t packets);

/* Cycles per packet of a plain automaton over its OCTETS of DATA, PACKETS times: each octet leads
 * through one table to the next state. */
double limit_automaton(const uint8_t *data, uint32_t octets, uint64_t packets);

/* Cycles per unit of copying UNIT octets COUNT times from FROM to TO, both of SPAN octets. */
double limit_copy(uint8_t *to, const uint8_t *from, uint64_t span, uint64_t unit, uint64_t count);

#endif
