/*
 * An ordered stream of octets to one client whose name is known: the contract that the local
 * socket, SSH and TLS fulfil. What is above it (session_pump.h) knows no transport.
 *
 * A stream belongs to the thread of its connection. After the handshake nothing in it blocks.
 */
#ifndef SPANFLOW_NETCONF_STREAM_H
#define SPANFLOW_NETCONF_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "sessions.h"

enum {
    HANDSHAKE_TIMEOUT_MS = 10000, /* from the connection to the client's name */
    HELLO_TIMEOUT_MS = 10000,     /* from there to the client's hello */
    READER_TIMEOUT_MS = 30000,    /* a client that has something to read and takes nothing */
};

struct stream;

struct stream_operations {
    /* Makes the connection one of a known user, until DEADLINE_MS of stream_now_ms(). Fills user
     * and root of the stream. False and ERROR: the connection must end; where that is because a
     * client could not prove to be who it says, refused is set, and user if it said one. */
    bool (*handshake)(struct stream *stream, int64_t deadline_ms, struct error *error);
    /* At most LENGTH octets: how many, 0 for none now, -1 when the stream is over. */
    ssize_t (*read)(struct stream *stream, void *data, size_t length);
    /* Takes as many octets as it can: how many, 0 for none now, -1 when the stream is over. */
    ssize_t (*write)(struct stream *stream, const void *data, size_t length);
    /* Events of poll(2) to wait for, where the caller wants to read or write. */
    short (*events)(struct stream *stream, bool reading, bool writing);
    /* Whether all that was written has gone to the kernel; tries it once more. */
    bool (*flushed)(struct stream *stream);
    /* Says goodbye if that is possible at once, and frees STREAM with its socket. */
    void (*destroy)(struct stream *stream);
};

/* The first member of each transport's own. */
struct stream {
    const struct stream_operations *operations;
    int fd; /* of the socket, non-blocking; owned */
    enum session_transport transport;
    bool root;    /* a recovery session */
    bool refused; /* its login */
    char user[256];
    char from[64];
    struct session_origin origin; /* kind and entry of who made it, the proof of the handshake */
};

/* Time in milliseconds that only goes forward. Any thread. */
int64_t stream_now_ms(void);

/* Waits for EVENTS on the stream's socket until DEADLINE_MS. False and ERROR when time is over. */
bool stream_wait(const struct stream *stream, short events, int64_t deadline_ms,
                 struct error *error);

/* A stream over the connected local socket FD, which it owns from now on: the user is who the
 * kernel says it is (SO_PEERCRED). Only root and members of the group GROUP pass. NULL if memory is
 * short; FD is closed. */
struct stream *stream_local_create(int fd, const char *group);

#endif
