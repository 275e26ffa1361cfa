/*
 * Drains the record rings into every destination, keeps the account and answers ledger cuts. See
 * exporting_process.h; exporting_process_hooks.h is for tests.
 */
#include "exporting_process.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "destination_change.h"
#include "exporting_process_hooks.h"
#include "exporting_process_internal.h"

/* Records are encoded and sent in portions that stay in the processor's cache. */
enum { PORTION_RECORDS = DESTINATION_PORTION_MAX, STEP_PORTIONS_MAX = 8, RING_TURN_RECORDS = 256 };

void exporting_process_make_groups(struct exporting_process *process)
{
    const struct exporting_process_config *config = &process->config;
    process->everyone_count = process->group_count = 0;
    for (uint32_t i = 0; i < process->current_count; i++) {
        uint32_t group = process->current[i]->config->group;
        if (!group || config->groups[group - 1].mode == EXPORT_PARALLEL)
            process->everyone[process->everyone_count++] = process->current[i];
    }
    for (uint32_t i = 0; i < config->group_count; i++)
        if (config->groups[i].mode != EXPORT_PARALLEL)
            delivery_group_init(&process->groups[process->group_count++], config, i,
                                process->current, process->current_count);
    process->counters.group_count = config->group_count;
    memcpy(process->counters.groups, config->groups, sizeof config->groups);
}

/* Opens destination I of the configuration, with row I of the account. */
static bool open_destination(struct exporting_process *process, uint32_t i, struct error *error)
{
    const struct destination_config *config = &process->config.destinations[i];
    struct destination_place *place = &process->counters.place[i];
    enum destination_change ignored;
    struct destination *d = malloc(sizeof *d);
    place->name = exporting_process_keep_name(&process->names, config->name);
    if (!d || !place->name) {
        error_set(error, "%s: not enough memory", config->name);
        free(d);
        return false;
    }
    if (destination_create(d, config, &process->config, NULL, &ignored, error) != 0) {
        free(d);
        return false;
    }
    place->group = config->group;
    d->row = i;
    d->counters = &process->counters.destination[i];
    d->metering = &process->metering;
    d->known = process->known;
    process->known = d;
    process->known_count++;
    destination_spool_begin(d);
    process->current[process->current_count++] = d;
    process->counters.destination_count++;
    return true;
}

struct exporting_process *exporting_process_create(const struct exporting_process_config *config,
                                                   struct record_ring *const rings[],
                                                   uint32_t ring_count, struct error *error)
{
    check(ring_count <= EXPORT_RINGS_MAX);
    check(config->destination_count <= DESTINATIONS_MAX);
    check(config->interface_count <= EXPORT_INTERFACES_MAX);
    struct exporting_process *process = calloc(1, sizeof *process);
    if (!process) {
        error_set(error, "not enough memory for the exporting process");
        return NULL;
    }
    process->config = *config;
    process->ring_count = ring_count;
    for (uint32_t i = 0; i < ring_count; i++)
        process->rings[i] = exporting_process_ring(process, rings[i], i);
    atomic_init(&process->accepts, true);
    pthread_mutex_init(&process->cut_lock, NULL);
    for (uint32_t i = 0; i < config->destination_count; i++) {
        if (!open_destination(process, i, error)) {
            exporting_process_destroy(process);
            return NULL;
        }
    }
    exporting_process_make_groups(process);
    return process;
}

void exporting_process_destroy(struct exporting_process *process)
{
    if (!process)
        return;
    exporting_process_free_changes(process);
    pthread_mutex_destroy(&process->cut_lock);
    free(process);
}

/* v9: sysUptime is 0 one second before the second of the first packet or of the first step. */
static void set_boot(struct exporting_process *process, const struct flow_record *record,
                     uint64_t export_ns)
{
    uint64_t first_ns = export_ns ? export_ns : UINT64_MAX;
    uint64_t start_ns = process->metering.start_ns;
    first_ns = start_ns && start_ns < first_ns ? start_ns : first_ns;
    for (unsigned side = 0; record && side < 2; side++)
        if (record->cold->first_ns[side] < first_ns)
            first_ns = record->cold->first_ns[side];
    if (first_ns == UINT64_MAX)
        return;
    uint64_t second = first_ns / 1000000000u;
    process->boot_s = (uint32_t)(second ? second - 1 : 0);
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_set_boot(process->current[i], process->boot_s);
    process->boot_known = true;
}

