/*
 * A destination and its spool (spool.h): what goes into it and when, what comes back.
 *
 * Into the spool goes what waits in the queue when there has been no session for a second, or when
 * half of the queue is full: when there is no session, the oldest first; when there is one that
 * takes too little, what stands behind the message that is on its way. A stop, also one that is cut
 * short, puts the rest there. Template and options messages do not go there: a session begins with
 * new ones. With Kafka they do, since each has its number in partition 0, and the two messages of a
 * record in JSON go together.
 *
 * Back it comes while there is a session and the queue is nearly empty, so that live records go
 * first, and at a limited pace. A replayed message waits in the queue like any other, with a number
 * of the session and its old export time, and is treated like any other when the session ends: sent
 * if it was confirmed, lost(connection) if it had left, else it is read from the spool again. With
 * Kafka it keeps its own number, and is read again unless it was confirmed.
 *
 * In a group others take over from a member that is away, and only when none is there does a
 * member's spool fill (delivery_group.c knows nothing of it: a spool keeps queues from filling up).
 *
 * Used by the parts of a destination, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_SPOOL_H
#define SPANFLOW_EXPORTER_DESTINATION_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

struct destination;
struct destination_counters;
struct error;
struct queued_message;
struct spool_stream;

struct destination_spool {
    struct spool_stream *stream; /* owned; NULL: no spool */
    /* The stream that it is to get from a predecessor: no more than a name for it. NULL: none. */
    const struct spool_stream *wanted;
    uint8_t *scratch; /* for that stream, with room for its longest message; owned */
    uint32_t scratch_octets;
    uint64_t away_ns;      /* monotonic time since which there is no session; 0: there is */
    bool retired;          /* of a destination that leaves: others have another spool */
    bool failing;          /* it could not be written */
    uint64_t retry_ns;     /* monotonic time of the next attempt to write */
    uint64_t check_ns;     /* when to look again for files that others removed */
    bool gone;             /* the folder was removed and could not be made again */
    uint64_t load_ns;      /* monotonic time at which the next message may be loaded */
    uint64_t rate_ns;      /* when the rate was last looked at */
    uint64_t rate_records; /* records at that time */
    uint64_t rate;         /* records/s of late */
};

/* Whether the destination is to have a spool. */
bool destination_spool_is_wanted(const struct destination *destination);
/* Opens the stream of a destination that is to have one; if another has it already, it is the
 * wanted one. 0, or -1 and ERROR. Control thread. */
int destination_spool_open(struct destination *destination, struct error *error);
void destination_spool_close(struct destination *destination);
/* Counts what the stream was opened with. */
void destination_spool_begin(struct destination *destination);
/* The stream of DESTINATION shall have room for messages as long as those of FRESH, which brought
 * the memory. */
void destination_spool_widen(struct destination *destination, struct destination *fresh);
/* Whether the configuration that is in force has another spool for DESTINATION, or none. */
bool destination_spool_differs(const struct destination *destination);
/* DESTINATION leaves its spool, if it has one, and goes on with that of FRESH, which may have none:
 * what is in its files is counted as left there. What was read from them and has left, or begun to,
 * belongs to the queue alone from now on; what has not is in the files again. FRESH gets the stream
 * to be closed. With Kafka nothing may be in flight. */
void destination_spool_exchange(struct destination *destination, struct destination *fresh);
/* DESTINATION, which is about to end, leaves what is in its files there, and it is counted so. */
void destination_spool_leave(struct destination *destination);
/* Gives the stream, of which nothing is in the queue, to HEIR. */
void destination_spool_hand_over(struct destination *destination, struct destination *heir);
/* Whether there are messages in its files that wait to be sent. */
bool destination_spool_holds(const struct destination *destination);

/* Before each sending: puts into the spool what belongs there. True if anything moved. */
bool destination_spool_save(struct destination *destination);
/* Before it, too: queues what the pace permits of the spool; nothing if FLUSH, since the probe is
 * ending. True if anything moved. */
bool destination_spool_replay(struct destination *destination, bool flush);
/* A session has ended: what was replayed and is still in the queue leaves it for the spool. */
void destination_spool_session_ended(struct destination *destination);
/* Puts all that waits into the spool, if the disk permits, and replayed messages back. Nothing may
 * be in flight. */
void destination_spool_save_all(struct destination *destination);

/* How many messages may be in flight or offered: what is in flight cannot be spooled, so with a
 * spool it is a part of the queue only. */
uint32_t destination_spool_flight_end(const struct destination *destination);
/* A burst with MESSAGE is about to be offered. */
void destination_spool_offer(struct destination *destination, struct queued_message *message);
/* MESSAGE is sent or lost. If it came from the spool, it is the oldest of those. */
void destination_spool_settle(struct destination *destination,
                              const struct queued_message *message);

/* Whether there is a spool and no session for so long that nobody waits for one. */
bool destination_spool_is_patient(const struct destination *destination);
/* Monotonic time at which the spool wants a step; UINT64_MAX if none. */
uint64_t destination_spool_next_ns(const struct destination *destination);
/* Fills in the terms that walks find, in a copy of the counters. */
void destination_spool_count(const struct destination *destination,
                             struct destination_counters *copy);

#endif
