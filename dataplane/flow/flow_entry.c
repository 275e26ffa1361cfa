/*
 * The rarer half of the flow cache: how records start, take the packets that change their state,
 * end, leave, and make room for others. Called by flow_cache.c and flow_sweep.c on the worker's
 * thread.
 */
#include <string.h>

#include "flow/flow_cache_private.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* ---- time ---- */

struct flow_deadline flow_deadline(const struct flow_cache *cache, const struct flow_hot *hot,
                                   const struct flow_cold *cold)
{
    bool closing = flow_state(hot) & FLOW_STATE_CLOSING;
    uint64_t silence =
        closing && cache->linger_ns < cache->idle_ns ? cache->linger_ns : cache->idle_ns;
    struct flow_deadline d;
    d.idle_ns = newest_ns(hot) + silence;
    d.time_ns = d.idle_ns;
    d.reason = closing ? FLOW_END_DETECTED : FLOW_END_IDLE;
    if (has_packets(cold)) {
        uint64_t active = origin_ns(hot, cold) + cache->active_ns;
        if (active < d.time_ns) {
            d.time_ns = active;
            d.reason = FLOW_END_ACTIVE;
        }
    }
    return d;
}

uint8_t flow_due(const struct flow_cache *cache, uint64_t deadline_ns)
{
    uint64_t present = cache->now_ns / NS_PER_S;
    uint64_t second = deadline_ns / NS_PER_S;
    uint64_t ahead = second > present ? second - present : 0;
    if (ahead > DUE_AHEAD_MAX)
        ahead = DUE_AHEAD_MAX;
    return (uint8_t)(cache->epoch + ahead);
}

void flow_set_due(struct flow_cache *cache, struct flow_slot at, uint8_t due)
{
    at.bucket->due[at.slot] = due;
    uint64_t group = (uint64_t)(at.bucket - cache->buckets) / SUMMARY_BUCKETS;
    if (due_before(due, cache->summary[group]))
        cache->summary[group] = due;
}

/* ---- leaving ---- */

bool flow_emit(struct flow_cache *cache, uint32_t index, enum flow_end_reason reason)
{
    const struct flow_hot *hot = &cache->hot[index];
    unsigned state = flow_state(hot);
    uint32_t names = flow_names_gather(cache, index);
    uint8_t *line =
        record_ring_reserve(cache->ring, flow_record_lines(state) + flow_name_lines(names));
    if (!line) {
        cache->counters.ring_full++;
        return false;
    }
    struct flow_hot *out = (struct flow_hot *)(void *)line;
    *out = *hot;
    out->flags_state &= ~((uint32_t)FLOW_ELEMENT_KIND_MASK << 24);
    line += FLOW_LINE;
    if (state & FLOW_STATE_IPV6) {
        memcpy(line, &cache->hot6[index], FLOW_LINE);
        line += FLOW_LINE;
    }
    struct flow_cold *cold = (struct flow_cold *)(void *)line;
    *cold = cache->cold[index];
    cold->end_reason = (uint8_t)reason;
    if (reason == FLOW_END_ACTIVE)
        cold->marks |= FLOW_MARK_CONTINUES;
    for (unsigned side = 0; side < 2; side++)
        if (cold->first_ns[side] == UINT64_MAX)
            out->last_ns[side] = 0;
    line += FLOW_LINE;
    if (state & FLOW_STATE_EXTRA)
        flow_put_extra(cache, index, names ? cache->leaving : NULL, line);
    ledger_count(&cache->ledger->records_out, 1);
    cache->counters.ended[reason]++;
    return true;
}

/* The slot's key no longer stands in the way of its first bucket. */
static void forget_foreign(struct flow_cache *cache, struct flow_slot at)
{
    uint8_t bit = (uint8_t)(1u << at.slot);
    if (!(at.bucket->foreign & bit))
        return;
    struct flow_bucket *first = other_bucket(cache, at.bucket, at.bucket->tag[at.slot]);
    debug_check(first->overflow > 0);
    if (first->overflow != BUCKET_OVERFLOW_MAX)
        first->overflow--;
    at.bucket->foreign &= (uint8_t)~bit;
}

