/*
 * What RFC 5655 adds to messages in a file: a checksum in each message, the time window at the end
 * of each file, and when a file is full or over, so that the next one begins. Each file is a
 * session of its own: it begins with templates, and its sequence numbers begin with 0.
 *
 * Used by the two halves of a destination, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_FILE_H
#define SPANFLOW_EXPORTER_DESTINATION_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/message_queue.h"
#include "encode/options_record.h"

struct destination;

/* Of the file that the newest message belongs to; of files only. */
struct file_session {
    struct options_template window;   /* RFC 5655 section 8.1.2 */
    struct options_template checksum; /* section 8.1.1; id 0: not sent */
    uint32_t checksum_at;             /* offset of the digest in the open message, 0 = none */
    bool begun;                       /* it has a message */
    bool window_due;                  /* flow records came since the window was told */
    bool written;                     /* there was a message, in this file or an earlier one */
    uint64_t octets;                  /* of its messages */
    uint64_t period;                  /* its multiple of the rotation time */
    uint64_t start_ns, end_ns;        /* of its flow records; start UINT64_MAX if it has none */
    uint32_t first_s, last_s;         /* export times of its messages */
};

/* Sets up the session of a destination that is a file; its templates and options have their ids. */
void destination_file_init(struct destination *destination);
/* Most messages that the change to another file takes besides a refresh. */
uint32_t destination_file_messages(const struct destination *destination);
/* A message was begun: puts the checksum record into it. */
void destination_file_begin_message(struct destination *destination);
/* MESSAGE is complete: fills in the checksum and counts it. */
void destination_file_finish_message(struct destination *destination,
                                     const struct queued_message *message);
/* A flow record with these times, since 1970, was encoded. */
static inline void file_session_note(struct file_session *session, uint64_t start_ns,
                                     uint64_t end_ns)
{
    session->start_ns = start_ns < session->start_ns ? start_ns : session->start_ns;
    session->end_ns = end_ns > session->end_ns ? end_ns : session->end_ns;
    session->window_due = true;
}
/* Whether the file holds flow records and what comes next belongs into another one. */
bool destination_file_is_over(const struct destination *destination);
/* Export time, since 1970, at which the file is over; UINT64_MAX if time does not end it. */
uint64_t destination_file_over_ns(const struct destination *destination);
/* What comes next begins another file. */
void destination_file_restart(struct destination *destination);
/* Tells the time window, which must be due, in a message of its own, and ends the file if the
 * destination writes several. */
void destination_file_end(struct destination *destination);

#endif
