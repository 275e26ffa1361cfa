/*
 * Rows in an array, found by a hash of what they have in common and kept in a list by the age of
 * their last finding. Hosts are strangers, so the hash has a key of its own.
 */
#include "alert_table.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What findings of one row have in common; every octet is set. */
struct identity {
    uint32_t number;
    uint8_t kind, family, protocol, listed;
    uint16_t server_port;
    uint8_t reserved[6];
    uint8_t client[16], server[16];
};
static_assert(sizeof(struct identity) == 48, "no gaps: it is compared by octets");

/* Indices are + 1; 0: none. */
struct entry {
    struct alert_row row; /* the first: a row is its entry */
    struct identity identity;
    uint32_t chained; /* the next of its bucket */
    uint32_t older, newer;
};

struct alert_table {
    uint32_t rows_max, count;
    uint32_t newest, oldest;
    uint64_t replaced;
    uint64_t key[2];
    uint32_t bucket_mask;
    uint32_t *buckets;     /* owned */
    struct entry *entries; /* owned */
};

/* Makes the arrays for TABLE's rows. */
static bool make_arrays(struct alert_table *table)
{
    uint32_t buckets = 16;
    while (buckets < table->rows_max)
        buckets *= 2;
    table->bucket_mask = buckets - 1;
    table->buckets = calloc(buckets, sizeof *table->buckets);
    table->entries = calloc(table->rows_max, sizeof *table->entries);
    return table->buckets && table->entries;
}

struct alert_table *alert_table_create(uint32_t rows_max, struct error *error)
{
    struct alert_table *table = calloc(1, sizeof *table);
    if (table) {
        table->rows_max = rows_max;
        if (make_arrays(table) &&
            getrandom(table->key, sizeof table->key, 0) == (ssize_t)sizeof table->key)
            return table;
    }
    alert_table_destroy(table);
    error_set(error, "no memory for %u alerts", rows_max);
    return NULL;
}

void alert_table_destroy(struct alert_table *table)
{
    if (!table)
        return;
    free(table->buckets);
    free(table->entries);
    free(table);
}

/* ---- finding ---- */

static struct identity identity_of(const struct alert *alert)
{
    const struct flow_key *key = &alert->key;
    unsigned client = alert->side ? 1 : 0;
    struct identity id = {.number = alert->number,
                          .kind = alert->kind,
                          .family = key->family,
                          .protocol = key->head.protocol,
                          .listed = alert->kind == ALERT_LIST ? alert->listed : 0,
                          .server_port = client ? key->head.port_a : key->head.port_b};
    const void *a = key->family == 6 ? (const void *)key->address6_a : &key->head.address_a;
    const void *b = key->family == 6 ? (const void *)key->address6_b : &key->head.address_b;
    size_t octets = key->family == 6 ? 16 : 4;
    memcpy(id.client, client ? b : a, octets);
    memcpy(id.server, client ? a : b, octets);
    return id;
}

static uint32_t bucket_of(const struct alert_table *table, const struct identity *id)
{
    uint64_t words[sizeof *id / sizeof(uint64_t)], hash = table->key[0];
    memcpy(words, id, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * (table->key[1] | 1);
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash >> 32 ^ hash) & table->bucket_mask;
}

static uint32_t find(const struct alert_table *table, uint32_t bucket, const struct identity *id)
{
    uint32_t at = table->buckets[bucket];
    while (at && memcmp(&table->entries[at - 1].identity, id, sizeof *id) != 0)
        at = table->entries[at - 1].chained;
    return at;
}

/* ---- the list by age ---- */

static void unlink_entry(struct alert_table *table, uint32_t at)
{
    const struct entry *entry = &table->entries[at - 1];
    *(entry->newer ? &table->entries[entry->newer - 1].older : &table->newest) = entry->older;
    *(entry->older ? &table->entries[entry->older - 1].newer : &table->oldest) = entry->newer;
}

static void link_newest(struct alert_table *table, uint32_t at)
{
    struct entry *entry = &table->entries[at - 1];
    entry->newer = 0;
    entry->older = table->newest;
    *(table->newest ? &table->entries[table->newest - 1].newer : &table->oldest) = at;
    table->newest = at;
}

/* A place for one more row: a free one, or that of the oldest. */
static uint32_t take_place(struct alert_table *table)
{
    if (table->count < table->rows_max)
        return ++table->count;
    uint32_t at = table->oldest;
    uint32_t *link = &table->buckets[bucket_of(table, &table->entries[at - 1].identity)];
    while (*link != at)
        link = &table->entries[*link - 1].chained;
    *link = table->entries[at - 1].chained;
    unlink_entry(table, at);
    table->replaced++;
    return at;
}

/* Puts ROW in as the newest one. */
static struct alert_row *insert(struct alert_table *table, const struct alert_row *row,
                                const struct identity *id)
{
    uint32_t bucket = bucket_of(table, id);
    uint32_t at = take_place(table);
    struct entry *entry = &table->entries[at - 1];
    *entry = (struct entry){.row = *row, .identity = *id, .chained = table->buckets[bucket]};
    table->buckets[bucket] = at;
    link_newest(table, at);
    return &entry->row;
}

struct alert_row *alert_table_add(struct alert_table *table, const struct alert *alert)
{
    struct identity id = identity_of(alert);
    uint32_t at = find(table, bucket_of(table, &id), &id);
    if (!at) {
        const struct alert_row row = {
            .newest = *alert, .first_ns = alert->time_ns, .last_ns = alert->time_ns, .count = 1};
        return insert(table, &row, &id);
    }
    struct alert_row *row = &table->entries[at - 1].row;
    row->newest = *alert;
    row->count++;
    if (alert->time_ns < row->first_ns)
        row->first_ns = alert->time_ns;
    if (alert->time_ns > row->last_ns)
        row->last_ns = alert->time_ns;
    unlink_entry(table, at);
    link_newest(table, at);
    return row;
}

bool alert_table_resize(struct alert_table *table, uint32_t rows_max)
{
    struct alert_table other = {
        .rows_max = rows_max, .replaced = table->replaced, .key = {table->key[0], table->key[1]}};
    if (rows_max == table->rows_max)
        return true;
    if (!make_arrays(&other)) {
        free(other.buckets);
        free(other.entries);
        return false;
    }
    for (uint32_t at = table->oldest; at; at = table->entries[at - 1].newer)
        insert(&other, &table->entries[at - 1].row, &table->entries[at - 1].identity);
    free(table->buckets);
    free(table->entries);
    *table = other;
    return true;
}

/* ---- reading ---- */

uint32_t alert_table_count(const struct alert_table *table)
{
    return table->count;
}

uint64_t alert_table_replaced(const struct alert_table *table)
{
    return table->replaced;
}

const struct alert_row *alert_table_newest(const struct alert_table *table)
{
    return table->newest ? &table->entries[table->newest - 1].row : NULL;
}

const struct alert_row *alert_table_older(const struct alert_table *table,
                                          const struct alert_row *row)
{
    const struct entry *entry = (const struct entry *)(const void *)row;
    return entry->older ? &table->entries[entry->older - 1].row : NULL;
}
