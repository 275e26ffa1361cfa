/* The table of prefix aggregates. See flow_aggregate.h. */
#include "flow/flow_aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { ROWS = AGGREGATE_STEPS * AGGREGATE_BUCKETS * AGGREGATE_WAYS, SWEEP_GROUPS = 64 };
static const uint64_t ns_per_s = 1000000000u;
/* Beyond this the carries of the cold row could overflow: the aggregate is cut before. */
static const uint64_t octets_max = 1ull << 54;
static const uint64_t packets_max = 1ull << 38;

struct aggregate {
    struct aggregate_key key;
    uint64_t packets; /* 0: the row is free */
    uint64_t octets;
    uint64_t first_ns;
    uint64_t last_ns;
    uint64_t origin_ns; /* of the active timeout */
    uint16_t tcp_flags;
    uint16_t port;
    uint8_t initial_flags;
    uint8_t tos;
    uint8_t ttl_min;
    uint8_t ttl_max;
    bool egress;
};

struct aggregate_table {
    struct aggregate_config config;
    uint64_t *ended; /* not owned */
    uint64_t swept;  /* groups of rows since 1970 */
    uint64_t started;
    uint64_t evicted;
    uint32_t flushed; /* rows that an interrupted flush has passed */
    struct aggregate rows[ROWS];
};

static void copy_prefix(uint8_t *to, const uint8_t *from, unsigned bits)
{
    memcpy(to, from, bits / 8);
    if (bits % 8)
        to[bits / 8] = (uint8_t)(from[bits / 8] & (0xff00u >> (bits % 8)));
}

void aggregate_key_of(struct aggregate_key *key, const struct aggregate_config *config,
                      const struct packet_facts *facts, enum aggregate_step step)
{
    const struct flow_key *flow = &facts->key;
    bool six = flow->family == 6;
    const uint8_t *a = six ? flow->address6_a : (const uint8_t *)&flow->head.address_a;
    const uint8_t *b = six ? flow->address6_b : (const uint8_t *)&flow->head.address_b;
    uint8_t length = six ? config->ipv6_prefix_length : config->ipv4_prefix_length;
    memset(key, 0, sizeof *key);
    key->family = flow->family;
    key->protocol = flow->head.protocol;
    memcpy(key->vlan, flow->head.vlan, sizeof key->vlan);
    if (step == AGGREGATE_BOTH || step == AGGREGATE_FROM) {
        key->source_length = length;
        copy_prefix(key->source, facts->side ? b : a, length);
    }
    if (step == AGGREGATE_BOTH || step == AGGREGATE_TO) {
        key->destination_length = length;
        copy_prefix(key->destination, facts->side ? a : b, length);
    }
}

struct aggregate_table *aggregate_table_create(const struct aggregate_config *config,
                                               struct error *error)
{
    check(config->ipv4_prefix_length <= 32 && config->ipv6_prefix_length <= 128);
    struct aggregate_table *table = calloc(1, sizeof *table);
    if (!table) {
        error_set(error, "no memory for prefix aggregates");
        return NULL;
    }
    table->config = *config;
    return table;
}

void aggregate_table_attach(struct aggregate_table *table, uint64_t *ended)
{
    table->ended = ended;
}

void aggregate_table_set_timeouts(struct aggregate_table *table, uint64_t idle_ns,
                                  uint64_t active_ns)
{
    table->config.idle_ns = idle_ns;
    table->config.active_ns = active_ns;
}

void aggregate_table_destroy(struct aggregate_table *table)
{
    free(table);
}

/* ---- one row ---- */

/* The hot line: counters less what the cold row carries, as in flow_record.h. */
static void fill_hot(const struct aggregate *row, struct flow_hot *hot)
{
    const struct aggregate_key *key = &row->key;
    bool six = key->family == 6;
    memset(hot, 0, sizeof *hot);
    if (six) {
        hot->key.address_a = flow_key_fold6(key->source);
        hot->key.address_b = flow_key_fold6(key->destination);
    } else {
        memcpy(&hot->key.address_a, key->source, 4);
        memcpy(&hot->key.address_b, key->destination, 4);
    }
    hot->key.protocol = key->protocol;
    memcpy(hot->key.vlan, key->vlan, sizeof key->vlan);
    uint64_t packets = row->packets & ((1ull << (FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS)) - 1);
    uint64_t octets = row->octets & ((1ull << FLOW_CARRY_OCTET_BIT) - 1);
    hot->counter[0] = packets << FLOW_OCTET_BITS | octets;
    hot->last_ns[0] = row->last_ns;
    hot->start_s = (uint32_t)(row->origin_ns / ns_per_s);
    unsigned state = FLOW_STATE_EXTRA | (six ? FLOW_STATE_IPV6 : 0);
    hot->flags_state = row->tcp_flags | (uint32_t)state << 24;
    hot->ttl_min[0] = row->ttl_min;
    hot->ttl_max[0] = row->ttl_max;
    hot->tos[0] = row->tos;
    hot->initial_flags[0] = row->initial_flags;
}