/* The record is over and waits in its slot for room on the ring; no packet finds it any more. */
static void put_out_of_reach(struct flow_cache *cache, struct flow_slot at,
                             enum flow_end_reason reason)
{
    forget_foreign(cache, at);
    at.bucket->tag[at.slot] = 0;
    at.bucket->done |= (uint8_t)(1u << at.slot);
    cache->cold[at.bucket->index[at.slot]].end_reason = (uint8_t)reason;
    flow_set_due(cache, at, cache->epoch);
    cache->generation++;
}

void flow_remove(struct flow_cache *cache, struct flow_slot at)
{
    uint8_t others = (uint8_t) ~(1u << at.slot);
    debug_check((at.bucket->occupied & ~at.bucket->pinned) >> at.slot & 1);
    forget_foreign(cache, at);
    flow_names_drop(cache, at.bucket->index[at.slot]);
    at.bucket->tag[at.slot] = 0;
    at.bucket->occupied &= others;
    at.bucket->done &= others;
    at.bucket->many &= others;
    at.bucket->spent &= others;
    /* A packet of the same batch may still take it for its record: one that holds nothing is not.
     */
    struct flow_hot *hot = &cache->hot[at.bucket->index[at.slot]];
    hot->counter[0] = 0;
    hot->counter[1] = 0;
    cache->free_list[cache->free_count++] = at.bucket->index[at.slot];
}

/* ---- starting ---- */

/* Ids stay unique within a worker even if two flows start in one nanosecond. */
static uint64_t next_flow_id(struct flow_cache *cache, uint64_t time_ns)
{
    cache->last_flow_time = time_ns > cache->last_flow_time ? time_ns : cache->last_flow_time + 1;
    uint64_t x = cache->last_flow_time + cache->worker * 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* Forgets the packets, not the flow. */
static void clear_packets(struct flow_hot *hot, struct flow_cold *cold)
{
    hot->counter[0] = 0;
    hot->counter[1] = 0;
    hot->flags_state &= 0xff000000u;
    memset(hot->ttl_min, 0, 8);
    cold->first_ns[0] = UINT64_MAX;
    cold->first_ns[1] = UINT64_MAX;
    memset(cold->packets_carry, 0, sizeof cold->packets_carry);
    memset(cold->octets_carry, 0, sizeof cold->octets_carry);
    cold->port[0] = 0xffff;
    cold->port[1] = 0xffff;
    cold->end_reason = FLOW_END_NONE;
}
static_assert(offsetof(struct flow_hot, initial_flags) == offsetof(struct flow_hot, ttl_min) + 6,
              "ttl, tos and initial flags are cleared at once");

void flow_continue(struct flow_cache *cache, uint32_t index, uint64_t time_ns)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    uint64_t origin = origin_ns(hot, cold);
    if (time_ns >= origin + cache->active_ns)
        origin += (time_ns - origin) / cache->active_ns * cache->active_ns;
    set_origin(hot, cold, origin);
    clear_packets(hot, cold);
    flow_extra_continue(cache, index);
    cold->marks &= (uint8_t)~FLOW_MARK_CONTINUES;
    cold->marks |= FLOW_MARK_CONTINUED;
}

static bool egress_port(const struct flow_cache *cache, uint16_t port)
{
    return cache->egress_ports[port / 32] >> (port % 32) & 1;
}

/* Element 61 of the direction of the packet: out of the local networks is egress; else the role of
 * the port that it arrives on decides. */
