/* Names in QUIC: the standards' examples, hellos over several frames and packets, broken packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "app/name_initial.h"
#include "app/name_quic.h"
#include "hello_builder.h"
#include "initial_builder.h"

enum { ROOM = 4096, PADDED = 1162 };

/* RFC 9001 appendix A, RFC 9369 appendix A: the connection id, and the client's CRYPTO frame. */
static const uint8_t id[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
static const char standard_frame[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000"
    "0413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a0008000600"
    "1d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa4"
    "7fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403"
    "05030603020308040805"
    "0806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff08"
    "01100104800075300901100f088394c8f03e51570806048000ffff";

static struct name_workspace *workspace;
static struct heard heard;
static uint8_t message[HELLO_ROOM];
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
    workspace = name_workspace_create(16, &error);
    return workspace ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    name_workspace_destroy(workspace);
    return 0;
}

static uint32_t from_hex(const char *text, uint8_t *out)
{
    uint32_t octets = 0;
    for (; text[0] && text[1]; text += 2) {
        const char pair[] = {text[0], text[1], 0};
        out[octets++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return octets;
}

static void expect_octets(const uint8_t *octets, const char *hex)
{
    uint8_t expected[256];
    assert_memory_equal(octets, expected, from_hex(hex, expected));
}

static enum name_progress offer(bool from_client, const uint8_t *data, uint32_t octets)
{
    struct name_state state = {.workspace = workspace, .flow_id = 7};
    uint8_t *copy = malloc(octets + !octets);
    assert_non_null(copy);
    memcpy(copy, data, octets);
    struct application_packet packet = {
        .data = copy, .length = octets, .whole_length = octets, .from_client = from_client};
    enum name_progress progress = name_quic(&packet, &heard.sink, &state);
    free(copy);
    return progress;
}

static struct initial_parts parts_of(uint32_t version, const uint8_t *frames, uint32_t octets)
{
    return (struct initial_parts){.version = version,
                                  .id = id,
                                  .id_octets = sizeof id,
                                  .number_octets = 1,
                                  .frames = frames,
                                  .frame_octets = octets,
                                  .padded = PADDED};
}

static enum name_progress offer_parts(const struct initial_parts *parts)
{
    static uint8_t packet[2 * ROOM];
    return offer(true, packet, initial_packet(parts, packet));
}

static void expect_example(void)
{
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_string_equal(heard.text[NAME_TLS_ALPN], "h2,http/1.1");
    assert_string_equal(heard.text[NAME_TLS_JA4], "q13d1516h2_8daaf6152771_e5627efa2ab1");
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
        assert_true(heard.count[type] <= 1);
}

/* ---- the standards ---- */

/* The keys, the protected packet and its tag, and what is told of it. */
static void expect_standard(uint32_t version, const char *body, const char *vector,
                            const char *header, const char *begin, const char *end)
{
    uint8_t frames[512], packet[ROOM];
    struct name_opener opener = {0};
    struct name_initial_keys keys;
    struct name_slice whose = {.data = id, .octets = sizeof id};
    struct error error;
    assert_true(name_opener_make(&opener, &error));
    name_initial_derive(&opener, version == 1 ? NAME_QUIC_VERSION_1 : NAME_QUIC_VERSION_2, &whose,
                        &keys);
    name_opener_release(&opener);
    expect_octets(keys.body, body);
    expect_octets(keys.vector, vector);
    expect_octets(keys.header, header);
    struct initial_parts parts = parts_of(version, frames, from_hex(standard_frame, frames));
    parts.number = 2;
    parts.number_octets = 4;
    uint32_t octets = initial_packet(&parts, packet);
    assert_int_equal(octets, 1200);
    expect_octets(packet, begin);
    expect_octets(packet + 1200 - 16, end);
    assert_int_equal(offer(true, packet, octets), NAME_DONE);
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "example.com");
    assert_string_equal(heard.text[NAME_TLS_ALPN], "alpn");
    assert_memory_equal(heard.text[NAME_TLS_JA4], "q13d0211an_", 11);
    assert_int_equal(name_workspace_counters(workspace)->opened, 1);
}

static void the_example_of_version_1_is_opened(void **state)
{
    (void)state;
    expect_standard(1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
                    "9f50449e04a0e810283a1e9933adedd2",
                    "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
                    "e221af44860018ab0856972e194cd934");
}

static void the_example_of_version_2_is_opened(void **state)
{
    (void)state;
    expect_standard(0x6b3343cf, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
                    "45b95e15235d6f45a6b19cbcb0294ba9",
                    "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
                    "");
}

/* ---- frames and packets ---- */

static void drafts_are_opened(void **state)
{
    static const uint32_t versions[] = {0xff00001d, 0xff000020};
    uint8_t frames[ROOM];
    uint32_t octets = crypto_frame(frames, 0, message, hello_message(&hello_example, message));
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct initial_parts parts = parts_of(versions[i], frames, octets);
        heard_start(&heard);
        assert_int_equal(offer_parts(&parts), NAME_DONE);
        expect_example();
    }
}

/* Google's versions with TLS have CRYPTO frames of a type of their own. */
static void versions_of_google_are_opened(void **state)
{
    static const uint32_t versions[] = {0x54303530, 0x54303531};
    uint8_t frames[ROOM];
    uint32_t octets = crypto_frame(frames, 0, message, hello_message(&hello_example, message));
    (void)state;
    frames[0] = 8;
    for (unsigned i = 0; i < 2; i++) {
        struct initial_parts parts = parts_of(versions[i], frames, octets);
        heard_start(&heard);
        assert_int_equal(offer_parts(&parts), NAME_DONE);
        expect_example();
    }
}

/* As browsers do: pieces in no order, with PING, ACK and PADDING between them. */
static uint32_t scatter(uint8_t *frames, uint32_t octets)
{
    uint32_t length = 0, piece = 23;
    for (unsigned parity = 0; parity < 2; parity++)
        for (uint32_t i = 1 - parity; i * piece < octets; i += 2) {
            uint32_t at = i * piece, part = octets - at < piece ? octets - at : piece;
            length += crypto_frame(frames + length, at, message + at, part);
            memcpy(frames + length,
                   "\x01\x00\x00\x02\x05\x00\x01\x01\x02\x02\x03\x05\x00\x00\x00"
                   "\x01\x01\x01",
                   18);
            length += 18;
        }
    return length;
}

static void scattered_frames_are_joined(void **state)
{
    uint8_t frames[ROOM];
    uint32_t octets = scatter(frames, hello_message(&hello_example, message));
    struct initial_parts parts = parts_of(1, frames, octets);
    (void)state;
    assert_int_equal(offer_parts(&parts), NAME_DONE);
    expect_example();
    assert_int_equal(name_workspace_counters(workspace)->gathered, 0);
}

static void two_packets_are_joined_at_every_octet(void **state)
{
    uint8_t first[ROOM], second[ROOM];
    uint32_t octets = hello_message(&hello_example, message);
    (void)state;
    for (uint32_t cut = 1; cut < octets; cut++)
        for (unsigned turned = 0; turned < 2; turned++) {
            struct initial_parts parts[] = {
                parts_of(1, first, crypto_frame(first, 0, message, cut)),
                parts_of(1, second, crypto_frame(second, cut, message + cut, octets - cut))};
            parts[1].number = 1;
            heard_start(&heard);
            assert_int_equal(offer_parts(&parts[turned]), NAME_MORE);
            assert_int_equal(heard.count[NAME_TLS_JA4], 0);
            assert_int_equal(offer_parts(&parts[!turned]), NAME_DONE);
            expect_example();
        }
}

/* Three datagrams of a hello with a key share for the time of quantum computers. */
static void long_hellos_are_joined(void **state)
{
    uint8_t frames[3][ROOM];
    struct hello_parts hello = hello_example;
    hello.filling = 2500;
    uint32_t octets = hello_message(&hello, message);
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t from = i * 1000, to = i < 2 ? from + 1000 : octets;
        struct initial_parts parts =
            parts_of(1, frames[i], crypto_frame(frames[i], from, message + from, to - from));
        parts.number = i;
        assert_int_equal(offer_parts(&parts), i < 2 ? NAME_MORE : NAME_DONE);
    }
    expect_example();
}

