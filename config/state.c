/* The sections of state, one function each, in the order of STATE_SECTIONS. */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/md5.h"
#include "state_applications.h"
#include "state_export.h"
#include "state_json.h"
#include "state_lists.h"
#include "state_snapshot.h"

typedef void section_function(struct state_json *json, json_t *state,
                              const struct state_facts *facts);

static void add_terms(struct state_json *json, json_t *object, const struct ledger_terms *terms)
{
    state_set_pair(json, object, "observed", &terms->observed);
    state_set_reasons(json, object, "filtered", terms->filtered, ledger_filtered_names,
                      FILTERED_COUNT);
    state_set_reasons(json, object, "ignored", terms->ignored, ledger_ignored_names, IGNORED_COUNT);
    state_set_reasons(json, object, "dropped", terms->dropped, ledger_dropped_names, DROPPED_COUNT);
    json_t *metered = state_set_pair(json, object, "metered", &terms->metered);
    state_set_large(json, metered, "frameOctets", terms->metered_frame.octets);
    state_set_large(json, metered, "flows", terms->flows);
    state_set_pair(json, object, "exported", &terms->exported);
    state_set_pair(json, object, "cached", &terms->cached);
    state_set_pair(json, object, "inKernel", &terms->in_kernel);
    state_set_reasons(json, object, "lost", terms->lost, ledger_lost_names, LOST_COUNT);
    state_set_large(json, object, "recordsOut", terms->records_out);
}

static json_t *ledger_object(struct state_json *json, const struct ledger *ledger)
{
    struct error problem = {""};
    json_t *object = json_object();
    bool balanced = ledger_balanced(ledger, &problem);
    state_set_truth(json, object, "balanced", balanced);
    if (!balanced)
        state_set_text(json, object, "problem", problem.text);
    add_terms(json, object, &ledger->probe);
    json_t *replays = json_object();
    state_set_large(json, replays, "count", ledger->replays.count);
    state_set_large(json, replays, "found", ledger->replays.found);
    state_set_large(json, replays, "sent", ledger->replays.sent);
    state_set_large(json, replays, "lost", ledger->replays.lost);
    state_set(json, object, "replays", replays);
    return object;
}

/* ---- sections ---- */

static void add_PROBE(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    static const struct {
        const char *name;
        bool on;
    } features[] = {{"dpdk", SPANFLOW_DPDK},
                    {"xdp", SPANFLOW_XDP},
                    {"hyperscan", SPANFLOW_HYPERSCAN},
                    {"zstd", SPANFLOW_ZSTD},
                    {"kafka", SPANFLOW_KAFKA}};
    json_t *probe = json_object(), *list = json_array();
    state_set_text(json, probe, "version", SPANFLOW_VERSION);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (features[i].on)
            state_append(json, list, json_string(features[i].name));
    state_set(json, probe, "feature", list);
    state_set_time(json, probe, "startTime", facts->start_ns);
    state_set_text(json, probe, "runMode", facts->is_volatile ? "volatile" : "stored");
    if (!facts->is_volatile && facts->store)
        state_set_text(json, probe, "store", facts->store);
    uint8_t digest[MD5_OCTETS];
    char hash[2 * MD5_OCTETS + 1];
    md5((const uint8_t *)facts->configuration, strlen(facts->configuration), digest);
    for (unsigned i = 0; i < MD5_OCTETS; i++)
        snprintf(hash + (size_t)2 * i, 3, "%02x", digest[i]);
    state_set_text(json, probe, "configurationHash", hash);
    state_set_large(json, probe, "applied", facts->applied);
    state_set_large(json, probe, "rebuilt", facts->rebuilt);
    state_set_truth(json, probe, "rebuilding", facts->rebuilding);
    state_set_large(json, probe, "unobservedTime", facts->unobserved_ns);
    state_set_text(json, probe, "vectorInstructions", facts->vector_instructions);
    state_set_large(json, probe, "clockSteps", facts->clock_steps);
    state_set(json, state, "probe", probe);
}

static void add_LEDGER(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    state_set(json, state, "ledger", ledger_object(json, facts->ledger));
}

static void add_WORKERS(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *list = json_array();
    for (uint32_t w = 0; w < facts->ledger->worker_count; w++) {
        json_t *worker = json_object();
        state_set_number(json, worker, "number", w);
        if (w < facts->worker_count && facts->cores[w] >= 0)
            state_set_number(json, worker, "cpu", (uint32_t)facts->cores[w]);
        add_terms(json, worker, &facts->ledger->workers[w]);
        state_append(json, list, worker);
    }
    state_set(json, state, "worker", list);
}

