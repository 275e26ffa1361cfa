/* Rings and policy of the workers, from the start of a probe to its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "encode/md5.h"
#include "probe_change.h"
#include "probe_pause.h"
#include "probe_snapshot_hash.h"
#include "probe_snapshot_private.h"

static const uint64_t drain_nap_ns = 2000000;
enum { OCTETS_OF_PACKET_BLOCK = 64 }; /* about; beside the packet itself */

/* ---- the configuration's hash ---- */

static char hash[2 * MD5_OCTETS + 1];

void probe_snapshot_tell_configuration(const char *text)
{
    uint8_t digest[MD5_OCTETS];
    md5((const uint8_t *)text, strlen(text), digest);
    for (unsigned i = 0; i < MD5_OCTETS; i++)
        snprintf(hash + (size_t)2 * i, 3, "%02x", digest[i]);
}

const char *probe_snapshot_hash(void)
{
    return hash;
}

/* ---- the policy ---- */

/* The numbers of the applications of CLASS by RULES; names that have none are left out. A class
 * that names only such fits no flow, which a number that no application has says. */
static uint32_t find_applications(const struct cutoff_class_config *class,
                                  const struct probe_rules *rules, uint16_t *numbers)
{
    const struct export_applications *names = rules->names;
    uint32_t count = 0;
    for (uint32_t a = 0; a < class->application_count; a++)
        for (uint32_t i = 0; names && i < names->count && count < CUTOFF_CLASS_WORDS_MAX; i++)
            if (strcmp(names->rows[i].name, class->applications[a]) == 0)
                numbers[count++] = names->rows[i].number;
    if (class->application_count && count == 0)
        numbers[count++] = UINT16_MAX;
    return count;
}

/* What the classes of a configuration point to while a policy is made. */
struct class_room {
    struct snapshot_class_config classes[CUTOFF_CLASSES_MAX];
    struct prefix_set_entry prefixes[CUTOFF_CLASSES_MAX][CUTOFF_CLASS_WORDS_MAX];
    uint16_t applications[CUTOFF_CLASSES_MAX][CUTOFF_CLASS_WORDS_MAX];
};

static void fill_class(struct class_room *room, uint32_t c, const struct cutoff_class_config *from,
                       const struct probe_rules *rules)
{
    for (uint32_t p = 0; p < from->prefix_count; p++) {
        struct prefix_set_entry *entry = &room->prefixes[c][p];
        memcpy(entry->address, from->prefixes[p].address, sizeof from->prefixes[p].address);
        entry->family = from->prefixes[p].family;
        entry->length = from->prefixes[p].length;
    }
    room->classes[c] = (struct snapshot_class_config){
        .prefixes = room->prefixes[c],
        .prefix_count = from->prefix_count,
        .ports = from->ports,
        .port_count = from->port_count,
        .applications = room->applications[c],
        .application_count = find_applications(from, rules, room->applications[c]),
        .cutoff = {.packets = from->cutoff_packets, .octets = from->cutoff_octets}};
}

struct snapshot_policy *snapshot_make_policy(const struct snapshot_config *config,
                                             const struct probe_rules *rules, struct error *error)
{
    struct class_room *room = calloc(1, sizeof *room);
    if (!room) {
        error_set(error, "no memory for the snapshot ring's classes");
        return NULL;
    }
    for (uint32_t c = 0; c < config->class_count; c++)
        fill_class(room, c, &config->classes[c], rules);
    struct snapshot_policy_config policy = {
        .snap_length = config->snap_length,
        .cutoff = {.packets = config->cutoff_packets, .octets = config->cutoff_octets},
        .classes = room->classes,
        .class_count = config->class_count};
    struct snapshot_policy *made = snapshot_policy_create(&policy, error);
    free(room);
    return made;
}

/* ---- rings ---- */

/* Blocks that one batch may fill: the worker does not take one before they are free, where nothing
 * may be lost to speed. */
static uint32_t blocks_of_batch(const struct snapshot_config *config)
{
    uint32_t longest = config->snap_length == SNAPSHOT_HEADERS     ? SNAPSHOT_HEADERS_MAX
                       : config->snap_length < SNAPSHOT_PACKET_MAX ? config->snap_length
                                                                   : SNAPSHOT_PACKET_MAX;
    uint32_t fit = SNAPSHOT_BLOCK_ROOM / (longest + OCTETS_OF_PACKET_BLOCK);
    return (PACKET_BATCH_MAX + fit - 1) / fit + 1;
}

struct snapshot_ring *snapshot_make_ring(const struct probe *probe,
                                         const struct probe_config *config, uint32_t number,
                                         int core, struct error *error)
{
    const struct snapshot_config *wanted = &config->snapshot;
    uint32_t least = config->offline && wanted->disk_mib ? 2 * blocks_of_batch(wanted) : 0;
    struct snapshot_ring_config ring = {.worker = (uint16_t)number,
                                        .blocks =
                                            wanted->memory_mib > least ? wanted->memory_mib : least,
                                        .flush_ns = wanted->flush_interval_ns,
                                        .writer = wanted->disk_mib > 0,
                                        .interfaces = probe->snapshot->interfaces};
    if (getrandom(&ring.run, sizeof ring.run, 0) != (ssize_t)sizeof ring.run) {
        error_set(error, "the kernel gave no random number for the snapshot ring");
        return NULL;
    }
    cpu_set_t before = probe_cores_bind(core);
    struct snapshot_ring *made = snapshot_ring_create(&ring, error);
    if (core >= 0)
        sched_setaffinity(0, sizeof before, &before);
    return made;
}

