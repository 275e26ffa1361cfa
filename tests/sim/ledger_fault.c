/*
 * Every counter of the ledger is needed: one scenario in which all of them count is played once as
 * it is, where the ledger must balance at every look, and once for each counter with that counter
 * switched off (LEDGER_SKIPPED), where it must not. The list of counters comes from the lists of
 * base/ledger_terms.h, so a new reason without a scenario fails here.
 *
 * The scenario: the frame catalogue of the parser through two sources, one filtered, with copies,
 * sampling and an ignored prefix; a device that loses packets; a cache of two flows over a full
 * ring; five collectors of which all but one are trouble, one of them with a full spool; an end
 * that is drained or cut short.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "exporting_process_change.h"
#include "exporting_process_hooks.h"
#include "frame_case.h"
#include "ledger.h"
#include "packet/packet_filter.h"
#include "packet/source_memory.h"
#include "sim/sim_transport.h"
#include "spool.h"
#include "worker/worker.h"
#include "worker/worker_hooks.h"

enum {
    FRAMES_MAX = 512,
    ROUNDS = 48,
    SOURCES = 2,
    LAST = 3, /* packets, so that sampling takes one */
    STEPS_MAX = 100000,
    COLLECTOR_GOOD = 0,
    COLLECTOR_FULL,
    COLLECTOR_REFUSING,
    COLLECTOR_FAILING,
    COLLECTOR_BROKEN,
    COLLECTOR_LEAVING,
    COLLECTOR_AWAY,
    COLLECTOR_REMOVED, /* in the middle; the last, so that the others keep their places */
    COLLECTORS
};
static const uint64_t second = 1000000000;
static const uint64_t start = 1700000000 * 1000000000ull;

/* ---- the counters ---- */

enum place { IN_WORKER, IN_SOURCE, IN_EXPORTER, IN_WALK };

struct term {
    char name[64];
    enum place place;
    size_t offset;
    bool never; /* nothing in the scenario counts it: it must stay 0 */
};

enum { TERMS_MAX = 128 };
static struct term terms[TERMS_MAX];
static unsigned term_count;

static void add_term(const char *group, const char *name, enum place place, size_t offset)
{
    check(term_count < TERMS_MAX);
    struct term *term = &terms[term_count++];
    snprintf(term->name, sizeof term->name, "%s %s", group, name);
    term->place = place;
    term->offset = offset;
}

static void add_worker_terms(void)
{
    const size_t pair = sizeof(struct ledger_pair);
    for (unsigned i = 0; i < FILTERED_COUNT; i++) {
        bool host = i == FILTERED_HOST; /* only a source leaves packets to the host */
        size_t offset = host ? offsetof(struct source_ledger, host)
                             : offsetof(struct worker_ledger, filtered) + i * pair;
        add_term("filtered", ledger_filtered_names[i], host ? IN_SOURCE : IN_WORKER, offset);
    }
    for (unsigned i = 0; i < IGNORED_COUNT; i++)
        add_term("ignored", ledger_ignored_names[i], IN_WORKER,
                 offsetof(struct worker_ledger, ignored) + i * pair);
    for (unsigned i = 0; i < DROPPED_COUNT; i++) {
        bool device = i != DROPPED_CACHE_FULL;
        size_t offset = device ? offsetof(struct source_ledger, dropped)
                               : offsetof(struct worker_ledger, dropped);
        add_term("dropped", ledger_dropped_names[i], device ? IN_SOURCE : IN_WORKER,
                 offset + i * pair);
    }
    for (unsigned i = 0; i < LOST_COUNT; i++) {
        add_term("lost", ledger_lost_names[i], IN_WORKER,
                 offsetof(struct worker_ledger, lost) + i * pair);
        /* Workers put every record on the ring; what is given up is lost by the destinations. */
        terms[term_count - 1].never = i == LOST_SHUTDOWN;
    }
    add_term("metered", "by IP headers", IN_WORKER, offsetof(struct worker_ledger, metered));
    add_term("metered", "by frames", IN_WORKER, offsetof(struct worker_ledger, metered_frame));
    add_term("records", "out", IN_WORKER, offsetof(struct worker_ledger, records_out));
    add_term("observed", "", IN_SOURCE, offsetof(struct source_ledger, observed));
    add_term("cached", "", IN_WALK, 0);
}

