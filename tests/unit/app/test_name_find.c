/*
 * Which parser sees a flow, and what is kept of what it tells: the first of each type, cleaned, cut
 * or hashed; a bounded number of packets of flows that nobody recognises; rows that another flow
 * took over.
 */
#include "app_test.h"

#include <stdio.h>

#include "app/name_find.h"
#include "base/siphash.h"
#include "hello_builder.h"

enum { FLOWS = 16 };

struct bench {
    struct name_finder *finder;
    const uint8_t *names;
    uint32_t count;
    uint64_t now_ns;
};

static const uint8_t secret[SIPHASH_KEY_OCTETS] = {1, 2, 3};

static struct bench open_bench(uint32_t clear, uint32_t hashed, const struct application_set *set)
{
    struct error error = {""};
    struct name_settings settings = {.wanted = {clear, hashed}};
    memcpy(settings.key, secret, sizeof secret);
    struct bench bench = {.finder = name_finder_create(&settings, FLOWS, set, &error)};
    if (!bench.finder)
        fail_msg("%s", error.text);
    return bench;
}

/* Looks at TEXT of a flow between PORT and the client. */
static bool look(struct bench *bench, struct name_flow flow, bool tcp, unsigned port,
                 bool from_client, const char *text)
{
    struct application_packet packet = app_test_packet(tcp, from_client, port, text, strlen(text));
    return name_finder_look(bench->finder, &flow, &packet, bench->now_ns, &bench->names,
                            &bench->count);
}

/* The name of TYPE among those that were found, as text; "" if there is none. */
static const char *found(const struct bench *bench, enum name_type type)
{
    static char text[NAME_OCTETS_MAX + 1];
    const uint8_t *at = bench->names, *end = at + bench->count;
    struct flow_name name;
    text[0] = 0;
    while (flow_name_next(&at, end, &name))
        if (name.type == type) {
            memcpy(text, name.text, name.octets);
            text[name.octets] = 0;
        }
    assert_ptr_equal(at, end);
    return text;
}

static void each_protocol_is_recognised(void **state)
{
    static const struct {
        bool tcp, from_client;
        unsigned port;
        const char *text;
        enum name_type type;
        const char *want;
    } cases[] = {
        {true, true, 8080, "GET /x HTTP/1.1\r\nHost: Example.ORG.\r\n\r\n", NAME_HTTP_HOST,
         "example.org"},
        {true, false, 8080, "HTTP/1.1 204 No Content\r\n\r\n", NAME_HTTP_STATUS, "204"},
        {true, true, 2222, "SSH-2.0-client\r\n", NAME_SSH_CLIENT_BANNER, "SSH-2.0-client"},
        {true, false, 25, "220 mx ESMTP\r\n", NAME_SMTP_GREETING, "220 mx ESMTP"},
        {true, false, 143, "* OK ready\r\n", NAME_IMAP_GREETING, "* OK ready"},
        {true, false, 110, "+OK POP3 ready\r\n", NAME_POP_GREETING, "+OK POP3 ready"},
    };
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct name_flow flow = {.index = i, .id = 100 + i};
        look(&bench, flow, cases[i].tcp, cases[i].port, cases[i].from_client, cases[i].text);
        assert_string_equal(found(&bench, cases[i].type), cases[i].want);
    }
    name_finder_destroy(bench.finder);
}

static void application_decides_where_the_packet_does_not(void **state)
{
    static const char rules[] = "application smtp 7 \"Mail\"\n  label 25\n"
                                "  match tcp server /^220 /\n"
                                "application ftp 8 \"Files\"\n  label 21\n"
                                "  match tcp server /^220 /\n";
    (void)state;
    struct application_set *set = app_test_set(rules, NULL);
    struct bench bench = open_bench(UINT32_MAX, 0, set);
    struct name_flow flow = {.index = 1, .id = 1, .application = 7};
    assert_true(look(&bench, flow, true, SERVER_PORT, false, "220 somewhere ready\r\n"));
    assert_string_equal(found(&bench, NAME_SMTP_GREETING), "220 somewhere ready");
    flow = (struct name_flow){.index = 1, .id = 2, .application = 8};
    assert_true(look(&bench, flow, true, SERVER_PORT, false, "220 somewhere ready\r\n"));
    assert_int_equal(bench.count, 0);
    name_finder_destroy(bench.finder);
    application_set_destroy(set);
}

