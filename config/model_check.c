/* What the YANG module cannot say about a configuration. Every complaint names its leaf. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

#include "model.h"
#include "packet/packet_filter.h"
#include "source_match.h"
#include "template/template.h"

#define SELECTION   "/spanflow/selectionProcess[name='%s']"
#define PROCESS     "/spanflow/exportingProcess[name='%s']"
#define DESTINATION PROCESS "/destination[name='%.100s']"

bool model_check_filter(const char *expression, struct error *error)
{
    struct error inner = {""};
    struct packet_filter *filter = packet_filter_create(expression, &inner);
    if (!filter)
        error_set(error, "%s; see pcap-filter(7)", inner.text);
    packet_filter_destroy(filter);
    return filter != NULL;
}

static bool check_filters(const struct probe_config *config, struct error *error)
{
    struct error inner = {""};
    if (config->filter[0] && !model_check_filter(config->filter, &inner)) {
        error_set(error, SELECTION "/filter: %s", config->selection_name, inner.text);
        return false;
    }
    for (uint32_t i = 0; i < config->source_count; i++) {
        const struct source_config *source = &config->sources[i];
        if (source->filter[0] && !model_check_filter(source->filter, &inner)) {
            error_set(error, "/spanflow/observationPoint[name='%s']/filter: %s", source->name,
                      inner.text);
            return false;
        }
    }
    return true;
}

/* CONFIG's applications are wanted by auto only where they can be found, else by on. */
static bool check_applications(const struct probe_config *config, struct error *error)
{
    if (SPANFLOW_HYPERSCAN || !config->applications.wanted)
        return true;
    error_set(error, "/spanflow/applications/identify: finding applications is not in this build; "
                     "say auto or off");
    return false;
}

static bool check_source(const struct source_config *source, struct error *error)
{
    bool xdp = source->interface[0] != '\0';
    const bool there[] = {SPANFLOW_DPDK, SPANFLOW_XDP};
    static const char *const names[] = {"DPDK", "XDP"};
    static const char *const kinds[] = {"dpdk: and af_packet:", "xdp:"};
    if (!there[xdp]) {
        error_set(
            error, "/spanflow/observationPoint[name='%s']/%s: %s is not in this build; it %s%s",
            source->name, xdp ? "xdp" : "device", names[xdp],
            there[!xdp] ? "has " : "reads capture files only", there[!xdp] ? kinds[!xdp] : "");
        return false;
    }
    if (xdp && source->xdp.attach == XDP_ATTACH_GENERIC &&
        source->xdp.frames == XDP_FRAMES_ZERO_COPY) {
        error_set(error,
                  "/spanflow/observationPoint[name='%s']/xdp/copy: zero copy needs native mode; "
                  "give auto or copy",
                  source->name);
        return false;
    }
    if (xdp && source->device_time) {
        error_set(error,
                  "/spanflow/observationPoint[name='%s']/timeSource: AF_XDP sockets bring no time "
                  "of the device; give system",
                  source->name);
        return false;
    }
    return true;
}

static bool check_sources(const struct probe_config *config, struct error *error)
{
    for (uint32_t i = 0; i < config->source_count; i++) {
        if (!check_source(&config->sources[i], error))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            const struct source_config *a = &config->sources[j];
            const struct source_config *b = &config->sources[i];
            bool device = source_is_same_device(a, b);
            bool same_index = a->ifindex && a->ifindex == b->ifindex;
            if (!device && !same_index)
                continue;
            error_set(error,
                      "/spanflow/observationPoint[name='%s']/%s: the same as that of '%s'; "
                      "give each its own",
                      b->name,
                      !device           ? "ifIndex"
                      : b->interface[0] ? "xdp/interface"
                                        : "device",
                      a->name);
            return false;
        }
    }
    return true;
}

/* The container of a destination's leaves. */
static const char *container_of(const struct destination_config *destination)
{
    static const char *const names[] = {
        [DESTINATION_UDP] = "udpExporter",   [DESTINATION_DTLS] = "udpExporter",
        [DESTINATION_TCP] = "tcpExporter",   [DESTINATION_TLS] = "tcpExporter",
        [DESTINATION_SCTP] = "sctpExporter", [DESTINATION_FILE] = "fileWriter",
        [DESTINATION_JSON] = "jsonWriter",   [DESTINATION_KAFKA] = "kafkaExporter"};
    return names[destination->kind];
}

/* Two message streams with one domain at one collector mix up their templates; in one topic they
 * mix up their sequence numbers, or give every record twice. */
static bool same_stream(const struct destination_config *a, const struct destination_config *b)
{
    if (a->kind == DESTINATION_KAFKA)
        return a->kind == b->kind && strcmp(a->topic, b->topic) == 0 &&
               strcmp(a->brokers, b->brokers) == 0 &&
               (a->domain == b->domain || destination_is_json(a) || destination_is_json(b));
    return destination_has_collector(a->kind) && a->kind == b->kind && a->port == b->port &&
           a->domain == b->domain && strcmp(a->host, b->host) == 0;
}

