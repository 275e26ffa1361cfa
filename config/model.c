/* Tree to values. The tree is valid, so a leaf with a default is always there. */
#include "model.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "element/element.h"
#include "parse/parse.h"

static const uint64_t SECOND_NS = 1000000000, MILLISECOND_NS = 1000000;
enum { PORT_IPFIX = 4739, PORT_IPFIX_SECURE = 4740, PORT_NETFLOW = 2055 };
enum { CLIENT_PORT_RECORDS = 65536, CLIENT_PORT_WINDOW_S = 60 };
#define FLOOD       "cache/floodPolicy/"
#define AGGREGATION "recordAggregation/"

/* An enumeration leaf as a value of C. */
struct word_value {
    const char *word;
    unsigned value;
};
static const struct word_value roles[] = {
    {"span", INTERFACE_SPAN}, {"tap-a", INTERFACE_TAP_A}, {"tap-b", INTERFACE_TAP_B}, {0}};
static const struct word_value xdp_modes[] = {
    {"auto", XDP_ATTACH_AUTO}, {"native", XDP_ATTACH_NATIVE}, {"generic", XDP_ATTACH_GENERIC}, {0}};
static const struct word_value xdp_copies[] = {
    {"auto", XDP_FRAMES_AUTO}, {"zero", XDP_FRAMES_ZERO_COPY}, {"copy", XDP_FRAMES_COPIED}, {0}};
static const struct word_value host_traffic[] = {{"take", false}, {"pass", true}, {0}};
static const struct word_value time_sources[] = {{"system", false}, {"device", true}, {0}};
static const struct word_value profiles[] = {{"plain", PROFILE_PLAIN},
                                             {"nfdump", PROFILE_NFDUMP},
                                             {"silk", PROFILE_SILK},
                                             {"v5", PROFILE_V5},
                                             {"fluentd-v9", PROFILE_FLUENTD_V9},
                                             {"full", PROFILE_FULL},
                                             {0}};
static const struct word_value time_units[] = {{"milliseconds", TIME_MILLISECONDS},
                                               {"microseconds", TIME_MICROSECONDS},
                                               {"nanoseconds", TIME_NANOSECONDS},
                                               {0}};
static const struct word_value kafka_formats[] = {
    {"json", KAFKA_JSON}, {"ipfix", KAFKA_IPFIX}, {0}};
static const struct word_value export_modes[] = {{"parallel", EXPORT_PARALLEL},
                                                 {"loadBalancing", EXPORT_BALANCE},
                                                 {"fallback", EXPORT_FALLBACK},
                                                 {0}};
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

/* A word that the module allows and this table lacks is our own mistake. */
static unsigned find_word(const struct word_value *table, const char *word)
{
    while (table->word && strcmp(table->word, word) != 0)
        table++;
    check(table->word);
    return table->value;
}

static uint64_t number(const struct lyd_node *node, const char *path, uint64_t missing)
{
    const char *value = config_tree_value(node, path);
    return value ? strtoull(value, NULL, 10) : missing;
}

static uint32_t number32(const struct lyd_node *node, const char *path)
{
    return (uint32_t)number(node, path, 0);
}

static bool truth(const struct lyd_node *node, const char *path)
{
    const char *value = config_tree_value(node, path);
    return value && strcmp(value, "true") == 0;
}

#define SECURITY "transportLayerSecurity/"

/* Whether TLS or DTLS is asked for, by a container that is there or not. */
static bool is_secure(const struct lyd_node *exporter)
{
    struct lyd_node *found = NULL;
    return lyd_find_path(exporter, "transportLayerSecurity", 0, &found) == LY_SUCCESS;
}

/* Copies a text leaf; an absent one is "". The module counts characters, memory counts octets. */
static bool copy_text(const struct lyd_node *node, const char *path, char *text, size_t size,
                      struct error *error)
{
    const char *value = config_tree_value(node, path);
    size_t length = value ? strlen(value) : 0;
    if (length >= size) {
        error_set(error, "%s: longer than %zu octets; give less", path, size - 1);
        return false;
    }
    if (length)
        memcpy(text, value, length);
    return true;
}

/* ADDRESS/LENGTH in canonical form, as the module's type gives it. */
static void read_prefix(const char *text, struct prefix *prefix)
{
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    check(length < sizeof address && text[length] == '/');
    memcpy(address, text, length);
    address[length] = 0;
    prefix->family = strchr(address, ':') ? 6 : 4;
    prefix->length = (uint8_t)strtoul(text + length + 1, NULL, 10);
    check(inet_pton(prefix->family == 6 ? AF_INET6 : AF_INET, address, prefix->address) == 1);
}

