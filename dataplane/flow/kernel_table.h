/*
 * The probe's side of the table of flows that the kernel counts (bpf/flow_counter.h, which tells
 * why no packet is counted twice or lost): slots are claimed, published, taken back and freed here,
 * and the epochs turned. The arrays are a mapping of the program's maps, or plain memory in tests.
 *
 * One table serves all workers. A slot belongs to the worker that claimed it; workers that want the
 * same set meet in one compare-and-swap. Knows nothing of records: flow_kernel.h does.
 */
#ifndef SPANFLOW_FLOW_KERNEL_TABLE_H
#define SPANFLOW_FLOW_KERNEL_TABLE_H

#include <linux/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/flow_counter.h"

enum { KERNEL_WORKERS_MAX = 64 };
#define KERNEL_SLOT_NONE UINT32_MAX

/* The arrays that the program sees. Not owned by the table. */
struct kernel_memory {
    struct flow_counter_control *control;
    struct flow_counter_set *sets;
    struct flow_counter_key *keys;
    struct flow_counter_line *lines;
    struct flow_counter_total *totals;
};

struct kernel_table {
    struct flow_counter_geometry geometry;
    struct kernel_memory memory;
    uint32_t *taken_back; /* by slot: the epoch that was read after "deliver" was written */
    /* The newest epoch that nobody counts in any more, and wall time less monotonic time at its
     * end. Written by the control thread. */
    _Atomic uint32_t closed;
    int64_t offset_ns;
    /* The newest epoch whose counts each worker has taken. */
    _Atomic uint32_t taken[KERNEL_WORKERS_MAX];
};

/* Elements of each array for GEOMETRY. */
struct kernel_sizes {
    uint32_t sets, keys, lines, totals;
    size_t octets; /* of all arrays together */
};
struct kernel_sizes kernel_table_sizes(const struct flow_counter_geometry *geometry);

/* A table over MEMORY, zeroed and of the sizes of GEOMETRY, whose first epoch is 1. NULL and ERROR
 * if memory is short. Control thread, before the program is attached. */
struct kernel_table *kernel_table_create(const struct flow_counter_geometry *geometry,
                                         const struct kernel_memory *memory, struct error *error);
/* Frees the table, not the arrays; NULL is fine. Control thread. */
void kernel_table_destroy(struct kernel_table *table);

/* Begins the next epoch. False if a worker has not yet taken the counts of the last one: nothing
 * happened, try again later. Else the caller waits until every run of the program that was under
 * way has ended, and then calls kernel_table_turned() with wall time less monotonic time. Control
 * thread. */
bool kernel_table_turn(struct kernel_table *table);
void kernel_table_turned(struct kernel_table *table, int64_t offset_ns);

/* Hands the flow of KEY (head, address, family, sides and worker filled in) to the kernel. Returns
 * its slot, or KERNEL_SLOT_NONE if its set is full. The worker's thread, as all that follows. */
uint32_t kernel_table_claim(struct kernel_table *table, const struct flow_counter_key *key);
/* Lets packets of SLOT be delivered again; what was counted is still to be taken. */
void kernel_table_take_back(struct kernel_table *table, uint32_t slot);
/* Whether everything that was ever counted for SLOT is in the banks up to that of EPOCH. */
bool kernel_table_is_over(const struct kernel_table *table, uint32_t slot, uint32_t epoch);
/* Frees SLOT, of which kernel_table_is_over() and whose counts were taken. */
void kernel_table_free(struct kernel_table *table, uint32_t slot);

/* The word of SLOT, and its parts. */
static inline uint64_t kernel_table_word(const struct kernel_table *table, uint32_t slot)
{
    return __atomic_load_n(
        &table->memory.sets[slot / FLOW_COUNTER_WAYS].word[slot % FLOW_COUNTER_WAYS],
        __ATOMIC_ACQUIRE);
}
static inline enum flow_counter_state kernel_word_state(uint64_t word)
{
    return (enum flow_counter_state)(word & SLOT_STATE_MASK);
}
static inline uint32_t kernel_word_generation(uint64_t word)
{
    return (uint32_t)word >> SLOT_GENERATION_BIT;
}

/* What CPU counted in the closed bank of EPOCH for SLOT whose word is WORD; NULL: nothing. */
static inline const struct flow_counter_line *kernel_table_line(const struct kernel_table *table,
                                                                uint32_t cpu, uint32_t epoch,
                                                                uint32_t slot, uint64_t word)
{
    const struct flow_counter_line *line =
        &table->memory.lines[flow_counter_line_index(&table->geometry, cpu, epoch & 1, slot)];
    return line->epoch == epoch && line->generation == kernel_word_generation(word) ? line : NULL;
}

#endif
