/*
 * The snapshot ring: life, books, and the ends of the writer and of readers. A reader copies and
 * looks afterwards whether the worker had begun to overwrite what it copied; the worker says so
 * before it writes.
 */
#include "snapshot/snapshot_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "snapshot/snapshot_hooks.h"
#include "snapshot/snapshot_ring_private.h"

/* ---- life ---- */

struct snapshot_ring *snapshot_ring_create(const struct snapshot_ring_config *config,
                                           struct error *error)
{
    check(config->blocks >= 2 && config->interfaces);
    size_t octets = (size_t)config->blocks * SNAPSHOT_BLOCK_OCTETS;
    struct snapshot_ring *ring = aligned_alloc(64, sizeof *ring);
    if (!ring) {
        error_set(error, "no memory for a snapshot ring");
        return NULL;
    }
    memset(ring, 0, sizeof *ring);
    if (!arena_map(&ring->arena, octets, ARENA_DENSE, error) ||
        !arena_populate(&ring->arena, octets, error)) {
        arena_unmap(&ring->arena);
        free(ring);
        return NULL;
    }
    ring->config = *config;
    ring->memory = ring->arena.memory;
    ring->stage_variant = snapshot_stage_for(simd_choose());
    ring->interface_known = UINT32_MAX;
    atomic_init(&ring->holders, 1);
    return ring;
}

const struct snapshot_stage *snapshot_stage_for(enum simd_level level)
{
    extern const struct snapshot_stage snapshot_stage_scalar;
#if defined(__x86_64__)
    extern const struct snapshot_stage snapshot_stage_sse, snapshot_stage_avx2,
        snapshot_stage_avx512;
    static const struct snapshot_stage *const variants[SIMD_LEVELS] = {
        &snapshot_stage_scalar, &snapshot_stage_sse, &snapshot_stage_avx2, &snapshot_stage_avx512};
    return variants[level];
#elif defined(__aarch64__)
    extern const struct snapshot_stage snapshot_stage_neon;
    return level == SIMD_SCALAR ? &snapshot_stage_scalar : &snapshot_stage_neon;
#else
    (void)level;
    return &snapshot_stage_scalar;
#endif
}

void snapshot_ring_hold(struct snapshot_ring *ring)
{
    if (ring)
        atomic_fetch_add_explicit(&ring->holders, 1, memory_order_relaxed);
}

void snapshot_ring_release(struct snapshot_ring *ring)
{
    if (!ring || atomic_fetch_sub_explicit(&ring->holders, 1, memory_order_acq_rel) > 1)
        return;
    arena_unmap(&ring->arena);
    free(ring);
}

const struct snapshot_ring_config *snapshot_ring_config(const struct snapshot_ring *ring)
{
    return &ring->config;
}

size_t snapshot_ring_memory(const struct snapshot_ring *ring, const char **backing)
{
    if (backing)
        *backing = arena_backing_name(ring->arena.backing);
    return ring->arena.size;
}

bool snapshot_ring_left(const struct snapshot_ring *ring)
{
    return atomic_load_explicit(&ring->left, memory_order_acquire);
}

bool snapshot_ring_drained(const struct snapshot_ring *ring)
{
    return snapshot_ring_left(ring) &&
           (!ring->config.writer || atomic_load_explicit(&ring->taken, memory_order_acquire) ==
                                        atomic_load_explicit(&ring->filled, memory_order_acquire));
}

/* ---- books ---- */

static void add_pair(struct ledger_pair *sum, const struct ledger_pair *part)
{
    sum->packets += part->packets;
    sum->octets += part->octets;
}

void snapshot_account_add(struct snapshot_account *sum, const struct snapshot_account *part)
{
    add_pair(&sum->seen, &part->seen);
    add_pair(&sum->stored, &part->stored);
    add_pair(&sum->in_memory, &part->in_memory);
    add_pair(&sum->overload, &part->overload);
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++)
        add_pair(&sum->cut_off[reason], &part->cut_off[reason]);
    for (unsigned reason = 0; reason < SNAPSHOT_FAILED_COUNT; reason++)
        add_pair(&sum->failed[reason], &part->failed[reason]);
}

