/* Names in TLS and DTLS: over one packet and several, in whatever order, and never for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "app/name_tls.h"
#include "hello_builder.h"

enum { PLACES = 4, SEQUENCE = 0xfffffff0u - 40 };

static struct name_workspace *workspace;
static struct heard heard;
static uint8_t stream[HELLO_ROOM];
static uint64_t allocations;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return malloc(size);
}

static void *count_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return realloc(memory, size);
}

static void count_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static int set_up(void **state)
{
    struct error error;
    (void)state;
    heard_start(&heard);
    workspace = name_workspace_create(PLACES, &error);
    return workspace ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    name_workspace_destroy(workspace);
    return 0;
}

/* Gives the parser a copy of exactly these octets. */
static enum name_progress offer(uint64_t flow, bool tcp, uint32_t sequence, const uint8_t *data,
                                uint32_t octets)
{
    struct name_state state = {.workspace = workspace, .flow_id = flow};
    uint8_t *copy = malloc(octets + !octets);
    assert_non_null(copy);
    memcpy(copy, data, octets);
    struct application_packet packet = {.data = copy,
                                        .length = octets,
                                        .whole_length = octets,
                                        .tcp_sequence = sequence,
                                        .tcp = tcp,
                                        .from_client = true};
    enum name_progress progress = name_tls(&packet, &heard.sink, &state);
    free(copy);
    return progress;
}

/* The octets [FROM, TO) of the stream, of flow 1. */
static enum name_progress offer_part(uint32_t from, uint32_t to)
{
    return offer(1, true, SEQUENCE + from, stream + from, to - from);
}

static void expect_example(void)
{
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_string_equal(heard.text[NAME_TLS_ALPN], "h2,http/1.1");
    assert_string_equal(heard.text[NAME_TLS_JA4], HELLO_EXAMPLE_JA4);
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
        assert_true(heard.count[type] <= 1);
}

static void one_packet_tells_all(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    assert_int_equal(offer_part(0, octets), NAME_DONE);
    expect_example();
    assert_int_equal(name_workspace_counters(workspace)->hellos, 1);
    assert_int_equal(name_workspace_counters(workspace)->gathered, 0);
}

/* What follows in the same packet is not of the hello. */
static void early_data_may_follow(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    memcpy(stream + octets, "\x17\x03\x03\x00\x10", 5);
    assert_int_equal(offer_part(0, octets + 21), NAME_DONE);
    expect_example();
}

static void two_packets_are_joined_at_every_octet(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    for (uint32_t cut = 1; cut < octets; cut++) {
        heard_start(&heard);
        assert_int_equal(offer_part(0, cut), NAME_MORE);
        assert_int_equal(heard.count[NAME_TLS_JA4], 0);
        assert_int_equal(offer_part(cut, octets), NAME_DONE);
        expect_example();
    }
    assert_int_equal(name_workspace_counters(workspace)->gathered, octets - 1);
    assert_int_equal(name_workspace_counters(workspace)->displaced, 0);
}

static void later_packets_may_be_out_of_order_and_repeated(void **state)
{
    struct hello_parts parts = hello_example;
    (void)state;
    parts.filling = 2000;
    uint32_t octets = hello_record(&parts, stream);
    assert_int_equal(offer_part(0, 700), NAME_MORE);
    assert_int_equal(heard.count[NAME_TLS_SERVER_NAME], 1); /* told as soon as it is there */
    assert_int_equal(offer_part(1400, 2000), NAME_MORE);
    assert_int_equal(offer_part(0, 700), NAME_MORE);
    assert_int_equal(offer_part(1900, octets), NAME_MORE);
    assert_int_equal(offer_part(1400, 1500), NAME_MORE);
    assert_int_equal(offer_part(650, 1450), NAME_DONE);
    expect_example();
}