/* Two Initial packets in one datagram. */
static void coalesced_packets_are_joined(void **state)
{
    uint8_t frames[ROOM], datagram[2 * ROOM];
    uint32_t octets = hello_message(&hello_example, message), length = 0;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t from = i ? 100 : 0, to = i ? octets : 100;
        struct initial_parts parts =
            parts_of(1, frames, crypto_frame(frames, from, message + from, to - from));
        parts.padded = 0;
        parts.number = i;
        length += initial_packet(&parts, datagram + length);
    }
    assert_int_equal(offer(true, datagram, length), NAME_DONE);
    expect_example();
}

/* Once the server answered, packets name the id that it chose; the keys stay. After a Retry they
 * are of the id that the server chose. */
static void the_server_may_choose_the_id(void **state)
{
    static const uint8_t chosen[] = {9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t frames[ROOM];
    uint32_t octets = hello_message(&hello_example, message);
    (void)state;
    for (unsigned retry = 0; retry < 2; retry++) {
        struct initial_parts parts = parts_of(1, frames, crypto_frame(frames, 0, message, 100));
        heard_start(&heard);
        assert_int_equal(offer_parts(&parts), NAME_MORE);
        parts.frame_octets = crypto_frame(frames, 100, message + 100, octets - 100);
        parts.number = 1;
        parts.id = chosen;
        parts.key_id = retry ? chosen : id;
        parts.token_octets = retry ? 70 : 0;
        assert_int_equal(offer_parts(&parts), NAME_DONE);
        expect_example();
    }
}

/* ---- what is not the client's hello ---- */

static void other_datagrams_are_told_apart(void **state)
{
    static const struct {
        const char *hex;
        enum name_progress progress;
    } cases[] = {
        {"", NAME_DONE},
        {"40010203040506070809", NAME_DONE},                   /* short header */
        {"c0", NAME_DONE},                                     /* cut */
        {"c05130343608aabbccddeeff0011", NAME_DONE},           /* of Google */
        {"c0000000000401020304046b3343cf00000001", NAME_MORE}, /* list of versions */
        {"c0aabacada0401020304040102030400", NAME_MORE},       /* asks for that list */
        {"f00000000104010203040401020304ffffffff", NAME_MORE}, /* Retry */
        {"c000000001040102030404010203040010ffff", NAME_MORE}, /* cut Initial */
        {"c00000000115", NAME_DONE},                           /* cut id */
    };
    uint8_t datagram[64];
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(offer(true, datagram, from_hex(cases[i].hex, datagram)),
                         cases[i].progress);
    assert_false(heard_any(&heard));
}

/* The server's packets are of other keys; any changed octet is noticed. */
static void what_does_not_open_tells_nothing(void **state)
{
    uint8_t frames[ROOM], packet[ROOM];
    uint32_t octets = crypto_frame(frames, 0, message, hello_message(&hello_example, message));
    struct initial_parts parts = parts_of(1, frames, octets);
    (void)state;
    uint32_t length = initial_packet(&parts, packet);
    for (uint32_t at = 0; at < length; at++) {
        packet[at] ^= 0x01;
        enum name_progress progress = offer(true, packet, length);
        packet[at] ^= 0x01;
        if (at > 30) /* behind the header: work that is not done again */
            assert_int_equal(progress, NAME_DONE);
    }
    assert_false(heard_any(&heard));
    assert_int_equal(name_workspace_counters(workspace)->opened, 0);
    assert_true(name_workspace_counters(workspace)->unopened > 1000);
}

static void cut_packets_are_harmless(void **state)
{
    uint8_t frames[ROOM], packet[ROOM];
    uint32_t octets = crypto_frame(frames, 0, message, hello_message(&hello_example, message));
    struct initial_parts parts = parts_of(1, frames, octets);
    (void)state;
    uint32_t length = initial_packet(&parts, packet);
    for (uint32_t cut = 0; cut < length; cut++)
        offer(true, packet, cut);
    assert_false(heard_any(&heard));
}

/* Frames that end before what they say, at every octet. */
static void cut_frames_are_harmless(void **state)
{
    uint8_t frames[ROOM];
    uint32_t octets = scatter(frames, hello_message(&hello_example, message));
    (void)state;
    for (uint32_t cut = 1; cut < octets; cut++) {
        struct initial_parts parts = parts_of(1, frames, cut);
        parts.padded = 20;
        offer_parts(&parts);
    }
    assert_int_equal(name_workspace_counters(workspace)->opened, octets - 1);
}

/* A frame far away, one that is no Initial packet's, and a message that is no ClientHello. */
static void odd_frames_are_harmless(void **state)
{
    uint8_t frames[ROOM];
    struct initial_parts parts = parts_of(1, frames, from_hex("06bfffffff04aabbccdd", frames));
    (void)state;
    assert_int_equal(offer_parts(&parts), NAME_MORE);
    parts.frame_octets = from_hex("1c00", frames);
    assert_int_equal(offer_parts(&parts), NAME_MORE);
    parts.frame_octets = crypto_frame(frames, 0, (const uint8_t *)"\x02\x00\x00\x10", 4);
    assert_int_equal(offer_parts(&parts), NAME_DONE);
    assert_false(heard_any(&heard));
}

/* A datagram full of packets: no more than the first few are opened, and of one connection. */
static void the_work_of_a_datagram_is_bounded(void **state)
{
    static uint8_t datagram[HELLO_ROOM];
    uint8_t frames[ROOM];
    uint32_t length = 0;
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        struct initial_parts parts = parts_of(1, frames, from_hex("01", frames));
        parts.padded = 20;
        length += initial_packet(&parts, datagram + length);
    }
    assert_int_equal(offer(true, datagram, length), NAME_MORE);
    assert_in_range(name_workspace_counters(workspace)->opened, 1, 4);
}