void flow_mark_direction(const struct flow_cache *cache, struct flow_cold *cold,
                         const struct packet_facts *facts, uint16_t port)
{
    unsigned mark = (unsigned)FLOW_MARK_DIRECTION_A << facts->side;
    bool egress = egress_port(cache, port);
    if (cache->local) {
        bool local[2] = {prefix_set_holds(cache->local, &facts->key, 0),
                         prefix_set_holds(cache->local, &facts->key, 1)};
        if (local[0] || local[1])
            egress = local[facts->side];
    }
    cold->marks = (uint8_t)((cold->marks & ~mark) | (egress ? mark : 0));
}
static_assert(FLOW_MARK_DIRECTION_B == FLOW_MARK_DIRECTION_A << 1, "indexed by side");

/* A fresh flow in the record INDEX: everything but the first packet's counts. What depends on the
 * side is written without branches, since the side of a new flow is as good as random. */
static void start_flow(struct flow_cache *cache, uint32_t index, const struct packet_batch *batch,
                       const struct packet_facts *facts, unsigned i)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    uint64_t time_ns = batch->timestamp_ns[i];
    *hot = (struct flow_hot){.key = facts->key.head};
    *cold = (struct flow_cold){.first_ns = {UINT64_MAX, UINT64_MAX}, .port = {0xffff, 0xffff}};
    unsigned state = facts->side * (unsigned)FLOW_STATE_INITIATOR_B;
    if (facts->key.family == 6) {
        state |= FLOW_STATE_IPV6;
        memcpy(cache->hot6[index].address_a, facts->key.address6_a, 16);
        memcpy(cache->hot6[index].address_b, facts->key.address6_b, 16);
        memset(cache->hot6[index].reserved, 0, sizeof cache->hot6[index].reserved);
    }
    state |= FLOW_STATE_SNAPSHOT_PENDING;
    if (cache->applications && (facts->key.head.protocol == 6 || facts->key.head.protocol == 17))
        state |= FLOW_STATE_APP_PENDING;
    hot->flags_state = (uint32_t)state << 24;
    set_origin(hot, cold, time_ns);
    cold->flow_id = next_flow_id(cache, time_ns);
    flow_note_id(cache, index);
    if (facts->facts & PACKET_FACT_MACS) {
        const uint8_t *macs = batch->data[i] + facts->mac_offset;
        uint8_t *mac = (uint8_t *)cold + offsetof(struct flow_cold, mac_a);
        memcpy(mac + 6 * (1 - facts->side), macs, 6);
        memcpy(mac + 6 * facts->side, macs + 6, 6);
    }
    if ((facts->facts & PACKET_FACT_TCP) && !(facts->tcp_flags & TCP_SYN)) {
        cold->marks |= FLOW_MARK_MID_STREAM;
        cache->counters.tcp_tail++;
    }
}

static_assert(offsetof(struct flow_cold, mac_b) == offsetof(struct flow_cold, mac_a) + 6,
              "MAC addresses are indexed by side");

/* ---- taking a packet ---- */

static void start_side(struct flow_cache *cache, uint32_t index, const struct packet_batch *batch,
                       const struct packet_facts *facts, unsigned i)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    unsigned side = facts->side;
    uint64_t time_ns = batch->timestamp_ns[i];
    if (!has_packets(cold))
        ledger_count(&cache->ledger->flows, 1);
    cold->first_ns[side] = time_ns;
    hot->last_ns[side] = time_ns;
    hot->ttl_min[side] = facts->ttl;
    hot->ttl_max[side] = facts->ttl;
    hot->tos[side] = facts->tos;
    hot->initial_flags[side] = (uint8_t)facts->tcp_flags;
    cold->port[side] = batch->port[i];
    flow_mark_direction(cache, cold, facts, batch->port[i]);
    if (facts->label_count == 0)
        return;
    struct flow_extra *extra = flow_extra_of(cache, index);
    extra->label_count[side] = facts->label_count;
    memcpy(extra->labels[side], facts->labels, sizeof extra->labels[side]);
}

