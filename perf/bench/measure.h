/*
 * What all benchmarks share: options, clocks, samples, rows. Rows go to standard output, as JSON
 * objects or as an aligned table. Called by the bench_* programs, one thread; owns static storage.
 */
#ifndef SPANFLOW_PERF_BENCH_MEASURE_H
#define SPANFLOW_PERF_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_LIST_MAX = 16, BENCH_CASES_MAX = 64, BENCH_SAMPLES_MAX = 64 };

enum bench_order { ORDER_UNIFORM, ORDER_ZIPF };
enum bench_feature {
    FEATURE_NONE,          /* fragment table on, VLAN not in the key, outermost header */
    FEATURE_NO_FRAGMENTS,  /* fragment table off */
    FEATURE_VLAN,          /* tagged frames, VLAN ids in the key */
    FEATURE_DECAPSULATION, /* GRE around every packet, every tunnel opened */
    FEATURE_COUNT
};

/* One point of the parameter space. */
struct bench_case {
    uint32_t size;       /* frame octets with FCS; 0 = IMIX, 7:4:1 of 64, 594 and 1518 */
    uint32_t flows;      /* active flows, a power of two */
    uint32_t new_tenths; /* share of packets that start a flow, in tenths of a percent */
    uint32_t order;      /* enum bench_order */
    uint32_t family;     /* 4 or 6 */
    uint32_t feature;    /* enum bench_feature */
    uint32_t exporter;   /* 1: the exporting process takes the records, else they are discarded */
};

struct bench_options {
    bool json;
    bool quick;       /* small tables and short rounds, for tests */
    bool listed;      /* cases are from lists on the command line, not the fixed set */
    uint32_t rounds;  /* of each measurement */
    uint64_t packets; /* or records, of one round */
    uint32_t case_count;
    struct bench_case cases[BENCH_CASES_MAX];
};

/* Values of one measurement over the rounds. */
struct bench_samples {
    uint32_t count;
    double value[BENCH_SAMPLES_MAX];
};

/* Reads the command line of the program NAME. Prints usage or a line about the error and ends the
 * program where there is nothing to run. */
void bench_start(struct bench_options *options, const char *name, int argc, char **argv);
/* Puts the COUNT cases of TABLE in the place of the fixed set, smaller with --quick; nothing if
 * lists were given. */
void bench_set_cases(struct bench_options *options, const struct bench_case *table, uint32_t count);

/* The time-stamp counter (nanoseconds where there is none), and its frequency in Hz. */
uint64_t bench_cycles(void);
double bench_cycles_hz(void);
/* Cycles of an interval inside one batch; 0 if it is so long (100 us) that the thread cannot have
 * been running all the time. */
uint64_t bench_interval(uint64_t start, uint64_t end);
/* CPU time of the calling thread, and monotonic time. */
uint64_t bench_cpu_ns(void);
uint64_t bench_wall_ns(void);

/* Adds a value; beyond BENCH_SAMPLES_MAX it is left out. */
void bench_add(struct bench_samples *samples, double value);
/* The smallest and the middle value. */
double bench_best(const struct bench_samples *samples);
double bench_median(const struct bench_samples *samples);

/* A row: begin, its columns, end. Every row ends with the load average. */
void bench_row_begin(const char *bench);
void bench_row_text(const char *key, const char *value);
void bench_row_number(const char *key, double value, int decimals);
void bench_row_truth(const char *key, bool value);
void bench_row_case(const struct bench_case *it);
/* Cycles per packet (or record), the rate that follows, and the same of the limit loop. RATE_KEY
 * is mpps or records_per_s. */
void bench_row_rate(const char *rate_key, const struct bench_samples *cycles,
                    const struct bench_samples *limit_cycles);
void bench_row_end(const struct bench_options *options);

/* Prints MESSAGE to stderr and ends the program. */
_Noreturn void bench_fail(const char *message);

#endif
