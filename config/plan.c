/* The table of fields, and the comparison by it. */
#include "plan.h"

#include <assert.h>
#include <string.h>

#include "source_match.h"

/* ---- fields that are more than octets ---- */

static bool same_texts(char *const *before, uint32_t before_count, char *const *after,
                       uint32_t after_count)
{
    if (before_count != after_count)
        return false;
    for (uint32_t i = 0; i < before_count; i++)
        if (strcmp(before[i], after[i]) != 0)
            return false;
    return true;
}

static bool same_files(const struct probe_config *before, const struct probe_config *after)
{
    return same_texts(before->files, before->file_count, after->files, after->file_count);
}

/* The same devices with the same settings, in the same order. */
static bool same_devices(const struct probe_config *before, const struct probe_config *after)
{
    if (before->source_count != after->source_count)
        return false;
    for (uint32_t s = 0; s < before->source_count; s++)
        if (!source_is_same_device(&before->sources[s], &after->sources[s]) ||
            !source_has_same_settings(&before->sources[s], &after->sources[s]))
            return false;
    return true;
}

static void copy_sources(struct probe_config *running, struct probe_config *next)
{
    memcpy(running->sources, next->sources, sizeof running->sources);
}

/* How the devices are called that are there before and after. */
static bool same_points(const struct probe_config *before, const struct probe_config *after)
{
    for (uint32_t s = 0; s < after->source_count; s++) {
        int place = source_place_before(before, &after->sources[s]);
        const struct source_config *a = &before->sources[place < 0 ? 0 : place];
        const struct source_config *b = &after->sources[s];
        if (place >= 0 &&
            (strcmp(a->name, b->name) != 0 || a->ifindex != b->ifindex || a->role != b->role))
            return false;
    }
    return true;
}

static void copy_points(struct probe_config *running, struct probe_config *next)
{
    for (uint32_t s = 0; s < running->source_count; s++) {
        memcpy(running->sources[s].name, next->sources[s].name, sizeof running->sources[s].name);
        running->sources[s].ifindex = next->sources[s].ifindex;
        running->sources[s].role = next->sources[s].role;
    }
}

static bool same_source_filters(const struct probe_config *before, const struct probe_config *after)
{
    for (uint32_t s = 0; s < before->source_count && s < after->source_count; s++)
        if (strcmp(before->sources[s].filter, after->sources[s].filter) != 0)
            return false;
    return true;
}

static void copy_source_filters(struct probe_config *running, struct probe_config *next)
{
    for (uint32_t s = 0; s < running->source_count; s++)
        memcpy(running->sources[s].filter, next->sources[s].filter,
               sizeof running->sources[s].filter);
}

/* What is looked for, and by which rules. */
static bool same_rules(const struct probe_config *before, const struct probe_config *after)
{
    const struct applications_config *a = &before->applications, *b = &after->applications;
    return a->wanted == b->wanted && a->shipped == b->shipped && strcmp(a->store, b->store) == 0 &&
           same_texts(a->files, a->file_count, b->files, b->file_count);
}

/* How much is looked at. */
static bool same_scan_limits(const struct probe_config *before, const struct probe_config *after)
{
    const struct applications_config *a = &before->applications, *b = &after->applications;
    return a->packets == b->packets && a->octets == b->octets && a->scans_per_s == b->scans_per_s &&
           a->time_share == b->time_share;
}

/* The list of files belongs to one configuration: NEXT, which is freed, gets the other one. */
static void copy_rules(struct probe_config *running, struct probe_config *next)
{
    struct applications_config *to = &running->applications, *from = &next->applications;
    uint32_t count = to->file_count;
    char **files = to->files;
    to->wanted = from->wanted;
    to->shipped = from->shipped;
    memcpy(to->store, from->store, sizeof to->store);
    to->file_count = from->file_count;
    to->files = from->files;
    from->file_count = count;
    from->files = files;
}

static void copy_scan_limits(struct probe_config *running, struct probe_config *next)
{
    running->applications.packets = next->applications.packets;
    running->applications.octets = next->applications.octets;
    running->applications.scans_per_s = next->applications.scans_per_s;
    running->applications.time_share = next->applications.time_share;
}

/* ---- the table ---- */

#define ROOT "/spanflow:spanflow/"
/* No configuration has it: it is filled in for an exporting process. */
#define POINTER_ROW(field, what, leaf)                                                             \
    {                                                                                              \
        ROOT leaf, what, offsetof(struct probe_config, field), sizeof(void *), NULL, NULL          \
    }
