/*
 * The folder of the ring with its writer, which has a thread of its own, and the extractor. The
 * writer's thread naps while no block is sealed: rings have no bell.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe_pause.h"
#include "probe_snapshot_hash.h"
#include "probe_snapshot_private.h"

static const uint64_t nap_ns = 2000000;
static const uint64_t try_every_ns = 5000000000;
static const uint64_t mib = 1 << 20;
static const char ring_group[] = "spanflow-ring";
enum { EXTRACT_FILES_MAX = 8, EXTRACT_AGE_S = 86400 };

/* ---- settings ---- */

static struct snapshot_settings store_settings(const struct snapshot_config *config)
{
    uint64_t octets = config->disk_mib * mib;
    uint64_t frozen = octets / 100 * config->freeze_percent;
    return (struct snapshot_settings){
        .directory = config->directory,
        .group = ring_group,
        .octets = octets,
        .maximum_age_ns = config->maximum_age_ns,
        .wanted_age_ns = config->wanted_age_ns,
        .freeze_octets_max = frozen ? frozen : 1, /* 0 would be the store's own choice */
        .version = SPANFLOW_VERSION,
        .configuration = probe_snapshot_hash(),
        .notice = config->notice};
}

/* Extracts are copies: few, small beside the ring, and for a day. */
static struct snapshot_extract_settings extract_settings(const struct snapshot_config *config)
{
    const uint64_t second_ns = 1000000000, least = 256 * mib;
    uint64_t part = config->disk_mib * mib / 4;
    return (struct snapshot_extract_settings){.notice = config->notice,
                                              .software = "spanflow " SPANFLOW_VERSION,
                                              .octets_per_second = config->extract_mib_per_s * mib,
                                              .files_max = EXTRACT_FILES_MAX,
                                              .octets_max = part > least ? part : least,
                                              .age_max_ns = EXTRACT_AGE_S * second_ns};
}

/* ---- the writer ---- */

static void tell(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "spanflowd: %s\n", line);
}

/* What a worker counts while this thread reads, word by word. */
static uint64_t word(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_ledger(const struct source_ledger *ledger, uint64_t *received, uint64_t *dropped)
{
    *received += word(&ledger->observed.packets);
    for (unsigned i = 0; i < DROPPED_COUNT; i++)
        *dropped += word(&ledger->dropped[i].packets);
}

/* What the device of the port of INTERFACE gave and lost. Writer's thread. */
static void losses(void *context, uint32_t interface, uint64_t *received, uint64_t *dropped)
{
    const struct snapshot_place *place = context;
    struct probe *probe = place->probe;
    const struct snapshot_interface *seen =
        snapshot_interfaces_get(probe->snapshot->interfaces, interface);
    *received = 0;
    *dropped = 0;
    pthread_mutex_lock(&probe->sources_lock);
    if (seen->port < probe->port_count)
        add_ledger(&probe->ports[seen->port].counted, received, dropped);
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        uint32_t first = source->interface_base;
        if (seen->port < first || seen->port >= first + source->interface_count)
            continue;
        add_ledger(&source->ledger, received, dropped);
        for (uint32_t w = 1; w < probe->queue_count && probe->queues[w][s]; w++)
            add_ledger(&probe->queues[w][s]->ledger, received, dropped);
    }
    pthread_mutex_unlock(&probe->sources_lock);
}

static void *run_writer(void *argument)
{
    struct snapshot_place *place = argument;
    while (!atomic_load(&place->stop))
        if (!snapshot_writer_step(place->writer, clock_wall_ns()))
            probe_pause(clock_monotonic_ns() + nap_ns);
    snapshot_writer_finish_segment(place->writer, clock_wall_ns());
    return NULL;
}

