/* Destinations with their account, transport session and templates, and delivery groups. */
#include "state_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "element/element.h"
#include "template/template.h"

static const char *const transport_names[] = {
    [DESTINATION_UDP] = "udp",   [DESTINATION_FILE] = "file",  [DESTINATION_JSON] = "json",
    [DESTINATION_TCP] = "tcp",   [DESTINATION_TLS] = "tls",    [DESTINATION_DTLS] = "dtls",
    [DESTINATION_SCTP] = "sctp", [DESTINATION_KAFKA] = "kafka"};
static const char *const profile_names[PROFILE_COUNT] = {
    [PROFILE_PLAIN] = "plain",           [PROFILE_NFDUMP] = "nfdump", [PROFILE_SILK] = "silk",
    [PROFILE_FLUENTD_V9] = "fluentd-v9", [PROFILE_V5] = "v5",         [PROFILE_FULL] = "full",
    [PROFILE_ELEMENTS] = "own"};

/* ---- templates ---- */

static json_t *field_object(struct state_json *json, uint32_t position, uint16_t field)
{
    const struct element_info *element = &element_table[field];
    json_t *object = json_object();
    state_set_number(json, object, "position", position);
    state_set_text(json, object, "name", element->name);
    state_set_number(json, object, "enterprise", element->pen);
    state_set_number(json, object, "elementId", element->id);
    state_set_number(json, object, "length", element->octets);
    return object;
}

/* The names of options templates, by enum options_kind and what comes behind it. */
static const char *const options_names[] = {
    [OPTIONS_TYPES] = "types",
    [OPTIONS_SAMPLING] = "sampling",
    [OPTIONS_SAMPLING_ALGORITHM] = "sampling-algorithm",
    [OPTIONS_INTERFACES] = "interfaces",
    [OPTIONS_APPLICATIONS] = "applications",
    [OPTIONS_APPLICATIONS_9] = "applications",
    [OPTIONS_LISTS] = "lists",
    [OPTIONS_BRANDS] = "brands",
    [OPTIONS_FLOW_KEYS] = "flow-keys",
    [OPTIONS_ANONYMISATION] = "anonymisation",
    [OPTIONS_EXPORTED] = "exported",
    [OPTIONS_METERING_LOSS] = "metering-loss",
    [OPTIONS_EXPORTING_LOSS] = "exporting-loss",
    [OPTIONS_PROBE] = "probe",
    [DESCRIBED_WINDOW - DESCRIBED_OPTIONS] = "file-window",
    [DESCRIBED_CHECKSUM - DESCRIBED_OPTIONS] = "file-checksum",
};

static void kind_in_words(unsigned kind, char words[48])
{
    if (kind >= DESCRIBED_OPTIONS)
        snprintf(words, 48, "options-%s", options_names[kind - DESCRIBED_OPTIONS]);
    else
        snprintf(words, 48, "%s%s%s%s", kind & TEMPLATE_IPV6 ? "ipv6" : "ipv4",
                 kind & TEMPLATE_ICMP ? "-icmp" : "", kind & TEMPLATE_BIFLOW ? "-biflow" : "",
                 kind & TEMPLATE_AGGREGATE ? "-aggregate" : "");
}

static json_t *template_object(struct state_json *json, const struct template_description *template)
{
    char words[48];
    json_t *object = json_object(), *fields = json_array();
    kind_in_words(template->kind, words);
    state_set_number(json, object, "id", template->id);
    state_set_text(json, object, "kind", words);
    state_set_number(json, object, "octets", template->octets);
    if (template->kind >= DESCRIBED_OPTIONS)
        state_set_number(json, object, "scopeFields", template->scope_count);
    for (uint32_t f = 0; f < template->field_count; f++)
        state_append(json, fields, field_object(json, f + 1, template->fields[f]));
    state_set(json, object, "field", fields);
    return object;
}

/* Ids are a function of the field list, so kinds with the same fields share a template. */
static bool id_is_new(const struct destination_description *description, uint32_t index)
{
    for (uint32_t earlier = 0; earlier < index; earlier++)
        if (description->templates[earlier].id == description->templates[index].id)
            return false;
    return true;
}

static void add_templates(struct state_json *json, json_t *object,
                          const struct destination_description *description, uint64_t zero_ns)
{
    json_t *list = json_array();
    /* None was sent yet, or there are none. */
    uint32_t count = description->templates_sent_ns ? description->template_count : 0;
    for (uint32_t t = 0; t < count; t++)
        if (description->templates[t].id && id_is_new(description, t))
            state_append(json, list, template_object(json, &description->templates[t]));
    if (count)
        state_set_time(json, object, "templatesSent", zero_ns + description->templates_sent_ns);
    state_set(json, object, "template", list);
}

/* ---- destinations ---- */