struct ledger_pair snapshot_account_sum(const struct snapshot_account *account)
{
    struct ledger_pair sum = account->stored;
    add_pair(&sum, &account->in_memory);
    add_pair(&sum, &account->overload);
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++)
        add_pair(&sum, &account->cut_off[reason]);
    for (unsigned reason = 0; reason < SNAPSHOT_FAILED_COUNT; reason++)
        add_pair(&sum, &account->failed[reason]);
    return sum;
}

bool snapshot_account_balanced(const struct snapshot_account *account)
{
    struct ledger_pair sum = snapshot_account_sum(account);
    return sum.packets == account->seen.packets && sum.octets == account->seen.octets;
}

/* What is in the packet blocks at BLOCK, of which LENGTH octets are there. */
static struct ledger_pair walk(const uint8_t *block, uint32_t length)
{
    struct ledger_pair sum = {0, 0};
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    while (snapshot_block_next(block, length, &offset, &packet) == SNAPSHOT_WALK_PACKET) {
        sum.packets++;
        sum.octets += packet.original_length;
    }
    return sum;
}

struct snapshot_live snapshot_ring_live(struct snapshot_ring *ring)
{
    return (struct snapshot_live){
        .worker = &ring->books, .stored = &ring->stored, .failed = ring->failed};
}

/* The worker's part; nothing is in the stage alone. */
static void worker_part(const struct snapshot_ring *ring, struct snapshot_account *account)
{
    *account = ring->books;
    if (ring->open)
        account->in_memory = walk(ring->open, ring->fill.used);
}

void snapshot_ring_worker_part(struct snapshot_ring *ring, struct snapshot_account *account)
{
    snapshot_settle(ring);
    worker_part(ring, account);
}

/* The writer's part: done blocks, and what waits of those in front of END. */
static void writer_part(const struct snapshot_ring *ring, uint64_t end,
                        struct snapshot_account *account)
{
    memset(account, 0, sizeof *account);
    account->stored = ring->stored;
    memcpy(account->failed, ring->failed, sizeof account->failed);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    for (uint64_t s = taken; s < end; s++) {
        const uint8_t *block = block_at(ring, s);
        const struct snapshot_block_header *header = (const void *)block;
        struct ledger_pair waiting = walk(block, header->used);
        add_pair(&account->in_memory, &waiting);
    }
}

void snapshot_ring_account(const struct snapshot_ring *ring, struct snapshot_account *account)
{
    struct snapshot_account writer;
    worker_part(ring, account);
    if (!ring->config.writer)
        return;
    writer_part(ring, atomic_load_explicit(&ring->filled, memory_order_acquire), &writer);
    snapshot_account_add(account, &writer);
}

void snapshot_ring_make_cut(struct snapshot_ring *ring, uint64_t cut)
{
    snapshot_ring_worker_part(ring, &ring->cut_books);
    atomic_store_explicit(&ring->cut_sequence, ring->sequence, memory_order_relaxed);
    atomic_store_explicit(&ring->cut_made, cut, memory_order_release);
}

void snapshot_ring_answer(struct snapshot_ring *ring)
{
    uint64_t cut = atomic_load_explicit(&ring->cut_made, memory_order_acquire);
    if (cut == atomic_load_explicit(&ring->cut_answered, memory_order_relaxed))
        return;
    writer_part(ring, atomic_load_explicit(&ring->cut_sequence, memory_order_relaxed),
                &ring->answer);
    atomic_store_explicit(&ring->cut_answered, cut, memory_order_release);
}

