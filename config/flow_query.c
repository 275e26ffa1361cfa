/* Input of the operations, and flows as JSON. */
#include "flow_query.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/watch_set.h"
#include "filter_expression.h"
#include "operation_body.h"

enum { LIMIT_FLOWS = 100, LIMIT_FLOWS_MAX = 10000, LIMIT_TOP = 10, LIMIT_TOP_MAX = 1000 };

static const char *const operation_names[] = {[QUERY_FLOWS] = "spanflow:flows",
                                              [QUERY_TOP] = "spanflow:top",
                                              [QUERY_EXPIRE_ALL] = "spanflow:expire-all",
                                              [QUERY_LEDGER] = "spanflow:ledger"};
enum { OPERATIONS = sizeof operation_names / sizeof operation_names[0] };

/* ---- input ---- */

/* One leaf of the input; false and one line if its value is not possible. */
struct input_leaf {
    const char *name;
    unsigned kinds; /* set of 1 << enum flow_query_kind */
    bool (*read)(struct flow_query *query, const json_t *value,
                 const struct export_applications *applications, struct error *mistake);
};

static bool read_number(const json_t *value, const char *name, uint64_t least, uint64_t most,
                        uint64_t *number, struct error *mistake)
{
    json_int_t given = json_integer_value(value);
    if (json_is_integer(value) && given >= 0 && (uint64_t)given >= least &&
        (uint64_t)given <= most) {
        *number = (uint64_t)given;
        return true;
    }
    error_set(mistake, "%s: give a number from %" PRIu64 " to %" PRIu64, name, least, most);
    return false;
}

static bool read_address(struct flow_query *query, const json_t *value,
                         const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    const char *text = json_string_value(value);
    char address[INET6_ADDRSTRLEN];
    size_t length = text ? strcspn(text, "/") : sizeof address;
    if (length < sizeof address) {
        struct flow_filter *filter = &query->filter;
        memcpy(address, text, length);
        address[length] = 0;
        bool six = strchr(address, ':') != NULL;
        unsigned long most = six ? 128 : 32, bits = most;
        char *end = (char *)text + length;
        if (*end == '/' && end[1] >= '0' && end[1] <= '9')
            bits = strtoul(text + length + 1, &end, 10);
        filter->family = six ? 6 : 4;
        filter->prefix_length = (uint8_t)bits;
        if (inet_pton(six ? AF_INET6 : AF_INET, address, filter->address) == 1 && *end == 0 &&
            bits <= most)
            return true;
    }
    error_set(mistake, "address: give a prefix, such as 192.0.2.0/24 or 2001:db8::/32");
    return false;
}

static bool read_port(struct flow_query *query, const json_t *value,
                      const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    uint64_t port;
    if (!read_number(value, "port", 0, UINT16_MAX, &port, mistake))
        return false;
    query->filter.port_set = true;
    query->filter.port = htons((uint16_t)port);
    return true;
}

static bool read_protocol(struct flow_query *query, const json_t *value,
                          const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    uint64_t protocol;
    if (!read_number(value, "protocol", 0, UINT8_MAX, &protocol, mistake))
        return false;
    query->filter.protocol_set = true;
    query->filter.protocol = (uint8_t)protocol;
    return true;
}

static bool read_application(struct flow_query *query, const json_t *value,
                             const struct export_applications *applications, struct error *mistake)
{
    const char *name = json_string_value(value);
    for (uint32_t i = 0; name && applications && i < applications->count; i++) {
        if (strcmp(applications->rows[i].name, name) != 0)
            continue;
        query->filter.application = applications->rows[i].number;
        return true;
    }
    error_set(mistake, "application: %s",
              applications ? "there is no rule for one of this name"
                           : "applications are not looked for; see applications/identify");
    return false;
}

static bool read_filter(struct flow_query *query, const json_t *value,
                        const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    struct error why = {""};
    const char *text = json_string_value(value);
    if (text && filter_expression_read(&query->filter.expression, text, &why))
        return true;
    error_set(mistake, "filter: %s", text ? why.text : "give an expression as text");
    return false;
}

/* Lists that are gone have numbers, too: flows may still be marked with them. */
static bool read_list(struct flow_query *query, const json_t *value,
                      const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    const char *name = json_string_value(value);
    query->filter.list = name ? watch_number(name) : 0;
    if (name)
        return true;
    error_set(mistake, "list: give the name of a list");
    return false;
}

/* Whether there is one of this name is for whoever has the caches. */
static bool read_cache(struct flow_query *query, const json_t *value,
                       const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    const char *name = json_string_value(value);
    if (name && strlen(name) < sizeof query->cache) {
        strcpy(query->cache, name);
        return true;
    }
    error_set(mistake, "cache: give the name of a cache");
    return false;
}

