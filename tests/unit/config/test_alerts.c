/*
 * Alerts that are held, and what is told of them: rows merge and make room by the age of their last
 * finding, answers are what the model says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "alert_answer.h"
#include "alert_table.h"
#include "config_tree.h"

static const uint64_t second = 1000000000;

/* A finding of rule RULE at second S, from client number CLIENT with PORT to port 23 of a server.
 */
static struct alert finding(uint32_t rule, unsigned client, uint16_t port, uint64_t s)
{
    struct alert alert = {.time_ns = s * second,
                          .flow_id = s,
                          .number = rule,
                          .kind = ALERT_RULE,
                          .severity = SEVERITY_MEDIUM,
                          .name = "telnet"};
    uint32_t address = htonl(0x0a000000u + client), server = htonl(0xc6336407u);
    alert.side =
        (uint8_t)flow_key_make4(&alert.key, address, server, htons(port), htons(23), 6, 0, 0);
    return alert;
}

static struct alert_table *open_table(uint32_t rows)
{
    struct error error = {""};
    struct alert_table *table = alert_table_create(rows, &error);
    assert_non_null(table);
    return table;
}

static struct alert_row *add(struct alert_table *table, struct alert alert)
{
    return alert_table_add(table, &alert);
}

/* Another port of the client is the same alert; another rule, client or direction is not. */
static void test_findings_merge(void **state)
{
    (void)state;
    struct alert_table *table = open_table(16);
    add(table, finding(1, 1, 4000, 100));
    const struct alert_row *row = add(table, finding(1, 1, 4001, 300));
    assert_true(row->count == 2 && row->first_ns == 100 * second && row->last_ns == 300 * second);
    assert_int_equal(row->newest.flow_id, 300);
    row = add(table, finding(1, 1, 4002, 200)); /* not in order */
    assert_true(row->count == 3 && row->last_ns == 300 * second);
    assert_int_equal(add(table, finding(2, 1, 4000, 400))->count, 1);
    assert_int_equal(add(table, finding(1, 2, 4000, 400))->count, 1);
    struct alert turned = finding(1, 1, 4000, 500);
    turned.side = !turned.side;
    assert_int_equal(add(table, turned)->count, 1);
    assert_int_equal(alert_table_count(table), 4);
    alert_table_destroy(table);
    alert_table_destroy(NULL);
}

/* The order of the rows is that of their last findings. */
static void expect_order(const struct alert_table *table, const uint32_t *rules)
{
    const struct alert_row *row = alert_table_newest(table);
    for (; *rules; rules++, row = alert_table_older(table, row)) {
        assert_non_null(row);
        assert_int_equal(row->newest.number, *rules);
    }
    assert_null(row);
}

static void test_the_oldest_makes_room(void **state)
{
    (void)state;
    struct alert_table *table = open_table(4);
    for (uint32_t rule = 1; rule <= 4; rule++)
        add(table, finding(rule, 1, 4000, rule));
    add(table, finding(1, 1, 4000, 9));
    expect_order(table, (const uint32_t[]){1, 4, 3, 2, 0});
    add(table, finding(5, 1, 4000, 10));
    expect_order(table, (const uint32_t[]){5, 1, 4, 3, 0});
    assert_int_equal(alert_table_replaced(table), 1);
    assert_int_equal(add(table, finding(2, 1, 4000, 11))->count, 1); /* forgotten */
    assert_true(alert_table_resize(table, 8));
    expect_order(table, (const uint32_t[]){2, 5, 1, 4, 0});
    add(table, finding(3, 1, 4000, 12));
    assert_int_equal(add(table, finding(1, 1, 4000, 13))->count, 3);
    expect_order(table, (const uint32_t[]){1, 3, 2, 5, 4, 0});
    assert_true(alert_table_resize(table, 2));
    expect_order(table, (const uint32_t[]){1, 3, 0});
    assert_int_equal(alert_table_count(table), 2);
    alert_table_destroy(table);
}

/* Many rows come and go: each is found as long as it is there. */
static void test_many(void **state)
{
    (void)state;
    enum { ROWS = 1000, TURNS = 50000 };
    struct alert_table *table = open_table(ROWS);
    for (uint32_t i = 0; i < TURNS; i++) {
        add(table, finding(1, i, 4000, i));
        uint32_t earlier = i < ROWS ? 0 : i - ROWS / 4;
        assert_int_equal(add(table, finding(1, earlier, 4000, i))->count > 1, 1);
    }
    assert_int_equal(alert_table_count(table), ROWS);
    alert_table_destroy(table);
}

/* ---- answers ---- */

