/* Slots and epochs of the table that the kernel counts in. See kernel_table.h. */
#include "flow/kernel_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct kernel_sizes kernel_table_sizes(const struct flow_counter_geometry *geometry)
{
    struct kernel_sizes sizes = {
        .lines = geometry->cpus * FLOW_COUNTER_BANKS * geometry->slots,
        .addresses = geometry->slots,
        .totals = geometry->cpus * FLOW_COUNTER_BANKS * geometry->workers,
    };
    sizes.octets = sizeof(struct flow_counter_control) +
                   (size_t)sizes.lines * sizeof(struct flow_counter_line) +
                   (size_t)sizes.addresses * sizeof(struct flow_counter_addresses) +
                   (size_t)sizes.totals * sizeof(struct flow_counter_total);
    return sizes;
}

struct kernel_table *kernel_table_create(const struct flow_counter_geometry *geometry,
                                         const struct kernel_memory *memory, struct error *error)
{
    check(geometry->slots >= FLOW_COUNTER_WAYS && (geometry->slots & (geometry->slots - 1)) == 0);
    check(geometry->workers >= 1 && geometry->workers <= KERNEL_WORKERS_MAX);
    struct kernel_table *table = calloc(1, sizeof *table);
    struct kernel_slot *slots = calloc(geometry->slots, sizeof *slots);
    if (!table || !slots) {
        free(table);
        free(slots);
        error_set(error, "no memory for the table of flows that the kernel counts");
        return NULL;
    }
    table->geometry = *geometry;
    table->memory = *memory;
    table->slots = slots;
    __atomic_store_n(&table->memory.control->epoch, 1, __ATOMIC_SEQ_CST);
    return table;
}

void kernel_table_destroy(struct kernel_table *table)
{
    if (!table)
        return;
    free(table->slots);
    free(table);
}

/* ---- epochs ---- */

bool kernel_table_turn(struct kernel_table *table)
{
    uint32_t closed = atomic_load_explicit(&table->closed, memory_order_relaxed);
    for (uint32_t w = 0; w < table->geometry.workers; w++)
        if (atomic_load_explicit(&table->taken[w], memory_order_acquire) != closed)
            return false;
    check(table->memory.control->epoch == closed + 1);
    __atomic_store_n(&table->memory.control->epoch, closed + 2, __ATOMIC_SEQ_CST);
    return true;
}

void kernel_table_turned(struct kernel_table *table, int64_t offset_ns)
{
    table->offset_ns = offset_ns;
    atomic_fetch_add_explicit(&table->closed, 1, memory_order_acq_rel);
}

/* ---- slots ---- */

static uint32_t parts_of(const struct kernel_table *table)
{
    return table->geometry.cpus * FLOW_COUNTER_BANKS;
}

/* The line of SLOT in one of the parts, of a CPU and a bank. */
static struct flow_counter_line *line_in(const struct kernel_table *table, uint32_t part,
                                         uint32_t slot)
{
    return &table->memory.lines[part * table->geometry.slots + slot];
}