static void fill_cold(const struct aggregate *row, struct flow_cold *cold,
                      enum flow_end_reason reason)
{
    memset(cold, 0, sizeof *cold);
    cold->first_ns[0] = row->first_ns;
    cold->first_ns[1] = UINT64_MAX;
    cold->packets_carry[0] = (uint16_t)(row->packets >> (FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS));
    cold->octets_carry[0] = (uint16_t)(row->octets >> FLOW_CARRY_OCTET_BIT);
    cold->port[0] = row->port;
    cold->port[1] = 0xffff;
    cold->end_reason = (uint8_t)reason;
    cold->marks = row->egress ? FLOW_MARK_DIRECTION_A : 0;
    cold->start_fraction_ns = (uint32_t)(row->origin_ns % ns_per_s);
}

/* Copies the row onto the ring and frees it. False if the ring is full: nothing happened. */
static bool emit(struct aggregate_table *table, struct aggregate *row, enum flow_end_reason reason)
{
    bool six = row->key.family == 6;
    uint8_t *line = record_ring_reserve(table->config.ring, six ? 4 : 3);
    if (!line)
        return false;
    fill_hot(row, (struct flow_hot *)(void *)line);
    line += FLOW_LINE;
    if (six) {
        struct flow_hot6 *hot6 = (struct flow_hot6 *)(void *)line;
        memset(hot6, 0, sizeof *hot6);
        memcpy(hot6->address_a, row->key.source, 16);
        memcpy(hot6->address_b, row->key.destination, 16);
        line += FLOW_LINE;
    }
    fill_cold(row, (struct flow_cold *)(void *)line, reason);
    line += FLOW_LINE;
    struct flow_extra *extra = (struct flow_extra *)(void *)line;
    memset(extra, 0, sizeof *extra);
    extra->aggregate = 1;
    extra->source_prefix_length = row->key.source_length;
    extra->destination_prefix_length = row->key.destination_length;
    ledger_count(&table->config.ledger->records_out, 1);
    table->ended[reason]++;
    row->packets = 0;
    return true;
}

static uint64_t deadline(const struct aggregate_table *table, const struct aggregate *row,
                         enum flow_end_reason *reason)
{
    uint64_t idle = row->last_ns + table->config.idle_ns;
    uint64_t active = row->origin_ns + table->config.active_ns;
    *reason = active < idle ? FLOW_END_ACTIVE : FLOW_END_IDLE;
    return active < idle ? active : idle;
}

/* Ends ROW if it is over at NOW_NS. False if the ring is full: it lives on. */
static bool end_if_over(struct aggregate_table *table, struct aggregate *row, uint64_t now_ns)
{
    enum flow_end_reason reason;
    uint64_t over_ns = deadline(table, row, &reason);
    if (row->octets >= octets_max || row->packets >= packets_max) {
        reason = FLOW_END_ACTIVE;
        over_ns = 0;
    }
    return now_ns < over_ns || emit(table, row, reason);
}

static void count(struct aggregate_table *table, struct aggregate *row,
                  const struct packet_facts *facts, uint64_t time_ns, uint16_t port, bool egress)
{
    if (row->packets == 0) {
        ledger_count(&table->config.ledger->flows, 1);
        table->started++;
        row->octets = 0;
        row->first_ns = row->last_ns = row->origin_ns = time_ns;
        row->tcp_flags = 0;
        row->initial_flags = (uint8_t)facts->tcp_flags;
        row->port = port;
        row->tos = facts->tos;
        row->ttl_min = row->ttl_max = facts->ttl;
        row->egress = egress;
    }
    row->packets++;
    row->octets += facts->ip_octets;
    row->first_ns = time_ns < row->first_ns ? time_ns : row->first_ns;
    row->last_ns = time_ns > row->last_ns ? time_ns : row->last_ns;
    row->tcp_flags |= facts->tcp_flags;
    row->ttl_min = facts->ttl < row->ttl_min ? facts->ttl : row->ttl_min;
    row->ttl_max = facts->ttl > row->ttl_max ? facts->ttl : row->ttl_max;
}

/* ---- the table ---- */

