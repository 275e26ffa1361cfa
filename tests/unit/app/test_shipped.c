/*
 * The rules that come with the probe, with payload made by hand from the descriptions of the
 * protocols: what is right gets the name, what is nearly right gets none. And chance gets none.
 */
#include "app_test.h"

static const struct application_limits usual = {.packets = 4, .octets = 1024};

struct part {
    char side; /* c: the client sends it, s: the server */
    const char *data;
    uint16_t length;
};

struct talk {
    const char *name; /* expected; "": none */
    bool tcp;
    uint16_t port; /* the server's */
    struct part parts[4];
};

#define C(text)                                                                                    \
    {                                                                                              \
        'c', text, sizeof text - 1                                                                 \
    }
#define S(text)                                                                                    \
    {                                                                                              \
        's', text, sizeof text - 1                                                                 \
    }
#define ZEROS_8  "\0\0\0\0\0\0\0\0"
#define ZEROS_16 ZEROS_8 ZEROS_8
#define NTP_REST ZEROS_16 ZEROS_16 ZEROS_8
#define AMS_REST "\x05\x01\x02\x03\x01\x01\x53\x03\x05\x01\x02\x04\x01\x01\x01\x80"

static const struct talk talks[] = {
    /* web */
    {"http", true, 80, {C("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")}},
    {"", true, 80, {C("GETS /a HTTP/1.1\r\n")}},
    {"http-connect", true, 8080, {C("CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")}},
    {"http-proxy", true, 3128, {C("GET http://a.example/ HTTP/1.0\r\n\r\n")}},
    {"websocket", true, 80, {C("GET /c HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")}},
    {"fastcgi", true, 9000, {C("\1\1\0\1\0\x08\0\0\0\1\0\0\0\0\0\0")}},
    {"fastcgi", true, 9001, {S("\1\6\0\1\0\x20\0\0Content-type: text/html\r\n\r\n")}},
    {"", true, 9001, {C("\1\1\0\1\0\x09\0\0\0\1\0\0\0\0\0\0")}},
    {"ajp", true, 8009, {C("\x12\x34\0\x20\2\2\0\x08HTTP/1.1\0\0\1/\0")}},
    {"ajp", true, 8009, {C("\x12\x34\0\1\x0a"), S("AB\0\1\x09")}},
    {"", true, 8009, {C("\x12\x34\0\1\x0b"), S("AB\0\1\x07")}},
    {"tls",
     true,
     443,
     {C("\x16\3\1\0\x2f\1\0\0\x2b\3\3" ZEROS_16 ZEROS_16 "\0\0\2\x13\1\1\0\0\0")}},
    {"", true, 443, {C("\x16\3\7\0\x2f\1\0\0\x2b\3\3" ZEROS_16 ZEROS_16 "\0\0\2\x13\1\1\0\0\0")}},
    /* names, time, networks */
    {"dns", false, 53, {C("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\3net\0\0\1\0\1")}},
    {"", false, 53, {C("\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\3net\0\0\1\7\1")}},
    {"ntp",
     false,
     123,
     {C("\x23\0\6\xec"
        "\0\0\0\0" NTP_REST)}},
    {"ptp", false, 319, {C("\0\2\0\x2c\0\0\2\0" ZEROS_16 ZEROS_16 "\0\0\0\0")}},
    {"ptp", false, 320, {C("\x0b\x12\0\x40\0\0\0\0" ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_8)}},
    {"", false, 320, {C("\5\2\0\x2c\0\0\2\0" ZEROS_16 ZEROS_16 "\0\0\0\0")}},
    {"snmp", false, 161, {C("\x30\x1a\2\1\1\4\6public\xa0\x0d\2\1\1\2\1\0\2\1\0\x30\2\x30\0")}},
    {"", false, 161, {C("\x30\x1b\2\1\1\4\6public\xa0\x0d\2\1\1\2\1\0\2\1\0\x30\2\x30\0")}},
    {"", false, 161, {C("\x30\x1a\2\1\7\4\6public\xa0\x0d\2\1\1\2\1\0\2\1\0\x30\2\x30\0")}},
    {"sflow", false, 6343, {C("\0\0\0\5\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\0")}},
    {"", false, 6343, {C("\0\0\0\3\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\0")}},
    {"rmcp", false, 623, {C("\6\0\xff\6\0\0\x11\xbe\x80\0\0\0")}},
    {"rmcp", false, 9999, {C("\6\0\xff\7\0\0\0\0\0\0\0\0\0\x09\x20\x18\xc8\x81\0\x38\x0e\4\x31")}},
    {"radius", false, 1812, {C("\1\7\0\x1b" ZEROS_16 "\1\7admin")}},
    {"", false, 1812, {C("\1\7\0\x1b" ZEROS_16 "\1\6admin")}},
    {"tacacs", true, 49, {C("\xc0\1\1\0\0\0\0\1\0\0\0\2ab")}},
    {"", true, 49, {C("\xc0\1\1\0\0\0\0\1\0\0\0\3ab")}},
    {"ldap", true, 389, {C("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0")}},
    {"", true, 389, {C("\x30\x0c\2\1\1\x60\7\2\1\7\4\0\x80\0")}},
    {"xdmcp", false, 177, {C("\0\1\0\2\0\1\0")}},
    {"", false, 177, {C("\0\1\0\2\0\2\0")}},
    {"checkmk", true, 6556, {S("<<<check_mk>>>\nVersion: 2.1\n")}},
    {"", true, 6556, {S("<<<<Check mk>>>\n")}},
    {"openflow", true, 1234, {C("\4\0\0\x08\0\0\0\0"), S("\4\0\0\x08\0\0\0\1")}},
    /* mail, messages */
    {"smtp", true, 25, {S("220 a.example ESMTP\r\n")}},
    {"pop3", true, 110, {S("+OK POP3 server ready\r\n")}},
    {"pop3", true, 110, {C("CAPA\r\n")}},
    {"", true, 110, {S("+OK\r\n"), C("PARA\r\n")}},
    {"imap", true, 143, {S("* OK IMAP4rev1 ready\r\n")}},
    {"irc", true, 6667, {C("NICK me\r\nUSER me 0 * :Me\r\n")}},
    {"irc", true, 6667, {S(":a.example 001 me :Welcome\r\n")}},
    {"irc", true, 6668, {C("CAP LS 302\r\n"), C("USER me 0 * :Me\r\n")}},
    {"amqp", true, 5672, {C("AMQP\0\0\x09\1")}},
    {"amqp", true, 5672, {C("AMQP\1\1\x08\0")}},
    {"amqp", true, 5672, {C("AMQP\0\1\0\0")}},
    {"amqp", true, 5672, {C("\1\0\0\0\0\0\4\0\x0a\0\x0b\xce")}},
    {"amqp", true, 5672, {S("\0\0\0\x10\2\0\0\0\0\x53\x10\xc0\3\1\xa1\0")}},
    {"", true, 5672, {C("AMQP\7\7\7\7"), C("\1\0\0\0\0\0\4\0\x0a\0\x0b\xcd")}},
    {"kafka",
     true,
     9092,
     {C("\0\0\0\x0d\0\x12\0\0\0\0\0\7\0\3"
        "abc")}},
    {"kafka", true, 9999, {C("\0\0\0\x0a\0\x12\0\0\0\0\0\7\xff\xff"), S("\0\0\0\6\0\0\0\7\0\0")}},
    {"", true, 9999, {C("\0\0\0\x0a\0\x12\0\0\0\0\0\7\xff\xff"), S("\0\0\0\6\0\0\0\x08\0\0")}},
    {"",
     true,
     9999,
     {C("\0\0\0\x0e\0\x12\0\0\0\0\0\7\0\3"
        "abc")}},
    {"thrift", true, 9090, {C("\x80\1\0\1\0\0\0\4ping\0\0\0\1\0")}},
    {"thrift",
     false,
     6831,
     {C("\x82\x81\1\x09"
        "emitBatch\x1c\0")}},
    {"", true, 9090, {C("\x80\1\0\7\0\0\0\4ping\0\0\0\1\0")}},
    {"smpp", true, 2775, {C("\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\1")}},
    {"", true, 2775, {C("\0\0\0\x10\0\0\0\x15\0\0\0\1\0\0\0\1")}},
    /* remote access, files */
    {"ssh", true, 22, {S("SSH-2.0-x\r\n")}},
    {"telnet", true, 23, {S("\xff\xfd\x18\xff\xfd\x20\xff\xfb\1")}},
    {"telnet", true, 23, {S("\xff\xfb\1\r\nlogin: ")}},
    {"", true, 23, {S("\xff\xf1\x80\x80")}},
    {"rdp", true, 3389, {C("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")}},
    {"vnc", true, 5900, {S("RFB 003.008\n")}},
    {"citrix", true, 1494, {S("\x7f\x7fICA\0\x7f\x7fICA\0")}},
    {"rsync", true, 873, {S("@RSYNCD: 31.0\n")}},
    {"smb", true, 445, {C("\0\0\0\x40\xfeSMB\x40\0" ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_8 "\0\0")}},
    {"edonkey", true, 4662, {C("\xe3\x1c\0\0\0\1\x10" ZEROS_16 "\1\2\3\4\x36\x12\0\0\0\0")}},
    {"edonkey", false, 4672, {C("\xe4\x21\2" ZEROS_16 ZEROS_16)}},
    {"", false, 4672, {C("\xe4\x20\2" ZEROS_16 ZEROS_16)}},
    {"syncthing", false, 21027, {C("\x2e\xa7\xd9\x0b\x0a\x20")}},
    {"syncthing", true, 22000, {C("\x9f\x79\xbc\x40\0\0\0\4")}},
    /* databases */
    {"oracle",
     true,
     1521,
     {C("\0\x3a\0\0\1\0\0\0\1\x36\1\x2c\0\0\x08\0\x7f\xff\x7f\x08\0\0\1\0\0\0\0\x3a\0\0\0\0\0"
        "\0" ZEROS_16 ZEROS_8)}},
    {"oracle", true, 1521, {C("\0\x0a\0\0\6\0\0\0\0\0"), S("\0\x0a\0\0\6\0\0\0\0\0")}},
    {"", true, 1522, {C("\0\x0a\0\0\6\0\0\0\0\0"), S("\0\x0a\0\0\6\0\0\0\0\0")}},
    {"drda", true, 50000, {C("\0\x0e\xd0\1\0\1\0\x08\x10\x41\0\4\x11\x5e")}},
    {"", true, 50000, {C("\0\x0e\xd0\1\0\1\0\x09\x10\x41\0\4\x11\x5e")}},
    {"mongodb", true, 27017, {C("\x15\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0")}},
    {"", true, 27017, {C("\x15\0\0\0\1\0\0\0\0\0\0\0\xdf\7\0\0\0\0\0\0\0")}},
    {"cassandra", true, 9042, {C("\4\0\0\0\5\0\0\0\0")}},
    {"cassandra", true, 9042, {C("\2\0\0\5\0\0\0\0")}},
    {"", true, 9042, {C("\4\0\0\0\2\0\0\0\0")}},
    {"memcached", true, 11211, {C("get key1\r\n")}},
    {"memcached", false, 11211, {C("\0\1\0\0\0\1\0\0stats\r\n")}},
    {"memcached", true, 11211, {C("\x80\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0" ZEROS_8 "key")}},
    {"", true, 11211, {C("\x80\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0" ZEROS_8 "key")}},
    {"redis", true, 6379, {C("*1\r\n$4\r\nPING\r\n")}},
    /* voice */
    {"sip", false, 5060, {C("OPTIONS sip:a@b.example SIP/2.0\r\n")}},
    {"rtsp", true, 554, {C("DESCRIBE rtsp://a.example/1 RTSP/1.0\r\n")}},
    {"mgcp", false, 2427, {C("CRCX 1204 aaln/1@a.example MGCP 1.0\r\n")}},
    {"h323", true, 1720, {C("\3\0\0\x0b\x08\2\0\1\5\4\3")}},
    {"h323", true, 1720, {C("\3\0\0\x0b"), C("\x08\2\0\1\5\4\3")}},
    {"h323", false, 1719, {C("\0\0\0\1\6\0\x08\x91\x4a\0\4\x80")}},
    {"h323", false, 1719, {C("\x26\x90\0\x12\1\2"), S("\x2b\0\0\x12\1\2")}},
    {"", false, 1719, {C("\x26\x90\0\x12\1\2"), S("\x2b\0\0\x13\1\2")}},
    {"iax", false, 4569, {C("\x80\1\0\0\0\0\0\1\0\0\6\1\x0b\2\0\2")}},
    {"", false, 4569, {C("\x80\1\0\0\0\0\0\1\0\0\6\1\x0b\3\0\2")}},
    /* tunnels */
    {"pptp", true, 1723, {C("\0\x9c\0\1\x1a\x2b\x3c\x4d\0\1\0\0\1\0\0\0")}},
    {"proxy-protocol",
     true,
     80,
     {C("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n")}},
    {"proxy-protocol", true, 80, {C("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\0\0\0\0")}},
    {"vxlan", false, 4789, {C("\x08\0\0\0\0\0\1\0" ZEROS_16)}},
    {"socks", true, 1080, {C("\5\1\0"), S("\5\0")}},
    /* industry */
    {"s7comm", true, 102, {C("\3\0\0\x11\2\xf0\x80\x32\1\0\0\0\0\0\2\0\0")}},
    {"ethernet-ip", true, 44818, {C("\x65\0\4\0" ZEROS_16 "\0\0\0\0\1\0\0\0")}},
    {"", true, 44818, {C("\x65\0\4\0" ZEROS_16 "\0\0\0\1\1\0\0\0")}},
    {"hart-ip", false, 5094, {C("\1\0\0\0\0\1\0\x0d\1\0\0\x75\x30")}},
    {"", false, 5094, {C("\1\0\0\0\0\1\0\x0f\1\0\0\x75\x30")}},
    {"knxnet-ip", false, 3671, {C("\6\x10\2\1\0\x0e\x08\1\xc0\xa8\0\1\x0e\x57")}},
    {"", false, 3671, {C("\6\x10\2\1\0\x0f\x08\1\xc0\xa8\0\1\x0e\x57")}},
    {"ads", true, 48898, {C("\0\0\x20\0\0\0" AMS_REST "\4\0\4\0\0\0\0\0\0\0\0\0\1\0\0\0")}},
    {"", true, 48898, {C("\0\0\x20\0\0\0" AMS_REST "\4\0\4\0\1\0\0\0\0\0\0\0\1\0\0\0")}},
    {"rtps", false, 7400, {C("RTPS\2\3\1\x0f" ZEROS_16)}},
    {"corba", true, 683, {C("GIOP\1\2\1\0\0\0\0\x08" ZEROS_8)}},
    {"z39.50", true, 210, {C("\xb4\x0c\x83\2\0\xe0\x84\3\0\xe9\xa2\x85\1\x40")}},
    {"", true, 210, {C("\xb4\x0c\x83\2\0\xe0\x85\3\0\xe9\xa2\x85\1\x40")}},
};

