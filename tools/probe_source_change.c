/* Sources that come, go and are opened anew. See probe_source_change.h. */
#include "probe_source_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "plan.h"
#include "probe.h"
#include "probe_apply.h"
#include "probe_folders.h"
#include "probe_notify.h"
#include "probe_ports.h"
#include "probe_queues.h"
#include "probe_snapshot.h"
#include "source_match.h"

enum step {
    STEP_BEFORE,
    STEP_REOPENING, /* readers leave those with other settings */
    STEP_REMOVING,  /* and those that go */
    STEP_LEFT,
    STEP_RESTORING, /* readers get back what could not be had otherwise */
    STEP_BEGINNING, /* readers get the new ones */
    STEP_BEGUN
};

struct probe_source_change {
    struct probe *probe;
    const struct probe_config *config;
    struct source_places places;
    int before[SOURCES_MAX]; /* place in the list of the probe of the same device; -1: it is new */
    bool is_other[SOURCES_MAX];              /* it has other settings, or was lost */
    struct source_queues fresh[SOURCES_MAX]; /* opened, and not the probe's; or nothing */
    bool others;                             /* there is one with other settings */
    bool goes[SOURCES_MAX]; /* of the list of the probe: it is not there afterwards */
    bool some_go;
    enum step step;
    uint32_t kept_count; /* of the probe's: they are the same, and were never left */
    struct source_queues kept[SOURCES_MAX];
    uint32_t wanted_count; /* what the readers are to have; in the end the new ones */
    struct source_queues wanted[SOURCES_MAX];
    struct reader_lists lists; /* the same for each, under way */
    bool taken;                /* the probe has the new ones */
    uint64_t gap_ns;           /* monotonic: the first packet that could not be observed */
    struct error error;
};

/* A memif is read while DPDK's interrupt thread stands still, which other devices of DPDK need when
 * they are opened and closed. */
static bool is_memif(const struct source_config *source)
{
    return strncmp(source->device, "net_memif", 9) == 0;
}

/* Whether devices of DPDK are opened or closed beside those that go on. */
static bool devices_can_change(const struct probe_config *before, const struct probe_config *after)
{
    bool goes_on[SOURCES_MAX] = {false}, memif = false, changes = false;
    for (uint32_t s = 0; s < after->source_count; s++) {
        const struct source_config *source = &after->sources[s];
        int b = source_place_before(before, source);
        bool same = b >= 0 && source_has_same_settings(&before->sources[b], source);
        if (same)
            goes_on[b] = true;
        memif |= same && is_memif(source);
        changes |= !same && !source->interface[0];
    }
    for (uint32_t b = 0; b < before->source_count; b++)
        changes |= !goes_on[b] && !before->sources[b].interface[0];
    return !(memif && changes);
}

/* Where there are several receive queues, every source must have as many. What a device can have is
 * found out at the start, so one of them must stay. */
static bool queues_can_change(const struct probe *probe, const struct probe_config *config,
                              unsigned actions)
{
    const struct metering *metering = probe->metering;
    uint32_t readers = metering->distribution ? 1 : metering->worker_count;
    bool stays = false;
    if (probe->queue_count == 1)
        return readers == 1;
    for (uint32_t s = 0; s < config->source_count; s++) {
        const struct source_config *source = &config->sources[s];
        int b = source_place_before(probe->config, source);
        stays |= b >= 0 && source_has_same_settings(&probe->config->sources[b], source);
        if (source->interface[0] || !probe_may_have_queues(source))
            return false;
    }
    return stays &&
           (actions & PLAN_EXCHANGE ||
            (probe->queue_count + readers - 1) / readers * config->source_count <= SOURCE_LIST_MAX);
}

bool probe_source_change_is_possible(const struct probe *probe, const struct probe_config *config,
                                     unsigned actions)
{
    if (!(actions & PLAN_SOURCES))
        return true;
    /* The programs of sources that stay are exchanged only if all stay. */
    if (actions & PLAN_EXCHANGE && (probe->metering->kernel || config->caches[0].kernel_flows))
        return false;
    return queues_can_change(probe, config, actions) && devices_can_change(probe->config, config);
}

