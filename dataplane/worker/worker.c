/*
 * The loop body of a metering process and the control it obeys: stop, clock step, ledger cut. All
 * of it runs on the worker's thread; other threads set an atomic word and read a finished copy.
 */
#include "worker/worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/packet_filter.h"
#include "worker/worker_hooks.h"
#include "worker/worker_payload.h"

enum { COUNT_WORDS = sizeof(struct worker_counts) / sizeof(uint64_t) };
enum worker_phase { PHASE_METERING, PHASE_CUTTING_OPEN_RECORDS, PHASE_ENDING, PHASE_ENDED };

static const uint64_t ns_per_s = 1000000000ull;

/* The cache's lines for these are on their way while the next ones are parsed. */
enum { PARSED_AT_ONCE = 16 };

struct worker {
    struct worker_config config;
    struct parser *parser;
    struct duplicate_table *duplicates; /* NULL: copies are not looked for */
    struct flow_cache *cache;
    struct worker_ledger ledger;
    enum worker_phase phase;
    bool source_ended[WORKER_SOURCES_MAX];
    bool sources_stopped;                      /* they were asked for no more packets */
    uint64_t source_steps[WORKER_SOURCES_MAX]; /* clock steps of the source that were obeyed */
    uint32_t sources_open;
    uint32_t sampling_position;
    uint64_t now_ns;
    uint64_t device_polled_ns;
    uint64_t first_ns;   /* time of the first packet; 0 = none yet */
    uint64_t flood_told; /* changes of the level that other threads know of */
    struct packet_batch batch;
    struct packet_batch kept; /* what filter and sampling left of it */
    struct packet_facts facts[PACKET_BATCH_MAX];
    struct application_scanner *scanner;    /* NULL: no applications are looked for */
    struct flow_ref refs[PACKET_BATCH_MAX]; /* if payload is looked at or the kernel counts flows */

    /* Written by other threads. */
    _Atomic bool stop_asked;
    _Atomic uint64_t cut_asked;
    /* Read by other threads. */
    _Atomic uint64_t cut_made;
    _Atomic uint64_t time_ns;
    _Atomic uint64_t counts[COUNT_WORDS]; /* struct worker_counts, each word by itself */
    _Atomic uint64_t flood;    /* changes of the level << 16 | percent in use << 8 | level */
    struct worker_account cut; /* complete before cut_made says so */
};

struct worker *worker_create(const struct worker_config *config, struct error *error)
{
    check(config->source_count <= WORKER_SOURCES_MAX && config->ring);
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "no memory for a worker");
        return NULL;
    }
    worker->config = *config;
    worker->config.cache.ring = config->ring;
    worker->config.cache.ledger = &worker->ledger;
    worker->config.cache.worker = config->number;
    worker->sources_open = config->source_count;
    worker->parser = parser_create(&config->parser, error);
    bool good = worker->parser != NULL;
    if (good && config->duplicate_window_ns) {
        worker->duplicates = duplicate_table_create(config->duplicate_window_ns, error);
        good = worker->duplicates != NULL;
    }
    worker->config.cache.applications = config->applications != NULL;
    if (good && config->applications) {
        worker->config.application_limits.flows_max = config->cache.flows_max;
        worker->scanner = application_scanner_create(config->applications,
                                                     &worker->config.application_limits, error);
        good = worker->scanner != NULL;
    }
    if (good)
        worker->cache = flow_cache_create(&worker->config.cache, error);
    if (!worker->cache) {
        worker_destroy(worker);
        return NULL;
    }
    return worker;
}

size_t worker_scanner_memory(const struct worker *worker)
{
    return worker->scanner ? application_scanner_memory(worker->scanner) : 0;
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    flow_cache_destroy(worker->cache);
    duplicate_table_destroy(worker->duplicates);
    parser_destroy(worker->parser);
    application_scanner_destroy(worker->scanner);
    free(worker);
}

/* ---- one batch ---- */

static uint64_t all_of(uint32_t count)
{
    return count == 64 ? UINT64_MAX : (1ull << count) - 1;
}

/* Counts the packets of LEFT_OUT as filtered for REASON. */
static void count_filtered(struct worker *worker, const struct packet_batch *batch,
                           uint64_t left_out, enum ledger_filtered reason)
{
    for (; left_out; left_out &= left_out - 1)
        ledger_add(&worker->ledger.filtered[reason], 1,
                   batch->wire_length[__builtin_ctzll(left_out)]);
}

