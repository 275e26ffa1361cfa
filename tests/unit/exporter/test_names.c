/*
 * Names inside flows as fields: lengths of one octet and of three, what does not fit into a
 * message, what JSON must escape and leaves out, which types a destination may tell, and what
 * records that become one agree on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client_ports.h"
#include "encode/json.h"
#include "fake_transport.h"
#include "record_builder.h"
#include "template/record_names.h"

/* A record with names. */
struct named {
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE];
    struct flow_extra extra;
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
    struct flow_record record;
};

static void begin(struct named *named, uint16_t client_port)
{
    struct flow_description flow;
    memset(named, 0, sizeof *named);
    describe_simple(&flow);
    flow.protocol = 6;
    flow.source_port = client_port;
    flow.destination_port = 443;
    record_build(&flow, named->lines);
    named->record = flow_record_at(named->lines);
    named->record.extra = &named->extra;
    named->record.names = named->text;
}

static void add(struct named *named, unsigned type, const char *text, size_t octets)
{
    uint8_t *to = named->text + named->extra.name_octets;
    to[0] = (uint8_t)type;
    to[1] = (uint8_t)octets;
    memcpy(to + FLOW_NAME_HEAD, text, octets);
    named->extra.name_octets = (uint16_t)(named->extra.name_octets + FLOW_NAME_HEAD + octets);
}

static void add_text(struct named *named, unsigned type, const char *text)
{
    add(named, type, text, strlen(text));
}

/* What a destination of profile full that tells NAMES has. */
struct telling {
    struct destination_config config;
    struct template_set templates;
    struct values_context context;
    struct record_values values;
};

static void tell(struct telling *telling, const struct named *named, enum destination_kind kind,
                 uint32_t names)
{
    static struct exporting_process_config process;
    memset(telling, 0, sizeof *telling);
    process.sampling_interval = 1;
    telling->config = (struct destination_config){
        .kind = kind, .version = 10, .profile = PROFILE_FULL, .names = names};
    template_set_init(&telling->templates, &telling->config);
    values_context_init(&telling->context, &process, &telling->config, telling->templates.groups,
                        telling->templates.vlan_outer);
    record_values_fill(&telling->values, &telling->context, &named->record, 0);
    record_names_fill(&telling->values, &telling->context, &named->record);
}

/* Reads the string at *AT. */
static uint32_t take_string(const uint8_t **at, const uint8_t **text)
{
    uint32_t octets = *(*at)++;
    if (octets == 255) {
        octets = (uint32_t)(*at)[0] << 8 | (*at)[1];
        *at += 2;
    }
    *text = *at;
    *at += octets;
    return octets;
}

static void strings_have_short_and_long_lengths(void **state)
{
    static const size_t lengths[] = {1, 254, 255};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char name[256];
        uint8_t out[1024];
        struct named named;
        struct telling telling;
        memset(name, 'n', sizeof name);
        begin(&named, 40000);
        add(&named, NAME_TLS_SERVER_NAME, name, lengths[i]);
        add_text(&named, NAME_TLS_ALPN, "h2");
        tell(&telling, &named, DESTINATION_FILE, 1u << NAME_TLS_SERVER_NAME | 1u << NAME_TLS_ALPN);
        const struct template *template = &telling.templates.kinds[0];
        assert_int_equal(template->name_count, 2);
        uint32_t more = record_names_fit(template, &telling.values, 1000);
        uint32_t octets = record_names_put(template, &telling.values, out);
        assert_int_equal(octets, more + 2); /* the template counts one octet for each */
        const uint8_t *at = out, *text;
        assert_int_equal(take_string(&at, &text), lengths[i]);
        assert_memory_equal(text, name, lengths[i]);
        assert_int_equal(take_string(&at, &text), 2);
        assert_memory_equal(text, "h2", 2);
        assert_int_equal(at - out, octets);
    }
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct named named;
    struct telling telling;
    uint8_t out[1024];
    begin(&named, 40000);
    add_text(&named, NAME_TLS_SERVER_NAME, "server.example");
    add_text(&named, NAME_TLS_ALPN, "h2,http/1.1");
    tell(&telling, &named, DESTINATION_UDP, UINT32_MAX);
    const struct template *template = &telling.templates.kinds[0];
    assert_int_equal(record_names_fit(template, &telling.values, 25), 25);
    assert_int_equal(record_names_fit(template, &telling.values, 24), 14);
    assert_int_equal(telling.values.name_octets[NAME_TLS_ALPN], 0);
    assert_int_equal(record_names_put(template, &telling.values, out), 14 + template->name_count);
    assert_int_equal(record_names_fit(template, &telling.values, 0), 0);
}

