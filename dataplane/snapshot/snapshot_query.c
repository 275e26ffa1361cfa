/* A question, answered in the order of time. See snapshot_query.h. */
#include "snapshot/snapshot_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_match.h"
#include "snapshot/snapshot_reader.h"

/* The packets of one block that match, in the order of time. */
struct batch {
    uint64_t time_ns; /* of the next one */
    uint32_t piece;   /* order among packets of the same time */
    uint16_t worker;
    uint64_t run, sequence;
    uint32_t count, next;
    uint64_t octets; /* of all of it */
    uint8_t *data;
    struct snapshot_kept packets[];
};

struct snapshot_query {
    struct snapshot_match *match;
    struct snapshot_reader *reader;
    struct snapshot_query_counts counts;
    const struct snapshot_piece *pieces;
    uint32_t piece_count, next_piece;
    struct batch **heap; /* the smallest first */
    uint32_t heap_count, heap_room;
    struct batch *finished; /* holds the packet that was given out last */
    uint64_t held_octets;
    uint64_t last_ns; /* of what was given out */
    uint8_t *buffer;  /* of one block */
    struct snapshot_kept *found;
    uint32_t found_room;
};

/* A block of packets without data has no more than this. */
enum { PACKETS_MAX = SNAPSHOT_BLOCK_OCTETS / (SNAPSHOT_EPB_FIXED + 4) };

static bool before(const struct batch *a, const struct batch *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (a->worker != b->worker)
        return a->worker < b->worker;
    if (a->run == b->run)
        return a->sequence < b->sequence;
    return a->piece < b->piece;
}

static void sift_down(struct snapshot_query *query, uint32_t at)
{
    struct batch **heap = query->heap;
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < query->heap_count && before(heap[child], heap[least]))
                least = child;
        if (least == at)
            return;
        struct batch *moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

/* False: no memory. */
static bool push(struct snapshot_query *query, struct batch *batch)
{
    if (query->heap_count == query->heap_room) {
        uint32_t room = query->heap_room ? query->heap_room * 2 : 64;
        struct batch **heap = realloc(query->heap, room * sizeof(struct batch *));
        if (!heap)
            return false;
        query->heap = heap;
        query->heap_room = room;
    }
    uint32_t at = query->heap_count++;
    for (; at > 0 && before(batch, query->heap[(at - 1) / 2]); at = (at - 1) / 2)
        query->heap[at] = query->heap[(at - 1) / 2];
    query->heap[at] = batch;
    return true;
}

struct snapshot_query *snapshot_query_open(const struct snapshot_sources *sources,
                                           const struct snapshot_question *question,
                                           snapshot_damage_function damage, void *context,
                                           struct error *error)
{
    struct snapshot_query *query = calloc(1, sizeof *query);
    if (!query) {
        error_set(error, "query: no memory");
        return NULL;
    }
    query->buffer = aligned_alloc(SNAPSHOT_BLOCK_ALIGNMENT, SNAPSHOT_BLOCK_OCTETS);
    query->match = snapshot_match_create(question, error);
    if (query->match)
        query->reader =
            snapshot_reader_open(sources, query->match, &query->counts, damage, context, error);
    if (!query->buffer)
        error_set(error, "query: no memory");
    if (!query->buffer || !query->reader) {
        snapshot_query_close(query);
        return NULL;
    }
    query->pieces = snapshot_reader_pieces(query->reader, &query->piece_count);
    return query;
}

void snapshot_query_close(struct snapshot_query *query)
{
    if (!query)
        return;
    for (uint32_t i = 0; i < query->heap_count; i++)
        free(query->heap[i]);
    free(query->heap);
    free(query->finished);
    free(query->found);
    free(query->buffer);
    snapshot_reader_close(query->reader);
    snapshot_match_destroy(query->match);
    free(query);
}

/* Room for one more packet of a block. False: no memory. */
static bool grow_found(struct snapshot_query *query, uint32_t count)
{
    if (count < query->found_room)
        return true;
    uint32_t room = query->found_room ? query->found_room * 2 : 1024;
    struct snapshot_kept *found = realloc(query->found, room * sizeof *found);
    if (!found)
        return false;
    query->found = found;
    query->found_room = room;
    return true;
}