static void add_exporter_terms(void)
{
    static const unsigned where[DESTINATION_LOST_COUNT] = {
        [DESTINATION_LOST_QUEUE_FULL] = COLLECTOR_FULL,
        [DESTINATION_LOST_REFUSED] = COLLECTOR_REFUSING,
        [DESTINATION_LOST_CONNECTION] = COLLECTOR_LEAVING,
        [DESTINATION_LOST_SEND_FAILED] = COLLECTOR_FAILING,
        [DESTINATION_LOST_WRITE_FAILED] = COLLECTOR_BROKEN,
        [DESTINATION_LOST_NOT_REPRESENTABLE] = COLLECTOR_GOOD,
        [DESTINATION_LOST_NO_PROGRESS] = COLLECTOR_FULL,
        [DESTINATION_LOST_SPOOL_FULL] = COLLECTOR_AWAY,
        [DESTINATION_LOST_SPOOL_FAILED] = COLLECTOR_AWAY,
        [DESTINATION_LOST_SHUTDOWN] = COLLECTOR_FULL,
        [DESTINATION_LOST_REMOVED] = COLLECTOR_REMOVED,
    };
    const size_t base = offsetof(struct exporter_counters, destination);
    const size_t size = sizeof(struct destination_counters);
    add_term("exported", "", IN_EXPORTER, offsetof(struct exporter_counters, exported));
    add_term("records", "taken", IN_EXPORTER, offsetof(struct exporter_counters, records));
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
        add_term("destination lost", ledger_destination_lost_names[i], IN_EXPORTER,
                 base + where[i] * size + offsetof(struct destination_counters, lost) +
                     i * sizeof(uint64_t));
    for (unsigned t = 0; t < term_count; t++) /* no disk fails here */
        if (strstr(terms[t].name, "spool_failed"))
            terms[t].never = true;
    add_term("destination", "records", IN_EXPORTER,
             base + offsetof(struct destination_counters, records));
    add_term("destination", "sent", IN_EXPORTER,
             base + offsetof(struct destination_counters, sent));
    add_term("destination", "queued", IN_EXPORTER,
             base + COLLECTOR_FULL * size + offsetof(struct destination_counters, queued));
    add_term("destination", "spooled", IN_EXPORTER,
             base + COLLECTOR_AWAY * size + offsetof(struct destination_counters, spooled));
}

/* ---- the scenario ---- */

struct play {
    struct packet_source *sources[SOURCES];
    struct packet_source_ops ops; /* of the first source, which also loses packets */
    struct packet_filter *filter;
    struct prefix_set *ignore;
    struct record_ring *ring;
    struct worker *worker;
    struct exporting_process_config exporting;
    struct exporting_process *exporter;
    struct sim_far_end far_ends[COLLECTORS];
    struct spool *spool;
    char folder[64];
    uint64_t monotonic_ns;
    uint64_t cut;
    const struct term *skipped; /* NULL: none */
    bool balanced;              /* at every look so far */
    struct error problem;       /* the first imbalance */
    uint64_t seen[TERMS_MAX];   /* highest value of each counter in any look */
};

static struct frame frames[FRAMES_MAX];
static struct memory_packet packets[SOURCES][FRAMES_MAX * ROUNDS + LAST];
static size_t packet_count;
static const struct packet_source_ops *memory_ops;

static void add_packet(unsigned source, const struct frame *frame, uint64_t time_ns)
{
    packets[source][packet_count++] = (struct memory_packet){.data = frame->data,
                                                             .captured_length = frame->length,
                                                             .wire_length = frame->wire_length,
                                                             .timestamp_ns = time_ns,
                                                             .link = frame->link};
}

/* The whole catalogue, each round a second later, and copies in every fourth round; at the very end
 * packets of the last moment that records can tell. */
