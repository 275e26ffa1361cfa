/*
 * Another configuration of the ring while packets flow. Rings, policy and place are exchanged where
 * they differ; what is the same stays. A place whose settings alone differ is told them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "probe_snapshot_private.h"

struct probe_snapshot_change {
    struct snapshot_config config; /* the new one */
    bool other_place;              /* there is another, or none any more */
    bool other_rings;
    bool other_policy;
    struct snapshot_place *place;
    struct snapshot_policy *policy;
    uint32_t ring_count;
    struct snapshot_ring *rings[EXPORT_RINGS_MAX];
    bool exchanged; /* what follows is what was there before */
};

static bool is_on(const struct snapshot_config *config)
{
    return config->enabled;
}

/* Configurations are made of zeros, so that what lies between members is equal, too. */
static bool same_octets(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static bool same_policy(const struct snapshot_config *a, const struct snapshot_config *b)
{
    return a->snap_length == b->snap_length && a->cutoff_packets == b->cutoff_packets &&
           a->cutoff_octets == b->cutoff_octets && a->class_count == b->class_count &&
           same_octets(a->classes, b->classes, sizeof a->classes);
}

static bool names_applications(const struct snapshot_config *config)
{
    for (uint32_t c = 0; c < config->class_count; c++)
        if (config->classes[c].application_count)
            return true;
    return false;
}

/* What of the ring differs between the running configuration and the one of CHANGE. */
static void compare(const struct probe *probe, const struct probe_rules *rules,
                    struct probe_snapshot_change *change)
{
    const struct snapshot_config *a = &probe->config->snapshot, *b = &change->config;
    change->other_place = is_on(a) != is_on(b);
    change->other_rings = change->other_place;
    change->other_policy = change->other_place;
    if (!is_on(a) || !is_on(b))
        return;
    change->other_place = strcmp(a->directory, b->directory) != 0 || !a->disk_mib != !b->disk_mib;
    change->other_rings = change->other_place || a->memory_mib != b->memory_mib ||
                          a->flush_interval_ns != b->flush_interval_ns;
    change->other_policy =
        !same_policy(a, b) || (names_applications(b) && rules->names != probe->rules.names);
}

static bool make_rings(struct probe *probe, const struct probe_config *config,
                       struct probe_snapshot_change *change, struct error *error)
{
    while (change->ring_count < probe->metering->worker_count) {
        uint32_t w = change->ring_count;
        struct snapshot_ring *ring =
            snapshot_make_ring(probe, config, w, probe->metering->cores[w], error);
        if (!ring)
            return false;
        change->rings[change->ring_count++] = ring;
    }
    return true;
}

/* A new place must work at once: a wish that names a folder which cannot be used is refused. */
static bool make_place(struct probe *probe, struct probe_snapshot_change *change,
                       struct error *error)
{
    struct error trouble = {""};
    change->place = snapshot_place_create(probe, &change->config, &trouble, error);
    if (change->place && trouble.text[0])
        error_set(error, "/spanflow/snapshot/directory: %s", trouble.text);
    return change->place && !trouble.text[0];
}

static bool make(struct probe *probe, const struct probe_config *config,
                 const struct probe_rules *rules, struct probe_snapshot_change *change,
                 struct error *error)
{
    compare(probe, rules, change);
    if (!is_on(&change->config))
        return true;
    if (change->other_policy &&
        !(change->policy = snapshot_make_policy(&change->config, rules, error)))
        return false;
    return (!change->other_rings || make_rings(probe, config, change, error)) &&
           (!change->other_place || make_place(probe, change, error));
}

struct probe_snapshot_change *probe_snapshot_prepare(struct probe *probe,
                                                     const struct probe_config *config,
                                                     const struct probe_rules *rules,
                                                     struct error *error)
{
    struct probe_snapshot_change *change = calloc(1, sizeof *change);
    if (!change) {
        error_set(error, "no memory for a change of the snapshot ring");
        return NULL;
    }
    memcpy(&change->config, &config->snapshot, sizeof change->config);
    if (make(probe, config, rules, change, error))
        return change;
    probe_snapshot_cancel(change);
    return NULL;
}

bool probe_snapshot_concerns_workers(const struct probe_snapshot_change *change)
{
    return change && (change->other_rings || change->other_policy);
}

bool probe_snapshot_exchanges_rings(const struct probe_snapshot_change *change)
{
    return change && change->other_rings;
}

const struct snapshot_ring *probe_snapshot_change_ring(const struct probe_snapshot_change *change,
                                                       uint32_t number)
{
    return change && number < change->ring_count ? change->rings[number] : NULL;
}

void probe_snapshot_fill(const struct probe *probe, const struct probe_snapshot_change *change,
                         uint32_t number, struct worker_config *worker)
{
    const struct probe_snapshot *snapshot = probe->snapshot;
    worker->snapshot =
        change && change->other_rings ? change->rings[number] : snapshot->rings[number];
    worker->snapshot_policy = change && change->other_policy ? change->policy : snapshot->policy;
}

void probe_snapshot_submit(struct probe *probe, struct probe_snapshot_change *change)
{
    struct snapshot_place *place;
    if (!change)
        return;
    place = change->other_place ? change->place : probe->snapshot->place;
    for (uint32_t w = 0; place && place->writer && w < change->ring_count; w++)
        check(snapshot_writer_attach(place->writer, change->rings[w]));
}

/* The new parts take the places of the old ones, which CHANGE keeps until they are drained. */
static void exchange(struct probe *probe, struct probe_snapshot_change *change)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    struct snapshot_place *place = snapshot->place;
    struct snapshot_policy *policy = snapshot->policy;
    change->exchanged = true;
    if (change->other_policy) {
        snapshot->policy = change->policy;
        change->policy = policy;
    }
    if (change->other_place) {
        snapshot_check_stop(snapshot);
        snapshot->place = change->place;
        change->place = place;
    }
    for (uint32_t w = 0; change->other_rings && w < probe->metering->worker_count; w++) {
        struct snapshot_ring *ring = snapshot->rings[w];
        snapshot->rings[w] = change->rings[w];
        change->rings[w] = ring;
    }
    change->ring_count = change->other_rings ? probe->metering->worker_count : 0;
    if (!snapshot->place)
        return;
    snapshot_place_follow(snapshot->place, snapshot, probe->metering->worker_count);
    if (!change->other_place)
        snapshot_place_configure(snapshot->place, &change->config);
}