static json_t *port_object(struct state_json *json, const struct state_port *port)
{
    json_t *object = json_object(), *dropped = json_array();
    state_set_text(json, object, "name", port->name);
    state_set_text(json, object, "device", port->device);
    state_set_text(json, object, "driver", port->driver);
    if (port->mode)
        state_set_text(json, object, "mode", port->mode);
    state_set_number(json, object, "ifIndex", port->ifindex);
    if (port->link_known) {
        state_set_text(json, object, "link", port->link_up ? "up" : "down");
        state_set_large(json, object, "linkLosses", port->link_losses);
    }
    state_set_truth(json, object, "dropsVisible", port->drops_visible);
    state_set_pair(json, object, "observed", &port->observed);
    for (unsigned i = 0; i < DROPPED_COUNT; i++) {
        json_t *entry = json_object();
        state_set_text(json, entry, "reason", ledger_dropped_names[i]);
        state_set_large(json, entry, "packets", port->dropped[i].packets);
        state_append(json, dropped, entry);
    }
    state_set(json, object, "dropped", dropped);
    return object;
}

static void add_PORTS(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *list = json_array();
    for (uint32_t p = 0; p < facts->port_count; p++)
        state_append(json, list, port_object(json, &facts->ports[p]));
    state_set(json, state, "port", list);
}

#define ADD_COUNTER(name, help) state_add_counter(json, counters, #name, help, source->name);

/* The ledger of cache C. */
static const struct ledger *ledger_of(const struct state_facts *facts, uint32_t c)
{
    return c == 0 ? facts->ledger : facts->ledger->others[c - 1];
}

static json_t *ended_list(struct state_json *json, const struct flow_cache_counters *cache)
{
#define END_NAME(symbol, name) [symbol] = name,
    static const char *const end_names[FLOW_END_RESOURCES + 1] = {FLOW_END_NAMES(END_NAME)};
    json_t *ended = json_array();
    for (unsigned reason = 0; reason <= FLOW_END_RESOURCES; reason++) {
        if (!end_names[reason])
            continue;
        json_t *entry = json_object();
        state_set_text(json, entry, "reason", end_names[reason]);
        state_set_large(json, entry, "records", cache->ended[reason]);
        state_append(json, ended, entry);
    }
    return ended;
}

static json_t *cache_object(struct state_json *json, const struct state_facts *facts, uint32_t c)
{
    const struct cache_config *config = &facts->config->caches[c];
    const struct flow_cache_counters *cache = &ledger_of(facts, c)->cache;
    json_t *object = json_object(), *counters = json_array();
    state_set_text(json, object, "name", config->name);
    state_set_number(json, object, "maxFlows", config->flows_max);
    state_set_large(json, object, "flows", cache->flood.occupancy);
    state_set_large(json, object, "flowsPeak", cache->flood.occupancy_peak);
    state_set_number(json, object, "admissionLevel", (uint32_t)cache->flood.level);
    state_set_large(json, object, "memory", facts->caches[c].memory);
    state_set_text(json, object, "pages", facts->caches[c].pages);
    state_set(json, object, "ended", ended_list(json, cache));
    {
        const struct flow_cache_counters *source = cache;
        FLOW_CACHE_COUNTERS(ADD_COUNTER)
    }
    {
        const struct flood_counters *source = &cache->flood;
        FLOOD_COUNTERS(ADD_COUNTER)
    }
    state_set(json, object, "counter", counters);
    return object;
}

static void add_CACHES(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *list = json_array();
    for (uint32_t c = 0; c < facts->config->cache_count; c++)
        state_append(json, list, cache_object(json, facts, c));
    state_set(json, state, "cache", list);
}

static void add_EXPORTING(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *list = json_array();
    for (uint32_t c = 0; c < facts->config->cache_count; c++) {
        const struct cache_config *config = &facts->config->caches[c];
        const struct state_export exporting = {.name = config->exporter_name,
                                               .config = &config->exporting,
                                               .description = facts->caches[c].exporting,
                                               .wall_ns = facts->monotonic_zero_ns};
        state_append(json, list, state_export_object(json, ledger_of(facts, c), &exporting));
    }
    state_set(json, state, "exportingProcess", list);
}

static void add_PARSER(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *part = json_object(), *counters = json_array();
    {
        const struct parser_counters *source = &facts->ledger->parser;
        PARSER_COUNTERS(ADD_COUNTER)
    }
    {
        const struct duplicate_counters *source = &facts->ledger->duplicates;
        DUPLICATE_COUNTERS(ADD_COUNTER)
    }
    state_set(json, part, "counter", counters);
    state_set(json, state, "parser", part);
}