static void no_packet_allocates(void **state)
{
    uint8_t frames[ROOM], packets[2][ROOM];
    uint32_t octets = hello_message(&hello_example, message), lengths[2];
    struct name_state names = {.workspace = workspace, .flow_id = 7};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t from = i ? 100 : 0, to = i ? octets : 100;
        struct initial_parts parts =
            parts_of(1, frames, crypto_frame(frames, from, message + from, to - from));
        lengths[i] = initial_packet(&parts, packets[i]);
    }
    uint64_t before = allocations;
    assert_true(before > 0);
    packets[0][500] ^= 1; /* one that does not open allocates nothing either */
    for (unsigned i = 0; i < 3; i++) {
        unsigned which = i / 2;
        struct application_packet packet = {.data = packets[which],
                                            .length = lengths[which],
                                            .whole_length = lengths[which],
                                            .from_client = true};
        name_quic(&packet, &heard.sink, &names);
        packets[0][500] ^= i == 0;
    }
    expect_example();
    assert_int_equal(name_workspace_counters(workspace)->unopened, 1);
    assert_int_equal(allocations, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_version_1_is_opened),
        TEST(the_example_of_version_2_is_opened),
        TEST(drafts_are_opened),
        TEST(versions_of_google_are_opened),
        TEST(scattered_frames_are_joined),
        TEST(two_packets_are_joined_at_every_octet),
        TEST(long_hellos_are_joined),
        TEST(coalesced_packets_are_joined),
        TEST(the_server_may_choose_the_id),
        TEST(other_datagrams_are_told_apart),
        TEST(what_does_not_open_tells_nothing),
        TEST(cut_packets_are_harmless),
        TEST(cut_frames_are_harmless),
        TEST(odd_frames_are_harmless),
        TEST(the_work_of_a_datagram_is_bounded),
        TEST(no_packet_allocates),
    };
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("names in QUIC", tests, NULL, NULL);
}