static void make_packets(void)
{
    const uint64_t apart = second / 2;
    unsigned count = 0;
    unsigned plain = 0;
    for (unsigned list = 0; frame_cases[list]; list++) {
        for (const struct frame_case *c = frame_cases[list]; c->name; c++) {
            check(count < FRAMES_MAX);
            if (c->tunnels == 0 && c->verdict == PACKET_METERED && c->family == 6)
                plain = count;
            c->build(&frames[count++]);
        }
    }
    for (unsigned s = 0; s < SOURCES; s++) {
        packet_count = 0;
        for (unsigned round = 0; round < ROUNDS; round++)
            for (unsigned f = 0; f < count; f++)
                add_packet(s, &frames[f], start + round * second + (s && round % 4 ? apart : 0));
        for (unsigned i = 0; i < LAST; i++)
            add_packet(s, &frames[plain], PACKET_TIME_LIMIT_NS);
    }
}

/* A device that has lost packets for every reason since the last look, and left some to the host.
 */
static void lose_packets(struct packet_source *source)
{
    for (unsigned i = 0; i < DROPPED_COUNT; i++) {
        if (i == DROPPED_CACHE_FULL)
            continue;
        ledger_add(&source->ledger.dropped[i], 3, 0);
        ledger_add(&source->ledger.observed, 3, 0);
    }
    ledger_add(&source->ledger.host, 2, 130);
    ledger_add(&source->ledger.observed, 2, 130);
}

/* Sources cut times to what message headers can tell. This one does not, since only so the
 * exporter's own guard has something to do. */
static enum receive_status receive_beyond_time(struct packet_source *source,
                                               struct packet_batch *batch)
{
    enum receive_status status = memory_ops->receive(source, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->timestamp_ns[i] == PACKET_TIME_LIMIT_NS - 1)
            batch->timestamp_ns[i] = PACKET_TIME_LIMIT_NS + 1;
    return status;
}

static void open_worker(struct play *play)
{
    struct error error = {""};
    const struct source_memory_options live = {.rounds = 1, .live = true};
    const struct prefix_set_entry ignored[] = {
        {.address = {10, 0, 0, 0}, .family = 4, .length = 16}};
    play->filter = packet_filter_create("not tcp", &error);
    play->ignore = prefix_set_create(ignored, 1, &error);
    play->ring = record_ring_create(1, &error);
    struct worker_config config = {
        .source_count = SOURCES,
        .parser = {.vlan_in_key = true, .fragment_table = true},
        .cache_count = 1,
        .caches = {{.flows_max = 2,
                    .idle_timeout_ns = 15 * second,
                    .hash_seed = {1, 2, 3, 4},
                    .ring = play->ring}},
        .ignore = play->ignore,
        .sampling_interval = 3,
        .duplicate_window_ns = second / 100,
    };
    for (unsigned s = 0; s < SOURCES; s++) {
        play->sources[s] = source_memory_open(packets[s], packet_count, &live);
        check(play->sources[s] != NULL);
        play->sources[s]->interface_base = (uint16_t)s;
        config.sources[s] = play->sources[s];
    }
    memory_ops = play->sources[0]->ops;
    play->ops = *memory_ops;
    play->ops.poll_device = lose_packets;
    play->ops.receive = receive_beyond_time;
    play->sources[0]->ops = &play->ops;
    config.port_filters[config.port_filter_count++] = (struct worker_port_filter){1, play->filter};
    play->worker = worker_create(&config, &error);
    check(play->filter && play->ignore && play->ring && play->worker);
}

