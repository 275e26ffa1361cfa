/* Slots and epochs of the table that the kernel counts in. See kernel_table.h. */
#include "flow/kernel_table.h"

#include <stdlib.h>

#include "base/check.h"

enum { GENERATION_MASK = (1 << (SLOT_TAG_BIT - SLOT_GENERATION_BIT)) - 1 };

struct kernel_sizes kernel_table_sizes(const struct flow_counter_geometry *geometry)
{
    struct kernel_sizes sizes = {
        .sets = geometry->slots / FLOW_COUNTER_WAYS,
        .keys = geometry->slots,
        .lines = geometry->cpus * FLOW_COUNTER_BANKS * geometry->slots,
        .totals = geometry->cpus * FLOW_COUNTER_BANKS * geometry->workers,
    };
    sizes.octets = sizeof(struct flow_counter_control) +
                   (size_t)sizes.sets * sizeof(struct flow_counter_set) +
                   (size_t)sizes.keys * sizeof(struct flow_counter_key) +
                   (size_t)sizes.lines * sizeof(struct flow_counter_line) +
                   (size_t)sizes.totals * sizeof(struct flow_counter_total);
    return sizes;
}

struct kernel_table *kernel_table_create(const struct flow_counter_geometry *geometry,
                                         const struct kernel_memory *memory, struct error *error)
{
    check(geometry->slots >= FLOW_COUNTER_WAYS && (geometry->slots & (geometry->slots - 1)) == 0);
    check(geometry->workers >= 1 && geometry->workers <= KERNEL_WORKERS_MAX);
    struct kernel_table *table = calloc(1, sizeof *table);
    uint32_t *taken_back = calloc(geometry->slots, sizeof *taken_back);
    if (!table || !taken_back) {
        free(table);
        free(taken_back);
        error_set(error, "no memory for the table of flows that the kernel counts");
        return NULL;
    }
    table->geometry = *geometry;
    table->memory = *memory;
    table->taken_back = taken_back;
    __atomic_store_n(&table->memory.control->epoch, 1, __ATOMIC_SEQ_CST);
    return table;
}

void kernel_table_destroy(struct kernel_table *table)
{
    if (!table)
        return;
    free(table->taken_back);
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

static uint64_t *word_at(struct kernel_table *table, uint32_t slot)
{
    __u64 *word = &table->memory.sets[slot / FLOW_COUNTER_WAYS].word[slot % FLOW_COUNTER_WAYS];
    return (uint64_t *)(void *)word;
}

/* Claims a free slot of SET with the next generation, which is never 0. */
static uint32_t claim_in(struct kernel_table *table, uint32_t set, uint64_t *claimed)
{
    for (uint32_t way = 0; way < FLOW_COUNTER_WAYS; way++) {
        uint64_t *word = word_at(table, set * FLOW_COUNTER_WAYS + way);
        uint64_t free_word = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (kernel_word_state(free_word) != SLOT_FREE)
            continue;
        uint32_t generation = (kernel_word_generation(free_word) + 1) & GENERATION_MASK;
        *claimed = (uint64_t)(generation ? generation : 1) << SLOT_GENERATION_BIT | SLOT_CLAIMED;
        if (__atomic_compare_exchange_n(word, &free_word, *claimed, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return set * FLOW_COUNTER_WAYS + way;
    }
    return KERNEL_SLOT_NONE;
}

uint32_t kernel_table_claim(struct kernel_table *table, const struct flow_counter_key *key)
{
    uint64_t hash = flow_counter_hash(key, table->geometry.secret);
    uint32_t set = (uint32_t)hash & (table->geometry.slots / FLOW_COUNTER_WAYS - 1);
    uint64_t word = 0;
    uint32_t slot = claim_in(table, set, &word);
    if (slot == KERNEL_SLOT_NONE)
        return slot;
    table->memory.keys[slot] = *key;
    word = (word & (UINT32_MAX ^ SLOT_STATE_MASK)) | SLOT_ACTIVE |
           hash >> SLOT_TAG_BIT << SLOT_TAG_BIT;
    __atomic_store_n(word_at(table, slot), word, __ATOMIC_RELEASE);
    return slot;
}

void kernel_table_take_back(struct kernel_table *table, uint32_t slot)
{
    uint64_t word = kernel_table_word(table, slot);
    debug_check(kernel_word_state(word) == SLOT_ACTIVE);
    __atomic_store_n(word_at(table, slot), word - SLOT_ACTIVE + SLOT_DELIVER, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    table->taken_back[slot] = __atomic_load_n(&table->memory.control->epoch, __ATOMIC_SEQ_CST);
}

bool kernel_table_is_over(const struct kernel_table *table, uint32_t slot, uint32_t epoch)
{
    return kernel_word_state(kernel_table_word(table, slot)) == SLOT_DELIVER &&
           (int32_t)(epoch - table->taken_back[slot]) >= 0;
}

void kernel_table_free(struct kernel_table *table, uint32_t slot)
{
    uint64_t word = kernel_table_word(table, slot);
    debug_check(kernel_word_state(word) == SLOT_DELIVER);
    uint64_t free_word = (word & UINT32_MAX) - SLOT_DELIVER + SLOT_FREE;
    __atomic_store_n(word_at(table, slot), free_word, __ATOMIC_RELEASE);
}
