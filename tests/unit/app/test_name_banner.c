/* The lines with which programs introduce themselves, and what only looks like them. */
#include "name_test.h"

#include "app/name_banner.h"

enum { SSH = 22, SMTP = 25, POP = 110, IMAP = 143, OTHER = 4000 };

struct banner_case {
    NAME_TEST_PARSER(parser);
    bool (*is)(const struct application_packet *packet);
    enum name_type type;
    unsigned port;
    const char *text, *line;
    bool recognised;
};

#define SMTP_ROW name_smtp, name_is_smtp, NAME_SMTP_GREETING
#define IMAP_ROW name_imap, name_is_imap, NAME_IMAP_GREETING
#define POP_ROW  name_pop, name_is_pop, NAME_POP_GREETING
#define SSH_ROW  name_ssh, name_is_ssh, NAME_SSH_SERVER_BANNER

static const struct banner_case cases[] = {
    {SSH_ROW, SSH, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2", true},
    {SSH_ROW, OTHER, "SSH-1.99-x\nSSH-2.0-y\n", "SSH-1.99-x", true},
    {SSH_ROW, SSH, "SSH-2.0-uncut", "SSH-2.0-uncut", true},
    {SSH_ROW, SSH, "Be welcome.\r\nUse keys\nSSH-2.0-x\r\n\x01\x02", "SSH-2.0-x", false},
    {SSH_ROW, SSH, "SSH-2", "", false},
    {SSH_ROW, SSH, "SSH-x.0-y\r\n", "", false},
    {SSH_ROW, SSH, " SSH-2.0-y\r\n", "", false},
    {SMTP_ROW, SMTP, "220 mx.example ESMTP\r\n", "220 mx.example ESMTP", true},
    {SMTP_ROW, OTHER, "220-mx.example esmtp\r\n220 ready\r\n", "220-mx.example esmtp", true},
    {SMTP_ROW, OTHER, "220 mx.example LMTP\n", "220 mx.example LMTP", true},
    {SMTP_ROW, SMTP, "220 mx.example ready\r\n", "220 mx.example ready", true},
    {SMTP_ROW, 587, "554 no service\r\n", "554 no service", true},
    {SMTP_ROW, SMTP, "421 too busy\r\n", "421 too busy", true},
    {SMTP_ROW, OTHER, "220 mx.example ready\r\n", "220 mx.example ready", false},
    {SMTP_ROW, SMTP, "220 2.0.0 Ready to start TLS\r\n", "", false},
    {SMTP_ROW, SMTP, "554 5.7.1 <a@b.example>: no\r\n", "", false},
    {SMTP_ROW, 21, "220 ftp.example FTP and SMTP\r\n", "", false},
    {SMTP_ROW, SMTP, "250 secret\r\n", "", false},
    {SMTP_ROW, SMTP, "220\r\n", "", false},
    {IMAP_ROW, IMAP, "* OK [CAPABILITY IMAP4rev1] ready\r\n", "* OK [CAPABILITY IMAP4rev1] ready",
     true},
    {IMAP_ROW, OTHER, "* PREAUTH welcome\r\n* OK more\r\n", "* PREAUTH welcome", true},
    {IMAP_ROW, IMAP, "* BYE too busy\n", "* BYE too busy", true},
    {IMAP_ROW, IMAP, "* FLAGS (x)\r\n* OK [UNSEEN 1]\r\n", "", false},
    {IMAP_ROW, IMAP, "* OK \r\n", "", false},
    {IMAP_ROW, IMAP, "* OKAY\r\n", "", false},
    {POP_ROW, POP, "+OK Dovecot ready.\r\n", "+OK Dovecot ready.", true},
    {POP_ROW, OTHER, "+OK <1896.69@mx.example>\r\n", "+OK <1896.69@mx.example>", true},
    {POP_ROW, POP, "+OK POP3 server\n", "+OK POP3 server", true},
    {POP_ROW, 6379, "+OK\r\n", "", false},
    {POP_ROW, POP, "+OK\r\n", "", false},
    {POP_ROW, POP, "+OK 2 320\r\n", "", false},
    {POP_ROW, POP, "+OK secret\r\n", "", false},
    {POP_ROW, POP, "+OK Password required for popsecret\r\n", "", false},
    {POP_ROW, POP, "+OK secret's maildrop has 2 messages, ready\r\n", "", false},
    {POP_ROW, POP, "-ERR secret\r\n", "", false},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void lines_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        const struct banner_case *it = &cases[i];
        struct application_packet packet =
            name_test_tcp(false, it->port, it->text, strlen(it->text));
        struct name_test test = name_test_run(it->parser, packet);
        if (strcmp(test.text[it->type], it->line) != 0 || it->is(&packet) != it->recognised)
            fail_msg("%s: '%s'", it->text, test.text[it->type]);
        bool more = it->line[0] == '\0' || it->type == NAME_SSH_SERVER_BANNER;
        assert_int_equal(test.progress, more ? NAME_MORE : NAME_DONE);
        for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
            assert_true(type == it->type || test.text[type][0] == '\0');
    }
}

