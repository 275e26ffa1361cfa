/*
 * A worker with two caches whose configuration changes between two packets: rules of applications,
 * copies, and changes that are refused or given up. Timeouts, selection and size are shown by the
 * property tests and the simulator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/source_memory.h"
#include "worker/worker_alert.h"
#include "worker/worker_change.h"

enum { PACKETS_MAX = 8, FRAME_OCTETS = 60, CACHES = 2, IP_OCTETS = 46 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;
static const uint64_t second = 1000000000;

struct scene {
    uint8_t frames[PACKETS_MAX][FRAME_OCTETS];
    struct memory_packet packets[PACKETS_MAX];
    uint32_t count, given;
    struct packet_source *source;
    struct record_ring *rings[CACHES];
    struct worker_config config;
    struct worker *worker;
};

/* A UDP packet with the payload HELLO, from client number CLIENT. */
static void add_packet(struct scene *scene, uint8_t client, uint64_t after_ns, uint16_t port)
{
    static const uint8_t start[] = {
        2, 0,         0,    0,    0,    1,    2,  0,  0, 0, 0,   2,   8,   0,   0x45, 0,
        0, IP_OCTETS, 0,    0,    0,    0,    64, 17, 0, 0, 10,  0,   0,   0,   10,   0,
        1, 1,         0x9c, 0x40, 0x13, 0x88, 0,  26, 0, 0, 'H', 'E', 'L', 'L', 'O'};
    uint8_t *frame = scene->frames[scene->count];
    memcpy(frame, start, sizeof start);
    frame[29] = client;
    frame[19] = (uint8_t)(after_ns / 100000000); /* identification */
    scene->packets[scene->count++] = (struct memory_packet){.data = frame,
                                                            .captured_length = FRAME_OCTETS,
                                                            .wire_length = FRAME_OCTETS,
                                                            .timestamp_ns = start_ns + after_ns,
                                                            .port = port};
}

/* A worker for the packets that were added, none of which comes yet. The second cache's records end
 * after one second of silence. */
static void open_scene(struct scene *scene, const struct application_set *set)
{
    struct error error = {""};
    const struct source_memory_options options = {
        .rounds = 1, .batch_max = 1, .interface_count = 2};
    scene->source = source_memory_open(scene->packets, scene->count, &options);
    source_memory_allow(scene->source, 0);
    scene->config = (struct worker_config){.source_count = 1,
                                           .sources = {scene->source},
                                           .cache_count = CACHES,
                                           .applications = set,
                                           .application_limits = {.packets = 4, .octets = 64}};
    for (unsigned c = 0; c < CACHES; c++) {
        scene->rings[c] = record_ring_create(1024, &error);
        scene->config.caches[c] = (struct flow_cache_config){
            .flows_max = 64, .hash_seed = {1, 2, 3, c}, .ring = scene->rings[c]};
    }
    scene->config.caches[1].idle_timeout_ns = second;
    scene->worker = worker_create(&scene->config, &error);
    assert_non_null(scene->worker);
}

static void close_scene(struct scene *scene)
{
    worker_destroy(scene->worker);
    for (unsigned c = 0; c < CACHES; c++)
        record_ring_destroy(scene->rings[c]);
    scene->source->ops->close(scene->source);
}

static void give(struct scene *scene, uint32_t packets)
{
    scene->given += packets;
    source_memory_allow(scene->source, scene->given);
    for (uint32_t i = 0; i <= packets; i++)
        worker_step(scene->worker, 0);
}

static void change(struct scene *scene)
{
    struct error error = {""};
    struct worker_change *change = worker_prepare_change(scene->worker, &scene->config, &error);
    if (!change)
        fail_msg("%s", error.text);
    worker_submit_change(scene->worker, change);
    assert_false(worker_change_taken(change));
    worker_step(scene->worker, 0);
    assert_true(worker_change_taken(change));
    for (unsigned i = 0; i < 10 && !worker_change_finished(change); i++)
        worker_step(scene->worker, 0);
    assert_true(worker_change_finished(change));
    worker_change_free(change);
}

static void end(struct scene *scene)
{
    worker_stop(scene->worker);
    while (worker_step(scene->worker, 0) != WORKER_ENDED)
        ;
}