#define ROW(field, what, leaf) ROW_BY(field, what, leaf, NULL, NULL)
#define ROW_BY(field, what, leaf, compare, copy)                                                   \
    {                                                                                              \
        ROOT leaf, what, offsetof(struct probe_config, field),                                     \
            sizeof((struct probe_config *)0)->field, compare, copy                                 \
    }

/* Only a single cache can leave flows to the kernel. */
#define KERNEL_ACTION(c, action) ((c) == 0 ? (action) : PLAN_NOTHING)
/* What cache C and its exporting process have. */
#define CACHE_ROWS(c)                                                                              \
    ROW(caches[c].name, PLAN_EXCHANGE, "cache/name"),                                              \
        ROW(caches[c].active_timeout_ns, PLAN_WORKERS, "cache/activeTimeout"),                     \
        ROW(caches[c].idle_timeout_ns, PLAN_WORKERS, "cache/idleTimeout"),                         \
        ROW(caches[c].tcp_linger_ns, PLAN_WORKERS, "cache/tcpLinger"),                             \
        ROW(caches[c].flows_max, PLAN_CACHE_SIZE, "cache/maxFlows"),                               \
        ROW(caches[c].flood, PLAN_WORKERS, "cache/floodPolicy"),                                   \
        ROW(caches[c].kernel_flows, KERNEL_ACTION(c, PLAN_EXCHANGE), "cache/kernelFlows"),         \
        ROW(caches[c].kernel_after_packets, KERNEL_ACTION(c, PLAN_WORKERS),                        \
            "cache/kernelAfterPackets"),                                                           \
        ROW(caches[c].exporter_name, PLAN_EXCHANGE, "exportingProcess/name"),                      \
        ROW(caches[c].spool_directory, PLAN_REBUILD, "exportingProcess/spool/directory"),          \
        ROW(caches[c].spool_octets_max, PLAN_EXPORTERS, "exportingProcess/spool/maxSize"),         \
        EXPORT_ROWS(c)
#define EXPORT_ROW(c, field, what, leaf) ROW(caches[c].exporting.field, what, leaf)
#define EXPORT_ROWS(c)                                                                             \
    EXPORT_ROW(c, destination_count, PLAN_EXPORTERS, "exportingProcess/destination"),              \
        EXPORT_ROW(c, destinations, PLAN_EXPORTERS, "exportingProcess/destination"),               \
        EXPORT_ROW(c, group_count, PLAN_EXPORTERS, "exportingProcess/deliveryGroup"),              \
        EXPORT_ROW(c, groups, PLAN_EXPORTERS, "exportingProcess/deliveryGroup"),                   \
        EXPORT_ROW(c, interface_count, PLAN_SOURCES, "observationPoint"),                          \
        EXPORT_ROW(c, interfaces, PLAN_SOURCES, "observationPoint"),                               \
        EXPORT_ROW(c, template_refresh_s, PLAN_EXPORTERS,                                          \
                   "exportingProcess/templateRefreshTimeout"),                                     \
        EXPORT_ROW(c, template_refresh_messages, PLAN_EXPORTERS,                                   \
                   "exportingProcess/templateRefreshPacket"),                                      \
        EXPORT_ROW(c, statistics_interval_s, PLAN_EXPORTERS,                                       \
                   "exportingProcess/statisticsTimeout"),                                          \
        EXPORT_ROW(c, sampling_interval, PLAN_EXPORTERS,                                           \
                   "selectionProcess/sampCountBased/packetSpace"),                                 \
        EXPORT_ROW(c, vlan_is_key, PLAN_EXPORTERS, "flowKey/vlanInKey"),                           \
        EXPORT_ROW(c, offline, PLAN_REBUILD, "captureFile"),                                       \
        EXPORT_ROW(c, queue_octets_max, PLAN_EXPORTERS, "exportingProcess/queueSize"),             \
        POINTER_ROW(caches[c].exporting.applications, PLAN_NOTHING, "applications"),               \
        POINTER_ROW(caches[c].exporting.marks, PLAN_NOTHING, "list"),                              \
        POINTER_ROW(caches[c].exporting.state, PLAN_NOTHING, "stateDirectory"),                    \
        POINTER_ROW(caches[c].exporting.spool, PLAN_NOTHING, "exportingProcess/spool"),            \
        EXPORT_ROW(c, spool_octets_max, PLAN_EXPORTERS, "exportingProcess/spool/maxSize"),         \
        EXPORT_ROW(c, replay_rate, PLAN_EXPORTERS, "exportingProcess/spool/replayRate")

