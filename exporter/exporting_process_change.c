/*
 * Another configuration for a running exporting process. See exporting_process_change.h; what
 * becomes of one destination is in destination_change.c.
 */
#include "exporting_process_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "destination_change.h"
#include "export_state.h"
#include "exporting_process_hooks.h"
#include "exporting_process_internal.h"
#include "spool.h"

enum { NAME_SHOWN_MAX = 100 };

/* ---- preparing: control thread ---- */

const char *exporting_process_keep_name(struct name **names, const char *text)
{
    size_t octets = strlen(text) + 1;
    struct name *name = malloc(sizeof *name + octets);
    if (!name)
        return NULL;
    memcpy(name->text, text, octets);
    name->next = *names;
    *names = name;
    return name->text;
}

static void free_names(struct name *names)
{
    while (names) {
        struct name *name = names;
        names = name->next;
        free(name);
    }
}

/* Whether what all destinations tell changes, their own settings aside. */
static bool tells_other(const struct exporting_process_config *a,
                        const struct exporting_process_config *b)
{
    return a->interface_count != b->interface_count ||
           memcmp(a->interfaces, b->interfaces, a->interface_count * sizeof a->interfaces[0]) !=
               0 ||
           (a->statistics_interval_s == 0) != (b->statistics_interval_s == 0) ||
           a->sampling_interval != b->sampling_interval || a->vlan_is_key != b->vlan_is_key ||
           a->applications != b->applications || a->marks != b->marks ||
           a->queue_octets_max != b->queue_octets_max;
}

static struct destination *find_current(const struct exporting_process *process, const char *name)
{
    for (uint32_t i = 0; i < process->current_count; i++)
        if (strcmp(process->current[i]->config->name, name) == 0)
            return process->current[i];
    return NULL;
}

static bool is_planned(const struct exporting_process_change *change, uint32_t row)
{
    for (uint32_t i = 0; i < DESTINATIONS_MAX; i++)
        if (change->planned[i].name && change->planned[i].row == row)
            return true;
    return false;
}

static bool is_in_use(const struct exporting_process *process, uint32_t row)
{
    for (const struct destination *d = process->known; d; d = d->known)
        if (d->row == row)
            return true;
    return false;
}

/* The row of a destination that is not there: the one that it had before, or a new one, for which
 * the one that was removed first makes room. EXPORT_ROWS_MAX: there is none. */
static uint32_t find_row(const struct exporting_process_change *change, const char *name)
{
    const struct exporting_process *process = change->process;
    const struct exporter_counters *counters = &process->counters;
    uint32_t count = counters->destination_count, found = EXPORT_ROWS_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(counters->place[i].name, name) == 0)
            return i;
    for (uint32_t i = 0; i < DESTINATIONS_MAX; i++)
        if (change->planned[i].row_is_new && change->planned[i].row >= count)
            count = change->planned[i].row + 1;
    if (count < EXPORT_ROWS_MAX)
        return count;
    for (uint32_t i = 0; i < counters->destination_count; i++) {
        if (!counters->place[i].removed || is_in_use(process, i) || is_planned(change, i))
            continue;
        if (found == EXPORT_ROWS_MAX ||
            counters->place[i].since_total < counters->place[found].since_total)
            found = i;
    }
    return found;
}

/* Whether somebody else writes the file of D. */
static bool file_is_free(const struct exporting_process *process, const struct destination *d,
                         struct error *error)
{
    if (destination_has_collector(d->config->kind))
        return true;
    for (const struct destination *other = process->known; other; other = other->known) {
        if (destination_has_collector(other->config->kind) ||
            strcmp(other->config->path, d->config->path) != 0 ||
            (other->row == d->row && !other->leaving))
            continue;
        error_set(error,
                  "%.200s: its file is still written for %.200s: give another path, or remove that "
                  "one first",
                  d->config->name, other->config->name);
        return false;
    }
    return true;
}

