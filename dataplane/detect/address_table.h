/*
 * Single addresses with a value each, millions of them: a hash table of buckets of one cache line,
 * so that a lookup nearly always reads one. Built whole by one thread, then read-only for all.
 *
 * An address that was added twice keeps both values: the caller says what they become together.
 */
#ifndef SPANFLOW_DETECT_ADDRESS_TABLE_H
#define SPANFLOW_DETECT_ADDRESS_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum { ADDRESS4_SLOTS = 10, ADDRESS6_SLOTS = 3 };

/* Addresses as they lie in packets. A bucket that ran over sends the search to the next one. */
struct address4_bucket {
    uint32_t address[ADDRESS4_SLOTS];
    uint16_t value[ADDRESS4_SLOTS];
    uint8_t used;
    uint8_t ran_over;
    uint8_t reserved[2];
};
struct address6_bucket {
    uint64_t address[ADDRESS6_SLOTS][2];
    uint16_t value[ADDRESS6_SLOTS];
    uint8_t used;
    uint8_t ran_over;
    uint8_t reserved[8];
};
static_assert(sizeof(struct address4_bucket) == 64, "one cache line");
static_assert(sizeof(struct address6_bucket) == 64, "one cache line");

struct address_table {
    uint64_t seed;
    uint64_t mask4; /* buckets - 1 */
    uint64_t mask6;
    struct address4_bucket *buckets4; /* NULL: no addresses of IPv4 */
    struct address6_bucket *buckets6;
    struct arena arena4;
    struct arena arena6;
};

/* What two values of one address become; CONTEXT is the caller's. */
typedef uint16_t address_join(void *context, uint16_t one, uint16_t other);

/* Makes an empty TABLE for so many addresses of each family, SEED a secret of this start. False and
 * ERROR if memory is short. Free it in any case. */
bool address_table_open(struct address_table *table, uint64_t count4, uint64_t count6,
                        uint64_t seed, struct error *error);
void address_table_close(struct address_table *table);
/* Octets of memory. */
size_t address_table_memory(const struct address_table *table);

/* Adds ADDRESS with VALUE, not 0; at most as many as there is room for. */
void address_table_add4(struct address_table *table, uint32_t address, uint16_t value,
                        address_join *join, void *context);
void address_table_add6(struct address_table *table, const uint8_t address[16], uint16_t value,
                        address_join *join, void *context);

/* The bucket where the search for ADDRESS begins. */
static inline const struct address4_bucket *address_table_at4(const struct address_table *table,
                                                              uint32_t address)
{
    unsigned __int128 product = (unsigned __int128)(address ^ table->seed) * 0x9e3779b97f4a7c15ull;
    return &table->buckets4[(uint64_t)(product >> 40) & table->mask4];
}

/* The same for IPv6. */
static inline const struct address6_bucket *address_table_at6(const struct address_table *table,
                                                              const uint64_t address[2])
{
    unsigned __int128 product =
        (unsigned __int128)(address[0] ^ table->seed) * (address[1] ^ 0xd6e8feb86659fd93ull);
    product =
        (unsigned __int128)((uint64_t)product ^ (uint64_t)(product >> 64)) * 0x9e3779b97f4a7c15ull;
    return &table->buckets6[(uint64_t)(product >> 40) & table->mask6];
}

/* The value of ADDRESS, as in packets; 0 if it is not there. Any thread. */
static inline uint16_t address_table_find4(const struct address_table *table, uint32_t address)
{
    if (!table->buckets4)
        return 0;
    const struct address4_bucket *bucket = address_table_at4(table, address);
    for (;;) {
        unsigned found = 0;
        for (unsigned i = 0; i < ADDRESS4_SLOTS; i++)
            found |= (unsigned)(bucket->address[i] == address) << i;
        found &= (1u << bucket->used) - 1;
        if (found)
            return bucket->value[__builtin_ctz(found)];
        if (__builtin_expect(!bucket->ran_over, 1))
            return 0;
        bucket = &table->buckets4[((uint64_t)(bucket - table->buckets4) + 1) & table->mask4];
    }
}

/* The same for IPv6; the sixteen octets as they lie in packets. */
static inline uint16_t address_table_find6(const struct address_table *table,
                                           const uint64_t address[2])
{
    if (!table->buckets6)
        return 0;
    const struct address6_bucket *bucket = address_table_at6(table, address);
    for (;;) {
        for (unsigned i = 0; i < bucket->used; i++)
            if (bucket->address[i][0] == address[0] && bucket->address[i][1] == address[1])
                return bucket->value[i];
        if (__builtin_expect(!bucket->ran_over, 1))
            return 0;
        bucket = &table->buckets6[((uint64_t)(bucket - table->buckets6) + 1) & table->mask6];
    }
}

#endif
