/* The container snapshot as plain values. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_tree.h"
#include "model_read.h"

static const uint64_t SECOND_NS = 1000000000;

/* headers, everything, or a number. */
static uint32_t read_snap_length(const char *value)
{
    if (strcmp(value, "headers") == 0)
        return 0;
    return strcmp(value, "everything") == 0 ? UINT32_MAX : (uint32_t)strtoul(value, NULL, 10);
}

static void read_ports(const struct lyd_node *node, struct cutoff_class_config *class)
{
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next) {
        if (strcmp(child->schema->name, "port") != 0)
            continue;
        check(class->port_count < CUTOFF_CLASS_WORDS_MAX);
        class->ports[class->port_count++] = (uint16_t)strtoul(lyd_get_value(child), NULL, 10);
    }
}

static bool read_applications(const struct lyd_node *node, struct cutoff_class_config *class,
                              struct error *error)
{
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next) {
        if (strcmp(child->schema->name, "application") != 0)
            continue;
        check(class->application_count < CUTOFF_CLASS_WORDS_MAX);
        char *name = class->applications[class->application_count++];
        size_t length = strlen(lyd_get_value(child));
        if (length >= sizeof class->applications[0]) {
            error_set(error, "application: longer than %zu octets; give less",
                      sizeof class->applications[0] - 1);
            return false;
        }
        memcpy(name, lyd_get_value(child), length);
    }
    return true;
}

static bool read_class(const struct lyd_node *node, struct snapshot_config *snapshot,
                       struct error *error)
{
    check(snapshot->class_count < CUTOFF_CLASSES_MAX);
    struct cutoff_class_config *class = &snapshot->classes[snapshot->class_count++];
    struct error inner = {""};
    class->prefix_count = model_prefixes(node, "prefix", class->prefixes, CUTOFF_CLASS_WORDS_MAX);
    read_ports(node, class);
    class->cutoff_packets = model_number(node, "cutoffPackets", 0);
    class->cutoff_octets = model_number(node, "cutoffOctets", 0);
    if (model_text(node, "name", class->name, sizeof class->name, &inner) &&
        read_applications(node, class, &inner))
        return true;
    error_set(error, "cutoffClass[name='%.63s']/%s", class->name, inner.text);
    return false;
}

bool model_read_snapshot(const struct lyd_node *node, struct snapshot_config *snapshot,
                         struct error *error)
{
    snapshot->enabled = model_truth(node, "enabled");
    snapshot->memory_mib = model_number32(node, "memorySize");
    snapshot->disk_mib = model_number32(node, "diskSize");
    snapshot->snap_length = read_snap_length(config_tree_value(node, "snapLength"));
    snapshot->cutoff_packets = model_number(node, "cutoffPackets", 0);
    snapshot->cutoff_octets = model_number(node, "cutoffOctets", 0);
    snapshot->flush_interval_ns = model_number(node, "flushInterval", 0) * SECOND_NS;
    snapshot->maximum_age_ns = model_number(node, "maximumAge", 0) * SECOND_NS;
    snapshot->wanted_age_ns = model_number(node, "wantedAge", 0) * SECOND_NS;
    snapshot->extract_mib_per_s = model_number32(node, "extractRate");
    snapshot->freeze_percent = model_number32(node, "freezeLimit");
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (strcmp(child->schema->name, "cutoffClass") == 0 && !read_class(child, snapshot, error))
            return false;
    if (!model_read_history(node, &snapshot->history, error))
        return false;
    return model_text(node, "directory", snapshot->directory, sizeof snapshot->directory, error) &&
           model_text(node, "notice", snapshot->notice, sizeof snapshot->notice, error);
}