static void carry(struct flow_hot *hot, struct flow_cold *cold, unsigned side)
{
    uint64_t packets_bit = 1ull << FLOW_CARRY_PACKET_BIT;
    uint64_t octets_bit = 1ull << FLOW_CARRY_OCTET_BIT;
    if (hot->counter[side] & packets_bit) {
        hot->counter[side] &= ~packets_bit;
        cold->packets_carry[side]++;
    }
    if (hot->counter[side] & octets_bit) {
        hot->counter[side] &= ~octets_bit;
        cold->octets_carry[side]++;
    }
}

/* Whether the key can have packets of both sides: not that of an endpoint with itself. */
static bool two_sided(const struct flow_key *key)
{
    const struct flow_key_head *head = &key->head;
    bool self =
        head->address_a == head->address_b && head->port_a == head->port_b &&
        (key->family == 4 || memcmp(key->address6_a, key->address6_b, sizeof key->address6_a) == 0);
    return !self && flow_key_joins(head->protocol, head->port_a, head->port_b);
}

/* The connection's state after this segment; true if it is over with it. */
static bool follow_tcp(struct flow_hot *hot, struct flow_cold *cold,
                       const struct packet_facts *facts)
{
    unsigned side = facts->side;
    unsigned flags = facts->tcp_flags;
    uint32_t state = hot->flags_state >> 24;
    if ((flags & TCP_SYN) && !(cold->marks & FLOW_MARK_INITIATOR_SEEN)) {
        unsigned initiator = (flags & TCP_ACK) && two_sided(&facts->key) ? 1 - side : side;
        state &= ~(uint32_t)FLOW_STATE_INITIATOR_B;
        state |= initiator ? FLOW_STATE_INITIATOR_B : 0;
        cold->marks |= FLOW_MARK_INITIATOR_SEEN;
        if (!(state & (initiator ? FLOW_STATE_FIN_B : FLOW_STATE_FIN_A))) /* where it begins */
            cold->fin_end[initiator] =
                initiator == side ? facts->tcp_sequence + 1 : facts->tcp_acknowledgement;
    }
    if (flags & TCP_FIN) {
        state |= side ? FLOW_STATE_FIN_B : FLOW_STATE_FIN_A;
        cold->fin_end[side] =
            facts->tcp_sequence + facts->tcp_payload_length + 1 + (flags & TCP_SYN ? 1 : 0);
    }
    uint32_t other_fin = side ? FLOW_STATE_FIN_A : FLOW_STATE_FIN_B;
    if ((flags & TCP_ACK) && (state & other_fin) &&
        (int32_t)(facts->tcp_acknowledgement - cold->fin_end[1 - side]) >= 0)
        cold->marks |= side ? FLOW_MARK_FIN_ACKED_A : FLOW_MARK_FIN_ACKED_B;
    const uint8_t both = FLOW_MARK_FIN_ACKED_A | FLOW_MARK_FIN_ACKED_B;
    bool over = (flags & TCP_RST) || (cold->marks & both) == both;
    bool was_over = state & FLOW_STATE_CLOSING;
    if (over)
        state |= FLOW_STATE_CLOSING;
    hot->flags_state = (hot->flags_state & 0xffffffu) | state << 24;
    return over && !was_over;
}

static void count_packet(struct flow_cache *cache, uint32_t index, const struct packet_batch *batch,
                         const struct packet_facts *facts, unsigned i)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    unsigned side = facts->side;
    uint64_t time_ns = batch->timestamp_ns[i];
    uint32_t flags = facts->tcp_flags;
    if (cold->first_ns[side] == UINT64_MAX) {
        start_side(cache, index, batch, facts, i);
        flags &= ~0xffu; /* these are in initial_flags */
    } else {
        if (time_ns < cold->first_ns[side])
            cold->first_ns[side] = time_ns;
        if (time_ns < hot->last_ns[side])
            cache->counters.late_packets++;
        else
            hot->last_ns[side] = time_ns;
        if (facts->ttl < hot->ttl_min[side])
            hot->ttl_min[side] = facts->ttl;
        if (facts->ttl > hot->ttl_max[side])
            hot->ttl_max[side] = facts->ttl;
        if (cache->several_ports && cold->port[side] != batch->port[i])
            cache->counters.direction_moved++;
    }
    hot->counter[side] += (1ull << FLOW_OCTET_BITS) + facts->ip_octets;
    carry(hot, cold, side);
    hot->flags_state |= flags << (side * 12);
}