/* What was said before the change is over may be said again in a while. */
static bool is_at_rest(const struct destination *before, struct error *error)
{
    if (!before || !atomic_load_explicit(&before->busy, memory_order_acquire))
        return true;
    error_set(error, "%.300s: an earlier change of it is under way: try again in ten seconds",
              before->config->name);
    return false;
}

static bool plan_row(struct exporting_process_change *change, struct planned_destination *planned,
                     const struct destination_config *config, struct error *error)
{
    const struct exporter_counters *counters = &change->process->counters;
    planned->row = planned->before ? planned->before->row : find_row(change, config->name);
    if (planned->row == EXPORT_ROWS_MAX) {
        error_set(error, "%.300s: too many destinations of earlier changes: try again in a while",
                  config->name);
        return false;
    }
    planned->row_is_new = planned->row >= counters->destination_count ||
                          strcmp(counters->place[planned->row].name, config->name) != 0;
    planned->name = planned->row_is_new ? exporting_process_keep_name(&change->names, config->name)
                                        : counters->place[planned->row].name;
    if (!planned->name)
        error_set(error, "%.300s: not enough memory", config->name);
    return planned->name != NULL;
}

/* Transports tell where they send to: the user has to know what that is called. */
static void name_first(const struct destination_config *config, struct error *error)
{
    struct error inner = *error;
    size_t length = strnlen(config->name, NAME_SHOWN_MAX);
    if (strncmp(inner.text, config->name, length) != 0 || inner.text[length] != ':')
        error_set(error, "%.*s: %s", NAME_SHOWN_MAX, config->name, inner.text);
}

static bool plan(struct exporting_process_change *change, uint32_t i, bool all, struct error *error)
{
    struct exporting_process *process = change->process;
    const struct destination_config *config = &change->config.destinations[i];
    struct planned_destination *planned = &change->planned[i];
    planned->before = find_current(process, config->name);
    if (!plan_row(change, planned, config, error))
        return false;
    bool other_spool =
        process->config.spool != change->config.spool && destination_can_spool(config->kind);
    if (planned->before && !all && !other_spool && destination_is_as(planned->before, config))
        return true;
    if (!is_at_rest(planned->before, error))
        return false;
    struct destination *fresh = malloc(sizeof *fresh);
    if (!fresh) {
        error_set(error, "%.300s: not enough memory", config->name);
        return false;
    }
    /* Asked before anything is opened: a file would be emptied. */
    struct destination asked = {.config = (struct destination_config *)(uintptr_t)config,
                                .row = planned->row};
    if (!file_is_free(process, &asked, error) ||
        destination_create(fresh, config, &change->config, planned->before, &planned->change,
                           error) != 0) {
        free(fresh);
        name_first(config, error);
        return false;
    }
    planned->fresh = fresh;
    fresh->row = planned->row;
    fresh->counters = &process->counters.destination[planned->row];
    fresh->metering = &process->metering;
    fresh->process = &process->config;
    return true;
}

/* Every destination of the change can leave at the next one. */
static bool leaves_room(const struct exporting_process_change *change, struct error *error)
{
    uint32_t opened = change->process->known_count;
    for (uint32_t i = 0; i < DESTINATIONS_MAX; i++)
        opened += change->planned[i].fresh != NULL;
    if (opened <= LEAVING_MAX)
        return true;
    error_set(error, "too many destinations of earlier changes still have records: try again in a "
                     "while");
    return false;
}

static bool may_change(struct exporting_process *process,
                       const struct exporting_process_config *config, struct error *error)
{
    check(config->destination_count <= DESTINATIONS_MAX);
    check(config->interface_count <= EXPORT_INTERFACES_MAX);
    check(!process->changing);
    if (!process->config.offline && !config->offline)
        return true;
    error_set(error, "a run on capture files cannot change: start it again");
    return false;
}