/* Whether two names lead to one file: they are equal, or it is there already as a regular file. */
static bool same_path(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && S_ISREG(first.st_mode) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static bool same_file(const struct destination_config *a, const struct destination_config *b)
{
    return !destination_has_collector(a->kind) && !destination_has_collector(b->kind) &&
           same_path(a->path, b->path);
}

/* The ledger may follow JSON lines on standard output, but not IPFIX messages. */
static bool ledger_spoils(const struct probe_config *config, const struct destination_config *to)
{
    if (destination_has_collector(to->kind) || !config->ledger_path[0])
        return false;
    if (strcmp(to->path, "-") == 0)
        return to->kind == DESTINATION_FILE && strcmp(config->ledger_path, "-") == 0;
    return same_path(to->path, config->ledger_path);
}

static int address_family(const char *address)
{
    unsigned char octets[16];
    if (inet_pton(AF_INET, address, octets) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, address, octets) == 1 ? AF_INET6 : AF_UNSPEC;
}

static bool check_source_address(const struct cache_config *cache,
                                 const struct destination_config *to, struct error *error)
{
    if (!destination_has_collector(to->kind))
        return true;
    int host = address_family(to->host), source = address_family(to->source_address);
    if (host == source || host == AF_UNSPEC || source == AF_UNSPEC)
        return true;
    error_set(error,
              DESTINATION "/%s/sourceAddress: '%s' is not of the collector's address family; give "
                          "another",
              cache->exporter_name, to->name, container_of(to), to->source_address);
    return false;
}

/* A destination with the cache whose records it gets. */
struct place {
    const struct cache_config *cache;
    const struct destination_config *to;
};

/* Says why one topic is not for both A and B: only IPFIX messages have domains. */
static void refuse_stream(const struct place *a, const struct place *b, struct error *error)
{
    bool json = destination_is_json(a->to) || destination_is_json(b->to);
    if (json)
        error_set(error, DESTINATION "/kafkaExporter/topic: '%.100s' writes %s; give another topic",
                  b->cache->exporter_name, b->to->name, a->to->name,
                  destination_is_json(a->to) == destination_is_json(b->to)
                      ? "the same records to it already"
                      : "another format to it, and no consumer can tell them apart");
    else
        error_set(error,
                  DESTINATION "/%s/observationDomainId: the collector and domain of '%.100s'; give "
                              "another domain",
                  b->cache->exporter_name, b->to->name, container_of(b->to), a->to->name);
}

static bool check_pair(const struct place *a, const struct place *b, struct error *error)
{
    if (same_stream(a->to, b->to)) {
        refuse_stream(a, b, error);
        return false;
    }
    if (!same_file(a->to, b->to))
        return true;
    error_set(error, DESTINATION "/%s/file: '%.100s' writes it already; give another",
              b->cache->exporter_name, b->to->name, container_of(b->to), a->to->name);
    return false;
}

static bool check_destination(const struct probe_config *config, const struct place *it,
                              struct error *error)
{
    const struct destination_config *to = it->to;
    struct error inner = {""};
    if (!destination_config_check(to, &inner) ||
        !destination_sampling_check(to, it->cache->exporting.sampling_interval, &inner)) {
        if (inner.text[0] == '/')
            *error = inner;
        else
            error_set(error, DESTINATION ": %s", it->cache->exporter_name, to->name, inner.text);
        return false;
    }
    if (!SPANFLOW_ZSTD && to->zstd) {
        error_set(error,
                  DESTINATION "/fileWriter/compression: zstd is not in this build; give none",
                  it->cache->exporter_name, to->name);
        return false;
    }
    if (!SPANFLOW_KAFKA && to->kind == DESTINATION_KAFKA) {
        error_set(error,
                  DESTINATION "/kafkaExporter: Kafka is not in this build; choose another "
                              "destination",
                  it->cache->exporter_name, to->name);
        return false;
    }
    if (ledger_spoils(config, to)) {
        error_set(error, "/spanflow/ledgerFile: '%.100s' writes it already; give another",
                  to->name);
        return false;
    }
    return check_source_address(it->cache, to, error);
}

/* Every destination by itself, and against those before it, of all caches. */
static bool check_destinations(const struct probe_config *config, struct error *error)
{
    struct place places[CACHES_MAX * DESTINATIONS_MAX];
    uint32_t count = 0;
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct cache_config *cache = &config->caches[c];
        for (uint32_t i = 0; i < cache->exporting.destination_count; i++, count++) {
            places[count] = (struct place){cache, &cache->exporting.destinations[i]};
            if (!check_destination(config, &places[count], error))
                return false;
            for (uint32_t j = 0; j < count; j++)
                if (!check_pair(&places[j], &places[count], error))
                    return false;
        }
    }
    return true;
}

