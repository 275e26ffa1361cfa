/*
 * What the parts of the index share: filters, and the form of a piece on disk. Included by
 * snapshot_index.c and snapshot_indexer.c alone.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_INDEX_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_INDEX_PRIVATE_H

#include "snapshot/snapshot_index.h"
#include "snapshot/snapshot_pcapng.h"

enum {
    SNAPSHOT_FILTER_PROBES = 6,    /* bits of a key */
    SNAPSHOT_FILTER_KEY_BITS = 12, /* bits of the filter for each key in it */
    SNAPSHOT_FILTER_KEYS_MAX = 160000,
    SNAPSHOT_FILTER_WORDS_MAX = (SNAPSHOT_FILTER_KEYS_MAX * SNAPSHOT_FILTER_KEY_BITS + 63) / 64
};

/* The beginning of a piece of the index: then entries, each followed by its filter. */
struct snapshot_index_piece {
    struct snapshot_custom custom;
    uint32_t crc;     /* CRC-32C of entries and filters */
    uint32_t entries; /* in this piece */
    uint32_t first;   /* number of its first one */
    uint32_t unused;
};

/* Adds KEY to a filter of WORDS (at least 1) words. */
void snapshot_filter_set(uint64_t *filter, uint32_t words, uint64_t key);
/* Appends ENTRY with an empty filter of entry->words, which it returns; NULL on lack of memory. */
uint64_t *snapshot_index_append(struct snapshot_index *index,
                                const struct snapshot_index_entry *entry);

#endif
