/*
 * One connection from the login to its end: octets of the client go through the framing guard to
 * the library, whole messages only, and the library's go back. What waits for a client is bounded;
 * one that does not read is let go.
 */
#ifndef SPANFLOW_NETCONF_SESSION_PUMP_H
#define SPANFLOW_NETCONF_SESSION_PUMP_H

#include "session_workers.h"
#include "sessions.h"
#include "stream.h"

enum {
    OUTPUT_MAX = 32 * 1024 * 1024,       /* octets that may wait for one client */
    OUTPUT_ALL_MAX = 256 * 1024 * 1024,  /* for all; one user alone cannot fill it */
    OUTPUT_SURE = 1024 * 1024,           /* for one client, however much waits for others */
    NOTIFICATIONS_MAX = 8 * 1024 * 1024, /* with more than this waiting, a subscriber is too slow */
};

/* Serves the client of STREAM, whose handshake is through, until its session ends. Runs in the
 * connection's thread. STREAM stays the caller's. The log gets a line for each session that begins
 * or ends. */
void session_pump(struct sessions *sessions, struct session_workers *workers,
                  struct stream *stream);

#endif
