/*
 * The bounded fragment table: chained hash over a fixed array, with one age list through all
 * entries. Called by parse_transport.c on the worker thread; the parser owns it.
 */
#include "parse/fragment_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, NONE = 0xffff };
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a power of two");
static_assert((int)FRAGMENT_TABLE_ENTRIES < (int)NONE, "indices are 16 bits");
static_assert(sizeof(struct fragment_key) == 40, "hashed and compared as 40 bytes");

struct fragment_entry {
    struct fragment_key key;
    uint64_t timestamp_ns;
    struct fragment_ports ports;
    uint16_t chain; /* next of the same bucket */
    uint16_t older; /* age list */
    uint16_t younger;
};
static_assert(sizeof(struct fragment_entry) == 64, "one cache line");

struct fragment_table {
    uint64_t seed[2];
    uint16_t used; /* entries taken from the array; then the oldest is taken over */
    uint16_t oldest;
    uint16_t youngest;
    uint16_t bucket[BUCKETS];
    struct fragment_entry entry[FRAGMENT_TABLE_ENTRIES];
};

struct fragment_table *fragment_table_create(const uint64_t seed[2])
{
    struct fragment_table *table = malloc(sizeof *table);
    if (!table)
        return NULL;
    memcpy(table->seed, seed, sizeof table->seed);
    table->used = 0;
    table->oldest = table->youngest = NONE;
    memset(table->bucket, 0xff, sizeof table->bucket);
    return table;
}

void fragment_table_destroy(struct fragment_table *table)
{
    free(table);
}

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of the key: nobody outside can aim at one bucket. */
static uint32_t bucket_of(const struct fragment_table *table, const struct fragment_key *key)
{
    uint64_t word[sizeof *key / 8];
    memcpy(word, key, sizeof word);
    uint64_t v[4] = {table->seed[0] ^ 0x736f6d6570736575u, table->seed[1] ^ 0x646f72616e646f6du,
                     table->seed[0] ^ 0x6c7967656e657261u, table->seed[1] ^ 0x7465646279746573u};
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
        v[3] ^= word[i];
        sip_round(v);
        v[0] ^= word[i];
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]) & (BUCKETS - 1);
}

static struct fragment_entry *lookup(struct fragment_table *table, const struct fragment_key *key,
                                     uint32_t bucket)
{
    for (uint16_t i = table->bucket[bucket]; i != NONE; i = table->entry[i].chain) {
        if (memcmp(&table->entry[i].key, key, sizeof *key) == 0)
            return &table->entry[i];
    }
    return NULL;
}

static void age_unlink(struct fragment_table *table, struct fragment_entry *entry)
{
    if (entry->older != NONE)
        table->entry[entry->older].younger = entry->younger;
    else
        table->oldest = entry->younger;
    if (entry->younger != NONE)
        table->entry[entry->younger].older = entry->older;
    else
        table->youngest = entry->older;
}

static void age_append(struct fragment_table *table, struct fragment_entry *entry)
{
    uint16_t index = (uint16_t)(entry - table->entry);
    entry->older = table->youngest;
    entry->younger = NONE;
    if (table->youngest != NONE)
        table->entry[table->youngest].younger = index;
    else
        table->oldest = index;
    table->youngest = index;
}

static void chain_unlink(struct fragment_table *table, const struct fragment_entry *entry)
{
    uint16_t index = (uint16_t)(entry - table->entry);
    uint16_t *link = &table->bucket[bucket_of(table, &entry->key)];
    while (*link != index)
        link = &table->entry[*link].chain;
    *link = entry->chain;
}

/* Packets can be out of order, so the distance counts in both directions. */
static bool alive(const struct fragment_entry *entry, uint64_t now_ns)
{
    uint64_t distance_ns =
        now_ns > entry->timestamp_ns ? now_ns - entry->timestamp_ns : entry->timestamp_ns - now_ns;
    return distance_ns <= FRAGMENT_LIFETIME_NS;
}

bool fragment_table_insert(struct fragment_table *table, const struct fragment_key *key,
                           const struct fragment_ports *ports, uint64_t timestamp_ns)
{
    bool evicted = false;
    uint32_t bucket = bucket_of(table, key);
    struct fragment_entry *entry = lookup(table, key, bucket);
    if (entry) {
        age_unlink(table, entry);
    } else {
        if (table->used < FRAGMENT_TABLE_ENTRIES) {
            entry = &table->entry[table->used++];
        } else {
            entry = &table->entry[table->oldest];
            evicted = alive(entry, timestamp_ns);
            age_unlink(table, entry);
            chain_unlink(table, entry);
        }
        entry->key = *key;
        entry->chain = table->bucket[bucket];
        table->bucket[bucket] = (uint16_t)(entry - table->entry);
    }
    entry->ports = *ports;
    entry->timestamp_ns = timestamp_ns;
    age_append(table, entry);
    return evicted;
}

bool fragment_table_find(struct fragment_table *table, const struct fragment_key *key,
                         uint64_t timestamp_ns, struct fragment_ports *ports)
{
    const struct fragment_entry *entry = lookup(table, key, bucket_of(table, key));
    if (!entry || !alive(entry, timestamp_ns))
        return false;
    *ports = entry->ports;
    return true;
}
