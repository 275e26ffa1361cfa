/* The flow cache and the flows that the kernel counts. See flow_kernel.h. */
#include "flow/flow_kernel.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache_private.h"

enum {
    SLOTS_AT_ONCE = 1024, /* of the table, taken in one round */
    SLOTS_AHEAD = 24,
    PINNED_IN_BUCKET = 4, /* so that half of each bucket can always make room */
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17
};
/* The sweep looks at a flow once a second: so it is back a second before its end at the latest. */
static const uint64_t margin_max_ns = 2 * NS_PER_S;

static_assert(sizeof(struct flow_key_head) == 2 * sizeof(uint64_t), "a key's head is two words");
static_assert(offsetof(struct flow_hot6, address_b) == 16, "addresses of IPv6 follow each other");

/* ---- memory ---- */

bool flow_kernel_map_slots(struct arena *arena, uint32_t flows_max, struct error *error)
{
    return arena_map(arena, flows_max * sizeof(uint32_t), ARENA_SPARSE, error);
}

bool flow_kernel_open(struct flow_cache *cache, const struct flow_kernel_config *config,
                      struct error *error)
{
    struct flow_kernel *kernel = &cache->kernel;
    kernel->config = *config;
    if (!config->table)
        return true;
    const struct flow_counter_geometry *geometry = &config->table->geometry;
    check(config->worker < geometry->workers && config->packets_min >= 1);
    if (!arena_map(&kernel->place_arena, geometry->slots * sizeof *kernel->places, ARENA_SPARSE,
                   error) ||
        !flow_kernel_map_slots(&kernel->slot_arena, cache->flows_max, error))
        return false;
    kernel->places = kernel->place_arena.memory;
    kernel->slot_of = kernel->slot_arena.memory;
    kernel->busy = calloc(geometry->cpus, sizeof *kernel->busy);
    kernel->seen = calloc((size_t)geometry->cpus * FLOW_COUNTER_BANKS, sizeof *kernel->seen);
    if (!kernel->busy || !kernel->seen) {
        error_set(error, "no memory for the flows that the kernel counts");
        return false;
    }
    kernel->position = kernel->recalled = geometry->slots;
    flow_kernel_set_margin(cache);
    return true;
}

void flow_kernel_set_margin(struct flow_cache *cache)
{
    uint64_t shorter_ns = cache->idle_ns < cache->active_ns ? cache->idle_ns : cache->active_ns;
    cache->kernel.margin_ns = shorter_ns / 2 < margin_max_ns ? shorter_ns / 2 : margin_max_ns;
}

void flow_kernel_close(struct flow_cache *cache)
{
    struct flow_kernel *kernel = &cache->kernel;
    arena_unmap(&kernel->place_arena);
    arena_unmap(&kernel->slot_arena);
    free(kernel->busy);
    free(kernel->seen);
}

static bool is_pinned(struct flow_slot at)
{
    return at.bucket->pinned >> at.slot & 1;
}

/* ---- handing over ---- */

/* Where the record INDEX of a key with HASH is. */
static struct flow_slot find_record(const struct flow_cache *cache, uint64_t hash, uint32_t index)
{
    struct flow_slot at = {first_bucket(cache, hash), 0};
    for (unsigned choice = 0; choice < 2; choice++) {
        unsigned live = at.bucket->occupied & ~(unsigned)at.bucket->done;
        for (; live; live &= live - 1) {
            at.slot = (unsigned)__builtin_ctz(live);
            if (at.bucket->index[at.slot] == index)
                return at;
        }
        at.bucket = other_bucket(cache, at.bucket, hash_tag(hash));
    }
    return (struct flow_slot){NULL, 0}; /* a later packet of the batch sent it away */
}

/* What a sweep must see: the time before which the flow of INDEX must be back. */
static uint64_t back_by(const struct flow_cache *cache, uint32_t index)
{
    uint64_t end = flow_sweep_deadline(cache, &cache->hot[index], &cache->cold[index]).time_ns;
    return end > cache->kernel.margin_ns ? end - cache->kernel.margin_ns : 0;
}