/* ---- what the readers have ---- */

/* MORE: others follow. */
static void submit(struct probe_source_change *change, bool more)
{
    readers_submit(change->probe, change->wanted, change->wanted_count, more, &change->lists);
}

/* Whether source B of the probe's list is to be opened anew. */
static bool is_reopened(const struct probe_source_change *change, uint32_t b)
{
    for (uint32_t s = 0; s < change->config->source_count; s++)
        if (change->before[s] == (int)b)
            return change->is_other[s];
    return false;
}

/* The readers are to have the probe's sources, but those with other settings unless these are KEPT,
 * and those that go unless they STAY. */
static void want_old(struct probe_source_change *change, bool kept, bool stay)
{
    const struct probe *probe = change->probe;
    change->wanted_count = 0;
    for (uint32_t b = 0; b < probe->source_count; b++)
        if ((kept || !is_reopened(change, b)) && (stay || !change->goes[b]))
            change->wanted[change->wanted_count++] = source_queues_of(probe, b);
}

/* ---- preparing ---- */

static void name_path(const struct source_config *source, struct error *error)
{
    struct error inner = *error;
    error_set(error, "/spanflow/observationPoint[name='%s']/%s: %s", source->name,
              source->interface[0] ? "xdp/interface" : "device", inner.text);
}

/* Whether an interface of the new configuration has NUMBER, those before source S first. */
static bool is_used(const struct probe_source_change *change, uint32_t s, uint32_t number)
{
    const struct probe_config *config = change->config;
    for (uint32_t o = 0; o < config->source_count; o++) {
        bool known = o < s || change->before[o] >= 0;
        if (config->sources[o].ifindex == number ||
            (o != s && known && change->places.places[o].interface.ifindex == number))
            return true;
    }
    return false;
}

/* What source S, which is new, is called: the number is the configured one, or what it had in the
 * last run, or its own (0). */
static struct packet_interface name_new(const struct probe_source_change *change, uint32_t s)
{
    const struct source_config *source = &change->config->sources[s];
    const struct export_state *state = probe_folders_state(change->probe);
    struct packet_interface wanted = {.ifindex = source->ifindex, .role = source->role};
    snprintf(wanted.name, sizeof wanted.name, "%s", source->name);
    if (!wanted.ifindex && state)
        wanted.ifindex = export_state_interface(state, source->name);
    if (wanted.ifindex && !source->ifindex && is_used(change, s, wanted.ifindex))
        wanted.ifindex = 0;
    return wanted;
}

/* What source S is called, which is source B of PROBE: a number that was chosen stays as long as
 * nothing else is wanted. */
static struct packet_interface name_kept(const struct probe_source_change *change, uint32_t s,
                                         uint32_t b)
{
    const struct source_config *source = &change->config->sources[s];
    const struct packet_source *kept = change->probe->sources[b];
    struct packet_interface wanted = kept->interface;
    if (source->ifindex != change->probe->config->sources[b].ifindex)
        wanted.ifindex = source->ifindex ? source->ifindex : kept->own_ifindex;
    wanted.role = source->role;
    snprintf(wanted.name, sizeof wanted.name, "%s", source->name);
    return wanted;
}

/* Whether source B of PROBE is opened anew for SOURCE: it has other settings, or was lost and may
 * be there again. */
static bool is_to_be_reopened(const struct probe *probe, uint32_t b,
                              const struct source_config *source)
{
    return !source_has_same_settings(&probe->config->sources[b], source) ||
           (source->interface[0] && source_xdp_is_lost(probe->sources[b]));
}