/* An answer that looks like a greeting, which may name who has logged in. */
static void greetings_begin_their_flow(void **state)
{
    static const struct {
        unsigned port;
        const char *before, *answer;
        enum name_type type;
    } cases[] = {
        {143, "a LOGIN secret secret\r\n", "* OK secret logged in\r\n", NAME_IMAP_GREETING},
        {25, "STARTTLS\r\n", "220 secret, go ahead\r\n", NAME_SMTP_GREETING},
        {110, "APOP secret\r\n", "+OK welcome secret\r\n", NAME_POP_GREETING},
    };
    (void)state;
    for (unsigned bounded = 0; bounded < 2; bounded++)
        for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct bench bench = open_bench(UINT32_MAX, 0, NULL);
            struct name_flow flow = {.index = i, .id = 1 + i};
            bench.now_ns = 5000000000u;
            if (bounded) { /* the packet before is passed over */
                name_finder_set_bounds(bench.finder, 1, 0);
                look(&bench, (struct name_flow){.index = 9, .id = 99}, true, 80, true, "?");
            }
            look(&bench, flow, true, cases[i].port, true, cases[i].before);
            bench.now_ns = 7000000000u;
            look(&bench, flow, true, cases[i].port, false, cases[i].answer);
            assert_string_equal(found(&bench, cases[i].type), "");
            name_finder_destroy(bench.finder);
        }
}

static void the_first_of_each_type_is_kept(void **state)
{
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    struct name_flow flow = {.index = 3, .id = 9};
    assert_false(look(&bench, flow, true, 80, true, "GET / HTTP/1.1\r\nHost: one\r\n\r\n"));
    assert_string_equal(found(&bench, NAME_HTTP_HOST), "one");
    flow.had = 1u << NAME_HTTP_HOST | 1u << NAME_HTTP_METHOD;
    assert_false(look(&bench, flow, true, 80, true, "PUT / HTTP/1.1\r\nHost: two\r\n\r\n"));
    assert_int_equal(bench.count, 0);
    name_finder_destroy(bench.finder);
}

static void hashes_are_of_the_clean_name(void **state)
{
    char want[FLOW_NAME_HASH_OCTETS + 1];
    (void)state;
    struct bench bench = open_bench(1u << NAME_HTTP_METHOD, 1u << NAME_HTTP_HOST, NULL);
    struct name_flow flow = {.index = 3, .id = 9};
    look(&bench, flow, true, 80, true, "GET / HTTP/1.1\r\nHost: WWW.Example.org\r\n\r\n");
    uint64_t hash = siphash(secret, "www.example.org", 15);
    for (unsigned i = 0; i < 8; i++) /* octets, the lowest first */
        snprintf(want + (size_t)2 * i, 3, "%02x", (unsigned)(hash >> 8 * i & 255));
    assert_string_equal(found(&bench, NAME_HTTP_HOST), want);
    assert_string_equal(found(&bench, NAME_HTTP_METHOD), "GET");
    assert_string_equal(found(&bench, NAME_HTTP_USER_AGENT), "");
    name_finder_destroy(bench.finder);
}

static void long_names_are_cut_and_counted(void **state)
{
    struct name_finder_counters counters;
    char text[1400] = "GET / HTTP/1.1\r\nUser-Agent: ";
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    size_t head = strlen(text);
    memset(text + head, 'a', 1000);
    strcpy(text + head + 1000, "\r\n\r\n");
    look(&bench, (struct name_flow){.index = 0, .id = 5}, true, 80, true, text);
    assert_int_equal(strlen(found(&bench, NAME_HTTP_USER_AGENT)), 200);
    name_finder_count(bench.finder, &counters);
    assert_int_equal(counters.cut, 1);
    assert_int_equal(counters.found, 2);
    assert_int_equal(counters.looked_at, 1);
    name_finder_destroy(bench.finder);
}

/* Offers OCTETS of the STREAM from AT on, to the client's flow 7; what was found is added to HAD.
 */