static const char *name_of(struct app_test *test, const struct talk *talk, uint64_t flow)
{
    for (unsigned i = 0; i < 4 && talk->parts[i].side; i++) {
        const struct part *part = &talk->parts[i];
        bool client = part->side == 'c';
        uint8_t *copy = malloc(part->length); /* a sanitizer sees what is read behind it */
        assert_non_null(copy);
        memcpy(copy, part->data, part->length);
        struct application_packet packet =
            app_test_packet(talk->tcp, client, talk->port, copy, part->length);
        struct application_verdict verdict = application_scan(
            test->scanner, (uint32_t)(flow % APP_TEST_FLOWS), flow, client, &packet, 0);
        free(copy);
        if (verdict.confidence == APPLICATION_BY_CONTENT)
            return app_test_name(test, verdict.number);
    }
    return "";
}

static void protocols_are_told_from_what_is_nearly_one(void **state)
{
    struct app_test *test = *state;
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        const char *name = name_of(test, &talks[i], i + 1);
        if (strcmp(name, talks[i].name) == 0)
            continue;
        print_error("row %u: '%s' instead of '%s'\n", i, name, talks[i].name);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

enum { ROOM = 1480 };

/* Fills DATA with random octets; how many of them a payload has. */
static uint32_t fill(uint8_t data[ROOM], uint64_t *random)
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < ROOM; i += 8) {
        *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
        if (i == 0)
            length = 1 + (uint32_t)(*random >> 11) % (ROOM - 8);
        else
            memcpy(data + i - 8, random, 8);
        if (i > length + 8)
            break;
    }
    return length;
}