bool snapshot_ring_cut(const struct snapshot_ring *ring, uint64_t cut,
                       struct snapshot_account *account)
{
    if (snapshot_ring_drained(ring)) {
        snapshot_ring_account(ring, account);
        return true;
    }
    if (atomic_load_explicit(&ring->cut_made, memory_order_acquire) != cut)
        return false;
    if (ring->config.writer &&
        atomic_load_explicit(&ring->cut_answered, memory_order_acquire) != cut)
        return false;
    *account = ring->cut_books;
    if (ring->config.writer)
        snapshot_account_add(account, &ring->answer);
    return true;
}

void snapshot_ring_counts(const struct snapshot_ring *ring, struct snapshot_ring_counts *counts)
{
    uint64_t first, stored, end, last_ns;
    snapshot_ring_window(ring, &first, &stored, &end);
    *counts = (struct snapshot_ring_counts){
        .kept_packets = atomic_load_explicit(&ring->told_kept_packets, memory_order_relaxed),
        .kept_octets = atomic_load_explicit(&ring->told_kept_octets, memory_order_relaxed),
        .written_octets = atomic_load_explicit(&ring->told_written, memory_order_relaxed),
        .cut_off_packets = atomic_load_explicit(&ring->told_cut_off, memory_order_relaxed),
        .overload_packets = atomic_load_explicit(&ring->told_overload, memory_order_relaxed),
    };
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    uint64_t filled = atomic_load_explicit(&ring->filled, memory_order_acquire);
    if (ring->config.writer)
        counts->waiting_blocks = filled - taken;
    while (first < end && !snapshot_ring_times(ring, first, &counts->oldest_ns, &last_ns))
        first++;
}

/* ---- the writer's end ---- */

bool snapshot_ring_peek(const struct snapshot_ring *ring, uint32_t ahead,
                        struct snapshot_sealed *sealed)
{
    uint64_t sequence = atomic_load_explicit(&ring->taken, memory_order_relaxed) + ahead;
    if (sequence >= atomic_load_explicit(&ring->filled, memory_order_acquire))
        return false;
    sealed->block = block_at(ring, sequence);
    sealed->header = (const struct snapshot_block_header *)(const void *)sealed->block;
    sealed->used = sealed->header->used;
    return true;
}

void snapshot_ring_done(struct snapshot_ring *ring, enum snapshot_outcome outcome)
{
    struct snapshot_sealed sealed;
    bool there = snapshot_ring_peek(ring, 0, &sealed);
    check(there && outcome <= SNAPSHOT_LOST_GONE);
    /* A block that was sealed behind a cut shows the cut, too. */
    snapshot_ring_answer(ring);
    ledger_add(outcome == SNAPSHOT_STORED ? &ring->stored
                                          : &ring->failed[outcome - SNAPSHOT_LOST_WRITE],
               sealed.header->packets, sealed.header->octets);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
}

/* ---- readers ---- */

void snapshot_ring_window(const struct snapshot_ring *ring, uint64_t *first, uint64_t *stored,
                          uint64_t *end)
{
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    uint64_t filled = atomic_load_explicit(&ring->filled, memory_order_acquire);
    uint64_t position = atomic_load_explicit(&ring->position, memory_order_acquire);
    uint64_t begun = atomic_load_explicit(&ring->begun, memory_order_acquire);
    uint64_t open = position >> POSITION_BITS;
    uint32_t used = position & ((1u << POSITION_BITS) - 1);
    *first = begun > ring->config.blocks ? begun - ring->config.blocks : 0;
    *end = filled;
    if (open >= filled)
        *end = used > SNAPSHOT_BLOCK_FIRST ? open + 1 : open;
    *stored = ring->config.writer ? taken : *first;
    if (*stored < *first)
        *stored = *first;
}

