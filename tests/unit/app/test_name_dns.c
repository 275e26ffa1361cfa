/* Names in DNS: questions, answers, codes, compression that leads astray, and cuts anywhere. */
#include "name_test.h"

#include "app/name_dns.h"

enum { MESSAGE_MAX = 8192, DNS = 53, MDNS = 5353 };

/* A message that is put together. */
struct message {
    uint8_t data[MESSAGE_MAX];
    uint32_t length;
};

static void add(struct message *message, const void *data, size_t length)
{
    assert_true(message->length + length <= sizeof message->data);
    memcpy(message->data + message->length, data, length);
    message->length += (uint32_t)length;
}

static void add16(struct message *message, unsigned number)
{
    const uint8_t octets[] = {(uint8_t)(number >> 8), (uint8_t)number};
    add(message, octets, sizeof octets);
}

/* A name in labels: NAME has dots between them. */
static void add_name(struct message *message, const char *name)
{
    while (*name) {
        uint8_t octets = (uint8_t)strcspn(name, ".");
        add(message, &octets, 1);
        add(message, name, octets);
        name += octets + (name[octets] == '.');
    }
    add(message, "", 1);
}

/* A record with the name at offset 12. */
static void add_record(struct message *message, unsigned type, const void *data, size_t length)
{
    add16(message, 0xc00c);
    add16(message, type);
    add16(message, 1);
    add(message, "\0\0\0\x3c", 4);
    add16(message, (unsigned)length);
    add(message, data, length);
}

/* Header and a question for NAME. */
static struct message begin(unsigned flags, unsigned answers, const char *name, unsigned type)
{
    struct message message = {.length = 0};
    add16(&message, 0x1234);
    add16(&message, flags);
    add16(&message, 1);
    add16(&message, answers);
    add(&message, "\0\0\0\0", 4);
    add_name(&message, name);
    add16(&message, type);
    add16(&message, 1);
    return message;
}

static struct application_packet packet_of(const struct message *message, unsigned port, bool tcp)
{
    bool response = message->data[tcp ? 4 : 2] & 0x80;
    struct application_packet packet =
        name_test_tcp(!response, port, message->data, message->length);
    packet.tcp = packet.client_known = tcp;
    return packet;
}

static struct name_test run(const struct message *message, unsigned port)
{
    struct application_packet packet = packet_of(message, port, false);
    struct name_test test = name_test_run(name_dns, packet);
    assert_false(test.twice);
    return test;
}

/* Fails unless MESSAGE, a datagram, shows just this; NULL: nothing. */
static void expect(const struct message *message, const char *name, const char *type,
                   const char *code, const char *answer)
{
    struct name_test test = run(message, DNS);
    name_test_expect(&test, NAME_DNS_QUERY_NAME, name ? name : "");
    name_test_expect(&test, NAME_DNS_QUERY_TYPE, type ? type : "");
    name_test_expect(&test, NAME_DNS_RESPONSE_CODE, code ? code : "");
    name_test_expect(&test, NAME_DNS_ANSWER, answer ? answer : "");
    assert_int_equal(test.progress, code ? NAME_DONE : NAME_MORE);
}

static void question_shows_name_and_type(void **state)
{
    static const struct {
        unsigned number;
        const char *word;
    } types[] = {{1, "A"},         {28, "AAAA"},        {15, "MX"},   {65, "HTTPS"},
                 {255, "ANY"},     {51, "NSEC3PARAM"},  {257, "CAA"}, {4, "TYPE4"},
                 {999, "TYPE999"}, {65535, "TYPE65535"}};
    struct message message = begin(0x0100, 0, "WWW.Example.ORG", 1);
    struct application_packet packet = packet_of(&message, DNS, false);
    (void)state;
    expect(&message, "www.example.org", "A", NULL, NULL);
    assert_true(name_is_dns(&packet));
    packet.destination_port = 5000;
    assert_false(name_is_dns(&packet));
    message = begin(0x0100, 0, "", 2);
    expect(&message, ".", "NS", NULL, NULL);
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        message = begin(0x0100, 0, "a", types[i].number);
        expect(&message, "a", types[i].word, NULL, NULL);
    }
}

