/* Names in HTTP/1: what is told, in every form of head, and what must never be told. */
#include "name_test.h"

#include "app/name_gather.h"
#include "app/name_http.h"
#include "app/name_workspace.h"

static struct name_test client(const char *text)
{
    return name_test_run(name_http, name_test_tcp(true, 80, text, strlen(text)));
}

static struct name_test server(const char *text)
{
    return name_test_run(name_http, name_test_tcp(false, 80, text, strlen(text)));
}

static void expect_host(const char *text, const char *host)
{
    struct name_test test = client(text);
    if (strcmp(test.text[NAME_HTTP_HOST], host) != 0)
        fail_msg("%s: host '%s' instead of '%s'", text, test.text[NAME_HTTP_HOST], host);
    assert_false(test.twice);
}

static void request_shows_method_host_and_agent(void **state)
{
    struct name_test test = client("POST /a HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\n"
                                   "USER-agent:\tcurl/7.88.1 \r\n\r\nHost: body.example\r\n");
    (void)state;
    name_test_expect(&test, NAME_HTTP_METHOD, "POST");
    name_test_expect(&test, NAME_HTTP_HOST, "www.example.org");
    name_test_expect(&test, NAME_HTTP_USER_AGENT, "curl/7.88.1");
    name_test_expect(&test, NAME_HTTP_STATUS, "");
    assert_int_equal(test.progress, NAME_MORE); /* the status */
}

static void only_what_is_wanted_is_waited_for(void **state)
{
    static const char text[] = "GET / HTTP/1.0\r\n\r\n";
    struct application_packet packet = name_test_tcp(true, 80, text, sizeof text - 1);
    struct name_test test = {.sink = {.wanted = 1u << NAME_HTTP_METHOD, .found = name_test_found}};
    (void)state;
    assert_int_equal(name_http(&packet, &test.sink, NULL), NAME_DONE);
    name_test_expect(&test, NAME_HTTP_METHOD, "GET");
    test.sink.wanted = 1u << NAME_HTTP_HOST;
    assert_int_equal(name_http(&packet, &test.sink, NULL), NAME_MORE);
    test.sink.wanted = 1u << NAME_DNS_ANSWER;
    assert_int_equal(name_http(&packet, &test.sink, NULL), NAME_DONE);
}

