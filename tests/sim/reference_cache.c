/* The naive flow cache: see the header for what it is good for. */
#include "sim/reference_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
static const uint64_t never = UINT64_MAX;

struct entry {
    struct plain_record record;
    uint64_t origin_ns;  /* of the active timeout */
    uint64_t last_ns[2]; /* as the record's, but not forgotten at an active cut */
    uint32_t fin_end[2];
    bool fin_seen[2];
    bool fin_acknowledged[2];
    bool closing;
};

struct reference_cache {
    struct reference_config config;
    struct plain_list *list;
    struct entry **entries; /* sorted by key */
    uint32_t count;
    uint32_t capacity;
    uint64_t flow_ids;
};

struct reference_cache *reference_create(const struct reference_config *config,
                                         struct plain_list *list)
{
    struct reference_cache *cache = calloc(1, sizeof *cache);
    check(cache != NULL);
    cache->config = *config;
    cache->list = list;
    return cache;
}

void reference_destroy(struct reference_cache *cache)
{
    if (!cache)
        return;
    for (uint32_t i = 0; i < cache->count; i++)
        free(cache->entries[i]);
    free(cache->entries);
    free(cache);
}

/* The place of KEY, or where it belongs. */
static uint32_t place(const struct reference_cache *cache, const struct plain_key *key, bool *found)
{
    uint32_t low = 0;
    uint32_t high = cache->count;
    *found = false;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = memcmp(&cache->entries[middle]->record.key, key, sizeof *key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool empty(const struct entry *e)
{
    return e->record.side[0].packets == 0 && e->record.side[1].packets == 0;
}

static uint64_t newest(const struct entry *e)
{
    return e->last_ns[0] > e->last_ns[1] ? e->last_ns[0] : e->last_ns[1];
}

static uint64_t idle_deadline(const struct reference_cache *cache, const struct entry *e)
{
    uint64_t silence = cache->config.idle_timeout_ns ? cache->config.idle_timeout_ns : never;
    if (e->closing && cache->config.tcp_linger_ns < silence)
        silence = cache->config.tcp_linger_ns;
    return silence == never ? never : newest(e) + silence;
}

static uint64_t active_deadline(const struct reference_cache *cache, const struct entry *e)
{
    if (cache->config.active_timeout_ns == 0 || empty(e))
        return never;
    return e->origin_ns + cache->config.active_timeout_ns;
}

static void emit(struct reference_cache *cache, struct entry *e, enum flow_end_reason reason)
{
    if (empty(e))
        return;
    e->record.end_reason = (uint8_t)reason;
    if (reason == FLOW_END_ACTIVE)
        e->record.marks |= FLOW_MARK_CONTINUES;
    plain_list_add(cache->list, &e->record);
}

static void take_out(struct reference_cache *cache, uint32_t at)
{
    free(cache->entries[at]);
    cache->count--;
    memmove(&cache->entries[at], &cache->entries[at + 1],
            (cache->count - at) * sizeof(struct entry *));
}

/* The flow goes on in a record without packets. */
static void go_on(struct entry *e)
{
    memset(e->record.side, 0, sizeof e->record.side);
    e->record.marks &= (uint8_t)~FLOW_MARK_CONTINUES;
    e->record.marks |= FLOW_MARK_CONTINUED;
}

/* Applies what is over at TIME_NS. True if the entry is still there (perhaps empty). */
static bool expire(struct reference_cache *cache, uint32_t at, uint64_t time_ns)
{
    struct entry *e = cache->entries[at];
    uint64_t idle = idle_deadline(cache, e);
    uint64_t active = active_deadline(cache, e);
    if (time_ns < idle && time_ns < active)
        return true;
    if (active < idle) {
        emit(cache, e, FLOW_END_ACTIVE);
        go_on(e);
        e->origin_ns = active;
        if (time_ns < idle)
            return true;
    } else {
        emit(cache, e, e->closing ? FLOW_END_DETECTED : FLOW_END_IDLE);
    }
    take_out(cache, at);
    return false;
}

static struct entry *insert(struct reference_cache *cache, uint32_t at,
                            const struct packet_facts *facts, const uint8_t *frame,
                            uint64_t time_ns)
{
    if (cache->count == cache->capacity) {
        cache->capacity = cache->capacity ? cache->capacity * 2 : 64;
        cache->entries = realloc(cache->entries, cache->capacity * sizeof(struct entry *));
        check(cache->entries != NULL);
    }
    struct entry *e = calloc(1, sizeof *e);
    check(e != NULL);
    memmove(&cache->entries[at + 1], &cache->entries[at],
            (cache->count - at) * sizeof(struct entry *));
    cache->entries[at] = e;
    cache->count++;
    e->record.key = plain_key_of(&facts->key);
    e->record.flow_id = ++cache->flow_ids;
    e->record.initiator = facts->side;
    if ((facts->facts & PACKET_FACT_TCP) && !(facts->tcp_flags & SYN))
        e->record.marks |= FLOW_MARK_MID_STREAM;
    if ((facts->facts & PACKET_FACT_MACS) && frame) {
        const uint8_t *macs = frame + facts->mac_offset; /* destination, source */
        memcpy(facts->side ? e->record.mac_a : e->record.mac_b, macs, 6);
        memcpy(facts->side ? e->record.mac_b : e->record.mac_a, macs + 6, 6);
    }
    e->origin_ns = time_ns;
    return e;
}

static void count(struct entry *e, const struct packet_facts *facts, uint64_t time_ns,
                  uint16_t port)
{
    struct plain_side *s = &e->record.side[facts->side];
    if (s->packets == 0) {
        s->first_ns = s->last_ns = time_ns;
        s->initial_flags = (uint8_t)facts->tcp_flags;
        s->tos = facts->tos;
        s->ttl_min = s->ttl_max = facts->ttl;
        s->port = port;
        s->label_count = facts->label_count;
        memcpy(s->labels, facts->labels, (size_t)facts->label_count * 3);
    } else {
        s->later_flags |= (uint8_t)facts->tcp_flags;
    }
    s->packets++;
    s->octets += facts->ip_octets;
    s->tcp_flags |= facts->tcp_flags;
    s->first_ns = time_ns < s->first_ns ? time_ns : s->first_ns;
    s->last_ns = time_ns > s->last_ns ? time_ns : s->last_ns;
    s->ttl_min = facts->ttl < s->ttl_min ? facts->ttl : s->ttl_min;
    s->ttl_max = facts->ttl > s->ttl_max ? facts->ttl : s->ttl_max;
    e->last_ns[facts->side] = s->last_ns;
}

/* A conversation of an endpoint with itself has one direction only. */
static bool two_sided(const struct plain_key *key)
{
    const struct flow_key_head *head = &key->head;
    bool same = head->port_a == head->port_b && head->address_a == head->address_b &&
                memcmp(key->address6_a, key->address6_b, 16) == 0;
    return !same && flow_key_joins(head->protocol, head->port_a, head->port_b);
}

static void tcp(struct entry *e, const struct packet_facts *facts)
{
    unsigned side = facts->side;
    unsigned other = 1 - side;
    if ((facts->tcp_flags & SYN) && !(e->record.marks & FLOW_MARK_INITIATOR_SEEN)) {
        bool answer = (facts->tcp_flags & ACK) && two_sided(&e->record.key);
        e->record.initiator = (uint8_t)(answer ? other : side);
        e->record.marks |= FLOW_MARK_INITIATOR_SEEN;
    }
    if (facts->tcp_flags & FIN) {
        e->fin_seen[side] = true;
        e->fin_end[side] =
            facts->tcp_sequence + facts->tcp_payload_length + 1 + (facts->tcp_flags & SYN ? 1 : 0);
    }
    if ((facts->tcp_flags & ACK) && e->fin_seen[other] &&
        (int32_t)(facts->tcp_acknowledgement - e->fin_end[other]) >= 0)
        e->fin_acknowledged[other] = true;
    e->record.marks |= e->fin_acknowledged[0] ? FLOW_MARK_FIN_ACKED_A : 0;
    e->record.marks |= e->fin_acknowledged[1] ? FLOW_MARK_FIN_ACKED_B : 0;
    if ((facts->tcp_flags & RST) || (e->fin_acknowledged[0] && e->fin_acknowledged[1]))
        e->closing = true;
}

void reference_update(struct reference_cache *cache, const struct packet_facts *facts,
                      const uint8_t *frame, uint64_t time_ns, uint16_t port)
{
    bool found;
    struct plain_key key = plain_key_of(&facts->key);
    uint32_t at = place(cache, &key, &found);
    struct entry *e = found ? cache->entries[at] : NULL;
    if (e && time_ns >= newest(e)) {
        if (!expire(cache, at, time_ns)) {
            e = NULL;
        } else if (e->closing && (facts->tcp_flags & (SYN | ACK)) == SYN) {
            emit(cache, e, FLOW_END_DETECTED);
            take_out(cache, at);
            e = NULL;
        }
    }
    if (!e)
        e = insert(cache, at, facts, frame, time_ns);
    uint64_t active = cache->config.active_timeout_ns;
    if (active && time_ns >= e->origin_ns)
        e->origin_ns += (time_ns - e->origin_ns) / active * active;
    count(e, facts, time_ns, port);
    if (facts->facts & PACKET_FACT_TCP)
        tcp(e, facts);
    if (e->closing && cache->config.tcp_linger_ns == 0) {
        emit(cache, e, FLOW_END_DETECTED);
        take_out(cache, at);
    }
}

void reference_sweep(struct reference_cache *cache, uint64_t now_ns)
{
    for (uint32_t at = 0; at < cache->count;)
        if (expire(cache, at, now_ns))
            at++;
}

void reference_flush(struct reference_cache *cache, uint64_t now_ns, enum flow_end_reason reason)
{
    reference_sweep(cache, now_ns);
    while (cache->count > 0) {
        struct entry *e = cache->entries[cache->count - 1];
        emit(cache, e, e->closing ? FLOW_END_DETECTED : reason);
        take_out(cache, cache->count - 1);
    }
}

void reference_set_timeouts(struct reference_cache *cache, const struct reference_config *config)
{
    cache->config = *config;
}

bool reference_evict(struct reference_cache *cache, const struct plain_key *key)
{
    bool found;
    uint32_t at = place(cache, key, &found);
    if (!found)
        return false;
    emit(cache, cache->entries[at], FLOW_END_RESOURCES);
    take_out(cache, at);
    return true;
}

bool reference_safe(const struct reference_cache *cache, const struct flow_key *key,
                    uint64_t time_ns, uint64_t known_ns)
{
    bool found;
    struct plain_key plain = plain_key_of(key);
    uint32_t at = place(cache, &plain, &found);
    if (!found)
        return true;
    const struct entry *e = cache->entries[at];
    uint64_t idle = idle_deadline(cache, e);
    uint64_t active = active_deadline(cache, e);
    uint64_t first = active < idle ? active : idle;
    if (known_ns < first)
        return true;
    return time_ns >= newest(e) && time_ns >= first && (known_ns < idle || time_ns >= idle);
}