static void response_shows_code_and_answers(void **state)
{
    static const char *const codes[] = {
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",  "DSOTYPENI", "RCODE12", "RCODE13", "RCODE14",  "RCODE15"};
    static const uint8_t ipv6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    struct message message;
    (void)state;
    for (unsigned code = 0; code < 16; code++) {
        message = begin(0x8180 | code, 0, "a.example", 1);
        expect(&message, "a.example", "A", codes[code], NULL);
    }
    message = begin(0x8180, 7, "a.example", 1);
    add_record(&message, 5, "\1B\xc0\x0c", 4);
    add_record(&message, 1, "\xc0\0\2\1", 4);
    add_record(&message, 28, ipv6, sizeof ipv6);
    add_record(&message, 15, "\0\x0a\2mx\xc0\x0e", 7); /* "\xc0\x0e": example */
    add_record(&message, 33, "\0\0\0\0\1\xbb\3srv\xc0\x0e", 12);
    add_record(&message, 16, "\6secret", 7);
    add_record(&message, 1, "\xff\xff\xff\xff", 4);
    expect(&message, "a.example", "A", "NOERROR",
           "b.a.example,192.0.2.1,2001:db8::1,mx.example,srv.example,255.255.255.255");
}

static void addresses_look_as_they_should(void **state)
{
    static const struct {
        const char *address, *text;
    } cases[] = {
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "::"},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "::1"},
        {"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "fe80::"},
        {"\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\x18", "1:2:3:4:5:6:7:18"},
        {"\0\1\0\0\0\3\0\4\0\5\0\6\0\7\0\x18", "1:0:3:4:5:6:7:18"},
        {"\0\1\0\0\0\0\0\4\0\5\0\0\0\0\0\x18", "1::4:5:0:0:18"},
        {"\0\1\0\0\0\0\0\4\0\0\0\0\0\0\0\x18", "1:0:0:4::18"},
        {"\xab\xcd\x0b\xcd\0\0\0\0\x10\0\1\0\0\0\0\0", "abcd:bcd::1000:100:0:0"},
        {"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", "::ffff:192.0.2.1"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message = begin(0x8180, 1, "a", 28);
        add_record(&message, 28, cases[i].address, 16);
        expect(&message, "a", "AAAA", "NOERROR", cases[i].text);
    }
}

/* Text of 160 octets holds whole answers only, and one that does not fit keeps no other out. */
static void as_many_answers_are_told_as_fit(void **state)
{
    struct message message = begin(0x8180, 80, "a", 1);
    uint8_t long_name[200];
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        add_record(&message, 1, "\x0a\xff\xff\xff", 4);
    struct name_test test = run(&message, DNS);
    assert_int_equal(strlen(test.text[NAME_DNS_ANSWER]), 10 * 14 + 9);
    assert_null(strstr(test.text[NAME_DNS_ANSWER], ",,"));

    message = begin(0x8180, 2, "a", 1);
    memset(long_name, 'x', sizeof long_name);
    long_name[0] = long_name[60] = long_name[120] = 59;
    long_name[180] = 0;
    add_record(&message, 5, long_name, 181);
    add_record(&message, 1, "\x7f\0\0\1", 4);
    expect(&message, "a", "A", "NOERROR", "127.0.0.1");
}

/* The upper bits of the code are in the record of EDNS. */
static void extended_codes_are_told(void **state)
{
    struct message message = begin(0x8187, 0, "a", 1);
    (void)state;
    message.data[11] = 1;
    add(&message, "\0\0\x29\x10\0\1\0\0\0\0\0", 11);
    expect(&message, "a", "A", "BADCOOKIE", NULL);
    message.data[message.length - 6] = 2;
    expect(&message, "a", "A", "RCODE39", NULL);
}

static void odd_octets_of_labels_are_escaped(void **state)
{
    struct message message = {.length = 0};
    struct name_test test;
    (void)state;
    add(&message,
        "\0\0\1\0\0\1\0\0\0\0\0\0\x0a"
        "a.B\\,; \0\xfc@\0\0\1\0\1",
        28);
    expect(&message, "a\\.b\\\\\\044;\\032\\000\\252@", "A", NULL, NULL);
    message = begin(0, 0, "B\xc3\xbcro Drucker._ipp.local", 12);
    expect(&message, "b\\195\\188ro\\032drucker._ipp.local", "PTR", NULL, NULL);
    test = run(&message, MDNS);
    name_test_expect(&test, NAME_DNS_QUERY_NAME, "b\xc3\xbcro\\032drucker._ipp.local");
    test = run(&message, 5355);
    name_test_expect(&test, NAME_DNS_QUERY_NAME, "b\xc3\xbcro\\032drucker._ipp.local");
}

/* 255 octets, each escaped, and one more. */
static void names_have_255_octets_at_most(void **state)
{
    static const unsigned labels[] = {63, 63, 63, 61};
    uint8_t name[300] = {0};
    uint32_t used = 0;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        name[used] = (uint8_t)labels[i];
        memset(name + used + 1, 1, labels[i]);
        used += labels[i] + 1;
    }
    for (unsigned more = 0; more < 2; more++) {
        struct message message = {.length = 0};
        add(&message, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
        name[63 * 3 + 3] = (uint8_t)(61 + more);
        name[used + more] = 0;
        add(&message, name, used + more + 1);
        add(&message, "\0\1\0\1", 4);
        struct name_test test = run(&message, DNS);
        assert_int_equal(strlen(test.text[NAME_DNS_QUERY_NAME]), more ? 0 : 250 * 4 + 3);
    }
}

static void multicast_answers_have_no_question(void **state)
{
    struct message message = {.length = 0};
    struct name_test test;
    (void)state;
    add(&message, "\0\0\x84\0\0\0\0\1\0\0\0\0\4HOST\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\7",
        38);
    test = run(&message, MDNS);
    name_test_expect(&test, NAME_DNS_QUERY_NAME, "");
    name_test_expect(&test, NAME_DNS_RESPONSE_CODE, "NOERROR");
    name_test_expect(&test, NAME_DNS_ANSWER, "192.0.2.7");
    message = begin(0, 1, "_ipp._tcp.local", 12); /* a question that says what is known already */
    add_record(&message, 12, "\1x\xc0\x0c", 4);
    test = run(&message, MDNS);
    name_test_expect(&test, NAME_DNS_QUERY_NAME, "_ipp._tcp.local");
    name_test_expect(&test, NAME_DNS_ANSWER, "");
}

/* Pointers to themselves, to each other, forward, into the header, in a chain, beyond the end. */
static void pointers_lead_nowhere(void **state)
{
    static const char *const names[] = {"\xc0\x0c",
                                        "\xc0\x0e\xc0\x0c",
                                        "\1a\xc0\x0c",
                                        "\1a\1b\xc0\x0e",
                                        "\xc0\x12\0",
                                        "\xc0\0",
                                        "\xff\xff",
                                        "\1a\xc0\x10\1b\0",
                                        "\x40",
                                        "\x80"
                                        "aaaaaaaaaa"};
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct message message = {.length = 0};
        add(&message, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
        add(&message, names[i], strlen(names[i]));
        add(&message, "\0\1\0\1\0\1\0\1", 8);
        expect(&message, NULL, NULL, NULL, NULL);
    }
    for (unsigned jumps = 1; jumps < 200; jumps++) { /* each pointer leads to the one before */
        struct message message = begin(0x8180, 1, "a", 1);
        uint8_t chain[512];
        unsigned at = message.length + 12;
        for (unsigned i = 0; i < jumps; i++) {
            unsigned to = i == 0 ? 12 : at + 2 * (i - 1);
            chain[2 * i] = (uint8_t)(0xc0 | to >> 8);
            chain[2 * i + 1] = (uint8_t)to;
        }
        add_record(&message, 99, chain, 2 * jumps);
        message.data[7] = 2;
        unsigned last = at + 2 * (jumps - 1);
        const uint8_t pointer[] = {(uint8_t)(0xc0 | last >> 8), (uint8_t)last};
        add_record(&message, 5, pointer, 2);
        expect(&message, "a", "A", "NOERROR", jumps < 16 ? "a" : NULL);
    }
}

static void only_standard_queries_are_told(void **state)
{
    static const unsigned flags[] = {0x0800, 0x1000, 0x2000, 0x2800, 0x7800, 0x0040};
    struct message message;
    (void)state;
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        message = begin(flags[i], 0, "a.example", 6);
        expect(&message, NULL, NULL, NULL, NULL);
    }
    message = begin(0, 0, "a.example", 1);
    message.data[5] = 33;
    expect(&message, NULL, NULL, NULL, NULL);
    message = begin(0, 0, "a.example", 0);
    expect(&message, NULL, NULL, NULL, NULL);
    message.length = 0; /* an error without the question */
    add(&message, "\0\0\x81\x81\0\0\0\0\0\0\0\0", 12);
    expect(&message, NULL, NULL, "FORMERR", NULL);
}

