/*
 * Flow records for the benchmarks of the ring and of encoding: TCP and UDP flows with counters and
 * times that vary with their number. Called by the bench_* programs, one thread.
 */
#ifndef SPANFLOW_PERF_BENCH_RECORDS_H
#define SPANFLOW_PERF_BENCH_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow_record.h"

/* Writes the lines of record NUMBER to AT; both directions if BIFLOW. Returns how many lines. */
unsigned bench_record(uint8_t *at, uint32_t number, uint32_t family, bool biflow);

/* The times between which all records lie, since 1970. */
static const uint64_t bench_records_start_ns = 1700000000ull * 1000000000u;
static const uint64_t bench_records_end_ns = 1700000100ull * 1000000000u;

#endif