/* Finds which source is which, and where those are that stay. */
static void match(struct probe_source_change *change)
{
    const struct probe *probe = change->probe;
    const struct probe_config *config = change->config;
    memset(change->goes, 1, sizeof change->goes);
    for (uint32_t s = 0; s < config->source_count; s++) {
        int b = source_place_before(probe->config, &config->sources[s]);
        change->before[s] = b;
        if (b < 0)
            continue;
        change->goes[b] = false;
        change->is_other[s] = is_to_be_reopened(probe, (uint32_t)b, &config->sources[s]);
        change->others |= change->is_other[s];
        change->places.places[s] =
            (struct source_place){.port = probe->sources[b]->interface_base,
                                  .interfaces = 1,
                                  .interface = name_kept(change, s, (uint32_t)b)};
    }
    change->places.count = config->source_count;
    for (uint32_t b = 0; b < probe->source_count; b++)
        change->some_go |= change->goes[b];
    want_old(change, false, false);
    change->kept_count = change->wanted_count;
    memcpy(change->kept, change->wanted, sizeof change->kept);
}

static bool open_new(struct probe_source_change *change, uint32_t s, bool taken[],
                     struct error *error)
{
    const struct source_config *source = &change->config->sources[s];
    struct source_place *place = &change->places.places[s];
    const struct packet_interface wanted = name_new(change, s);
    place->interfaces = 1;
    if (!probe_ports_find(change->probe, source, taken, &place->port)) {
        error_set(error, "no more interfaces can be told apart");
        return false;
    }
    if (!source_queues_open(change->probe, source, &wanted, &change->fresh[s], error))
        return false;
    check(change->fresh[s].queues[0] != NULL);
    for (uint32_t q = 0; q < EXPORT_RINGS_MAX && change->fresh[s].queues[q]; q++)
        change->fresh[s].queues[q]->interface_base = place->port;
    place->interface = change->fresh[s].queues[0]->interface;
    return true;
}

/* What can be said of other settings of source S while its device is open. */
static bool check_other(const struct probe_source_change *change, uint32_t s, struct error *error)
{
    const struct packet_interface *wanted = &change->places.places[s].interface;
    struct packet_source *source =
        probe_open_source(change->probe, &change->config->sources[s], wanted, error);
    if (source)
        source->ops->close(source);
    return source != NULL;
}

struct probe_source_change *probe_source_change_prepare(struct probe *probe,
                                                        const struct probe_config *config,
                                                        struct error *error)
{
    struct probe_source_change *change = calloc(1, sizeof *change);
    bool taken[EXPORT_INTERFACES_MAX] = {false};
    if (!change) {
        error_set(error, "no memory for other sources");
        return NULL;
    }
    change->probe = probe;
    change->config = config;
    match(change);
    for (uint32_t s = 0; s < config->source_count; s++) {
        if (change->before[s] < 0 ? open_new(change, s, taken, error)
                                  : !change->is_other[s] || check_other(change, s, error))
            continue;
        name_path(&config->sources[s], error);
        probe_source_change_free(change);
        return NULL;
    }
    probe_pair_taps(&change->places);
    return change;
}

const struct source_queues *probe_source_change_kept(const struct probe_source_change *change,
                                                     uint32_t *count)
{
    *count = change->kept_count;
    return change->kept;
}

const struct source_places *probe_source_change_places(const struct probe_source_change *change)
{
    return &change->places;
}

void probe_source_change_free(struct probe_source_change *change)
{
    if (!change)
        return;
    for (uint32_t s = 0; s < SOURCES_MAX; s++)
        source_queues_close(&change->fresh[s]);
    free(change);
}

/* ---- those with other settings ---- */

static void stop(struct packet_source *source)
{
    if (source->ops->stop)
        source->ops->stop(source);
}

/* Goes on counting where the one BEFORE, with all its queues, stopped. */
static void follow(struct source_queues *queues, const struct packet_source *before)
{
    struct packet_source *source = queues->queues[0];
    source->ledger = before->ledger;
    source->link = before->link;
    source->interface = before->interface;
    for (uint32_t q = 0; q < EXPORT_RINGS_MAX && queues->queues[q]; q++)
        queues->queues[q]->interface_base = before->interface_base;
}

static void put(struct probe *probe, uint32_t b, const struct source_queues *queues)
{
    pthread_mutex_lock(&probe->sources_lock);
    source_queues_put(probe, b, queues);
    pthread_mutex_unlock(&probe->sources_lock);
}

