/*
 * Flows of constant rate as a collector that turns its file every five minutes sees them (nfsen's
 * slots): 2,000 flows through a worker and the exporting process with the default timeouts, 40
 * minutes of virtual time. Octets are counted where they arrive, by the time of arrival; the six
 * slots after the first two, in which the flows begin, must not differ by 2 % of their mean.
 *
 *   flows that begin one after the other within a minute, long before the turn of a slot
 *   flows that all begin at once, as they do for a probe that starts on a busy line, with packets
 *   of many rates, or of one rate and in step
 *
 * Cuts fall a minute after each other and up to a second late. Where all flows begin in the same
 * second, that second before the turn of a minute, their cuts come on both sides of it, so that the
 * slots differ by more: nothing that is measured here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "element/element.h"
#include "exporting_process_hooks.h"
#include "sim/random.h"
#include "worker/worker.h"

enum {
    FLOWS = 2000,
    SLOTS = 8,
    FIRST_SLOT = 2,
    SLOT_S = 300,
    NS_PER_MS = 1000000,
    STEP_MS = 20,
    FRAME_OCTETS = 60,
    RING_LINES = 1 << 14,
    VARIATION_PER_MILLE = 20
};
static const uint64_t slot_ns = SLOT_S * 1000000000ull;

struct flow {
    uint64_t next_ns; /* its next packet */
    uint64_t period_ns;
    uint32_t octets; /* of IP, in each packet */
};

struct scene {
    const char *name;
    uint64_t lead_ns;   /* the first flow begins so long before the turn of a slot */
    uint64_t spread_ns; /* the last one so long after the first */
    uint64_t period_ms; /* of all packets; 0: each flow has its own */
};

struct bench {
    struct packet_source source; /* first: the worker knows nothing else */
    struct flow flows[FLOWS];
    uint8_t frames[FLOWS][FRAME_OCTETS];
    uint32_t heap[FLOWS]; /* flows by their next packet, a binary heap */
    uint64_t now_ns;
    uint64_t slots_ns; /* the start of slot 0 */
    uint64_t octets[SLOTS];
    uint64_t records;
    uint32_t template_id; /* of flow records, 0 before it is known */
};

/* ---- packets ---- */

static void make_frame(uint8_t *frame, uint32_t number, uint32_t octets)
{
    static const uint8_t head[34] = {
        [12] = 8, [14] = 0x45, [22] = 64, [23] = 17, [26] = 10, [30] = 10, [31] = 1};
    memset(frame, 0, FRAME_OCTETS);
    memcpy(frame, head, sizeof head);
    frame[16] = (uint8_t)(octets >> 8);
    frame[17] = (uint8_t)octets;
    frame[28] = (uint8_t)(number >> 8);
    frame[29] = (uint8_t)number;
    frame[34] = (uint8_t)(number >> 3);
    frame[37] = 53;
    frame[38] = (uint8_t)((octets - 20) >> 8);
    frame[39] = (uint8_t)(octets - 20);
}

static bool sooner(const struct bench *bench, uint32_t a, uint32_t b)
{
    return bench->flows[bench->heap[a]].next_ns < bench->flows[bench->heap[b]].next_ns;
}

static void sift_down(struct bench *bench, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < FLOWS; child++)
            if (sooner(bench, child, least))
                least = child;
        if (least == at)
            return;
        uint32_t other = bench->heap[at];
        bench->heap[at] = bench->heap[least];
        bench->heap[least] = other;
        at = least;
    }
}

static enum receive_status receive(struct packet_source *source, struct packet_batch *batch)
{
    struct bench *bench = (struct bench *)source;
    batch->count = 0;
    while (batch->count < PACKET_BATCH_MAX) {
        uint32_t number = bench->heap[0];
        struct flow *flow = &bench->flows[number];
        if (flow->next_ns > bench->now_ns)
            break;
        uint32_t i = batch->count++;
        batch->data[i] = bench->frames[number];
        batch->captured_length[i] = FRAME_OCTETS;
        batch->wire_length[i] = flow->octets + 14;
        batch->timestamp_ns[i] = flow->next_ns;
        batch->port[i] = source->interface_base;
        batch->link[i] = LINK_ETHERNET;
        ledger_add(&source->ledger.observed, 1, flow->octets + 14);
        flow->next_ns += flow->period_ns;
        sift_down(bench, 0);
    }
    return batch->count ? RECEIVE_PACKETS : RECEIVE_IDLE;
}

