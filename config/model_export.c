/* The exporting processes and their destinations, from a valid tree. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_tree.h"
#include "element/element.h"
#include "model_read.h"

enum { PORT_IPFIX = 4739, PORT_IPFIX_SECURE = 4740, PORT_NETFLOW = 2055 };
enum { CLIENT_PORT_RECORDS = 65536, CLIENT_PORT_WINDOW_S = 60 };
#define AGGREGATION "recordAggregation/"
#define PROCESS     "/spanflow/exportingProcess[name='%s']"

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

#define SECURITY "transportLayerSecurity/"

/* Whether TLS or DTLS is asked for, by a container that is there or not. */
static bool is_secure(const struct lyd_node *exporter)
{
    struct lyd_node *found = NULL;
    return lyd_find_path(exporter, "transportLayerSecurity", 0, &found) == LY_SUCCESS;
}

static bool read_security(const struct lyd_node *exporter, struct destination_config *destination,
                          struct error *error)
{
    destination->unverified = !model_truth(exporter, SECURITY "verifyCollector");
    return model_text(exporter, SECURITY "certificate", destination->certificate,
                      sizeof destination->certificate, error) &&
           model_text(exporter, SECURITY "privateKey", destination->private_key,
                      sizeof destination->private_key, error) &&
           model_text(exporter, SECURITY "certificationAuthority", destination->authority,
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
    destination->port = (uint16_t)model_number(exporter, "destinationPort", port);
    destination->domain = model_number32(exporter, "observationDomainId");
    destination->time_unit = model_word(time_units, config_tree_value(exporter, "timeUnit"));
    return model_text(exporter, "destinationAddress", destination->host, sizeof destination->host,
                      error) &&
           model_text(exporter, "sourceAddress", destination->source_address,
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
    destination->version = (unsigned)model_number(udp, "ipfixVersion", version);
    if (destination->version == 5 && destination->profile == PROFILE_PLAIN)
        destination->profile = PROFILE_V5;
    destination->mtu = model_number32(udp, "maxPacketSize");
    destination->rate = model_number(udp, "recordRateLimit", 0);
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
        destination->domain = model_number32(writer, "observationDomainId");
        destination->time_unit = model_word(time_units, config_tree_value(writer, "timeUnit"));
        destination->rotation_s = model_number32(writer, "rotationTime");
        destination->rotation_octets = model_number(writer, "rotationSize", 0);
        destination->checksum = model_truth(writer, "messageChecksum");
        destination->zstd = strcmp(config_tree_value(writer, "compression"), "zstd") == 0;
    }
    return model_text(writer, "file", destination->path, sizeof destination->path, error);
}

static bool read_kafka(const struct lyd_node *kafka, struct destination_config *destination,
                       struct error *error)
{
    destination->kind = DESTINATION_KAFKA;
    destination->version = 10;
    destination->format = model_word(kafka_formats, config_tree_value(kafka, "format"));
    destination->domain = model_number32(kafka, "observationDomainId");
    destination->time_unit = model_word(time_units, config_tree_value(kafka, "timeUnit"));
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
    return model_text(kafka, "topic", destination->topic, sizeof destination->topic, error) &&
           model_text(kafka, "compression", destination->compression,
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
            (uint32_t)model_number(entry, AGGREGATION "tableSize", CLIENT_PORT_RECORDS);
        destination->client_port_window_s =
            (uint32_t)model_number(entry, AGGREGATION "timeout", CLIENT_PORT_WINDOW_S);
    }
    return model_text(entry, "anonymisationKeyFile", destination->anonymisation_key,
                      sizeof destination->anonymisation_key, error);
}

static bool read_destination(const struct lyd_node *entry, struct cache_config *cache,
                             struct error *error)
{
    struct exporting_process_config *exporting = &cache->exporting;
    check(exporting->destination_count < DESTINATIONS_MAX);
    struct destination_config *destination =
        &exporting->destinations[exporting->destination_count++];
    if (!model_text(entry, "name", destination->name, sizeof destination->name, error))
        return false;
    destination->profile = model_word(profiles, config_tree_value(entry, "profile"));
    destination->aggregates = cache->flood.new_flows_per_s != 0;
    destination->biflow = model_truth(entry, "biflow");
    destination->scale = model_truth(entry, "scaleCounters");
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
            error_set(error, PROCESS "/destination[name='%.200s']/%s/%s", cache->exporter_name,
                      destination->name, name, inner.text);
            return false;
        }
    }
    struct error inner = {""};
    if (read_elements(entry, destination, &inner) && read_changes(entry, destination, &inner))
        return true;
    error_set(error, PROCESS "/destination[name='%.200s']/%s", cache->exporter_name,
              destination->name, inner.text);
    return false;
}

static bool read_group(const struct lyd_node *entry, struct exporting_process_config *exporting,
                       struct error *error)
{
    check(exporting->group_count < DESTINATIONS_MAX);
    struct export_group *group = &exporting->groups[exporting->group_count++];
    group->mode = model_word(export_modes, config_tree_value(entry, "exportMode"));
    group->hold_s = model_number32(entry, "holdTime");
    return model_text(entry, "name", group->name, sizeof group->name, error);
}

bool model_read_exporting(const struct lyd_node *node, struct cache_config *cache,
                          struct error *error)
{
    struct exporting_process_config *exporting = &cache->exporting;
    struct error inner = {""};
    exporting->template_refresh_s = model_number32(node, "templateRefreshTimeout");
    exporting->template_refresh_messages = model_number32(node, "templateRefreshPacket");
    exporting->statistics_interval_s = model_number32(node, "statisticsTimeout");
    exporting->queue_octets_max = model_number32(node, "queueSize");
    exporting->replay_rate = model_number32(node, "spool/replayRate");
    cache->spool_octets_max = model_number(node, "spool/maxSize", 0);
    bool fits = model_text(node, "spool/directory", cache->spool_directory,
                           sizeof cache->spool_directory, &inner);
    for (const struct lyd_node *child = lyd_child(node); fits && child; child = child->next)
        if (strcmp(child->schema->name, "deliveryGroup") == 0)
            fits = read_group(child, exporting, &inner);
    if (!fits) {
        error_set(error, PROCESS "/%s", cache->exporter_name, inner.text);
        return false;
    }
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (strcmp(child->schema->name, "destination") == 0 &&
            !read_destination(child, cache, error))
            return false;
    return true;
}
