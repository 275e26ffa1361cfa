/*
 * The transport of the tests and a few common preparations. See fake_transport.h.
 */
#include "fake_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record_builder.h"

struct fake_transport *fake_transport_new(void)
{
    struct fake_transport *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->take = UINT64_MAX;
    return fake;
}

static enum transport_status fake_send(void *state, const struct iovec *messages, uint32_t count,
                                       uint32_t *sent, struct error *error)
{
    struct fake_transport *fake = state;
    fake->sends++;
    for (*sent = 0; *sent < count; (*sent)++) {
        const struct iovec *message = &messages[*sent];
        if (fake->take == 0) {
            error_set(error, "the fake transport was told to fail");
            return fake->answer;
        }
        fake->take--;
        uint32_t at = fake->offsets[fake->message_count];
        assert_true(fake->message_count < FAKE_MESSAGES_MAX);
        assert_true(at + message->iov_len <= FAKE_OCTETS_MAX);
        memcpy(fake->octets + at, message->iov_base, message->iov_len);
        fake->times_ns[fake->message_count] = fake->now_ns;
        fake->offsets[++fake->message_count] = at + (uint32_t)message->iov_len;
    }
    return TRANSPORT_DONE;
}

static int fake_complete(void *state, struct error *error)
{
    (void)error;
    ((struct fake_transport *)state)->completed = true;
    return 0;
}

static void fake_close(void *state)
{
    ((struct fake_transport *)state)->closed = true;
}

static void fake_step(void *state, uint64_t monotonic_ns, bool hurry,
                      struct transport_session *session)
{
    struct fake_transport *fake = state;
    (void)hurry;
    fake->steps++;
    *session = fake->session;
    session->next_ns = monotonic_ns + 1000000;
    fake->session.confirmed = fake->session.vanished = 0;
    fake->session.line = NULL;
}

struct transport fake_transport_as(struct fake_transport *fake)
{
    static const struct transport_ops with_sessions = {
        .send = fake_send, .complete = fake_complete, .close = fake_close, .step = fake_step};
    static const struct transport_ops with_confirmations = {.send = fake_send,
                                                            .complete = fake_complete,
                                                            .close = fake_close,
                                                            .step = fake_step,
                                                            .confirms = true};
    if (fake->with_sessions)
        return (struct transport){fake->confirms ? &with_confirmations : &with_sessions, fake};
    static const struct transport_ops ops = {
        .send = fake_send, .complete = fake_complete, .close = fake_close};
    return (struct transport){&ops, fake};
}

const uint8_t *fake_message(const struct fake_transport *fake, uint32_t i, uint32_t *octets)
{
    assert_true(i < fake->message_count);
    *octets = fake->offsets[i + 1] - fake->offsets[i];
    return fake->octets + fake->offsets[i];
}

uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

void fake_config(struct exporting_process_config *config)
{
    memset(config, 0, sizeof *config);
    config->destination_count = 1;
    struct destination_config *d = &config->destinations[0];
    snprintf(d->name, sizeof d->name, "collector");
    snprintf(d->host, sizeof d->host, "127.0.0.1");
    d->kind = DESTINATION_UDP;
    d->port = 9;
    d->version = 10;
    d->domain = 1;
    d->mtu = 1400;
    d->rate_set = true; /* unpaced */
    config->sampling_interval = 1;
    config->offline = true;
    config->queue_octets_max = 1 << 20;
}

struct exporting_process *fake_process(const struct exporting_process_config *config,
                                       struct record_ring *const rings[], uint32_t ring_count,
                                       struct fake_transport *fake)
{
    struct error error = {""};
    struct exporting_process *process = exporting_process_create(config, rings, ring_count, &error);
    if (!process)
        print_error("%s\n", error.text);
    assert_non_null(process);
    if (fake)
        exporting_process_set_transport(process, 0, fake_transport_as(fake));
    return process;
}

struct record_ring *fake_ring(uint32_t lines)
{
    struct error error = {""};
    struct record_ring *ring = record_ring_create(lines, &error);
    assert_non_null(ring);
    return ring;
}

void describe_simple(struct flow_description *flow)
{
    const uint64_t second_ns = 1000000000u;
    *flow =
        (struct flow_description){.family = 4,
                                  .protocol = 6,
                                  .source = {192, 0, 2, 1},
                                  .destination = {10, 0, 0, 9},
                                  .source_port = 40000,
                                  .destination_port = 443,
                                  .end_reason = 3,
                                  .initiator_seen = 1,
                                  .direction = {{.packets = 3,
                                                 .octets = 300,
                                                 .first_ns = SIMPLE_SECOND * second_ns + 824999999,
                                                 .last_ns = SIMPLE_SECOND * second_ns + 900000000,
                                                 .tcp_flags = 0x11b,
                                                 .tos = 0xb8,
                                                 .ttl_min = 63,
                                                 .ttl_max = 64,
                                                 .port = 0xffff},
                                                {.packets = 2,
                                                 .octets = 5000000000,
                                                 .first_ns = SIMPLE_SECOND * second_ns + 830000000,
                                                 .last_ns = SIMPLE_SECOND * second_ns + 1000000001,
                                                 .tcp_flags = 0x12,
                                                 .ttl_min = 50,
                                                 .ttl_max = 50,
                                                 .port = 0xffff}}};
}

int fake_bench_set_up(void **state)
{
    struct fake_bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->fake = fake_transport_new();
    bench->ring = fake_ring(1 << 13);
    *state = bench;
    return 0;
}

int fake_bench_tear_down(void **state)
{
    struct fake_bench *bench = *state;
    exporting_process_destroy(bench->process);
    if (bench->process)
        assert_true(bench->fake->closed);
    record_ring_destroy(bench->ring);
    free(bench->fake);
    free(bench);
    return 0;
}

void fake_bench_start(struct fake_bench *bench)
{
    bench->process = fake_process(&bench->config, &bench->ring, 1, bench->fake);
}

uint32_t fake_bench_push(struct fake_bench *bench, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    uint32_t done = 0;
    while (done < count && record_push(bench->ring, &flow) == 0)
        done++;
    bench->pushed += done;
    return done;
}

struct destination_counters fake_account(const struct exporting_process *process)
{
    static struct exporter_counters counters;
    exporting_process_counters(process, &counters);
    const struct destination_counters *d = &counters.destination[0];
    uint64_t sum = d->sent + d->queued + d->spooled;
    for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
        sum += d->lost[reason];
    assert_int_equal(d->records, sum);
    assert_int_equal(d->recovered, d->recovered_sent + d->recovered_queued + d->recovered_spooled +
                                       d->recovered_lost);
    return *d;
}

struct destination_counters fake_bench_account(const struct fake_bench *bench)
{
    return fake_account(bench->process);
}
