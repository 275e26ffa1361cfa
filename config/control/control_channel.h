/*
 * The control channel between the daemon and its NETCONF process: frames over one socket pair. This
 * is the daemon's side, which never blocks, and what both sides agree on; the other side is
 * control_client.h.
 *
 * A frame is a header in the order of this machine's bytes and a body of JSON text (UTF-8, no zero
 * byte), at most CONTROL_BODY_MAX octets. Requests carry an id, not 0, chosen by the NETCONF
 * process, and the answer has the same. The NETCONF process is not trusted: whatever bytes it
 * sends, they are a frame or end the channel.
 *
 *   daemon -> netconf  CONTROL_HELLO   first frame, id 0: {"volatile":bool,"replaces":bool,
 *                                      "store":DIR,"socket":PATH,"version":TEXT,
 *                                      "configuration":{"spanflow:spanflow":{...}}}. Where the
 *                                      configuration replaces the stored one (-c) it may have
 *                                      "ietf-netconf-acm:nacm" beside it. In a volatile run
 *                                      "kept":{...} as well: the body of the last CONTROL_KEEP
 *                      CONTROL_NOTIFY  id 0: {"time":NS,"event":{...}}: one notification of the
 *                                      model (RFC 7951) and when it happened, nanoseconds since
 *                                      1970. Sent again to the next process until it is taken
 *                      CONTROL_OK      answer: done; body empty or JSON as the request says
 *                      CONTROL_ERROR   answer: nothing was changed; control_refusal.h
 *   netconf -> daemon  CONTROL_APPLY   a whole configuration {"spanflow:spanflow":{...}};
 *                                      flag CONTROL_TEST: checked only. Answer: empty
 *                      CONTROL_STATE   {"sections":[NAME,...]}, or {} or empty for all. Answer:
 *                                      {"spanflow:spanflow":{"state":{...}}}
 *                      CONTROL_RPC     {"spanflow:NAME":{input}}. Answer:
 *                                      {"spanflow:NAME":{output}} or empty where the operation has
 *                                      no output
 *                      CONTROL_KEEP    a JSON object: what a process that is started again finds as
 *                                      "kept", since a volatile run has no store. Answer: empty
 *                      CONTROL_TAKEN   {"events":N}: so many more are where they outlive the
 *                                      process. No answer
 *
 * Thread: one. Nothing here is shared.
 */
#ifndef SPANFLOW_CONFIG_CONTROL_CHANNEL_H
#define SPANFLOW_CONFIG_CONTROL_CHANNEL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    CONTROL_CHILD_FD = 3,                /* where the NETCONF process finds its end */
    CONTROL_BODY_MAX = 64 * 1024 * 1024, /* octets of a body */
    CONTROL_REQUESTS_MAX = 64,           /* of the NETCONF process without an answer */
};

enum control_type {
    CONTROL_HELLO = 1,
    CONTROL_NOTIFY,
    CONTROL_OK,
    CONTROL_ERROR,
    CONTROL_APPLY,
    CONTROL_STATE,
    CONTROL_RPC,
    CONTROL_KEEP,
    CONTROL_TAKEN,
    CONTROL_TYPE_END
};

enum control_flag {
    CONTROL_TEST = 1, /* of CONTROL_APPLY */
};

struct control_header {
    uint32_t length; /* of the body, octets */
    uint16_t type;   /* enum control_type */
    uint16_t flags;
    uint32_t id;
};
static_assert(sizeof(struct control_header) == 12, "no padding goes over the channel");

/* A whole frame. The body belongs to who got the frame, ends with a zero byte that is not counted,
 * and is freed by control_frame_clear(). */
struct control_frame {
    enum control_type type;
    uint16_t flags;
    uint32_t id;
    size_t length;
    char *body; /* never NULL */
};

/* Frees the body. */
void control_frame_clear(struct control_frame *frame);

/* Whether a header may come from the NETCONF process (FROM_CHILD), or from the daemon: length, type
 * and flags. ERROR says what is wrong. */
bool control_header_valid(const struct control_header *header, bool from_child,
                          struct error *error);

enum control_receive {
    CONTROL_RECEIVE_FRAME,   /* one whole frame; there may be more */
    CONTROL_RECEIVE_NOTHING, /* not yet */
    CONTROL_RECEIVE_GONE,    /* the peer closed, or broke the rules: ERROR says which */
};

struct control_channel;

/* A channel on FD, which it owns and makes non-blocking. NULL and ERROR: FD is closed. */
struct control_channel *control_channel_create(int fd, struct error *error);

/* Closes the descriptor and frees all that waits. NULL is allowed. */
void control_channel_destroy(struct control_channel *channel);

/* The descriptor, and the events of poll(2) that the channel waits for now. */
int control_channel_fd(const struct control_channel *channel);
short control_channel_events(const struct control_channel *channel);

/* Takes the next frame into FRAME (owned by the caller then). Memory grows with what came, not with
 * what a header promises. */
enum control_receive control_channel_receive(struct control_channel *channel,
                                             struct control_frame *frame, struct error *error);

/* Queues a frame of LENGTH octets of BODY (copied) and sends as much as fits. False: it is too long
 * or memory is short, or the peer does not read and too much waits already; then nothing was
 * queued. A peer that is gone is told by the next receive. */
bool control_channel_send(struct control_channel *channel, enum control_type type, uint32_t id,
                          const char *body, size_t length);

/* Sends as much of what is queued as fits; when poll(2) says POLLOUT. */
void control_channel_flush(struct control_channel *channel);

/* Octets that wait to be sent. */
size_t control_channel_queued(const struct control_channel *channel);

#endif