static void only_wanted_types_are_told(void **state)
{
    (void)state;
    struct named named;
    struct telling telling;
    begin(&named, 40000);
    add_text(&named, NAME_HTTP_HOST, "host");
    add_text(&named, NAME_HTTP_STATUS, "404");
    tell(&telling, &named, DESTINATION_FILE, 1u << NAME_HTTP_HOST);
    assert_int_equal(telling.values.name_octets[NAME_HTTP_HOST], 4);
    assert_int_equal(telling.values.http_status, 0);
    assert_int_equal(telling.templates.kinds[0].name_count, 1);
    tell(&telling, &named, DESTINATION_FILE, 0);
    assert_int_equal(telling.templates.kinds[0].name_count, 0);
    assert_int_equal(telling.values.name_octets[NAME_HTTP_HOST], 0);
}

static void expect_json(const struct named *named, const char *want, bool there)
{
    static char line[JSON_LINE_MAX + JSON_KEY_MAX];
    struct telling telling;
    struct json_plan plan;
    tell(&telling, named, DESTINATION_JSON, UINT32_MAX);
    json_plan_init(&plan, &telling.templates.kinds[0]);
    char *end = json_line(line, &plan, &telling.values);
    *end = 0;
    assert_true((size_t)(end - line) <= json_line_bound(&plan));
    if ((strstr(line, want) != NULL) != there)
        fail_msg("%s: %s", want, line);
}

static void json_escapes_and_leaves_out(void **state)
{
    (void)state;
    struct named named;
    begin(&named, 40000);
    expect_json(&named, "httpRequestHost", false);
    add_text(&named, NAME_HTTP_USER_AGENT, "a \"b\" \\c \xc3\xa9");
    add_text(&named, NAME_HTTP_STATUS, "200");
    expect_json(&named, ",\"httpStatusCode\":200", true);
    expect_json(&named, ",\"httpUserAgent\":\"a \\\"b\\\" \\\\c \xc3\xa9\"}", true);
    expect_json(&named, "httpRequestHost", false);
    begin(&named, 40000);
    add_text(&named, NAME_HTTP_STATUS | FLOW_NAME_HASHED, "0123456789012345");
    expect_json(&named, ",\"httpStatusCode\":\"0123456789012345\"}", true);
}

static void longest_lines_are_bounded(void **state)
{
    char quotes[256];
    (void)state;
    struct named named;
    memset(quotes, '"', sizeof quotes);
    begin(&named, 40000);
    add(&named, NAME_TLS_SERVER_NAME, quotes, 255);
    add(&named, NAME_DNS_QUERY_NAME, quotes, 253);
    expect_json(&named, "\\\"\\\"", true);
}

/* ---- records that become one ---- */

static void expect_merged(const struct merged_record *merged, enum name_type type, const char *want)
{
    struct flow_name name;
    const uint8_t *at = merged->record.names, *end = at;
    if (at)
        end = at + merged->record.extra->name_octets;
    while (at && flow_name_next(&at, end, &name))
        if (name.type == type) {
            assert_int_equal(name.octets, strlen(want));
            assert_memory_equal(name.text, want, name.octets);
            return;
        }
    assert_string_equal(want, "");
}

static void merged_records_keep_what_they_agree_on(void **state)
{
    static const char *const hosts[] = {"one", "one", "two", "one"};
    static const char *const kept[] = {"one", "one", "", ""};
    (void)state;
    struct error error = {""};
    struct client_ports *table = client_ports_create(8, 1000000000u, true, &error);
    assert_non_null(table);
    for (unsigned i = 0; i < 4; i++) {
        struct named named;
        begin(&named, (uint16_t)(40000 + i));
        add_text(&named, NAME_TLS_SERVER_NAME, hosts[i]);
        if (i == 1)
            add_text(&named, NAME_TLS_ALPN, "h2");
        assert_null(client_ports_add(table, &named.record, client_ports_side(&named.record), 1));
        const struct merged_record *merged = client_ports_oldest(table);
        assert_int_equal(merged->records, i + 1);
        expect_merged(merged, NAME_TLS_SERVER_NAME, kept[i]);
        expect_merged(merged, NAME_TLS_ALPN, i ? "h2" : "");
    }
    client_ports_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_have_short_and_long_lengths),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(only_wanted_types_are_told),
        cmocka_unit_test(json_escapes_and_leaves_out),
        cmocka_unit_test(longest_lines_are_bounded),
        cmocka_unit_test(merged_records_keep_what_they_agree_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
