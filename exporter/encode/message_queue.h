/*
 * One destination's bounded queue of encoded messages (for JSON: chunks of whole lines). Messages
 * are written in place in slots of one size; a slot that has been sent is the next to be used, so
 * that a queue that hardly fills stays in the processor's cache.
 *
 * Owned by a destination; exporter's thread only, create and destroy on the control thread.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_MESSAGE_QUEUE_H
#define SPANFLOW_EXPORTER_ENCODE_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { MESSAGE_QUEUE_PARKED_MAX = 129 };
/* Where a message comes from: encoded just now, or read from the spool, into which this run or an
 * earlier one had put it. */
enum message_origin { MESSAGE_LIVE, MESSAGE_REPLAYED, MESSAGE_RECOVERED };

struct queued_message {
    uint64_t records;      /* cache records */
    uint32_t octets;       /* of the data, final when closed */
    uint32_t data_records; /* on the wire */
    uint32_t counted;      /* by IPFIX sequence numbers: flow and options data records */
    uint64_t packets;      /* of the cache records */
    uint64_t ip_octets;    /* of the cache records */
    uint64_t opened_ns;    /* monotonic */
    uint64_t key;          /* Kafka, JSON: flowId */
    uint32_t partition;    /* Kafka, IPFIX: which it belongs to */
    uint32_t templates;    /* the same: set of the kinds of its flow records */
    bool spoiled;          /* the same record's message before it was refused */
    bool preface;          /* belongs in front of a session, see destination_send.c */
    bool ends_file;        /* what follows it belongs into another file */
    bool offered;          /* not live: the spool knows that it may have left */
    bool detached;         /* of an earlier run: it is in no spool any more */
    uint32_t spool_octets; /* not live: of it in the spool; 0: it is there as a part of the next */
    enum message_origin origin;
    uint8_t data[];
};

struct message_queue {
    uint8_t *memory; /* owned */
    uint32_t *order; /* slots of the closed messages, a ring of slot_count; owned */
    uint32_t *free;  /* stack of free slots; owned */
    uint32_t slot_count;
    uint32_t slot_octets; /* distance of slots */
    uint32_t withheld;    /* slots beyond the bound: used only by what is there already */
    uint32_t head;        /* index in order of the oldest closed message */
    uint32_t closed_count;
    uint32_t free_count;
    struct queued_message *open; /* under construction, or NULL */
    uint32_t open_slot;
    /* Also under construction, but put aside. */
    uint32_t parked_count;
    struct {
        struct queued_message *message;
        uint32_t slot;
    } parked[MESSAGE_QUEUE_PARKED_MAX];
};

/* Room for messages of MESSAGE_OCTETS with SLACK bytes writable behind each; as many slots as fit
 * into OCTETS_MAX, but at least SLOTS_MIN. 0, or -1 and ERROR on lack of memory. */
int message_queue_create(struct message_queue *queue, uint32_t message_octets, uint32_t slack,
                         uint32_t octets_max, uint32_t slots_min, struct error *error);
void message_queue_destroy(struct message_queue *queue);

/* Slots that new messages may take. */
static inline uint32_t message_queue_bound(const struct message_queue *queue)
{
    return queue->slot_count - queue->withheld;
}

/* How many of them are free. */
static inline uint32_t message_queue_room(const struct message_queue *queue)
{
    return queue->free_count > queue->withheld ? queue->free_count - queue->withheld : 0;
}

/* The slots of a queue with these bounds, and the distance of their beginnings in memory. */
uint64_t message_queue_slots(uint32_t message_octets, uint32_t slack, uint32_t octets_max,
                             uint32_t slots_min, uint64_t *slot_octets);
/* Moves all closed messages of FROM, which has no others, to TO, which is empty and has slots as
 * many and as long. */
void message_queue_move(struct message_queue *to, struct message_queue *from);

/* Starts a message; the queue must have a free slot and no open message. */
struct queued_message *message_queue_open(struct message_queue *queue, uint64_t monotonic_ns);
/* The open message is complete and waits to be sent. */
void message_queue_close(struct message_queue *queue);
/* Puts the open message aside, as the last of the parked ones, of which there are fewer than
 * MESSAGE_QUEUE_PARKED_MAX. */
void message_queue_park(struct message_queue *queue);
/* The parked message I is the open one again, of which there is none; the last takes its place. */
void message_queue_unpark(struct message_queue *queue, uint32_t i);
/* The message closed last, which is still in the queue, is the last of its file. */
void message_queue_end_file(struct message_queue *queue);
/* The I-th oldest closed message, I < closed_count. */
struct queued_message *message_queue_at(const struct message_queue *queue, uint32_t i);
/* Frees the oldest closed message. */
void message_queue_pop(struct message_queue *queue);
/* Moves the COUNT newest closed messages in front of all others; they keep their order. */
void message_queue_to_front(struct message_queue *queue, uint32_t count);

/* A new closed message behind all others, to be filled in at once; the queue must have a free slot.
 * The open message stays as it is. */
struct queued_message *message_queue_add(struct message_queue *queue, uint64_t monotonic_ns);
/* Frees the COUNT closed messages from the one at AT on, counted from the oldest. */
void message_queue_remove(struct message_queue *queue, uint32_t at, uint32_t count);

/* Records in closed messages and in those under construction, by a walk over them; without those of
 * an earlier run, which the second function counts. */
uint64_t message_queue_walk(const struct message_queue *queue);
uint64_t message_queue_walk_recovered(const struct message_queue *queue);

#endif
