/*
 * What the XDP program decides about each frame of the parser's catalogue, and what it counts, by
 * BPF_PROG_TEST_RUN: no interface is touched. Both variants of the program, pass mode on and off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "frame_case.h"
#include "packet/xdp_program.h"

#include <xdp_probe.skel.h>

enum { ETHERNET_HEADER = 14, SKIPPED = 77 };

static const struct xdp_interface interface = {
    .name = "test0", .ifindex = 1, .address = {2, 0, 0, 0, 0, 9}};

static struct xdp_attachment load(bool pass_host)
{
    const struct source_xdp_options options = {.pass_host = pass_host};
    struct xdp_attachment program;
    struct error error = {""};
    if (!xdp_program_load(&program, &interface, &options, &error))
        fail_msg("%s", error.text);
    return program;
}

/* What PROGRAM says of LENGTH octets of DATA that came by queue 0. */
static uint32_t decide(const struct bpf_program *program, const uint8_t *data, uint32_t length)
{
    struct xdp_md context = {.data_end = length};
    uint8_t out[FRAME_MAX];
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = length, .data_out = out,
                .data_size_out = sizeof out, .ctx_in = &context, .ctx_size_in = sizeof context,
                .repeat = 1);
    int failed = bpf_prog_test_run_opts(bpf_program__fd(program), &run);
    if (failed)
        fail_msg("test run of %u octets: %s", length, strerror(-failed));
    assert_int_equal(run.data_size_out, length);
    assert_memory_equal(out, data, length); /* never changed */
    return run.retval;
}

static bool is_for_host(const uint8_t *data)
{
    return data[0] & 1 || memcmp(data, interface.address, 6) == 0;
}

struct totals {
    struct ledger_pair verdicts[VERDICT_COUNT];
};

static void expect_totals(const struct xdp_attachment *program, const struct totals *want)
{
    struct ledger_pair got[VERDICT_COUNT];
    assert_true(xdp_program_verdicts(program, got));
    assert_memory_equal(got, want->verdicts, sizeof got);
}

static void add(struct totals *totals, enum probe_verdict verdict, uint32_t octets)
{
    totals->verdicts[verdict].packets++;
    totals->verdicts[verdict].octets += octets;
}

/* Every frame of the catalogue as it is, to the interface, and to a group. */
static void run_catalogue(const struct xdp_attachment *program, const struct bpf_program *variant,
                          bool pass_host, bool has_socket, struct totals *totals)
{
    for (unsigned list = 0; frame_cases[list]; list++)
        for (const struct frame_case *c = frame_cases[list]; c->name; c++)
            for (unsigned form = 0; form < 3; form++) {
                struct frame frame = {.length = 0};
                c->build(&frame);
                if (frame.link != LINK_ETHERNET || frame.length < ETHERNET_HEADER)
                    continue;
                if (form == 1)
                    memcpy(frame.data, interface.address, 6);
                frame.data[0] = form == 2 ? frame.data[0] | 1 : frame.data[0] & 0xfe;
                bool host = pass_host && is_for_host(frame.data);
                uint32_t want = host ? XDP_PASS : has_socket ? XDP_REDIRECT : XDP_ABORTED;
                uint32_t got = decide(variant, frame.data, frame.length);
                if (got != want)
                    fail_msg("%s, form %u: %u, want %u", c->name, form, got, want);
                add(totals,
                    host         ? VERDICT_PASSED
                    : has_socket ? VERDICT_DELIVERED
                                 : VERDICT_ABORTED,
                    frame.length);
            }
    expect_totals(program, totals);
}

static void catalogue(bool pass_host)
{
    struct xdp_attachment program = load(pass_host);
    const struct bpf_program *variants[] = {program.skeleton->progs.xdp_probe,
                                            program.skeleton->progs.xdp_probe_whole};
    struct totals totals = {.verdicts = {{0, 0}}};
    int receiver = socket(AF_XDP, SOCK_RAW, 0);
    assert_true(receiver >= 0);
    xdp_program_enable(&program);
    for (unsigned v = 0; v < 2; v++) {
        run_catalogue(&program, variants[v], pass_host, false, &totals);
        assert_true(xdp_program_give_socket(&program, 0, receiver));
        run_catalogue(&program, variants[v], pass_host, true, &totals);
        __u32 queue = 0;
        assert_int_equal(bpf_map_delete_elem(bpf_map__fd(program.skeleton->maps.sockets), &queue),
                         0);
    }
    assert_true(totals.verdicts[VERDICT_DELIVERED].packets > 100);
    assert_int_equal(totals.verdicts[VERDICT_PASSED].packets != 0, pass_host);
    close(receiver);
    xdp_program_close(&program);
}

static void every_frame_is_delivered(void **state)
{
    (void)state;
    catalogue(false);
}

static void pass_mode_leaves_the_host_its_own(void **state)
{
    (void)state;
    catalogue(true);
}

static void a_changed_address_counts_at_once(void **state)
{
    (void)state;
    struct xdp_attachment program = load(true);
    uint8_t frame[60] = {2, 0, 0, 0, 0, 9};
    xdp_program_enable(&program);
    assert_int_equal(decide(program.skeleton->progs.xdp_probe, frame, sizeof frame), XDP_PASS);
    for (unsigned i = 0; i < 6; i++) { /* each octet is compared */
        uint8_t other[6];
        memcpy(other, interface.address, 6);
        other[i] ^= 2;
        xdp_program_set_host(&program, other);
        assert_int_equal(decide(program.skeleton->progs.xdp_probe, frame, sizeof frame),
                         XDP_ABORTED);
        memcpy(frame, other, 6);
        assert_int_equal(decide(program.skeleton->progs.xdp_probe, frame, sizeof frame), XDP_PASS);
        memcpy(frame, interface.address, 6);
    }
    xdp_program_close(&program);
}

static void nothing_is_counted_before_it_is_enabled(void **state)
{
    (void)state;
    struct xdp_attachment program = load(false);
    const struct totals none = {.verdicts = {{0, 0}}};
    uint8_t frame[60] = {0};
    assert_int_equal(decide(program.skeleton->progs.xdp_probe, frame, sizeof frame), XDP_PASS);
    expect_totals(&program, &none);
    assert_true(xdp_settle_wait(&program.settle));
    xdp_program_close(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_delivered),
        cmocka_unit_test(pass_mode_leaves_the_host_its_own),
        cmocka_unit_test(a_changed_address_counts_at_once),
        cmocka_unit_test(nothing_is_counted_before_it_is_enabled),
    };
    const struct source_xdp_options options = {.pass_host = false};
    struct xdp_attachment program;
    struct error error = {""};
    bool possible = xdp_program_load(&program, &interface, &options, &error);
    xdp_program_close(&program);
    if (!possible) {
        printf("skipped: %s\n", error.text);
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
