/*
 * Connections: a thread for each, from the first octet to the last, so that one that says nothing
 * holds nobody else. How many may be without a known user at once is bounded, over networks and
 * over the local socket apart.
 */
#ifndef SPANFLOW_NETCONF_FRONT_H
#define SPANFLOW_NETCONF_FRONT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "session_workers.h"
#include "sessions.h"
#include "stream.h"

enum {
    HANDSHAKES_MAX = 64, /* connections without a known user, over networks */
    LOCAL_CONNECTIONS_MAX = 64,
    CONNECTION_STACK = 512 * 1024, /* octets; for threads that parse no XML */
};

struct front;

/* No connection yet. NULL if memory is short. */
struct front *front_create(struct sessions *sessions, struct session_workers *workers);

/* Ends all connections and sessions, waits for their threads, and frees. NULL is allowed. */
void front_destroy(struct front *front);

/* Serves STREAM in a thread of its own; STREAM belongs to the front and is freed there, at once if
 * there is no room for it. Never waits. */
void front_accept(struct front *front, struct stream *stream);

/* The same in the thread of the caller. TAG, of the caller, names the connection for
 * front_end_tagged(); who calls that sets ENDING first. Returns whether the user was let in. */
bool front_serve(struct front *front, struct stream *stream, const void *tag,
                 const atomic_bool *ending);

/* Breaks the connections with TAG off. */
void front_end_tagged(struct front *front, const void *tag);

/* Starts a thread that is not waited for, with the stack of connections. False if that fails. */
bool front_start_thread(void *(*run)(void *), void *context);

#endif
