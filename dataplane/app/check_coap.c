/*
 * Check of the Constrained Application Protocol (RFC 7252, with the options of 7641, 7959, 8613,
 * 8768, 9175, 9177): which codes there are and in which kinds of message, and what its options may
 * be and how long.
 */
#include "app/check_read.h"

enum { CONFIRMABLE, NON_CONFIRMABLE, ACKNOWLEDGEMENT, RESET };
enum { REQUEST, SUCCESS = 2, CLIENT_ERROR = 4, SERVER_ERROR = 5 };
enum { GET = 1, DELETE = 4, NUMBER_MAX = 0xffff, OCTETS_MAX = 1034, CONTENT_FORMAT = 12 };

/* Details that are in use, by class: a bit for each. */
static const uint32_t details[8] = {
    [REQUEST] = 0xfe, /* GET, POST, PUT, DELETE, FETCH, PATCH, iPATCH */
    [SUCCESS] = 1u << 31 | 0x3e,
    [CLIENT_ERROR] =
        0x7f | 1u << 8 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 15 | 1u << 22 | 1u << 29,
    [SERVER_ERROR] = 0x3f | 1u << 8,
};

/* Options whose octets are bounded; text: UTF-8. Those that are not here and have an odd number
 * must be understood by who gets them, so nobody sends them to strangers. */
static const struct {
    uint16_t number, least, most;
    bool text;
} options[] = {
    {1, 0, 8, false},    {3, 1, 255, true},   {4, 1, 8, false},    {5, 0, 0, false},
    {6, 0, 3, false},    {7, 0, 2, false},    {8, 0, 255, true},   {9, 0, 255, false},
    {11, 0, 255, true},  {12, 0, 2, false},   {13, 0, 4, false},   {14, 0, 4, false},
    {15, 0, 255, true},  {16, 1, 1, false},   {17, 0, 2, false},   {19, 0, 3, false},
    {20, 0, 255, true},  {21, 0, 0, false},   {23, 0, 3, false},   {27, 0, 3, false},
    {28, 0, 4, false},   {31, 0, 3, false},   {35, 1, 1034, true}, {39, 1, 255, true},
    {60, 0, 4, false},   {252, 1, 40, false}, {258, 0, 1, false},  {292, 0, 8, false},
    {2049, 0, 2, false}, {2053, 0, 2, false},
};

/* Whether what is there of the text [FROM, TO) is without controls, as names are. */
static bool is_text(const struct application_packet *p, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && i < p->length; i++)
        if (p->data[i] < 0x20 || p->data[i] == 0x7f || p->data[i] == 0xc0 || p->data[i] >= 0xf5)
            return false;
    return true;
}

static bool is_option(const struct application_packet *p, uint32_t number, uint32_t at,
                      uint32_t octets)
{
    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].number == number)
            return octets >= options[i].least && octets <= options[i].most &&
                   (!options[i].text || is_text(p, at, at + octets));
    return number <= NUMBER_MAX && octets <= OCTETS_MAX && number % 2 == 0;
}

/* A part of an option's head: 13 stands for one octet that follows, 14 for two. */
static bool read_part(const struct application_packet *p, uint32_t *at, uint32_t *part)
{
    uint32_t octets = *part >= 13 ? *part - 12 : 0;
    if (*part == 15 || *at + octets > p->length)
        return false;
    if (octets == 1)
        *part = 13u + p->data[*at];
    else if (octets == 2)
        *part = 269u + be16(p->data + *at);
    *at += octets;
    return true;
}

/* Options of growing numbers from *AT on, up to a marker or the end. *COUNT: how many. */
static bool are_options(const struct application_packet *p, uint32_t *at, unsigned *count)
{
    uint32_t number = 0;
    for (*count = 0; *at < p->length && p->data[*at] != 0xff; ++*count) {
        uint32_t delta = p->data[*at] >> 4, octets = p->data[*at] & 15;
        ++*at;
        if (!read_part(p, at, &delta) || !read_part(p, at, &octets))
            return false;
        number += delta;
        if (!is_option(p, number, *at, octets))
            return false;
        *at += octets;
    }
    return true;
}

/* Whether a message with the payload from AT on may have no option at all: a request that sends
 * something to the root, an answer, or an error with its reason as text. */
static bool may_be_bare(const struct application_packet *p, unsigned class, unsigned detail,
                        uint32_t at)
{
    if (class == REQUEST)
        return detail != GET && detail != DELETE;
    return class == SUCCESS || is_text(p, at, p->length);
}

/* Requests of the drafts before the RFC (3 to 12 of draft-ietf-core-coap), which devices still
 * speak: a count of options instead of a token's length, other numbers, lengths of 15 go on in the
 * next octet, and no marker. */
static bool is_draft(const struct application_packet *p)
{
    static const uint8_t most[16] = {
        [1] = 2,   [2] = 4,   [3] = 255, [4] = 8,  [5] = 255, [6] = 255, [7] = 2,
        [8] = 255, [9] = 255, [10] = 4,  [11] = 8, [12] = 2,  [13] = 8,  [15] = 255};
    static const uint16_t texts = 1u << 3 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 15;
    uint32_t at = 4, number = 0, text = 0;
    for (unsigned count = p->data[0] & 15; count > 0; count--) {
        if (at >= p->length)
            return false;
        uint32_t octets = p->data[at] & 15;
        number += p->data[at++] >> 4;
        if (octets == 15 && at < p->length)
            octets += p->data[at++];
        if (number == 0 || number > 15 || octets > most[number] || at + octets > p->length)
            return false;
        if (texts >> number & 1) {
            if (!is_printable(p->data, at, at + octets))
                return false;
            text += octets;
        }
        at += octets;
    }
    return text >= 3 && (at == p->whole_length || p->data[1] != GET);
}

bool application_check_coap(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 4 || d[0] >> 6 != 1 || (d[0] & 15) > 8)
        return false;
    unsigned kind = d[0] >> 4 & 3, class = d[1] >> 5, detail = d[1] & 31, count;
    if (d[1] == 0) /* nothing but a sign of life, or of its absence */
        return p->whole_length == 4 && (d[0] & 15) == 0 && kind != NON_CONFIRMABLE;
    if (!(details[class] >> detail & 1) || kind == RESET ||
        (class == REQUEST && kind == ACKNOWLEDGEMENT))
        return false;
    uint32_t at = 4 + (d[0] & 15u);
    if (!are_options(p, &at, &count))
        return is_draft(p);
    if (at >= p->length)
        return ends_right(p, at);
    at++;
    return at < p->whole_length && (count > 0 || may_be_bare(p, class, detail, at));
}
