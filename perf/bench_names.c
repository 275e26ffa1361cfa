/*
 * bench_names: what it costs to read the ClientHello of one flow of TLS, DTLS or QUIC for its
 * names; beside a plain automaton over the same octets. A row for each kind of hello and set of
 * names; packets: how many the hello takes. One thread, each hello of a flow of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "app/name_quic.h"
#include "app/name_tls.h"
#include "hello_builder.h"
#include "initial_builder.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"

enum {
    PACKETS_MAX = 3,
    PLACES = 1024,
    SEGMENT = 1380,
    PADDED = 1162,
    LONG = 1400, /* what the key share of a post-quantum group adds */
    EVERYTHING = 1u << NAME_TLS_SERVER_NAME | 1u << NAME_TLS_ALPN | 1u << NAME_TLS_JA4,
    SERVER_NAME = 1u << NAME_TLS_SERVER_NAME
};

/* The packets of one flow. */
struct greeting {
    uint32_t count, octets[PACKETS_MAX], at[PACKETS_MAX];
    uint8_t data[PACKETS_MAX][2048];
};

static uint8_t message[HELLO_ROOM];

static struct hello_parts hello_of(uint32_t filling)
{
    struct hello_parts parts = hello_example;
    parts.filling = filling;
    return parts;
}

/* Cuts the octets of a TLS connection into segments. */
static void cut(struct greeting *greeting, uint32_t octets)
{
    for (uint32_t at = 0; at < octets; at += SEGMENT) {
        uint32_t part = octets - at < SEGMENT ? octets - at : SEGMENT;
        greeting->at[greeting->count] = at;
        greeting->octets[greeting->count] = part;
        memcpy(greeting->data[greeting->count++], message + at, part);
    }
}

static void greet_tls(struct greeting *greeting)
{
    const struct hello_parts parts = hello_of(200);
    cut(greeting, hello_record(&parts, message));
}

static void greet_tls_long(struct greeting *greeting)
{
    const struct hello_parts parts = hello_of(LONG);
    cut(greeting, hello_record(&parts, message));
}

/* Beginning like a hello and then none. */
static void greet_nonsense(struct greeting *greeting)
{
    const struct hello_parts parts = hello_of(200);
    uint32_t octets = hello_record(&parts, message);
    memset(message + 9 + 34, 0xff, octets - 9 - 34);
    cut(greeting, octets);
}

/* As many cipher suites as fit: the most work that one segment can ask for. */
static void greet_hostile(struct greeting *greeting)
{
    static uint16_t ciphers[560];
    struct hello_parts parts = hello_of(0);
    for (uint32_t i = 0; i + 1 < sizeof ciphers / sizeof ciphers[0]; i++)
        ciphers[i] = (uint16_t)(0x0101 + i * 40503u % 0xf000);
    parts.ciphers = ciphers;
    cut(greeting, hello_record(&parts, message));
}

/* Octets [FROM, TO) of the message in a datagram, in pieces of PIECE octets. */
static void protect(struct greeting *greeting, uint32_t version, uint32_t from, uint32_t to,
                    uint32_t piece)
{
    static const uint8_t id[] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t frames[2048];
    uint32_t octets = 0;
    for (uint32_t at = from; at < to; at += piece)
        octets +=
            crypto_frame(frames + octets, at, message + at, to - at < piece ? to - at : piece);
    const struct initial_parts parts = {.version = version,
                                        .id = id,
                                        .id_octets = sizeof id,
                                        .number = greeting->count,
                                        .number_octets = 1,
                                        .frames = frames,
                                        .frame_octets = octets,
                                        .padded = PADDED};
    greeting->octets[greeting->count] = initial_packet(&parts, greeting->data[greeting->count]);
    greeting->count++;
}

static void greet_quic(struct greeting *greeting)
{
    protect(greeting, 1, 0, hello_message(&hello_example, message), 2048);
}

static void greet_quic_scattered(struct greeting *greeting)
{
    protect(greeting, 1, 0, hello_message(&hello_example, message), 16);
}

