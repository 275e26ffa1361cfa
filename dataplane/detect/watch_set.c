/* Looking up. See watch_set.h. */
#include "detect/watch_set.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "detect/domain_name.h"
#include "detect/watch_private.h"

enum { NESTED_MAX = 16 }; /* domains above each other that are all in lists */

void watch_set_destroy(struct watch_set *set)
{
    if (!set)
        return;
    address_table_close(&set->hosts);
    network_ranges_close(&set->networks4);
    network_ranges_close(&set->networks6);
    domain_table_close(&set->domains);
    free(set->unions);
    free(set->texts);
    free(set);
}

uint32_t watch_set_count(const struct watch_set *set)
{
    return set->count;
}

const struct watch_list *watch_set_list(const struct watch_set *set, uint32_t row)
{
    return &set->lists[row];
}

size_t watch_set_memory(const struct watch_set *set)
{
    return sizeof *set + address_table_memory(&set->hosts) +
           network_ranges_memory(&set->networks4) + network_ranges_memory(&set->networks6) +
           domain_table_memory(&set->domains) + set->text_octets +
           set->union_count * sizeof *set->unions;
}

bool watch_set_has_domains(const struct watch_set *set)
{
    return set->domains.slots != NULL;
}

void watch_prefetch(const struct watch_set *set, const struct flow_key *key)
{
    const struct address_table *hosts = &set->hosts;
    if (key->family == 4 && hosts->buckets4) {
        __builtin_prefetch(address_table_at4(hosts, key->head.address_a));
        __builtin_prefetch(address_table_at4(hosts, key->head.address_b));
    } else if (key->family == 6 && hosts->buckets6) {
        uint64_t a[2], b[2];
        memcpy(a, key->address6_a, sizeof a);
        memcpy(b, key->address6_b, sizeof b);
        __builtin_prefetch(address_table_at6(hosts, a));
        __builtin_prefetch(address_table_at6(hosts, b));
    }
}

static inline uint64_t find4(const struct watch_set *set, uint32_t address)
{
    uint16_t host = address_table_find4(&set->hosts, address);
    uint16_t network = network_ranges_find(&set->networks4, (uint64_t)be32toh(address) << 32, 0);
    return set->unions[host] | set->unions[network];
}

static inline uint64_t find6(const struct watch_set *set, const uint8_t *address)
{
    uint64_t words[2];
    memcpy(words, address, sizeof words);
    uint16_t host = address_table_find6(&set->hosts, words);
    uint16_t network = network_ranges_find(&set->networks6, be64toh(words[0]), be64toh(words[1]));
    return set->unions[host] | set->unions[network];
}

void watch_flow(const struct watch_set *set, const struct flow_key *key, uint64_t sides[2])
{
    if (key->family == 6) {
        sides[0] = find6(set, key->address6_a);
        sides[1] = find6(set, key->address6_b);
    } else {
        sides[0] = find4(set, key->head.address_a);
        sides[1] = find4(set, key->head.address_b);
    }
}

uint64_t watch_domain(const struct watch_set *set, const uint8_t *text, uint32_t octets)
{
    char name[DOMAIN_OCTETS_MAX];
    uint16_t values[NESTED_MAX];
    uint64_t rows = 0;
    if (!set->domains.slots)
        return 0;
    uint32_t length = domain_name_clean(text, octets, name);
    uint32_t found = domain_table_find(&set->domains, name, length, values, NESTED_MAX);
    for (uint32_t i = 0; i < found; i++)
        rows |= set->unions[values[i]];
    return rows;
}