static void open_exporter(struct play *play)
{
    static const struct sim_mood moods[COLLECTORS] = {
        [COLLECTOR_FULL] = {.again = 100},
        [COLLECTOR_REFUSING] = {.refused = 100},
        [COLLECTOR_FAILING] = {.failed = 100},
        [COLLECTOR_BROKEN] = {.broken = 100},
        [COLLECTOR_LEAVING] = {.sessions = true, .leaves = 30, .returns = 50},
        [COLLECTOR_AWAY] = {.sessions = true},
        [COLLECTOR_REMOVED] = {.again = 100},
    };
    struct exporting_process_config *config = &play->exporting;
    struct error error = {""};
    config->destination_count = COLLECTORS;
    config->sampling_interval = 3;
    config->queue_octets_max = 1 << 14;
    for (unsigned c = 0; c < COLLECTORS; c++) {
        struct destination_config *d = &config->destinations[c];
        snprintf(d->name, sizeof d->name, "collector %u", c);
        snprintf(d->host, sizeof d->host, "127.0.0.1"); /* its transport is replaced */
        bool sessions = moods[c].sessions;
        d->kind = sessions ? DESTINATION_TCP : DESTINATION_UDP;
        d->port = 9;
        d->version = c % 2 && !sessions ? 9 : 10;
        d->domain = c + 1;
        d->mtu = 1400;
        d->rate_set = true;
    }
    snprintf(play->folder, sizeof play->folder, "/tmp/spanflow-fault-XXXXXX");
    check(mkdtemp(play->folder) != NULL);
    play->spool = config->spool = spool_open(play->folder, 40000, 2, &error);
    check(play->spool != NULL);
    play->exporter = exporting_process_create(config, &play->ring, 1, &error);
    check(play->exporter != NULL);
    for (unsigned c = 0; c < COLLECTORS; c++) {
        play->far_ends[c].mood = moods[c];
        exporting_process_set_transport(play->exporter, c,
                                        sim_transport_open(&play->far_ends[c], c));
    }
}