/* In records of every length, down to one octet; over one packet and two. */
static void records_are_joined(void **state)
{
    static uint8_t message[HELLO_ROOM];
    uint32_t octets = hello_message(&hello_example, message);
    (void)state;
    for (uint32_t record = 1; record < octets; record++) {
        uint32_t length = 0;
        for (uint32_t at = 0; at < octets; at += record) {
            uint32_t part = octets - at < record ? octets - at : record;
            const uint8_t head[] = {22, 3, 1, (uint8_t)(part >> 8), (uint8_t)part};
            memcpy(stream + length, head, sizeof head);
            memcpy(stream + length + sizeof head, message + at, part);
            length += (uint32_t)sizeof head + part;
        }
        heard_start(&heard);
        assert_int_equal(offer_part(0, length), NAME_DONE);
        expect_example();
        heard_start(&heard);
        assert_int_equal(offer_part(0, length / 2), NAME_MORE);
        assert_int_equal(offer_part(length / 2, length), NAME_DONE);
        expect_example();
    }
}

static void the_other_direction_is_not_joined(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    struct name_state names = {.workspace = workspace, .flow_id = 1};
    struct application_packet packet = {.data = stream,
                                        .length = octets - 100,
                                        .whole_length = octets - 100,
                                        .tcp_sequence = SEQUENCE + 100,
                                        .tcp = true,
                                        .from_client = false};
    (void)state;
    assert_int_equal(offer_part(0, 100), NAME_MORE);
    assert_int_equal(name_tls(&packet, &heard.sink, &names), NAME_MORE);
    assert_int_equal(offer_part(100, octets), NAME_DONE);
    expect_example();
}

/* Of what was cut by the capture the beginning is told, and nothing is waited for. */
static void a_captured_part_is_told(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    struct name_state names = {.workspace = workspace, .flow_id = 1};
    struct application_packet packet = {.data = stream,
                                        .length = 150,
                                        .whole_length = octets,
                                        .tcp_sequence = SEQUENCE,
                                        .tcp = true,
                                        .from_client = true};
    (void)state;
    assert_int_equal(name_tls(&packet, &heard.sink, &names), NAME_DONE);
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_int_equal(heard.count[NAME_TLS_JA4], 0);
}

static void what_is_too_long_tells_its_beginning(void **state)
{
    struct hello_parts parts = hello_example;
    (void)state;
    parts.filling = 5000;
    uint32_t octets = hello_record(&parts, stream);
    assert_int_equal(offer_part(0, 1400), NAME_DONE);
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_int_equal(heard.count[NAME_TLS_JA4], 0);
    assert_int_equal(name_workspace_counters(workspace)->oversized, 1);
    heard_start(&heard);
    assert_int_equal(offer_part(0, octets), NAME_DONE); /* in one packet it may be */
    expect_example();
}

static void what_is_no_hello_is_done(void **state)
{
    static const char *const payloads[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x02\x01", "\x17\x03\x03",
                                           "\x16\x03\x03\x01\x01\x02", "\x16\x03\x05"};
    (void)state;
    for (unsigned i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        for (unsigned tcp = 0; tcp < 2; tcp++) {
            const uint8_t *data = (const uint8_t *)payloads[i];
            assert_int_equal(offer(1, tcp, 1, data, (uint32_t)strlen(payloads[i])), NAME_DONE);
        }
    assert_int_equal(offer(1, true, 1, stream, 0), NAME_DONE);
    assert_false(heard_any(&heard));
    hello_record(&hello_example, stream);
    assert_int_equal(offer_part(0, 60), NAME_MORE);
    memset(stream + 60, 0xff, 100); /* lengths that do not add up */
    assert_int_equal(offer_part(60, 160), NAME_DONE);
    assert_false(heard_any(&heard));
}

/* The client that sends one octet at a time is given up. */
static void patience_ends(void **state)
{
    uint32_t packets = 1;
    (void)state;
    hello_record(&hello_example, stream);
    while (offer_part(packets - 1, packets) == NAME_MORE)
        packets++;
    assert_int_equal(packets, 16);
}

/* With more flows than places in its row, the flow that waited longest is given up. */
static void places_are_bounded(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    (void)state;
    for (uint64_t flow = 1; flow <= PLACES + 1; flow++)
        assert_int_equal(offer(flow, true, SEQUENCE, stream, 60), NAME_MORE);
    assert_int_equal(name_workspace_counters(workspace)->displaced, 1);
    for (uint64_t flow = PLACES + 1; flow >= 1; flow--) {
        heard_start(&heard);
        assert_int_equal(offer(flow, true, SEQUENCE + 60, stream + 60, octets - 60), NAME_DONE);
        if (flow > 1)
            expect_example();
        else
            assert_false(heard_any(&heard));
    }
}

/* ---- DTLS ---- */

/* A record with the octets [FROM, TO) of message NUMBER. */
static uint32_t put_fragment(uint8_t *out, const uint8_t *body, uint32_t whole, unsigned number,
                             uint32_t from, uint32_t to)
{
    uint32_t octets = to - from, record = octets + 12;
    const uint8_t head[] = {22,
                            0xfe,
                            0xff,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            1,
                            (uint8_t)(record >> 8),
                            (uint8_t)record,
                            1,
                            0,
                            (uint8_t)(whole >> 8),
                            (uint8_t)whole,
                            0,
                            (uint8_t)number,
                            0,
                            (uint8_t)(from >> 8),
                            (uint8_t)from,
                            0,
                            (uint8_t)(octets >> 8),
                            (uint8_t)octets};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, body + from, octets);
    return (uint32_t)sizeof head + octets;
}