/* With the length before it, without, behind it the next message. */
static void messages_over_tcp_are_found(void **state)
{
    struct message inner = begin(0x8180, 1, "a.example", 1), message = {.length = 0};
    struct name_test test;
    (void)state;
    add_record(&inner, 1, "\xc0\0\2\1", 4);
    add16(&message, inner.length);
    add(&message, inner.data, inner.length);
    uint32_t first = message.length;
    add16(&message, 60000); /* the next one begins */
    add(&message, inner.data, 20);
    for (unsigned way = 0; way < 3; way++) {
        struct application_packet packet = packet_of(&message, DNS, true);
        if (way == 1)
            packet.length = packet.whole_length = first;
        if (way == 2) {
            packet.data += 2;
            packet.length = packet.whole_length = first - 2;
        }
        test = name_test_run(name_dns, packet);
        assert_true(name_is_dns(&packet));
        name_test_expect(&test, NAME_DNS_QUERY_NAME, "a.example");
        name_test_expect(&test, NAME_DNS_ANSWER, "192.0.2.1");
        assert_int_equal(test.progress, NAME_DONE);
    }
    struct application_packet length_alone = packet_of(&message, DNS, true);
    length_alone.length = length_alone.whole_length = 2;
    test = name_test_run(name_dns, length_alone);
    assert_int_equal(test.progress, NAME_MORE);
}

