/* The lists that flows are compared with, as plain values. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "config_tree.h"
#include "model_read.h"

static const struct word_value kinds[] = {
    {"hosts", WATCH_HOSTS}, {"networks", WATCH_NETWORKS}, {"domains", WATCH_DOMAINS}, {0}};

bool model_read_list(const struct lyd_node *node, struct lists_config *lists, struct error *error)
{
    check(lists->count < WATCH_LISTS_MAX);
    struct list_config *list = &lists->lists[lists->count++];
    enum severity severity = SEVERITY_NONE;
    list->list.kind = (enum watch_kind)model_word(kinds, config_tree_value(node, "kind"));
    severity_find(config_tree_value(node, "severity"), &severity);
    list->list.severity = severity;
    if (!model_text(node, "name", list->list.name, sizeof list->list.name, error) ||
        !model_text(node, "label", list->list.label, sizeof list->list.label, error) ||
        !model_text(node, "file", list->file, sizeof list->file, error))
        return false;
    if (!list->list.label[0])
        memcpy(list->list.label, list->list.name, sizeof list->list.label);
    return true;
}

bool model_read_brands(const struct lyd_node *root, struct lists_config *lists, struct error *error)
{
    return model_text(root, "brands", lists->brands, sizeof lists->brands, error);
}

void model_mark_destinations(struct probe_config *config)
{
    for (uint32_t c = 0; c < config->cache_count; c++) {
        struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t i = 0; i < exporting->destination_count; i++) {
            exporting->destinations[i].lists = config->lists.count > 0;
            exporting->destinations[i].brands = config->lists.brands[0] != 0;
        }
    }
}