static void release(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
}

static void no_close(struct packet_source *source)
{
    (void)source;
}

/* ---- the collector ---- */

static uint32_t number16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint64_t number64(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

/* Records hold their octets and nothing else. */
static void collect(struct bench *bench, const uint8_t *message, size_t length)
{
    uint64_t slot = (bench->now_ns - bench->slots_ns) / slot_ns;
    for (size_t at = 16; at + 4 <= length; at += number16(message + at + 2)) {
        uint32_t id = number16(message + at);
        size_t end = at + number16(message + at + 2);
        check(end > at && end <= length);
        if (id == 2)
            bench->template_id = number16(message + at + 4);
        if (id != bench->template_id)
            continue;
        for (size_t record = at + 4; record + 8 <= end; record += 8) {
            bench->octets[slot] += slot < SLOTS ? number64(message + record) : 0;
            bench->records++;
        }
    }
}

static enum transport_status take(void *state, const struct iovec *messages, uint32_t count,
                                  uint32_t *sent, struct error *error)
{
    (void)error;
    for (uint32_t i = 0; i < count; i++)
        collect(state, messages[i].iov_base, messages[i].iov_len);
    *sent = count;
    return TRANSPORT_DONE;
}

static int complete(void *state, struct error *error)
{
    (void)state;
    (void)error;
    return 0;
}

static void close_nothing(void *state)
{
    (void)state;
}

/* ---- the probe ---- */

static struct worker *open_worker(struct bench *bench, struct record_ring *ring)
{
    static const struct packet_source_ops ops = {
        .receive = receive, .release = release, .close = no_close};
    struct error error = {""};
    bench->source.ops = &ops;
    bench->source.live = true;
    bench->source.interface_count = 1;
    struct worker_config config = {
        .source_count = 1,
        .sources = {&bench->source},
        .cache_count = 1,
        .caches = {{.flows_max = 4 * FLOWS,
                    .active_timeout_ns = 60000 * (uint64_t)NS_PER_MS, /* these are the defaults */
                    .idle_timeout_ns = 15000 * (uint64_t)NS_PER_MS,
                    .tcp_linger_ns = 2000 * (uint64_t)NS_PER_MS,
                    .hash_seed = {1, 2, 3, 0x9e3779b97f4a7c15},
                    .ring = ring}},
    };
    struct worker *worker = worker_create(&config, &error);
    check(worker != NULL);
    return worker;
}

static struct exporting_process *open_exporter(struct bench *bench, struct record_ring *ring)
{
    static const struct transport_ops ops = {
        .send = take, .complete = complete, .close = close_nothing};
    static struct exporting_process_config config;
    struct error error = {""};
    config = (struct exporting_process_config){.destination_count = 1,
                                               .interface_count = 1,
                                               .interfaces = {{.ifindex = 1}},
                                               .template_refresh_s = 60,
                                               .template_refresh_messages = 4096,
                                               .statistics_interval_s = 60,
                                               .sampling_interval = 1,
                                               .queue_octets_max = 16 << 20};
    struct destination_config *d = &config.destinations[0];
    snprintf(d->name, sizeof d->name, "collector");
    snprintf(d->host, sizeof d->host, "127.0.0.1");
    d->kind = DESTINATION_UDP; /* its transport is replaced before the first step */
    d->port = 9;
    d->version = 10;
    d->profile = PROFILE_ELEMENTS;
    d->elements[d->element_count++] = (uint16_t)element_find("octetDeltaCount");
    d->domain = 1;
    d->mtu = 1400;
    struct exporting_process *exporter = exporting_process_create(&config, &ring, 1, &error);
    check(exporter != NULL);
    exporting_process_set_transport(exporter, 0, (struct transport){&ops, bench});
    return exporter;
}

/* ---- the runs ---- */

static void begin(struct bench *bench, const struct scene *scene, uint64_t seed)
{
    struct random random = {seed};
    memset(bench, 0, sizeof *bench);
    bench->slots_ns = 1700000100 * 1000000000ull / slot_ns * slot_ns;
    uint64_t start_ns = bench->slots_ns + slot_ns - scene->lead_ns;
    bench->now_ns = start_ns - 1000 * (uint64_t)NS_PER_MS;
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow *flow = &bench->flows[i];
        flow->octets = (uint32_t)random_between(&random, 40, 1500);
        flow->period_ns = random_between(&random, 50, 2000) * (uint64_t)NS_PER_MS;
        if (scene->period_ms)
            flow->period_ns = scene->period_ms * (uint64_t)NS_PER_MS;
        flow->next_ns = start_ns + scene->spread_ns * i / FLOWS + i;
        make_frame(bench->frames[i], i, flow->octets);
        bench->heap[i] = i; /* begun one after the other: that is a heap */
    }
}