/* The kernel looks for no labels. */
static bool has_labels(const struct flow_cache *cache, uint32_t index)
{
    const struct flow_extra *extra = &cache->extra[index];
    return (flow_state(&cache->hot[index]) & FLOW_STATE_EXTRA) &&
           (extra->label_count[0] | extra->label_count[1]);
}

/* Whether every packet of the flow can be counted by the kernel as the worker would count it: no
 * connection being opened or closed, nothing more to be looked at, not about to end. */
static bool is_eligible(const struct flow_cache *cache, const struct packet_facts *facts,
                        uint32_t index)
{
    const uint32_t unfit =
        (uint32_t)(FLOW_STATE_APP_PENDING | FLOW_STATE_FIN_A | FLOW_STATE_FIN_B |
                   FLOW_STATE_CLOSING | (cache->snapshot ? FLOW_STATE_SNAPSHOT_PENDING : 0))
        << 24;
    const struct flow_hot *hot = &cache->hot[index];
    uint64_t packets = (hot->counter[0] >> FLOW_OCTET_BITS) + (hot->counter[1] >> FLOW_OCTET_BITS);
    uint8_t protocol = hot->key.protocol;
    const unsigned strange =
        PACKET_FACT_TUNNEL | PACKET_FACT_FIRST_FRAGMENT | PACKET_FACT_LATER_FRAGMENT;
    return packets >= cache->kernel.config.packets_min && packets >= 2 &&
           (hot->flags_state & unfit) == 0 && !has_labels(cache, index) &&
           (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) &&
           (hot->key.port_a | hot->key.port_b) != 0 && (facts->facts & strange) == 0 &&
           has_packets(&cache->cold[index]) && back_by(cache, index) > cache->now_ns;
}

static struct flow_counter_key key_of(const struct flow_cache *cache, uint32_t index)
{
    const struct flow_hot *hot = &cache->hot[index];
    struct flow_counter_key key = {.family = 4};
    memcpy(key.head, &hot->key, sizeof key.head);
    if (flow_state(hot) & FLOW_STATE_IPV6) {
        key.family = 6;
        memcpy(key.address, &cache->hot6[index], sizeof key.address);
    }
    return key;
}

/* Only sides that have shown a packet are counted: the worker has seen the first. */
static unsigned sides_of(const struct flow_cache *cache, uint32_t index)
{
    const struct flow_cold *cold = &cache->cold[index];
    return (cold->first_ns[0] != UINT64_MAX ? 1u : 0u) |
           (cold->first_ns[1] != UINT64_MAX ? 2u : 0u);
}

static void hand_over(struct flow_cache *cache, struct flow_slot at, uint32_t index)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct flow_counter_key key = key_of(cache, index);
    uint32_t slot = kernel_table_claim(kernel->config.table, &key, kernel->config.worker,
                                       sides_of(cache, index));
    if (slot == KERNEL_SLOT_NONE) {
        kernel->counters.refused++;
        return;
    }
    kernel->places[slot] =
        (struct flow_place){(uint32_t)(at.bucket - cache->buckets), index, (uint8_t)at.slot};
    kernel->slot_of[index] = slot;
    at.bucket->pinned |= (uint8_t)(1u << at.slot);
    kernel->held++;
    kernel->counters.given++;
    flow_set_due(cache, at, flow_due(cache, back_by(cache, index)));
}

void flow_kernel_offer(struct flow_cache *cache, const struct packet_facts *facts,
                       const struct flow_ref *refs, uint64_t selected)
{
    if (cache->admission.short_idle || cache->admission.aggregating || !cache->time_known ||
        cache->kernel.withdrawn || cache->older)
        return;
    for (uint64_t rest = selected; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint32_t index = refs[i].index;
        if (index >= cache->flows_max || cache->kernel.held >= cache->flows_max / 2 ||
            !is_eligible(cache, &facts[i], index))
            continue;
        struct flow_slot at = find_record(cache, cache->hashes[i], index);
        if (at.bucket && !is_pinned(at) && __builtin_popcount(at.bucket->pinned) < PINNED_IN_BUCKET)
            hand_over(cache, at, index);
    }
}

/* ---- taking back ---- */