static struct application_set *make_set(const char *text)
{
    struct application_rules rules = {0};
    struct error error = {""};
    struct application_set *set = NULL;
    if (application_rules_read(&rules, text, strlen(text), "own", &error))
        set = application_set_create(&rules, "own", NULL, &error);
    application_rules_free(&rules);
    return set;
}

/* The flow of client 1 has RECORDS records, those of 2 and 3 one each, all with the application
 * that was known last. */
static void expect_applications(struct record_ring *ring, unsigned records)
{
    static const uint16_t expected[] = {100 | FLOW_APPLICATION_BY_CONTENT,
                                        200 | FLOW_APPLICATION_BY_CONTENT, 0};
    unsigned seen[4] = {0};
    for (const struct flow_hot *hot; (hot = record_ring_peek(ring)) != NULL;) {
        uint8_t address[4];
        memcpy(address, &hot->key.address_a, 4);
        uint8_t client = address[2] == 0 ? address[3] : 0;
        if (!client) {
            memcpy(address, &hot->key.address_b, 4);
            client = address[3];
        }
        assert_in_range(client, 1, 3);
        assert_int_equal(flow_record_at(hot).cold->application, expected[client - 1]);
        seen[client]++;
        record_ring_next(ring);
    }
    assert_int_equal(seen[1], records);
    assert_int_equal(seen[2], 1);
    assert_int_equal(seen[3], 1);
}

/* A verdict is in the records of both caches, also in one that begins after it, and is kept when
 * the rules change; new flows are judged by the new rules. */
static void test_rules_change(void **state)
{
    (void)state;
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    struct application_set *one =
        make_set("application one 100 \"One\"\n  match udp either /^HELLO/\n");
    struct application_set *two =
        make_set("application two 200 \"Two\"\n  match udp either /^HELLO/\n");
    if (!one || !two) {
        application_set_destroy(one);
        application_set_destroy(two);
        skip(); /* not in this build */
    }
    add_packet(&scene, 1, 0, 0);
    add_packet(&scene, 1, 2 * second, 0);
    add_packet(&scene, 2, 2 * second, 0);
    add_packet(&scene, 3, 2 * second, 0);
    open_scene(&scene, one);
    give(&scene, 1);
    scene.config.applications = two;
    change(&scene);
    application_set_destroy(one);
    give(&scene, 2);
    struct worker_account account;
    worker_account_now(scene.worker, &account);
    assert_int_equal(account.applications.content, 2); /* each once, though there are two caches */
    scene.config.applications = NULL;
    change(&scene);
    application_set_destroy(two);
    give(&scene, 1);
    end(&scene);
    worker_account_now(scene.worker, &account);
    assert_int_equal(account.applications.content, 2);
    for (unsigned c = 0; c < CACHES; c++)
        expect_applications(scene.rings[c], c == 0 ? 1 : 2);
    close_scene(&scene);
}

/* A flow whose rule has a severity raises one alert, unless less grave ones are not wanted; all
 * hits are counted, and the counts outlive the rules. */
static void test_alerts(void **state)
{
    (void)state;
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    struct application_set *one = make_set(
        "application one 100 \"One\"\n  severity high freeze\n  match udp either /^HELLO/\n");
    struct application_set *two =
        make_set("application two 200 \"Two\"\n  severity low\n  match udp either /^HELLO/\n");
    if (!one || !two) {
        application_set_destroy(one);
        application_set_destroy(two);
        skip(); /* not in this build */
    }
    for (unsigned i = 0; i < 6; i++)
        add_packet(&scene, (uint8_t)(1 + i / 2), i, 0);
    open_scene(&scene, one);
    give(&scene, 2);
    struct alert alert;
    assert_true(worker_take_alert(scene.worker, &alert));
    assert_true(alert.kind == ALERT_RULE && alert.number == 100 && alert.freeze);
    assert_int_equal(alert.severity, SEVERITY_HIGH);
    assert_int_equal(alert.time_ns, start_ns);
    assert_string_equal(alert.name, "one");
    assert_int_equal(alert.key.head.protocol, 17);
    assert_int_equal(alert.side ? alert.key.head.port_b : alert.key.head.port_a, 0x409c);
    assert_false(worker_take_alert(scene.worker, &alert)); /* one for each flow */
    scene.config.applications = two;
    change(&scene);
    application_set_destroy(one);
    give(&scene, 2);
    assert_true(worker_take_alert(scene.worker, &alert));
    assert_true(alert.number == 200 && alert.severity == SEVERITY_LOW && !alert.freeze);
    scene.config.alert_minimum = SEVERITY_MEDIUM;
    change(&scene);
    give(&scene, 2);
    assert_false(worker_take_alert(scene.worker, &alert));
    assert_int_equal(worker_application_hits(scene.worker, 100), 1);
    assert_int_equal(worker_application_hits(scene.worker, 200), 2);
    assert_int_equal(worker_alerts_lost(scene.worker), 0);
    end(&scene);
    close_scene(&scene);
    application_set_destroy(two);
}