static int judge(const struct bench *bench, const struct scene *scene)
{
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    printf("%s:", scene->name);
    for (uint32_t slot = FIRST_SLOT; slot < SLOTS; slot++) {
        uint64_t octets = bench->octets[slot];
        printf(" %" PRIu64, octets);
        least = octets < least ? octets : least;
        most = octets > most ? octets : most;
        sum += octets;
    }
    uint64_t mean = sum / (SLOTS - FIRST_SLOT);
    bool even = mean > 0 && (most - least) * 1000 < mean * VARIATION_PER_MILLE;
    printf(" octets in %" PRIu64 " records, %.2f %% of the mean between least and most: %s\n",
           bench->records, mean ? (double)(most - least) * 100 / (double)mean : 100,
           even ? "good" : "BAD");
    return even ? 0 : 1;
}

static int run(struct bench *bench, const struct scene *scene, uint64_t seed)
{
    struct error error = {""};
    begin(bench, scene, seed);
    struct record_ring *ring = record_ring_create(RING_LINES, &error);
    check(ring != NULL);
    struct worker *worker = open_worker(bench, ring);
    struct exporting_process *exporter = open_exporter(bench, ring);
    uint64_t monotonic_ns = 0;
    while (bench->now_ns < bench->slots_ns + SLOTS * slot_ns) {
        uint64_t next;
        while (bench->flows[bench->heap[0]].next_ns <= bench->now_ns)
            worker_step(worker, bench->now_ns);
        worker_step(worker, bench->now_ns);
        exporting_process_step(exporter, monotonic_ns, worker_time_ns(worker), &next);
        bench->now_ns += STEP_MS * (uint64_t)NS_PER_MS;
        monotonic_ns += STEP_MS * (uint64_t)NS_PER_MS;
    }
    exporting_process_abandon(exporter);
    exporting_process_destroy(exporter);
    worker_destroy(worker);
    record_ring_destroy(ring);
    return judge(bench, scene);
}

int main(void)
{
    static struct bench bench;
    static const struct scene scenes[] = {
        {"one after the other", 240000 * (uint64_t)NS_PER_MS, 60000 * (uint64_t)NS_PER_MS, 0},
        {"at once, 30 s before the turn", 30000 * (uint64_t)NS_PER_MS, 0, 0},
        {"at once, 1 s before the turn", 1000 * (uint64_t)NS_PER_MS, 0, 0},
        {"at once, at the turn", 0, 0, 0},
        {"in step, 1 s before the turn", 1000 * (uint64_t)NS_PER_MS, 0, 700},
    };
    int status = 0;
    for (uint32_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        status |= run(&bench, &scenes[i], i + 1);
    return status;
}