static void greet_quic_long(struct greeting *greeting)
{
    const struct hello_parts parts = hello_of(LONG);
    uint32_t octets = hello_message(&parts, message);
    protect(greeting, 1, 0, 1100, 2048);
    protect(greeting, 1, 1100, octets, 2048);
}

/* An Initial packet whose protection does not open. */
static void greet_sealed(struct greeting *greeting)
{
    greet_quic(greeting);
    greeting->data[0][600] ^= 1;
}

static const struct greeting_case {
    const char *kind;
    bool tcp;
    uint32_t wanted;
    bool told; /* the hello is found */
    void (*greet)(struct greeting *greeting);
} cases[] = {
    {"tls", true, EVERYTHING, true, greet_tls},
    {"tls, server name alone", true, SERVER_NAME, true, greet_tls},
    {"tls, long", true, EVERYTHING, true, greet_tls_long},
    {"tls, none", true, EVERYTHING, false, greet_nonsense},
    {"tls, hostile", true, EVERYTHING, true, greet_hostile},
    {"quic", false, EVERYTHING, true, greet_quic},
    {"quic, server name alone", false, SERVER_NAME, true, greet_quic},
    {"quic, scattered", false, EVERYTHING, true, greet_quic_scattered},
    {"quic, long", false, EVERYTHING, true, greet_quic_long},
    {"quic, sealed", false, EVERYTHING, false, greet_sealed},
};

static uint64_t told;

static void note(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    (void)sink;
    (void)text;
    told += type == NAME_TLS_SERVER_NAME && octets > 0;
}

static double limit_round(const struct greeting *greeting, uint64_t hellos)
{
    double cycles = 0;
    for (uint32_t i = 0; i < greeting->count; i++)
        cycles += limit_automaton(greeting->data[i], greeting->octets[i], hellos);
    return cycles;
}

/* Cycles per hello. */
static double read_round(const struct greeting_case *it, const struct greeting *greeting,
                         struct name_state *state, uint64_t hellos)
{
    struct name_sink sink = {.wanted = it->wanted, .found = note};
    uint64_t start = bench_cycles();
    for (uint64_t n = 0; n < hellos; n++) {
        state->flow_id++;
        for (uint32_t i = 0; i < greeting->count; i++) {
            const struct application_packet packet = {.data = greeting->data[i],
                                                      .length = greeting->octets[i],
                                                      .whole_length = greeting->octets[i],
                                                      .tcp_sequence = greeting->at[i],
                                                      .tcp = it->tcp,
                                                      .from_client = true};
            if (it->tcp)
                name_tls(&packet, &sink, state);
            else
                name_quic(&packet, &sink, state);
        }
    }
    return (double)(bench_cycles() - start) / (double)hellos;
}

static void run_case(const struct bench_options *options, const struct greeting_case *it)
{
    static struct greeting greeting;
    struct error error = {""};
    struct name_state state = {.workspace = name_workspace_create(PLACES, &error)};
    struct bench_samples cycles = {0}, limit = {0}, cpu = {0};
    uint64_t hellos = options->packets / 4 + 1, read = 0;
    if (!state.workspace)
        bench_fail(error.text);
    memset(&greeting, 0, sizeof greeting);
    it->greet(&greeting);
    told = 0;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_round(&greeting, hellos));
        uint64_t start_ns = bench_cpu_ns();
        bench_add(&cycles, read_round(it, &greeting, &state, hellos));
        bench_add(&cpu, (double)(bench_cpu_ns() - start_ns) / (double)hellos);
        read += hellos;
    }
    uint32_t octets = 0;
    for (uint32_t i = 0; i < greeting.count; i++)
        octets += greeting.octets[i];
    bench_row_begin("names");
    bench_row_text("hello", it->kind);
    bench_row_number("packets", greeting.count, 0);
    bench_row_number("octets", octets, 0);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("cpu_ns_per_hello", bench_best(&cpu), 0);
    bench_row_truth("balanced", told == (it->told ? read : 0));
    bench_row_end(options);
    name_workspace_destroy(state.workspace);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_names", argc, argv);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&options, &cases[i]);
    return EXIT_SUCCESS;
}
