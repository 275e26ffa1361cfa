/* The lines with which programs introduce themselves. See name_banner.h. */
#include "app/name_banner.h"

#include "app/name_read.h"

enum {
    SSH_TYPES = 1 << NAME_SSH_CLIENT_BANNER | 1 << NAME_SSH_SERVER_BANNER,
    LINES_BEFORE_MAX = 16,     /* that an SSH server may send before it says who it is */
    GREETING_OCTETS_MAX = 160, /* that are looked at */
    PORT_SSH = 22,
    PORT_SMTP = 25,
    PORT_SUBMISSION = 587,
    PORT_FTP = 21
};

/* The first line of a PACKET that is not empty; more than a greeting can have is not looked at. */
static struct name_span greeting_of(const struct application_packet *packet)
{
    struct application_packet start = *packet;
    uint32_t at = 0;
    if (start.length > GREETING_OCTETS_MAX)
        start.length = GREETING_OCTETS_MAX;
    return name_line(&start, &at);
}

/* Whether PACKET may be a server's greeting, which begins with one of FIRST. */
static bool may_greet(const struct application_packet *packet, const char *first)
{
    return packet->tcp && !(packet->client_known && packet->from_client) && packet->length > 0 &&
           memchr(first, packet->data[0], strlen(first));
}

/* Whether WORD, which has no capitals, stands in SPAN. */
static bool holds(struct name_span span, const char *word)
{
    for (; span.octets > 0; span = name_behind(span, 1))
        if (name_starts_small(span, word))
            return true;
    return false;
}

static bool holds_one(struct name_span span, const char *const *words)
{
    for (; *words; words++)
        if (holds(span, *words))
            return true;
    return false;
}

/* What is left of LINE behind WORD and a blank; nothing if it does not start so. */
static struct name_span behind_word(struct name_span line, const char *word)
{
    uint32_t octets = (uint32_t)strlen(word);
    if (!name_starts(line, word) || line.octets <= octets || line.text[octets] != ' ')
        return (struct name_span){line.text, 0, line.whole};
    return name_trim(name_behind(line, octets + 1));
}

/* Tells the first line of PACKET if it is a GREETING. */
static enum name_progress end_greeting(const struct application_packet *packet, bool greeting,
                                       struct name_sink *sink, enum name_type type)
{
    struct name_teller teller = {.sink = sink};
    if (greeting)
        name_teller_tell(&teller, type, greeting_of(packet));
    return name_teller_end(&teller, 1u << type);
}

/* ---- SSH ---- */

static bool is_identification(struct name_span line)
{
    return name_starts(line, "SSH-") && line.octets > 6 && name_is_digit(line.text[4]) &&
           (line.text[5] == '.' || line.text[5] == '-');
}

bool name_is_ssh(const struct application_packet *packet)
{
    uint32_t at = 0;
    return packet->tcp && is_identification(name_line(packet, &at));
}

static bool from_ssh_client(const struct application_packet *packet)
{
    bool from_22 = packet->source_port == PORT_SSH, to_22 = packet->destination_port == PORT_SSH;
    return packet->client_known || from_22 == to_22 ? packet->from_client : to_22;
}

enum name_progress name_ssh(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state)
{
    struct name_teller teller = {.sink = sink};
    uint32_t at = 0;
    (void)state;
    for (unsigned i = 0; i < LINES_BEFORE_MAX && at < packet->length; i++) {
        struct name_span line = name_line(packet, &at);
        if (!is_identification(line))
            continue;
        name_teller_tell(&teller,
                         from_ssh_client(packet) ? NAME_SSH_CLIENT_BANNER : NAME_SSH_SERVER_BANNER,
                         line);
        break;
    }
    return name_teller_end(&teller, SSH_TYPES);
}

/* ---- mail ---- */

/* Whether TEXT begins with a code of RFC 3463, which answers have and greetings have not. */
static bool has_enhanced_code(struct name_span text)
{
    return text.octets > 4 && name_is_digit(text.text[0]) && text.text[1] == '.' &&
           name_is_digit(text.text[2]) && (text.text[3] == '.' || name_is_digit(text.text[3]));
}

static bool is_mail_port(uint16_t port)
{
    return port == PORT_SMTP || port == PORT_SUBMISSION;
}

/* Whether PACKET begins with a greeting of SMTP: code 220 or, of a server that is too busy, 421 or
 * 554. */
static bool is_smtp_greeting(const struct application_packet *packet)
{
    if (!may_greet(packet, "245"))
        return false;
    struct name_span line = greeting_of(packet);
    bool code = name_starts(line, "220") || name_starts(line, "421") || name_starts(line, "554");
    return code && line.octets > 4 && (line.text[3] == ' ' || line.text[3] == '-') &&
           packet->source_port != PORT_FTP && !has_enhanced_code(name_behind(line, 4));
}

bool name_is_smtp(const struct application_packet *packet)
{
    return is_smtp_greeting(packet) &&
           (is_mail_port(packet->source_port) ||
            (packet->data[0] == '2' && holds(greeting_of(packet), "mtp")));
}

enum name_progress name_smtp(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state)
{
    (void)state;
    return end_greeting(packet, is_smtp_greeting(packet), sink, NAME_SMTP_GREETING);
}

bool name_is_imap(const struct application_packet *packet)
{
    if (!may_greet(packet, "*"))
        return false;
    struct name_span line = greeting_of(packet);
    return (behind_word(line, "* OK").octets > 0 || behind_word(line, "* PREAUTH").octets > 0 ||
            behind_word(line, "* BYE").octets > 0);
}

enum name_progress name_imap(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state)
{
    (void)state;
    return end_greeting(packet, name_is_imap(packet), sink, NAME_IMAP_GREETING);
}

/*
 * Every good answer of POP3 begins as the greeting does, and where the greeting was not seen an
 * answer could name a user: only what has a word of a greeting and none of an answer is one.
 */
bool name_is_pop(const struct application_packet *packet)
{
    static const char *const words[] = {"pop",  "ready", "server",  "service",
                                        "mail", "hello", "welcome", NULL};
    static const char *const words_of_answers[] = {"password", "maildrop", "mailbox", "message",
                                                   "octets",   "logged",   "log in",  "login",
                                                   "user",     "capab",    "begin",   NULL};
    if (!may_greet(packet, "+"))
        return false;
    struct name_span text = behind_word(greeting_of(packet), "+OK");
    if (text.octets == 0 || name_is_digit(text.text[0]))
        return false;
    bool stamp = holds(text, "<") && holds(text, "@") && holds(text, ">"); /* of APOP */
    return (stamp || holds_one(text, words)) && !holds_one(text, words_of_answers);
}

enum name_progress name_pop(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state)
{
    (void)state;
    return end_greeting(packet, name_is_pop(packet), sink, NAME_POP_GREETING);
}
