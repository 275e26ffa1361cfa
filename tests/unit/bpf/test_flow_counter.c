/*
 * The XDP program in the running kernel (BPF_PROG_TEST_RUN), flow counting on: the verifier takes
 * it with every combination of features, and for every frame of the catalogue it counts what the
 * probe's parser says, in the slot of the flow, or delivers. Needs root; skipped where the kernel
 * does not let us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frame_case.h"
#include "packet/xdp_counter.h"

#include "bpf/probe_maps.h"

#include <xdp_probe.skel.h>

enum { SLOTS = 4096, ETHERNET_MIN = 14 };

struct rig {
    struct xdp_counter *counter;
    struct kernel_table *table;
    struct xdp_probe *skeleton;
    struct parser *parser;
    uint32_t counted;
};

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static void skip_if_not_allowed(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "may_we", 4, 8, 1, &options);
    if (map < 0) {
        print_message("skipped: no BPF maps: %s\n", strerror(errno));
        skip();
    }
    close(map);
}

static struct xdp_probe *load(const struct xdp_counter *counter, bool pass_host)
{
    struct xdp_probe *skeleton = xdp_probe__open();
    assert_non_null(skeleton);
    skeleton->rodata->pass_host = pass_host;
    if (counter)
        assert_true(xdp_counter_use(counter, skeleton));
    assert_int_equal(xdp_probe__load(skeleton), 0);
    return skeleton;
}

static void open_rig(struct rig *rig, uint32_t vlan_mask)
{
    struct error error = {""};
    struct flow_counter_geometry geometry = {.secret = {1, 2, 3, 4},
                                             .slots = SLOTS,
                                             .cpus = xdp_counter_cpus(),
                                             .workers = 2,
                                             .vlan_mask = vlan_mask};
    libbpf_set_print(say_nothing);
    skip_if_not_allowed();
    *rig = (struct rig){.counter = xdp_counter_create(&geometry, &error)};
    assert_string_equal(error.text, "");
    assert_non_null(rig->counter);
    rig->table = kernel_table_create(&geometry, xdp_counter_memory(rig->counter), &error);
    rig->parser = parser_create(&(struct parser_config){.vlan_in_key = vlan_mask != 0}, &error);
    assert_true(rig->table && rig->parser);
}

static void close_rig(struct rig *rig)
{
    xdp_probe__destroy(rig->skeleton);
    kernel_table_destroy(rig->table);
    xdp_counter_close(rig->counter);
    parser_destroy(rig->parser);
}

/* Takes every capability from this process but those in FEW, or gives back what it is permitted. */
static void set_capabilities(uint64_t few)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    assert_int_equal(syscall(SYS_capget, &header, sets), 0);
    for (unsigned i = 0; i < 2; i++)
        sets[i].effective = sets[i].permitted & (uint32_t)(few >> (i * 32));
    assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

/* Without CAP_PERFMON the verifier also follows what the processor may guess wrongly. */
static void test_verifier_with_few_rights(void **state)
{
    (void)state;
    for (unsigned features = 0; features < 4; features++) {
        struct rig rig;
        open_rig(&rig, 0xfff);
        set_capabilities(1ull << CAP_BPF | 1ull << CAP_NET_ADMIN);
        rig.skeleton = load(features & 1 ? rig.counter : NULL, features & 2);
        set_capabilities(UINT64_MAX);
        close_rig(&rig);
    }
}

static void test_verifier(void **state)
{
    (void)state;
    for (unsigned features = 0; features < 4; features++) {
        struct rig rig;
        open_rig(&rig, 0xfff);
        rig.skeleton = load(features & 1 ? rig.counter : NULL, features & 2);
        close_rig(&rig);
    }
}

static int run_program(const struct rig *rig, const struct frame *frame)
{
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->data, .data_size_in = frame->length,
                .repeat = 1);
    assert_int_equal(
        bpf_prog_test_run_opts(bpf_program__fd(rig->skeleton->progs.xdp_probe), &options), 0);
    return (int)options.retval;
}

/* Hands the flow of FACTS to the kernel, both sides. */
static uint32_t claim(const struct rig *rig, const struct packet_facts *facts)
{
    struct flow_counter_key key = {.family = facts->key.family};
    memcpy(key.head, &facts->key.head, sizeof key.head);
    if (key.family == 6) {
        memcpy(key.address, facts->key.address6_a, 16);
        memcpy(key.address + 2, facts->key.address6_b, 16);
    }
    return kernel_table_claim(rig->table, &key, 1, 3);
}