void flow_kernel_take_back(struct flow_cache *cache, struct flow_slot at)
{
    struct kernel_table *table = cache->kernel.config.table;
    uint32_t slot = cache->kernel.slot_of[at.bucket->index[at.slot]];
    debug_check(is_pinned(at));
    if (kernel_table_state(table, slot) != KERNEL_SLOT_COUNTED)
        return;
    kernel_table_take_back(table, slot);
    cache->kernel.counters.taken_back++;
}

void flow_kernel_visit(struct flow_cache *cache, struct flow_slot at)
{
    uint32_t index = at.bucket->index[at.slot];
    uint64_t back_ns = back_by(cache, index);
    bool over = at.bucket->done >> at.slot & 1;
    if (over || back_ns <= cache->now_ns)
        flow_kernel_take_back(cache, at);
    at.bucket->due[at.slot] = over ? cache->epoch : flow_due(cache, back_ns);
}

/* ---- taking the counts of a closed epoch ---- */

/* The totals of a newly closed epoch: what was observed and metered by then. */
static void take_totals(struct flow_cache *cache, uint32_t epoch)
{
    struct flow_kernel *kernel = &cache->kernel;
    const struct kernel_table *table = kernel->config.table;
    const struct flow_counter_geometry *geometry = &table->geometry;
    for (uint32_t cpu = 0; cpu < geometry->cpus; cpu++) {
        struct flow_counter_total now =
            table->memory
                .totals[flow_counter_total_index(geometry, cpu, epoch & 1, kernel->config.worker)];
        struct flow_counter_total *seen = &kernel->seen[cpu * FLOW_COUNTER_BANKS + (epoch & 1)];
        uint64_t packets = now.metered_packets - seen->metered_packets;
        ledger_add(&cache->ledger->counted, now.counted_packets - seen->counted_packets,
                   now.counted_octets - seen->counted_octets);
        ledger_add(&cache->ledger->metered, packets, now.metered_octets - seen->metered_octets);
        ledger_add(&cache->ledger->metered_frame, packets,
                   now.metered_frame_octets - seen->metered_frame_octets);
        kernel->busy[cpu] = packets != 0;
        if (packets)
            kernel->counting_cpu = cpu;
        *seen = now;
    }
    kernel->epoch = epoch;
    kernel->position = 0;
    kernel->counters.epochs++;
}

/* Notices that an epoch was closed. */
static void look_for_epoch(struct flow_cache *cache)
{
    const struct kernel_table *table = cache->kernel.config.table;
    uint32_t closed = atomic_load_explicit(&table->closed, memory_order_acquire);
    if (closed == cache->kernel.epoch)
        return;
    check(closed == cache->kernel.epoch + 1 && cache->kernel.position == table->geometry.slots);
    take_totals(cache, closed);
}

/* Adds what one CPU counted to a side of the record. True if that changed a carry; what carries are
 * in is not touched else. */
static bool add_side(struct flow_cache *cache, uint32_t index, unsigned side,
                     const struct flow_counter_line *line, int64_t offset_ns)
{
    const struct flow_counter_side *counted = &line->side[side];
    struct flow_hot *hot = &cache->hot[index];
    const uint64_t octet_mask = (1ull << FLOW_CARRY_OCTET_BIT) - 1;
    const unsigned packet_bits = FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS;
    uint64_t packets = (hot->counter[side] >> FLOW_OCTET_BITS) + kernel_side_packets(counted);
    uint64_t octets =
        (hot->counter[side] & ((1ull << FLOW_OCTET_BITS) - 1)) + kernel_side_octets(counted);
    debug_check(cache->cold[index].first_ns[side] != UINT64_MAX);
    bool carried = packets >> packet_bits || octets >> FLOW_CARRY_OCTET_BIT;
    if (carried) {
        struct flow_cold *cold = &cache->cold[index];
        cold->packets_carry[side] =
            (uint16_t)(cold->packets_carry[side] + (packets >> packet_bits));
        cold->octets_carry[side] =
            (uint16_t)(cold->octets_carry[side] + (octets >> FLOW_CARRY_OCTET_BIT));
    }
    packets &= (1ull << packet_bits) - 1;
    hot->counter[side] = packets << FLOW_OCTET_BITS | (octets & octet_mask);
    uint64_t last_ns = counted->last_ns + (uint64_t)offset_ns;
    if (last_ns > cache->kernel.now_ns)
        last_ns = cache->kernel.now_ns;
    if (last_ns > hot->last_ns[side])
        hot->last_ns[side] = last_ns;
    if (line->ttl_min[side] < hot->ttl_min[side])
        hot->ttl_min[side] = line->ttl_min[side];
    if (line->ttl_max[side] > hot->ttl_max[side])
        hot->ttl_max[side] = line->ttl_max[side];
    hot->flags_state |= (uint32_t)line->tcp_flags[side] << (side * 12);
    return carried;
}

