/*
 * What the daemon tells is what the model says: state, answers and notifications are read by the
 * module, and the sums of ledgers that follow each other stay balanced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>

#include "config_tree.h"
#include "flow_query.h"
#include "ledger_carry.h"
#include "state.h"

static struct probe_config config;

/* A ledger whose sums hold, with DUE records for the destination NAME. */
static struct ledger *make_ledger(const char *name, uint64_t due)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    assert_non_null(ledger);
    ledger->worker_count = 1;
    struct ledger_terms *terms = &ledger->workers[0];
    terms->observed = (struct ledger_pair){due + 3, 100 * due + 300};
    terms->ignored[IGNORED_ARP] = (struct ledger_pair){3, 300};
    terms->metered = (struct ledger_pair){due, 80 * due};
    terms->metered_frame = (struct ledger_pair){due, 100 * due};
    terms->exported = terms->metered;
    terms->records_out = terms->records_taken = due;
    ledger->probe = *terms;
    ledger->destination_count = 1;
    ledger->places[0] = (struct destination_place){.name = name};
    ledger->destinations[0].records = due;
    ledger->destinations[0].sent = due;
    ledger->destinations[0].connection.state = TRANSPORT_STATE_OPEN;
    return ledger;
}

static void make_config(const char *destination)
{
    memset(&config, 0, sizeof config);
    config.cache_count = 1;
    struct cache_config *cache = &config.caches[0];
    strcpy(cache->name, "default");
    strcpy(cache->exporter_name, "default");
    cache->flows_max = 1000;
    cache->exporting.destination_count = 1;
    struct destination_config *to = &cache->exporting.destinations[0];
    strcpy(to->name, destination);
    to->kind = DESTINATION_UDP;
    to->version = 10;
    to->domain = 1;
}

/* Reads JSON by the module and checks all of its constraints for state. */
static void expect_valid(const char *json)
{
    struct config_tree tree;
    struct error error = {""};
    struct lyd_node *data = NULL;
    assert_non_null(json);
    assert_true(config_tree_open(&tree, &error));
    LY_ERR result = lyd_parse_data_mem(tree.context, json, LYD_JSON, LYD_PARSE_STRICT,
                                       LYD_VALIDATE_PRESENT, &data);
    if (result != LY_SUCCESS)
        fail_msg("%s", ly_errmsg(tree.context));
    assert_non_null(data);
    lyd_free_all(data);
    config_tree_close(&tree);
}

/* The same for the answer JSON to the operation that REQUEST asks for. */
static void expect_reply(const char *request, const char *json)
{
    struct config_tree tree;
    struct error error = {""};
    struct lyd_node *operation = NULL, *wanted = NULL;
    struct ly_in *in;
    assert_true(config_tree_open(&tree, &error));
    assert_int_equal(ly_in_new_memory(request, &in), LY_SUCCESS);
    if (lyd_parse_op(tree.context, NULL, in, LYD_JSON, LYD_TYPE_RPC_YANG, &operation, NULL))
        fail_msg("%s", ly_errmsg(tree.context));
    ly_in_free(in, 0);
    assert_int_equal(ly_in_new_memory(json, &in), LY_SUCCESS);
    if (lyd_parse_op(tree.context, NULL, in, LYD_JSON, LYD_TYPE_REPLY_YANG, &wanted, NULL))
        fail_msg("%s", ly_errmsg(tree.context));
    ly_in_free(in, 0);
    lyd_free_all(wanted);
    lyd_free_all(operation);
    config_tree_close(&tree);
}

/* What the exporter says: the destination that is there, and its predecessor. Two
 * kinds share a template. */
static const struct exporting_process_description *describe(void)
{
    static struct exporting_process_description room;
    room.destination_count = 2;
    for (uint32_t i = 0; i < 2; i++)
        room.destinations[i] = (struct destination_description){
            .name = "collector",
            .leaving = i == 0,
            .version = 10,
            .sequence = 76 + i,
            .session_since_ns = 1000000000,
            .templates_sent_ns = 2000000000,
            .template_count = 3,
            .templates = {
                {.id = 300, .octets = 8, .field_count = 1, .fields = {ELEMENT_OCTET_DELTA_COUNT}},
                {.id = 300, .kind = 1, .octets = 8, .field_count = 1},
                {.id = 301, .kind = DESCRIBED_OPTIONS + OPTIONS_SAMPLING, .scope_count = 1}}};
    return &room;
}

