/*
 * Other rings for an exporting process, while those of before still have records. See
 * exporting_process_change.h.
 */
#include <string.h>

#include "base/check.h"
#include "exporting_process_internal.h"

/* So long the old rings wait for queues of which nothing goes. */
static const uint64_t patience_ns = 5000000000;

struct ring_state exporting_process_ring(struct exporting_process *process,
                                         struct record_ring *ring, uint32_t i)
{
    return (struct ring_state){.ring = ring,
                               .exchange = process->exchanges,
                               .exported = &process->counters.exported[i],
                               .records = &process->counters.records[i]};
}

/* Whether D's queue has room for what comes of old rings beside what comes of the others. */
static bool has_room_for_old(const struct destination *d)
{
    uint32_t room = message_queue_room(&d->queue), bound = message_queue_bound(&d->queue);
    return destination_has_room(d) && room > bound / 2;
}

/* Whether old records have to wait for D: not for one that has not moved for a while. */
static bool is_waited_for(struct exporting_process *process, const struct destination *d)
{
    uint64_t *held_ns = &process->held_ns[d->row];
    uint64_t given_up = 1ull << d->row;
    if (d->broken || process->given_up & given_up || exporting_process_is_replaced(process, d))
        return false;
    if (has_room_for_old(d)) {
        *held_ns = 0;
        return false;
    }
    if (*held_ns == 0)
        *held_ns = process->monotonic_ns;
    if (process->monotonic_ns - *held_ns <= patience_ns)
        return true;
    process->given_up |= given_up;
    return false;
}

bool exporting_process_takes_old(struct exporting_process *process)
{
    bool take = true;
    static_assert(EXPORT_ROWS_MAX <= 64, "a bit for each row");
    for (uint32_t i = 0; !process->abandoned && i < process->current_count; i++)
        take &= !is_waited_for(process, process->current[i]);
    return take;
}

void exporting_process_exchange_rings(struct exporting_process *process,
                                      struct record_ring *const rings[], uint32_t count)
{
    struct exporter_counters *counters = &process->counters;
    uint32_t old = process->ring_count;
    check(count <= EXPORT_RINGS_MAX && old <= EXPORT_RINGS_MAX);
    memcpy(counters->old_exported, counters->exported, sizeof counters->old_exported);
    memcpy(counters->old_records, counters->records, sizeof counters->old_records);
    memset(counters->exported, 0, sizeof counters->exported);
    memset(counters->records, 0, sizeof counters->records);
    memmove(&process->rings[count], &process->rings[0], old * sizeof process->rings[0]);
    for (uint32_t i = 0; i < old; i++) {
        struct ring_state *state = &process->rings[count + i];
        check(!state->old && !state->at_marker);
        state->old = true;
        state->exported = &counters->old_exported[i];
        state->records = &counters->old_records[i];
    }
    process->exchanges++;
    for (uint32_t i = 0; i < count; i++)
        process->rings[i] = exporting_process_ring(process, rings[i], i);
    process->ring_count = count + old;
    process->turn = 0;
    memset(process->held_ns, 0, sizeof process->held_ns);
    process->given_up = 0;
}

void exporting_process_plan_interfaces(struct exporting_process_change *change)
{
    const struct exporting_process *process = change->process;
    const struct exporting_process_config *running = &process->config;
    struct exporting_process_config *config = &change->config;
    uint32_t own = config->interface_count, count = running->interfaces_before;
    const struct export_interface *before = running->interfaces + running->interface_count;
    bool same = own == running->interface_count &&
                memcmp(config->interfaces, running->interfaces, own * sizeof *before) == 0;
    change->named = process->named;
    if (!same) {
        count = config->exchanges ? running->interface_count : 0;
        before = running->interfaces;
        change->named = process->exchanges + 1;
    }
    count = own + count <= EXPORT_INTERFACES_MAX ? count : 0;
    memcpy(config->interfaces + own, before, count * sizeof *before);
    config->interfaces_before = count;
    change->renames = !same && count > 0;
}

void exporting_process_rename_waiting(const struct exporting_process *process)
{
    uint32_t count = process->config.interfaces_before, by = process->config.interface_count;
    for (uint32_t i = 0; i < process->current_count; i++) {
        struct destination *d = process->current[i];
        client_ports_shift(d->client_ports, count, by);
        client_ports_shift(d->shell ? d->shell->client_ports : NULL, count, by);
    }
}

void exporting_process_keep_interfaces(const struct exporting_process *process,
                                       const struct ring_state *ring,
                                       const struct flow_record *record)
{
    uint32_t count = process->config.interfaces_before, by = process->config.interface_count;
    if (ring->exchange >= process->named || !count)
        return;
    /* The element is the consumer's own until it is released. */
    struct flow_cold *cold = (struct flow_cold *)(uintptr_t)record->cold;
    for (unsigned side = 0; side < 2; side++)
        if (cold->port[side] < count)
            cold->port[side] = (uint16_t)(cold->port[side] + by);
}

bool exporting_process_has_emptied(const struct exporting_process *process)
{
    for (uint32_t i = 0; i < process->ring_count; i++)
        if (process->rings[i].old && record_ring_peek(process->rings[i].ring))
            return false;
    return true;
}

void exporting_process_drop_rings(struct exporting_process *process,
                                  struct exporter_counters *counters)
{
    struct exporter_counters *own = &process->counters;
    if (counters)
        exporting_process_counters(process, counters);
    while (process->ring_count && process->rings[process->ring_count - 1].old) {
        const struct ring_state *state = &process->rings[--process->ring_count];
        check(!state->at_marker || process->abandoned);
        own->records_before += *state->records;
    }
    memset(own->old_exported, 0, sizeof own->old_exported);
    memset(own->old_records, 0, sizeof own->old_records);
    process->turn = 0;
}
