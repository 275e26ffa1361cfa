/*
 * The loop body of a metering process and the control it obeys: stop, clock step, ledger cut,
 * another configuration. All of it runs on the worker's thread; other threads set an atomic word
 * and read a finished copy.
 */
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "worker/worker_hooks.h"
#include "worker/worker_private.h"
#include "worker/worker_snapshot.h"
#include "worker/worker_walk.h"
#include "worker/worker_watch.h"

static const uint64_t ns_per_s = 1000000000ull;

bool worker_wants_names(const struct worker_config *config)
{
    const struct name_settings *names = &config->names;
    return (names->wanted.clear | names->wanted.hashed | names->watched) != 0;
}

bool worker_looks_at_payload(const struct worker_config *config)
{
    return config->applications || worker_wants_names(config);
}

/* The caches of WORKER by its configuration. False and ERROR. */
static bool make_caches(struct worker *worker, struct error *error)
{
    for (uint32_t c = 0; c < worker->config.cache_count; c++) {
        struct flow_cache_config *config = &worker->config.caches[c];
        config->ledger = &worker->ledgers[c];
        config->worker = worker->config.number;
        /* The first cache's records say which flows are looked at; the others are told. */
        config->applications = c == 0 && worker_looks_at_payload(&worker->config);
        config->names = worker->config.names.wanted;
        config->snapshot = c == 0 && worker->config.snapshot;
        config->watch = worker->config.watch ? worker->config.watch->set : NULL;
        config->listed = c == 0 ? &worker->listed : NULL;
        worker->caches[c] = flow_cache_create(config, error);
        if (!worker->caches[c])
            return false;
        if (worker->config.populated && (!flow_cache_populate(worker->caches[c], error) ||
                                         !record_ring_populate(config->ring, error)))
            return false;
    }
    return true;
}

struct worker *worker_create(const struct worker_config *config, struct error *error)
{
    check(config->source_count <= WORKER_SOURCES_MAX);
    check(config->cache_count >= 1 && config->cache_count <= WORKER_CACHES_MAX);
    check(config->cache_count == 1 || !config->caches[0].kernel.table);
    check(!config->snapshot || config->snapshot_policy);
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "no memory for a worker");
        return NULL;
    }
    worker->config = *config;
    worker->sources_open = config->source_count;
    worker->parser = parser_create(&config->parser, error);
    worker->alerts = alert_ring_create(error);
    worker->application_hits = calloc(APPLICATION_NUMBER_MAX + 1, sizeof *worker->application_hits);
    if (!worker->application_hits)
        error_set(error, "no memory for the hits of rules");
    bool good = worker->parser && worker->alerts && worker->application_hits;
    if (good && config->duplicate_window_ns) {
        worker->duplicates = duplicate_table_create(config->duplicate_window_ns, error);
        good = worker->duplicates != NULL;
    }
    if (good && config->applications) {
        worker->config.application_limits.flows_max = config->caches[0].flows_max;
        worker->scanner = application_scanner_create(config->applications,
                                                     &worker->config.application_limits, error);
        good = worker->scanner != NULL;
    }
    if (good && worker_wants_names(config)) {
        worker->finder = name_finder_create(&config->names, config->caches[0].flows_max,
                                            config->applications, error);
        worker_bound_names(worker->finder, &config->application_limits);
        good = worker->finder != NULL;
    }
    good = good && worker_snapshot_map_classes(&worker->config, &worker->snapshot_classes, error);
    if (!good || !make_caches(worker, error)) {
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
    for (uint32_t c = 0; c < WORKER_CACHES_MAX; c++)
        flow_cache_destroy(worker->caches[c]);
    duplicate_table_destroy(worker->duplicates);
    parser_destroy(worker->parser);
    application_scanner_destroy(worker->scanner);
    name_finder_destroy(worker->finder);
    arena_unmap(&worker->snapshot_classes);
    alert_ring_destroy(worker->alerts);
    free((void *)worker->application_hits);
    free(worker);
}

