/* Tree to values. The tree is valid, so a leaf with a default is always there. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "element/element.h"
#include "model_read.h"
#include "parse/parse.h"
#include "template/template.h"

static const uint64_t SECOND_NS = 1000000000, MILLISECOND_NS = 1000000;
#define FLOOD "floodPolicy/"

static const struct word_value roles[] = {
    {"span", INTERFACE_SPAN}, {"tap-a", INTERFACE_TAP_A}, {"tap-b", INTERFACE_TAP_B}, {0}};
static const struct word_value xdp_modes[] = {
    {"auto", XDP_ATTACH_AUTO}, {"native", XDP_ATTACH_NATIVE}, {"generic", XDP_ATTACH_GENERIC}, {0}};
static const struct word_value xdp_copies[] = {
    {"auto", XDP_FRAMES_AUTO}, {"zero", XDP_FRAMES_ZERO_COPY}, {"copy", XDP_FRAMES_COPIED}, {0}};
static const struct word_value host_traffic[] = {{"take", false}, {"pass", true}, {0}};
static const struct word_value time_sources[] = {{"system", false}, {"device", true}, {0}};
static const struct word_value tunnels[] = {
    {"all", TUNNEL_ALL},
    {"gre", TUNNEL_GRE},
    {"ipip", TUNNEL_IPIP},
    {"6in4", TUNNEL_6IN4},
    {"vxlan", TUNNEL_VXLAN},
    {"geneve", TUNNEL_GENEVE},
    {"gtpu", TUNNEL_GTPU},
    {"erspan", TUNNEL_ERSPAN},
    {"mpls-udp", TUNNEL_MPLS_UDP},
    {"teredo", TUNNEL_TEREDO},
    {"l2tp", TUNNEL_L2TP},
    {"etherip", TUNNEL_ETHERIP},
    {0},
};

static struct source_xdp_options read_xdp(const struct lyd_node *entry, uint32_t descriptors)
{
    if (!config_tree_value(entry, "xdp/interface"))
        return (struct source_xdp_options){.receive_descriptors = descriptors};
    return (struct source_xdp_options){
        .attach = model_word(xdp_modes, config_tree_value(entry, "xdp/mode")),
        .frames = model_word(xdp_copies, config_tree_value(entry, "xdp/copy")),
        .pass_host = model_word(host_traffic, config_tree_value(entry, "xdp/hostTraffic")),
        .busy_poll_us = model_number32(entry, "xdp/busyPolling"),
        .receive_descriptors = descriptors};
}

static bool read_source(const struct lyd_node *entry, struct probe_config *config,
                        struct error *error)
{
    check(config->source_count < SOURCES_MAX);
    struct source_config *source = &config->sources[config->source_count++];
    source->ifindex = model_number32(entry, "ifIndex");
    source->role = model_word(roles, config_tree_value(entry, "role"));
    source->receive_descriptors = model_number32(entry, "receiveDescriptors");
    source->device_time = model_word(time_sources, config_tree_value(entry, "timeSource"));
    source->xdp = read_xdp(entry, source->receive_descriptors);
    return model_text(entry, "name", source->name, sizeof source->name, error) &&
           model_text(entry, "device", source->device, sizeof source->device, error) &&
           model_text(entry, "xdp/interface", source->interface, sizeof source->interface, error) &&
           model_text(entry, "filter", source->filter, sizeof source->filter, error);
}

static void read_worker_cpu(const struct lyd_node *leaf, struct probe_config *config)
{
    check(config->worker_cpu_count < WORKERS_MAX);
    config->worker_cpus[config->worker_cpu_count++] =
        (uint16_t)strtoul(lyd_get_value(leaf), NULL, 10);
}

/* Adds PATH to a list of COUNT of them. */
static void add_path(char ***paths, uint32_t *count, const char *path)
{
    char **more = realloc(*paths, (*count + 1) * sizeof *more);
    check(more);
    *paths = more;
    more[*count] = strdup(path);
    check(more[*count]);
    (*count)++;
}

static void read_file_name(const struct lyd_node *leaf, struct probe_config *config)
{
    add_path(&config->files, &config->file_count, lyd_get_value(leaf));
    config->offline = true;
}

static void read_rule_files(const struct lyd_node *applications, struct probe_config *config)
{
    for (const struct lyd_node *child = lyd_child(applications); child; child = child->next)
        if (strcmp(child->schema->name, "ruleFile") == 0)
            add_path(&config->applications.files, &config->applications.file_count,
                     lyd_get_value(child));
}