/* Adds the books of old rings that are over; true if none is left. */
static bool drain(struct probe *probe, struct probe_snapshot_change *change)
{
    struct snapshot_place *place = change->other_place ? change->place : probe->snapshot->place;
    bool all = true;
    for (uint32_t w = 0; w < change->ring_count; w++) {
        struct snapshot_ring *ring = change->rings[w];
        struct snapshot_account account;
        if (!ring)
            continue;
        if (!snapshot_ring_is_over(place, ring)) {
            all = false;
            continue;
        }
        snapshot_ring_account(ring, &account);
        snapshot_account_add(&probe->snapshot->before[w], &account);
        snapshot_ring_release(ring);
        change->rings[w] = NULL;
    }
    return all;
}

bool probe_snapshot_finish(struct probe *probe, struct probe_snapshot_change *change)
{
    if (!change)
        return true;
    if (!change->exchanged)
        exchange(probe, change);
    if (!drain(probe, change))
        return false;
    probe_snapshot_cancel(change);
    return true;
}

void probe_snapshot_cancel(struct probe_snapshot_change *change)
{
    if (!change)
        return;
    if (change->other_place)
        snapshot_place_destroy(change->place);
    for (uint32_t w = 0; w < change->ring_count; w++)
        snapshot_ring_release(change->rings[w]);
    snapshot_policy_destroy(change->policy);
    free(change);
}
