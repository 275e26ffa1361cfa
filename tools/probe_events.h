/*
 * Notifications on their way to the NETCONF process. They are kept until that process says that it
 * has taken them, so that what happens while it is gone, or is on its way when it ends, is told to
 * the next one with the time at which it happened. One that took them and ended before it could say
 * so gets them twice.
 *
 * Main thread. All zeros is an empty line.
 */
#ifndef SPANFLOW_TOOLS_PROBE_EVENTS_H
#define SPANFLOW_TOOLS_PROBE_EVENTS_H

#include <stdint.h>

struct control_channel;

enum { PROBE_EVENTS_MAX = 1024 }; /* that are kept */

struct probe_events {
    char *bodies[PROBE_EVENTS_MAX]; /* of CONTROL_NOTIFY, the oldest first; owned */
    unsigned count;
    unsigned sent; /* the first so many went to the process that is there now */
    uint64_t lost; /* found no room */
};

/* Frees what is kept. */
void probe_events_clear(struct probe_events *events);

/* Appends BODY, which is taken. Without room the oldest that was not yet sent is lost, or BODY
 * itself if all were. */
void probe_events_put(struct probe_events *events, char *body);

/* Sends what was not yet sent, as far as CHANNEL takes it; NULL: there is no process. */
void probe_events_send(struct probe_events *events, struct control_channel *channel);

/* The process has taken the oldest COUNT; no more than were sent. */
void probe_events_taken(struct probe_events *events, uint64_t count);

/* The process is gone: what it has not taken is sent to the next one. */
void probe_events_again(struct probe_events *events);

#endif