/* A name is told whole or not at all; what is behind the end is never read. */
static void messages_are_cut_anywhere(void **state)
{
    struct message message = begin(0x8183, 2, "www.a.example", 1);
    (void)state;
    add_record(&message, 5, "\1b\xc0\x0c", 4);
    add_record(&message, 1, "\xc0\0\2\1", 4);
    for (uint32_t cut = 0; cut <= message.length; cut++) {
        static const char *const answers[] = {"", "b.www.a.example", "b.www.a.example,192.0.2.1"};
        struct name_test test = name_test_cut(name_dns, packet_of(&message, DNS, false), cut);
        bool question = cut >= 12 + 15 + 4;
        name_test_expect(&test, NAME_DNS_QUERY_NAME, question ? "www.a.example" : "");
        name_test_expect(&test, NAME_DNS_QUERY_TYPE, question ? "A" : "");
        name_test_expect(&test, NAME_DNS_RESPONSE_CODE, question ? "NXDOMAIN" : "");
        unsigned told = cut == message.length ? 2 : cut >= 31 + 16 ? 1 : 0;
        name_test_expect(&test, NAME_DNS_ANSWER, answers[told]);
    }
}

/* Messages with a random octet wrong here and there; behind them lies a page that must not be
 * read. */
static void spoiled_messages_do_no_harm(void **state)
{
    struct message whole = begin(0x8180, 3, "www.a.example", 1);
    uint64_t random = 1;
    (void)state;
    add_record(&whole, 5, "\1b\xc0\x0c", 4);
    add_record(&whole, 15, "\0\1\2mx\xc0\x10", 7);
    add_record(&whole, 28, "0123456789abcdef", 16);
    for (unsigned round = 0; round < 200000; round++) {
        struct message message = whole;
        for (unsigned n = 0; n < 3; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            message.data[(random >> 40) % message.length] = (uint8_t)(random >> 33);
        }
        struct application_packet packet = packet_of(&message, random >> 62 ? DNS : MDNS, false);
        packet.tcp = random >> 61 & 1;
        struct name_test test = name_test_cut(name_dns, packet, message.length);
        assert_false(test.twice);
        assert_true(strlen(test.text[NAME_DNS_ANSWER]) <= 160);
        assert_true(strlen(test.text[NAME_DNS_QUERY_TYPE]) <= 10);
        assert_true(strlen(test.text[NAME_DNS_RESPONSE_CODE]) <= 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(question_shows_name_and_type),
        cmocka_unit_test(response_shows_code_and_answers),
        cmocka_unit_test(addresses_look_as_they_should),
        cmocka_unit_test(as_many_answers_are_told_as_fit),
        cmocka_unit_test(extended_codes_are_told),
        cmocka_unit_test(odd_octets_of_labels_are_escaped),
        cmocka_unit_test(names_have_255_octets_at_most),
        cmocka_unit_test(multicast_answers_have_no_question),
        cmocka_unit_test(pointers_lead_nowhere),
        cmocka_unit_test(only_standard_queries_are_told),
        cmocka_unit_test(messages_over_tcp_are_found),
        cmocka_unit_test(messages_are_cut_anywhere),
        cmocka_unit_test(spoiled_messages_do_no_harm),
    };
    return cmocka_run_group_tests_name("names in DNS", tests, NULL, NULL);
}