static void state_is_valid(void **unused)
{
    (void)unused;
    static struct state_port ports[1] = {{.name = "eth\xff",
                                          .device = "xdp:eth0",
                                          .driver = "xdp",
                                          .mode = "auto",
                                          .ifindex = 3,
                                          .link_known = true,
                                          .link_up = true}};
    static const int cores[1] = {2};
    make_config("collector");
    struct ledger *ledger = make_ledger("collector", 40);
    static struct application known[2] = {
        {.name = "telnet", .title = "Telnet", .number = 23, .severity = SEVERITY_LOW},
        {.name = "ssh", .title = "Secure shell", .number = 22}};
    static const struct application_rules rules = {
        .applications = known, .application_count = 2, .match_count = 5};
    static const uint64_t hits[APPLICATION_NUMBER_MAX + 1] = {[22] = 8, [23] = 9};
    struct state_facts facts = {
        .config = &config,
        .ledger = ledger,
        .start_ns = 1700000000123456789u,
        .configuration = "{}",
        .vector_instructions = "avx2",
        .worker_count = 1,
        .cores = cores,
        .port_count = 1,
        .ports = ports,
        .monotonic_zero_ns = 1700000000000000000u,
        .rules = {.rules = &rules, .loaded_ns = 1700000000000000000u, .loads = 2, .hits = hits},
        .alerts = {.held = 3, .raised = 4},
        .netconf = {.restarts = 5, .events_lost = 6},
        .caches = {{.memory = 1u << 20, .pages = "4 KiB pages", .exporting = describe()}}};
    char *json = state_json(&facts, STATE_ALL);
    expect_valid(json);
    assert_non_null(strstr(json, "\"startTime\":\"2023-11-14T22:13:20.123Z\""));
    assert_non_null(strstr(json, "\"balanced\":true"));
    assert_non_null(strstr(json, "octetDeltaCount"));
    assert_non_null(strstr(json, "\"templatesSent\":\"2023-11-14T22:13:22.000Z\""));
    assert_non_null(strstr(json, "\"since\":\"2023-11-14T22:13:21.000Z\""));
    assert_non_null(strstr(json, "\"sequenceNumber\":\"77\""));
    assert_non_null(strstr(json, "\"kind\":\"options-sampling\""));
    assert_non_null(strstr(json, "\"scopeFields\":1"));
    assert_non_null(strstr(json, "\"severity\":\"low\",\"freeze\":false,\"hits\":\"9\""));
    assert_non_null(strstr(json, "\"name\":\"raised\",\"value\":\"4\""));
    assert_non_null(strstr(json, "\"name\":\"restarts\",\"value\":\"5\""));
    free(json);
    for (unsigned section = 0; section < STATE_SECTION_COUNT; section++) {
        json = state_json(&facts, 1u << section);
        expect_valid(json);
        free(json);
    }
    json = state_ledger_answer(ledger);
    expect_reply("{\"spanflow:ledger\":{}}", json);
    free(json);
    free(ledger);
}

static void sections_are_read(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {"{",
                                        "[]",
                                        "{\"sections\":[]}",
                                        "{\"sections\":[1]}",
                                        "{\"sections\":[\"port\",\"x\"]}",
                                        "{\"a\":1}",
                                        "{\"sections\":[\"port\"],\"a\":1}"};
    struct error mistake = {""};
    assert_int_equal(state_sections_read("", 0, &mistake), STATE_ALL);
    assert_int_equal(state_sections_read("{}", 2, &mistake), STATE_ALL);
    const char *two = "{\"sections\":[\"port\",\"cache\"]}";
    assert_int_equal(state_sections_read(two, strlen(two), &mistake), STATE_PORTS | STATE_CACHES);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mistake.text[0] = 0;
        assert_int_equal(state_sections_read(wrong[i], strlen(wrong[i]), &mistake), 0);
        assert_true(mistake.text[0] != 0);
    }
}

/* ---- flows ---- */

