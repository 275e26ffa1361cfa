/* What changed since the last look, as notifications. */
#include "probe_notify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "probe_control.h"

static const uint64_t look_every_ns = 1000000000;

enum told { TOLD_NOTHING, TOLD_UP, TOLD_DOWN };

struct probe_watch {
    /* Main thread. */
    enum told ports[SOURCES_MAX];
    enum told destinations[CACHES_MAX][EXPORT_ROWS_MAX];
    uint64_t dropped;
    bool dropping;
    bool counted; /* DROPPED is of a second before */

    /* The exporter's thread. */
    uint64_t looked_ns;
    struct exporter_counters counters;

    /* Both, under the lock. */
    pthread_mutex_t lock;
    uint32_t counts[CACHES_MAX];
    struct destination_place places[CACHES_MAX][EXPORT_ROWS_MAX];
    struct transport_report reports[CACHES_MAX][EXPORT_ROWS_MAX];
};

struct probe_watch *probe_watch_create(void)
{
    struct probe_watch *watch = calloc(1, sizeof *watch);
    if (watch)
        pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void probe_watch_destroy(struct probe_watch *watch)
{
    if (watch)
        pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void probe_notify_look(struct probe *probe, uint64_t monotonic_ns)
{
    struct probe_watch *watch = probe->watch;
    if (!watch || !probe->control || monotonic_ns - watch->looked_ns < look_every_ns)
        return;
    watch->looked_ns = monotonic_ns;
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        const struct exporter_counters *counters = &watch->counters;
        exporting_process_counters(probe->exporting->exporters[c], &watch->counters);
        pthread_mutex_lock(&watch->lock);
        watch->counts[c] = counters->destination_count;
        for (uint32_t d = 0; d < counters->destination_count; d++) {
            watch->places[c][d] = counters->place[d];
            watch->reports[c][d] = counters->destination[d].connection;
        }
        pthread_mutex_unlock(&watch->lock);
    }
}

/* ---- what is told ---- */

static void tell(struct probe *probe, const char *name, const char *leaf, const char *value,
                 const char *reason)
{
    json_t *content = json_object();
    json_object_set_new(content, leaf, json_string(value));
    if (reason && reason[0])
        json_object_set_new(content, "reason", json_string(reason));
    probe_control_notify(probe->control, name, content);
}

static void look_at_ports(struct probe *probe)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        enum told *told = &probe->watch->ports[s];
        enum told now = source->link.up ? TOLD_UP : TOLD_DOWN;
        if (!source->link.known || *told == now)
            continue;
        if (now == TOLD_DOWN || *told == TOLD_DOWN)
            tell(probe, now == TOLD_DOWN ? "port-down" : "port-up", "port", source->interface.name,
                 NULL);
        *told = now;
    }
}

/* Whether a destination is there; nothing is known while a first attempt is under way. */
static enum told judge(const struct transport_report *report)
{
    switch (report->state) {
    case TRANSPORT_STATE_CONNECTED:
        return TOLD_UP;
    case TRANSPORT_STATE_WAITING:
        return TOLD_DOWN;
    case TRANSPORT_STATE_CONNECTING:
    case TRANSPORT_STATE_HANDSHAKE:
        return report->disconnects || report->connect_failures ? TOLD_DOWN : TOLD_NOTHING;
    default: /* a file, UDP, or the end */
        return TOLD_NOTHING;
    }
}

/* Destination D of exporting process C; under the lock. Rows of removed ones stay. */
static void look_at_destination(struct probe *probe, uint32_t c, uint32_t d)
{
    struct probe_watch *watch = probe->watch;
    const struct transport_report *report = &watch->reports[c][d];
    const struct destination_place *place = &watch->places[c][d];
    enum told *told = &watch->destinations[c][d];
    enum told now = place->removed ? TOLD_NOTHING : judge(report);
    if (now == TOLD_NOTHING || *told == now)
        return;
    if (now == TOLD_DOWN)
        tell(probe, "destination-down", "destination", place->name, report->last_error);
    else if (*told == TOLD_DOWN)
        tell(probe, "destination-up", "destination", place->name, NULL);
    *told = now;
}

static void look_at_destinations(struct probe *probe)
{
    struct probe_watch *watch = probe->watch;
    pthread_mutex_lock(&watch->lock);
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        for (uint32_t d = 0; d < watch->counts[c]; d++)
            look_at_destination(probe, c, d);
    pthread_mutex_unlock(&watch->lock);
}

static void look_at_drops(struct probe *probe)
{
    struct probe_watch *watch = probe->watch;
    const struct worker_counts counts = probe_counts(probe, 0);
    uint64_t dropped = counts.dropped_packets - watch->dropped;
    uint32_t threshold = probe->config->drop_threshold;
    bool above = watch->counted && threshold && dropped >= threshold;
    watch->dropped = counts.dropped_packets;
    watch->counted = true;
    if (above && !watch->dropping)
        probe_control_notify(probe->control, "drops-above-threshold",
                             json_pack("{s:o,s:I}", "dropped",
                                       json_sprintf("%llu", (unsigned long long)dropped),
                                       "threshold", (json_int_t)threshold));
    watch->dropping = above;
}

void probe_notify_caches(struct probe *probe)
{
    struct probe_watch *watch = probe->watch;
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    for (uint32_t c = 1; c < CACHES_MAX; c++) {
        watch->counts[c] = 0; /* the names go with their exporting process */
        memset(watch->destinations[c], 0, sizeof watch->destinations[c]);
    }
    pthread_mutex_unlock(&watch->lock);
}

void probe_notify_sources(struct probe *probe, const int before[])
{
    struct probe_watch *watch = probe->watch;
    enum told ports[SOURCES_MAX] = {TOLD_NOTHING};
    if (!watch)
        return;
    for (uint32_t s = 0; s < probe->source_count; s++)
        ports[s] = before[s] >= 0 ? watch->ports[before[s]] : TOLD_NOTHING;
    memcpy(watch->ports, ports, sizeof ports);
}

void probe_notify_turn(struct probe *probe)
{
    if (!probe->watch || !probe->control)
        return;
    look_at_ports(probe);
    look_at_destinations(probe);
    look_at_drops(probe);
}

void probe_notify_clock(struct probe *probe)
{
    long long step_ms = (long long)(probe->clock.step_ns / 1000000);
    probe_control_notify(probe->control, "clock-unsynchronised",
                         json_pack("{s:o}", "step", json_sprintf("%lld", step_ms)));
}

void probe_notify_flood(struct probe *probe, uint32_t worker, uint32_t cache,
                        const struct worker_flood *flood)
{
    probe_control_notify(probe->control, "admission-level",
                         json_pack("{s:I,s:s,s:I,s:I}", "worker", (json_int_t)worker, "cache",
                                   probe->config->caches[cache].name, "level",
                                   (json_int_t)flood->level, "occupancy",
                                   (json_int_t)flood->occupancy_percent));
}