/* Adds the packet to its record, which is the right one by now. */
static void take_packet(struct flow_cache *cache, struct flow_slot at,
                        const struct packet_batch *batch, const struct packet_facts *facts,
                        unsigned i)
{
    uint32_t index = at.bucket->index[at.slot];
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    bool first = !has_packets(cold);
    count_packet(cache, index, batch, facts, i);
    bool over = (facts->facts & PACKET_FACT_TCP) && follow_tcp(hot, cold, facts);
    uint8_t bit = (uint8_t)(1u << at.slot);
    at.bucket->spent &= (uint8_t)~bit;
    if (flow_state(hot) & FLOW_STATE_CLOSING)
        at.bucket->spent |= bit;
    if (!first)
        at.bucket->many |= bit;
    if (over && cache->linger_ns == 0) {
        bool pinned = at.bucket->pinned & bit;
        if (!pinned && flow_emit(cache, index, FLOW_END_DETECTED))
            flow_remove(cache, at);
        else
            put_out_of_reach(cache, at, FLOW_END_DETECTED);
    } else if (first || over) {
        flow_set_due(cache, at, flow_due(cache, flow_sweep_deadline(cache, hot, cold).time_ns));
    }
}

/* ---- placing and making room ---- */

/* The slot of FIRST and SECOND (may be NULL) that loses least; a NULL bucket if none can leave. */
static struct flow_slot victim_of(const struct flow_cache *cache, struct flow_bucket *first,
                                  struct flow_bucket *second)
{
    struct bucket_loss a = bucket_least_fast(first, cache->epoch);
    struct bucket_loss b = {BUCKET_LOSS_NONE, 0};
    if (second)
        b = bucket_least_fast(second, cache->epoch);
    if (a.loss == BUCKET_LOSS_NONE && b.loss == BUCKET_LOSS_NONE)
        return (struct flow_slot){NULL, 0};
    return a.loss <= b.loss ? (struct flow_slot){first, a.slot}
                            : (struct flow_slot){second, b.slot};
}

bool flow_evict(struct flow_cache *cache, struct flow_slot victim, uint64_t time_ns)
{
    uint32_t index = victim.bucket->index[victim.slot];
    if (has_packets(&cache->cold[index])) {
        struct flow_deadline d = flow_deadline(cache, &cache->hot[index], &cache->cold[index]);
        if (!flow_emit(cache, index, d.time_ns <= time_ns ? d.reason : FLOW_END_RESOURCES))
            return false;
    }
    flow_remove(cache, victim);
    return true;
}

bool flow_evict_from(struct flow_cache *cache, struct flow_bucket *first,
                     struct flow_bucket *second, uint64_t time_ns)
{
    struct flow_slot victim = victim_of(cache, first, second);
    return victim.bucket && flow_evict(cache, victim, time_ns);
}

/* All record indices are in use, though these two buckets may be empty: look further along. */
static bool evict_anywhere(struct flow_cache *cache, struct flow_bucket *first,
                           struct flow_bucket *second, uint64_t time_ns)
{
    struct flow_bucket *spare = flow_admission_spare(cache, first, second);
    if (spare)
        return flow_evict_from(cache, spare, NULL, time_ns);
    if (bucket_leavable(first) || bucket_leavable(second))
        return flow_evict_from(cache, first, second, time_ns);
    uint64_t start = (uint64_t)(first - cache->buckets);
    for (uint64_t step = 1; step <= cache->bucket_mask; step++) {
        struct flow_bucket *bucket = &cache->buckets[(start + step) & cache->bucket_mask];
        if (bucket_leavable(bucket))
            return flow_evict_from(cache, bucket, NULL, time_ns);
    }
    return false;
}

