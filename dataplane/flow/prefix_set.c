/*
 * Prefix sets as sorted, merged address ranges and binary search. Nested and adjacent prefixes
 * melt into one range, so a lookup needs no longest match.
 */
#include "flow/prefix_set.h"

#include <stdlib.h>
#include <string.h>

/* IPv4 addresses lie in the low 32 bits. Host order. */
struct range {
    unsigned __int128 first;
    unsigned __int128 last;
};

struct range_list {
    struct range *ranges;
    uint32_t count;
};

struct prefix_set {
    struct range_list family4;
    struct range_list family6;
};

static unsigned __int128 load_address(const uint8_t *bytes, unsigned length)
{
    unsigned __int128 value = 0;
    for (unsigned i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int compare_ranges(const void *left, const void *right)
{
    const struct range *a = left;
    const struct range *b = right;
    return a->first < b->first ? -1 : a->first > b->first;
}

static void merge(struct range_list *list)
{
    if (list->count == 0)
        return;
    qsort(list->ranges, list->count, sizeof *list->ranges, compare_ranges);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < list->count; i++) {
        struct range *current = &list->ranges[kept];
        if (list->ranges[i].first <= current->last) {
            if (list->ranges[i].last > current->last)
                current->last = list->ranges[i].last;
        } else {
            list->ranges[++kept] = list->ranges[i];
        }
    }
    list->count = kept + 1;
}

struct prefix_set *prefix_set_create(const struct prefix_set_entry *entries, uint32_t count,
                                     struct error *error)
{
    struct prefix_set *set = calloc(1, sizeof *set);
    if (set) {
        set->family4.ranges = calloc(count + 1u, sizeof(struct range));
        set->family6.ranges = calloc(count + 1u, sizeof(struct range));
    }
    if (!set || !set->family4.ranges || !set->family6.ranges) {
        error_set(error, "no memory for %u prefixes", count);
        prefix_set_destroy(set);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool six = entries[i].family == 6;
        unsigned bits = six ? 128 : 32;
        unsigned free_bits = bits - (entries[i].length < bits ? entries[i].length : bits);
        unsigned __int128 ones = ~(unsigned __int128)0;
        unsigned __int128 host = free_bits == 128 ? ones : ~(ones << free_bits);
        unsigned __int128 address = load_address(entries[i].address, bits / 8);
        struct range_list *list = six ? &set->family6 : &set->family4;
        list->ranges[list->count++] = (struct range){address & ~host, address | host};
    }
    merge(&set->family4);
    merge(&set->family6);
    return set;
}

void prefix_set_destroy(struct prefix_set *set)
{
    if (!set)
        return;
    free(set->family4.ranges);
    free(set->family6.ranges);
    free(set);
}

bool prefix_set_holds(const struct prefix_set *set, const struct flow_key *key, unsigned side)
{
    if (!set)
        return false;
    const struct range_list *list = key->family == 6 ? &set->family6 : &set->family4;
    if (list->count == 0)
        return false;
    unsigned __int128 address;
    if (key->family == 6)
        address = load_address(side ? key->address6_b : key->address6_a, 16);
    else
        address = __builtin_bswap32(side ? key->head.address_b : key->head.address_a);
    uint32_t low = 0;
    uint32_t high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->ranges[middle].last < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && list->ranges[low].first <= address;
}