static bool start_writer(struct snapshot_place *place, const struct snapshot_config *config,
                         struct error *trouble, struct error *error)
{
    struct error note = {""};
    struct snapshot_writer_settings settings = {
        .store = store_settings(config), .tell = tell, .losses = losses, .context = place};
    place->writer = snapshot_writer_create(&settings, clock_wall_ns(), &note, trouble);
    if (!place->writer) {
        *error = *trouble;
        return false;
    }
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    int failed = pthread_create(&place->thread, NULL, run_writer, place);
    place->threaded = failed == 0;
    if (failed)
        error_set(error, "cannot start a thread: %s", strerror(failed));
    return place->threaded;
}

/* ---- the extractor ---- */

/* The folder, if no writer makes it. */
static bool make_folder(const char *path, struct error *error)
{
    const struct group *group = getgrnam(ring_group);
    if (mkdir(path, 0750) == 0) {
        if (group && chown(path, (uid_t)-1, group->gr_gid) != 0 && errno != EPERM)
            fprintf(stderr, "spanflowd: %s: %s\n", path, strerror(errno));
        /* A service may be forbidden to set the bit. */
        if (chmod(path, 02750) == 0 || errno == EPERM)
            return true;
    } else if (errno == EEXIST) {
        return true;
    }
    error_set(error, "%s: %s", path, strerror(errno));
    return false;
}

static bool make_extractor(struct snapshot_place *place, const struct snapshot_config *config,
                           struct error *error)
{
    struct snapshot_extract_settings settings = extract_settings(config);
    place->tried_ns = clock_monotonic_ns();
    if (place->writer || make_folder(place->directory, error))
        place->extractor = snapshot_extractor_create(place->directory, &settings, error);
    snprintf(place->trouble, sizeof place->trouble, "%s", place->extractor ? "" : error->text);
    return place->extractor != NULL;
}

void snapshot_place_follow(struct snapshot_place *place, const struct probe_snapshot *snapshot,
                           uint32_t ring_count)
{
    struct snapshot_store *store = place->writer ? snapshot_writer_store(place->writer) : NULL;
    if (place->extractor)
        snapshot_extractor_set_sources(place->extractor, store, snapshot->rings, ring_count,
                                       snapshot->interfaces);
}

void snapshot_place_try(struct snapshot_place *place, const struct snapshot_config *config)
{
    struct error error = {""};
    if (!place->extractor && clock_monotonic_ns() - place->tried_ns >= try_every_ns)
        make_extractor(place, config, &error);
}

/* ---- both ---- */

struct snapshot_place *snapshot_place_create(struct probe *probe,
                                             const struct snapshot_config *config,
                                             struct error *trouble, struct error *error)
{
    struct snapshot_place *place = calloc(1, sizeof *place);
    struct error inner = {""};
    if (!place) {
        error_set(error, "no memory for the snapshot ring's folder");
        return NULL;
    }
    place->probe = probe;
    memcpy(place->directory, config->directory, sizeof place->directory);
    if (config->disk_mib && !start_writer(place, config, trouble, error)) {
        snapshot_place_destroy(place);
        return NULL;
    }
    if (!trouble->text[0] && !make_extractor(place, config, &inner))
        *trouble = inner;
    else if (trouble->text[0])
        snprintf(place->trouble, sizeof place->trouble, "%s", trouble->text);
    return place;
}

void snapshot_place_configure(struct snapshot_place *place, const struct snapshot_config *config)
{
    struct snapshot_settings store = store_settings(config);
    struct snapshot_extract_settings extracts = extract_settings(config);
    if (place->writer)
        snapshot_writer_configure(place->writer, &store);
    if (place->extractor)
        snapshot_extractor_configure(place->extractor, &extracts);
}

void snapshot_place_stop(struct snapshot_place *place)
{
    if (!place->threaded)
        return;
    atomic_store(&place->stop, true);
    pthread_join(place->thread, NULL);
    place->threaded = false;
}

void snapshot_place_destroy(struct snapshot_place *place)
{
    if (!place)
        return;
    snapshot_place_stop(place);
    snapshot_extractor_destroy(place->extractor);
    snapshot_writer_destroy(place->writer);
    free(place);
}