/* Source B of the probe, which nobody reads, becomes one that is opened for NEXT; if that cannot be
 * had, for what it was opened for before: false and ERROR. */
static bool reopen(struct probe *probe, uint32_t b, const struct source_config *next,
                   struct error *error)
{
    const struct source_config *config = &probe->config->sources[b];
    struct source_queues left = source_queues_of(probe, b), made;
    struct packet_source before = *left.queues[0];
    const struct source_queues meanwhile = {.queues = {&before}}; /* for others to look at */
    struct error again = {""};
    probe_ports_keep_counted(probe, b);
    before.ledger = probe_source_ledger(probe, b);
    put(probe, b, &meanwhile);
    source_queues_close(&left);
    bool good = source_queues_open(probe, next, &before.interface, &made, error);
    if (!good && !source_queues_open(probe, config, &before.interface, &made, &again)) {
        made.queues[0] = packet_source_broken(before.name, &again);
        if (!made.queues[0]) {
            fprintf(stderr, "spanflowd: no memory for a source\n");
            exit(1);
        }
    }
    follow(&made, &before);
    put(probe, b, &made);
    return good;
}

/* False and change->error: those that were opened anew are as they were before. */
static bool reopen_all(struct probe_source_change *change)
{
    struct probe *probe = change->probe;
    const struct probe_config *config = change->config;
    struct error ignored;
    uint32_t s;
    for (s = 0; s < config->source_count; s++)
        if (change->is_other[s] &&
            !reopen(probe, (uint32_t)change->before[s], &config->sources[s], &change->error)) {
            name_path(&config->sources[s], &change->error);
            break;
        }
    if (s == config->source_count)
        return true;
    /* That one has its old settings again; the others were stopped, those behind it as well. */
    for (uint32_t o = 0; o < config->source_count; o++) {
        uint32_t b = (uint32_t)change->before[o];
        if (change->is_other[o] && o != s)
            reopen(probe, b, &probe->config->sources[b], &ignored);
    }
    return false;
}

static void begin_packets(const struct source_config *config, struct packet_source *source)
{
    if (config->interface[0])
        source_xdp_begin(source);
}

/* The readers get back what they left. */
static void restore(struct probe_source_change *change)
{
    const struct probe *probe = change->probe;
    for (uint32_t b = 0; b < probe->source_count; b++)
        if (is_reopened(change, b) && !probe->sources[b]->problem.text[0])
            begin_packets(&probe->config->sources[b], probe->sources[b]);
    want_old(change, true, true);
    submit(change, false);
    change->step = STEP_RESTORING;
}

/* ---- leaving ---- */

static void begin_reopening(struct probe_source_change *change)
{
    const struct probe *probe = change->probe;
    change->gap_ns = clock_monotonic_ns();
    for (uint32_t b = 0; b < probe->source_count; b++)
        if (is_reopened(change, b))
            stop(probe->sources[b]);
    want_old(change, false, true);
    submit(change, true);
    change->step = STEP_REOPENING;
}

static void begin_removing(struct probe_source_change *change)
{
    const struct probe *probe = change->probe;
    change->step = STEP_REMOVING;
    if (!change->some_go)
        return;
    for (uint32_t b = 0; b < probe->source_count; b++)
        if (change->goes[b])
            stop(probe->sources[b]);
    want_old(change, false, false);
    submit(change, true);
}

/* The new sources, in the order of their configuration. */
static void want_new(struct probe_source_change *change)
{
    change->wanted_count = change->config->source_count;
    for (uint32_t s = 0; s < change->wanted_count; s++)
        change->wanted[s] = change->before[s] >= 0
                                ? source_queues_of(change->probe, (uint32_t)change->before[s])
                                : change->fresh[s];
    change->step = STEP_LEFT;
}