static bool read_limit(struct flow_query *query, const json_t *value,
                       const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    uint64_t limit;
    uint64_t most = query->kind == QUERY_TOP ? LIMIT_TOP_MAX : LIMIT_FLOWS_MAX;
    if (!read_number(value, "limit", 1, most, &limit, mistake))
        return false;
    query->limit = (uint32_t)limit;
    return true;
}

static bool read_continuation(struct flow_query *query, const json_t *value,
                              const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    const char *text = json_string_value(value);
    char rest;
    if (text && strspn(text, "0123456789.") == strlen(text) &&
        sscanf(text, "%" SCNu32 ".%" SCNu64 "%c", &query->worker, &query->position, &rest) == 2)
        return true;
    error_set(mistake, "continuation: give what an earlier answer said");
    return false;
}

static bool read_by(struct flow_query *query, const json_t *value,
                    const struct export_applications *applications, struct error *mistake)
{
    (void)applications;
    const char *word = json_string_value(value);
    query->by_packets = word && strcmp(word, "packets") == 0;
    if (query->by_packets || (word && strcmp(word, "octets") == 0))
        return true;
    error_set(mistake, "by: give packets or octets");
    return false;
}

static bool read_of(struct flow_query *query, const json_t *value,
                    const struct export_applications *applications, struct error *mistake)
{
    static const char *const words[] = {[QUERY_OF_ADDRESS] = "address",
                                        [QUERY_OF_PORT] = "port",
                                        [QUERY_OF_PROTOCOL] = "protocol",
                                        [QUERY_OF_APPLICATION] = "application"};
    (void)applications;
    const char *word = json_string_value(value);
    for (unsigned i = 0; word && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) != 0)
            continue;
        query->of = (enum flow_query_of)i;
        return true;
    }
    error_set(mistake, "of: give address, port, protocol or application");
    return false;
}

enum { SHOWS = 1 << QUERY_FLOWS | 1 << QUERY_TOP };
static const struct input_leaf input_leaves[] = {
    {"address", SHOWS, read_address},   {"port", SHOWS, read_port},
    {"protocol", SHOWS, read_protocol}, {"application", SHOWS, read_application},
    {"limit", SHOWS, read_limit},       {"continuation", 1 << QUERY_FLOWS, read_continuation},
    {"list", SHOWS, read_list},         {"filter", SHOWS, read_filter},
    {"cache", SHOWS, read_cache},       {"by", 1 << QUERY_TOP, read_by},
    {"of", 1 << QUERY_TOP, read_of},
};

static bool read_leaf(struct flow_query *query, const char *name, const json_t *value,
                      const struct export_applications *applications, const char **tag,
                      struct error *mistake)
{
    for (size_t i = 0; i < sizeof input_leaves / sizeof input_leaves[0]; i++)
        if (strcmp(input_leaves[i].name, name) == 0 && input_leaves[i].kinds & 1u << query->kind)
            return input_leaves[i].read(query, value, applications, mistake);
    *tag = "unknown-element";
    error_set(mistake, "%.64s: the operation has no such input", name);
    return false;
}

bool flow_query_read(struct flow_query *query, const char *json, size_t length,
                     const struct export_applications *applications, const char **tag,
                     struct error *mistake)
{
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
    const char *operation = json_object_iter_key(json_object_iter(object));
    json_t *input = json_object_iter_value(json_object_iter(object));
    unsigned kind = 0;
    while (kind < OPERATIONS && !(operation && strcmp(operation, operation_names[kind]) == 0))
        kind++;
    bool good = kind < OPERATIONS && json_object_size(object) == 1;
    *tag = good ? "invalid-value" : "operation-not-supported";
    if (!good)
        error_set(mistake, "the daemon has no operation \"%.64s\"", operation ? operation : "");
    *query = (struct flow_query){.kind = (enum flow_query_kind)kind,
                                 .limit = kind == QUERY_TOP ? LIMIT_TOP : LIMIT_FLOWS};
    const char *name;
    json_t *value;
    json_object_foreach(input, name, value)
    {
        if (!good)
            break;
        good = read_leaf(query, operation_body_leaf(name), value, applications, tag, mistake);
    }
    json_decref(object);
    return good;
}

/* ---- output ---- */

static void set_address(struct state_json *json, json_t *object, const char *key,
                        const struct flow_view *view, unsigned side)
{
    char text[INET6_ADDRSTRLEN];
    const struct flow_key_head *head = &view->hot.key;
    if (flow_state(&view->hot) & FLOW_STATE_IPV6)
        inet_ntop(AF_INET6, side ? view->hot6.address_b : view->hot6.address_a, text, sizeof text);
    else
        inet_ntop(AF_INET, side ? &head->address_b : &head->address_a, text, sizeof text);
    state_set_text(json, object, key, text);
}