static struct flow_view make_view(const char *a, const char *b, uint16_t port_a, uint16_t port_b)
{
    struct flow_view view;
    struct flow_key key;
    struct in_addr from, to;
    memset(&view, 0, sizeof view);
    inet_pton(AF_INET, a, &from);
    inet_pton(AF_INET, b, &to);
    unsigned side =
        flow_key_make4(&key, from.s_addr, to.s_addr, htons(port_a), htons(port_b), 17, 5, 0);
    view.hot.key = key.head;
    view.hot.flags_state = (side ? FLOW_STATE_INITIATOR_B : 0u) << 24;
    view.hot.counter[side] = (7ull << FLOW_OCTET_BITS) | 700;
    view.hot.last_ns[side] = 1700000001000000000u;
    view.cold.first_ns[side] = 1700000000000000000u;
    view.cold.first_ns[1 - side] = UINT64_MAX;
    return view;
}

static bool reads(struct flow_query *query, const char *json)
{
    const char *tag = "";
    struct error mistake = {""};
    bool good = flow_query_read(query, json, strlen(json), NULL, &tag, &mistake);
    assert_true(good || (mistake.text[0] && tag[0]));
    return good;
}

static void filters_match_either_end(void **unused)
{
    (void)unused;
    struct flow_view view = make_view("192.0.2.200", "10.1.2.3", 5353, 53);
    static const struct {
        const char *input;
        bool matches;
    } cases[] = {
        {"", true},
        {"\"address\":\"10.1.0.0/16\"", true},
        {"\"address\":\"192.0.2.200\"", true},
        {"\"address\":\"192.0.2.192/29\"", false},
        {"\"address\":\"0.0.0.0/0\"", true},
        {"\"address\":\"::/0\"", false},
        {"\"port\":53", true},
        {"\"port\":5353,\"protocol\":17", true},
        {"\"port\":54", false},
        {"\"protocol\":6", false},
        {"\"filter\":\"host 10.1.2.3\"", true},
        {"\"filter\":\"host 10.1.2.4\"", false},
        {"\"filter\":\"src host 192.0.2.200\"", true},
        {"\"filter\":\"dst 192.0.2.200\"", false},
        {"\"filter\":\"dst net 10.0.0.0/8\"", true},
        {"\"filter\":\"src net 10.0.0.0/8\"", false},
        {"\"filter\":\"net 2001:db8::/32\"", false},
        {"\"filter\":\"port 53\"", true},
        {"\"filter\":\"src port 53\"", false},
        {"\"filter\":\"dst port 53\"", true},
        {"\"filter\":\"portrange 50-53\"", true},
        {"\"filter\":\"portrange 54-5352\"", false},
        {"\"filter\":\"udp\"", true},
        {"\"filter\":\"tcp port 53\"", false},
        {"\"filter\":\"udp dst port 53\"", true},
        {"\"filter\":\"ip\"", true},
        {"\"filter\":\"ip6\"", false},
        {"\"filter\":\"proto 17 and proto udp\"", true},
        {"\"filter\":\"not port 53\"", false},
        {"\"filter\":\"! (tcp or icmp6)\"", true},
        {"\"filter\":\"tcp or udp and port 54\"", false},
        {"\"filter\":\"(tcp or udp) and port 53\"", true},
        {"\"filter\":\"host 10.1.2.3 && !port 80 || tcp\"", true},
        {"\"filter\":\"not not udp\"", true},
        {"\"filter\":\"not tcp and not udp\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[192];
        struct flow_query query;
        snprintf(json, sizeof json, "{\"spanflow:flows\":{%s}}", cases[i].input);
        assert_true(reads(&query, json));
        if (flow_filter_matches(&query.filter, &view) != cases[i].matches)
            fail_msg("%s", cases[i].input);
    }
}

static void wrong_queries_are_refused(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "{\"spanflow:other\":{}}",
        "{\"spanflow:flows\":{\"filter\":7}}",
        "{\"spanflow:flows\":{\"cache\":7}}",
        "{\"spanflow:flows\":{\"filter\":\"\"}}",
        "{\"spanflow:flows\":{\"filter\":\"hosts 1\"}}",
        "{\"spanflow:flows\":{\"filter\":\"host\"}}",
        "{\"spanflow:flows\":{\"filter\":\"host 10.0.0.0/8\"}}",
        "{\"spanflow:flows\":{\"filter\":\"host example.org\"}}",
        "{\"spanflow:flows\":{\"filter\":\"net 10.0.0.0/33\"}}",
        "{\"spanflow:flows\":{\"filter\":\"net 1.2.3.4/\"}}",
        "{\"spanflow:flows\":{\"filter\":\"port 65536\"}}",
        "{\"spanflow:flows\":{\"filter\":\"port -1\"}}",
        "{\"spanflow:flows\":{\"filter\":\"port 5 6\"}}",
        "{\"spanflow:flows\":{\"filter\":\"portrange 5\"}}",
        "{\"spanflow:flows\":{\"filter\":\"portrange 6-5\"}}",
        "{\"spanflow:flows\":{\"filter\":\"and\"}}",
        "{\"spanflow:flows\":{\"filter\":\"udp and\"}}",
        "{\"spanflow:flows\":{\"filter\":\"udp udp\"}}",
        "{\"spanflow:flows\":{\"filter\":\"(udp\"}}",
        "{\"spanflow:flows\":{\"filter\":\"udp)\"}}",
        "{\"spanflow:flows\":{\"filter\":\"not\"}}",
        "{\"spanflow:flows\":{\"filter\":\"src\"}}",
        "{\"spanflow:flows\":{\"filter\":\"src udp\"}}",
        "{\"spanflow:flows\":{\"filter\":\"proto 256\"}}",
        "{\"spanflow:flows\":{\"filter\":\"proto x\"}}",
        "{\"spanflow:flows\":{\"filter\":\"( ( )\"}}",
        "{\"spanflow:flows\":{\"address\":\"10.0.0.0/33\"}}",
        "{\"spanflow:flows\":{\"address\":\"10.0.0.0/\"}}",
        "{\"spanflow:flows\":{\"address\":\"host\"}}",
        "{\"spanflow:flows\":{\"address\":5}}",
        "{\"spanflow:flows\":{\"port\":-1}}",
        "{\"spanflow:flows\":{\"protocol\":256}}",
        "{\"spanflow:flows\":{\"limit\":10001}}",
        "{\"spanflow:flows\":{\"continuation\":\"1.2x\"}}",
        "{\"spanflow:flows\":{\"continuation\":\"-1.2\"}}",
        "{\"spanflow:flows\":{\"application\":\"dns\"}}",
        "{\"spanflow:flows\":{\"by\":\"octets\"}}",
        "{\"spanflow:top\":{\"of\":\"flow\"}}",
        "{\"spanflow:top\":{\"limit\":1001}}",
        "{\"spanflow:expire-all\":{\"limit\":1}}",
    };
    struct flow_query query;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (reads(&query, wrong[i]))
            fail_msg("%s was taken", wrong[i]);
}

