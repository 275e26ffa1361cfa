/* The flow cache and the flows that the kernel counts. See flow_kernel.h. */
#include "flow/flow_kernel.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache_private.h"

enum {
    SLOTS_AT_ONCE = 1024, /* of the table, taken in one round */
    PINNED_IN_BUCKET = 4, /* so that half of each bucket can always make room */
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17
};
/* The sweep looks at a flow once a second: so it is back a second before its end at the latest. */
static const uint64_t margin_max_ns = 2 * NS_PER_S;

static_assert(sizeof(struct flow_key_head) == 2 * sizeof(uint64_t), "a key's head is two words");
static_assert(offsetof(struct flow_hot6, address_b) == 16, "addresses of IPv6 follow each other");

/* ---- memory ---- */

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
        !arena_map(&kernel->slot_arena, cache->flows_max * sizeof *kernel->slot_of, ARENA_SPARSE,
                   error))
        return false;
    kernel->places = kernel->place_arena.memory;
    kernel->slot_of = kernel->slot_arena.memory;
    kernel->busy = calloc(geometry->cpus, sizeof *kernel->busy);
    kernel->seen = calloc((size_t)geometry->cpus * FLOW_COUNTER_BANKS, sizeof *kernel->seen);
    if (!kernel->busy || !kernel->seen) {
        error_set(error, "no memory for the flows that the kernel counts");
        return false;
    }
    kernel->position = geometry->slots;
    uint64_t shorter_ns = cache->idle_ns < cache->active_ns ? cache->idle_ns : cache->active_ns;
    kernel->margin_ns = shorter_ns / 2 < margin_max_ns ? shorter_ns / 2 : margin_max_ns;
    return true;
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

/* Whether every packet of the flow can be counted by the kernel as the worker would count it: no
 * connection being opened or closed, nothing more to be looked at, not about to end. */
static bool is_eligible(const struct flow_cache *cache, const struct packet_facts *facts,
                        uint32_t index)
{
    const uint32_t unfit =
        (uint32_t)(FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING | FLOW_STATE_FIN_A |
                   FLOW_STATE_FIN_B | FLOW_STATE_CLOSING | FLOW_STATE_EXTRA)
        << 24;
    const struct flow_hot *hot = &cache->hot[index];
    uint64_t packets = (hot->counter[0] >> FLOW_OCTET_BITS) + (hot->counter[1] >> FLOW_OCTET_BITS);
    uint8_t protocol = hot->key.protocol;
    const unsigned strange =
        PACKET_FACT_TUNNEL | PACKET_FACT_FIRST_FRAGMENT | PACKET_FACT_LATER_FRAGMENT;
    return packets >= cache->kernel.config.packets_min && packets >= 2 &&
           (hot->flags_state & unfit) == 0 &&
           (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) &&
           (hot->key.port_a | hot->key.port_b) != 0 && (facts->facts & strange) == 0 &&
           has_packets(&cache->cold[index]) && back_by(cache, index) > cache->now_ns;
}

static struct flow_counter_key key_of(const struct flow_cache *cache, uint32_t index)
{
    const struct flow_hot *hot = &cache->hot[index];
    const struct flow_cold *cold = &cache->cold[index];
    struct flow_counter_key key = {.family = 4, .worker = cache->kernel.config.worker};
    memcpy(key.head, &hot->key, sizeof key.head);
    if (flow_state(hot) & FLOW_STATE_IPV6) {
        key.family = 6;
        memcpy(key.address, &cache->hot6[index], sizeof key.address);
    }
    for (unsigned side = 0; side < 2; side++)
        if (cold->first_ns[side] != UINT64_MAX)
            key.sides |= (__u8)(1u << side);
    return key;
}

static void hand_over(struct flow_cache *cache, struct flow_slot at, uint32_t index)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct flow_counter_key key = key_of(cache, index);
    uint32_t slot = kernel_table_claim(kernel->config.table, &key);
    if (slot == KERNEL_SLOT_NONE) {
        kernel->counters.refused++;
        return;
    }
    kernel->places[slot] =
        (struct flow_place){(uint32_t)(at.bucket - cache->buckets), (uint8_t)at.slot};
    kernel->slot_of[index] = slot;
    at.bucket->pinned |= (uint8_t)(1u << at.slot);
    kernel->held++;
    kernel->counters.given++;
    flow_set_due(cache, at, flow_due(cache, back_by(cache, index)));
}

