/*
 * The table of packets seen: buckets of one cache line with the hashes of seven packets, and what
 * was seen of each in two more lines. Called by the worker, which owns it, on its thread.
 *
 * A range of packets is walked three times, so that the memory that the next walk needs is on its
 * way: read the octets and ask for buckets; find the slot and ask for entries; compare.
 */
#include "packet/duplicate_table.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/check.h"

enum { SLOTS = 7, BUCKETS = DUPLICATE_TABLE_ENTRIES / SLOTS, WORDS = DUPLICATE_OCTETS / 8 };
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a power of two");
static_assert((int)BUCKETS * (int)SLOTS == (int)DUPLICATE_TABLE_ENTRIES, "no entry without a slot");

/* What is compared of a packet. */
struct packet_print {
    uint64_t word[WORDS]; /* octets of the packet, what routers change and what is not there 0 */
    uint64_t octets;      /* its IP length: a header may leave it open */
};

struct bucket {
    uint64_t hash[SLOTS]; /* 0: empty */
    uint64_t next;        /* slot that the next packet takes: the one taken longest ago */
};
static_assert(sizeof(struct bucket) == 64, "one cache line");

/* A packet, and on which observation points how many like it were seen since START_NS. */
struct seen {
    struct packet_print print;
    uint64_t start_ns;
    uint32_t count[DUPLICATE_POINTS_MAX];
    uint16_t point[DUPLICATE_POINTS_MAX];
    uint16_t points; /* of these in use */
    uint32_t unused;
};
static_assert(sizeof(struct seen) == 128, "two cache lines");

struct duplicate_table {
    struct duplicate_counters counters;
    uint64_t window_ns;
    uint64_t key[WORDS + 2];
    struct bucket *buckets; /* both in the arena */
    struct seen *seen;
    struct arena arena;
};

struct duplicate_table *duplicate_table_create(uint64_t window_ns, struct error *error)
{
    struct duplicate_table *table = calloc(1, sizeof *table);
    if (!table) {
        error_set(error, "no memory for the table of duplicates");
        return NULL;
    }
    table->window_ns = window_ns;
    if (getrandom(table->key, sizeof table->key, 0) != (ssize_t)sizeof table->key) {
        error_set(error, "no random key for the table of duplicates: %s", strerror(errno));
        free(table);
        return NULL;
    }
    const size_t buckets = BUCKETS * sizeof *table->buckets;
    const size_t seen = DUPLICATE_TABLE_ENTRIES * sizeof *table->seen;
    if (!arena_map(&table->arena, buckets + seen, ARENA_DENSE, error)) {
        free(table);
        return NULL;
    }
    table->buckets = table->arena.memory;
    table->seen = (struct seen *)(void *)((uint8_t *)table->arena.memory + buckets);
    return table;
}

void duplicate_table_set_window(struct duplicate_table *table, uint64_t window_ns)
{
    table->window_ns = window_ns;
}

void duplicate_table_destroy(struct duplicate_table *table)
{
    if (!table)
        return;
    arena_unmap(&table->arena);
    free(table);
}

const struct duplicate_counters *duplicate_counters(const struct duplicate_table *table)
{
    return &table->counters;
}

/* ---- what is compared ---- */