/* Bit i is set if packet i of BATCH came by PORT. */
static uint64_t arrived_by(const struct packet_batch *batch, uint16_t port)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        mask |= (uint64_t)(batch->port[i] == port) << i;
    return mask;
}

static uint64_t filter(struct worker *worker, const struct packet_batch *batch, uint64_t kept)
{
    const struct worker_config *config = &worker->config;
    uint64_t matching = kept;
    for (uint32_t f = 0; f < config->port_filter_count; f++) {
        uint64_t asked = arrived_by(batch, config->port_filters[f].port);
        matching &= ~asked | packet_filter_match(config->port_filters[f].filter, batch);
    }
    if (config->filter)
        matching &= packet_filter_match(config->filter, batch);
    count_filtered(worker, batch, kept & ~matching, FILTERED_EXPRESSION);
    return matching;
}

static uint64_t sample(struct worker *worker, const struct packet_batch *batch, uint64_t kept)
{
    if (worker->config.sampling_interval <= 1)
        return kept;
    uint64_t chosen = 0;
    for (uint64_t rest = kept; rest; rest &= rest - 1) {
        if (worker->sampling_position == 0)
            chosen |= rest & -rest;
        worker->sampling_position =
            (worker->sampling_position + 1) % worker->config.sampling_interval;
    }
    count_filtered(worker, batch, kept & ~chosen, FILTERED_SAMPLING);
    return chosen;
}

/* The packets of KEPT as a batch of their own; handles stay with the source's batch. */
static const struct packet_batch *compact(struct worker *worker, const struct packet_batch *batch,
                                          uint64_t kept)
{
    struct packet_batch *out = &worker->kept;
    out->count = 0;
    for (; kept; kept &= kept - 1) {
        unsigned i = (unsigned)__builtin_ctzll(kept);
        unsigned o = out->count++;
        out->data[o] = batch->data[i];
        out->captured_length[o] = batch->captured_length[i];
        out->wire_length[o] = batch->wire_length[i];
        out->timestamp_ns[o] = batch->timestamp_ns[i];
        out->port[o] = batch->port[i];
        out->link[o] = batch->link[i];
        out->capture[o] = batch->capture[i];
    }
    return out;
}

/* Packets that cannot be metered are counted by their reasons. */
static void count_ignored(struct worker *worker, const struct packet_batch *batch,
                          uint64_t unusable)
{
    for (; unusable; unusable &= unusable - 1) {
        unsigned i = (unsigned)__builtin_ctzll(unusable);
        check(worker->facts[i].verdict < IGNORED_COUNT);
        ledger_add(&worker->ledger.ignored[worker->facts[i].verdict], 1, batch->wire_length[i]);
    }
}

/* Those of USABLE outside the ignored prefixes; the others are counted. */
static uint64_t outside_ignored(struct worker *worker, const struct packet_batch *batch,
                                uint64_t usable)
{
    const struct prefix_set *ignore = worker->config.ignore;
    uint64_t inside = 0;
    for (uint64_t rest = ignore ? usable : 0; rest; rest &= rest - 1) {
        const struct flow_key *key = &worker->facts[__builtin_ctzll(rest)].key;
        if (prefix_set_holds(ignore, key, 0) || prefix_set_holds(ignore, key, 1))
            inside |= rest & -rest;
    }
    count_filtered(worker, batch, inside, FILTERED_IGNORE_PREFIX);
    return usable & ~inside;
}

static void follow_time(struct worker *worker, const struct packet_batch *batch)
{
    uint64_t newest = worker->now_ns;
    for (uint32_t i = 0; i < batch->count; i++)
        newest = batch->timestamp_ns[i] > newest ? batch->timestamp_ns[i] : newest;
    worker->now_ns = newest;
    if (worker->first_ns == 0) {
        worker->first_ns = batch->timestamp_ns[0];
        atomic_store_explicit(&worker->counts[0], worker->first_ns, memory_order_relaxed);
    }
}

/* Where copies are looked for, packets are sampled when the copies are out: one in N is one in N of
 * what the network carried, and a packet is not taken once more because it was seen twice. */