static enum name_progress offer_fragment(const uint8_t *body, uint32_t whole, unsigned number,
                                         uint32_t from, uint32_t to)
{
    static uint8_t datagram[HELLO_ROOM];
    return offer(1, false, 0, datagram, put_fragment(datagram, body, whole, number, from, to));
}

static uint32_t datagram_hello(uint8_t *body)
{
    struct hello_parts parts = hello_example;
    parts.version = 0xfefd;
    parts.versions = NULL;
    parts.cookie = true;
    return hello_body(&parts, body);
}

static void expect_datagram_example(void)
{
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_string_equal(heard.text[NAME_TLS_JA4], "dd2d1516h2_8daaf6152771_e5627efa2ab1");
    assert_int_equal(heard.count[NAME_TLS_JA4], 1);
}

static void fragments_of_datagrams_are_joined_at_every_octet(void **state)
{
    static uint8_t body[HELLO_ROOM];
    uint32_t whole = datagram_hello(body);
    (void)state;
    assert_int_equal(offer_fragment(body, whole, 0, 0, whole), NAME_DONE);
    expect_datagram_example();
    for (uint32_t cut = 1; cut < whole; cut++) {
        heard_start(&heard);
        assert_int_equal(offer_fragment(body, whole, 0, 0, cut), NAME_MORE);
        assert_int_equal(offer_fragment(body, whole, 0, cut, whole), NAME_DONE);
        expect_datagram_example();
        heard_start(&heard); /* the other way around, and more than is missing */
        assert_int_equal(offer_fragment(body, whole, 0, cut, whole), NAME_MORE);
        assert_int_equal(offer_fragment(body, whole, 0, 0, cut + (whole - cut) / 2), NAME_DONE);
        expect_datagram_example();
    }
}

static void several_fragments_share_a_datagram(void **state)
{
    static uint8_t body[HELLO_ROOM], datagram[HELLO_ROOM];
    uint32_t whole = datagram_hello(body), octets = 0;
    (void)state;
    for (uint32_t at = 0; at < whole; at += 40)
        octets +=
            put_fragment(datagram + octets, body, whole, 0, at, at + 40 < whole ? at + 40 : whole);
    assert_int_equal(offer(1, false, 0, datagram, octets), NAME_DONE);
    expect_datagram_example();
}

/* The server's cookie makes the client begin again; parts of both hellos do not mix. */
static void a_hello_with_a_cookie_begins_again(void **state)
{
    static uint8_t body[HELLO_ROOM];
    uint32_t whole = datagram_hello(body);
    (void)state;
    assert_int_equal(offer_fragment(body, whole, 0, 0, 50), NAME_MORE);
    assert_int_equal(offer_fragment(body, whole, 1, 50, whole), NAME_MORE);
    assert_int_equal(offer_fragment(body, whole, 1, 0, 50), NAME_DONE);
    expect_datagram_example();
}