/* Bits that stay, as they lie in the packet; a router changes the others. */
static uint64_t first_word_mask(bool ipv6)
{
    static const uint8_t ipv4_bits[8] = {0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t ipv6_bits[8] = {0xf0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    uint64_t mask;
    memcpy(&mask, ipv6 ? ipv6_bits : ipv4_bits, sizeof mask);
    return mask;
}

static uint64_t second_word_mask(bool ipv6)
{
    static const uint8_t ipv4_bits[8] = {0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff};
    uint64_t mask = UINT64_MAX;
    if (!ipv6)
        memcpy(&mask, ipv4_bits, sizeof mask);
    return mask;
}

/* What lies behind the IP packet in the frame is padding. What was not captured counts as 0. */
static void read_print(struct packet_print *print, const struct packet_batch *batch, uint32_t i,
                       const struct packet_facts *facts)
{
    check(facts->ip_offset < batch->captured_length[i]);
    const uint8_t *ip = batch->data[i] + facts->ip_offset;
    uint32_t captured = batch->captured_length[i] - facts->ip_offset;
    uint32_t length = captured < facts->ip_octets ? captured : (uint32_t)facts->ip_octets;
    if (__builtin_expect(length >= DUPLICATE_OCTETS, 1)) {
        memcpy(print->word, ip, DUPLICATE_OCTETS);
    } else {
        memset(print->word, 0, DUPLICATE_OCTETS);
        memcpy(print->word, ip, length);
    }
    bool ipv6 = ip[0] >> 4 == 6;
    print->word[0] &= first_word_mask(ipv6);
    print->word[1] &= second_word_mask(ipv6);
    print->octets = facts->ip_octets;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The key keeps strangers from aiming at one bucket. Never 0, which marks an empty slot. */
static uint64_t hash_of(const struct duplicate_table *table, const struct packet_print *print)
{
    uint64_t sum = print->octets;
    for (int w = 0; w < WORDS; w += 2)
        sum += fold(print->word[w] ^ table->key[w], print->word[w + 1] ^ table->key[w + 1]);
    return fold(sum ^ table->key[WORDS], table->key[WORDS + 1] | 1) | 1;
}

/* ---- the table ---- */

static uint32_t bucket_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & (BUCKETS - 1);
}

/* The slot of HASH from FROM on, or SLOTS. */
static unsigned find_slot(const struct bucket *bucket, uint64_t hash, unsigned from)
{
    unsigned slot = from;
    while (slot < SLOTS && bucket->hash[slot] != hash)
        slot++;
    return slot;
}

static bool print_equal(const struct packet_print *a, const struct packet_print *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Times of different ports need not be in order, so the distance counts in both directions. */
static bool in_window(const struct duplicate_table *table, const struct seen *seen,
                      uint64_t time_ns)
{
    uint64_t distance_ns =
        time_ns > seen->start_ns ? time_ns - seen->start_ns : seen->start_ns - time_ns;
    return distance_ns <= table->window_ns;
}

static void start_anew(struct seen *seen, uint16_t point, uint64_t time_ns)
{
    seen->start_ns = time_ns;
    seen->point[0] = point;
    seen->count[0] = 1;
    seen->points = 1;
}

/* Notes one more packet like SEEN on POINT. Whether it is a copy of one: another point must have
 * had more of them so far. */
static bool note(struct duplicate_table *table, struct seen *seen, uint16_t point)
{
    uint32_t most = 0;
    uint32_t at = seen->points;
    for (uint32_t p = 0; p < seen->points; p++) {
        at = seen->point[p] == point ? p : at;
        most = seen->count[p] > most ? seen->count[p] : most;
    }
    if (at == seen->points) {
        if (seen->points == DUPLICATE_POINTS_MAX) {
            table->counters.duplicate_overruns++;
            return false;
        }
        seen->point[at] = point;
        seen->count[at] = 0;
        seen->points++;
    }
    return ++seen->count[at] <= most;
}

static void insert(struct duplicate_table *table, struct bucket *bucket, struct seen *entries,
                   const struct packet_print *print, uint64_t hash, uint16_t point,
                   uint64_t time_ns)
{
    uint64_t slot = bucket->next;
    struct seen *seen = &entries[slot];
    if (bucket->hash[slot] && in_window(table, seen, time_ns))
        table->counters.duplicate_evictions++;
    bucket->hash[slot] = hash;
    bucket->next = slot + 1 == SLOTS ? 0 : slot + 1;
    seen->print = *print;
    start_anew(seen, point, time_ns);
}

/* Whether the packet is a copy; it is remembered. */
static bool look_up(struct duplicate_table *table, const struct packet_print *print, uint64_t hash,
                    uint16_t point, uint64_t time_ns)
{
    struct bucket *bucket = &table->buckets[bucket_of(hash)];
    struct seen *entries = &table->seen[(size_t)bucket_of(hash) * SLOTS];
    for (unsigned slot = find_slot(bucket, hash, 0); slot < SLOTS;
         slot = find_slot(bucket, hash, slot + 1)) {
        struct seen *seen = &entries[slot];
        if (!print_equal(&seen->print, print))
            continue;
        if (in_window(table, seen, time_ns))
            return note(table, seen, point);
        start_anew(seen, point, time_ns);
        return false;
    }
    insert(table, bucket, entries, print, hash, point, time_ns);
    return false;
}

/* Asks for the lines of the entry that look_up() will read or write first. */
static void fetch_entry(const struct duplicate_table *table, uint64_t hash)
{
    const struct bucket *bucket = &table->buckets[bucket_of(hash)];
    unsigned slot = find_slot(bucket, hash, 0);
    const struct seen *seen =
        &table->seen[(size_t)bucket_of(hash) * SLOTS + (slot < SLOTS ? slot : bucket->next)];
    __builtin_prefetch(seen, 1);
    __builtin_prefetch((const uint8_t *)seen + 64, 1);
}

uint64_t duplicate_table_find(struct duplicate_table *table, const struct packet_batch *batch,
                              const struct packet_facts facts[PACKET_BATCH_MAX], uint32_t first,
                              uint32_t count, uint64_t usable)
{
    check(count <= PACKET_BATCH_MAX && first + count <= batch->count);
    struct packet_print prints[PACKET_BATCH_MAX];
    uint64_t hashes[PACKET_BATCH_MAX];
    uint64_t copies = 0;
    for (uint32_t i = first; i < first + count; i++) {
        if (!(usable >> i & 1))
            continue;
        read_print(&prints[i], batch, i, &facts[i]);
        hashes[i] = hash_of(table, &prints[i]);
        __builtin_prefetch(&table->buckets[bucket_of(hashes[i])], 1);
    }
    for (uint32_t i = first; i < first + count; i++)
        if (usable >> i & 1)
            fetch_entry(table, hashes[i]);
    for (uint32_t i = first; i < first + count; i++) {
        if (!(usable >> i & 1))
            continue;
        /* Captures that share a port have their own numbers, and devices that have none do not. */
        uint16_t point = (uint16_t)(batch->port[i] + batch->capture[i]);
        if (look_up(table, &prints[i], hashes[i], point, batch->timestamp_ns[i]))
            copies |= 1ull << i;
    }
    return copies;
}