static void expect_metered(struct scene *scene, uint64_t metered, uint64_t copies)
{
    static struct worker_account account;
    worker_account_now(scene->worker, &account);
    assert_int_equal(account.ledger.metered.packets, metered);
    assert_int_equal(account.ledger.filtered[FILTERED_DUPLICATE].packets, copies);
    assert_int_equal(account.other_count, 1);
    assert_int_equal(account.others[0].ledger.metered.packets, metered);
    assert_int_equal(account.others[0].ledger.filtered[FILTERED_DUPLICATE].packets, copies);
}

/* Copies are looked for from one packet to the next, in a window that can change, or not. */
static void test_duplicates_change(void **state)
{
    (void)state;
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    for (unsigned pair = 0; pair < 4; pair++) {
        add_packet(&scene, 1, pair * second, 0);
        add_packet(&scene, 1, pair * second + 20000000, 1);
    }
    open_scene(&scene, NULL);
    give(&scene, 2);
    expect_metered(&scene, 2, 0);
    scene.config.duplicate_window_ns = 10000000;
    change(&scene);
    give(&scene, 2); /* too far apart */
    expect_metered(&scene, 4, 0);
    scene.config.duplicate_window_ns = 50000000;
    change(&scene);
    give(&scene, 2);
    expect_metered(&scene, 5, 1);
    scene.config.duplicate_window_ns = 0;
    change(&scene);
    give(&scene, 2);
    expect_metered(&scene, 7, 1);
    end(&scene);
    close_scene(&scene);
}

static void test_refused(void **state)
{
    (void)state;
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    struct error error = {""};
    add_packet(&scene, 1, 0, 0);
    add_packet(&scene, 1, second, 0); /* so that there is more to come */
    open_scene(&scene, NULL);
    scene.config.cache_count = 1;
    assert_null(worker_prepare_change(scene.worker, &scene.config, &error));
    assert_non_null(strstr(error.text, "number of caches"));
    scene.config.cache_count = CACHES;
    /* More than the machine has: nothing has changed. */
    scene.config.caches[1].flows_max = UINT32_MAX;
    error.text[0] = 0;
    assert_null(worker_prepare_change(scene.worker, &scene.config, &error));
    assert_non_null(strstr(error.text, "give fewer flows"));
    scene.config.caches[1].flows_max = 64;
    give(&scene, 1);
    change(&scene);
    end(&scene);
    expect_metered(&scene, 1, 0);
    close_scene(&scene);
}

/* A change can be given up before it is submitted, or with its worker at any time. */
static void test_given_up(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 3; steps++) {
        static struct scene scene;
        memset(&scene, 0, sizeof scene);
        struct error error = {""};
        add_packet(&scene, 1, 0, 0);
        add_packet(&scene, 1, second, 0);
        open_scene(&scene, NULL);
        give(&scene, 1);
        scene.config.caches[0].flows_max = 1000;
        scene.config.duplicate_window_ns = second;
        worker_change_free(worker_prepare_change(scene.worker, &scene.config, &error));
        struct worker_change *change = worker_prepare_change(scene.worker, &scene.config, &error);
        worker_submit_change(scene.worker, change);
        for (unsigned i = 0; i < steps; i++)
            worker_step(scene.worker, 0);
        close_scene(&scene);
        worker_change_free(change);
    }
}

/* A worker that has ended takes changes as well: nobody must wait for ever. */
static void test_after_the_end(void **state)
{
    (void)state;
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    add_packet(&scene, 1, 0, 0);
    open_scene(&scene, NULL);
    give(&scene, 1);
    end(&scene);
    scene.config.caches[0].flows_max = 1000;
    change(&scene);
    assert_int_equal(worker_step(scene.worker, 0), WORKER_ENDED);
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_change),  cmocka_unit_test(test_duplicates_change),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_after_the_end), cmocka_unit_test(test_alerts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
