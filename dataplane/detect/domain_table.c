/* The table of names. See domain_table.h. */
#include "detect/domain_table.h"

#include <string.h>

#include "base/check.h"

bool domain_table_open(struct domain_table *table, const char *texts, uint64_t count, uint64_t seed,
                       struct error *error)
{
    uint64_t slots = 4;
    memset(table, 0, sizeof *table);
    if (count == 0)
        return true;
    while (slots / 2 < count)
        slots *= 2;
    if (!arena_map(&table->arena, slots * sizeof *table->slots, ARENA_DENSE, error))
        return false;
    table->slots = table->arena.memory;
    table->mask = slots - 1;
    table->texts = texts;
    table->seed = seed;
    return true;
}

void domain_table_close(struct domain_table *table)
{
    arena_unmap(&table->arena);
    memset(table, 0, sizeof *table);
}

size_t domain_table_memory(const struct domain_table *table)
{
    return table->arena.size;
}

static inline uint64_t add_octet(uint64_t hash, char octet)
{
    return (hash ^ (uint8_t)octet) * 0x9fb21c651e98df25ull;
}

static inline uint64_t finish(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull;
    return hash ^ hash >> 29;
}

/* The slot of the name, or a free one where it could be. */
static inline struct domain_slot *slot_of(const struct domain_table *table, uint64_t hash,
                                          const char *name, uint32_t octets)
{
    for (uint64_t at = hash;; at++) {
        struct domain_slot *slot = &table->slots[at & table->mask];
        if (slot->value == 0 || (slot->hash == hash && slot->length == octets &&
                                 memcmp(table->texts + slot->text, name, octets) == 0))
            return slot;
    }
}

void domain_table_add(struct domain_table *table, uint32_t offset, uint8_t length, uint16_t value,
                      domain_join *join, void *context)
{
    const char *name = table->texts + offset;
    uint64_t hash = table->seed;
    uint32_t labels = 1;
    for (uint32_t i = length; i-- > 0;) {
        hash = add_octet(hash, name[i]);
        labels += name[i] == '.';
    }
    hash = finish(hash);
    struct domain_slot *slot = slot_of(table, hash, name, length);
    if (slot->value) {
        slot->value = join(context, slot->value, value);
        return;
    }
    *slot = (struct domain_slot){.hash = hash, .text = offset, .value = value, .length = length};
    if (labels > table->labels_max)
        table->labels_max = labels;
}

uint32_t domain_table_find(const struct domain_table *table, const char *name, uint32_t octets,
                           uint16_t *values, uint32_t room)
{
    uint32_t found = 0, labels = 0;
    uint64_t hash = table->seed;
    if (!table->slots)
        return 0;
    for (uint32_t i = octets; i-- > 0 && labels < table->labels_max && found < room;) {
        hash = add_octet(hash, name[i]);
        if (i > 0 && name[i - 1] != '.')
            continue;
        labels++;
        const struct domain_slot *slot = slot_of(table, finish(hash), name + i, octets - i);
        if (slot->value)
            values[found++] = slot->value;
    }
    return found;
}