struct exporting_process_change *
exporting_process_prepare_change(struct exporting_process *process,
                                 const struct exporting_process_config *config, struct error *error)
{
    exporting_process_tidy(process);
    if (!may_change(process, config, error))
        return NULL;
    struct exporting_process_change *change = calloc(1, sizeof *change);
    if (!change) {
        error_set(error, "not enough memory for a change of the exporting process");
        return NULL;
    }
    change->process = process;
    change->config = *config;
    exporting_process_plan_interfaces(change);
    process->changing = true;
    bool all = tells_other(&process->config, config), good = true;
    if (config->state) /* rows of those that are there are the newest */
        export_state_age(config->state);
    for (uint32_t i = 0; config->state && i < process->current_count; i++)
        if (process->current[i]->kept)
            export_state_destination(config->state, process->current[i]->config);
    for (uint32_t i = 0; good && i < config->destination_count; i++)
        good = plan(change, i, all, error);
    for (uint32_t i = 0; good && i < process->current_count; i++)
        good =
            is_planned(change, process->current[i]->row) || is_at_rest(process->current[i], error);
    if (good && leaves_room(change, error))
        return change;
    exporting_process_cancel_change(change);
    return NULL;
}

static void free_destination(struct destination *d)
{
    if (!d)
        return;
    destination_destroy(d);
    free(d);
}

void exporting_process_cancel_change(struct exporting_process_change *change)
{
    if (!change)
        return;
    change->process->changing = false;
    for (uint32_t i = 0; i < DESTINATIONS_MAX; i++)
        free_destination(change->planned[i].fresh);
    free_names(change->names);
    free(change);
}

bool exporting_process_change_set_transport(struct exporting_process_change *change, uint32_t index,
                                            struct transport transport)
{
    struct destination *fresh = change->planned[index].fresh;
    if (!fresh || !fresh->transport.ops)
        return false;
    fresh->transport.ops->close(fresh->transport.state);
    fresh->transport = transport;
    return true;
}

static void know(struct exporting_process *process, struct destination *d)
{
    d->known = process->known;
    process->known = d;
    process->known_count++;
}

void exporting_process_submit_change(struct exporting_process *process,
                                     struct exporting_process_change *change)
{
    check(change->process == process && process->changing);
    struct name **last = &process->names;
    while (*last)
        last = &(*last)->next;
    *last = change->names;
    change->names = NULL;
    for (uint32_t i = 0; i < DESTINATIONS_MAX; i++) {
        struct planned_destination *planned = &change->planned[i];
        if (planned->fresh && planned->change != CHANGE_IN_PLACE)
            know(process, planned->fresh);
    }
    atomic_store_explicit(&process->submitted, change, memory_order_release);
}

/* ---- taking: exporter's thread ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Compares what rows got with what came off the rings since their places began. */
static void end_places(struct exporting_process *process, uint64_t total)
{
    struct exporter_counters *counters = &process->counters;
    uint64_t groups[DESTINATIONS_MAX] = {0};
    for (uint32_t i = 0; i < counters->destination_count; i++) {
        const struct destination_place *place = &counters->place[i];
        uint64_t got = counters->destination[i].records - place->since_records;
        bool shared =
            place->group && process->config.groups[place->group - 1].mode != EXPORT_PARALLEL;
        if (shared && !place->removed)
            groups[place->group - 1] += got;
        else
            counters->misplaced += distance(got, place->removed ? 0 : total - place->since_total);
    }
    for (uint32_t i = 0; i < process->current_count; i++) {
        const struct destination_place *place = &counters->place[process->current[i]->row];
        if (!place->group || process->config.groups[place->group - 1].mode == EXPORT_PARALLEL)
            continue;
        uint64_t *got = &groups[place->group - 1];
        if (*got != UINT64_MAX) /* once for each group */
            counters->misplaced += distance(*got, total - place->since_total);
        *got = UINT64_MAX;
    }
}

static void begin_places(struct exporting_process *process, uint64_t total)
{
    struct exporter_counters *counters = &process->counters;
    for (uint32_t i = 0; i < counters->destination_count; i++) {
        struct destination_place *place = &counters->place[i];
        if (!place->removed) /* else it ends now: those that are there are found below */
            place->since_total = total;
        place->since_records = counters->destination[i].records;
        place->removed = true;
        place->group = 0;
    }
    for (uint32_t i = 0; i < process->current_count; i++) {
        struct destination_place *place = &counters->place[process->current[i]->row];
        place->removed = false;
        place->group = process->current[i]->config->group;
        place->since_total = total;
    }
}

