/*
 * Exports a repeatable population of flow records to real destinations and prints what they hold,
 * one JSON line for each direction with packets, from the description and not from the encoder.
 *
 *   export_records COUNT SEED DESTINATION...
 *   DESTINATION = KIND,VERSION,PROFILE,BIFLOW,UNIT,MTU,RATE,TARGET
 *   KIND = udp | tcp | file | json; PROFILE = a profile, or element names with + between;
 *   BIFLOW = yes | no; UNIT = ms | us | ns; RATE = records/s, - = default;
 *   TARGET = ADDRESS@PORT or PATH
 *
 * The ledger of each destination goes to stderr. For interop tests; single thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include "../unit/exporter/record_builder.h"
#include "element/element.h"
#include "encode/text.h"
#include "exporting_process.h"

static const uint64_t start_ns = 1700000000123456789u;

static int fail(const char *what, const char *detail)
{
    fprintf(stderr, "export_records: %s %s\n", what, detail);
    return 2;
}

static const char *const profile_names[] = {"plain", "nfdump", "silk", "fluentd-v9", "v5", "full"};

/* A profile's name, or element names with + between. */
static int parse_profile(struct destination_config *d, char *text)
{
    for (unsigned i = 0; i < sizeof profile_names / sizeof profile_names[0]; i++)
        if (strcmp(profile_names[i], text) == 0) {
            d->profile = (enum export_profile)i;
            return 0;
        }
    d->profile = PROFILE_ELEMENTS;
    for (char *name = strsep(&text, "+"); name; name = strsep(&text, "+")) {
        enum element element = element_find(name);
        if (element == ELEMENT_COUNT || d->element_count == EXPORT_ELEMENTS_MAX)
            return -1;
        d->elements[d->element_count++] = (uint16_t)element;
    }
    return 0;
}

static int parse_destination(struct destination_config *d, char *text, unsigned index)
{
    char *words[8], *rest = text;
    for (unsigned i = 0; i < 8; i++) {
        words[i] = i < 7 ? strsep(&rest, ",") : rest;
        if (!words[i])
            return -1;
    }
    snprintf(d->name, sizeof d->name, "%s%u", words[0], index);
    d->kind = words[0][0] == 'u'   ? DESTINATION_UDP
              : words[0][0] == 't' ? DESTINATION_TCP
              : words[0][0] == 'f' ? DESTINATION_FILE
                                   : DESTINATION_JSON;
    d->version = (unsigned)atoi(words[1]);
    if (parse_profile(d, words[2]) != 0)
        return -1;
    d->scale = getenv("EXPORT_RECORDS_SCALE") != NULL;
    d->biflow = words[3][0] == 'y';
    d->time_unit = words[4][0] == 'm'   ? TIME_MILLISECONDS
                   : words[4][0] == 'u' ? TIME_MICROSECONDS
                                        : TIME_NANOSECONDS;
    d->mtu = (uint32_t)atoi(words[5]);
    d->rate_set = words[6][0] != '-';
    d->rate = d->rate_set ? strtoull(words[6], NULL, 10) : 0;
    d->domain = 1;
    if (!destination_has_collector(d->kind)) {
        snprintf(d->path, sizeof d->path, "%s", words[7]);
        return 0;
    }
    char *at = strrchr(words[7], '@');
    if (!at)
        return -1;
    *at = 0;
    snprintf(d->host, sizeof d->host, "%s", words[7]);
    d->port = (uint16_t)atoi(at + 1);
    return 0;
}

static void print_address(const uint8_t *address, unsigned family)
{
    char text[TEXT_IPV6_MAX + 1];
    inet_ntop(family == 6 ? AF_INET6 : AF_INET, address, text, sizeof text);
    printf("\"%s\",", text);
}