/* A group that nobody belongs to is a name written in two ways. */
static bool check_groups(const struct cache_config *cache, struct error *error)
{
    const struct exporting_process_config *exporting = &cache->exporting;
    for (uint32_t g = 0; g < exporting->group_count; g++) {
        bool found = false;
        for (uint32_t i = 0; i < exporting->destination_count; i++)
            found |= exporting->destinations[i].group == g + 1;
        if (found)
            continue;
        error_set(error,
                  PROCESS "/deliveryGroup[name='%s']: no destination has this group; remove it, or "
                          "give group=%s to some",
                  cache->exporter_name, exporting->groups[g].name, exporting->groups[g].name);
        return false;
    }
    return true;
}

static bool is_capture(const struct probe_config *config, const char *path)
{
    for (uint32_t i = 0; i < config->file_count; i++)
        if (strcmp(path, "-") != 0 && same_path(config->files[i], path))
            return true;
    return false;
}

/* Writing would destroy what is to be read. */
static bool check_captures(const struct probe_config *config, struct error *error)
{
    const char *path = config->ledger_path;
    bool clash = is_capture(config, path);
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t i = 0; !clash && i < exporting->destination_count; i++) {
            path = exporting->destinations[i].path;
            clash = is_capture(config, path);
        }
    }
    if (clash)
        error_set(error, "/spanflow/captureFile: '%.100s' is also to be written; give another",
                  path);
    return !clash;
}

/* A spool that nobody can use is a promise that is not kept; two of one folder would mix. */
static bool check_spool(const struct probe_config *config, const struct cache_config *cache,
                        struct error *error)
{
    const struct exporting_process_config *exporting = &cache->exporting;
    bool usable = false;
    if (!cache->spool_directory[0])
        return true;
    for (uint32_t i = 0; i < exporting->destination_count; i++)
        usable |= destination_can_spool(exporting->destinations[i].kind);
    if (!usable) {
        error_set(error,
                  PROCESS "/spool/directory: no destination can be known to be away; give one over "
                          "TCP, TLS, DTLS, SCTP or Kafka, or remove the spool",
                  cache->exporter_name);
        return false;
    }
    for (const struct cache_config *other = config->caches; other < cache; other++) {
        if (strcmp(other->spool_directory, cache->spool_directory) != 0)
            continue;
        error_set(error, PROCESS "/spool/directory: that of '%s'; give each its own",
                  cache->exporter_name, other->exporter_name);
        return false;
    }
    return true;
}

/* What the kernel counts is not seen, so nothing may ask for it. */
static bool check_kernel_flows(const struct probe_config *config, const struct cache_config *cache,
                               struct error *error)
{
    const char *why = NULL;
    bool xdp = false;
    if (cache->kernel_flows == 0)
        return true;
    for (uint32_t i = 0; i < config->source_count; i++) {
        xdp |= config->sources[i].interface[0] != '\0';
        if (config->sources[i].filter[0])
            why = "a filter expression needs every packet";
    }
    if (config->filter[0])
        why = "a filter expression needs every packet";
    if (config->sampling_interval > 1)
        why = "sampling needs every packet";
    if (config->duplicate_window_ns)
        why = "leaving copies out needs every packet";
    if (config->tunnels)
        why = "opening tunnels needs every packet";
    if (!xdp)
        why = "only packets of an observation point with xdp can be counted in the kernel";
    if (why)
        error_set(error, "/spanflow/cache[name='%s']/kernelFlows: %s; leave it 0", cache->name,
                  why);
    return !why;
}

/* Copies come by another observation point; the module cannot count what the leaf-list source
 * stands for. */
static bool check_duplicates(const struct probe_config *config, struct error *error)
{
    if (config->duplicate_window_ns == 0 || config->offline || config->source_count != 1)
        return true;
    error_set(error,
              SELECTION
              "/duplicateWindow: copies are looked for on another observation point; there "
              "is only one: add another, or give 0",
              config->selection_name);
    return false;
}

static bool check_caches(const struct probe_config *config, struct error *error)
{
    bool exports = config->ledger_path[0] != '\0';
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct cache_config *cache = &config->caches[c];
        exports |= cache->exporting.destination_count > 0;
        if (!check_groups(cache, error) || !check_spool(config, cache, error) ||
            !check_kernel_flows(config, cache, error))
            return false;
    }
    if (!exports && probe_config_observes(config))
        error_set(error, "/spanflow: no destination; give -e, -n or a collector, or --ledger to "
                         "count only");
    return exports || !probe_config_observes(config);
}

bool probe_config_observes(const struct probe_config *config)
{
    return config->source_count > 0 || config->file_count > 0;
}

bool model_check_observes(const struct probe_config *config, struct error *error)
{
    if (probe_config_observes(config))
        return true;
    error_set(error, "/spanflow: nothing to observe; give -i, -r, or -c with a source, an "
                     "observationPoint or a captureFile");
    return false;
}

bool model_check(const struct probe_config *config, struct error *error)
{
    return check_sources(config, error) && check_duplicates(config, error) &&
           check_filters(config, error) && check_applications(config, error) &&
           check_destinations(config, error) && check_caches(config, error) &&
           check_captures(config, error);
}
