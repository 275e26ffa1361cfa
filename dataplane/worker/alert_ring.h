/*
 * Alerts on their way from a worker to the main thread: a ring of fixed size for each worker. An
 * alert is put only when a flow gets a verdict or matches a list, never for each packet; if the
 * main thread does not keep up, the newest is counted and left out.
 *
 * Producer: the worker's thread. Consumer: the main thread. Neither ever waits.
 */
#ifndef SPANFLOW_WORKER_ALERT_RING_H
#define SPANFLOW_WORKER_ALERT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/severity.h"
#include "flow/flow_key.h"

enum {
    ALERT_NAME_OCTETS = 32, /* with the closing NUL */
    ALERT_RING_SLOTS = 1024
};

enum alert_kind {
    ALERT_RULE, /* a rule told the flow's application by its content */
    ALERT_LIST  /* an address or a name of the flow is in a list */
};

enum { ALERT_LISTED_NAME = 2 }; /* a name that the flow told */

/* One finding. It says all that is to be told of it, so that it stays true when rules or lists are
 * exchanged before the main thread reads it. */
struct alert {
    uint64_t time_ns; /* of the packet */
    uint64_t flow_id; /* element 148 */
    uint32_t number;  /* of the application, or of the list */
    uint8_t kind;     /* enum alert_kind */
    uint8_t severity; /* enum severity */
    uint8_t side;     /* of the key: the initiator's */
    bool freeze;      /* packets around it are to be kept, whatever the severity */
    struct flow_key key;
    uint8_t listed;               /* of a list, what is in it: the address of side 0 or 1, or
                                     ALERT_LISTED_NAME */
    char name[ALERT_NAME_OCTETS]; /* of the rule or the list; cut if longer */
};
static_assert(sizeof(struct alert) == 112, "no more than is told");

struct alert_ring;

/* For ALERT_RING_SLOTS alerts. NULL and ERROR if memory is short. Control thread. */
struct alert_ring *alert_ring_create(struct error *error);
/* Both threads are done with it; NULL is fine. Control thread. */
void alert_ring_destroy(struct alert_ring *ring);

/* Producer: copies ALERT to the ring; the consumer sees it at once. False if the ring is full: then
 * it is counted as lost. */
bool alert_ring_put(struct alert_ring *ring, const struct alert *alert);

/* Consumer: takes the oldest into *ALERT. False if there is none. */
bool alert_ring_take(struct alert_ring *ring, struct alert *alert);

/* Alerts that found the ring full, since its creation. Any thread. */
uint64_t alert_ring_lost(const struct alert_ring *ring);

#endif