static void cut_datagrams_are_harmless(void **state)
{
    static uint8_t body[HELLO_ROOM], datagram[HELLO_ROOM];
    uint32_t whole = datagram_hello(body);
    uint32_t octets = put_fragment(datagram, body, whole, 0, 0, whole);
    (void)state;
    for (uint32_t cut = 0; cut < octets; cut++)
        assert_int_equal(offer(1, false, 0, datagram, cut), NAME_DONE);
    assert_false(heard_any(&heard));
}

/* ---- OpenSSL's own ---- */

/* What a client of OpenSSL sends first. */
static uint32_t greet(const SSL_METHOD *method, int highest, uint8_t *out)
{
    SSL_CTX *context = SSL_CTX_new(method);
    BIO *input = BIO_new(BIO_s_mem()), *output = BIO_new(BIO_s_mem());
    assert_non_null(context);
    if (highest)
        assert_int_equal(SSL_CTX_set_max_proto_version(context, highest), 1);
    SSL *client = SSL_new(context);
    assert_non_null(client);
    SSL_set_bio(client, input, output);
    SSL_set_options(client, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(client, 1200);
    assert_int_equal(SSL_set_tlsext_host_name(client, "mail.example.net"), 1);
    assert_int_equal(SSL_set_alpn_protos(client, (const uint8_t *)"\x04imap", 5), 0);
    SSL_connect(client);
    int octets = BIO_read(output, out, HELLO_ROOM);
    assert_true(octets > 0);
    SSL_free(client);
    SSL_CTX_free(context);
    return (uint32_t)octets;
}

static void hellos_of_openssl_are_read(void **state)
{
    const struct {
        const SSL_METHOD *method;
        int highest;
        bool tcp;
        const char *begin;
    } cases[] = {{TLS_client_method(), 0, true, "t13d"},
                 {TLS_client_method(), TLS1_2_VERSION, true, "t12d"},
                 {DTLS_client_method(), 0, false, "dd2d"}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t octets = greet(cases[i].method, cases[i].highest, stream);
        heard_start(&heard);
        assert_int_equal(offer(1, cases[i].tcp, 1, stream, octets), NAME_DONE);
        assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "mail.example.net");
        assert_string_equal(heard.text[NAME_TLS_ALPN], "imap");
        assert_memory_equal(heard.text[NAME_TLS_JA4], cases[i].begin, 4);
        assert_memory_equal(heard.text[NAME_TLS_JA4] + 8, "ip_", 3);
        assert_int_equal(strlen(heard.text[NAME_TLS_JA4]), 36);
    }
}

static void no_packet_allocates(void **state)
{
    uint32_t octets = hello_record(&hello_example, stream);
    uint64_t before = allocations;
    (void)state;
    assert_true(before > 0); /* the workspace's own were counted */
    offer_part(0, 100);
    offer_part(100, octets);
    expect_example();
    assert_int_equal(allocations, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_packet_tells_all),
        TEST(early_data_may_follow),
        TEST(two_packets_are_joined_at_every_octet),
        TEST(later_packets_may_be_out_of_order_and_repeated),
        TEST(records_are_joined),
        TEST(the_other_direction_is_not_joined),
        TEST(a_captured_part_is_told),
        TEST(what_is_too_long_tells_its_beginning),
        TEST(what_is_no_hello_is_done),
        TEST(patience_ends),
        TEST(places_are_bounded),
        TEST(fragments_of_datagrams_are_joined_at_every_octet),
        TEST(several_fragments_share_a_datagram),
        TEST(a_hello_with_a_cookie_begins_again),
        TEST(cut_datagrams_are_harmless),
        TEST(hellos_of_openssl_are_read),
        TEST(no_packet_allocates),
    };
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("names in TLS", tests, NULL, NULL);
}