/* The packets of piece I in the buffer that match; *OCTETS of data. */
static uint32_t select_packets(struct snapshot_query *query, uint32_t i, uint32_t used,
                               uint64_t *octets)
{
    uint32_t offset = SNAPSHOT_BLOCK_FIRST, count = 0;
    struct snapshot_packet packet;
    enum snapshot_walk walk = SNAPSHOT_WALK_END;
    *octets = 0;
    for (uint32_t step = 0; step < PACKETS_MAX; step++) {
        uint32_t number;
        walk = snapshot_block_next(query->buffer, used, &offset, &packet);
        if (walk != SNAPSHOT_WALK_PACKET)
            break;
        query->counts.packets_read++;
        if (!snapshot_reader_interface(query->reader, &query->pieces[i], packet.interface,
                                       &number) ||
            !grow_found(query, count)) {
            walk = SNAPSHOT_WALK_DAMAGED;
            break;
        }
        struct snapshot_kept kept = {.time_ns = packet.time_ns,
                                     .flow_id = packet.flow_id,
                                     .data = packet.data,
                                     .captured_length = packet.captured_length,
                                     .wire_length = packet.original_length,
                                     .interface = number,
                                     .worker = query->pieces[i].worker};
        if (snapshot_match_packet(query->match, &kept,
                                  snapshot_reader_described(query->reader, number).link_type)) {
            query->found[count++] = kept;
            *octets += kept.captured_length;
        }
    }
    if (walk == SNAPSHOT_WALK_DAMAGED)
        snapshot_reader_damaged(query->reader, i);
    return count;
}

/* By time; the same time in the order of the block. */
static int compare(const void *one, const void *other)
{
    const struct snapshot_kept *a = one, *b = other;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->data < b->data ? -1 : a->data > b->data;
}

static void sort_found(struct snapshot_query *query, uint32_t count)
{
    uint32_t i = 1;
    while (i < count && query->found[i - 1].time_ns <= query->found[i].time_ns)
        i++;
    if (i < count)
        qsort(query->found, count, sizeof query->found[0], compare);
}

/* Reads the next block and puts what matches into the heap. */
static void load(struct snapshot_query *query)
{
    uint32_t i = query->next_piece++;
    uint64_t octets;
    uint32_t used = snapshot_reader_read(query->reader, i, query->buffer);
    uint32_t count = used == 0 ? 0 : select_packets(query, i, used, &octets);
    if (count == 0 || !query->found)
        return;
    sort_found(query, count);
    size_t table = count * sizeof(struct snapshot_kept);
    struct batch *batch = malloc(sizeof *batch + table + octets);
    if (!batch) {
        snapshot_reader_damaged(query->reader, i);
        return;
    }
    *batch = (struct batch){.time_ns = query->found[0].time_ns,
                            .piece = i,
                            .worker = query->pieces[i].worker,
                            .run = query->pieces[i].run,
                            .sequence = query->pieces[i].sequence,
                            .count = count,
                            .octets = sizeof *batch + table + octets};
    batch->data = (uint8_t *)batch + sizeof *batch + table;
    memcpy(batch->packets, query->found, table);
    uint8_t *at = batch->data;
    for (uint32_t k = 0; k < count; k++) {
        struct snapshot_kept *packet = &batch->packets[k];
        check(packet->data); /* it lies in the block, also if it has no octet */
        memcpy(at, packet->data, packet->captured_length);
        packet->data = at;
        at += packet->captured_length;
    }
    if (!push(query, batch)) {
        free(batch);
        snapshot_reader_damaged(query->reader, i);
        return;
    }
    query->held_octets += batch->octets;
    query->counts.packets_matched += count;
}

/* Takes the first packet off the heap. */
static void pop(struct snapshot_query *query, struct snapshot_kept *packet)
{
    struct batch *batch = query->heap[0];
    *packet = batch->packets[batch->next++];
    if (packet->time_ns < query->last_ns)
        query->counts.packets_late++;
    else
        query->last_ns = packet->time_ns;
    if (batch->next < batch->count) {
        batch->time_ns = batch->packets[batch->next].time_ns;
    } else {
        query->held_octets -= batch->octets;
        query->finished = batch;
        query->heap[0] = query->heap[--query->heap_count];
    }
    sift_down(query, 0);
}

enum snapshot_query_step snapshot_query_next(struct snapshot_query *query,
                                             struct snapshot_kept *packet)
{
    free(query->finished);
    query->finished = NULL;
    bool more = query->next_piece < query->piece_count;
    if (query->heap_count == 0 && !more)
        return SNAPSHOT_QUERY_END;
    /* A block whose first packet is not later than the next one comes first. */
    if (more && (query->heap_count == 0 ||
                 (query->pieces[query->next_piece].first_ns <= query->heap[0]->time_ns &&
                  query->held_octets < SNAPSHOT_HELD_OCTETS_MAX))) {
        load(query);
        return SNAPSHOT_QUERY_BLOCK;
    }
    pop(query, packet);
    return SNAPSHOT_QUERY_PACKET;
}

struct snapshot_query_interface snapshot_query_interface(const struct snapshot_query *query,
                                                         uint32_t interface)
{
    return snapshot_reader_described(query->reader, interface);
}

const struct snapshot_query_counts *snapshot_query_counts(const struct snapshot_query *query)
{
    return &query->counts;
}