/* What walks over D find, added to the copy of its row. */
static void count_walks(const struct destination *d, struct exporter_counters *counters)
{
    struct destination_counters *copy = &counters->destination[d->row];
    const struct transport *transport = &d->transport;
    if (transport->ops->report && (!d->leaving || d->removed))
        transport->ops->report(transport->state, &copy->connection);
    if (!LEDGER_SKIPPED(&d->counters->queued))
        copy->queued += destination_walk(d);
    destination_spool_count(d, copy);
}

void exporting_process_counters(const struct exporting_process *process,
                                struct exporter_counters *counters)
{
    *counters = process->counters;
    for (uint32_t i = 0; i < counters->destination_count; i++)
        counters->destination[i].queued = 0;
    for (uint32_t i = 0; i < process->current_count; i++)
        count_walks(process->current[i], counters);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        count_walks(process->leaving[i], counters);
}

uint64_t exporting_process_taken(const struct exporting_process *process)
{
    uint64_t records = process->counters.records_before;
    for (uint32_t i = 0; i < process->ring_count; i++)
        records += *process->rings[i].records;
    return records;
}

bool exporting_process_cut(struct exporting_process *process, uint64_t cut,
                           struct exporter_counters *counters)
{
    pthread_mutex_lock(&process->cut_lock);
    bool taken = process->cut_taken && process->cut_number == cut;
    if (taken)
        *counters = process->cut_counters;
    pthread_mutex_unlock(&process->cut_lock);
    return taken;
}

/* When every ring stands at the marker, the account is copied and the markers are passed. */
static bool take_cut(struct exporting_process *process)
{
    if (process->ring_count == 0)
        return false;
    for (uint32_t i = 0; i < process->ring_count; i++)
        if (!process->rings[i].at_marker)
            return false;
    pthread_mutex_lock(&process->cut_lock);
    exporting_process_counters(process, &process->cut_counters);
    process->cut_number = process->rings[0].cut;
    process->cut_taken = true;
    pthread_mutex_unlock(&process->cut_lock);
    for (uint32_t i = 0; i < process->ring_count; i++) {
        check(process->rings[i].cut == process->cut_number);
        record_ring_next(process->rings[i].ring);
        record_ring_release(process->rings[i].ring);
        process->rings[i].at_marker = false;
    }
    return true;
}

bool exporting_process_is_replaced(const struct exporting_process *process,
                                   const struct destination *d)
{
    for (uint32_t g = 0; g < process->group_count; g++)
        if (delivery_group_is_away(&process->groups[g], d))
            return true;
    return false;
}

static bool all_have_room(const struct exporting_process *process)
{
    for (uint32_t i = 0; i < process->current_count; i++) {
        const struct destination *d = process->current[i];
        if (!d->broken && !destination_has_room(d) && !exporting_process_is_replaced(process, d))
            return false;
    }
    return true;
}

static void give(const struct exporting_process *process, struct destination *d,
                 const struct flow_record *record, const struct ledger_pair *size)
{
    d->record_count = 1;
    d->record_packets = size->packets;
    d->record_octets = size->octets;
    if (process->abandoned)
        destination_lose(d, DESTINATION_LOST_SHUTDOWN);
    else if (d->broken)
        destination_lose(d, d->loss_reason);
    else if (!destination_has_room(d))
        destination_lose(d, d->spool.failing ? DESTINATION_LOST_SPOOL_FAILED
                                             : DESTINATION_LOST_QUEUE_FULL);
    else
        destination_append(d, record);
}

static void take_record(struct exporting_process *process, const struct ring_state *ring,
                        const struct flow_record *record)
{
    uint64_t packets =
        flow_packets(record->hot, record->cold, 0) + flow_packets(record->hot, record->cold, 1);
    uint64_t octets =
        flow_octets(record->hot, record->cold, 0) + flow_octets(record->hot, record->cold, 1);
    ledger_add(ring->exported, packets, octets);
    ledger_count(ring->records, 1);
    const struct ledger_pair size = {packets, octets};
    for (uint32_t i = 0; i < process->everyone_count; i++)
        give(process, process->everyone[i], record, &size);
    for (uint32_t g = 0; g < process->group_count; g++) {
        struct delivery_group *group = &process->groups[g];
        struct destination *d = delivery_group_choose(group, record, process->monotonic_ns);
        give(process, d, record, &size);
    }
}