bool snapshot_ring_is_over(struct snapshot_place *place, struct snapshot_ring *ring)
{
    if (!snapshot_ring_left(ring))
        return false;
    if (!place->writer)
        return true;
    return snapshot_ring_drained(ring) && !snapshot_writer_has(place->writer, ring);
}

bool probe_snapshot_accepts(const struct probe *probe, uint32_t number)
{
    const struct snapshot_ring *ring = probe->snapshot->rings[number];
    struct snapshot_ring_counts counts;
    if (!ring || !snapshot_ring_config(ring)->writer)
        return true;
    snapshot_ring_counts(ring, &counts);
    return counts.waiting_blocks + blocks_of_batch(&probe->config->snapshot) <=
           snapshot_ring_config(ring)->blocks;
}

bool probe_snapshot_fits(const struct probe_config *config, struct error *error)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
    uint64_t needed = (uint64_t)config->snapshot.memory_mib * config->workers;
    if (!config->snapshot.enabled || needed < machine)
        return true;
    error_set(error,
              "snapshot/memorySize: the rings of %u workers need %llu MiB, this machine has %llu: "
              "give less",
              config->workers, (unsigned long long)needed, (unsigned long long)machine);
    return false;
}

/* ---- life ---- */

void snapshot_name_interfaces(struct probe *probe)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        for (uint16_t i = 0; i < source->interface_count; i++)
            snapshot_interfaces_name(probe->snapshot->interfaces,
                                     (uint16_t)(source->interface_base + i),
                                     source->interface.ifindex, source->interface.name);
    }
}

void probe_snapshot_name_port(struct probe *probe, uint16_t port,
                              const struct packet_interface *interface)
{
    snapshot_interfaces_name(probe->snapshot->interfaces, port, interface->ifindex,
                             interface->name);
}

bool probe_snapshot_open(struct probe *probe, struct error *error)
{
    const struct snapshot_config *config = &probe->config->snapshot;
    struct error trouble = {""};
    struct probe_snapshot *snapshot = calloc(1, sizeof *snapshot);
    probe->snapshot = snapshot;
    if (!snapshot) {
        error_set(error, "no memory for a snapshot ring");
        return false;
    }
    snapshot->interfaces = snapshot_interfaces_create(error);
    if (!snapshot->interfaces)
        return false;
    snapshot_name_interfaces(probe);
    if (!config->enabled)
        return true;
    if (!probe_snapshot_fits(probe->config, error))
        return false;
    snapshot->policy = snapshot_make_policy(config, &probe->rules, error);
    snapshot->place =
        snapshot->policy ? snapshot_place_create(probe, config, &trouble, error) : NULL;
    if (snapshot->place && trouble.text[0])
        fprintf(stderr, "spanflowd: no packets can be kept: %s; trying on\n", trouble.text);
    return snapshot->place != NULL;
}

bool probe_snapshot_give(struct probe *probe, uint32_t number, int core,
                         struct worker_config *worker, struct error *error)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    if (!snapshot->place)
        return true;
    struct snapshot_ring *ring = snapshot_make_ring(probe, probe->config, number, core, error);
    snapshot->rings[number] = ring;
    if (!ring)
        return false;
    if (snapshot->place->writer)
        check(snapshot_writer_attach(snapshot->place->writer, ring));
    worker->snapshot = ring;
    worker->snapshot_policy = snapshot->policy;
    return true;
}

/* A ring of a change that its worker has not taken is nobody's, and empty. */
static bool is_waiting(const struct snapshot_ring *ring)
{
    return ring && snapshot_ring_left(ring) && !snapshot_ring_drained(ring);
}

static bool is_drained(const struct probe *probe)
{
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++)
        if (is_waiting(probe->snapshot->rings[w]) || is_waiting(probe_change_ring(probe, w)))
            return false;
    return true;
}

void probe_snapshot_end(struct probe *probe)
{
    struct snapshot_place *place = probe->snapshot->place;
    if (!place || !place->writer)
        return;
    /* What a disk that fails does not take is given up by the writer itself. */
    while (!is_drained(probe) && probe_stops_asked() < 2)
        probe_pause(clock_monotonic_ns() + drain_nap_ns);
    snapshot_place_stop(place);
}

void probe_snapshot_stop(struct probe *probe)
{
    if (probe->snapshot && probe->snapshot->place)
        snapshot_place_stop(probe->snapshot->place);
}

void probe_snapshot_close(struct probe *probe)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    if (!snapshot)
        return;
    snapshot_check_stop(snapshot);
    snapshot_place_destroy(snapshot->place);
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++)
        snapshot_ring_release(snapshot->rings[w]);
    snapshot_policy_destroy(snapshot->policy);
    snapshot_interfaces_destroy(snapshot->interfaces);
    free(snapshot->check.text);
    free(snapshot);
    probe->snapshot = NULL;
}

void probe_snapshot_turn(struct probe *probe)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    if (!snapshot->place)
        return;
    snapshot_place_try(snapshot->place, &probe->config->snapshot);
    snapshot_place_follow(snapshot->place, snapshot, probe->metering->worker_count);
}