/* Carries have 16 bits: long before they overflow the record must be cut, which a packet does. */
static bool is_nearly_full(const struct flow_cold *cold)
{
    return ((cold->packets_carry[0] | cold->packets_carry[1] | cold->octets_carry[0] |
             cold->octets_carry[1]) &
            0x8000) != 0;
}

/* The slot is free, and the record like any other again. */
static void release(struct flow_cache *cache, struct flow_slot at, uint32_t slot)
{
    kernel_table_free(cache->kernel.config.table, slot);
    at.bucket->pinned &= (uint8_t) ~(1u << at.slot);
    cache->kernel.held--;
    uint8_t due = cache->epoch;
    if (!(at.bucket->done >> at.slot & 1)) {
        uint32_t index = at.bucket->index[at.slot];
        due = flow_due(cache,
                       flow_sweep_deadline(cache, &cache->hot[index], &cache->cold[index]).time_ns);
    }
    flow_set_due(cache, at, due);
}

static void take_slot(struct flow_cache *cache, uint32_t slot)
{
    struct flow_kernel *kernel = &cache->kernel;
    const struct kernel_table *table = kernel->config.table;
    const struct flow_place *place = &kernel->places[slot];
    struct flow_slot at = {&cache->buckets[place->bucket], place->slot};
    uint32_t index = place->index;
    bool carried = false;
    debug_check(at.bucket->index[at.slot] == index);
    for (uint32_t cpu = 0; cpu < table->geometry.cpus; cpu++) {
        const struct flow_counter_line *line =
            kernel->busy[cpu] ? kernel_table_counted(table, cpu, kernel->epoch, slot) : NULL;
        for (unsigned side = 0; line && side < 2; side++)
            if (line->side[side].count)
                carried |= add_side(cache, index, side, line, table->offset_ns);
    }
    if (kernel_table_is_over(table, slot, kernel->epoch))
        release(cache, at, slot);
    else if (kernel_table_is_closing(table, kernel->counting_cpu, kernel->epoch, slot) ||
             (carried && is_nearly_full(&cache->cold[index])))
        flow_kernel_take_back(cache, at);
}

/* Whether SLOT holds a flow of this worker. */
static bool is_own(const struct flow_kernel *kernel, uint32_t slot)
{
    return kernel_table_is_of(kernel->config.table, slot, kernel->config.worker);
}

/* Fetches what take_slot() will need, in two steps: where the record is, and then the record. Flows
 * lie in no order that the processor could guess. */
PREFETCHES void announce_lines(const struct flow_kernel *kernel, uint32_t slot)
{
    const struct kernel_table *table = kernel->config.table;
    if (slot >= table->geometry.slots || !is_own(kernel, slot))
        return;
    __builtin_prefetch(&kernel->places[slot]);
    __builtin_prefetch(kernel_table_line(table, kernel->counting_cpu, kernel->epoch, slot));
    for (uint32_t cpu = 0; cpu < table->geometry.cpus; cpu++)
        if (kernel->busy[cpu] && cpu != kernel->counting_cpu)
            __builtin_prefetch(kernel_table_line(table, cpu, kernel->epoch, slot));
}

PREFETCHES void announce_record(const struct flow_cache *cache, uint32_t slot)
{
    const struct flow_kernel *kernel = &cache->kernel;
    if (slot >= kernel->config.table->geometry.slots || !is_own(kernel, slot))
        return;
    uint32_t index = kernel->places[slot].index;
    __builtin_prefetch(&cache->hot[index], 1);
}