/* D leaves the current ones for REASON. */
static void leave(struct exporting_process *process, struct destination *d, bool removed)
{
    check(process->leaving_count < LEAVING_MAX);
    destination_leave(d, removed, process->monotonic_ns);
    process->leaving[process->leaving_count++] = d;
}

/* Another one holds the stream of the spool that FRESH wants. */
static void find_predecessor(struct exporting_process *process, struct destination *fresh)
{
    for (uint32_t i = 0; fresh->spool.wanted && i < process->leaving_count; i++) {
        if (process->leaving[i]->spool.stream != fresh->spool.wanted)
            continue;
        process->leaving[i]->heir = fresh;
        atomic_store(&fresh->busy, true);
    }
}

static struct destination *begin(struct exporting_process *process,
                                 const struct planned_destination *planned)
{
    struct destination *fresh = planned->fresh;
    struct exporter_counters *counters = &process->counters;
    if (planned->row_is_new) {
        if (planned->row >= counters->destination_count)
            counters->destination_count = planned->row + 1;
        memset(&counters->destination[planned->row], 0, sizeof counters->destination[0]);
        counters->place[planned->row] = (struct destination_place){.name = planned->name};
    }
    if (process->boot_known)
        destination_set_boot(fresh, process->boot_s);
    destination_spool_begin(fresh);
    fresh->session_ns = process->monotonic_ns;
    return fresh;
}

/* Puts the destinations of the change where they belong. */
static void place_destinations(struct exporting_process *process,
                               struct exporting_process_change *change)
{
    struct destination *before[DESTINATIONS_MAX];
    uint32_t before_count = process->current_count;
    memcpy(before, process->current, sizeof before);
    process->current_count = 0;
    for (uint32_t i = 0; i < change->config.destination_count; i++) {
        struct planned_destination *planned = &change->planned[i];
        struct destination *d = planned->before;
        if (planned->change == CHANGE_IN_PLACE)
            destination_adopt(d, planned->fresh, process->monotonic_ns);
        else if (planned->change == CHANGE_SUCCESSOR || planned->change == CHANGE_NEW)
            d = begin(process, planned);
        planned->fresh = NULL;
        d->config->group = change->config.destinations[i].group;
        process->current[process->current_count++] = d;
    }
    for (uint32_t i = 0; i < before_count; i++) {
        bool stays = false, succeeded = false;
        for (uint32_t j = 0; j < process->current_count; j++) {
            stays |= process->current[j] == before[i];
            succeeded |= process->current[j]->row == before[i]->row;
        }
        if (!stays)
            leave(process, before[i], !succeeded);
    }
    for (uint32_t i = 0; i < process->current_count; i++)
        find_predecessor(process, process->current[i]);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        if (destination_spool_differs(process->leaving[i]))
            destination_leave_spool(process->leaving[i], process->monotonic_ns);
}

static void make_groups(struct exporting_process *process, const struct delivery_group *before,
                        uint32_t before_count)
{
    exporting_process_make_groups(process);
    for (uint32_t i = 0; i < process->group_count; i++)
        for (uint32_t j = 0; j < before_count; j++)
            delivery_group_inherit(&process->groups[i], &before[j]);
}

static void set_spool_bound(struct exporting_process *process)
{
    const struct exporting_process_config *config = &process->config;
    uint32_t streams = 0;
    for (uint32_t i = 0; i < config->destination_count; i++)
        streams += destination_can_spool(config->destinations[i].kind);
    if (config->spool && config->spool_octets_max)
        spool_set_bound(config->spool, config->spool_octets_max, streams);
}