/* Keyed by a secret, so that nobody outside can aim at one bucket; if somebody did, prefixes would
 * get coarser, and nothing else. */
static struct aggregate *bucket_of(struct aggregate_table *table, const struct aggregate_key *key,
                                   enum aggregate_step step)
{
    uint64_t words[sizeof *key / 8];
    memcpy(words, key, sizeof *key);
    uint64_t hash = table->config.seed[0];
    for (unsigned i = 0; i < sizeof *key / 8; i++) {
        unsigned __int128 product =
            (unsigned __int128)(hash ^ words[i]) * (table->config.seed[1 + i % 3] | 1);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ words[i];
    }
    hash ^= hash >> 32;
    uint64_t bucket = step * AGGREGATE_BUCKETS + (hash ^ hash >> 7) % AGGREGATE_BUCKETS;
    return &table->rows[bucket * AGGREGATE_WAYS];
}

/* The row of KEY in BUCKET, else a free one, else NULL. */
static struct aggregate *find(struct aggregate *bucket, const struct aggregate_key *key)
{
    struct aggregate *free_row = NULL;
    for (unsigned way = 0; way < AGGREGATE_WAYS; way++) {
        struct aggregate *row = &bucket[way];
        if (row->packets == 0)
            free_row = free_row ? free_row : row;
        else if (memcmp(&row->key, key, sizeof *key) == 0)
            return row;
    }
    return free_row;
}

static struct aggregate *oldest(struct aggregate *bucket)
{
    struct aggregate *best = bucket;
    for (unsigned way = 1; way < AGGREGATE_WAYS; way++)
        if (bucket[way].last_ns < best->last_ns)
            best = &bucket[way];
    return best;
}

bool aggregate_table_add(struct aggregate_table *table, const struct packet_facts *facts,
                         uint64_t time_ns, uint16_t port, bool egress)
{
    struct aggregate_key key;
    struct aggregate *row = NULL;
    for (enum aggregate_step step = AGGREGATE_BOTH; !row; step++) {
        aggregate_key_of(&key, &table->config, facts, step);
        struct aggregate *bucket = bucket_of(table, &key, step);
        row = find(bucket, &key);
        if (row || step != AGGREGATE_NEITHER)
            continue;
        row = oldest(bucket);
        if (!emit(table, row, FLOW_END_RESOURCES))
            return false;
        table->evicted++;
    }
    /* If the ring is full an aggregate that is over goes on: its totals are as exact. */
    if (row->packets)
        end_if_over(table, row, time_ns);
    if (row->packets == 0)
        row->key = key;
    count(table, row, facts, time_ns, port, egress);
    return true;
}

void aggregate_table_sweep(struct aggregate_table *table, uint64_t now_ns)
{
    uint64_t target =
        now_ns / ns_per_s * SWEEP_GROUPS + now_ns % ns_per_s * SWEEP_GROUPS / ns_per_s;
    if (target < table->swept) /* time starts anew, and the table is empty */
        table->swept = target;
    if (target - table->swept > SWEEP_GROUPS)
        table->swept = target - SWEEP_GROUPS;
    for (; table->swept < target; table->swept++) {
        struct aggregate *row = &table->rows[table->swept % SWEEP_GROUPS * (ROWS / SWEEP_GROUPS)];
        for (unsigned i = 0; i < ROWS / SWEEP_GROUPS; i++)
            if (row[i].packets && !end_if_over(table, &row[i], now_ns))
                return;
    }
}

bool aggregate_table_flush_part(struct aggregate_table *table, uint64_t now_ns,
                                enum flow_end_reason reason, uint32_t rows)
{
    for (; table->flushed < ROWS; table->flushed++, rows--) {
        if (rows == 0)
            return false;
        struct aggregate *row = &table->rows[table->flushed];
        enum flow_end_reason own;
        if (row->packets && !emit(table, row, deadline(table, row, &own) <= now_ns ? own : reason))
            return false;
    }
    table->flushed = 0;
    return true;
}

bool aggregate_table_flush(struct aggregate_table *table, uint64_t now_ns,
                           enum flow_end_reason reason)
{
    return aggregate_table_flush_part(table, now_ns, reason, ROWS);
}

void aggregate_table_walk(const struct aggregate_table *table, struct ledger_pair *sum)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (table->rows[i].packets == 0)
            continue;
        sum->packets += table->rows[i].packets;
        sum->octets += table->rows[i].octets;
    }
}

uint64_t aggregate_table_started(const struct aggregate_table *table)
{
    return table->started;
}

uint64_t aggregate_table_evicted(const struct aggregate_table *table)
{
    return table->evicted;
}