/* Reads JSON, the answer to REQUEST, by the module. */
static void expect_reply(const char *request, char *json)
{
    struct config_tree tree;
    struct error error = {""};
    struct lyd_node *operation = NULL, *reply = NULL;
    struct ly_in *in;
    assert_non_null(json);
    assert_true(config_tree_open(&tree, &error));
    assert_int_equal(ly_in_new_memory(request, &in), LY_SUCCESS);
    assert_int_equal(
        lyd_parse_op(tree.context, NULL, in, LYD_JSON, LYD_TYPE_RPC_YANG, &operation, NULL), 0);
    ly_in_free(in, 0);
    assert_int_equal(ly_in_new_memory(json, &in), LY_SUCCESS);
    if (lyd_parse_op(tree.context, NULL, in, LYD_JSON, LYD_TYPE_REPLY_YANG, &reply, NULL))
        fail_msg("%s: %s", json, ly_errmsg(tree.context));
    ly_in_free(in, 0);
    lyd_free_all(reply);
    lyd_free_all(operation);
    config_tree_close(&tree);
    free(json);
}

static void expect_notification(json_t *content)
{
    struct config_tree tree;
    struct error error = {""};
    struct lyd_node *event = NULL;
    struct ly_in *in;
    json_t *whole = json_object();
    json_object_set_new(whole, "spanflow:alert", content);
    char *json = json_dumps(whole, 0);
    assert_true(config_tree_open(&tree, &error));
    assert_int_equal(ly_in_new_memory(json, &in), LY_SUCCESS);
    if (lyd_parse_op(tree.context, NULL, in, LYD_JSON, LYD_TYPE_NOTIF_YANG, &event, NULL))
        fail_msg("%s: %s", json, ly_errmsg(tree.context));
    ly_in_free(in, 0);
    lyd_free_all(event);
    config_tree_close(&tree);
    json_decref(whole);
    free(json);
}

static void test_answers_are_as_the_model_says(void **state)
{
    (void)state;
    struct alert_table *table = open_table(16);
    struct alert_request all = {.kind = ALERT_REQUEST_LIST, .limit = 100};
    struct alert listed = finding(7, 9, 4000, 5);
    uint8_t addresses[2][16] = {{0x20, 1, 0xd, 0xb8, 1}, {0x20, 1, 0xd, 0xb8, 2}};
    listed.kind = ALERT_LIST;
    listed.severity = SEVERITY_CRITICAL;
    listed.side = (uint8_t)flow_key_make6(&listed.key, addresses[1], addresses[0], htons(4000),
                                          htons(443), 17, 0, 0);
    listed.listed = !listed.side;
    add(table, finding(1, 1, 4000, 1));
    struct alert_row *row = add(table, listed);
    memcpy(row->freeze, "alert-1", sizeof "alert-1");
    char text[256];
    alert_text(row, text, sizeof text);
    assert_string_equal(text, "critical: list telnet: 2001:db8:200:: port 4000 to 2001:db8:100:: "
                              "port 443, protocol 17");
    struct state_json json = {false};
    json_t *object = alert_object(&json, row);
    assert_string_equal(json_string_value(json_object_get(object, "listed")), "destination");
    assert_string_equal(json_string_value(json_object_get(object, "freeze")), "alert-1");
    expect_notification(object);
    expect_reply("{\"spanflow:alerts\":{}}", alert_list_answer(table, &all));
    all.severity = SEVERITY_HIGH;
    char *one = alert_list_answer(table, &all);
    assert_non_null(strstr(one, "critical"));
    assert_null(strstr(one, "medium"));
    expect_reply("{\"spanflow:alerts\":{}}", one);
    expect_reply("{\"spanflow:applications-reload\":{}}", alert_reload_answer(137, 260));
    alert_table_destroy(table);
}

static void test_requests(void **state)
{
    (void)state;
    static const struct {
        const char *body, *mistake;
    } cases[] = {
        {"{\"spanflow:alerts\":{}}", NULL},
        {"{\"spanflow:alerts\":{\"limit\":5,\"severity\":\"high\"}}", NULL},
        {"{\"spanflow:applications-reload\":{}}", NULL},
        {"{\"spanflow:alerts\":{\"limit\":0}}", "limit: give"},
        {"{\"spanflow:alerts\":{\"severity\":\"grave\"}}", "severity: give"},
        {"{\"spanflow:applications-reload\":{\"limit\":5}}", "no such input"},
        {"{\"spanflow:other\":{}}", "no such operation"},
        {"[]", "no such operation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct alert_request request;
        struct error mistake = {""};
        const char *tag = "", *body = cases[i].body;
        bool good = alert_request_read(&request, body, strlen(body), &tag, &mistake);
        assert_int_equal(good, cases[i].mistake == NULL);
        if (!good && !strstr(mistake.text, cases[i].mistake))
            fail_msg("%s: %s", body, mistake.text);
        assert_int_equal(alert_request_is(body, strlen(body)),
                         strstr(body, "alerts") || strstr(body, "reload"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings_merge), cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_answers_are_as_the_model_says),
        cmocka_unit_test(test_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