/* Level 1 is for live traffic unless it is asked for: with capture files nothing is short. */
static void read_flood_policy(const struct lyd_node *entry, bool offline,
                              struct flood_policy *flood)
{
    const char *level1 = config_tree_value(entry, FLOOD "level1");
    uint32_t enter = model_number32(entry, FLOOD "enterOccupancy");
    uint32_t hysteresis = model_number32(entry, FLOOD "occupancyHysteresis");
    flood->level1 = strcmp(level1, "on") == 0 || (strcmp(level1, "auto") == 0 && !offline);
    flood->enter_percent = enter;
    flood->leave_percent = enter - hysteresis; /* the model sees to it that it is less */
    flood->short_idle_ns = model_number(entry, FLOOD "shortIdleTimeout", 0) * SECOND_NS;
    flood->new_flows_per_s = model_number(entry, FLOOD "level2", 0);
    flood->ipv4_prefix_length = (uint8_t)model_number(entry, FLOOD "ipv4PrefixLength", 0);
    flood->ipv6_prefix_length = (uint8_t)model_number(entry, FLOOD "ipv6PrefixLength", 0);
}

/* The entry of LIST below ROOT whose name is NAME; it is there, as the tree is valid and whole. */
static const struct lyd_node *find_entry(const struct lyd_node *root, const char *list,
                                         const char *name)
{
    const struct lyd_node *child = lyd_child(root);
    while (child && (strcmp(child->schema->name, list) != 0 ||
                     strcmp(lyd_get_value(lyd_child(child)), name) != 0))
        child = child->next;
    check(child);
    return child;
}

/* Reads the cache NAME and its exporting process. */
static bool read_cache(const struct lyd_node *root, const char *name, struct probe_config *config,
                       struct error *error)
{
    check(config->cache_count < CACHES_MAX);
    struct cache_config *cache = &config->caches[config->cache_count++];
    const struct lyd_node *entry = find_entry(root, "cache", name);
    const char *process = config_tree_value(entry, "exportingProcess");
    cache->flows_max = model_number32(entry, "maxFlows");
    cache->active_timeout_ns = model_number(entry, "activeTimeout", 0) * SECOND_NS;
    cache->idle_timeout_ns = model_number(entry, "idleTimeout", 0) * SECOND_NS;
    cache->tcp_linger_ns = model_number(entry, "tcpLinger", 0) * SECOND_NS;
    cache->kernel_flows = model_number32(entry, "kernelFlows");
    cache->kernel_after_packets = model_number32(entry, "kernelAfterPackets");
    read_flood_policy(entry, config->offline, &cache->flood);
    const struct lyd_node *exporter = find_entry(root, "exportingProcess", process);
    if (!model_text(entry, "name", cache->name, sizeof cache->name, error) ||
        !model_text(exporter, "name", cache->exporter_name, sizeof cache->exporter_name, error))
        return false;
    cache->exporting.sampling_interval = config->sampling_interval;
    cache->exporting.offline = config->offline;
    cache->exporting.vlan_is_key = config->vlan_in_key;
    return model_read_exporting(exporter, cache, error);
}

static void read_flow_key(const struct lyd_node *key, struct probe_config *config)
{
    config->vlan_in_key = model_truth(key, "vlanInKey");
    config->fragment_table = model_truth(key, "fragmentTable");
    for (const struct lyd_node *child = lyd_child(key); child; child = child->next)
        if (strcmp(child->schema->name, "decapsulate") == 0)
            config->tunnels |= model_word(tunnels, lyd_get_value(child));
}

/* The caches in the order in which the selection process names them. */
static bool read_caches(const struct lyd_node *root, struct probe_config *config,
                        struct error *error)
{
    const struct lyd_node *selection = lyd_child(root);
    while (strcmp(selection->schema->name, "selectionProcess") != 0)
        selection = selection->next;
    for (const struct lyd_node *child = lyd_child(selection); child; child = child->next) {
        struct error inner = {""};
        const char *name = lyd_get_value(child);
        if (strcmp(child->schema->name, "cache") != 0 || read_cache(root, name, config, &inner))
            continue;
        if (inner.text[0] == '/')
            *error = inner;
        else
            error_set(error, "/spanflow/cache[name='%.63s']/%s", name, inner.text);
        return false;
    }
    return true;
}

static bool read_selection(const struct lyd_node *selection, struct probe_config *config,
                           struct error *error)
{
    config->sampling_interval = model_number32(selection, "sampCountBased/packetSpace") + 1;
    config->duplicate_window_ns = model_number(selection, "duplicateWindow", 0) * MILLISECOND_NS;
    config->ignore_count = model_prefixes(selection, "ignorePrefix", config->ignore, PREFIXES_MAX);
    return model_text(selection, "name", config->selection_name, sizeof config->selection_name,
                      error) &&
           model_text(selection, "filter", config->filter, sizeof config->filter, error);
}