static void add_account(struct state_json *json, json_t *object,
                        const struct destination_counters *counters)
{
    const struct {
        const char *name;
        uint64_t value;
    } terms[] = {{"records", counters->records},
                 {"sent", counters->sent},
                 {"queued", counters->queued},
                 {"spooled", counters->spooled},
                 {"dataRecords", counters->data_records},
                 {"messages", counters->messages},
                 {"octets", counters->octets},
                 {"recovered", counters->recovered},
                 {"recoveredSent", counters->recovered_sent},
                 {"recoveredLost", counters->recovered_lost}};
    json_t *lost = json_array();
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        state_set_large(json, object, terms[i].name, terms[i].value);
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++) {
        json_t *entry = json_object();
        state_set_text(json, entry, "reason", ledger_destination_lost_names[i]);
        state_set_large(json, entry, "records", counters->lost[i]);
        state_append(json, lost, entry);
    }
    state_set(json, object, "lost", lost);
}

/* DESCRIPTION may be NULL. */
static void add_connection(struct state_json *json, json_t *object,
                           const struct transport_report *report,
                           const struct destination_description *description, uint64_t zero_ns)
{
    json_t *connection = json_object(), *counters = json_array();
    state_set_text(json, connection, "state", ledger_transport_states[report->state]);
    if (report->last_error[0])
        state_set_text(json, connection, "lastError", report->last_error);
    if (description && description->session_since_ns)
        state_set_time(json, connection, "since", zero_ns + description->session_since_ns);
#define ADD_TRANSPORT_COUNTER(name, help)                                                          \
    state_add_counter(json, counters, #name, help, report->name);
    TRANSPORT_COUNTERS(ADD_TRANSPORT_COUNTER)
    state_set(json, connection, "counter", counters);
    state_set(json, object, "connection", connection);
}

static void add_spool(struct state_json *json, json_t *object, const struct spool_account *spool)
{
    if (!spool->on)
        return;
    json_t *part = json_object();
    state_set_truth(json, part, "failing", spool->failing);
    state_set_large(json, part, "octets", spool->octets);
    state_set_large(json, part, "octetsMax", spool->octets_max);
    state_set_large(json, part, "files", spool->files);
    state_set_large(json, part, "oldestAge", spool->oldest_age_s);
    state_set(json, object, "spool", part);
}

/* The destination that a row of the ledger is about; NULL: it is not configured any more. */
static const struct destination_config *
find_destination(const struct exporting_process_config *exporting, const char *name)
{
    for (uint32_t d = 0; d < exporting->destination_count; d++)
        if (strcmp(exporting->destinations[d].name, name) == 0)
            return &exporting->destinations[d];
    return NULL;
}

static void add_configured(struct state_json *json, json_t *object,
                           const struct exporting_process_config *exporting,
                           const struct destination_config *destination)
{
    if (destination->group)
        state_set_text(json, object, "group", exporting->groups[destination->group - 1].name);
    state_set_text(json, object, "transport", transport_names[destination->kind]);
    state_set_text(json, object, "profile", profile_names[destination->profile]);
    if (!destination_is_json(destination)) {
        state_set_number(json, object, "version", destination->version);
        state_set_number(json, object, "observationDomainId", destination->domain);
    }
}

/* What the exporter said of the destination in row D of the ledger; NULL: nothing. The row of one
 * that is being changed has a predecessor, too. */
static const struct destination_description *find_description(const struct state_export *facts,
                                                              uint32_t d, const char *name)
{
    const struct destination_description *found = NULL;
    uint32_t count = facts->description ? facts->description->destination_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct destination_description *one = &facts->description->destinations[i];
        if (one->row == d && strcmp(one->name, name) == 0 && (!found || found->leaving))
            found = one;
    }
    return found;
}

static json_t *destination_object(struct state_json *json, const struct ledger *ledger, uint32_t d,
                                  const struct state_export *facts)
{
    const struct destination_counters *counters = &ledger->destinations[d];
    const char *name = ledger->places[d].name;
    const struct destination_config *destination = find_destination(facts->config, name);
    const struct destination_description *description = find_description(facts, d, name);
    json_t *object = json_object();
    state_set_text(json, object, "name", name);
    if (destination)
        add_configured(json, object, facts->config, destination);
    add_account(json, object, counters);
    add_connection(json, object, &counters->connection, description, facts->wall_ns);
    add_spool(json, object, &counters->spool);
    if (description && description->version) {
        state_set_large(json, object, "sequenceNumber", description->sequence);
        add_templates(json, object, description, facts->wall_ns);
    }
    return object;
}

json_t *state_export_object(struct state_json *json, const struct ledger *ledger,
                            const struct state_export *facts)
{
    json_t *object = json_object(), *destinations = json_array(), *groups = json_array();
    state_set_text(json, object, "name", facts->name);
    for (uint32_t d = 0; d < ledger->destination_count; d++)
        state_append(json, destinations, destination_object(json, ledger, d, facts));
    for (uint32_t g = 0; g < ledger->group_count; g++) {
        json_t *group = json_object();
        state_set_text(json, group, "name", ledger->groups[g].name);
        state_set_text(json, group, "exportMode", ledger_mode_names[ledger->groups[g].mode]);
        state_set_large(json, group, "records", ledger_group_records(ledger, g));
        state_append(json, groups, group);
    }
    state_set(json, object, "destination", destinations);
    state_set(json, object, "deliveryGroup", groups);
    return object;
}