static bool offer(struct bench *bench, const uint8_t *stream, uint32_t at, uint32_t octets,
                  unsigned port, uint32_t *had)
{
    enum { START = 0xfffffffe };
    struct name_flow flow = {.index = 4, .id = 7, .had = *had};
    uint8_t *copy = malloc(octets);
    assert_non_null(copy);
    memcpy(copy, stream + at, octets);
    struct application_packet packet = app_test_packet(true, true, port, copy, octets);
    packet.start_known = true;
    packet.tcp_start = START;
    packet.tcp_sequence = START + at;
    bool done = name_finder_look(bench->finder, &flow, &packet, 0, &bench->names, &bench->count);
    free(copy);
    const uint8_t *name = bench->names;
    struct flow_name read;
    while (flow_name_next(&name, bench->names + bench->count, &read)) {
        assert_false(*had >> read.type & 1u);
        *had |= 1u << read.type;
    }
    return done;
}

static const uint32_t of_hello =
    1u << NAME_TLS_SERVER_NAME | 1u << NAME_TLS_ALPN | 1u << NAME_TLS_JA4;

/* However little there is in the first. */
static void a_hello_is_found_in_two_segments_cut_anywhere(void **state)
{
    static uint8_t stream[HELLO_ROOM];
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    for (uint32_t cut = 1; cut < octets; cut++)
        for (unsigned reversed = 0; reversed < 2; reversed++) {
            struct bench bench = open_bench(UINT32_MAX, 0, NULL);
            uint32_t had = 0;
            if (reversed)
                assert_false(offer(&bench, stream, cut, octets - cut, SERVER_PORT, &had));
            assert_false(had);
            bool done = offer(&bench, stream, 0, cut, SERVER_PORT, &had);
            assert_int_equal(done, reversed);
            if (!reversed)
                assert_true(offer(&bench, stream, cut, octets - cut, SERVER_PORT, &had));
            assert_int_equal(had, of_hello);
            name_finder_destroy(bench.finder);
        }
}

/* Three segments, of which the first two are short, in every order. */
static void a_hello_is_found_in_three_segments_in_any_order(void **state)
{
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static uint8_t stream[HELLO_ROOM];
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    for (uint32_t first = 1; first < 8; first++)
        for (uint32_t second = first + 1; second < 100; second += 7)
            for (unsigned order = 0; order < 6; order++) {
                const uint32_t at[] = {0, first, second, octets};
                struct bench bench = open_bench(UINT32_MAX, 0, NULL);
                uint32_t had = 0;
                for (unsigned i = 0; i < 3; i++) {
                    unsigned part = orders[order][i];
                    offer(&bench, stream, at[part], at[part + 1] - at[part], SERVER_PORT, &had);
                }
                assert_int_equal(had, of_hello);
                name_finder_destroy(bench.finder);
            }
}

/* One octet in each. */
static void other_beginnings_are_put_together(void **state)
{
    static const struct {
        const char *text;
        unsigned port;
        enum name_type type;
    } cases[] = {{"GET / HTTP/1.1\r\n", 80, NAME_HTTP_METHOD},
                 {"SSH-2.0-x\r\n", 22, NAME_SSH_CLIENT_BANNER}};
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t cut = 1; cut < strlen(cases[i].text); cut++) {
            struct bench bench = open_bench(1u << cases[i].type, 0, NULL);
            const uint8_t *text = (const uint8_t *)cases[i].text;
            uint32_t had = 0, octets = (uint32_t)strlen(cases[i].text);
            offer(&bench, text, 0, cut, cases[i].port, &had);
            offer(&bench, text, cut, octets - cut, cases[i].port, &had);
            assert_int_equal(had, 1u << cases[i].type);
            name_finder_destroy(bench.finder);
        }
}

