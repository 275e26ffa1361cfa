/*
 * Events of the daemon (bodies of CONTROL_NOTIFY) between the control channel's thread, which must
 * not wait, and the main thread, which sends them. They come from the first moment on, before there
 * is a server.
 */
#ifndef SPANFLOW_NETCONF_EVENTS_H
#define SPANFLOW_NETCONF_EVENTS_H

#include <stddef.h>
#include <stdint.h>

enum {
    EVENTS_MAX = 4096
}; /* that wait: the daemon sends fewer before they are taken; what finds
      no room is lost, which is counted and logged */

struct events;

/* An empty line. WAKE, an eventfd, is written with each event; it outlives the line. NULL: no
 * memory. */
struct events *events_create(int wake);

/* Frees it with the events in it, when nobody else uses it any more. NULL is fine. */
void events_destroy(struct events *events);

/* Appends a copy of the LENGTH octets at JSON. Any thread. */
void events_put(struct events *events, const char *json, size_t length);

/* The oldest event, to be freed; NULL if there is none. Any thread. */
char *events_take(struct events *events);

/* Events that were lost. Any thread. */
uint64_t events_lost(struct events *events);

#endif