static void lines_end_in_several_ways(void **state)
{
    static const struct {
        const char *text, *host;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: a.example\n\n", "a.example"},
        {"GET / HTTP/1.1\r\nHost:a.example\n\n", "a.example"},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example"},
        {"GET / HTTP/1.1 \r\nHost:  a.example \t\r\n\r\n", "a.example"},
        {"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", "a.example"},
        {"GET / HTTP/1.1\r\nX: y\r\n Host: folded.example\r\n\r\n", ""},
        {"GET / HTTP/1.1\r\nX: y\rHost: a.example\r\n\r\n", ""},
        {"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", ""},
        {"GET / HTTP/1.1\r\n\r\nHost: body.example\r\n", ""},
        {"GET / HTTP/1.1\n\nHost: body.example\n", ""},
        {"GET / HTTP/1.1\r\nHost: cut.exam", ""},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
        {"GET / HTTP/1.1\rHost: a.example\r\r", ""},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_host(cases[i].text, cases[i].host);
}

/* Hosts of targets in absolute form, of CONNECT, and of spoiled host lines. */
static void hosts_come_without_user_and_path(void **state)
{
    static const struct {
        const char *line, *host;
    } cases[] = {
        {"GET http://a.example/secret?secret HTTP/1.1", "a.example"},
        {"GET http://a.example:8080 HTTP/1.1", "a.example:8080"},
        {"GET http://secret:secret@a.example/secret HTTP/1.1", "a.example"},
        {"GET http://secret@[2001:db8::1]:80/ HTTP/1.1", "[2001:db8::1]:80"},
        {"GET http://secret:se@cret@a.example/ HTTP/1.1", "a.example"},
        {"GET http://secret:se/cret@a.example/ HTTP/1.1", ""},
        {"GET http://secret/secret@a.example/ HTTP/1.1", ""},
        {"GET http://secret:secret HTTP/1.1", ""},
        {"GET http://?secret HTTP/1.1", ""},
        {"GET http://a.example?secret HTTP/1.1", "a.example"},
        {"GET http://a.example#secret HTTP/1.1", "a.example"},
        {"GET http://a.example\\secret HTTP/1.1", "a.example"},
        {"GET ftp://a.example/ HTTP/1.1", "a.example"},
        {"CONNECT a.example:443 HTTP/1.1", "a.example:443"},
        {"CONNECT secret:secret@a.example:443 HTTP/1.1", "a.example:443"},
        {"GET a.example/secret HTTP/1.1", ""},
        {"GET /http://secret/ HTTP/1.1", ""},
        {"OPTIONS * HTTP/1.1", ""},
        {"GET / HTTP/1.1\r\nHost: a.example:8080", "a.example:8080"},
        {"GET / HTTP/1.1\r\nHost: http://a.example/secret?secret", "a.example"},
        {"GET / HTTP/1.1\r\nHost: a.example/secret", "a.example"},
        {"GET / HTTP/1.1\r\nHost: secret:secret@a.example", "a.example"},
        {"GET / HTTP/1.1\r\nHost: secret:se/cret@a.example", ""},
        {"GET / HTTP/1.1\r\nHost: a.example secret", ""},
        {"GET / HTTP/1.1\r\nHost: a.example:secret", ""},
        {"GET / HTTP/1.1\r\nHost: :80", ""},
        {"GET / HTTP/1.1\r\nHost: [::1", ""},
        {"GET / HTTP/1.1\r\nHost: [fe80::1]", "[fe80::1]"},
        {"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]:80", "[fe80::1%25eth0]:80"},
        {"GET / HTTP/1.1\r\nHost: a_b-c.~d.example", "a_b-c.~d.example"},
        {"GET / HTTP/1.1\r\nHost: a.example;secret", ""},
        {"GET / HTTP/1.1\r\nHost: a.example&secret=1", ""},
        {"GET / HTTP/1.1\r\nHost: secret%3Asecret%40a.example", ""},
        {"GET http://secret%3Asecret%40a.example/ HTTP/1.1", ""},
        {"GET http://a.example/ HTTP/1.1\r\nHost: b.example", "a.example"},
        {"GET http://a.example/@secret HTTP/1.1\r\nHost: a.example", "a.example"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\r\nAccept: */*\r\n\r\n", cases[i].line);
        expect_host(text, cases[i].host);
    }
}

static void what_is_not_http_is_not_taken_for_it(void **state)
{
    static const char *const texts[] = {
        "",
        "\r\n\r\n\r\n\r\n\r\n",
        "G",
        "GET",
        "GET / HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "OPTIONS rtsp://a.example/ RTSP/1.0\r\nHost: a.example\r\n",
        "INVITE sip:b@a.example SIP/2.0\r\nUser-Agent: phone\r\n",
        "GET /\r\nHost: a.example\r\n",
        "GET HTTP/1.1\r\nHost: a.example\r\n",
        "USER secret\r\nHost: a.example\r\n",
        "PASS secret",
        "LONGERTHANANYMETHOD / HTTP/1.1\r\nHost: a.example\r\n",
        "G\"T / HTTP/1.1\r\nHost: a.example\r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1 2000\r\n",
        "HTTP/1.x 200 OK\r\n",
        "HTTP/2 200 OK\r\n",
        "Host: a.example\r\nUser-Agent: body\r\n\r\n",
        "\x16\x03\x01GET / HTTP/1.1\r\n",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct application_packet packet = name_test_tcp(true, 80, texts[i], strlen(texts[i]));
        packet.client_known = false;
        struct name_test test = name_test_run(name_http, packet);
        if (name_is_http(&packet))
            fail_msg("%s is taken for HTTP", texts[i]);
        for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
            assert_string_equal(test.text[type], "");
        assert_int_equal(test.progress, NAME_MORE);
    }
}

static void status_is_that_of_the_first_real_response(void **state)
{
    static const struct {
        const char *text, *status;
    } cases[] = {
        {"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", "404"},
        {"HTTP/1.0 200\r\n\r\n", "200"},
        {"HTTP/1.1 204 \n\n", "204"},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "101"},
        {"HTTP/1.1 100 Continue\r\n\r\n", ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n", "503"},
        {"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 302 F\r\n", "302"},
        {"HTTP/1.1 103 Early\r\nHTTP/1.1 200 inside\r\n", ""},
        {"HTTP/1.1 200", ""}, /* perhaps cut */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct name_test test = server(cases[i].text);
        if (strcmp(test.text[NAME_HTTP_STATUS], cases[i].status) != 0)
            fail_msg("%s: status '%s'", cases[i].text, test.text[NAME_HTTP_STATUS]);
    }
}

/* TRACE gives the request back; a request may hold anything. */
static void each_side_says_its_own(void **state)
{
    struct name_test test = server("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    (void)state;
    name_test_expect(&test, NAME_HTTP_HOST, "");
    name_test_expect(&test, NAME_HTTP_METHOD, "");
    test = client("HTTP/1.1 200 OK\r\n\r\n");
    name_test_expect(&test, NAME_HTTP_STATUS, "");
}

/* A line that the packet cuts off: the method is believed if it is a common one, and a host only
 * if its end was seen. */
static void first_line_may_be_cut(void **state)
{
    struct name_test test = client("GET http://a.example/long");
    (void)state;
    name_test_expect(&test, NAME_HTTP_METHOD, "GET");
    name_test_expect(&test, NAME_HTTP_HOST, "a.example");
    test = client("GET http://a.exam");
    name_test_expect(&test, NAME_HTTP_METHOD, "GET");
    name_test_expect(&test, NAME_HTTP_HOST, "");
    test = client("CONNECT a.example:4");
    name_test_expect(&test, NAME_HTTP_HOST, "");
    test = client("STRANGE / HTTP/1.");
    name_test_expect(&test, NAME_HTTP_METHOD, "");
}

static const char request_with_secrets[] =
    "POST http://secret:secret@a.example:81/secret;secret?k=secret&Host:secret HTTP/1.1\r\n"
    "Authorization: Basic secret\r\nProxy-Authorization: Digest secret\r\n"
    "Cookie: id=secret; Host: secret\r\n User-Agent: secret\r\n\tHost: secret\r\n"
    "Set-Cookie: secret\r\nX-Host: secret\r\nUser-Agent-Key: secret\r\n"
    "Referer: http://a.example/secret\r\nX-Api-Key: secret\r\nHost: a.example:81\r\n"
    "User-Agent: tool/1\r\nFrom: secret\r\n\r\nuser=secret&password=secret\r\n"
    "Host: secret\r\nUser-Agent: secret\r\nGET /secret HTTP/1.1\r\nHost: secret\r\n\r\n";

/* Cut anywhere, a head tells what the whole one tells or nothing, and never a secret. */
static void secrets_stay_where_they_are(void **state)
{
    static const char *const whole[NAME_TYPE_COUNT] = {[NAME_HTTP_HOST] = "a.example:81",
                                                       [NAME_HTTP_METHOD] = "POST",
                                                       [NAME_HTTP_USER_AGENT] = "tool/1"};
    const size_t length = sizeof request_with_secrets - 1;
    (void)state;
    for (uint32_t cut = 0; cut <= length; cut++) {
        struct application_packet packet = name_test_tcp(true, 81, request_with_secrets, length);
        packet.client_known = cut & 1;
        struct name_test test = name_test_cut(name_http, packet, cut);
        for (unsigned type = 0; type < NAME_TYPE_COUNT; type++) {
            const char *text = test.text[type];
            if (text[0] && (!whole[type] || strcmp(text, whole[type]) != 0))
                fail_msg("after %u octets: '%s'", cut, text);
            assert_true(cut < length || !whole[type] || text[0]);
        }
    }
}

static void responses_are_cut_anywhere(void **state)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 404 Not Found\r\n"
                               "Set-Cookie: secret\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    (void)state;
    for (uint32_t cut = 0; cut < sizeof text; cut++) {
        struct name_test test =
            name_test_cut(name_http, name_test_tcp(false, 80, text, sizeof text - 1), cut);
        assert_true(!test.text[NAME_HTTP_STATUS][0] ||
                    strcmp(test.text[NAME_HTTP_STATUS], "404") == 0);
        assert_true(cut < sizeof text - 1 || test.text[NAME_HTTP_STATUS][0]);
    }
}

/* 60,000 octets: a line as long, as many lines, and a request line as long. */
static void huge_heads_end(void **state)
{
    static char text[NAME_TEST_ROOM];
    static const char tail[] = "\r\nHost: a.example\r\n\r\n";
    enum { HUGE_OCTETS = 60000 };
    int used = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nCookie: ");
    (void)state;
    memset(text + used, 'c', HUGE_OCTETS);
    strcpy(text + used + HUGE_OCTETS, tail);
    expect_host(text, "a.example");
    used = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i < HUGE_OCTETS / 2; i++)
        memcpy(text + used + i * 2, "a\n", 2);
    strcpy(text + used + HUGE_OCTETS, tail);
    expect_host(text, ""); /* no head has as many lines */
    used = snprintf(text, sizeof text, "GET http://a.example/");
    memset(text + used, 'p', HUGE_OCTETS);
    text[used + HUGE_OCTETS] = '\0';
    expect_host(text, "a.example");
    memset(text, '\n', HUGE_OCTETS);
    text[HUGE_OCTETS] = '\0';
    expect_host(text, "");
}

/* ---- heads in several packets ---- */

enum { START = 0xfffffff0 };

/* What a client's packets of TEXT tell, cut at the offsets CUTS (0: no more) and sent in ORDER. */
static struct name_test segments(const char *text, const uint32_t cuts[4], const uint8_t order[4],
                                 unsigned count)
{
    struct error error;
    struct name_workspace *workspace = name_workspace_create(4, &error);
    assert_non_null(workspace);
    struct name_state state = {workspace, 5};
    struct name_test test = {.sink = {.wanted = UINT32_MAX, .found = name_test_found}};
    uint32_t ends[5] = {0};
    for (unsigned i = 0; i < count; i++)
        ends[i + 1] = i + 1 < count ? cuts[i] : (uint32_t)strlen(text);
    for (unsigned i = 0; i < count; i++) {
        uint32_t from = ends[order[i]], octets = ends[order[i] + 1] - from;
        struct application_packet packet = name_test_tcp(true, 80, text + from, octets);
        packet.tcp_sequence = START + from;
        packet.data = name_test_guarded(packet.data, octets);
        test.progress = name_http(&packet, &test.sink, &state);
    }
    name_workspace_destroy(workspace);
    return test;
}

static const char parted[] =
    "GET /path?query HTTP/1.1\r\nCookie: secret\r\nHost: www.example.org\r\n"
    "Accept: */*\r\nUser-Agent: curl/8\r\nX: y\r\n\r\n"
    "Host: body.example\r\nUser-Agent: body\r\n";

static void expect_parted(const struct name_test *test)
{
    name_test_expect(test, NAME_HTTP_METHOD, "GET");
    name_test_expect(test, NAME_HTTP_HOST, "www.example.org");
    name_test_expect(test, NAME_HTTP_USER_AGENT, "curl/8");
    assert_false(test->twice);
}

static void heads_are_cut_anywhere(void **state)
{
    (void)state;
    for (uint32_t cut = 4; cut < strlen(parted); cut++) {
        struct name_test test =
            segments(parted, (const uint32_t[4]){cut}, (const uint8_t[4]){0, 1}, 2);
        expect_parted(&test);
    }
    for (uint32_t one = 4; one < strlen(parted) - 2; one += 3)
        for (uint32_t two = one + 1; two < strlen(parted); two++) {
            const uint32_t cuts[4] = {one, two};
            struct name_test test = segments(parted, cuts, (const uint8_t[4]){0, 1, 2}, 3);
            expect_parted(&test);
            test = segments(parted, cuts, (const uint8_t[4]){0, 2, 1}, 3);
            expect_parted(&test);
        }
}

static void the_end_of_a_head_is_seen_wherever_it_is_cut(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nX: y\r\n\r\nHost: body.example\r\n";
    (void)state;
    for (uint32_t cut = 4; cut < strlen(text); cut++) {
        struct name_test test =
            segments(text, (const uint32_t[4]){cut}, (const uint8_t[4]){0, 1}, 2);
        name_test_expect(&test, NAME_HTTP_METHOD, "GET");
        name_test_expect(&test, NAME_HTTP_HOST, "");
    }
}

/* Whether OCTETS of what WORKSPACE keeps hold WORD. */
static bool keeps(const struct name_workspace *workspace, const char *word)
{
    const uint8_t *from = workspace->arena.memory;
    return memmem(from, workspace->arena.size, word, strlen(word)) ||
           memmem(&workspace->scratch, sizeof workspace->scratch, word, strlen(word));
}

static void nothing_is_kept_but_what_is_wanted(void **state)
{
    static const char *const parts[] = {"GET /path?que", "ry HTTP/1.1\r\nCookie: secr",
                                        "et; more\r", "\nHost: www.exa",
                                        "mple.org\r\nCookie: third\r\n\r\n"};
    struct error error;
    (void)state;
    struct name_workspace *workspace = name_workspace_create(4, &error);
    assert_non_null(workspace);
    struct name_state of = {workspace, 5};
    struct name_test test = {.sink = {.wanted = UINT32_MAX, .found = name_test_found}};
    uint32_t sequence = START;
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct application_packet packet = name_test_tcp(true, 80, parts[i], strlen(parts[i]));
        packet.tcp_sequence = sequence;
        sequence += packet.length;
        name_http(&packet, &test.sink, &of);
        static const char *const never[] = {"path", "que", "ry",   "Cookie",
                                            "secr", "et",  "more", "third"};
        for (unsigned n = 0; n < sizeof never / sizeof never[0]; n++)
            assert_false(keeps(workspace, never[n]));
        assert_int_equal(keeps(workspace, "www.exa"), i == 3);
    }
    name_test_expect(&test, NAME_HTTP_HOST, "www.example.org");
    name_workspace_destroy(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_shows_method_host_and_agent),
        cmocka_unit_test(only_what_is_wanted_is_waited_for),
        cmocka_unit_test(lines_end_in_several_ways),
        cmocka_unit_test(hosts_come_without_user_and_path),
        cmocka_unit_test(what_is_not_http_is_not_taken_for_it),
        cmocka_unit_test(status_is_that_of_the_first_real_response),
        cmocka_unit_test(each_side_says_its_own),
        cmocka_unit_test(first_line_may_be_cut),
        cmocka_unit_test(secrets_stay_where_they_are),
        cmocka_unit_test(responses_are_cut_anywhere),
        cmocka_unit_test(huge_heads_end),
        cmocka_unit_test(heads_are_cut_anywhere),
        cmocka_unit_test(the_end_of_a_head_is_seen_wherever_it_is_cut),
        cmocka_unit_test(nothing_is_kept_but_what_is_wanted),
    };
    return cmocka_run_group_tests_name("names in HTTP", tests, NULL, NULL);
}
