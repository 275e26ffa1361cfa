/*
 * The bounded queue of encoded messages. See message_queue.h.
 */
#include "encode/message_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

uint64_t message_queue_slots(uint32_t message_octets, uint32_t slack, uint32_t octets_max,
                             uint32_t slots_min, uint64_t *slot_octets)
{
    uint64_t octets = sizeof(struct queued_message) + message_octets + slack;
    *slot_octets = (octets + 63) / 64 * 64;
    uint64_t slots = octets_max / *slot_octets;
    return slots < slots_min ? slots_min : slots;
}

int message_queue_create(struct message_queue *queue, uint32_t message_octets, uint32_t slack,
                         uint32_t octets_max, uint32_t slots_min, struct error *error)
{
    uint64_t octets;
    uint64_t slots = message_queue_slots(message_octets, slack, octets_max, slots_min, &octets);
    memset(queue, 0, sizeof *queue);
    queue->slot_octets = (uint32_t)octets;
    queue->slot_count = (uint32_t)slots;
    queue->memory = aligned_alloc(64, octets * slots);
    queue->order = calloc(slots, sizeof *queue->order);
    queue->free = calloc(slots, sizeof *queue->free);
    if (!queue->memory || !queue->order || !queue->free) {
        message_queue_destroy(queue);
        error_set(error, "not enough memory for a queue of %llu octets",
                  (unsigned long long)(octets * slots));
        return -1;
    }
    for (uint32_t i = 0; i < queue->slot_count; i++)
        queue->free[i] = queue->slot_count - 1 - i;
    queue->free_count = queue->slot_count;
    return 0;
}

void message_queue_destroy(struct message_queue *queue)
{
    free(queue->memory);
    free(queue->order);
    free(queue->free);
    memset(queue, 0, sizeof *queue);
}

static struct queued_message *message_queue_slot(const struct message_queue *queue, uint32_t slot)
{
    return (struct queued_message *)(void *)(queue->memory + (size_t)slot * queue->slot_octets);
}

struct queued_message *message_queue_open(struct message_queue *queue, uint64_t monotonic_ns)
{
    check(queue->free_count > 0 && !queue->open);
    queue->open_slot = queue->free[--queue->free_count];
    queue->open = message_queue_slot(queue, queue->open_slot);
    *queue->open = (struct queued_message){.opened_ns = monotonic_ns};
    return queue->open;
}

void message_queue_close(struct message_queue *queue)
{
    check(queue->open);
    queue->order[(queue->head + queue->closed_count) % queue->slot_count] = queue->open_slot;
    queue->closed_count++;
    queue->open = NULL;
}

void message_queue_park(struct message_queue *queue)
{
    check(queue->open && queue->parked_count < MESSAGE_QUEUE_PARKED_MAX);
    queue->parked[queue->parked_count].message = queue->open;
    queue->parked[queue->parked_count++].slot = queue->open_slot;
    queue->open = NULL;
}

void message_queue_unpark(struct message_queue *queue, uint32_t i)
{
    check(!queue->open && i < queue->parked_count);
    queue->open = queue->parked[i].message;
    queue->open_slot = queue->parked[i].slot;
    queue->parked[i] = queue->parked[--queue->parked_count];
}

void message_queue_end_file(struct message_queue *queue)
{
    check(queue->closed_count > 0);
    message_queue_at(queue, queue->closed_count - 1)->ends_file = true;
}

struct queued_message *message_queue_at(const struct message_queue *queue, uint32_t i)
{
    debug_check(i < queue->closed_count);
    return message_queue_slot(queue, queue->order[(queue->head + i) % queue->slot_count]);
}

void message_queue_pop(struct message_queue *queue)
{
    check(queue->closed_count > 0);
    queue->free[queue->free_count++] = queue->order[queue->head];
    queue->head = (queue->head + 1) % queue->slot_count;
    queue->closed_count--;
}

void message_queue_to_front(struct message_queue *queue, uint32_t count)
{
    check(count <= queue->closed_count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t newest = (queue->head + queue->closed_count - 1) % queue->slot_count;
        uint32_t slot = queue->order[newest];
        queue->head = (queue->head + queue->slot_count - 1) % queue->slot_count;
        queue->order[queue->head] = slot;
    }
}

struct queued_message *message_queue_add(struct message_queue *queue, uint64_t monotonic_ns)
{
    check(queue->free_count > 0);
    uint32_t slot = queue->free[--queue->free_count];
    queue->order[(queue->head + queue->closed_count) % queue->slot_count] = slot;
    queue->closed_count++;
    struct queued_message *message = message_queue_slot(queue, slot);
    *message = (struct queued_message){.opened_ns = monotonic_ns};
    return message;
}

void message_queue_remove(struct message_queue *queue, uint32_t at, uint32_t count)
{
    check(at <= queue->closed_count && count <= queue->closed_count - at);
    for (uint32_t i = at; i < at + count; i++)
        queue->free[queue->free_count++] = queue->order[(queue->head + i) % queue->slot_count];
    for (uint32_t i = at; i-- > 0;) /* the older ones move up */
        queue->order[(queue->head + i + count) % queue->slot_count] =
            queue->order[(queue->head + i) % queue->slot_count];
    queue->head = (queue->head + count) % queue->slot_count;
    queue->closed_count -= count;
}

void message_queue_move(struct message_queue *to, struct message_queue *from)
{
    check(!from->open && !from->parked_count && to->slot_octets >= from->slot_octets);
    check(!to->closed_count && to->slot_count >= from->closed_count);
    for (uint32_t i = 0; i < from->closed_count; i++) {
        uint32_t slot = to->free[--to->free_count];
        to->order[(to->head + i) % to->slot_count] = slot;
        memcpy(message_queue_slot(to, slot), message_queue_at(from, i), from->slot_octets);
    }
    to->closed_count = from->closed_count;
    from->free_count = from->slot_count;
    from->closed_count = from->head = 0;
    for (uint32_t i = 0; i < from->slot_count; i++)
        from->free[i] = from->slot_count - 1 - i;
}

static uint64_t walk(const struct message_queue *queue, bool recovered)
{
    uint64_t records = queue->open && !recovered ? queue->open->records : 0;
    for (uint32_t i = 0; i < queue->parked_count && !recovered; i++)
        records += queue->parked[i].message->records;
    for (uint32_t i = 0; i < queue->closed_count; i++) {
        const struct queued_message *message = message_queue_at(queue, i);
        if ((message->origin == MESSAGE_RECOVERED) == recovered)
            records += message->records;
    }
    return records;
}

uint64_t message_queue_walk(const struct message_queue *queue)
{
    return walk(queue, false);
}

uint64_t message_queue_walk_recovered(const struct message_queue *queue)
{
    return walk(queue, true);
}
