/*
 * The ledger of a worker whose known flows the kernel counts: it balances with packets in the
 * kernel, and with any one counter skipped, in the worker or in the kernel, it does not. The
 * program's own code plays the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "kernel_model.h"
#include "ledger.h"
#include "packet/source_memory.h"
#include "sim/frame_builder.h"
#include "sim/plain_record.h"
#include "worker/worker.h"
#include "worker/worker_hooks.h"

enum { FLOWS = 20, DELIVERED = 3, COUNTED = 5 };
static const uint64_t second = 1000000000;
static const uint64_t start_ns = 1700000000ull * 1000000000u;

struct rig {
    struct kernel_model model;
    struct kernel_table *table;
    struct record_ring *ring;
    struct packet_source *source;
    struct worker *worker;
    struct frame frames[FLOWS];
    struct memory_packet packets[FLOWS * DELIVERED];
    struct worker_account account;
};

static void open_rig(struct rig *rig)
{
    struct error error = {""};
    const struct flow_counter_geometry geometry = {
        .secret = {1, 2, 3, 4}, .slots = 1024, .cpus = 2, .workers = 1, .vlan_mask = 0xfff};
    const struct source_memory_options live = {.rounds = 1, .live = true};
    memset(rig, 0, sizeof *rig);
    kernel_model_open(&rig->model, &geometry);
    rig->table = kernel_table_create(&geometry, &rig->model.memory, &error);
    rig->ring = record_ring_create(1024, &error);
    for (unsigned p = 0; p < FLOWS * DELIVERED; p++) {
        unsigned flow = p % FLOWS;
        struct plain_packet packet = {.source = {10, 0, 0, (uint8_t)flow},
                                      .destination = {10, 0, 1, 1},
                                      .source_port = 5000,
                                      .destination_port = 53,
                                      .ip_octets = 128,
                                      .payload = 100,
                                      .family = 4,
                                      .protocol = 17,
                                      .ttl = 64};
        frame_build(&rig->frames[flow], &packet);
        rig->packets[p] =
            (struct memory_packet){.data = rig->frames[flow].data,
                                   .captured_length = rig->frames[flow].captured_length,
                                   .wire_length = rig->frames[flow].wire_length,
                                   .timestamp_ns = start_ns + p};
    }
    rig->source = source_memory_open(rig->packets, FLOWS * DELIVERED, &live);
    struct worker_config config = {.source_count = 1,
                                   .sources = {rig->source},
                                   .parser = {.vlan_in_key = true},
                                   .cache_count = 1,
                                   .caches = {{.flows_max = 1024,
                                               .active_timeout_ns = 60 * second,
                                               .idle_timeout_ns = 15 * second,
                                               .hash_seed = {1, 2, 3, 4},
                                               .kernel = {.table = rig->table, .packets_min = 2},
                                               .ring = rig->ring}},
                                   .sampling_interval = 1};
    rig->worker = worker_create(&config, &error);
    assert_true(rig->table && rig->ring && rig->source && rig->worker);
}

static void close_rig(struct rig *rig)
{
    worker_destroy(rig->worker);
    rig->source->ops->close(rig->source);
    record_ring_destroy(rig->ring);
    kernel_table_destroy(rig->table);
    kernel_model_close(&rig->model);
}

static void count_in_kernel(struct rig *rig)
{
    for (unsigned p = 0; p < FLOWS * COUNTED; p++) {
        const struct frame *frame = &rig->frames[p % FLOWS];
        rig->model.cpu = p % 2;
        rig->model.clock_ns = second + p;
        assert_true(
            kernel_model_run(&rig->model, frame->data, frame->captured_length, frame->wire_length));
    }
}

static void turn(struct rig *rig)
{
    assert_true(kernel_table_turn(rig->table));
    kernel_table_turned(rig->table, (int64_t)(start_ns - second));
}

/* Makes the account of the worker as at a cut: flows are in the kernel, the epoch is closed, some
 * of it is in the records. */
static void play(struct rig *rig, const void *(*fault)(struct rig *))
{
    open_rig(rig);
    ledger_fault = fault ? fault(rig) : NULL;
    source_memory_allow(rig->source, FLOWS); /* the clock is known when flows are handed over */
    worker_step(rig->worker, start_ns + second);
    source_memory_allow(rig->source, FLOWS * (DELIVERED - 1));
    worker_step(rig->worker, start_ns + second);
    count_in_kernel(rig);
    turn(rig);
    worker_account_now(rig->worker, &rig->account);
}