static void meter(struct worker *worker)
{
    const struct packet_batch *batch = &worker->batch;
    check(batch->count >= 1 && batch->count <= PACKET_BATCH_MAX);
    follow_time(worker, batch);
    uint64_t kept = filter(worker, batch, all_of(batch->count));
    if (!worker->duplicates)
        kept = sample(worker, batch, kept);
    if (kept != all_of(batch->count))
        batch = compact(worker, batch, kept);
    if (batch->count == 0)
        return;
    uint64_t usable = 0;
    uint64_t copies = 0;
    for (uint32_t first = 0; first < batch->count; first += PARSED_AT_ONCE) {
        uint32_t left = batch->count - first;
        uint32_t count = left < PARSED_AT_ONCE ? left : PARSED_AT_ONCE;
        usable |= parse_range(worker->parser, batch, first, count, worker->facts);
        if (worker->duplicates)
            copies |= duplicate_table_find(worker->duplicates, batch, worker->facts, first, count,
                                           usable);
        flow_cache_announce(worker->cache, worker->facts, first, count);
    }
    uint64_t chosen = all_of(batch->count);
    if (worker->duplicates) {
        count_filtered(worker, batch, copies, FILTERED_DUPLICATE);
        chosen = sample(worker, batch, chosen & ~copies);
    }
    if (__builtin_expect((chosen & ~usable) != 0, 0))
        count_ignored(worker, batch, chosen & ~usable);
    chosen = outside_ignored(worker, batch, chosen & usable);
    if (!chosen)
        return;
    if (worker->scanner) {
        chosen &= ~worker_meter_payload(worker->scanner, worker->cache, batch, worker->facts,
                                        worker->refs, chosen);
    } else if (worker->config.cache.kernel.table) {
        flow_cache_update_announced(worker->cache, batch, worker->facts, chosen, worker->refs);
    } else {
        flow_cache_update_announced(worker->cache, batch, worker->facts, chosen, NULL);
    }
    if (worker->config.cache.kernel.table)
        flow_kernel_offer(worker->cache, worker->facts, worker->refs, chosen);
}

/* ---- rounds ---- */

static bool ring_has_room(struct worker *worker)
{
    return record_ring_free_lines(worker->config.ring) >= flow_cache_batch_lines(PACKET_BATCH_MAX);
}

/* Takes one batch of source S. True if there was any packet. */
static bool take_batch(struct worker *worker, uint32_t s)
{
    struct packet_source *source = worker->config.sources[s];
    bool any = false;
    switch (source->ops->receive(source, &worker->batch)) {
    case RECEIVE_PACKETS:
        meter(worker);
        source->ops->release(source, &worker->batch);
        any = true;
        break;
    case RECEIVE_IDLE:
        break;
    case RECEIVE_FAILED: /* the source keeps the line that says why */
    case RECEIVE_END:
        worker->source_ended[s] = true;
        worker->sources_open--;
        break;
    }
    if (source->clock_steps != worker->source_steps[s]) {
        worker->source_steps[s] = source->clock_steps;
        worker_clock_stepped(worker);
    } else if (source->clock_ns > worker->now_ns) {
        worker->now_ns = source->clock_ns;
    }
    return any;
}

/* Takes one batch of every source. True if there was any packet. */
static bool take_batches(struct worker *worker, bool *held)
{
    bool any = false;
    for (uint32_t s = 0; s < worker->config.source_count; s++) {
        if (worker->source_ended[s])
            continue;
        if (worker->config.offline && !ring_has_room(worker)) {
            *held = true;
            break;
        }
        any |= take_batch(worker, s);
    }
    return any;
}

static void add_all(uint64_t *packets, uint64_t *octets, const struct ledger_pair *pairs,
                    unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *packets += pairs[i].packets;
        *octets += pairs[i].octets;
    }
}