enum source_change_status probe_source_change_leave(struct probe_source_change *change,
                                                    struct error *error)
{
    if (!readers_have_taken(change->probe))
        return SOURCES_WAIT;
    change->probe->sources_changed = true; /* readers have them in another order from now on */
    if (change->step == STEP_BEFORE && change->others) {
        begin_reopening(change);
    } else if (change->step == STEP_BEFORE) {
        begin_removing(change);
    } else if (change->step == STEP_REOPENING) {
        if (reopen_all(change))
            begin_removing(change);
        else
            restore(change);
    } else if (change->step == STEP_RESTORING) {
        *error = change->error;
        return SOURCES_REFUSED;
    } else if (change->step == STEP_REMOVING) {
        want_new(change);
    }
    return change->step == STEP_LEFT ? SOURCES_DONE : SOURCES_WAIT;
}

/* ---- the new ones ---- */

static void begin_all(struct probe_source_change *change)
{
    for (uint32_t s = 0; s < change->wanted_count; s++) {
        const struct source_place *place = &change->places.places[s];
        probe_snapshot_name_port(change->probe, place->port, &place->interface);
        if (change->before[s] < 0 || change->is_other[s])
            begin_packets(&change->config->sources[s], change->wanted[s].queues[0]);
    }
    submit(change, false);
    change->step = STEP_BEGINNING;
}

static void say_gone(const struct probe_source_change *change)
{
    const struct probe *probe = change->probe;
    for (uint32_t b = 0; b < probe->source_count; b++)
        if (change->goes[b])
            fprintf(stderr, "spanflowd: %s is observed no more\n", probe->sources[b]->name);
}

static void say_gaps(const struct probe_source_change *change)
{
    double gap_s = (double)(clock_monotonic_ns() - change->gap_ns) / 1e9;
    for (uint32_t s = 0; s < change->wanted_count; s++)
        if (change->is_other[s])
            fprintf(stderr,
                    "spanflowd: %s was opened anew with other settings; for %.3f s nothing was "
                    "observed there\n",
                    change->wanted[s].queues[0]->name, gap_s);
}

void probe_source_change_take(struct probe_source_change *change)
{
    struct probe *probe = change->probe;
    struct source_queues gone[SOURCES_MAX];
    uint32_t gone_count = 0;
    bool some_before = probe->source_count > 0;
    if (change->taken)
        return;
    say_gone(change);
    pthread_mutex_lock(&probe->sources_lock);
    for (uint32_t b = 0; b < probe->source_count; b++)
        if (change->goes[b]) {
            probe_ports_leave(probe, b);
            gone[gone_count++] = source_queues_of(probe, b);
        }
    memset(probe->queues, 0, sizeof probe->queues);
    probe->source_count = change->wanted_count;
    for (uint32_t s = 0; s < change->wanted_count; s++) {
        source_queues_put(probe, s, &change->wanted[s]);
        probe->sources[s]->interface = change->places.places[s].interface;
        memset(&change->fresh[s], 0, sizeof change->fresh[s]);
        probe_ports_keep(probe, s, &change->config->sources[s]);
    }
    probe->sources_changed = true;
    pthread_mutex_unlock(&probe->sources_lock);
    for (uint32_t i = 0; i < gone_count; i++)
        source_queues_close(&gone[i]);
    for (uint32_t s = 0; s < probe->source_count; s++)
        if (probe->state)
            export_state_keep_interface(probe->state, probe->sources[s]->interface.name,
                                        probe->sources[s]->interface.ifindex);
    probe->looked_ns = 0; /* the links of new ones are known soon */
    probe_notify_sources(probe, change->before);
    probe_apply_adopt(probe->control);
    if (some_before != (probe->source_count > 0))
        probe_say_start(probe);
    change->taken = true;
}

bool probe_source_change_begin(struct probe_source_change *change)
{
    if (change->step == STEP_LEFT)
        begin_all(change);
    if (change->step == STEP_BEGINNING && readers_have_taken(change->probe)) {
        say_gaps(change);
        change->step = STEP_BEGUN;
    }
    return change->step == STEP_BEGUN;
}

void probe_source_change_end(struct probe_source_change *change)
{
    if (change->step == STEP_BEGUN ||
        (change->step == STEP_BEGINNING && readers_have_taken(change->probe)))
        probe_source_change_take(change);
}