static bool is_balanced(struct rig *rig)
{
    static struct ledger ledger;
    static struct exporter_counters exported;
    const struct ledger_account copy = {.worker = &rig->account.ledger,
                                        .sources = rig->account.source,
                                        .source_count = 1,
                                        .cached = rig->account.cached,
                                        .in_kernel = rig->account.in_kernel,
                                        .kernel = &rig->account.kernel};
    ledger_make(&ledger, &copy, 1, &exported);
    return ledger_balanced(&ledger, NULL);
}

static void test_balanced(void **state)
{
    (void)state;
    static struct rig rig;
    play(&rig, NULL);
    assert_int_equal(rig.account.in_kernel.packets, FLOWS * COUNTED);
    assert_int_equal(rig.account.in_kernel.octets, FLOWS * COUNTED * 128);
    assert_int_equal(rig.account.cached.packets, FLOWS * (DELIVERED - 1));
    assert_int_equal(rig.account.kernel.held, FLOWS);
    assert_true(is_balanced(&rig));
    /* Once they are in the records they are no longer in the kernel. */
    worker_step(rig.worker, start_ns + second);
    worker_account_now(rig.worker, &rig.account);
    assert_int_equal(rig.account.in_kernel.packets, 0);
    assert_int_equal(rig.account.cached.packets, FLOWS * (DELIVERED - 1 + COUNTED));
    assert_true(is_balanced(&rig));
    close_rig(&rig);
}

static const void *counted(struct rig *rig)
{
    return &worker_ledger_live(rig->worker)->counted;
}

static const void *metered(struct rig *rig)
{
    return &worker_ledger_live(rig->worker)->metered;
}

static const void *metered_frame(struct rig *rig)
{
    return &worker_ledger_live(rig->worker)->metered_frame;
}

static void test_skipped_in_the_worker(void **state)
{
    (void)state;
    static struct rig rig;
    const void *(*const faults[])(struct rig *) = {counted, metered, metered_frame};
    for (unsigned f = 0; f < 3; f++) {
        play(&rig, faults[f]);
        ledger_fault = NULL;
        assert_false(is_balanced(&rig));
        close_rig(&rig);
    }
    play(&rig, NULL);
    rig.account.in_kernel = (struct ledger_pair){0, 0};
    assert_false(is_balanced(&rig));
    close_rig(&rig);
}

/* Each number that the program writes, one too few. */
static void test_skipped_in_the_kernel(void **state)
{
    (void)state;
    static struct rig rig;
    for (unsigned number = 0; number < 7; number++) {
        open_rig(&rig);
        source_memory_allow(rig.source, FLOWS);
        worker_step(rig.worker, start_ns + second);
        source_memory_allow(rig.source, FLOWS * (DELIVERED - 1));
        worker_step(rig.worker, start_ns + second);
        count_in_kernel(&rig);
        struct flow_counter_total *total =
            &rig.model.memory.totals[flow_counter_total_index(&rig.model.geometry, 0, 1, 0)];
        uint64_t *const totals[] = {
            (uint64_t *)&total->counted_packets, (uint64_t *)&total->counted_octets,
            (uint64_t *)&total->metered_packets, (uint64_t *)&total->metered_octets,
            (uint64_t *)&total->metered_frame_octets};
        if (number < 5)
            *totals[number] -= 1;
        for (uint32_t l = 0; l < rig.model.sizes.lines; l++) {
            struct flow_counter_side *side = &rig.model.memory.lines[l].side[0];
            side = side->count ? side : side + 1;
            if (number < 5 || side->count == 0)
                continue;
            side->count -= number == 5 ? (uint64_t)1 << SIDE_PACKET_BIT : 1;
            break;
        }
        turn(&rig);
        worker_account_now(rig.worker, &rig.account);
        assert_false(is_balanced(&rig));
        close_rig(&rig);
    }
}

/* Before records end all at once, at a jump of the clock or at the end, the kernel gives its flows
 * back: the worker waits for the epoch, and what was counted until then is in the records. */
static void check_end(bool stop)
{
    static struct rig rig;
    play(&rig, NULL);
    worker_step(rig.worker, start_ns + second);
    count_in_kernel(&rig);
    if (stop)
        worker_stop(rig.worker);
    else
        worker_clock_stepped(rig.worker);
    assert_int_equal(worker_step(rig.worker, start_ns + second), WORKER_HELD);
    assert_int_equal(worker_step(rig.worker, start_ns + second), WORKER_HELD);
    worker_account_now(rig.worker, &rig.account);
    assert_int_equal(rig.account.ledger.records_out, 0);
    turn(&rig);
    assert_int_equal(worker_step(rig.worker, start_ns + second), stop ? WORKER_ENDED : WORKER_BUSY);
    worker_account_now(rig.worker, &rig.account);
    assert_int_equal(rig.account.ledger.records_out, FLOWS);
    assert_int_equal(rig.account.ledger.metered.packets, FLOWS * (DELIVERED - 1 + 2 * COUNTED));
    assert_int_equal(rig.account.cached.packets + rig.account.in_kernel.packets, 0);
    assert_int_equal(rig.account.kernel.held, 0);
    struct plain_list records = {0};
    record_ring_publish(rig.ring);
    plain_list_drain(&records, rig.ring, NULL);
    assert_int_equal(plain_list_sum(&records).packets, rig.account.ledger.metered.packets);
    plain_list_free(&records);
    close_rig(&rig);
}