/* A bucket for HASH that has a free slot, with a free record index; NULL if no room can be made. If
 * every index is in use and the first bucket has a record that is no great loss, the other one is
 * not even read: in a flood this is what each packet comes to. */
static struct flow_bucket *make_room(struct flow_cache *cache, struct flow_bucket *first,
                                     uint64_t hash, uint64_t time_ns)
{
    bool full = cache->free_count == 0 && cache->unused == cache->flows_max;
    if (full && bucket_expendable(first))
        return flow_evict_from(cache, first, NULL, time_ns) ? first : NULL;
    struct flow_bucket *second = other_bucket(cache, first, hash_tag(hash));
    bool crowded = first->occupied == 0xff && second->occupied == 0xff;
    if (crowded && !flow_evict_from(cache, first, second, time_ns))
        return NULL;
    if (full && !crowded && !evict_anywhere(cache, first, second, time_ns))
        return NULL;
    int used = __builtin_popcount(first->occupied);
    bool calm = used < BUCKET_CALM || __builtin_popcount(second->occupied) >= used;
    return calm ? first : second;
}

struct flow_slot flow_place(struct flow_cache *cache, uint64_t hash, uint64_t time_ns)
{
    struct flow_bucket *first = first_bucket(cache, hash);
    struct flow_bucket *bucket = make_room(cache, first, hash, time_ns);
    if (!bucket)
        return (struct flow_slot){NULL, 0};
    unsigned slot = (unsigned)__builtin_ctz(~(unsigned)bucket->occupied);
    uint8_t bit = (uint8_t)(1u << slot);
    bucket->occupied |= bit;
    bucket->tag[slot] = hash_tag(hash);
    if (bucket != first) {
        bucket->foreign |= bit;
        if (first->overflow != BUCKET_OVERFLOW_MAX)
            first->overflow++;
    }
    bucket->index[slot] =
        cache->free_count ? cache->free_list[--cache->free_count] : cache->unused++;
    return (struct flow_slot){bucket, slot};
}

bool flow_insert(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                 const struct packet_facts *facts, unsigned i, struct flow_ref *ref)
{
    cache->admission.offered++;
    if (__builtin_expect(cache->admission.aggregating, 0) &&
        flow_admission_aggregate(cache, hash, batch, facts, i, ref))
        return true;
    flow_watch_prefetch(cache, &facts->key);
    struct flow_slot at = flow_place(cache, hash, batch->timestamp_ns[i]);
    if (!at.bucket)
        return false;
    uint32_t index = at.bucket->index[at.slot];
    start_flow(cache, index, batch, facts, i);
    flow_watch_ref(cache, index, true, facts, i, ref);
    take_packet(cache, at, batch, facts, i);
    return true;
}

/* ---- a hit that finds its record over ---- */

/* The ring is full, or the kernel has counts of the flow that are not in the record yet: the old
 * record waits in its slot, unreachable, and the flow goes on in another one. False if there is no
 * other. */
static bool set_aside(struct flow_cache *cache, struct flow_slot *at, uint64_t hash,
                      enum flow_end_reason reason, uint64_t time_ns)
{
    uint32_t old = at->bucket->index[at->slot];
    uint8_t bit = (uint8_t)(1u << at->slot);
    at->bucket->done |= bit; /* so that it is not the one to make room */
    struct flow_slot other = flow_place(cache, hash, time_ns);
    if (!other.bucket) {
        at->bucket->done &= (uint8_t)~bit;
        return false;
    }
    put_out_of_reach(cache, *at, reason);
    uint32_t index = other.bucket->index[other.slot];
    cache->hot[index] = cache->hot[old];
    cache->hot6[index] = cache->hot6[old];
    cache->cold[index] = cache->cold[old];
    cache->cold[index].end_reason = FLOW_END_NONE;
    if (flow_state(&cache->hot[old]) & FLOW_STATE_EXTRA)
        flow_extra_copy(cache, index, cache, old);
    flow_note_id(cache, index);
    *at = other;
    return true;
}

