/*
 * Exports records while its configuration changes, with the control thread and the exporter's
 * thread of the daemon.
 *
 *   change_exporter RECORDS CONFIGURATION... ; CONFIGURATION = DESTINATION... --
 *   DESTINATION = NAME,KIND,VERSION,PROFILE,TARGET
 *   KIND = udp | tcp | file | json; PROFILE = plain | nfdump; TARGET = ADDRESS@PORT or PATH
 *
 * So many records are exported by each configuration; the next one comes as soon as the last record
 * was taken off the ring. Record I of part P is a flow of one direction and one packet, from
 * 10.0.P.1 and port I to 192.0.2.1. The account of each destination goes to stdout, a JSON object a
 * line. Exit code 1 if an identity does not hold.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/exporter/record_builder.h"
#include "exporting_process_change.h"

enum { PARTS_MAX = 32, NAP_NS = 200000 };
static const uint64_t second_ns = 1000000000u;

static struct exporting_process *process;
static struct record_ring *ring;
static atomic_bool ending;

static uint64_t clock_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static void *run_exporter(void *unused)
{
    (void)unused;
    uint64_t next_ns;
    while (!atomic_load(&ending)) {
        enum exporting_status status = exporting_process_step(process, clock_ns(CLOCK_MONOTONIC),
                                                              clock_ns(CLOCK_REALTIME), &next_ns);
        if (status != EXPORTING_BUSY)
            nap();
    }
    while (!exporting_process_drain(process, clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME),
                                    &next_ns))
        nap();
    return NULL;
}

static bool read_destination(struct destination_config *d, char *text)
{
    char *words[5], *rest = text;
    for (unsigned i = 0; i < 5; i++)
        if (!(words[i] = i < 4 ? strsep(&rest, ",") : rest))
            return false;
    memset(d, 0, sizeof *d);
    snprintf(d->name, sizeof d->name, "%s", words[0]);
    d->kind = words[1][0] == 'u'   ? DESTINATION_UDP
              : words[1][0] == 't' ? DESTINATION_TCP
              : words[1][0] == 'f' ? DESTINATION_FILE
                                   : DESTINATION_JSON;
    d->version = (unsigned)atoi(words[2]);
    d->profile = words[3][0] == 'p' ? PROFILE_PLAIN : PROFILE_NFDUMP;
    d->mtu = 1400;
    d->domain = 1;
    if (!destination_has_collector(d->kind)) {
        snprintf(d->path, sizeof d->path, "%s", words[4]);
        return true;
    }
    char *at = strrchr(words[4], '@');
    if (!at)
        return false;
    *at = 0;
    snprintf(d->host, sizeof d->host, "%s", words[4]);
    d->port = (uint16_t)atoi(at + 1);
    return true;
}

/* Reads words up to the next "--" into CONFIG. Returns what follows, or NULL. */
static char **read_configuration(struct exporting_process_config *config, char **words)
{
    config->destination_count = 0;
    for (; *words && strcmp(*words, "--") != 0; words++)
        if (config->destination_count == DESTINATIONS_MAX ||
            !read_destination(&config->destinations[config->destination_count++], *words))
            return NULL;
    return *words ? words + 1 : NULL;
}

static void export_part(unsigned part, uint32_t records)
{
    uint64_t now_ns = clock_ns(CLOCK_REALTIME);
    struct flow_description flow = {.family = 4,
                                    .protocol = 17,
                                    .source = {10, 0, (uint8_t)part, 1},
                                    .destination = {192, 0, 2, 1},
                                    .destination_port = 53,
                                    .end_reason = 1,
                                    .direction = {{.packets = 1,
                                                   .octets = 100,
                                                   .first_ns = now_ns,
                                                   .last_ns = now_ns,
                                                   .ttl_min = 64,
                                                   .ttl_max = 64,
                                                   .port = 0xffff}}};
    for (uint32_t i = 0; i < records; i++) {
        flow.source_port = (uint16_t)i;
        while (record_push(ring, &flow) != 0)
            sched_yield();
    }
    while (record_ring_used_lines(ring))
        sched_yield();
}

static bool change_to(const struct exporting_process_config *config)
{
    struct error error = {""};
    struct exporting_process_change *change;
    for (unsigned tries = 0; tries < 300; tries++) {
        change = exporting_process_prepare_change(process, config, &error);
        if (change || !strstr(error.text, "try again"))
            break;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    if (!change) {
        fprintf(stderr, "change_exporter: %s\n", error.text);
        return false;
    }
    exporting_process_submit_change(process, change);
    while (!exporting_process_change_taken(process))
        sched_yield();
    return true;
}

/* Prints the account; false if it is not balanced. */
static bool report(void)
{
    static struct exporter_counters c;
    bool good = true;
    exporting_process_counters(process, &c);
    for (uint32_t i = 0; i < c.destination_count; i++) {
        const struct destination_counters *d = &c.destination[i];
        uint64_t lost = 0;
        for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
            lost += d->lost[reason];
        printf("{\"name\":\"%s\",\"removed\":%s,\"records\":%" PRIu64 ",\"sent\":%" PRIu64
               ",\"lost\":%" PRIu64 "}\n",
               c.place[i].name, c.place[i].removed ? "true" : "false", d->records, d->sent, lost);
        good &= d->records == d->sent + d->queued + d->spooled + lost;
    }
    return good && c.misplaced == 0;
}

int main(int argc, char **argv)
{
    static struct exporting_process_config config = {.template_refresh_s = 60,
                                                     .template_refresh_messages = 4096,
                                                     .sampling_interval = 1,
                                                     .queue_octets_max = 16u << 20};
    struct error error = {""};
    pthread_t exporter;
    char **words = argc > 2 ? read_configuration(&config, argv + 2) : NULL;
    ring = record_ring_create(1 << 14, &error);
    process = words && ring ? exporting_process_create(&config, &ring, 1, &error) : NULL;
    if (!process || pthread_create(&exporter, NULL, run_exporter, NULL) != 0) {
        fprintf(stderr, "change_exporter: cannot start: %s\n", error.text);
        return 2;
    }
    bool good = true;
    uint32_t records = (uint32_t)atoi(argv[1]);
    for (unsigned part = 0; good && part < PARTS_MAX; part++) {
        export_part(part, records);
        if (!*words)
            break;
        words = read_configuration(&config, words);
        good = words && change_to(&config);
    }
    atomic_store(&ending, true);
    pthread_join(exporter, NULL);
    good &= report();
    for (const char *line; (line = exporting_process_next_problem(process)) != NULL;)
        fprintf(stderr, "%s\n", line);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    return good ? 0 : 1;
}
