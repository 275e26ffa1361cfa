/*
 * Names of domains with a value each, millions of them. A name in the table stands for itself and
 * all names below it: example.com for www.example.com, not for badexample.com. Built whole by one
 * thread, then read-only for all.
 *
 * Each suffix of a name that begins with a label is looked for by its hash, which grows from the
 * last octet to the first, so that all of them cost one pass; what has the hash is compared.
 */
#ifndef SPANFLOW_DETECT_DOMAIN_TABLE_H
#define SPANFLOW_DETECT_DOMAIN_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct domain_slot {
    uint64_t hash;
    uint32_t text;  /* offset among the texts */
    uint16_t value; /* 0: the slot is free */
    uint8_t length;
    uint8_t reserved;
};
static_assert(sizeof(struct domain_slot) == 16, "four in a cache line");

struct domain_table {
    uint64_t seed;
    uint64_t mask;
    struct domain_slot *slots; /* NULL: none */
    const char *texts;         /* not owned */
    uint32_t labels_max;       /* of the names in it */
    struct arena arena;
};

typedef uint16_t domain_join(void *context, uint16_t one, uint16_t other);

/* Makes an empty TABLE for COUNT names, whose TEXTS must live as long as it. False and ERROR if
 * memory is short. Close it in any case. */
bool domain_table_open(struct domain_table *table, const char *texts, uint64_t count, uint64_t seed,
                       struct error *error);
void domain_table_close(struct domain_table *table);
size_t domain_table_memory(const struct domain_table *table);

/* Adds the name of LENGTH octets at OFFSET of the texts, in the form of domain_name_read(). A name
 * that is there gets what JOIN makes of both values. */
void domain_table_add(struct domain_table *table, uint32_t offset, uint8_t length, uint16_t value,
                      domain_join *join, void *context);

/* Writes the values of NAME, in the form of domain_name_clean(), and of all that it is below, the
 * shortest first, to VALUES. Returns their number; ROOM at most. Any thread. */
uint32_t domain_table_find(const struct domain_table *table, const char *name, uint32_t octets,
                           uint16_t *values, uint32_t room);

#endif
