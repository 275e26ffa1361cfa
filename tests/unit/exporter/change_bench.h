/*
 * A live exporting process with destinations whose transports are fakes, and whose configuration
 * changes: common to the tests of that. The state of a cmocka test.
 */
#ifndef SPANFLOW_TESTS_CHANGE_BENCH_H
#define SPANFLOW_TESTS_CHANGE_BENCH_H

#include "exporting_process_change.h"
#include "fake_transport.h"
#include "record_builder.h"

enum { BENCH_FAKES = 6 };

struct change_bench {
    /* Of the process, or what it is to become: two destinations, "collector 0" and 1, are ready. */
    struct exporting_process_config config;
    struct fake_transport *fakes[BENCH_FAKES]; /* 0 and 1 of the start, then of what changes open */
    uint32_t fakes_used;
    uint32_t opened; /* transports that the last change opened */
    bool real;       /* changes keep the transports that they open */
    struct record_ring *ring;
    struct exporting_process *process;
    uint64_t now_ns;
    uint64_t pushed;
    struct exporter_counters account; /* of the last look */
};

/* What a reader found in the messages that a fake took. */
struct seen_stream {
    uint32_t template_messages, flows, unknown_sets, gaps, first_sequence;
};

/* Set-up and tear-down of a test. */
int change_bench_set_up(void **state);
/* The other half. */
int change_bench_tear_down(void **state);
/* Starts with the first COUNT destinations over UDP, or with sessions that confirm. */
void change_bench_start(struct change_bench *bench, uint32_t count);
void change_bench_sessions(struct change_bench *bench, uint32_t count);
/* Puts COUNT records on the ring; push also lets them be taken. */
void change_bench_fill_ring(struct change_bench *bench, uint32_t count);
void change_bench_push(struct change_bench *bench, uint32_t count);
/* Lets SECONDS pass in steps of a tenth. */
void change_bench_pass(struct change_bench *bench, unsigned seconds);
/* Changes to the bench's configuration. False if that is refused. */
bool change_bench_change(struct change_bench *bench);
/* Looks at the account, checks every identity, and returns ROW. */
struct destination_counters change_bench_row(struct change_bench *bench, uint32_t row);
/* Reads the messages of a fake as an IPFIX collector does. */
struct seen_stream change_bench_read(const struct change_bench *bench, uint32_t fake);

#endif