/* Claims a free slot for a key of WORKER with HASH, the number of those TRIED before it. */
static uint32_t claim_slot(struct kernel_table *table, uint64_t hash, uint32_t worker,
                           uint32_t *tried)
{
    for (uint32_t n = 0; n < FLOW_COUNTER_WAYS; n++) {
        uint32_t slot = flow_counter_slot(&table->geometry, hash, n);
        uint32_t claimed =
            KERNEL_SLOT_CLAIMED | worker << KERNEL_WORKER_BIT | n << KERNEL_TRIED_BIT;
        uint32_t free_word = KERNEL_SLOT_FREE;
        *tried = n;
        if (atomic_load_explicit(&table->slots[slot].word, memory_order_relaxed) == free_word &&
            atomic_compare_exchange_strong_explicit(&table->slots[slot].word, &free_word, claimed,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return slot;
    }
    return KERNEL_SLOT_NONE;
}

/* The first slot that was tried for what is in SLOT, after TRIED others. */
static uint32_t first_of(uint32_t slot, uint32_t tried)
{
    const uint32_t way = FLOW_COUNTER_WAYS - 1;
    return (slot & ~way) | ((slot - tried) & way);
}

/* Lets packets of SLOT be delivered, by all CPUs. */
static void close_parts(struct kernel_table *table, uint32_t slot)
{
    for (uint32_t part = 0; part < parts_of(table); part++)
        __atomic_store_n(&line_in(table, part, slot)->state, 0, __ATOMIC_RELEASE);
}

uint32_t kernel_table_claim(struct kernel_table *table, const struct flow_counter_key *key,
                            uint32_t worker, unsigned sides)
{
    uint32_t tried = 0;
    uint32_t slot =
        claim_slot(table, flow_counter_hash(key, table->geometry.secret), worker, &tried);
    if (slot == KERNEL_SLOT_NONE)
        return slot;
    debug_check(worker < table->geometry.workers && sides <= 3);
    __u8 state = (__u8)(SLOT_ACTIVE | sides << SLOT_SIDES_BIT | (key->family == 6 ? SLOT_IPV6 : 0));
    if (key->family == 6)
        memcpy(&table->memory.addresses[slot], key->address, sizeof key->address);
    for (uint32_t part = 0; part < parts_of(table); part++) {
        struct flow_counter_line *line = line_in(table, part, slot);
        line->epoch = 0;
        line->worker = (__u8)worker;
        memcpy(line->head, key->head, sizeof line->head);
    }
    for (uint32_t part = 0; part < parts_of(table); part++) {
        __atomic_store_n(&line_in(table, part, slot)->state, state, __ATOMIC_RELEASE);
        if (tried)
            __atomic_fetch_or(&line_in(table, part, first_of(slot, tried))->others,
                              (__u16)(1u << tried), __ATOMIC_RELEASE);
    }
    /* A packet that closes it may have come by the first of these CPUs before it was known to the
     * last; it clears part 0 first, which was the first to be set. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&line_in(table, 0, slot)->state, __ATOMIC_ACQUIRE) == 0)
        close_parts(table, slot);
    uint32_t word = atomic_load_explicit(&table->slots[slot].word, memory_order_relaxed);
    atomic_store_explicit(&table->slots[slot].word,
                          word - KERNEL_SLOT_CLAIMED + KERNEL_SLOT_COUNTED, memory_order_release);
    return slot;
}

void kernel_table_take_back(struct kernel_table *table, uint32_t slot)
{
    uint32_t word = atomic_load_explicit(&table->slots[slot].word, memory_order_relaxed);
    debug_check((word & KERNEL_STATE_MASK) == KERNEL_SLOT_COUNTED);
    close_parts(table, slot);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    table->slots[slot].taken_back =
        __atomic_load_n(&table->memory.control->epoch, __ATOMIC_SEQ_CST);
    atomic_store_explicit(&table->slots[slot].word, word - KERNEL_SLOT_COUNTED + KERNEL_SLOT_ENDING,
                          memory_order_release);
}

bool kernel_table_is_over(const struct kernel_table *table, uint32_t slot, uint32_t epoch)
{
    return kernel_table_state(table, slot) == KERNEL_SLOT_ENDING &&
           (int32_t)(epoch - table->slots[slot].taken_back) >= 0;
}

void kernel_table_free(struct kernel_table *table, uint32_t slot)
{
    uint32_t word = atomic_load_explicit(&table->slots[slot].word, memory_order_relaxed);
    uint32_t tried = word >> KERNEL_TRIED_BIT;
    debug_check((word & KERNEL_STATE_MASK) == KERNEL_SLOT_ENDING);
    for (uint32_t part = 0; tried && part < parts_of(table); part++)
        __atomic_fetch_and(&line_in(table, part, first_of(slot, tried))->others,
                           (__u16) ~(1u << tried), __ATOMIC_RELEASE);
    atomic_store_explicit(&table->slots[slot].word, KERNEL_SLOT_FREE, memory_order_release);
}