/* The packets that the open epoch's bank has for SLOT on all CPUs, with octets in the sum. */
struct counted {
    uint64_t packets, octets, last_ns;
    uint16_t tcp_flags;
    uint8_t ttl_min, ttl_max;
};

static struct counted counted_for(const struct rig *rig, uint32_t slot, unsigned side)
{
    struct counted sum = {.ttl_min = 255};
    const struct kernel_memory *memory = &rig->table->memory;
    for (uint32_t cpu = 0; cpu < rig->table->geometry.cpus; cpu++) {
        const struct flow_counter_line *line =
            kernel_table_counted(rig->table, cpu, memory->control->epoch, slot);
        if (!line)
            continue;
        sum.packets += kernel_side_packets(&line->side[side]);
        sum.octets += kernel_side_octets(&line->side[side]);
        sum.tcp_flags |= line->tcp_flags[side];
        assert_int_equal(line->side[1 - side].count, 0);
        sum.ttl_min = line->ttl_min[side];
        sum.ttl_max = line->ttl_max[side];
        if (line->side[side].last_ns > sum.last_ns)
            sum.last_ns = line->side[side].last_ns;
    }
    return sum;
}

/* Delivered as long as the flow is not known; counted exactly, or never, when it is. */
static void run_frame(struct rig *rig, const struct frame *frame)
{
    struct packet_batch batch = {.count = 1, .timestamp_ns = {1}};
    static struct packet_facts facts[PACKET_BATCH_MAX];
    batch.data[0] = frame->data;
    batch.captured_length[0] = frame->length;
    batch.wire_length[0] = frame->length;
    batch.link[0] = frame->link;
    bool metered = parse_batch(rig->parser, &batch, facts) & 1;
    assert_int_equal(run_program(rig, frame), XDP_ABORTED); /* delivered: but there is no socket */
    if (!metered)
        return;
    uint32_t slot = claim(rig, &facts[0]);
    assert_int_not_equal(slot, KERNEL_SLOT_NONE);
    int verdict = run_program(rig, frame);
    struct counted sum = counted_for(rig, slot, facts[0].side);
    if (verdict == XDP_DROP) {
        rig->counted++;
        assert_int_equal(sum.packets, 1);
        assert_int_equal(sum.octets, facts[0].ip_octets);
        assert_int_equal(sum.tcp_flags, facts[0].tcp_flags);
        assert_int_equal(sum.ttl_min, facts[0].ttl);
        assert_int_equal(sum.ttl_max, facts[0].ttl);
        assert_true(sum.last_ns > 0);
        assert_int_equal(facts[0].tcp_flags & 7, 0);
    } else {
        assert_int_equal(verdict, XDP_ABORTED);
        assert_int_equal(sum.packets, 0);
    }
    kernel_table_take_back(rig->table, slot);
    assert_int_equal(run_program(rig, frame), XDP_ABORTED);
    kernel_table_free(rig->table, slot);
}

static void test_catalogue(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 0xfff);
    rig.skeleton = load(rig.counter, false);
    rig.skeleton->bss->words.enabled = 1;
    for (unsigned list = 0; frame_cases[list]; list++) {
        for (const struct frame_case *entry = frame_cases[list]; entry->name; entry++) {
            struct frame frame = {0};
            entry->build(&frame);
            if (frame.link == LINK_ETHERNET && frame.length >= ETHERNET_MIN &&
                frame.wire_length == frame.length)
                run_frame(&rig, &frame);
        }
    }
    assert_true(rig.counted >= 10);
    /* Epochs: what was counted in the first is in its bank, and a later packet is in the other. */
    struct error error = {""};
    assert_true(kernel_table_turn(rig.table));
    assert_true(xdp_counter_settle(rig.counter, &error));
    kernel_table_turned(rig.table, 0);
    uint64_t metered = 0, counted = 0;
    for (uint32_t cpu = 0; cpu < rig.table->geometry.cpus; cpu++) {
        const struct flow_counter_total *total =
            &rig.table->memory.totals[flow_counter_total_index(&rig.table->geometry, cpu, 1, 1)];
        metered += total->metered_packets;
        counted += total->counted_packets;
    }
    assert_int_equal(metered, rig.counted);
    assert_int_equal(counted, rig.counted);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verifier),
                                       cmocka_unit_test(test_verifier_with_few_rights),
                                       cmocka_unit_test(test_catalogue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