static void answers_are_valid(void **unused)
{
    (void)unused;
    struct state_json json = {false};
    struct flow_view view = make_view("192.0.2.200", "10.1.2.3", 5353, 53);
    json_t *flows = json_array();
    flow_query_add(&json, flows, 1, &view, NULL, NULL);
    char *text = flow_query_answer(&json, flows, 1, 77);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"sourceAddress\":\"192.0.2.200\""));
    assert_non_null(strstr(text, "\"packets\":\"7\""));
    assert_non_null(strstr(text, "\"continuation\":\"1.77\""));
    expect_reply("{\"spanflow:flows\":{\"limit\":5}}", text);
    free(text);
    text = flow_query_expired(9);
    expect_reply("{\"spanflow:expire-all\":{}}", text);
    free(text);
}

/* What is only guessed by a port is told apart. */
static void guesses_are_marked(void **unused)
{
    static const struct {
        uint16_t application;
        const char *want;
    } cases[] = {
        {1 | FLOW_APPLICATION_BY_CONTENT,
         "\"application\":\"dns\",\"applicationConfidence\":\"content\""},
        {1 | FLOW_APPLICATION_BY_PORT,
         "\"application\":\"dns\",\"applicationConfidence\":\"port\""},
    };
    (void)unused;
    struct export_applications *applications = calloc(1, sizeof *applications);
    struct export_application row = {.number = 1, .name = "dns"};
    assert_non_null(applications);
    applications->rows = &row;
    applications->count = 1;
    applications->row_of[1] = 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct state_json json = {false};
        struct flow_view view = make_view("192.0.2.200", "10.1.2.3", 5353, 53);
        json_t *flows = json_array();
        view.cold.application = cases[i].application;
        flow_query_add(&json, flows, 1, &view, applications, NULL);
        char *text = flow_query_answer(&json, flows, 1, 77);
        assert_non_null(text);
        assert_non_null(strstr(text, cases[i].want));
        expect_reply("{\"spanflow:flows\":{\"limit\":5}}", text);
        free(text);
    }
    free(applications);
}