/* What the main thread makes of alerts. */
#define ALERT_ROW(field, leaf) ROW(alerts.field, PLAN_NOTHING, "alerts/" leaf)
#define ALERT_ROWS                                                                                 \
    ALERT_ROW(held_max, "held"), ALERT_ROW(notifications_per_minute, "notificationsPerMinute"),    \
        ALERT_ROW(freeze_minimum, "freeze/when"), ALERT_ROW(freeze_by_rule, "freeze/when"),        \
        ALERT_ROW(before_s, "freeze/before"), ALERT_ROW(after_s, "freeze/after"),                  \
        ALERT_ROW(freezes_max, "freeze/maximum"), ALERT_ROW(expiry_s, "freeze/expiry")

#define SNAPSHOT_ROW(field, leaf) ROW(snapshot.field, PLAN_SNAPSHOT, "snapshot/" leaf)
#define SNAPSHOT_ROWS                                                                              \
    SNAPSHOT_ROW(enabled, "enabled"), SNAPSHOT_ROW(directory, "directory"),                        \
        SNAPSHOT_ROW(memory_mib, "memorySize"), SNAPSHOT_ROW(disk_mib, "diskSize"),                \
        SNAPSHOT_ROW(snap_length, "snapLength"), SNAPSHOT_ROW(cutoff_packets, "cutoffPackets"),    \
        SNAPSHOT_ROW(cutoff_octets, "cutoffOctets"), SNAPSHOT_ROW(class_count, "cutoffClass"),     \
        SNAPSHOT_ROW(classes, "cutoffClass"), SNAPSHOT_ROW(flush_interval_ns, "flushInterval"),    \
        SNAPSHOT_ROW(maximum_age_ns, "maximumAge"), SNAPSHOT_ROW(wanted_age_ns, "wantedAge"),      \
        SNAPSHOT_ROW(notice, "notice"), SNAPSHOT_ROW(extract_mib_per_s, "extractRate"),            \
        SNAPSHOT_ROW(freeze_percent, "freezeLimit"),                                               \
        ROW(snapshot.history, PLAN_NOTHING, "snapshot/flowHistory")

static_assert(CACHES_MAX == 4, "the table has rows for each cache");

const struct plan_field plan_fields[] = {
    ROW(offline, PLAN_REBUILD, "captureFile"),
    ROW(source_count, PLAN_SOURCES, "observationPoint"),
    ROW_BY(sources, PLAN_SOURCES, "observationPoint", same_devices, copy_sources),
    ROW_BY(sources, PLAN_EXCHANGE | PLAN_EXPORTERS, "observationPoint/ifIndex", same_points,
           copy_points),
    ROW_BY(sources, PLAN_WORKERS, "observationPoint/filter", same_source_filters,
           copy_source_filters),
    ROW(file_count, PLAN_REBUILD, "captureFile"),
    ROW_BY(files, PLAN_REBUILD, "captureFile", same_files, NULL),
    ROW(cache_count, PLAN_EXCHANGE, "cache"),
    CACHE_ROWS(0),
    CACHE_ROWS(1),
    CACHE_ROWS(2),
    CACHE_ROWS(3),
    ROW(workers, PLAN_EXCHANGE, "workers"),
    ROW(worker_cpu_count, PLAN_EXCHANGE, "workerCpu"),
    ROW(worker_cpus, PLAN_EXCHANGE, "workerCpu"),
    ROW(hash_ports, PLAN_EXCHANGE, "hashPorts"),
    ROW(sampling_interval, PLAN_WORKERS, "selectionProcess/sampCountBased/packetSpace"),
    ROW(duplicate_window_ns, PLAN_WORKERS, "selectionProcess/duplicateWindow"),
    ROW(selection_name, PLAN_NOTHING, "selectionProcess"),
    ROW(filter, PLAN_WORKERS, "selectionProcess/filter"),
    ROW(ignore_count, PLAN_WORKERS, "selectionProcess/ignorePrefix"),
    ROW(ignore, PLAN_WORKERS, "selectionProcess/ignorePrefix"),
    ROW(local_count, PLAN_WORKERS, "localNetwork"),
    ROW(local, PLAN_WORKERS, "localNetwork"),
    ROW(vlan_in_key, PLAN_EXCHANGE, "flowKey/vlanInKey"),
    ROW(tunnels, PLAN_EXCHANGE, "flowKey/decapsulate"),
    ROW(fragment_table, PLAN_EXCHANGE, "flowKey/fragmentTable"),
    ROW(ledger_path, PLAN_NOTHING, "ledgerFile"),
    ROW(state_directory, PLAN_REBUILD, "stateDirectory"),
    ROW(drop_threshold, PLAN_NOTHING, "netconf/notifications/dropThreshold"),
    ROW_BY(applications, PLAN_RULES, "applications/ruleFile", same_rules, copy_rules),
    ROW(names, PLAN_WORKERS, "names"),
    ROW_BY(applications, PLAN_WORKERS, "applications", same_scan_limits, copy_scan_limits),
    ROW(alerts.minimum, PLAN_WORKERS, "alerts/minimumSeverity"),
    ALERT_ROWS,
    ROW(lists.count, PLAN_LISTS, "list"),
    ROW(lists.lists, PLAN_LISTS, "list"),
    ROW(lists.brands, PLAN_LISTS, "brands"),
    SNAPSHOT_ROWS,
};
const size_t plan_field_count = sizeof plan_fields / sizeof plan_fields[0];

