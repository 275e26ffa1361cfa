/* What is told of the ring: its books, its state, notifications. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "probe_change.h"
#include "probe_control.h"
#include "probe_snapshot_private.h"

static const uint64_t look_every_ns = 1000000000, second_ns = 1000000000, mib = 1 << 20;

/* ---- books ---- */

bool probe_snapshot_account(const struct probe *probe, uint32_t number, uint64_t cut,
                            struct snapshot_account *account)
{
    const struct probe_snapshot *snapshot = probe->snapshot;
    const struct snapshot_ring *rings[] = {snapshot->rings[number],
                                           probe_change_ring(probe, number)};
    *account = snapshot->before[number];
    for (unsigned i = 0; i < 2; i++) {
        struct snapshot_account part;
        if (!rings[i] || (cut && i > 0))
            continue;
        if (!cut)
            snapshot_ring_account(rings[i], &part);
        else if (!snapshot_ring_cut(rings[i], cut, &part))
            return false;
        snapshot_account_add(account, &part);
    }
    return true;
}

/* ---- state ---- */

static void fill_memory(const struct probe *probe, struct state_snapshot *facts)
{
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        if (probe->snapshot->rings[w])
            facts->memory += snapshot_ring_memory(probe->snapshot->rings[w], &facts->pages);
}

/* How long a query of everything takes: by the speed of the last one, or by the bound. */
static uint64_t query_time(const struct probe *probe, uint64_t held)
{
    const struct snapshot_place *place = probe->snapshot->place;
    uint64_t speed = place->extractor ? snapshot_extractor_speed(place->extractor) : 0;
    if (!speed)
        speed = probe->config->snapshot.extract_mib_per_s * mib;
    return speed ? (held + speed - 1) / speed : 0;
}

static void fill_store(struct snapshot_store *store, struct state_snapshot *facts)
{
    struct snapshot_store_state state;
    snapshot_store_tell(store, clock_wall_ns(), &state);
    facts->oldest_ns = state.oldest_ns;
    facts->newest_ns = state.newest_ns;
    facts->is_short = state.short_of_wanted;
    facts->disk_reserved = state.octets_reserved;
    facts->disk_held = state.octets_held;
    facts->disk_frozen = state.octets_frozen;
    facts->disk_wanted = state.octets_wanted;
    facts->octets_per_second = state.octets_per_second;
    facts->segments = state.segments;
    facts->blocks = state.blocks;
    facts->packets = state.packets;
    facts->blocks_damaged = state.damaged_blocks;
    facts->segments_overwritten = state.overwritten;
    facts->segments_expired = state.expired;
    facts->freezes = snapshot_store_freezes(store, NULL, 0);
}

/* The oldest packet of memory, where there is no disk. */
static void fill_oldest(const struct probe *probe, struct state_snapshot *facts)
{
    for (uint32_t w = 0; w < probe->metering->worker_count; w++) {
        struct snapshot_ring_counts counts;
        snapshot_ring_counts(probe->snapshot->rings[w], &counts);
        if (counts.oldest_ns && (!facts->oldest_ns || counts.oldest_ns < facts->oldest_ns))
            facts->oldest_ns = counts.oldest_ns;
    }
}

static uint64_t count_jobs(const struct probe_snapshot *snapshot)
{
    struct snapshot_job_status *jobs = calloc(SNAPSHOT_JOBS_MAX, sizeof *jobs);
    uint64_t busy = snapshot->check.threaded && !atomic_load(&snapshot->check.ended);
    uint32_t count = jobs && snapshot->place->extractor
                         ? snapshot_extractor_list(snapshot->place->extractor, jobs)
                         : 0;
    for (uint32_t i = 0; i < count; i++)
        busy += jobs[i].state == SNAPSHOT_JOB_WAITING || jobs[i].state == SNAPSHOT_JOB_RUNNING;
    free(jobs);
    return busy;
}

void probe_snapshot_facts(struct probe *probe, struct state_snapshot *facts)
{
    static char fault[512];
    const struct probe_snapshot *snapshot = probe->snapshot;
    const struct snapshot_place *place = snapshot->place;
    *facts = (struct state_snapshot){.pages = "", .fault = ""};
    if (!place)
        return;
    struct snapshot_store *store = place->writer ? snapshot_writer_store(place->writer) : NULL;
    snprintf(fault, sizeof fault, "%s", place->trouble);
    facts->enabled = true;
    facts->payload = snapshot_policy_keeps_payload(snapshot->policy);
    facts->directory = place->directory;
    facts->fault = fault;
    fill_memory(probe, facts);
    if (place->writer) {
        struct snapshot_writer_state writer;
        snapshot_writer_tell(place->writer, &writer);
        facts->writing = store && !writer.faulty;
        facts->direct = writer.direct;
        if (writer.faulty)
            snprintf(fault, sizeof fault, "%s", writer.fault);
    }
    if (store)
        fill_store(store, facts);
    else
        fill_oldest(probe, facts);
    facts->query_time_s = query_time(probe, facts->disk_held + (place->writer ? 0 : facts->memory));
    facts->jobs = count_jobs(snapshot);
}

/* ---- notifications ---- */

static json_t *large(uint64_t number)
{
    return json_sprintf("%llu", (unsigned long long)number);
}

static void tell_failing(struct probe *probe, bool failing, const char *fault)
{
    json_t *content = json_object();
    json_object_set_new(content, "writing", json_boolean(!failing));
    if (failing)
        json_object_set_new(content, "reason", json_string(fault));
    probe_control_notify(probe->control, "snapshot-failed", content);
}

static void tell_short(struct probe *probe, const struct snapshot_store_state *state)
{
    uint64_t now_ns = clock_wall_ns();
    uint64_t held_s =
        state->oldest_ns && now_ns > state->oldest_ns ? (now_ns - state->oldest_ns) / second_ns : 0;
    uint64_t wanted_s = probe->config->snapshot.wanted_age_ns / second_ns;
    probe_control_notify(probe->control, "snapshot-short",
                         json_pack("{s:I,s:I,s:o}", "held",
                                   (json_int_t)(held_s < UINT32_MAX ? held_s : UINT32_MAX),
                                   "wanted", (json_int_t)wanted_s, "diskNeeded",
                                   large((state->octets_wanted + mib - 1) / mib)));
    fprintf(stderr,
            "spanflowd: packets are held for %llu s, %llu s are wanted: that needs a diskSize of "
            "%llu MiB\n",
            (unsigned long long)held_s, (unsigned long long)wanted_s,
            (unsigned long long)((state->octets_wanted + mib - 1) / mib));
}

void probe_snapshot_notify(struct probe *probe)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    struct snapshot_place *place = snapshot->place;
    struct snapshot_writer_state writer;
    uint64_t now_ns = clock_monotonic_ns();
    if (!place || !place->writer || now_ns - snapshot->looked_ns < look_every_ns)
        return;
    snapshot->looked_ns = now_ns;
    snapshot_writer_tell(place->writer, &writer);
    if (writer.faulty != snapshot->told_failing)
        tell_failing(probe, writer.faulty, writer.fault);
    snapshot->told_failing = writer.faulty;
    struct snapshot_store *store = snapshot_writer_store(place->writer);
    struct snapshot_store_state state = {.short_of_wanted = false};
    if (store)
        snapshot_store_tell(store, clock_wall_ns(), &state);
    if (state.short_of_wanted && !snapshot->told_short)
        tell_short(probe, &state);
    snapshot->told_short = state.short_of_wanted;
}
