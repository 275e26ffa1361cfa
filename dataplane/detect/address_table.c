/* Making of the table of single addresses. See address_table.h. */
#include "detect/address_table.h"

#include <string.h>

#include "base/check.h"

/* Buckets for COUNT addresses of SLOTS to a bucket: two thirds full at most, so that few of them
 * run over. */
static uint64_t buckets_for(uint64_t count, unsigned slots)
{
    uint64_t buckets = 1;
    while (buckets * slots * 2 / 3 < count)
        buckets *= 2;
    return buckets;
}

bool address_table_open(struct address_table *table, uint64_t count4, uint64_t count6,
                        uint64_t seed, struct error *error)
{
    uint64_t buckets4 = buckets_for(count4, ADDRESS4_SLOTS);
    uint64_t buckets6 = buckets_for(count6, ADDRESS6_SLOTS);
    memset(table, 0, sizeof *table);
    table->seed = seed;
    if (count4 &&
        !arena_map(&table->arena4, buckets4 * sizeof *table->buckets4, ARENA_DENSE, error))
        return false;
    if (count6 &&
        !arena_map(&table->arena6, buckets6 * sizeof *table->buckets6, ARENA_DENSE, error))
        return false;
    table->buckets4 = table->arena4.memory;
    table->buckets6 = table->arena6.memory;
    table->mask4 = buckets4 - 1;
    table->mask6 = buckets6 - 1;
    return true;
}

void address_table_close(struct address_table *table)
{
    arena_unmap(&table->arena4);
    arena_unmap(&table->arena6);
    memset(table, 0, sizeof *table);
}

size_t address_table_memory(const struct address_table *table)
{
    return table->arena4.size + table->arena6.size;
}

void address_table_add4(struct address_table *table, uint32_t address, uint16_t value,
                        address_join *join, void *context)
{
    uint64_t at = (uint64_t)(address_table_at4(table, address) - table->buckets4);
    for (uint64_t step = 0; step <= table->mask4; step++) {
        struct address4_bucket *bucket = &table->buckets4[(at + step) & table->mask4];
        for (unsigned i = 0; i < bucket->used; i++) {
            if (bucket->address[i] != address)
                continue;
            bucket->value[i] = join(context, bucket->value[i], value);
            return;
        }
        if (bucket->used < ADDRESS4_SLOTS) {
            bucket->address[bucket->used] = address;
            bucket->value[bucket->used++] = value;
            return;
        }
        bucket->ran_over = 1;
    }
    check(!"room was asked for");
}

void address_table_add6(struct address_table *table, const uint8_t address[16], uint16_t value,
                        address_join *join, void *context)
{
    uint64_t words[2];
    memcpy(words, address, sizeof words);
    uint64_t at = (uint64_t)(address_table_at6(table, words) - table->buckets6);
    for (uint64_t step = 0; step <= table->mask6; step++) {
        struct address6_bucket *bucket = &table->buckets6[(at + step) & table->mask6];
        for (unsigned i = 0; i < bucket->used; i++) {
            if (memcmp(bucket->address[i], words, sizeof words) != 0)
                continue;
            bucket->value[i] = join(context, bucket->value[i], value);
            return;
        }
        if (bucket->used < ADDRESS6_SLOTS) {
            memcpy(bucket->address[bucket->used], words, sizeof words);
            bucket->value[bucket->used++] = value;
            return;
        }
        bucket->ran_over = 1;
    }
    check(!"room was asked for");
}