/* Whether DESTINATION's records tell applications. */
static bool tells_applications(const struct destination_config *destination)
{
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    uint32_t count = profile_fields(destination, 0, fields);
    for (uint32_t i = 0; i < count; i++)
        if (fields[i] == ELEMENT_APPLICATION_ID || fields[i] == ELEMENT_APPLICATION_NAME ||
            fields[i] == ELEMENT_SILK_APP_LABEL)
            return true;
    return false;
}

#define APPLICATIONS "applications/"

static bool read_applications(const struct lyd_node *root, struct probe_config *config,
                              struct error *error)
{
    struct applications_config *applications = &config->applications;
    const char *identify = config_tree_value(root, APPLICATIONS "identify");
    bool automatic = SPANFLOW_HYPERSCAN && strcmp(identify, "auto") == 0;
    applications->wanted =
        strcmp(identify, "on") == 0 || (automatic && applications->file_count > 0);
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t i = 0; i < exporting->destination_count; i++)
            if (automatic)
                applications->wanted |= tells_applications(&exporting->destinations[i]);
    }
    applications->shipped = model_truth(root, APPLICATIONS "shippedRules");
    applications->packets = model_number32(root, APPLICATIONS "packets");
    applications->octets = model_number32(root, APPLICATIONS "octets");
    applications->scans_per_s =
        config->offline ? 0 : model_number32(root, APPLICATIONS "scansPerSecond");
    applications->time_share = config->offline ? 0 : model_number32(root, APPLICATIONS "timeShare");
    return model_text(root, APPLICATIONS "compiledRules", applications->store,
                      sizeof applications->store, error);
}

/* Reads one child of the root; PATHs of complaints begin below it. */
static bool read_child(const struct lyd_node *child, struct probe_config *config,
                       struct error *error)
{
    const char *name = child->schema->name;
    if (strcmp(name, "observationPoint") == 0)
        return read_source(child, config, error);
    if (strcmp(name, "captureFile") == 0)
        read_file_name(child, config);
    else if (strcmp(name, "workerCpu") == 0)
        read_worker_cpu(child, config);
    else if (strcmp(name, "selectionProcess") == 0)
        return read_selection(child, config, error);
    else if (strcmp(name, "flowKey") == 0)
        read_flow_key(child, config);
    else if (strcmp(name, "applications") == 0)
        read_rule_files(child, config);
    else if (strcmp(name, "alerts") == 0)
        model_read_alerts(child, &config->alerts);
    else if (strcmp(name, "list") == 0)
        return model_read_list(child, &config->lists, error);
    else if (strcmp(name, "snapshot") == 0)
        return model_read_snapshot(child, &config->snapshot, error);
    return true;
}

static bool read_root(const struct lyd_node *root, struct probe_config *config, struct error *error)
{
    for (const struct lyd_node *child = lyd_child(root); child; child = child->next) {
        struct error inner = {""};
        if (read_child(child, config, &inner))
            continue;
        if (inner.text[0] == '/') /* it has its path already */
            *error = inner;
        else
            error_set(error, "/spanflow/%s/%s", child->schema->name, inner.text);
        return false;
    }
    config->workers = model_number32(root, "workers");
    config->hash_ports = model_truth(root, "hashPorts");
    config->drop_threshold = model_number32(root, "netconf/notifications/dropThreshold");
    /* What is kept here does not decide whether applications are looked for. */
    if (!read_caches(root, config, error) || !read_applications(root, config, error) ||
        !model_add_history(config, error) || !model_read_names(root, config, error) ||
        !model_read_brands(root, &config->lists, error))
        return false;
    model_mark_destinations(config);
    config->local_count = model_prefixes(root, "localNetwork", config->local, PREFIXES_MAX);
    if (!model_text(root, "stateDirectory", config->state_directory, sizeof config->state_directory,
                    error))
        return false;
    return model_text(root, "ledgerFile", config->ledger_path, sizeof config->ledger_path, error);
}

struct probe_config *probe_config_from_tree(const struct config_tree *tree, struct error *error)
{
    struct config_tree whole;
    struct probe_config *config = calloc(1, sizeof *config);
    if (!config || !config_tree_copy(tree, &whole)) {
        error_set(error, "out of memory");
        free(config);
        return NULL;
    }
    bool read = config_tree_expand(&whole, error) && config_tree_validate(&whole, error) &&
                read_root(whole.root, config, error) && model_check(config, error);
    lyd_free_all(whole.root);
    if (read)
        return config;
    probe_config_free(config);
    return NULL;
}

void probe_config_free(struct probe_config *config)
{
    if (!config)
        return;
    for (uint32_t i = 0; i < config->file_count; i++)
        free(config->files[i]);
    free(config->files);
    for (uint32_t i = 0; i < config->applications.file_count; i++)
        free(config->applications.files[i]);
    free(config->applications.files);
    free(config);
}