/* Takes at most LIMIT records off one ring; returns how many. */
static uint32_t drain_ring(struct exporting_process *process, uint32_t index, uint32_t limit,
                           uint64_t export_ns)
{
    struct ring_state *state = &process->rings[index];
    uint32_t taken = 0;
    while (taken < limit && !state->at_marker) {
        const struct flow_hot *element = record_ring_peek(state->ring);
        if (!element)
            break;
        if ((flow_state(element) & FLOW_ELEMENT_KIND_MASK) == FLOW_ELEMENT_MARKER) {
            state->at_marker = true;
            state->cut = ((const struct flow_marker *)(const void *)element)->cut;
            break;
        }
        if (process->config.offline && !process->abandoned && !all_have_room(process))
            break;
        if (state->old && !exporting_process_takes_old(process))
            break;
        struct flow_record record = flow_record_at(element);
        if (!process->boot_known)
            set_boot(process, &record, export_ns);
        exporting_process_keep_interfaces(process, state, &record);
        take_record(process, state, &record);
        record_ring_next(state->ring);
        taken++;
    }
    if (taken)
        record_ring_release(state->ring);
    return taken;
}

/* Takes records from the rings in turn; returns how many. */
static uint32_t drain_rings(struct exporting_process *process, uint32_t limit, uint64_t export_ns)
{
    uint32_t taken = 0, before;
    do {
        before = taken;
        for (uint32_t i = 0; i < process->ring_count && taken < limit; i++) {
            uint32_t index = (process->turn + i) % process->ring_count;
            uint32_t share = limit - taken < RING_TURN_RECORDS ? limit - taken : RING_TURN_RECORDS;
            taken += drain_ring(process, index, share, export_ns);
        }
        if (process->ring_count)
            process->turn = (process->turn + 1) % process->ring_count;
        if (take_cut(process))
            before = UINT32_MAX; /* what stood behind the markers is next */
    } while (taken != before && taken < limit);
    return taken;
}

static bool rings_are_empty(const struct exporting_process *process)
{
    for (uint32_t i = 0; i < process->ring_count; i++)
        if (record_ring_peek(process->rings[i].ring))
            return false;
    return true;
}

/* Takes a portion of records and sends what it can; returns whether anything moved. */
static bool advance_portion(struct exporting_process *process, uint64_t monotonic_ns,
                            uint64_t export_ns, bool draining)
{
    uint32_t taken = drain_rings(process, PORTION_RECORDS, export_ns);
    bool closing = draining && rings_are_empty(process), moved = taken > 0;
    for (uint32_t i = 0; i < process->current_count; i++) {
        struct destination *d = process->current[i];
        if (d->broken || process->abandoned) /* what it had is counted, and nothing more is sent */
            continue;
        pacing_offered(&d->pacing, monotonic_ns, taken);
        destination_close_due(d, closing);
        moved |= destination_send(d, draining);
    }
    moved |= exporting_process_step_changes(process, draining);
    return moved;
}

/* The common part of step and drain. Returns true if anything moved. */
static bool advance(struct exporting_process *process, uint64_t monotonic_ns, uint64_t export_ns,
                    bool draining)
{
    process->monotonic_ns = monotonic_ns;
    exporting_process_take_change(process);
    if (!process->boot_known && !process->config.offline)
        set_boot(process, NULL, export_ns);
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_step(process->current[i], monotonic_ns, export_ns);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        destination_step(process->leaving[i], monotonic_ns, export_ns);
    for (uint32_t g = 0; g < process->group_count; g++)
        delivery_group_step(&process->groups[g], monotonic_ns);
    bool moved = false;
    for (unsigned portion = 0; portion < STEP_PORTIONS_MAX; portion++) {
        if (!advance_portion(process, monotonic_ns, export_ns, draining))
            break;
        moved = true;
    }
    atomic_store_explicit(&process->accepts,
                          !process->config.offline || process->abandoned || all_have_room(process),
                          memory_order_release);
    exporting_process_answer_description(process);
    return moved;
}

static void find_next(const struct exporting_process *process, uint64_t *next_ns)
{
    if (!next_ns)
        return;
    *next_ns = UINT64_MAX;
    for (uint32_t i = 0; i < process->current_count; i++) {
        uint64_t wanted_ns = destination_next_ns(process->current[i]);
        *next_ns = wanted_ns < *next_ns ? wanted_ns : *next_ns;
    }
    for (uint32_t i = 0; i < process->leaving_count; i++) {
        uint64_t wanted_ns = destination_leave_next_ns(process->leaving[i]);
        *next_ns = wanted_ns < *next_ns ? wanted_ns : *next_ns;
    }
}

