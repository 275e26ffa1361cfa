/* Alerts and hits of rules. See worker_alert.h. */
#include "worker/worker_alert.h"

#include <string.h>

#include "worker/worker_private.h"

static_assert((int)APPLICATION_NAME_OCTETS <= (int)ALERT_NAME_OCTETS, "names of rules fit");

bool worker_take_alert(struct worker *worker, struct alert *alert)
{
    return alert_ring_take(worker->alerts, alert);
}

uint64_t worker_alerts_lost(const struct worker *worker)
{
    return alert_ring_lost(worker->alerts);
}

uint64_t worker_application_hits(const struct worker *worker, uint16_t number)
{
    return atomic_load_explicit(&worker->application_hits[number], memory_order_relaxed);
}

void worker_raise(struct worker *worker, const struct alert *alert)
{
    if (alert->severity != SEVERITY_NONE && alert->severity >= worker->config.alert_minimum)
        alert_ring_put(worker->alerts, alert);
}

void worker_note_application(struct worker *worker, uint16_t found,
                             const struct packet_facts *facts, const struct flow_sought *sought,
                             uint64_t time_ns)
{
    const struct application *application =
        &application_set_rules(worker->config.applications)->applications[found - 1u];
    _Atomic uint64_t *hits = &worker->application_hits[application->number];
    atomic_store_explicit(hits, atomic_load_explicit(hits, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    if (application->severity == SEVERITY_NONE)
        return;
    struct alert alert = {.time_ns = time_ns,
                          .flow_id = sought->flow_id,
                          .number = application->number,
                          .kind = ALERT_RULE,
                          .severity = application->severity,
                          .side = sought->initiator,
                          .freeze = application->freeze,
                          .key = facts->key};
    memcpy(alert.name, application->name, sizeof application->name);
    worker_raise(worker, &alert);
}
