/*
 * What a worker tells the main thread beside its account: alerts, and how many flows each
 * application's rule has found. Both are written when a flow gets a verdict, never for each packet,
 * and last as long as the worker, whatever rules it has meanwhile.
 */
#ifndef SPANFLOW_WORKER_WORKER_ALERT_H
#define SPANFLOW_WORKER_WORKER_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/alert_ring.h"

struct worker;

/* Takes the oldest alert of WORKER into *ALERT; false if there is none. Main thread. */
bool worker_take_alert(struct worker *worker, struct alert *alert);
/* Alerts that were lost because the main thread was too far behind. Any thread. */
uint64_t worker_alerts_lost(const struct worker *worker);

/* Flows whose content told application NUMBER (1..APPLICATION_NUMBER_MAX). Any thread. */
uint64_t worker_application_hits(const struct worker *worker, uint16_t number);

/* Raises ALERT, unless it is less grave than the configuration wants told. Worker thread, for the
 * files of worker/. */
void worker_raise(struct worker *worker, const struct alert *alert);

struct flow_sought;
struct packet_facts;

/* The content of a flow, of which FACTS is a packet, told the application FOUND, as in struct
 * application_verdict: it is counted, and raises an alert if its rule says so. TIME_NS of the
 * packet. Worker thread, for worker_payload.c. */
void worker_note_application(struct worker *worker, uint16_t found,
                             const struct packet_facts *facts, const struct flow_sought *sought,
                             uint64_t time_ns);

#endif