/* Of FLOWS payloads of random octets and length, to PORT or, if it is 0, one by chance: how many
 * look like something. */
static unsigned named_by_chance(struct app_test *test, uint32_t flows, uint16_t port)
{
    static uint8_t data[ROOM];
    static uint64_t id = 1000;
    uint64_t random = 88172645463325252u;
    unsigned named = 0;
    for (uint32_t flow = 0; flow < flows; flow++, id++) {
        uint32_t length = fill(data, &random);
        struct application_packet packet =
            app_test_packet(false, true, port ? port : (uint16_t)(random >> 7), data, length);
        packet.source_port = (uint16_t)(random >> 29);
        struct application_verdict verdict =
            application_scan(test->scanner, (uint32_t)(id % APP_TEST_FLOWS), id, 0, &packet, 0);
        named += verdict.confidence == APPLICATION_BY_CONTENT;
    }
    return named;
}

/* Of a million UDP payloads of random octets, length and ports at most ten look like something. */
static void chance_gets_no_name(void **state)
{
    unsigned named = named_by_chance(*state, 1000000, 0);
    if (named > 10)
        fail_msg("%u flows", named);
}

/* The same on the ports that matches ask for: of a hundred thousand at most five. */
static void chance_gets_no_name_where_a_port_proposes_one(void **state)
{
    struct app_test *test = *state;
    const struct application_rules *rules = application_set_rules(test->set);
    static bool tried[UINT16_MAX + 1];
    unsigned wrong = 0;
    for (uint32_t i = 0; i < rules->match_count; i++) {
        const struct application_match *match = &rules->matches[i];
        for (unsigned p = 0; p < match->port_count && match->transports & APPLICATION_UDP; p++) {
            unsigned named =
                tried[match->ports[p]] ? 0 : named_by_chance(test, 100000, match->ports[p]);
            tried[match->ports[p]] = true;
            if (named <= 5)
                continue;
            print_error("port %u: %u flows\n", match->ports[p], named);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static int begin(void **state)
{
    static struct app_test test;
    test = app_test_begin(application_rules_shipped, usual);
    *state = &test;
    return 0;
}

static int end(void **state)
{
    app_test_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocols_are_told_from_what_is_nearly_one),
        cmocka_unit_test(chance_gets_no_name),
        cmocka_unit_test(chance_gets_no_name_where_a_port_proposes_one),
    };
    return cmocka_run_group_tests_name("shipped application rules", tests, begin, end);
}