static void remove_spool(struct play *play)
{
    spool_close(play->spool);
    DIR *folder = opendir(play->folder);
    check(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(play->folder);
}

static void close_play(struct play *play)
{
    exporting_process_destroy(play->exporter);
    remove_spool(play);
    worker_destroy(play->worker);
    for (unsigned s = 0; s < SOURCES; s++)
        play->sources[s]->ops->close(play->sources[s]);
    record_ring_destroy(play->ring);
    prefix_set_destroy(play->ignore);
    packet_filter_destroy(play->filter);
}

/* Where a term lives; NULL for a walk. */
static void *live_counter(struct play *play, const struct term *term)
{
    switch (term->place) {
    case IN_WORKER:
        return (uint8_t *)worker_ledger_live(play->worker) + term->offset;
    case IN_SOURCE:
        return (uint8_t *)&play->sources[0]->ledger + term->offset;
    case IN_EXPORTER:
        return (uint8_t *)exporting_process_account(play->exporter) + term->offset;
    case IN_WALK:
        break;
    }
    return NULL;
}

static void note_values(struct play *play, const struct worker_account *account,
                        const struct exporter_counters *exported)
{
    for (unsigned t = 0; t < term_count; t++) {
        const void *base = terms[t].place == IN_WORKER     ? (const void *)&account->ledger
                           : terms[t].place == IN_SOURCE   ? (const void *)&account->source[0]
                           : terms[t].place == IN_EXPORTER ? (const void *)exported
                                                           : (const void *)&account->cached;
        uint64_t value; /* of a pair, the packets */
        memcpy(&value, (const uint8_t *)base + terms[t].offset, sizeof value);
        if (value > play->seen[t])
            play->seen[t] = value;
    }
}

static void look(struct play *play, const struct worker_account *account,
                 const struct exporter_counters *exported)
{
    static struct ledger ledger;
    struct ledger_account copy = {.worker = &account->ledger,
                                  .sources = account->source,
                                  .source_count = account->source_count,
                                  .cached = account->cached,
                                  .in_kernel = account->in_kernel};
    if (play->skipped && play->skipped->place == IN_WALK)
        copy.cached = (struct ledger_pair){0, 0}; /* a walk that was left out */
    note_values(play, account, exported);
    ledger_make(&ledger, &copy, 1, exported);
    if (play->balanced)
        play->balanced = ledger_balanced(&ledger, &play->problem);
}

static void step_exporter(struct play *play)
{
    uint64_t next;
    play->monotonic_ns += second / 100;
    exporting_process_step(play->exporter, play->monotonic_ns, start, &next);
}

/* Steps until the worker says STATUS; the exporter sleeps if LAZY. */
static void step_worker(struct play *play, enum worker_status status, bool lazy)
{
    for (unsigned i = 0; worker_step(play->worker, start) != status; i++) {
        check(i < STEPS_MAX);
        if (!lazy)
            step_exporter(play);
    }
}

static void cut_and_look(struct play *play)
{
    static struct exporter_counters exported;
    worker_request_cut(play->worker, ++play->cut);
    for (unsigned i = 0; !exporting_process_cut(play->exporter, play->cut, &exported); i++) {
        check(i < STEPS_MAX);
        step_exporter(play);
        worker_step(play->worker, start);
    }
    look(play, worker_cut(play->worker, play->cut), &exported);
}

/* Removes a collector that takes nothing, and waits until nobody waits for it any longer. */
static void remove_collector(struct play *play)
{
    struct error error = {""};
    play->exporting.destination_count = COLLECTOR_REMOVED;
    struct exporting_process_change *change =
        exporting_process_prepare_change(play->exporter, &play->exporting, &error);
    check(change != NULL);
    exporting_process_submit_change(play->exporter, change);
    step_exporter(play);
    check(exporting_process_change_taken(play->exporter));
    play->monotonic_ns += 11 * second;
    step_exporter(play);
    exporting_process_tidy(play->exporter);
}

/* Lets TOTAL packets of each source out. A memory source knows itself by its operations. */
static void allow(struct play *play, uint64_t total)
{
    play->sources[0]->ops = memory_ops;
    for (unsigned s = 0; s < SOURCES; s++)
        source_memory_allow(play->sources[s], total);
    play->sources[0]->ops = &play->ops;
}

/* Plays the scenario, with SKIPPED switched off; the end is cut short if ABANDON. */
static void run(struct play *play, const struct term *skipped, bool abandon)
{
    static struct worker_account account;
    static struct exporter_counters exported;
    memset(play, 0, sizeof *play);
    play->balanced = true;
    play->skipped = skipped;
    play->monotonic_ns = 100 * second;
    open_worker(play);
    open_exporter(play);
    ledger_fault = skipped ? live_counter(play, skipped) : NULL;
    allow(play, packet_count - 10);
    step_worker(play, WORKER_IDLE, true);
    cut_and_look(play);
    remove_collector(play);
    allow(play, UINT64_MAX);
    step_worker(play, WORKER_ENDED, false);
    step_exporter(play);
    cut_and_look(play);
    if (abandon) {
        exporting_process_abandon(play->exporter);
    } else {
        uint64_t next;
        for (unsigned i = 0;
             !exporting_process_drain(play->exporter, play->monotonic_ns, start, &next); i++) {
            check(i < STEPS_MAX);
            play->monotonic_ns += second;
        }
    }
    worker_account_now(play->worker, &account);
    exporting_process_counters(play->exporter, &exported);
    look(play, &account, &exported);
    ledger_fault = NULL;
    close_play(play);
}

int main(void)
{
    static struct play whole[2];
    static struct play faulty;
    unsigned failures = 0;
    add_worker_terms();
    add_exporter_terms();
    make_packets();
    for (unsigned abandon = 0; abandon < 2; abandon++) {
        run(&whole[abandon], NULL, abandon);
        if (!whole[abandon].balanced) {
            printf("not balanced although every counter counts: %s\n", whole[abandon].problem.text);
            failures++;
        }
    }
    for (unsigned t = 0; t < term_count; t++) {
        bool abandon = whole[0].seen[t] == 0;
        uint64_t value = whole[abandon].seen[t];
        if (terms[t].never != (value == 0)) {
            printf("%s: %s\n", terms[t].name,
                   value ? "counts: give it a scenario" : "never counts in the scenario");
            failures++;
        }
        if (value == 0)
            continue;
        run(&faulty, &terms[t], abandon);
        bool good = !faulty.balanced;
        printf("%s%s: %" PRIu64 "; left out: %s\n", good ? "" : "BAD: ", terms[t].name, value,
               good ? faulty.problem.text : "nobody noticed");
        failures += !good;
    }
    printf("%u counters, %u failures\n", term_count, failures);
    return failures ? 1 : 0;
}