static bool is_same(const struct plan_field *field, const struct probe_config *before,
                    const struct probe_config *after)
{
    if (field->same)
        return field->same(before, after);
    return memcmp((const char *)before + field->offset, (const char *)after + field->offset,
                  field->size) == 0;
}

/* Leaves whose fields stand for others as well. */
static const struct {
    const char *path;
    unsigned action;
} plan_leaves[] = {
    {ROOT "source", PLAN_SOURCES},
    {ROOT "captureFile", PLAN_NOTHING}, /* a running probe reads none */
    {ROOT "observationPoint/name", PLAN_EXCHANGE},
    {ROOT "observationPoint/role", PLAN_EXCHANGE},
    {ROOT "observationPoint/selectionProcess", PLAN_NOTHING},
};

/* Whether FIELD is the path LEAF, which begins behind the module's name, or something around it. */
static bool is_part_of(const char *leaf, const char *field, bool whole)
{
    size_t length = strlen(field) - strlen(ROOT);
    field += strlen(ROOT);
    return strncmp(leaf, field, length) == 0 &&
           (leaf[length] == '\0' || (!whole && leaf[length] == '/'));
}

unsigned plan_action_of(const char *path)
{
    const char *leaf = path + strlen("/spanflow/");
    size_t longest = 0;
    unsigned action = PLAN_NOTHING;
    for (size_t i = 0; i < sizeof plan_leaves / sizeof plan_leaves[0]; i++)
        if (is_part_of(leaf, plan_leaves[i].path, true))
            return plan_leaves[i].action;
    for (size_t i = 0; i < plan_field_count; i++) {
        size_t length = strlen(plan_fields[i].path);
        if (length < longest || !is_part_of(leaf, plan_fields[i].path, false))
            continue;
        bool weighs_more = length > longest || plan_fields[i].action > action;
        longest = length;
        action = weighs_more ? plan_fields[i].action : action;
    }
    static const unsigned heavy[] = {PLAN_REBUILD, PLAN_EXCHANGE, PLAN_SOURCES};
    for (size_t i = 0; i < sizeof heavy / sizeof heavy[0]; i++)
        if (action & heavy[i])
            return heavy[i];
    return action;
}

struct plan plan_make(const struct probe_config *before, const struct probe_config *after)
{
    struct plan plan = {.actions = PLAN_NOTHING};
    unsigned heaviest = 0;
    for (size_t i = 0; i < plan_field_count; i++) {
        const struct plan_field *field = &plan_fields[i];
        if (is_same(field, before, after))
            continue;
        plan.actions |= field->action;
        plan.count++;
        if (!plan.path || field->action > heaviest) {
            plan.path = field->path;
            heaviest = field->action;
        }
    }
    return plan;
}

void plan_adopt(struct probe_config *running, struct probe_config *next)
{
    for (size_t i = 0; i < plan_field_count; i++) {
        const struct plan_field *field = &plan_fields[i];
        if (field->action == PLAN_REBUILD || is_same(field, running, next))
            continue;
        if (field->adopt)
            field->adopt(running, next);
        else
            memcpy((char *)running + field->offset, (const char *)next + field->offset,
                   field->size);
    }
}
