/* A parser by recursive descent; how deep it goes is bounded, as is what it makes. */
#include "filter_expression.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, WORD_MAX = 64 };

struct reader {
    const char *rest;
    char word[WORD_MAX]; /* the present one; "" at the end */
    unsigned depth;
    struct flow_expression *made;
    struct error *mistake;
};

/* ---- words ---- */

/* Goes to the next word: brackets and ! are words of their own. */
static void next(struct reader *reader)
{
    reader->rest += strspn(reader->rest, " \t");
    size_t length = strcspn(reader->rest, " \t()!");
    if (length == 0 && *reader->rest)
        length = 1;
    size_t kept = length < WORD_MAX - 1 ? length : WORD_MAX - 1;
    memcpy(reader->word, reader->rest, kept);
    reader->word[kept] = 0;
    reader->rest += length;
}

static bool is(const struct reader *reader, const char *word)
{
    return strcmp(reader->word, word) == 0;
}

/* Goes on if the present word is WORD or OTHER. */
static bool takes(struct reader *reader, const char *word, const char *other)
{
    if (!is(reader, word) && !is(reader, other))
        return false;
    next(reader);
    return true;
}

static bool refuse(struct reader *reader, const char *wanted)
{
    if (reader->word[0])
        error_set(reader->mistake, "'%s' is no filter there; give %s", reader->word, wanted);
    else
        error_set(reader->mistake, "the filter ends too early; give %s", wanted);
    return false;
}

static bool add(struct reader *reader, const struct flow_term *term)
{
    struct flow_expression *made = reader->made;
    if (made->count == FLOW_TERMS_MAX) {
        error_set(reader->mistake, "the filter is too long: at most %d parts", FLOW_TERMS_MAX);
        return false;
    }
    made->terms[made->count++] = *term;
    return true;
}

static bool add_operator(struct reader *reader, enum flow_test test)
{
    return add(reader, &(struct flow_term){.test = (uint8_t)test});
}

/* ---- values ---- */

/* The number at TEXT, which ends at END; -1 if it is none up to MOST. */
static long number_of(const char *text, char end, unsigned long most)
{
    char *rest;
    if (*text < '0' || *text > '9')
        return -1;
    unsigned long number = strtoul(text, &rest, 10);
    return *rest == end && number <= most ? (long)number : -1;
}

/* An address, or with PREFIX a prefix, whose length may be left out. */
static bool read_net(struct reader *reader, struct flow_term *term, bool prefix)
{
    char text[WORD_MAX];
    strcpy(text, reader->word);
    char *slash = strchr(text, '/');
    if (slash)
        *slash = 0;
    bool six = strchr(text, ':') != NULL;
    long most = six ? 128 : 32,
         length = slash ? number_of(slash + 1, 0, (unsigned long)most) : most;
    term->test = FLOW_TEST_NET;
    term->family = six ? 6 : 4;
    term->value = (uint8_t)length;
    if ((slash && !prefix) || length < 0 ||
        inet_pton(six ? AF_INET6 : AF_INET, text, term->address) != 1)
        return refuse(reader, prefix ? "a prefix, such as 192.0.2.0/24 or 2001:db8::/32"
                                     : "an address, such as 192.0.2.1 or 2001:db8::1");
    next(reader);
    return true;
}

static bool read_ports(struct reader *reader, struct flow_term *term, bool range)
{
    const char *dash = strchr(reader->word, '-');
    long low = number_of(reader->word, range ? '-' : 0, UINT16_MAX), high = low;
    if (range)
        high = dash ? number_of(dash + 1, 0, UINT16_MAX) : -1;
    if (low < 0 || high < low)
        return refuse(reader, range ? "a range of ports, such as 1024-65535" : "a port's number");
    term->test = FLOW_TEST_PORTS;
    term->low = (uint16_t)low;
    term->high = (uint16_t)high;
    next(reader);
    return true;
}