static void tell_counts(struct worker *worker)
{
    const struct flow_cache_counters *cache = flow_cache_counters(worker->cache);
    const struct parser_counters *parser = parser_counters(worker->parser);
    const struct worker_ledger *ledger = &worker->ledger;
    struct worker_counts counts = {.first_ns = worker->first_ns,
                                   .metered_packets = ledger->metered.packets,
                                   .fragment_hits = parser->fragment_hits,
                                   .fragment_misses = parser->fragment_misses,
                                   .flows = ledger->flows,
                                   .evicted = cache->ended[FLOW_END_RESOURCES],
                                   .held = flow_cache_flows(worker->cache)};
    add_all(&counts.ignored_packets, &counts.ignored_octets, ledger->ignored, IGNORED_COUNT);
    add_all(&counts.dropped_packets, &counts.dropped_octets, ledger->dropped, DROPPED_COUNT);
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        add_all(&counts.dropped_packets, &counts.dropped_octets,
                worker->config.sources[s]->ledger.dropped, DROPPED_COUNT);
    const uint64_t *words = &counts.first_ns;
    for (unsigned i = 0; i < COUNT_WORDS; i++)
        atomic_store_explicit(&worker->counts[i], words[i], memory_order_relaxed);
}

static void poll_devices(struct worker *worker)
{
    for (uint32_t s = 0; s < worker->config.source_count; s++) {
        struct packet_source *source = worker->config.sources[s];
        if (source->ops->poll_device)
            source->ops->poll_device(source);
    }
    worker->device_polled_ns = worker->now_ns;
    tell_counts(worker);
}

void worker_account_now(struct worker *worker, struct worker_account *account)
{
    poll_devices(worker);
    memset(account, 0, sizeof *account);
    account->in_kernel = flow_kernel_walk(worker->cache); /* notices what was metered, too */
    account->kernel = flow_kernel_counters(worker->cache);
    account->ledger = worker->ledger;
    account->source_count = worker->config.source_count;
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        account->source[s] = worker->config.sources[s]->ledger;
    account->cached = flow_cache_walk(worker->cache);
    account->parser = *parser_counters(worker->parser);
    if (worker->duplicates)
        account->duplicates = *duplicate_counters(worker->duplicates);
    if (worker->scanner)
        account->applications = *application_counters(worker->scanner);
    flow_cache_copy_counters(worker->cache, &account->cache);
}

/* Makes the cut that was asked for, if the ring has room for its marker. */
static void answer_cut(struct worker *worker)
{
    uint64_t asked = atomic_load_explicit(&worker->cut_asked, memory_order_acquire);
    if (asked == atomic_load_explicit(&worker->cut_made, memory_order_relaxed))
        return;
    struct flow_marker *marker = record_ring_reserve(worker->config.ring, 1);
    if (!marker)
        return;
    memset(marker, 0, sizeof *marker);
    marker->cut = asked;
    marker->flags_state = (uint32_t)FLOW_ELEMENT_MARKER << 24;
    worker_account_now(worker, &worker->cut);
    record_ring_publish(worker->config.ring);
    atomic_store_explicit(&worker->cut_made, asked, memory_order_release);
}

/* Tells other threads of the level, at its changes only. */
static void tell_flood(struct worker *worker)
{
    const struct flood_counters *flood = &flow_cache_counters(worker->cache)->flood;
    if (__builtin_expect(flood->changes == worker->flood_told, 1))
        return;
    worker->flood_told = flood->changes;
    uint64_t percent = (uint64_t)flow_cache_flows(worker->cache) * 100 / flood->capacity;
    atomic_store_explicit(&worker->flood, flood->changes << 16 | percent << 8 | flood->level,
                          memory_order_relaxed);
}

static enum worker_status metering_round(struct worker *worker, uint64_t now_ns)
{
    bool held = false;
    bool any = take_batches(worker, &held);
    if (now_ns > worker->now_ns)
        worker->now_ns = now_ns;
    atomic_store_explicit(&worker->time_ns, worker->now_ns, memory_order_relaxed);
    if (worker->now_ns) {
        flow_cache_sweep(worker->cache, worker->now_ns);
        tell_flood(worker);
    }
    if (worker->now_ns - worker->device_polled_ns >= ns_per_s)
        poll_devices(worker);
    record_ring_publish(worker->config.ring);
    if (worker->sources_open == 0 && worker->phase == PHASE_METERING)
        worker->phase = PHASE_ENDING;
    if (held)
        return WORKER_HELD;
    return any || worker->phase == PHASE_ENDING ? WORKER_BUSY : WORKER_IDLE;
}

