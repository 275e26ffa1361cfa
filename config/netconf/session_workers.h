/*
 * The threads that read messages of clients, run what they ask and write the answers: a few for all
 * sessions. They get a session only when a whole message of it is there, so none of them ever waits
 * for a client; and a session is served by one of them at a time, in the order of its messages.
 */
#ifndef SPANFLOW_NETCONF_SESSION_WORKERS_H
#define SPANFLOW_NETCONF_SESSION_WORKERS_H

#include <stdbool.h>

#include "base/error.h"
#include "sessions.h"

/* One commit at a time may wait for the daemon without the mutex of operations, and one change for
 * that commit: there is always a third. */
enum { SESSION_WORKERS = 3 };

struct session_workers;

/* Starts the threads. NULL and ERROR if that fails. */
struct session_workers *session_workers_create(struct sessions *sessions, struct error *error);

/* Waits until no session has a message and none is served, TIMEOUT_S at most. */
void session_workers_settle(struct session_workers *workers, unsigned timeout_s);
/* Waits for what runs, ends the threads and frees. No session may be open. NULL is allowed. */
void session_workers_destroy(struct session_workers *workers);

/* One more message of SESSION is there, or just being written, for the library to read. Called by
 * the session's connection's thread. */
void session_workers_submit(struct session_workers *workers, struct session *session);

/* Whether no message of SESSION waits or is being worked on. The session's eventfd tells when that
 * may have changed. */
bool session_workers_idle(struct session_workers *workers, struct session *session);

/* Forgets the messages of SESSION that no worker has begun, and waits for the one that runs. Called
 * by the session's connection's thread, before sessions_leave(). */
void session_workers_forget(struct session_workers *workers, struct session *session);

#endif