static void set_times(struct state_json *json, json_t *object, const struct flow_view *view)
{
    const uint64_t *first = view->cold.first_ns, *last = view->hot.last_ns;
    uint64_t newest = 0;
    for (unsigned side = 0; side < 2; side++)
        if (first[side] != UINT64_MAX && last[side] > newest)
            newest = last[side];
    state_set_time(json, object, "start", first[0] < first[1] ? first[0] : first[1]);
    state_set_time(json, object, "end", newest);
}

const char *flow_query_application(const struct export_applications *applications,
                                   uint16_t application)
{
    uint16_t number = application & FLOW_APPLICATION_NUMBER;
    uint16_t row = applications && number ? applications->row_of[number] : 0;
    return row ? applications->rows[row - 1].name : NULL;
}

#define NAME_KEY(symbol, key, side, octets, help) key,
static const char *const name_keys[NAME_TYPE_COUNT] = {NAME_TYPES(NAME_KEY)};

static void set_names(struct state_json *json, json_t *object, const struct flow_view *view)
{
    const uint8_t *at = view->names, *end = at + view->name_octets;
    struct flow_name name;
    json_t *list = json_array();
    while (flow_name_next(&at, end, &name)) {
        char text[NAME_OCTETS_MAX + 1];
        json_t *entry = json_object();
        memcpy(text, name.text, name.octets);
        text[name.octets] = 0;
        state_set_text(json, entry, "type", name_keys[name.type]);
        state_set_text(json, entry, "value", text);
        state_append(json, list, entry);
    }
    state_set(json, object, "name", list);
}

static void set_marks(struct state_json *json, json_t *object, const struct flow_view *view,
                      const struct export_marks *marks)
{
    const struct export_list *list = view->list ? export_list_find(marks, view->list) : NULL;
    const struct export_brand *brand = view->brand ? export_brand_find(marks, view->brand) : NULL;
    if (list) {
        state_set_text(json, object, "list", list->name);
        state_set_text(json, object, "listLabel", list->label);
    }
    if (brand)
        state_set_text(json, object, "brand", brand->name);
}

void flow_query_add(struct state_json *json, json_t *flows, uint32_t worker,
                    const struct flow_view *view, const struct export_applications *applications,
                    const struct export_marks *marks)
{
    const struct flow_hot *hot = &view->hot;
    unsigned from = flow_state(hot) & FLOW_STATE_INITIATOR_B ? 1 : 0, to = 1 - from;
    uint16_t ports[2] = {ntohs(hot->key.port_a), ntohs(hot->key.port_b)};
    const char *application = flow_query_application(applications, view->cold.application);
    json_t *object = json_object();
    state_set_number(json, object, "worker", worker);
    state_set_large(json, object, "flowId", view->cold.flow_id);
    set_address(json, object, "sourceAddress", view, from);
    set_address(json, object, "destinationAddress", view, to);
    state_set_number(json, object, "sourcePort", ports[from]);
    state_set_number(json, object, "destinationPort", ports[to]);
    state_set_number(json, object, "protocol", hot->key.protocol);
    if (flow_key_vlan_outer(&hot->key))
        state_set_number(json, object, "vlan", flow_key_vlan_outer(&hot->key));
    if (application) {
        state_set_text(json, object, "application", application);
        state_set_text(json, object, "applicationConfidence",
                       view->cold.application & FLOW_APPLICATION_BY_CONTENT ? "content" : "port");
    }
    set_marks(json, object, view, marks);
    if (view->name_octets)
        set_names(json, object, view);
    state_set_large(json, object, "packets", flow_packets(hot, &view->cold, from));
    state_set_large(json, object, "octets", flow_octets(hot, &view->cold, from));
    state_set_large(json, object, "reversePackets", flow_packets(hot, &view->cold, to));
    state_set_large(json, object, "reverseOctets", flow_octets(hot, &view->cold, to));
    set_times(json, object, view);
    state_append(json, flows, object);
}

char *flow_query_wrap(struct state_json *json, enum flow_query_kind kind, json_t *output)
{
    return state_answer(json, operation_names[kind], output);
}

char *flow_query_answer(struct state_json *json, json_t *flows, uint32_t worker, uint64_t position)
{
    json_t *output = json_object();
    char cookie[48];
    state_set(json, output, "flow", flows);
    snprintf(cookie, sizeof cookie, "%" PRIu32 ".%" PRIu64, worker, position);
    if (worker != UINT32_MAX)
        state_set_text(json, output, "continuation", cookie);
    return flow_query_wrap(json, QUERY_FLOWS, output);
}

char *flow_query_expired(uint64_t records)
{
    struct state_json json = {false};
    json_t *output = json_object();
    state_set_large(&json, output, "records", records);
    return flow_query_wrap(&json, QUERY_EXPIRE_ALL, output);
}
