/*
 * bench_applications: what it costs to look at the payload of one packet for the application of its
 * flow, with the rules that come with the probe; beside a plain automaton over the same octets. A
 * row for each kind and length of payload, hostile ones for what was made to be expensive;
 * `labelled` is the share that a rule decided. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "app/application_scan.h"
#include "perf/bench/hostile_payload.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"

enum { FLOWS = 65536, PAYLOAD_OCTETS_MAX = 1460 };

struct payload_case {
    const char *kind;
    uint32_t octets;
    bool tcp;
    uint16_t port;
    void (*fill)(uint8_t *data, uint32_t octets); /* or what HOSTILE says */
    const struct hostile_payload *hostile;
};

static void fill_random(uint8_t *data, uint32_t octets)
{
    uint64_t state = 88172645463325252u;
    for (uint32_t i = 0; i < octets; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data[i] = (uint8_t)(state >> 32);
    }
}

static void fill_text(uint8_t *data, uint32_t octets)
{
    static const char words[] = "measured traffic of the campus network in the month of may ";
    for (uint32_t i = 0; i < octets; i++)
        data[i] = (uint8_t)words[i % (sizeof words - 1)];
}

static void fill_http(uint8_t *data, uint32_t octets)
{
    static const char head[] =
        "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\n"
        "User-Agent: bench\r\n\r\n";
    fill_text(data, octets);
    memcpy(data, head, octets < sizeof head - 1 ? octets : sizeof head - 1);
}

static void fill_tls(uint8_t *data, uint32_t octets)
{
    uint32_t record = octets - 5, message = record - 4;
    fill_random(data, octets);
    memcpy(data, "\x16\x03\x01", 3);
    data[3] = (uint8_t)(record >> 8);
    data[4] = (uint8_t)record;
    data[5] = 1;
    data[6] = 0;
    data[7] = (uint8_t)(message >> 8);
    data[8] = (uint8_t)message;
    memcpy(data + 9, "\x03\x03", 2);
}

static void fill_dns(uint8_t *data, uint32_t octets)
{
    static const uint8_t question[] = {0x12, 0x34, 1,   0,   0,   1,   0,   0,   0,   0,   0,
                                       0,    3,    'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
                                       'l',  'e',  3,   'o', 'r', 'g', 0,   0,   1,   0,   1};
    memset(data, 0, octets);
    memcpy(data, question, octets < sizeof question ? octets : sizeof question);
}

static const struct payload_case cases[] = {
    {"random", 64, true, 40000, fill_random, NULL},
    {"random", 256, true, 40000, fill_random, NULL},
    {"random", 1024, true, 40000, fill_random, NULL},
    {"random", 64, false, 40000, fill_random, NULL},
    {"random", 1024, false, 40000, fill_random, NULL},
    {"text", 256, true, 40000, fill_text, NULL},
    {"text", 1024, true, 40000, fill_text, NULL},
    {"http request", 400, true, 80, fill_http, NULL},
    {"tls hello", 517, true, 443, fill_tls, NULL},
    {"dns question", 33, false, 53, fill_dns, NULL},
};

static const struct application_limits limits = {.flows_max = FLOWS, .packets = 4, .octets = 1024};

static struct application_set *compile_rules(void)
{
    struct application_rules rules = {0};
    struct error error = {""};
    if (!application_rules_read(&rules, application_rules_shipped,
                                strlen(application_rules_shipped), "shipped rules", &error))
        bench_fail(error.text);
    struct application_set *set = application_set_create(&rules, "shipped rules", NULL, &error);
    if (!set)
        bench_fail(error.text);
    return set;
}

static void run_case(const struct bench_options *options, const struct application_set *set,
                     const struct payload_case *it)
{
    static uint8_t data[PAYLOAD_OCTETS_MAX];
    struct error error = {""};
    struct application_scanner *scanner = application_scanner_create(set, &limits, &error);
    if (!scanner)
        bench_fail(error.text);
    if (it->hostile)
        hostile_fill(it->hostile, data, it->octets);
    else
        it->fill(data, it->octets);
    const struct application_packet packet = {.data = data,
                                              .length = it->octets,
                                              .whole_length = it->octets,
                                              .source_port = 50000,
                                              .destination_port = it->port,
                                              .tcp = it->tcp,
                                              .from_client = true};
    /* Looking at one takes as long as many packets of the pipeline. */
    const uint64_t packets = options->packets / 16 + 1;
    struct bench_samples cycles = {0}, limit = {0};
    uint64_t flow = 0, scanned = 0;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_automaton(data, it->octets, packets));
        uint64_t start = bench_cycles();
        for (uint64_t i = 0; i < packets; i++) {
            flow++; /* each packet is the first of a flow of its own, in a row of its own */
            application_scan(scanner, (uint32_t)(flow * 40503u % FLOWS), flow, 0, &packet, 0);
        }
        bench_add(&cycles, (double)(bench_cycles() - start) / (double)packets);
        scanned += packets;
    }
    const struct application_counters *counters = application_counters(scanner);
    bench_row_begin("applications");
    bench_row_text("payload", it->kind);
    bench_row_text("transport", it->tcp ? "tcp" : "udp");
    bench_row_number("octets", it->octets, 0);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("ns_per_packet", bench_best(&cycles) / bench_cycles_hz() * 1e9, 0);
    bench_row_number("labelled", (double)counters->content / (double)scanned, 2);
    bench_row_truth("balanced", counters->scanned == scanned);
    bench_row_end(options);
    application_scanner_destroy(scanner);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_applications", argc, argv);
    struct application_set *set = compile_rules();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&options, set, &cases[i]);
    for (unsigned i = 0; i < HOSTILE_PAYLOADS; i++) {
        const struct hostile_payload *hostile = &hostile_payloads[i];
        run_case(&options, set,
                 &(struct payload_case){.kind = hostile->kind,
                                        .octets = limits.octets,
                                        .tcp = hostile->tcp,
                                        .port = hostile->port,
                                        .hostile = hostile});
    }
    application_set_destroy(set);
    return EXIT_SUCCESS;
}