enum exporting_status exporting_process_step(struct exporting_process *process,
                                             uint64_t monotonic_ns, uint64_t export_ns,
                                             uint64_t *next_ns)
{
    bool moved = advance(process, monotonic_ns, export_ns, false);
    find_next(process, next_ns);
    if (exporting_process_failed(process))
        return EXPORTING_FAILED;
    return moved ? EXPORTING_BUSY : EXPORTING_IDLE;
}

void exporting_process_tell_metering(struct exporting_process *process,
                                     const struct metering_counts *counts, uint64_t export_ns)
{
    struct metering_counts *known = &process->metering;
    bool loss = counts->ignored_packets != known->ignored_packets ||
                counts->dropped_packets != known->dropped_packets;
    uint64_t first_ns = known->first_loss_ns, last_ns = known->last_loss_ns;
    uint64_t peak = known->flows_peak;
    if (loss) {
        first_ns = first_ns ? first_ns : export_ns;
        last_ns = export_ns;
    }
    *known = *counts;
    known->first_loss_ns = first_ns;
    known->last_loss_ns = last_ns;
    known->flows_peak = counts->flows_peak > peak ? counts->flows_peak : peak;
}

bool exporting_process_drain(struct exporting_process *process, uint64_t monotonic_ns,
                             uint64_t export_ns, uint64_t *next_ns)
{
    advance(process, monotonic_ns, export_ns, true);
    find_next(process, next_ns);
    if (!rings_are_empty(process))
        return false;
    for (uint32_t i = 0; i < process->current_count; i++)
        if (!destination_is_empty(process->current[i]))
            return false;
    for (uint32_t i = 0; i < process->leaving_count; i++)
        if (!process->leaving[i]->parked)
            return false;
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_complete(process->current[i]);
    return true;
}

void exporting_process_abandon(struct exporting_process *process)
{
    process->abandoned = true;
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_give_up(process->current[i], DESTINATION_LOST_SHUTDOWN);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        destination_give_up(process->leaving[i], DESTINATION_LOST_SHUTDOWN);
    while (drain_rings(process, PORTION_RECORDS, 0))
        continue;
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_complete(process->current[i]);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        destination_complete(process->leaving[i]);
}

bool exporting_process_accepts(const struct exporting_process *process)
{
    return atomic_load_explicit(&process->accepts, memory_order_acquire);
}

const char *exporting_process_problem(const struct exporting_process *process)
{
    const char *problem = "";
    for (uint32_t i = process->current_count; i-- > 0;) {
        const struct destination *d = process->current[i];
        if (d->broken)
            return d->problem.text; /* a failure counts more than datagrams that were not taken */
        if (d->problem.text[0])
            problem = d->problem.text;
    }
    return problem;
}

/* The line of D that was not told yet, or NULL: what led to a problem comes before it. */
static const char *next_line(struct destination *d)
{
    bool news = d->news_untold, problem = d->untold;
    if (news)
        d->news_untold = false;
    else if (problem)
        d->untold = false;
    return news ? d->news.text : problem ? d->problem.text : NULL;
}

const char *exporting_process_next_problem(struct exporting_process *process)
{
    const char *line = NULL;
    for (uint32_t g = 0; g < process->group_count; g++) {
        struct delivery_group *group = &process->groups[g];
        if (!group->news_untold)
            continue;
        group->news_untold = false;
        return group->news.text;
    }
    for (uint32_t i = 0; i < process->current_count && !line; i++)
        line = next_line(process->current[i]);
    for (uint32_t i = 0; i < process->leaving_count && !line; i++)
        line = next_line(process->leaving[i]);
    return line;
}

bool exporting_process_failed(const struct exporting_process *process)
{
    for (uint32_t i = 0; i < process->current_count; i++)
        if (process->current[i]->broken && !process->current[i]->forgiven)
            return true;
    return false;
}

void exporting_process_set_transport(struct exporting_process *process, uint32_t index,
                                     struct transport transport)
{
    struct destination *d = process->current[index];
    d->transport.ops->close(d->transport.state);
    d->transport = transport;
}

struct exporter_counters *exporting_process_account(struct exporting_process *process)
{
    return &process->counters;
}