static void print_direction(const struct flow_description *f, unsigned turn)
{
    const struct flow_direction *d = &f->direction[turn];
    if (!d->packets)
        return;
    printf("{\"family\":%u,\"source\":", f->family);
    print_address(turn ? f->destination : f->source, f->family);
    printf("\"destination\":");
    print_address(turn ? f->source : f->destination, f->family);
    printf("\"sport\":%u,\"dport\":%u,\"protocol\":%u,",
           turn ? f->destination_port : f->source_port, turn ? f->source_port : f->destination_port,
           f->protocol);
    printf("\"packets\":%llu,\"octets\":%llu,\"flags\":%u,\"tos\":%u,",
           (unsigned long long)d->packets, (unsigned long long)d->octets, d->tcp_flags & 0xffu,
           d->tos);
    printf("\"first_ns\":%llu,\"last_ns\":%llu,\"port\":%u,\"egress\":%u,",
           (unsigned long long)d->first_ns, (unsigned long long)d->last_ns, d->port, d->egress);
    printf("\"initial_flags\":%u,\"later_flags\":%u,\"continued\":%u,\"flow_id\":%llu,",
           d->initial_flags, (d->tcp_flags & 0xffu) & ~(unsigned)d->initial_only, f->continued,
           (unsigned long long)f->flow_id);
    printf("\"ttl_min\":%u,\"ttl_max\":%u,\"reason\":%u,\"vlans\":[%u,%u],", d->ttl_min, d->ttl_max,
           f->end_reason, f->vlan_outer, f->vlan_inner);
    char mac[2][18] = {{0}};
    text_hex(mac[0], turn ? f->destination_mac : f->source_mac, 6, ':');
    text_hex(mac[1], turn ? f->source_mac : f->destination_mac, 6, ':');
    printf("\"macs\":[\"%s\",\"%s\"],\"labels\":[", mac[0], mac[1]);
    for (unsigned i = 0; i < 3; i++)
        printf("%s%u", i ? "," : "",
               i < d->label_count
                   ? (unsigned)(d->labels[i][0] << 16 | d->labels[i][1] << 8 | d->labels[i][2])
                   : 0u);
    printf("],\"turn\":%u,\"initiator_seen\":%u,\"answered\":%s}\n", turn, f->initiator_seen,
           f->direction[turn ^ 1u].packets ? "true" : "false");
}

static uint64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void nap_until(uint64_t next_ns)
{
    uint64_t now_ns = monotonic();
    if (next_ns <= now_ns)
        return;
    uint64_t pause_ns = next_ns - now_ns < 1000000u ? next_ns - now_ns : 1000000u;
    nanosleep(&(struct timespec){.tv_nsec = (long)pause_ns}, NULL);
}

static void report(const struct exporting_process *process)
{
    static struct exporter_counters c;
    exporting_process_counters(process, &c);
    for (uint32_t i = 0; i < c.destination_count; i++) {
        const struct destination_counters *d = &c.destination[i];
        uint64_t lost = 0;
        for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
            lost += d->lost[reason];
        fprintf(stderr, "%u records %llu sent %llu queued %llu lost %llu data %llu messages %llu\n",
                i, (unsigned long long)d->records, (unsigned long long)d->sent,
                (unsigned long long)d->queued, (unsigned long long)lost,
                (unsigned long long)d->data_records, (unsigned long long)d->messages);
    }
    if (exporting_process_problem(process)[0])
        fprintf(stderr, "%s\n", exporting_process_problem(process));
}

/* Feeds the ring and steps the process until everything is out. */
static void run(struct exporting_process *process, struct record_ring *ring, uint64_t count,
                uint64_t seed)
{
    uint64_t next_ns = 0, export_ns = start_ns;
    for (uint64_t i = 0; i < count; i++) {
        struct flow_description flow;
        record_describe(&flow, seed * 1000003u + i, start_ns);
        for (unsigned turn = 0; turn < 2; turn++) {
            print_direction(&flow, turn);
            if (flow.direction[turn].last_ns > export_ns)
                export_ns = flow.direction[turn].last_ns;
        }
        while (record_push(ring, &flow) != 0) {
            if (exporting_process_step(process, monotonic(), export_ns, &next_ns) != EXPORTING_BUSY)
                nap_until(next_ns);
        }
    }
    while (!exporting_process_drain(process, monotonic(), export_ns, &next_ns))
        nap_until(next_ns);
}

int main(int argc, char **argv)
{
    static struct exporting_process_config config = {
        .interface_count = 3,
        .interfaces = {{7, 9, "tap0-A"}, {9, 7, "tap0-B"}, {65535, 0, "span of the core switch"}},
        .template_refresh_s = 60,
        .template_refresh_messages = 4096,
        .statistics_interval_s = 60,
        .sampling_interval = 1,
        .offline = true,
        .vlan_is_key = true,
        .queue_octets_max = 16u << 20};
    if (argc < 4)
        return fail("usage:", "export_records COUNT SEED DESTINATION...");
    const char *sampling = getenv("EXPORT_RECORDS_SAMPLING");
    config.sampling_interval = sampling ? (uint32_t)atoi(sampling) : 1;
    for (int i = 3; i < argc; i++) {
        struct destination_config *d = &config.destinations[config.destination_count];
        if (config.destination_count == DESTINATIONS_MAX ||
            parse_destination(d, argv[i], config.destination_count) != 0)
            return fail("cannot read destination", argv[i]);
        config.destination_count++;
    }
    struct error error;
    struct record_ring *ring = record_ring_create(1 << 16, &error);
    if (!ring)
        return fail("no ring:", error.text);
    struct exporting_process *process = exporting_process_create(&config, &ring, 1, &error);
    if (!process)
        return fail("cannot start:", error.text);
    exporting_process_tell_metering(process, &(struct metering_counts){.start_ns = start_ns}, 0);
    run(process, ring, strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    report(process);
    int status = exporting_process_failed(process);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    return status;
}