/* Gives the copy of LENGTH octets of the open block the header and the padding it will have. */
static void finish_copy(const struct snapshot_ring *ring, uint64_t sequence, uint8_t *buffer,
                        uint32_t length)
{
    struct snapshot_block_header header = snapshot_header(ring, sequence);
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    header.first_ns = UINT64_MAX;
    while (snapshot_block_next(buffer, length, &offset, &packet) == SNAPSHOT_WALK_PACKET) {
        header.packets++;
        header.octets += packet.original_length;
        header.first_ns = packet.time_ns < header.first_ns ? packet.time_ns : header.first_ns;
        header.last_ns = packet.time_ns > header.last_ns ? packet.time_ns : header.last_ns;
    }
    /* What the worker has noted of its packets is not published: rather too much than too little.
     */
    header.flags = SNAPSHOT_BLOCK_PAYLOAD;
    header.used = snapshot_block_pad(buffer, length);
    memcpy(buffer, &header, sizeof header);
}

/* Copies what a worker may be overwriting: the caller looks afterwards whether it was. The thread
 * sanitizer cannot know that, so its build copies where it does not look. */
#ifdef __SANITIZE_THREAD__
__attribute__((no_sanitize("thread"), noinline)) static void
copy_unguarded(void *to, const void *from, size_t octets)
{
    volatile uint8_t *out = to;
    const volatile uint8_t *in = from;
    for (size_t i = 0; i < octets; i++)
        out[i] = in[i];
}
#else
static void copy_unguarded(void *to, const void *from, size_t octets)
{
    memcpy(to, from, octets);
}
#endif

/* The header of block SEQUENCE as it is at this moment. False: it is none. */
static bool glance(const struct snapshot_ring *ring, uint64_t sequence,
                   struct snapshot_block_header *header)
{
    uint8_t octets[sizeof *header];
    copy_unguarded(octets, block_at(ring, sequence), sizeof octets);
    return snapshot_block_read_header(octets, sizeof octets, header);
}

/* The octets of block SEQUENCE that may be read, *SEALED or not; 0: none. */
static uint32_t readable(const struct snapshot_ring *ring, uint64_t sequence, bool *sealed)
{
    uint64_t filled = atomic_load_explicit(&ring->filled, memory_order_acquire);
    *sealed = sequence < filled;
    if (*sealed) {
        struct snapshot_block_header header;
        return glance(ring, sequence, &header) ? header.used : 0;
    }
    uint64_t position = atomic_load_explicit(&ring->position, memory_order_acquire);
    uint32_t used = position & ((1u << POSITION_BITS) - 1);
    return position >> POSITION_BITS == sequence && used > SNAPSHOT_BLOCK_FIRST ? used : 0;
}

enum snapshot_copy snapshot_ring_copy(const struct snapshot_ring *ring, uint64_t sequence,
                                      uint8_t *buffer)
{
    const uint32_t no_crc = 0;
    bool sealed;
    if (!block_stands(ring, sequence))
        return SNAPSHOT_OVERWRITTEN;
    uint32_t length = readable(ring, sequence, &sealed);
    copy_unguarded(buffer, block_at(ring, sequence), length);
    atomic_thread_fence(memory_order_acquire);
    if (!block_stands(ring, sequence))
        return SNAPSHOT_OVERWRITTEN;
    if (length == 0)
        return SNAPSHOT_NOT_YET;
    if (sealed)
        memcpy(buffer + offsetof(struct snapshot_block_header, crc), &no_crc, sizeof no_crc);
    else
        finish_copy(ring, sequence, buffer, length);
    return SNAPSHOT_COPIED;
}

bool snapshot_ring_times(const struct snapshot_ring *ring, uint64_t sequence, uint64_t *first_ns,
                         uint64_t *last_ns)
{
    struct snapshot_block_header header;
    if (sequence >= atomic_load_explicit(&ring->filled, memory_order_acquire) ||
        !block_stands(ring, sequence))
        return false;
    bool good = glance(ring, sequence, &header);
    atomic_thread_fence(memory_order_acquire);
    if (!good || !block_stands(ring, sequence))
        return false;
    *first_ns = header.first_ns;
    *last_ns = header.last_ns;
    return true;
}