static void the_largest_come_first(void **unused)
{
    (void)unused;
    struct flow_query query;
    assert_true(reads(&query, "{\"spanflow:top\":{\"limit\":2}}"));
    struct flow_sums *sums = flow_sums_create(&query);
    assert_non_null(sums);
    for (unsigned i = 0; i < 20; i++) {
        char from[20];
        snprintf(from, sizeof from, "10.0.0.%u", 1 + i % 4);
        struct flow_view view = make_view(from, i % 4 ? "10.9.9.9" : "10.8.8.8", 1000, 53);
        flow_sums_add(sums, &view);
    }
    char *text = flow_sums_answer(sums, NULL);
    flow_sums_destroy(sums);
    assert_non_null(strstr(text, "{\"rank\":1,\"value\":\"10.9.9.9\",\"flows\":\"15\""));
    expect_reply("{\"spanflow:top\":{\"of\":\"address\"}}", text);
    free(text);
}

/* ---- ledgers that follow each other ---- */

static void ledgers_add_up(void **unused)
{
    (void)unused;
    const char *const caches[] = {"default"};
    struct error problem = {""};
    struct ledger *first = make_ledger("one", 40), *second = make_ledger("two", 7);
    struct ledger_carry *carry = ledger_carry_make(first, caches);
    assert_non_null(carry);
    free(first);
    assert_true(ledger_carry_knows(carry, "one"));
    assert_false(ledger_carry_knows(carry, "two"));
    ledger_carry_add(carry, 0, "default", second);
    if (!ledger_balanced(second, &problem))
        fail_msg("%s", problem.text);
    assert_int_equal(second->probe.observed.packets, 53);
    assert_int_equal(second->destination_count, 2);
    assert_string_equal(second->places[1].name, "one");
    assert_true(second->places[1].removed);
    struct ledger_carry *more = ledger_carry_make(second, caches);
    struct ledger *third = make_ledger("one", 5);
    ledger_carry_add(more, 0, "other", third);
    assert_true(ledger_balanced(third, &problem));
    assert_int_equal(third->destinations[0].records, 45);
    third->destinations[0].records++;
    assert_false(ledger_balanced(third, &problem));
    free(second);
    free(third);
    ledger_carry_free(carry);
    ledger_carry_free(more);
}

/* What was kept of caches that ended stays over the probes that follow. */
static void ended_caches_are_inherited(void **unused)
{
    (void)unused;
    const char *const caches[] = {"default"};
    char name[16];
    struct ledger_carry *carry = NULL;
    struct ledger *first = make_ledger("one", 40), *ended = make_ledger("two", 7);
    for (unsigned i = 0; i < 70; i++) { /* more than there is room for */
        snprintf(name, sizeof name, "ended %u", i);
        assert_true(ledger_carry_put(&carry, name, ended));
    }
    for (unsigned probe = 0; probe < 3; probe++) {
        struct ledger_carry *next = ledger_carry_make(first, caches);
        ledger_carry_inherit(next, carry);
        ledger_carry_free(carry);
        carry = next;
    }
    assert_true(ledger_carry_knows(carry, "two"));
    struct ledger *back = make_ledger("three", 5);
    ledger_carry_add(carry, 1, "ended 69", back);
    assert_true(ledger_balanced(back, NULL));
    assert_int_equal(back->probe.records_taken, 5 + 7);
    assert_string_equal(back->places[1].name, "two");
    ledger_carry_add(carry, 1, "ended 6", back); /* it made room */
    assert_int_equal(back->probe.records_taken, 5 + 7);
    ledger_carry_add(carry, 1, "ended 7", back);
    assert_int_equal(back->probe.records_taken, 5 + 7 + 7);
    free(first);
    free(ended);
    free(back);
    ledger_carry_free(carry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ended_caches_are_inherited),
        cmocka_unit_test(state_is_valid),
        cmocka_unit_test(sections_are_read),
        cmocka_unit_test(filters_match_either_end),
        cmocka_unit_test(wrong_queries_are_refused),
        cmocka_unit_test(answers_are_valid),
        cmocka_unit_test(guesses_are_marked),
        cmocka_unit_test(the_largest_come_first),
        cmocka_unit_test(ledgers_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