/* ---- rounds ---- */

/* Whether every cache's ring has room for what COUNT packets can put there, or for a marker if
 * COUNT is 0. */
static bool rings_have_room(const struct worker *worker, uint32_t count)
{
    for (uint32_t c = 0; c < worker->config.cache_count; c++) {
        uint32_t lines = count ? flow_cache_batch_lines(worker->caches[c], count) : 1;
        if (record_ring_free_lines(worker->config.caches[c].ring) < lines)
            return false;
    }
    return true;
}

static void publish(const struct worker *worker)
{
    for (uint32_t c = 0; c < worker->config.cache_count; c++)
        record_ring_publish(worker->config.caches[c].ring);
}

/* Takes one batch of source S. True if there was any packet. */
static bool take_batch(struct worker *worker, uint32_t s)
{
    struct packet_source *source = worker->config.sources[s];
    bool any = false;
    worker->source_idle[s] = false;
    switch (source->ops->receive(source, &worker->batch)) {
    case RECEIVE_PACKETS:
        worker_meter(worker);
        source->ops->release(source, &worker->batch);
        any = true;
        break;
    case RECEIVE_IDLE:
        worker->source_idle[s] = true;
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
        if (worker->config.offline && !rings_have_room(worker, PACKET_BATCH_MAX)) {
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

/* The packets that the caches never saw, as the first cache's ledger has them, and what cache C
 * has: its complete account. */
static struct worker_ledger ledger_of(const struct worker *worker, uint32_t c)
{
    struct worker_ledger ledger = worker->ledgers[0];
    const struct worker_ledger *own = &worker->ledgers[c];
    ledger.dropped[DROPPED_CACHE_FULL] = own->dropped[DROPPED_CACHE_FULL];
    ledger.metered = own->metered;
    ledger.metered_frame = own->metered_frame;
    memcpy(ledger.lost, own->lost, sizeof ledger.lost);
    ledger.flows = own->flows;
    ledger.records_out = own->records_out;
    return ledger;
}

struct source_ledger worker_source_ledger(const struct worker *worker, uint32_t s)
{
    static_assert(sizeof(struct source_ledger) % sizeof(uint64_t) == 0, "made of words");
    struct source_ledger ledger =
        worker->sources_left ? worker->source_after[s] : worker->config.sources[s]->ledger;
    uint64_t *words = &ledger.observed.packets;
    const uint64_t *before = &worker->source_before[s].observed.packets;
    for (size_t i = 0; i < sizeof ledger / sizeof *words; i++)
        words[i] -= before[i];
    return ledger;
}

static void tell_counts(struct worker *worker, uint32_t c)
{
    const struct flow_cache_counters *cache = flow_cache_counters(worker->caches[c]);
    const struct parser_counters *parser = parser_counters(worker->parser);
    const struct worker_ledger ledger = ledger_of(worker, c);
    struct worker_counts counts = {.first_ns = worker->first_ns,
                                   .metered_packets = ledger.metered.packets,
                                   .fragment_hits = parser->fragment_hits,
                                   .fragment_misses = parser->fragment_misses,
                                   .flows = ledger.flows,
                                   .evicted = cache->ended[FLOW_END_RESOURCES],
                                   .held = flow_cache_flows(worker->caches[c])};
    add_all(&counts.ignored_packets, &counts.ignored_octets, ledger.ignored, IGNORED_COUNT);
    add_all(&counts.dropped_packets, &counts.dropped_octets, ledger.dropped, DROPPED_COUNT);
    for (uint32_t s = 0; s < worker->config.source_count; s++) {
        const struct source_ledger source = worker_source_ledger(worker, s);
        add_all(&counts.dropped_packets, &counts.dropped_octets, source.dropped, DROPPED_COUNT);
    }
    add_all(&counts.dropped_packets, &counts.dropped_octets, worker->sources_gone.dropped,
            DROPPED_COUNT);
    const uint64_t *words = &counts.first_ns;
    for (unsigned i = 0; i < COUNT_WORDS; i++)
        atomic_store_explicit(&worker->counts[c][i], words[i], memory_order_relaxed);
}

void worker_poll_devices(struct worker *worker)
{
    for (uint32_t s = 0; !worker->sources_left && s < worker->config.source_count; s++) {
        struct packet_source *source = worker->config.sources[s];
        if (source->ops->poll_device)
            source->ops->poll_device(source);
    }
    worker->device_polled_ns = worker->now_ns;
    for (uint32_t c = 0; c < worker->config.cache_count; c++)
        tell_counts(worker, c);
}

void worker_bound_names(struct name_finder *finder, const struct application_limits *limits)
{
    if (finder)
        name_finder_set_bounds(finder, limits->scans_per_s, limits->time_percent);
}

void worker_add_names(struct name_finder_counters *sum, const struct name_finder *finder)
{
    struct name_finder_counters counters;
    if (!finder)
        return;
    name_finder_count(finder, &counters);
#define ADD_NAME_COUNTER(name, help) sum->name += counters.name;
    NAME_FINDER_COUNTERS(ADD_NAME_COUNTER)
    NAME_WORKSPACE_COUNTERS(ADD_NAME_COUNTER)
}

/* Adds the diagnostics of what the worker has had for a while only. */
static void add_counters(const struct worker *worker, struct worker_account *account)
{
    account->duplicates = worker->duplicates_before;
    account->applications = worker->applications_before;
    account->names = worker->names_before;
    worker_add_names(&account->names, worker->finder);
#define ADD_DUPLICATE_COUNTER(name, help)                                                          \
    account->duplicates.name += duplicate_counters(worker->duplicates)->name;
    if (worker->duplicates) {
        DUPLICATE_COUNTERS(ADD_DUPLICATE_COUNTER)
    }
#define ADD_APPLICATION_COUNTER(name, help)                                                        \
    account->applications.name += application_counters(worker->scanner)->name;
    if (worker->scanner) {
        APPLICATION_COUNTERS(ADD_APPLICATION_COUNTER)
    }
}

void worker_account_now(struct worker *worker, struct worker_account *account)
{
    worker_poll_devices(worker);
    memset(account, 0, sizeof *account);
    account->in_kernel = flow_kernel_walk(worker->caches[0]); /* notices what was metered, too */
    account->kernel = flow_kernel_counters(worker->caches[0]);
    account->ledger = worker->ledgers[0];
    account->source_count = worker->config.source_count;
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        account->source[s] = worker_source_ledger(worker, s);
    if (worker->any_gone)
        account->source[account->source_count++] = worker->sources_gone;
    account->cached = flow_cache_walk(worker->caches[0]);
    account->parser = *parser_counters(worker->parser);
    if (worker->config.snapshot)
        snapshot_ring_worker_part(worker->config.snapshot, &account->snapshot);
    add_counters(worker, account);
    flow_cache_copy_counters(worker->caches[0], &account->cache);
    account->other_count = worker->config.cache_count - 1;
    for (uint32_t c = 0; c < account->other_count; c++) {
        account->others[c].ledger = ledger_of(worker, c + 1);
        account->others[c].cached = flow_cache_walk(worker->caches[c + 1]);
        flow_cache_copy_counters(worker->caches[c + 1], &account->others[c].cache);
    }
}

/* Makes the cut that was asked for, if the rings have room for its markers. */
static void answer_cut(struct worker *worker)
{
    uint64_t asked = atomic_load_explicit(&worker->cut_asked, memory_order_acquire);
    if (asked == atomic_load_explicit(&worker->cut_made, memory_order_relaxed) ||
        !rings_have_room(worker, 0))
        return;
    for (uint32_t c = 0; c < worker->config.cache_count; c++) {
        struct flow_marker *marker = record_ring_reserve(worker->config.caches[c].ring, 1);
        check(marker != NULL);
        memset(marker, 0, sizeof *marker);
        marker->cut = asked;
        marker->flags_state = (uint32_t)FLOW_ELEMENT_MARKER << 24;
    }
    worker_account_now(worker, &worker->cut);
    if (worker->config.snapshot)
        snapshot_ring_make_cut(worker->config.snapshot, asked);
    publish(worker);
    atomic_store_explicit(&worker->cut_made, asked, memory_order_release);
}

/* Tells other threads of the level, at its changes only. */
static void tell_flood(struct worker *worker, uint32_t c)
{
    const struct flood_counters *flood = &flow_cache_counters(worker->caches[c])->flood;
    if (__builtin_expect(flood->changes == worker->flood_told[c], 1))
        return;
    worker->flood_told[c] = flood->changes;
    uint64_t percent = (uint64_t)flow_cache_flows(worker->caches[c]) * 100 / flood->capacity;
    percent = percent < UINT8_MAX ? percent : UINT8_MAX; /* more than fit while a cache shrinks */
    atomic_store_explicit(&worker->flood[c], flood->changes << 16 | percent << 8 | flood->level,
                          memory_order_relaxed);
}

/* Does a part of the walk that is under way. True if it got on and is not done: a worker without
 * packets then does the next part at once. */
static bool do_walk(struct worker *worker)
{
    struct worker_walk *walk = atomic_load_explicit(&worker->walk, memory_order_acquire);
    if (__builtin_expect(!walk, 1))
        return false;
    uint64_t position = walk->position;
    /* The next one may be handed over as soon as this one says that it is done. */
    atomic_store_explicit(&worker->walk, NULL, memory_order_relaxed);
    if (worker_walk_step(walk, worker->caches, worker->config.cache_count, worker->now_ns))
        return false;
    atomic_store_explicit(&worker->walk, walk, memory_order_relaxed);
    return walk->position != position;
}

static enum worker_status metering_round(struct worker *worker, uint64_t now_ns)
{
    bool held = false;
    bool any = take_batches(worker, &held), idle = !any;
    if (now_ns > worker->now_ns)
        worker->now_ns = now_ns;
    atomic_store_explicit(&worker->time_ns, worker->now_ns, memory_order_relaxed);
    for (uint32_t c = 0; worker->now_ns && c < worker->config.cache_count; c++) {
        flow_cache_sweep(worker->caches[c], worker->now_ns);
        tell_flood(worker, c);
    }
    any |= do_walk(worker);
    if (worker->config.snapshot)
        snapshot_ring_tick(worker->config.snapshot, worker->now_ns, idle);
    if (worker->now_ns - worker->device_polled_ns >= ns_per_s)
        worker_poll_devices(worker);
    publish(worker);
    if (worker->sources_open == 0 && worker->config.source_count && !worker->config.more_sources &&
        worker->phase == PHASE_METERING)
        worker->phase = PHASE_ENDING;
    if (held)
        return WORKER_HELD;
    return any || worker->phase == PHASE_ENDING ? WORKER_BUSY : WORKER_IDLE;
}

/* Ends all records; true when the last is on its ring. First the kernel gives its flows back. */
static bool end_records(struct worker *worker)
{
    uint32_t all = (1u << worker->config.cache_count) - 1;
    bool back = flow_kernel_end_all(worker->caches[0]);
    for (uint32_t c = 0; back && c < worker->config.cache_count; c++)
        if (!(worker->caches_ended >> c & 1) &&
            flow_cache_flush(worker->caches[c], worker->now_ns, FLOW_END_FORCED))
            worker->caches_ended |= 1u << c;
    publish(worker);
    if (worker->caches_ended != all)
        return false;
    worker->caches_ended = 0;
    return true;
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
    publish(worker);
    return any;
}

enum worker_status worker_step(struct worker *worker, uint64_t now_ns)
{
    answer_cut(worker);
    enum worker_status status;
    if (__builtin_expect(
            atomic_load_explicit(&worker->sources_submitted, memory_order_relaxed) != NULL, 0))
        worker_follow_sources(worker);
    bool more = worker_follow_change(worker);
    more |= flow_kernel_step(worker->caches[0], now_ns > worker->now_ns ? now_ns : worker->now_ns);
    if (worker->phase != PHASE_ENDED &&
        atomic_load_explicit(&worker->stop_asked, memory_order_acquire)) {
        if (worker->phase == PHASE_METERING && take_rest(worker))
            return WORKER_BUSY;
        worker->phase = PHASE_ENDING;
    }
    switch (worker->phase) {
    case PHASE_METERING:
        status = metering_round(worker, now_ns);
        return more && status == WORKER_IDLE ? WORKER_BUSY : status;
    case PHASE_CUTTING_OPEN_RECORDS:
        if (!end_records(worker))
            return WORKER_HELD;
        for (uint32_t c = 0; c < worker->config.cache_count; c++)
            flow_cache_restart_time(worker->caches[c]);
        worker->now_ns = now_ns;
        worker->device_polled_ns = now_ns;
        worker->phase = PHASE_METERING;
        return WORKER_BUSY;
    case PHASE_ENDING:
        if (!end_records(worker))
            return WORKER_HELD;
        worker_poll_devices(worker);
        if (worker->config.snapshot)
            snapshot_ring_leave(worker->config.snapshot);
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

void worker_add_counts(const struct worker *worker, uint32_t cache, struct worker_counts *counts)
{
    uint64_t *words = &counts->first_ns;
    uint64_t first_ns = atomic_load_explicit(&worker->counts[cache][0], memory_order_relaxed);
    if (first_ns && (words[0] == 0 || first_ns < words[0]))
        words[0] = first_ns;
    for (unsigned i = 1; i < COUNT_WORDS; i++)
        words[i] += atomic_load_explicit(&worker->counts[cache][i], memory_order_relaxed);
}

struct worker_flood worker_flood(const struct worker *worker, uint32_t cache)
{
    uint64_t word = atomic_load_explicit(&worker->flood[cache], memory_order_relaxed);
    return (struct worker_flood){
        .level = word & 0xff, .occupancy_percent = word >> 8 & 0xff, .changes = word >> 16};
}

void worker_stop(struct worker *worker)
{
    atomic_store_explicit(&worker->stop_asked, true, memory_order_release);
}

void worker_leave(struct worker *worker)
{
    check(!worker->change);
    worker_poll_devices(worker);
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        worker->source_after[s] = worker->config.sources[s]->ledger;
    worker->sources_left = true;
    if (worker->phase != PHASE_ENDED)
        worker->phase = PHASE_ENDING;
}

void worker_take_over(struct worker *worker)
{
    for (uint32_t s = 0; s < worker->config.source_count; s++) {
        worker->source_before[s] = worker->config.sources[s]->ledger;
        worker->source_steps[s] = worker->config.sources[s]->clock_steps;
    }
}

bool worker_has_ended(const struct worker *worker)
{
    return worker->phase == PHASE_ENDED;
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

void worker_submit_walk(struct worker *worker, struct worker_walk *walk)
{
    atomic_store_explicit(&worker->walk, walk, memory_order_release);
}

const struct worker_account *worker_cut(const struct worker *worker, uint64_t cut)
{
    return atomic_load_explicit(&worker->cut_made, memory_order_acquire) == cut ? &worker->cut
                                                                                : NULL;
}

struct worker_ledger *worker_ledger_live(struct worker *worker)
{
    return &worker->ledgers[0];
}

const struct flow_cache *worker_flow_cache(const struct worker *worker, uint32_t cache)
{
    return worker->caches[cache];
}