void exporting_process_take_change(struct exporting_process *process)
{
    struct exporting_process_change *change =
        atomic_exchange_explicit(&process->submitted, NULL, memory_order_acquire);
    if (!change)
        return;
    struct delivery_group groups[DESTINATIONS_MAX];
    uint32_t group_count = process->group_count;
    uint64_t total = exporting_process_taken(process);
    memcpy(groups, process->groups, sizeof groups);
    end_places(process, total);
    process->config = change->config;
    place_destinations(process, change);
    begin_places(process, total);
    process->named = change->named;
    if (change->renames)
        exporting_process_rename_waiting(process);
    make_groups(process, groups, group_count);
    set_spool_bound(process);
    process->counters.changes++;
    atomic_store_explicit(&process->taken, change, memory_order_release);
}

/* ---- another state: control thread ---- */

void exporting_process_keep_in(struct exporting_process *process, struct export_state *state)
{
    process->config.state = state;
    for (uint32_t i = 0; i < process->leaving_count; i++)
        destination_keep_in(process->leaving[i], state);
    for (uint32_t i = 0; i < process->current_count; i++)
        destination_keep_in(process->current[i], state);
}

/* ---- under way: exporter's thread ---- */

void exporting_process_let_go(struct exporting_process *process, struct destination *d)
{
    d->ended = atomic_load_explicit(&process->ended, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&process->ended, &d->ended, d,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

static void step_shell(struct exporting_process *process, struct destination *d)
{
    struct destination *shell = destination_change_step(d);
    if (!shell)
        return;
    atomic_store_explicit(&d->busy, false, memory_order_release);
    exporting_process_let_go(process, shell);
}

bool exporting_process_step_changes(struct exporting_process *process, bool draining)
{
    bool moved = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < process->current_count; i++)
        step_shell(process, process->current[i]);
    for (uint32_t i = 0; i < process->leaving_count; i++) {
        struct destination *d = process->leaving[i];
        step_shell(process, d);
        if (!process->abandoned && destination_leave_step(d, draining, &moved))
            exporting_process_let_go(process, d);
        else
            process->leaving[kept++] = d;
    }
    process->leaving_count = kept;
    return moved;
}

/* ---- after it: control thread ---- */

/* Takes D off the list of what was opened; a shell is not on it. */
static void forget(struct exporting_process *process, const struct destination *d)
{
    struct destination **at = &process->known;
    while (*at && *at != d)
        at = &(*at)->known;
    if (!*at)
        return;
    *at = d->known;
    process->known_count--;
}

void exporting_process_tidy(struct exporting_process *process)
{
    struct destination *d = atomic_exchange_explicit(&process->ended, NULL, memory_order_acquire);
    while (d) {
        struct destination *next = d->ended;
        forget(process, d);
        free_destination(d);
        d = next;
    }
}

bool exporting_process_has(struct exporting_process *process, const char *name)
{
    exporting_process_tidy(process);
    for (const struct destination *d = process->known; d; d = d->known)
        if (strcmp(d->config->name, name) == 0)
            return true;
    return false;
}

bool exporting_process_change_taken(struct exporting_process *process)
{
    struct exporting_process_change *change =
        atomic_exchange_explicit(&process->taken, NULL, memory_order_acquire);
    exporting_process_tidy(process);
    exporting_process_cancel_change(change);
    return !process->changing;
}

void exporting_process_free_changes(struct exporting_process *process)
{
    exporting_process_tidy(process);
    struct exporting_process_change *change =
        atomic_exchange_explicit(&process->submitted, NULL, memory_order_acquire);
    /* Those of a change that was never taken are known already. */
    for (uint32_t i = 0; change && i < DESTINATIONS_MAX; i++)
        if (change->planned[i].change != CHANGE_IN_PLACE)
            change->planned[i].fresh = NULL;
    exporting_process_cancel_change(change);
    exporting_process_cancel_change(
        atomic_exchange_explicit(&process->taken, NULL, memory_order_acquire));
    while (process->known) {
        struct destination *d = process->known;
        process->known = d->known;
        free_destination(d);
    }
    free_names(process->names);
}