/* What is short and nobody's is let go. */
static void strange_beginnings_are_given_up(void **state)
{
    static uint8_t stream[256];
    struct name_finder_counters counters;
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    uint32_t had = 0, at = 0;
    memset(stream, '?', sizeof stream);
    while (!offer(&bench, stream, at, 1, SERVER_PORT, &had))
        at++;
    assert_in_range(at, 2, 16);
    for (uint32_t index = 0; index < 16; index++) /* all places are free again */
        for (uint32_t i = 0; i < 200; i++) {
            struct name_flow flow = {.index = index, .id = 100 + index + 16 * i};
            for (unsigned packet = 0; packet < 16; packet++)
                look(&bench, flow, true, SERVER_PORT, true, "?");
        }
    name_finder_count(bench.finder, &counters);
    assert_int_equal(counters.displaced, 0);
    name_finder_destroy(bench.finder);
}

static void strange_flows_are_given_up(void **state)
{
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    unsigned packets = 1;
    while (!look(&bench, (struct name_flow){.index = 2, .id = 7}, true, SERVER_PORT, true, "????"))
        packets++;
    assert_in_range(packets, 2, 16);
    /* Another flow in the same row begins anew. */
    struct name_flow flow = {.index = 2, .id = 8};
    assert_false(look(&bench, flow, true, 22, true, "SSH-2.0-x\r\n"));
    assert_string_equal(found(&bench, NAME_SSH_CLIENT_BANNER), "SSH-2.0-x");
    name_finder_destroy(bench.finder);
}

static void a_parser_without_end_is_given_up(void **state)
{
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    struct name_flow flow = {.index = 2, .id = 7};
    unsigned packets = 1;
    bool done = look(&bench, flow, true, 80, true, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (; !done && packets < 1000; packets++)
        done = look(&bench, flow, true, 80, true, "more of a long upload");
    assert_in_range(packets, 8, 200);
    name_finder_destroy(bench.finder);
}

static void bounds_pass_packets_over(void **state)
{
    struct name_finder_counters counters;
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    name_finder_set_bounds(bench.finder, 3, 0);
    for (uint32_t i = 0; i < 10; i++) {
        bench.now_ns = 5000000000u + i;
        struct name_flow flow = {.index = i, .id = 1 + i};
        look(&bench, flow, true, 22, true, "SSH-2.0-x\r\n");
        assert_string_equal(found(&bench, NAME_SSH_CLIENT_BANNER), i < 3 ? "SSH-2.0-x" : "");
    }
    bench.now_ns =
        6000000010u; /* another second, and the packet that was passed over comes again */
    look(&bench, (struct name_flow){.index = 9, .id = 10}, true, 22, true, "SSH-2.0-x\r\n");
    assert_string_equal(found(&bench, NAME_SSH_CLIENT_BANNER), "SSH-2.0-x");
    name_finder_count(bench.finder, &counters);
    assert_int_equal(counters.passed_over, 7);
    assert_int_equal(counters.looked_at, 4);
    name_finder_destroy(bench.finder);
}

static void searches_of_applications_end_by_flow(void **state)
{
    (void)state;
    struct bench bench = open_bench(UINT32_MAX, 0, NULL);
    struct name_flow one = {.index = 2, .id = 7}, other = {.index = 2, .id = 8};
    assert_false(name_finder_knows_application(bench.finder, &one));
    name_finder_end_application(bench.finder, &one);
    assert_true(name_finder_knows_application(bench.finder, &one));
    assert_false(name_finder_knows_application(bench.finder, &other));
    name_finder_destroy(bench.finder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_protocol_is_recognised),
        cmocka_unit_test(application_decides_where_the_packet_does_not),
        cmocka_unit_test(greetings_begin_their_flow),
        cmocka_unit_test(the_first_of_each_type_is_kept),
        cmocka_unit_test(hashes_are_of_the_clean_name),
        cmocka_unit_test(long_names_are_cut_and_counted),
        cmocka_unit_test(a_hello_is_found_in_two_segments_cut_anywhere),
        cmocka_unit_test(a_hello_is_found_in_three_segments_in_any_order),
        cmocka_unit_test(other_beginnings_are_put_together),
        cmocka_unit_test(strange_beginnings_are_given_up),
        cmocka_unit_test(strange_flows_are_given_up),
        cmocka_unit_test(a_parser_without_end_is_given_up),
        cmocka_unit_test(bounds_pass_packets_over),
        cmocka_unit_test(searches_of_applications_end_by_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