/* Ends all records; true when the last is on the ring. First the kernel gives its flows back. */
static bool end_records(struct worker *worker)
{
    bool complete = flow_kernel_end_all(worker->cache) &&
                    flow_cache_flush(worker->cache, worker->now_ns, FLOW_END_FORCED);
    record_ring_publish(worker->config.ring);
    return complete;
}

/* What devices that can be asked to stop had given before. True if there may be more. */
static bool take_rest(struct worker *worker)
{
    bool any = false;
    for (uint32_t s = 0; s < worker->config.source_count; s++) {
        struct packet_source *source = worker->config.sources[s];
        if (worker->source_ended[s] || !source->ops->stop)
            continue;
        if (!worker->sources_stopped)
            source->ops->stop(source);
        any |= take_batch(worker, s);
    }
    worker->sources_stopped = true;
    record_ring_publish(worker->config.ring);
    return any;
}

enum worker_status worker_step(struct worker *worker, uint64_t now_ns)
{
    answer_cut(worker);
    enum worker_status status;
    bool counting =
        flow_kernel_step(worker->cache, now_ns > worker->now_ns ? now_ns : worker->now_ns);
    if (worker->phase != PHASE_ENDED &&
        atomic_load_explicit(&worker->stop_asked, memory_order_acquire)) {
        if (worker->phase == PHASE_METERING && take_rest(worker))
            return WORKER_BUSY;
        worker->phase = PHASE_ENDING;
    }
    switch (worker->phase) {
    case PHASE_METERING:
        status = metering_round(worker, now_ns);
        return counting && status == WORKER_IDLE ? WORKER_BUSY : status;
    case PHASE_CUTTING_OPEN_RECORDS:
        if (!end_records(worker))
            return WORKER_HELD;
        flow_cache_restart_time(worker->cache);
        worker->now_ns = now_ns;
        worker->device_polled_ns = now_ns;
        worker->phase = PHASE_METERING;
        return WORKER_BUSY;
    case PHASE_ENDING:
        if (!end_records(worker))
            return WORKER_HELD;
        poll_devices(worker);
        worker->phase = PHASE_ENDED;
        return WORKER_ENDED;
    case PHASE_ENDED:
        break;
    }
    return WORKER_ENDED;
}

void worker_wait(struct worker *worker, uint64_t until_ns)
{
    packet_sources_wait(worker->config.sources, worker->source_ended, worker->config.source_count,
                        until_ns);
}

/* ---- control ---- */

uint64_t worker_time_ns(const struct worker *worker)
{
    return atomic_load_explicit(&worker->time_ns, memory_order_relaxed);
}

void worker_add_counts(const struct worker *worker, struct worker_counts *counts)
{
    uint64_t *words = &counts->first_ns;
    uint64_t first_ns = atomic_load_explicit(&worker->counts[0], memory_order_relaxed);
    if (first_ns && (words[0] == 0 || first_ns < words[0]))
        words[0] = first_ns;
    for (unsigned i = 1; i < COUNT_WORDS; i++)
        words[i] += atomic_load_explicit(&worker->counts[i], memory_order_relaxed);
}

struct worker_flood worker_flood(const struct worker *worker)
{
    uint64_t word = atomic_load_explicit(&worker->flood, memory_order_relaxed);
    return (struct worker_flood){
        .level = word & 0xff, .occupancy_percent = word >> 8 & 0xff, .changes = word >> 16};
}

void worker_stop(struct worker *worker)
{
    atomic_store_explicit(&worker->stop_asked, true, memory_order_release);
}

void worker_clock_stepped(struct worker *worker)
{
    if (worker->phase == PHASE_METERING)
        worker->phase = PHASE_CUTTING_OPEN_RECORDS;
}

void worker_request_cut(struct worker *worker, uint64_t cut)
{
    atomic_store_explicit(&worker->cut_asked, cut, memory_order_release);
}

const struct worker_account *worker_cut(const struct worker *worker, uint64_t cut)
{
    return atomic_load_explicit(&worker->cut_made, memory_order_acquire) == cut ? &worker->cut
                                                                                : NULL;
}

struct worker_ledger *worker_ledger_live(struct worker *worker)
{
    return &worker->ledger;
}

const struct flow_cache *worker_flow_cache(const struct worker *worker)
{
    return worker->cache;
}