/* The protocol that the present word names; -1 if it is none. */
static int protocol_of(const struct reader *reader)
{
    struct protoent entry, *found = NULL;
    char buffer[1024];
    const char *name = is(reader, "icmp6") ? "ipv6-icmp" : reader->word;
    if (getprotobyname_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return -1;
    return found->p_proto <= UINT8_MAX ? found->p_proto : -1;
}

/* ---- the grammar ---- */

/* What may stand in front of host, net and port, or alone: *MADE says whether it was there. */
static bool read_kind(struct reader *reader, bool *made)
{
    struct flow_term term = {.test = FLOW_TEST_FAMILY};
    int protocol = -1;
    *made = true;
    if (is(reader, "ip") || is(reader, "ip6")) {
        term.value = is(reader, "ip6") ? 6 : 4;
    } else if (takes(reader, "proto", "proto")) {
        protocol = (int)number_of(reader->word, 0, UINT8_MAX);
        if (protocol < 0)
            protocol = protocol_of(reader);
        if (protocol < 0)
            return refuse(reader, "the name or number of a protocol");
    } else if (reader->word[0]) {
        protocol = protocol_of(reader);
        *made = protocol >= 0;
    } else {
        *made = false;
    }
    if (!*made)
        return true;
    if (protocol >= 0) {
        term.test = FLOW_TEST_PROTOCOL;
        term.value = (uint8_t)protocol;
    }
    next(reader);
    return add(reader, &term);
}

/* Whether nothing of a primitive follows. */
static bool is_over(const struct reader *reader)
{
    static const char *const others[] = {"", ")", "and", "or", "&&", "||"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is(reader, others[i]))
            return true;
    return false;
}

static bool read_primitive(struct reader *reader)
{
    struct flow_term term = {.side = FLOW_SIDE_EITHER};
    bool kind, good;
    if (!read_kind(reader, &kind))
        return false;
    if (kind && is_over(reader))
        return true;
    if (takes(reader, "src", "src"))
        term.side = FLOW_SIDE_SOURCE;
    else if (takes(reader, "dst", "dst"))
        term.side = FLOW_SIDE_DESTINATION;
    if (takes(reader, "net", "net"))
        good = read_net(reader, &term, true);
    else if (takes(reader, "port", "port"))
        good = read_ports(reader, &term, false);
    else if (takes(reader, "portrange", "portrange"))
        good = read_ports(reader, &term, true);
    else if (takes(reader, "host", "host") || term.side != FLOW_SIDE_EITHER)
        good = read_net(reader, &term, false);
    else
        return refuse(reader, "host, net, port, portrange or a protocol, as in host 192.0.2.1 and "
                              "tcp port 443");
    return good && add(reader, &term) && (!kind || add_operator(reader, FLOW_TEST_AND));
}

static bool read_expression(struct reader *reader);

static bool read_inner(struct reader *reader)
{
    if (takes(reader, "not", "!"))
        return read_inner(reader) && add_operator(reader, FLOW_TEST_NOT);
    if (!takes(reader, "(", "("))
        return read_primitive(reader);
    if (++reader->depth > DEPTH_MAX) {
        error_set(reader->mistake, "the filter has too many brackets inside each other");
        return false;
    }
    if (!read_expression(reader))
        return false;
    reader->depth--;
    return takes(reader, ")", ")") || refuse(reader, "and, or, or a closing bracket");
}

static bool read_factors(struct reader *reader)
{
    if (!read_inner(reader))
        return false;
    while (takes(reader, "and", "&&"))
        if (!read_inner(reader) || !add_operator(reader, FLOW_TEST_AND))
            return false;
    return true;
}

static bool read_expression(struct reader *reader)
{
    if (!read_factors(reader))
        return false;
    while (takes(reader, "or", "||"))
        if (!read_factors(reader) || !add_operator(reader, FLOW_TEST_OR))
            return false;
    return true;
}

bool filter_expression_read(struct flow_expression *expression, const char *text,
                            struct error *mistake)
{
    struct reader reader = {.rest = text, .made = expression, .mistake = mistake};
    expression->count = 0;
    if (strlen(text) > FILTER_EXPRESSION_MAX) {
        error_set(mistake, "the filter is longer than %d letters", FILTER_EXPRESSION_MAX);
        return false;
    }
    next(&reader);
    return read_expression(&reader) && (!reader.word[0] || refuse(&reader, "and or or before it"));
}
