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
    struct flow_counter_line *lines;
    struct flow_counter_addresses *addresses;
    struct flow_counter_total *totals;
};

/* What becomes of a slot. */
enum kernel_slot_state {
    KERNEL_SLOT_FREE,
    KERNEL_SLOT_CLAIMED, /* a worker writes its lines */
    KERNEL_SLOT_COUNTED, /* given to the kernel */
    KERNEL_SLOT_ENDING   /* taken back; what was counted is still to be taken */
};

/* The probe's own word for each slot: the state, whose it is, and how many slots of its set were
 * tried before it. */
struct kernel_slot {
    _Atomic uint32_t word;
    uint32_t taken_back; /* the epoch that was read after its lines were told to deliver */
};
enum { KERNEL_STATE_MASK = 3, KERNEL_WORKER_BIT = 2, KERNEL_TRIED_BIT = 16 };

struct kernel_table {
    struct flow_counter_geometry geometry;
    struct kernel_memory memory;
    struct kernel_slot *slots; /* owned */
    /* The newest epoch that nobody counts in any more, and wall time less monotonic time at its
     * end. Written by the control thread. */
    _Atomic uint32_t closed;
    int64_t offset_ns;
    /* The newest epoch whose counts each worker has taken. */
    _Atomic uint32_t taken[KERNEL_WORKERS_MAX];
};

/* Elements of each array for GEOMETRY. */
struct kernel_sizes {
    uint32_t lines, addresses, totals;
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

/* Hands the flow of KEY, which is WORKER's, to the kernel; packets of side s may be counted if bit
 * s of SIDES is set. Returns its slot, or KERNEL_SLOT_NONE if its set is full. The worker's thread,
 * as all that follows. */
uint32_t kernel_table_claim(struct kernel_table *table, const struct flow_counter_key *key,
                            uint32_t worker, unsigned sides);
/* Lets packets of SLOT be delivered again; what was counted is still to be taken. */
void kernel_table_take_back(struct kernel_table *table, uint32_t slot);
/* Whether everything that was ever counted for SLOT is in the banks up to that of EPOCH. */
bool kernel_table_is_over(const struct kernel_table *table, uint32_t slot, uint32_t epoch);
/* Frees SLOT, of which kernel_table_is_over() and whose counts were taken. */
void kernel_table_free(struct kernel_table *table, uint32_t slot);

/* The state of SLOT; whether it is WORKER's and not free. */
static inline enum kernel_slot_state kernel_table_state(const struct kernel_table *table,
                                                        uint32_t slot)
{
    return (enum kernel_slot_state)(
        atomic_load_explicit(&table->slots[slot].word, memory_order_acquire) & KERNEL_STATE_MASK);
}
static inline bool kernel_table_is_of(const struct kernel_table *table, uint32_t slot,
                                      uint32_t worker)
{
    uint32_t word = atomic_load_explicit(&table->slots[slot].word, memory_order_acquire);
    return (word & KERNEL_STATE_MASK) >= KERNEL_SLOT_COUNTED &&
           (word >> KERNEL_WORKER_BIT & (KERNEL_WORKERS_MAX - 1)) == worker;
}

/* Packets and octets of a side of a line. */
static inline uint32_t kernel_side_packets(const struct flow_counter_side *side)
{
    return (uint32_t)(side->count >> SIDE_PACKET_BIT);
}
static inline uint64_t kernel_side_octets(const struct flow_counter_side *side)
{
    return side->count & (((uint64_t)1 << SIDE_PACKET_BIT) - 1);
}

/* The line of CPU and the bank of EPOCH for SLOT. */
static inline struct flow_counter_line *
kernel_table_line(const struct kernel_table *table, uint32_t cpu, uint32_t epoch, uint32_t slot)
{
    return &table->memory.lines[flow_counter_line_index(&table->geometry, cpu, epoch & 1, slot)];
}

/* What CPU counted in the closed EPOCH for SLOT; NULL: nothing. */
static inline const struct flow_counter_line *
kernel_table_counted(const struct kernel_table *table, uint32_t cpu, uint32_t epoch, uint32_t slot)
{
    const struct flow_counter_line *line = kernel_table_line(table, cpu, epoch, slot);
    return line->epoch == epoch ? line : NULL;
}

/* Whether the program does not count for SLOT any more, because a connection opens or closes: any
 * line of it tells, here that of CPU and the bank of EPOCH. */
static inline bool kernel_table_is_closing(const struct kernel_table *table, uint32_t cpu,
                                           uint32_t epoch, uint32_t slot)
{
    return kernel_table_state(table, slot) == KERNEL_SLOT_COUNTED &&
           *(const volatile __u8 *)&kernel_table_line(table, cpu, epoch, slot)->state == 0;
}

#endif