static void test_clock_jumps(void **state)
{
    (void)state;
    check_end(false);
}

static void test_stop(void **state)
{
    (void)state;
    check_end(true);
}

static bool count_one(struct rig *rig, uint32_t cpu)
{
    const struct frame *frame = &rig->frames[0];
    rig->model.cpu = cpu;
    return kernel_model_run(&rig->model, frame->data, frame->captured_length, frame->wire_length);
}

/* The line of the first flow that CPU writes in the open epoch; there is one after count_one(). */
static struct flow_counter_line *line_of(struct rig *rig, uint32_t cpu)
{
    uint32_t epoch = rig->model.memory.control->epoch;
    for (uint32_t slot = 0; slot < rig->model.geometry.slots; slot++) {
        struct flow_counter_line *line = kernel_table_line(rig->table, cpu, epoch, slot);
        if (line->epoch == epoch)
            return line;
    }
    return NULL;
}

/* A packet that a full line has no room for is delivered, until the next epoch. */
static void test_full_line(void **state)
{
    (void)state;
    static struct rig rig;
    play(&rig, NULL);
    worker_step(rig.worker, start_ns + second);
    assert_true(count_one(&rig, 0));
    struct flow_counter_line *line = line_of(&rig, 0);
    assert_non_null(line);
    struct flow_counter_side *side = &line->side[line->side[0].count ? 0 : 1];
    side->count += (uint64_t)(SIDE_PACKET_MAX - 2) << SIDE_PACKET_BIT;
    assert_true(count_one(&rig, 0));
    assert_int_equal(kernel_side_packets(side), SIDE_PACKET_MAX);
    assert_int_equal(kernel_side_octets(side), 2 * 128);
    assert_false(count_one(&rig, 0));
    assert_int_equal(kernel_side_packets(side), SIDE_PACKET_MAX);
    assert_true(count_one(&rig, 1)); /* each CPU has room of its own */
    turn(&rig);
    assert_true(count_one(&rig, 0));
    close_rig(&rig);
}

/* Packets that do not fit their first slot find another of the set, and nothing when the flows that
 * crowd it are gone. */
static void test_crowded_set(void **state)
{
    (void)state;
    static struct rig rig;
    struct flow_counter_key key = {.head = {1, 2}, .family = 4};
    uint32_t slots[FLOW_COUNTER_WAYS];
    uint64_t places = 0;
    open_rig(&rig);
    for (unsigned n = 0; n < FLOW_COUNTER_WAYS; n++) {
        slots[n] = kernel_table_claim(rig.table, &key, 0, 3); /* of one key: one first slot */
        assert_int_not_equal(slots[n], KERNEL_SLOT_NONE);
        assert_int_equal(slots[n] / FLOW_COUNTER_WAYS, slots[0] / FLOW_COUNTER_WAYS);
        places |= 1ull << slots[n] % FLOW_COUNTER_WAYS;
    }
    assert_int_equal(places, (1ull << FLOW_COUNTER_WAYS) - 1);
    assert_int_equal(kernel_table_claim(rig.table, &key, 0, 3), KERNEL_SLOT_NONE);
    for (uint32_t part = 0; part < 2 * FLOW_COUNTER_BANKS; part++)
        assert_int_equal(rig.model.memory.lines[part * 1024 + slots[0]].others,
                         (1 << FLOW_COUNTER_WAYS) - 2);
    for (unsigned n = 0; n < FLOW_COUNTER_WAYS; n++) {
        kernel_table_take_back(rig.table, slots[n]);
        assert_false(kernel_table_is_over(rig.table, slots[n], 0));
        assert_true(kernel_table_is_over(rig.table, slots[n], 1));
        kernel_table_free(rig.table, slots[n]);
    }
    for (uint32_t l = 0; l < rig.model.sizes.lines; l++)
        assert_true(rig.model.memory.lines[l].others == 0 && rig.model.memory.lines[l].state == 0);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_balanced),
                                       cmocka_unit_test(test_skipped_in_the_worker),
                                       cmocka_unit_test(test_skipped_in_the_kernel),
                                       cmocka_unit_test(test_clock_jumps),
                                       cmocka_unit_test(test_stop),
                                       cmocka_unit_test(test_full_line),
                                       cmocka_unit_test(test_crowded_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