bool flow_kernel_step(struct flow_cache *cache, uint64_t now_ns)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct kernel_table *table = kernel->config.table;
    if (!table)
        return false;
    kernel->now_ns = now_ns;
    look_for_epoch(cache);
    uint32_t slots = table->geometry.slots;
    if (kernel->position == slots)
        return false;
    uint32_t end =
        slots - kernel->position > SLOTS_AT_ONCE ? kernel->position + SLOTS_AT_ONCE : slots;
    for (uint32_t slot = kernel->position; slot < end; slot++) {
        announce_lines(kernel, slot + 2 * SLOTS_AHEAD);
        announce_record(cache, slot + SLOTS_AHEAD);
        if (is_own(kernel, slot))
            take_slot(cache, slot);
    }
    kernel->position = end;
    if (end == slots)
        atomic_store_explicit(&table->taken[kernel->config.worker], kernel->epoch,
                              memory_order_release);
    return end != slots;
}

/* Takes back what is in the slots from FIRST up to END. */
static void take_back_slots(struct flow_cache *cache, uint32_t first, uint32_t end)
{
    const struct flow_kernel *kernel = &cache->kernel;
    for (uint32_t slot = first; slot < end; slot++) {
        const struct flow_place *place = &kernel->places[slot];
        if (is_own(kernel, slot))
            flow_kernel_take_back(cache,
                                  (struct flow_slot){&cache->buckets[place->bucket], place->slot});
    }
}

bool flow_kernel_end_all(struct flow_cache *cache)
{
    const struct flow_kernel *kernel = &cache->kernel;
    if (!kernel->config.table || kernel->held == 0)
        return true;
    take_back_slots(cache, 0, kernel->config.table->geometry.slots);
    return false;
}

void flow_kernel_recall(struct flow_cache *cache)
{
    cache->kernel.recalled = 0;
}

bool flow_kernel_recall_step(struct flow_cache *cache)
{
    struct flow_kernel *kernel = &cache->kernel;
    uint32_t slots = kernel->config.table ? kernel->config.table->geometry.slots : 0;
    if (kernel->recalled >= slots)
        return false;
    uint32_t end =
        slots - kernel->recalled > SLOTS_AT_ONCE ? kernel->recalled + SLOTS_AT_ONCE : slots;
    take_back_slots(cache, kernel->recalled, end);
    kernel->recalled = end;
    return end != slots;
}

bool flow_kernel_withdraw(struct flow_cache *cache)
{
    struct flow_kernel *kernel = &cache->kernel;
    if (!kernel->withdrawn)
        flow_kernel_recall(cache);
    kernel->withdrawn = true;
    flow_kernel_recall_step(cache);
    return kernel->held == 0;
}

void flow_kernel_resize(struct flow_cache *cache, struct arena *slot_of)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct arena before = kernel->slot_arena;
    check(kernel->held == 0);
    kernel->slot_arena = *slot_of;
    kernel->slot_of = kernel->slot_arena.memory;
    kernel->withdrawn = false;
    *slot_of = before;
}

/* ---- sums ---- */

struct ledger_pair flow_kernel_walk(struct flow_cache *cache)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct ledger_pair sum = {0, 0};
    const struct kernel_table *table = kernel->config.table;
    if (!table)
        return sum;
    look_for_epoch(cache);
    for (uint32_t slot = kernel->position; slot < table->geometry.slots; slot++) {
        if (!is_own(kernel, slot))
            continue;
        for (uint32_t cpu = 0; cpu < table->geometry.cpus; cpu++) {
            const struct flow_counter_line *line =
                kernel_table_counted(table, cpu, kernel->epoch, slot);
            for (unsigned side = 0; line && side < 2; side++) {
                sum.packets += kernel_side_packets(&line->side[side]);
                sum.octets += kernel_side_octets(&line->side[side]);
            }
        }
    }
    return sum;
}

struct kernel_counters flow_kernel_counters(const struct flow_cache *cache)
{
    struct kernel_counters counters = cache->kernel.counters;
    counters.held = cache->kernel.held;
    return counters;
}