/* Mail's clients greet nobody; without a known client the line decides. */
static void greetings_come_from_servers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        const struct banner_case *it = &cases[i];
        struct application_packet packet =
            name_test_tcp(true, it->port, it->text, strlen(it->text));
        if (it->type == NAME_SSH_SERVER_BANNER)
            continue;
        struct name_test test = name_test_run(it->parser, packet);
        name_test_expect(&test, it->type, "");
        assert_false(it->is(&packet));
        packet.client_known = false;
        packet.source_port = (uint16_t)it->port;
        test = name_test_run(it->parser, packet);
        name_test_expect(&test, it->type, it->line);
        packet.tcp = false;
        test = name_test_run(it->parser, packet);
        name_test_expect(&test, it->type, "");
    }
}

/* Who sends a line of SSH: the client that was seen to open the connection, else who speaks to
 * port 22, else who spoke first. */
static void both_sides_of_ssh_are_told_apart(void **state)
{
    static const char text[] = "SSH-2.0-x\r\n";
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        bool known = i & 1, first = i & 2, from_22 = i & 4, to_22 = i & 8;
        bool client = known || from_22 == to_22 ? first : to_22;
        struct application_packet packet = name_test_tcp(first, SSH, text, sizeof text - 1);
        packet.client_known = known;
        packet.source_port = from_22 ? 22 : 4000;
        packet.destination_port = to_22 ? 22 : 4001;
        struct name_test test = name_test_run(name_ssh, packet);
        name_test_expect(&test, NAME_SSH_CLIENT_BANNER, client ? "SSH-2.0-x" : "");
        name_test_expect(&test, NAME_SSH_SERVER_BANNER, client ? "" : "SSH-2.0-x");
    }
}

/* Cut anywhere, a line is told up to there, or not at all. */
static void lines_are_cut_anywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        const struct banner_case *it = &cases[i];
        uint32_t length = (uint32_t)strlen(it->text);
        for (uint32_t cut = 0; cut < length; cut++) {
            struct application_packet packet = name_test_tcp(false, it->port, it->text, length);
            struct name_test test = name_test_cut(it->parser, packet, cut);
            const char *text = test.text[it->type];
            if (it->line[0] && strncmp(text, it->line, strlen(text)) != 0 &&
                strncmp(text, it->text, strlen(text)) != 0)
                fail_msg("%s after %u octets: '%s'", it->text, cut, text);
            packet.length = cut;
            packet.data = name_test_guarded(it->text, cut);
            it->is(&packet);
        }
    }
}

/* A line as long as a packet can be costs no more than one of 512 octets. */
static void huge_lines_end(void **state)
{
    static char text[NAME_TEST_ROOM];
    static const char *const starts[] = {"+OK ", "220 ", "* OK ", "SSH-2.0-"};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        memset(text, '<', sizeof text);
        memcpy(text, starts[i], strlen(starts[i]));
        struct application_packet packet = name_test_tcp(false, SMTP, text, sizeof text);
        for (unsigned parser = 0; parser < CASES; parser++) {
            name_test_run(cases[parser].parser, packet);
            cases[parser].is(&packet);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_told),
        cmocka_unit_test(greetings_come_from_servers),
        cmocka_unit_test(both_sides_of_ssh_are_told_apart),
        cmocka_unit_test(lines_are_cut_anywhere),
        cmocka_unit_test(huge_lines_end),
    };
    return cmocka_run_group_tests_name("names in banners", tests, NULL, NULL);
}
