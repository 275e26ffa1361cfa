/*
 * The framing of NETCONF messages (RFC 6242, section 4), as octets come from a client: takes what
 * comes, gives whole messages, and refuses everything that is not framing or too big. The library
 * behind it bounds neither the size of a message nor the time in which it comes, so it gets only
 * what has passed here.
 *
 * A state machine without input or output of its own: it belongs to one connection and its thread.
 * Memory grows with what came, never with what a header announces.
 */
#ifndef SPANFLOW_NETCONF_FRAMING_GUARD_H
#define SPANFLOW_NETCONF_FRAMING_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    GUARD_HELLO_MAX = 64 * 1024,         /* octets of a hello */
    GUARD_MESSAGE_MAX = 4 * 1024 * 1024, /* octets of any other message */
    GUARD_DEPTH_MAX = 256,               /* elements inside each other */
};

enum guard_framing {
    GUARD_END_OF_MESSAGE, /* base:1.0, and every hello: ends with ]]>]]> */
    GUARD_CHUNKED,        /* base:1.1 */
};

enum guard_answer {
    GUARD_MORE,    /* everything was taken, the message is not complete */
    GUARD_MESSAGE, /* one whole message is in the guard; not everything may have been taken */
    GUARD_REFUSED, /* the connection must end (RFC 6242, section 4.2); the error says why */
};

struct framing_guard {
    enum guard_framing framing;
    size_t message_max;
    char *message;   /* owned by the guard; without framing, not ended by zero */
    size_t length;   /* of the message so far */
    size_t capacity; /* of the memory behind it */
    bool complete;   /* the next octet begins another message */
    int state;       /* where in the framing of chunks */
    unsigned digits;
    unsigned chunks; /* of this message, at most 2 are counted */
    uint64_t chunk;  /* octets of the chunk that are still to come, or its size so far */
};

/* A guard that expects a hello. Allocates nothing. */
void framing_guard_init(struct framing_guard *guard);

/* Frees the message. */
void framing_guard_clear(struct framing_guard *guard);

/* Says how messages after the hello are framed; between two messages only. */
void framing_guard_after_hello(struct framing_guard *guard, enum guard_framing framing);

/* Takes octets from DATA until a message is complete, and says in *USED how many. After
 * GUARD_MESSAGE the message stays until the next call. */
enum guard_answer framing_guard_take(struct framing_guard *guard, const char *data, size_t length,
                                     size_t *used, struct error *error);

/* What goes before and after a message of LENGTH octets in FRAMING, as strings: the header is
 * written into HEADER, the trailer is a constant. */
const char *framing_wrap(enum guard_framing framing, size_t length, char header[16]);

#endif
