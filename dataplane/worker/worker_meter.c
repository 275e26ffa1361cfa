/*
 * What becomes of one batch: packets are left out by filters, copies, sampling and prefixes, the
 * others parsed once and counted in every cache. Worker thread.
 */
#include "base/check.h"
#include "packet/packet_filter.h"
#include "snapshot/snapshot_policy.h"
#include "worker/worker_payload.h"
#include "worker/worker_private.h"
#include "worker/worker_snapshot.h"
#include "worker/worker_watch.h"

/* The caches' lines for these are on their way while the next ones are parsed. */
enum { PARSED_AT_ONCE = 16 };

static uint64_t all_of(uint32_t count)
{
    return count == 64 ? UINT64_MAX : (1ull << count) - 1;
}

/* Counts the packets of LEFT_OUT as filtered for REASON. */
static void count_filtered(struct worker *worker, const struct packet_batch *batch,
                           uint64_t left_out, enum ledger_filtered reason)
{
    for (; left_out; left_out &= left_out - 1)
        ledger_add(&worker->ledgers[0].filtered[reason], 1,
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
        ledger_add(&worker->ledgers[0].ignored[worker->facts[i].verdict], 1, batch->wire_length[i]);
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
        for (uint32_t c = 0; c < worker->config.cache_count; c++)
            atomic_store_explicit(&worker->counts[c][0], worker->first_ns, memory_order_relaxed);
    }
}

/* Parses BATCH. Returns the packets that can be metered; *COPIES are those that were seen before.
 */
static uint64_t parse(struct worker *worker, const struct packet_batch *batch, uint64_t *copies)
{
    uint64_t usable = 0;
    if (worker->config.snapshot)
        worker_snapshot_fetch(worker, batch);
    for (uint32_t first = 0; first < batch->count; first += PARSED_AT_ONCE) {
        uint32_t left = batch->count - first;
        uint32_t count = left < PARSED_AT_ONCE ? left : PARSED_AT_ONCE;
        usable |= parse_range(worker->parser, batch, first, count, worker->facts);
        if (worker->duplicates)
            *copies |= duplicate_table_find(worker->duplicates, batch, worker->facts, first, count,
                                            usable);
        for (uint32_t c = 0; c < worker->config.cache_count; c++)
            flow_cache_announce(worker->caches[c], worker->facts, first, count);
    }
    return usable;
}

/* Counts the packets of CHOSEN in all caches. Packets are kept before the kernel is offered their
 * flows: those of which more are to be kept must come to the worker. */
static void count(struct worker *worker, const struct packet_batch *batch, uint64_t chosen,
                  uint64_t ignored)
{
    bool kernel = worker->config.caches[0].kernel.table != NULL;
    bool keep = worker->config.snapshot != NULL;
    uint64_t undecided = 0;
    uint64_t *flow_ids = keep ? worker->snapshot_batch.flow_ids : NULL;
    bool refs = kernel || (keep && snapshot_policy_cuts_off(worker->config.snapshot_policy));
    if (worker->scanner || worker->finder) {
        undecided = worker_meter_payload(worker, batch, chosen);
    } else if (chosen) {
        flow_cache_update_announced(worker->caches[0], batch, worker->facts, chosen,
                                    refs ? worker->refs : NULL, flow_ids);
        for (uint32_t c = 1; c < worker->config.cache_count; c++)
            flow_cache_update_announced(worker->caches[c], batch, worker->facts, chosen, NULL,
                                        NULL);
    }
    if (__builtin_expect(worker->listed.count != 0, 0))
        worker_watch(worker, batch);
    if (keep)
        worker_snapshot_keep(worker, batch, chosen, ignored);
    if (kernel)
        flow_kernel_offer(worker->caches[0], worker->facts, worker->refs, chosen & ~undecided);
}

/* Where copies are looked for, packets are sampled when the copies are out: one in N is one in N of
 * what the network carried, and a packet is not taken once more because it was seen twice. */
void worker_meter(struct worker *worker)
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
    uint64_t copies = 0;
    uint64_t usable = parse(worker, batch, &copies);
    uint64_t chosen = all_of(batch->count);
    if (worker->duplicates) {
        count_filtered(worker, batch, copies, FILTERED_DUPLICATE);
        chosen = sample(worker, batch, chosen & ~copies);
    }
    uint64_t ignored = chosen & ~usable;
    if (__builtin_expect(ignored != 0, 0))
        count_ignored(worker, batch, ignored);
    chosen = outside_ignored(worker, batch, chosen & usable);
    if (chosen | ignored)
        count(worker, batch, chosen, ignored);
}