/* Reads every instance of the leaf-list NAME below PARENT; the module bounds their number. */
static uint32_t read_prefixes(const struct lyd_node *parent, const char *name,
                              struct prefix prefixes[PREFIXES_MAX])
{
    uint32_t count = 0;
    for (const struct lyd_node *child = lyd_child(parent); child; child = child->next) {
        if (strcmp(child->schema->name, name) != 0)
            continue;
        check(count < PREFIXES_MAX);
        read_prefix(lyd_get_value(child), &prefixes[count++]);
    }
    return count;
}

static struct source_xdp_options read_xdp(const struct lyd_node *entry, uint32_t descriptors)
{
    if (!config_tree_value(entry, "xdp/interface"))
        return (struct source_xdp_options){.receive_descriptors = descriptors};
    return (struct source_xdp_options){
        .attach = find_word(xdp_modes, config_tree_value(entry, "xdp/mode")),
        .frames = find_word(xdp_copies, config_tree_value(entry, "xdp/copy")),
        .pass_host = find_word(host_traffic, config_tree_value(entry, "xdp/hostTraffic")),
        .busy_poll_us = number32(entry, "xdp/busyPolling"),
        .receive_descriptors = descriptors};
}

static bool read_source(const struct lyd_node *entry, struct probe_config *config,
                        struct error *error)
{
    check(config->source_count < SOURCES_MAX);
    struct source_config *source = &config->sources[config->source_count++];
    source->ifindex = number32(entry, "ifIndex");
    source->role = find_word(roles, config_tree_value(entry, "role"));
    source->receive_descriptors = number32(entry, "receiveDescriptors");
    source->device_time = find_word(time_sources, config_tree_value(entry, "timeSource"));
    source->xdp = read_xdp(entry, source->receive_descriptors);
    return copy_text(entry, "name", source->name, sizeof source->name, error) &&
           copy_text(entry, "device", source->device, sizeof source->device, error) &&
           copy_text(entry, "xdp/interface", source->interface, sizeof source->interface, error) &&
           copy_text(entry, "filter", source->filter, sizeof source->filter, error);
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

static bool read_security(const struct lyd_node *exporter, struct destination_config *destination,
                          struct error *error)
{
    destination->unverified = !truth(exporter, SECURITY "verifyCollector");
    return copy_text(exporter, SECURITY "certificate", destination->certificate,
                     sizeof destination->certificate, error) &&
           copy_text(exporter, SECURITY "privateKey", destination->private_key,
                     sizeof destination->private_key, error) &&
           copy_text(exporter, SECURITY "certificationAuthority", destination->authority,
                     sizeof destination->authority, error);
}

/* What the containers of all collectors have. */
static bool read_collector(const struct lyd_node *exporter, enum destination_kind kind,
                           struct destination_config *destination, struct error *error)
{
    bool secure = destination_is_secure(kind);
    uint16_t port = secure                       ? PORT_IPFIX_SECURE
                    : destination->version == 10 ? PORT_IPFIX
                                                 : PORT_NETFLOW;
    destination->kind = kind;
    destination->port = (uint16_t)number(exporter, "destinationPort", port);
    destination->domain = number32(exporter, "observationDomainId");
    destination->time_unit = find_word(time_units, config_tree_value(exporter, "timeUnit"));
    return copy_text(exporter, "destinationAddress", destination->host, sizeof destination->host,
                     error) &&
           copy_text(exporter, "sourceAddress", destination->source_address,
                     sizeof destination->source_address, error) &&
           (!secure || read_security(exporter, destination, error));
}

/* Of messages whose version was not chosen. */
static unsigned usual_version(enum export_profile profile)
{
    switch (profile) {
    case PROFILE_NFDUMP: /* nfcapd 1.7 shows more of version 9 than of IPFIX */
    case PROFILE_FLUENTD_V9:
        return 9;
    case PROFILE_V5:
        return 5;
    default:
        return 10;
    }
}

/* The destination's own list of elements, if it has one; its times decide the time unit. */
static bool read_elements(const struct lyd_node *entry, struct destination_config *destination,
                          struct error *error)
{
    for (const struct lyd_node *child = lyd_child(entry); child; child = child->next) {
        if (strcmp(child->schema->name, "informationElement") != 0)
            continue;
        const char *name = lyd_get_value(child);
        enum element element = element_find(name);
        if (element == ELEMENT_COUNT) {
            error_set(error,
                      "informationElement: \"%s\" is no element of flow records; did you mean %s? "
                      "docs/export.md lists them",
                      name, element_nearest(name));
            return false;
        }
        check(destination->element_count < EXPORT_ELEMENTS_MAX);
        destination->elements[destination->element_count++] = (uint16_t)element;
        destination->profile = PROFILE_ELEMENTS;
        unsigned units = element_table[element].units;
        if (element_table[element].type == TYPE_TIME && destination_is_json(destination))
            destination->time_unit = units == UNITS_NANOSECONDS    ? TIME_NANOSECONDS
                                     : units == UNITS_MICROSECONDS ? TIME_MICROSECONDS
                                                                   : TIME_MILLISECONDS;
    }
    return true;
}

static bool read_udp(const struct lyd_node *udp, struct destination_config *destination,
                     struct error *error)
{
    bool secure = is_secure(udp);
    unsigned version = secure ? 10 : usual_version(destination->profile);
    destination->version = (unsigned)number(udp, "ipfixVersion", version);
    if (destination->version == 5 && destination->profile == PROFILE_PLAIN)
        destination->profile = PROFILE_V5;
    destination->mtu = number32(udp, "maxPacketSize");
    destination->rate = number(udp, "recordRateLimit", 0);
    destination->rate_set = config_tree_value(udp, "recordRateLimit") != NULL;
    return read_collector(udp, secure ? DESTINATION_DTLS : DESTINATION_UDP, destination, error);
}

static bool read_connection(const struct lyd_node *exporter, enum destination_kind kind,
                            struct destination_config *destination, struct error *error)
{
    destination->version = 10;
    if (is_secure(exporter))
        kind = DESTINATION_TLS;
    return read_collector(exporter, kind, destination, error);
}

static bool read_writer(const struct lyd_node *writer, enum destination_kind kind,
                        struct destination_config *destination, struct error *error)
{
    destination->kind = kind;
    destination->version = 10;
    if (kind == DESTINATION_FILE) {
        destination->domain = number32(writer, "observationDomainId");
        destination->time_unit = find_word(time_units, config_tree_value(writer, "timeUnit"));
        destination->rotation_s = number32(writer, "rotationTime");
        destination->rotation_octets = number(writer, "rotationSize", 0);
        destination->checksum = truth(writer, "messageChecksum");
        destination->zstd = strcmp(config_tree_value(writer, "compression"), "zstd") == 0;
    }
    return copy_text(writer, "file", destination->path, sizeof destination->path, error);
}

static bool read_kafka(const struct lyd_node *kafka, struct destination_config *destination,
                       struct error *error)
{
    destination->kind = DESTINATION_KAFKA;
    destination->version = 10;
    destination->format = find_word(kafka_formats, config_tree_value(kafka, "format"));
    destination->domain = number32(kafka, "observationDomainId");
    destination->time_unit = find_word(time_units, config_tree_value(kafka, "timeUnit"));
    destination->leader_alone = strcmp(config_tree_value(kafka, "acknowledgements"), "leader") == 0;
    destination->encrypted = is_secure(kafka);
    for (const struct lyd_node *child = lyd_child(kafka); child; child = child->next) {
        if (strcmp(child->schema->name, "broker") != 0)
            continue;
        char *list = destination->brokers;
        size_t used = strlen(list), size = sizeof destination->brokers;
        const char *broker = lyd_get_value(child);
        if (snprintf(list + used, size - used, "%s%s", used ? "," : "", broker) >=
            (int)(size - used)) {
            error_set(error, "broker: all together longer than %zu octets; give fewer", size - 1);
            return false;
        }
    }
    return copy_text(kafka, "topic", destination->topic, sizeof destination->topic, error) &&
           copy_text(kafka, "compression", destination->compression,
                     sizeof destination->compression, error) &&
           (!destination->encrypted || read_security(kafka, destination, error));
}

/* Finds the group that a destination names. One that is not in the list is parallel, and that is
 * no group at all. */
static void find_group(const struct lyd_node *entry, struct exporting_process_config *exporting,
                       struct destination_config *destination)
{
    const char *name = config_tree_value(entry, "group");
    for (uint32_t i = 0; name && i < exporting->group_count; i++)
        if (strcmp(exporting->groups[i].name, name) == 0)
            destination->group = i + 1;
}

/* What the destination changes in the records that it gets. */
static bool read_changes(const struct lyd_node *entry, struct destination_config *destination,
                         struct error *error)
{
    const char *method = config_tree_value(entry, AGGREGATION "method");
    if (strcmp(method, "clientPort") == 0) {
        destination->client_port_records =
            (uint32_t)number(entry, AGGREGATION "tableSize", CLIENT_PORT_RECORDS);
        destination->client_port_window_s =
            (uint32_t)number(entry, AGGREGATION "timeout", CLIENT_PORT_WINDOW_S);
    }
    return copy_text(entry, "anonymisationKeyFile", destination->anonymisation_key,
                     sizeof destination->anonymisation_key, error);
}

static bool read_destination(const struct lyd_node *entry, struct probe_config *config,
                             struct error *error)
{
    struct exporting_process_config *exporting = &config->exporting;
    check(exporting->destination_count < DESTINATIONS_MAX);
    struct destination_config *destination =
        &exporting->destinations[exporting->destination_count++];
    if (!copy_text(entry, "name", destination->name, sizeof destination->name, error))
        return false;
    destination->profile = find_word(profiles, config_tree_value(entry, "profile"));
    destination->biflow = truth(entry, "biflow");
    destination->scale = truth(entry, "scaleCounters");
    find_group(entry, exporting, destination);
    for (const struct lyd_node *child = lyd_child(entry); child; child = child->next) {
        const char *name = child->schema->name;
        struct error inner = {""};
        bool fits = true;
        if (strcmp(name, "udpExporter") == 0)
            fits = read_udp(child, destination, &inner);
        else if (strcmp(name, "tcpExporter") == 0)
            fits = read_connection(child, DESTINATION_TCP, destination, &inner);
        else if (strcmp(name, "sctpExporter") == 0)
            fits = read_connection(child, DESTINATION_SCTP, destination, &inner);
        else if (strcmp(name, "kafkaExporter") == 0)
            fits = read_kafka(child, destination, &inner);
        else if (strcmp(name, "fileWriter") == 0)
            fits = read_writer(child, DESTINATION_FILE, destination, &inner);
        else if (strcmp(name, "jsonWriter") == 0)
            fits = read_writer(child, DESTINATION_JSON, destination, &inner);
        if (!fits) {
            error_set(error, "/spanflow/exportingProcess/destination[name='%.200s']/%s/%s",
                      destination->name, name, inner.text);
            return false;
        }
    }
    struct error inner = {""};
    if (read_elements(entry, destination, &inner) && read_changes(entry, destination, &inner))
        return true;
    error_set(error, "/spanflow/exportingProcess/destination[name='%.200s']/%s", destination->name,
              inner.text);
    return false;
}

/* Level 1 is for live traffic unless it is asked for: with capture files nothing is short. */
static void read_flood_policy(const struct lyd_node *root, struct probe_config *config)
{
    const char *level1 = config_tree_value(root, FLOOD "level1");
    struct flood_policy *flood = &config->flood;
    uint32_t enter = number32(root, FLOOD "enterOccupancy");
    uint32_t hysteresis = number32(root, FLOOD "occupancyHysteresis");
    flood->level1 = strcmp(level1, "on") == 0 || (strcmp(level1, "auto") == 0 && !config->offline);
    flood->enter_percent = enter;
    flood->leave_percent = enter - hysteresis; /* the model sees to it that it is less */
    flood->short_idle_ns = number(root, FLOOD "shortIdleTimeout", 0) * SECOND_NS;
    flood->new_flows_per_s = number(root, FLOOD "level2", 0);
    flood->ipv4_prefix_length = (uint8_t)number(root, FLOOD "ipv4PrefixLength", 0);
    flood->ipv6_prefix_length = (uint8_t)number(root, FLOOD "ipv6PrefixLength", 0);
    for (uint32_t i = 0; i < config->exporting.destination_count; i++)
        config->exporting.destinations[i].aggregates = flood->new_flows_per_s != 0;
}

static void read_cache(const struct lyd_node *cache, struct probe_config *config)
{
    config->flows_max = number32(cache, "maxFlows");
    config->active_timeout_ns = number(cache, "activeTimeout", 0) * SECOND_NS;
    config->idle_timeout_ns = number(cache, "idleTimeout", 0) * SECOND_NS;
    config->tcp_linger_ns = number(cache, "tcpLinger", 0) * SECOND_NS;
    config->kernel_flows = number32(cache, "kernelFlows");
    config->kernel_after_packets = number32(cache, "kernelAfterPackets");
    config->vlan_in_key = truth(cache, "vlanInKey");
    config->fragment_table = truth(cache, "fragmentTable");
    for (const struct lyd_node *child = lyd_child(cache); child; child = child->next)
        if (strcmp(child->schema->name, "decapsulate") == 0)
            config->tunnels |= find_word(tunnels, lyd_get_value(child));
}

static bool read_group(const struct lyd_node *entry, struct exporting_process_config *exporting,
                       struct error *error)
{
    check(exporting->group_count < DESTINATIONS_MAX);
    struct export_group *group = &exporting->groups[exporting->group_count++];
    group->mode = find_word(export_modes, config_tree_value(entry, "exportMode"));
    group->hold_s = number32(entry, "holdTime");
    return copy_text(entry, "name", group->name, sizeof group->name, error);
}

static bool read_exporting(const struct lyd_node *node, struct probe_config *config,
                           struct error *error)
{
    struct exporting_process_config *exporting = &config->exporting;
    exporting->template_refresh_s = number32(node, "templateRefreshTimeout");
    exporting->template_refresh_messages = number32(node, "templateRefreshPacket");
    exporting->statistics_interval_s = number32(node, "statisticsTimeout");
    exporting->queue_octets_max = number32(node, "queueSize");
    exporting->replay_rate = number32(node, "spool/replayRate");
    config->spool_octets_max = number(node, "spool/maxSize", 0);
    if (!copy_text(node, "spool/directory", config->spool_directory, sizeof config->spool_directory,
                   error))
        return false;
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (strcmp(child->schema->name, "deliveryGroup") == 0 &&
            !read_group(child, exporting, error))
            return false;
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (strcmp(child->schema->name, "destination") == 0 &&
            !read_destination(child, config, error))
            return false;
    return true;
}

static bool read_selection(const struct lyd_node *selection, struct probe_config *config,
                           struct error *error)
{
    config->sampling_interval = number32(selection, "sampCountBased/packetSpace") + 1;
    config->duplicate_window_ns = number(selection, "duplicateWindow", 0) * MILLISECOND_NS;
    config->ignore_count = read_prefixes(selection, "ignorePrefix", config->ignore);
    return copy_text(selection, "filter", config->filter, sizeof config->filter, error);
}

/* Whether DESTINATION's records tell applications. */
static bool tells_applications(const struct destination_config *destination)
{
    if (destination->profile == PROFILE_ELEMENTS)
        for (uint32_t i = 0; i < destination->element_count; i++)
            if (destination->elements[i] == ELEMENT_APPLICATION_ID ||
                destination->elements[i] == ELEMENT_APPLICATION_NAME ||
                destination->elements[i] == ELEMENT_SILK_APP_LABEL)
                return true;
    return destination->profile == PROFILE_FULL || destination->profile == PROFILE_SILK ||
           destination->profile == PROFILE_NFDUMP;
}

#define APPLICATIONS "applications/"

static bool read_applications(const struct lyd_node *root, struct probe_config *config,
                              struct error *error)
{
    struct applications_config *applications = &config->applications;
    const char *identify = config_tree_value(root, APPLICATIONS "identify");
    applications->wanted = strcmp(identify, "on") == 0;
    for (uint32_t i = 0; i < config->exporting.destination_count; i++)
        if (SPANFLOW_HYPERSCAN && strcmp(identify, "auto") == 0)
            applications->wanted |= tells_applications(&config->exporting.destinations[i]);
    applications->shipped = truth(root, APPLICATIONS "shippedRules");
    applications->packets = number32(root, APPLICATIONS "packets");
    applications->octets = number32(root, APPLICATIONS "octets");
    applications->scans_per_s = config->offline ? 0 : number32(root, APPLICATIONS "scansPerSecond");
    return copy_text(root, APPLICATIONS "compiledRules", applications->store,
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
    else if (strcmp(name, "cache") == 0)
        read_cache(child, config);
    else if (strcmp(name, "applications") == 0)
        read_rule_files(child, config);
    else if (strcmp(name, "exportingProcess") == 0)
        return read_exporting(child, config, error);
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
    config->workers = number32(root, "workers");
    config->hash_ports = truth(root, "hashPorts");
    read_flood_policy(root, config);
    if (!read_applications(root, config, error))
        return false;
    config->local_count = read_prefixes(root, "localNetwork", config->local);
    if (!copy_text(root, "stateDirectory", config->state_directory, sizeof config->state_directory,
                   error))
        return false;
    return copy_text(root, "ledgerFile", config->ledger_path, sizeof config->ledger_path, error);
}

struct probe_config *probe_config_from_tree(const struct config_tree *tree, struct error *error)
{
    struct probe_config *config = calloc(1, sizeof *config);
    if (!config) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (read_root(tree->root, config, error)) {
        config->exporting.sampling_interval = config->sampling_interval;
        config->exporting.offline = config->offline;
        config->exporting.vlan_is_key = config->vlan_in_key;
        if (model_check(config, error))
            return config;
    }
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