static void add_APPLICATIONS(struct state_json *json, json_t *state,
                             const struct state_facts *facts)
{
    state_set(json, state, "applications",
              state_applications_object(json, &facts->rules, &facts->ledger->applications));
}

static void add_ALERTS(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    state_set(json, state, "alerts", state_alerts_object(json, &facts->alerts));
}

static void add_LISTS(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    state_set(json, state, "lists", state_lists_object(json, &facts->lists));
}

static void add_NAMES(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *part = json_object(), *counters = json_array();
    const struct name_finder_counters *source = &facts->ledger->names;
    const struct flow_names *wanted = &facts->config->names.wanted;
    state_set_truth(json, part, "sought", (wanted->clear | wanted->hashed) != 0);
    NAME_FINDER_COUNTERS(ADD_COUNTER)
    NAME_WORKSPACE_COUNTERS(ADD_COUNTER)
    state_set(json, part, "counter", counters);
    state_set(json, state, "names", part);
}

static void add_KERNEL(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *part = json_object(), *counters = json_array();
    const struct kernel_counters *source = &facts->ledger->kernel;
    state_set_number(json, part, "maxFlows", facts->config->caches[0].kernel_flows);
    state_set_pair(json, part, "observed", &facts->ledger->counted);
    KERNEL_COUNTERS(ADD_COUNTER)
    state_set(json, part, "counter", counters);
    state_set(json, state, "kernelFlows", part);
}

static void add_SNAPSHOT(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *part = state_snapshot_object(json, &facts->snapshot, facts->ledger);
    if (facts->snapshot.flow_history)
        state_set(json, part, "flowHistory", facts->snapshot.flow_history);
    state_set(json, state, "snapshot", part);
}

static void add_NETCONF(struct state_json *json, json_t *state, const struct state_facts *facts)
{
    json_t *part = json_object(), *counters = json_array();
    const struct state_netconf *source = &facts->netconf;
    STATE_NETCONF_COUNTERS(ADD_COUNTER)
    state_set(json, part, "counter", counters);
    state_set(json, state, "netconf", part);
}

#define SECTION_ROW(symbol, name) {name, add_##symbol},
static const struct {
    const char *name;
    section_function *add;
} sections_table[STATE_SECTION_COUNT] = {STATE_SECTIONS(SECTION_ROW)};

/* ---- requests and answers ---- */

static unsigned section_bit(const char *name)
{
    for (unsigned i = 0; name && i < STATE_SECTION_COUNT; i++)
        if (strcmp(sections_table[i].name, name) == 0)
            return 1u << i;
    return 0;
}

unsigned state_sections_read(const char *json, size_t length, struct error *mistake)
{
    if (length == 0)
        return STATE_ALL;
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *names = json_object_get(object, "sections");
    unsigned sections = 0;
    size_t index;
    json_t *name;
    if (json_is_object(object) && json_object_size(object) == 0)
        sections = STATE_ALL;
    else if (!json_is_array(names) || json_object_size(object) != 1)
        error_set(mistake, "state: give {\"sections\":[NAME,...]} or {}");
    json_array_foreach(names, index, name)
    {
        unsigned bit = section_bit(json_string_value(name));
        sections |= bit;
        if (bit)
            continue;
        error_set(mistake, "state: there is no section \"%.64s\"",
                  json_is_string(name) ? json_string_value(name) : "");
        sections = 0;
        break;
    }
    if (!sections && !mistake->text[0])
        error_set(mistake, "state: no section is asked for");
    json_decref(object);
    return mistake->text[0] ? 0 : sections;
}

/* {TOP:{INNER:VALUE}} as text; VALUE is taken. */
static char *wrap(struct state_json *json, const char *top, const char *inner, json_t *value)
{
    json_t *middle = json_object();
    state_set(json, middle, inner, value);
    return state_answer(json, top, middle);
}

char *state_json(const struct state_facts *facts, unsigned sections)
{
    struct state_json json = {false};
    json_t *state = json_object();
    for (unsigned i = 0; i < STATE_SECTION_COUNT; i++)
        if (sections & 1u << i)
            sections_table[i].add(&json, state, facts);
    return wrap(&json, "spanflow:spanflow", "state", state);
}

char *state_ledger_answer(const struct ledger *ledger)
{
    struct state_json json = {false};
    json_t *object = ledger_object(&json, ledger), *ring = json_object();
    state_snapshot_account(&json, ring, ledger);
    state_set(&json, object, "snapshot", ring);
    return wrap(&json, "spanflow:ledger", "ledger", object);
}