void flow_kernel_offer(struct flow_cache *cache, const struct packet_facts *facts,
                       const struct flow_ref *refs, uint64_t selected)
{
    if (cache->admission.short_idle || cache->admission.aggregating || !cache->time_known)
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
    if (kernel_word_state(kernel_table_word(table, slot)) != SLOT_ACTIVE)
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

/* Adds what one CPU counted to a side of the record. */
static void add_side(struct flow_cache *cache, uint32_t index, unsigned side,
                     const struct flow_counter_side *counted, int64_t offset_ns)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    const uint64_t octet_mask = (1ull << FLOW_CARRY_OCTET_BIT) - 1;
    const unsigned packet_bits = FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS;
    uint64_t packets = (hot->counter[side] >> FLOW_OCTET_BITS) + counted->packets;
    uint64_t octets = (hot->counter[side] & ((1ull << FLOW_OCTET_BITS) - 1)) + counted->octets;
    debug_check(cold->first_ns[side] != UINT64_MAX);
    cold->packets_carry[side] = (uint16_t)(cold->packets_carry[side] + (packets >> packet_bits));
    cold->octets_carry[side] =
        (uint16_t)(cold->octets_carry[side] + (octets >> FLOW_CARRY_OCTET_BIT));
    packets &= (1ull << packet_bits) - 1;
    hot->counter[side] = packets << FLOW_OCTET_BITS | (octets & octet_mask);
    uint64_t last_ns = counted->last_ns + (uint64_t)offset_ns;
    if (last_ns > cache->kernel.now_ns)
        last_ns = cache->kernel.now_ns;
    if (last_ns > hot->last_ns[side])
        hot->last_ns[side] = last_ns;
    if (counted->ttl_min < hot->ttl_min[side])
        hot->ttl_min[side] = counted->ttl_min;
    if (counted->ttl_max > hot->ttl_max[side])
        hot->ttl_max[side] = counted->ttl_max;
    hot->flags_state |= (uint32_t)counted->tcp_flags << (side * 12);
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

static void take_slot(struct flow_cache *cache, uint32_t slot, uint64_t word)
{
    struct flow_kernel *kernel = &cache->kernel;
    const struct kernel_table *table = kernel->config.table;
    const struct flow_place *place = &kernel->places[slot];
    struct flow_slot at = {&cache->buckets[place->bucket], place->slot};
    uint32_t index = at.bucket->index[at.slot];
    for (uint32_t cpu = 0; cpu < table->geometry.cpus; cpu++) {
        const struct flow_counter_line *line =
            kernel->busy[cpu] ? kernel_table_line(table, cpu, kernel->epoch, slot, word) : NULL;
        for (unsigned side = 0; line && side < 2; side++)
            if (line->side[side].packets)
                add_side(cache, index, side, &line->side[side], table->offset_ns);
    }
    if (kernel_table_is_over(table, slot, kernel->epoch))
        release(cache, at, slot);
    else if (kernel_word_state(word) == SLOT_ACTIVE &&
             (table->memory.keys[slot].closing || is_nearly_full(&cache->cold[index])))
        flow_kernel_take_back(cache, at);
}

/* Whether the slot of WORD holds a flow of this worker. */
static bool is_own(const struct flow_kernel *kernel, uint32_t slot, uint64_t word)
{
    enum flow_counter_state state = kernel_word_state(word);
    return (state == SLOT_ACTIVE || state == SLOT_DELIVER) &&
           kernel->config.table->memory.keys[slot].worker == kernel->config.worker;
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
        uint64_t word = kernel_table_word(table, slot);
        if (is_own(kernel, slot, word))
            take_slot(cache, slot, word);
    }
    kernel->position = end;
    if (end == slots)
        atomic_store_explicit(&table->taken[kernel->config.worker], kernel->epoch,
                              memory_order_release);
    return end != slots;
}

bool flow_kernel_end_all(struct flow_cache *cache)
{
    struct flow_kernel *kernel = &cache->kernel;
    struct kernel_table *table = kernel->config.table;
    if (!table || kernel->held == 0)
        return true;
    for (uint32_t slot = 0; slot < table->geometry.slots; slot++) {
        uint64_t word = kernel_table_word(table, slot);
        if (is_own(kernel, slot, word) && kernel_word_state(word) == SLOT_ACTIVE) {
            const struct flow_place *place = &kernel->places[slot];
            flow_kernel_take_back(cache,
                                  (struct flow_slot){&cache->buckets[place->bucket], place->slot});
        }
    }
    return false;
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
        uint64_t word = kernel_table_word(table, slot);
        if (!is_own(kernel, slot, word))
            continue;
        for (uint32_t cpu = 0; cpu < table->geometry.cpus; cpu++) {
            const struct flow_counter_line *line =
                kernel_table_line(table, cpu, kernel->epoch, slot, word);
            for (unsigned side = 0; line && side < 2; side++) {
                sum.packets += line->side[side].packets;
                sum.octets += line->side[side].octets;
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