/* A new connection on the ports of one that is over. */
static bool reopens(const struct flow_hot *hot, const struct packet_facts *facts)
{
    return (flow_state(hot) & FLOW_STATE_CLOSING) && (facts->facts & PACKET_FACT_TCP) &&
           (facts->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* Carries are 16 bits; long before they can overflow, even without an active timeout, the record is
 * cut as if by one. */
static bool nearly_overflows(const struct flow_cold *cold)
{
    return ((cold->packets_carry[0] | cold->packets_carry[1] | cold->octets_carry[0] |
             cold->octets_carry[1]) &
            0x8000) != 0;
}

/* Whether the record is over for a packet of time TIME_NS, and why; FLOW_END_NONE if not. */
static enum flow_end_reason over_at(const struct flow_deadline *d, const struct flow_hot *hot,
                                    const struct packet_facts *facts, uint64_t time_ns)
{
    if (time_ns < newest_ns(hot))
        return FLOW_END_NONE;
    if (time_ns >= d->time_ns)
        return d->reason;
    bool syn =
        (facts->facts & PACKET_FACT_TCP) && (facts->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    return syn && (flow_state(hot) & FLOW_STATE_CLOSING) ? FLOW_END_DETECTED : FLOW_END_NONE;
}

/* A packet of a flow that the kernel counts was delivered to the slow path. Silence cannot be
 * judged before the kernel's counts are in the record, nor is a connection that opens or closes
 * counted there. Returns what REASON becomes. */
static enum flow_end_reason follow_pinned(struct flow_cache *cache, struct flow_slot at,
                                          const struct packet_facts *facts,
                                          enum flow_end_reason reason)
{
    if (reason == FLOW_END_NONE && !(facts->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST)))
        return reason;
    flow_kernel_take_back(cache, at);
    return reason == FLOW_END_IDLE ? FLOW_END_NONE : reason;
}

bool flow_update_slowly(struct flow_cache *cache, struct flow_slot at, uint64_t hash,
                        const struct packet_batch *batch, const struct packet_facts *facts,
                        unsigned i, struct flow_ref *ref)
{
    uint32_t index = at.bucket->index[at.slot];
    uint64_t time_ns = batch->timestamp_ns[i];
    struct flow_deadline d = flow_deadline(cache, &cache->hot[index], &cache->cold[index]);
    enum flow_end_reason reason = over_at(&d, &cache->hot[index], facts, time_ns);
    if (reason == FLOW_END_NONE && nearly_overflows(&cache->cold[index]))
        reason = FLOW_END_ACTIVE;
    bool pinned = at.bucket->pinned >> at.slot & 1;
    if (pinned)
        reason = follow_pinned(cache, at, facts, reason);
    bool fresh = false;
    if (reason != FLOW_END_NONE) {
        fresh =
            reason != FLOW_END_ACTIVE || time_ns >= d.idle_ns || reopens(&cache->hot[index], facts);
        if (has_packets(&cache->cold[index]) && (pinned || !flow_emit(cache, index, reason)) &&
            !set_aside(cache, &at, hash, reason, time_ns))
            return false;
        index = at.bucket->index[at.slot];
        uint8_t bit = (uint8_t)(1u << at.slot);
        if (fresh) {
            at.bucket->many &= (uint8_t)~bit;
            flow_names_drop(cache, index);
            start_flow(cache, index, batch, facts, i);
        } else {
            at.bucket->many |= bit;
            flow_continue(cache, index, time_ns);
        }
    } else if (!has_packets(&cache->cold[index])) {
        flow_continue(cache, index, time_ns);
        reason = FLOW_END_ACTIVE;
    }
    flow_watch_ref(cache, index, reason != FLOW_END_NONE, facts, i, ref);
    take_packet(cache, at, batch, facts, i);
    return true;
}
