/* Names in HTTP/1. See name_http.h. */
#include "app/name_http.h"

#include "app/name_gather.h"
#include "app/name_read.h"

enum {
    HTTP_TYPES = 1 << NAME_HTTP_HOST | 1 << NAME_HTTP_METHOD | 1 << NAME_HTTP_STATUS |
                 1 << NAME_HTTP_USER_AGENT,
    METHOD_OCTETS_MAX = 16,
    EMPTY_LINES_MAX = 4,    /* octets of them before the first line (RFC 9112 section 2.2) */
    LINES_MAX = 128,        /* that are looked at in one packet */
    LINE_OCTETS_MAX = 2048, /* of a line that is waited for */
    PORT_DIGITS_MAX = 5
};

/* Types that lines of a request's head tell. */
enum { HEADER_TYPES = 1 << NAME_HTTP_HOST | 1 << NAME_HTTP_USER_AGENT };

/* Methods that are believed although the end of the line was not seen. */
static const char *const methods[] = {"GET ",     "POST ",    "HEAD ",  "PUT ",   "DELETE ",
                                      "CONNECT ", "OPTIONS ", "PATCH ", "TRACE ", "PROPFIND "};

struct request {
    struct name_span method, target;
};

/* ---- first lines ---- */

/* Offset of the first line; the payload's length if there is nothing but line ends. */
static uint32_t first_line(const struct application_packet *packet)
{
    uint32_t at = 0;
    while (at < packet->length && at < EMPTY_LINES_MAX &&
           (packet->data[at] == '\r' || packet->data[at] == '\n'))
        at++;
    return at;
}

/* RFC 9110 section 5.6.2. */
static bool is_token_octet(uint8_t octet)
{
    return name_is_alphanumeric(octet) ||
           (octet > ' ' && octet < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", octet));
}

static bool is_known_method(struct name_span line)
{
    for (unsigned i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (name_starts(line, methods[i]))
            return true;
    return false;
}

/* Whether LINE ends with the version; *TARGET_END is where what is before it ends. */
static bool ends_with_version(struct name_span line, uint32_t *target_end)
{
    static const char version[] = " HTTP/1.";
    enum { VERSION = sizeof version - 1 };
    if (line.octets < VERSION + 1 || !name_is_digit(line.text[line.octets - 1]))
        return false;
    *target_end = line.octets - VERSION - 1;
    return memcmp(line.text + *target_end, version, VERSION) == 0;
}

static bool read_request(struct name_span line, struct request *request)
{
    uint32_t method = 0, end;
    if (line.whole)
        line = name_trim(line);
    while (method < line.octets && method < METHOD_OCTETS_MAX && is_token_octet(line.text[method]))
        method++;
    if (method == 0 || method == line.octets || line.text[method] != ' ')
        return false;
    if (line.whole) {
        if (!ends_with_version(line, &end) || end <= method)
            return false;
    } else {
        if (!is_known_method(line))
            return false;
        const uint8_t *blank = memchr(line.text + method + 1, ' ', line.octets - method - 1);
        end = blank ? (uint32_t)(blank - line.text) : line.octets;
        line.whole = blank != NULL;
    }
    request->method = (struct name_span){line.text, method, true};
    request->target = (struct name_span){line.text + method + 1, end - method - 1, line.whole};
    return true;
}

/* HTTP/1.d, a blank, three digits and an end. */
static bool read_status(struct name_span line, struct name_span *status)
{
    enum { STATUS = 9, STATUS_END = 12 };
    if (!name_starts(line, "HTTP/1.") || line.octets < STATUS_END || line.text[STATUS - 1] != ' ' ||
        !name_is_digit(line.text[STATUS - 2]))
        return false;
    for (uint32_t i = STATUS; i < STATUS_END; i++)
        if (!name_is_digit(line.text[i]))
            return false;
    *status = (struct name_span){line.text + STATUS, STATUS_END - STATUS, true};
    return line.octets == STATUS_END ? line.whole : line.text[STATUS_END] == ' ';
}

static bool is_interim(struct name_span status)
{
    return status.text[0] == '1' && memcmp(status.text, "101", status.octets) != 0;
}

/* ---- host ---- */

/* Whether SPAN is a host (name, address, [address]) with or without port. What RFC 3986 would
 * permit beside them in names, such as ; and %40, is in none, but may hide a path or a password. */
static bool is_host(struct name_span span)
{
    uint32_t at = 0, digits = 0;
    bool bracket = span.octets > 0 && span.text[0] == '[';
    for (; at < span.octets && (bracket || span.text[at] != ':'); at++) {
        uint8_t octet = span.text[at];
        if (name_is_alphanumeric(octet) || octet >= 0x80)
            continue;
        if (octet == 0 || !strchr(bracket ? ".-_~:%[]" : ".-_~", octet))
            return false;
        if (octet == ']')
            bracket = false;
    }
    if (at == 0 || bracket)
        return false;
    for (at++; at < span.octets && name_is_digit(span.text[at]); at++)
        digits++;
    return at >= span.octets && digits <= PORT_DIGITS_MAX;
}

/*
 * The host of a URL or of what should have been a host: without scheme, without what follows, and
 * without user and password. These end with the last @; an @ behind the first / may mean that the
 * password has a / in it, so there is no telling where the host is then.
 */
static struct name_span host_of(struct name_span url, uint32_t scheme)
{
    struct name_span host = name_behind(url, scheme);
    uint32_t end = 0, start = 0;
    while (end < host.octets && !memchr("/?#\\", host.text[end], 4))
        end++;
    bool doubtful = memchr(host.text + end, '@', host.octets - end) != NULL;
    bool whole = host.whole || end < host.octets;
    for (uint32_t i = 0; i < end; i++)
        if (host.text[i] == '@')
            start = i + 1;
    host = (struct name_span){host.text + start, end - start, whole};
    if (!whole || doubtful || !is_host(host))
        host.octets = 0;
    return host;
}

/* The octets of "scheme://" at the start of URL; 0: it does not start with one. */
static uint32_t scheme_octets(struct name_span url)
{
    uint32_t at = 0;
    while (at < url.octets && (is_token_octet(url.text[at]) && url.text[at] != '%'))
        at++;
    return at > 0 && name_starts(name_behind(url, at), "://") ? at + 3 : 0;
}

static void tell_target(struct name_teller *teller, const struct request *request)
{
    uint32_t scheme = scheme_octets(request->target);
    if (scheme == 0 && !name_starts(request->method, "CONNECT"))
        return; /* a path, which is nobody's business */
    name_teller_tell(teller, NAME_HTTP_HOST, host_of(request->target, scheme));
}

/* ---- heads ---- */

static const char host_line[] = "host:", agent_line[] = "user-agent:";

/* Tells TELLER what a whole LINE shows. */
static void tell_header(struct name_teller *teller, struct name_span line)
{
    if (name_starts_small(line, host_line)) {
        struct name_span value = name_trim(name_behind(line, sizeof host_line - 1));
        name_teller_tell(teller, NAME_HTTP_HOST, host_of(value, scheme_octets(value)));
    } else if (name_starts_small(line, agent_line)) {
        name_teller_tell(teller, NAME_HTTP_USER_AGENT,
                         name_trim(name_behind(line, sizeof agent_line - 1)));
    }
}

/* Tells TELLER (may be NULL) what the header lines from *AT on show; *AT is behind the empty line
 * then. False: the packet ends before, at *AT or in the line there, or the *LINES that may be
 * looked at. */
static bool read_headers(const struct application_packet *packet, uint32_t *at, unsigned *lines,
                         struct name_teller *teller)
{
    for (; *at<packet->length && * lines> 0; (*lines)--) {
        uint32_t start = *at;
        struct name_span line = name_line(packet, at);
        if (!line.whole) {
            *at = start;
            return false;
        }
        if (line.octets == 0)
            return true;
        if (teller)
            tell_header(teller, line);
    }
    return false;
}

/* The response at AT, behind interim ones. */
static void read_responses(const struct application_packet *packet, uint32_t at,
                           struct name_teller *teller)
{
    unsigned lines = LINES_MAX;
    struct name_span status;
    while (at < packet->length && lines > 0) {
        if (!read_status(name_line(packet, &at), &status))
            return;
        if (!is_interim(status)) {
            name_teller_tell(teller, NAME_HTTP_STATUS, status);
            return;
        }
        if (!read_headers(packet, &at, &lines, NULL))
            return;
    }
}

/* Whether a first line may begin with the payload from AT on: a method and a blank, or the version.
 * What is not HTTP mostly ends here. */
static bool may_be_head(const struct application_packet *packet, uint32_t at)
{
    uint32_t end = at;
    if (at >= packet->length || packet->data[at] < 'A' || packet->data[at] > 'Z')
        return false;
    while (end < packet->length && end - at < METHOD_OCTETS_MAX &&
           is_token_octet(packet->data[end]))
        end++;
    return end < packet->length && (packet->data[end] == ' ' || packet->data[end] == '/');
}

/* What the packet begins with. */
enum head { NO_HEAD, REQUEST_HEAD, RESPONSE_HEAD };

static enum head read_head(const struct application_packet *packet, uint32_t *at,
                           struct request *request)
{
    struct name_span status;
    bool may_request = !packet->client_known || packet->from_client;
    bool may_respond = !packet->client_known || !packet->from_client;
    *at = first_line(packet);
    if (!may_be_head(packet, *at))
        return NO_HEAD;
    uint32_t start = *at;
    struct name_span line = name_line(packet, at);
    if (may_respond && read_status(line, &status)) {
        *at = start;
        return RESPONSE_HEAD;
    }
    return may_request && read_request(line, request) ? REQUEST_HEAD : NO_HEAD;
}

bool name_is_http(const struct application_packet *packet)
{
    struct request request;
    uint32_t at;
    return packet->tcp && read_head(packet, &at, &request) != NO_HEAD;
}

/* ---- heads in several packets ---- */

/* Whether LINE, whose end is missing, may become one that is wanted. */
static bool may_be_wanted(struct name_span line)
{
    static const char *const names[] = {host_line, agent_line};
    if (line.octets >= LINE_OCTETS_MAX)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t at = 0;
        while (names[i][at] && at < line.octets &&
               name_small(line.text[at]) == (uint8_t)names[i][at])
            at++;
        if (at == line.octets || !names[i][at])
            return true;
    }
    return false;
}

/* Whether there is something that the rest of a request's head could still tell. */
static bool is_wanting(const struct name_teller *teller)
{
    return (teller->sink->wanted & HEADER_TYPES & ~teller->told) != 0;
}

/* Waits for the rest of the head of PACKET, whose line at AT is not whole. Of that line it keeps
 * what is there if somebody may want it, of all others nothing. */
static void wait_for_rest(const struct application_packet *packet, uint32_t at,
                          const struct name_teller *teller, const struct name_state *state)
{
    uint32_t end = at;
    struct name_span line = {packet->data, 0, false};
    if (at < packet->length)
        line = name_line(packet, &end);
    bool first = at == packet->length && packet->data[at - 1] != '\n'; /* it is the first line */
    struct name_gather *gather = name_gather_begin(state, NAME_BY_HTTP, packet);
    gather->told = teller->told;
    gather->passing = first || !may_be_wanted(line);
    gather->base += gather->passing ? packet->length : at;
    if (!gather->passing)
        name_gather_put(gather, 0, packet->data + at, packet->length - at);
    name_gather_end(state, gather, NAME_MORE);
}

/* Reads the lines that are there now, and wipes them. True if the head ends. */
static bool read_rest(struct name_gather *gather, struct name_teller *teller)
{
    const struct application_packet there = {.data = gather->octets, .length = gather->have};
    uint32_t at = gather->read;
    bool ends = false;
    for (unsigned lines = LINES_MAX; at < there.length && !ends; lines--) {
        uint32_t start = at;
        struct name_span line = name_line(&there, &at);
        if (!line.whole && !gather->passing && may_be_wanted(line)) {
            at = start;
            break;
        }
        ends = lines == 0 || (line.whole && line.octets == 0 && !gather->passing);
        if (line.whole && !gather->passing)
            tell_header(teller, line);
        gather->passing = !line.whole;
    }
    memset(gather->octets + gather->read, 0, at - gather->read);
    gather->read = at;
    return ends;
}

/* PACKET goes on with the head that GATHER waits for, as far as it is not there yet. */
static enum name_progress go_on(const struct application_packet *packet, struct name_teller *teller,
                                const struct name_state *state, struct name_gather *gather)
{
    uint32_t known = gather->base - packet->tcp_sequence, at = 0;
    if (known > UINT32_MAX / 2) { /* it begins behind what is missing, perhaps */
        at = -known;
        known = 0;
    }
    if (known >= packet->length)
        return NAME_MORE;
    teller->told = gather->told;
    name_gather_put(gather, at, packet->data + known, packet->length - known);
    bool ends = read_rest(gather, teller);
    gather->told = teller->told;
    if (gather->read == gather->end) { /* nothing is left: there is room again */
        bool passing = gather->passing;
        gather->base += gather->read;
        name_gather_clear(gather);
        gather->passing = passing;
    }
    ends |= !is_wanting(teller) || gather->have == NAME_GATHER_OCTETS ||
            packet->length < packet->whole_length;
    name_gather_end(state, gather, ends ? NAME_DONE : NAME_MORE);
    return name_teller_end(teller, HTTP_TYPES);
}

enum name_progress name_http(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state)
{
    struct name_teller teller = {.sink = sink};
    struct request request;
    uint32_t at;
    unsigned lines = LINES_MAX;
    struct name_gather *gather = NULL;
    if (state && packet->tcp)
        gather = name_gather_find(state, NAME_BY_HTTP);
    if (gather && packet->from_client == gather->from_client)
        return go_on(packet, &teller, state, gather);
    switch (read_head(packet, &at, &request)) {
    case REQUEST_HEAD:
        name_teller_tell(&teller, NAME_HTTP_METHOD, request.method);
        tell_target(&teller, &request);
        if (!read_headers(packet, &at, &lines, &teller) && lines > 0 && state && packet->tcp &&
            !gather && packet->length == packet->whole_length && is_wanting(&teller))
            wait_for_rest(packet, at, &teller, state);
        break;
    case RESPONSE_HEAD:
        read_responses(packet, at, &teller);
        break;
    case NO_HEAD:
        break;
    }
    return name_teller_end(&teller, HTTP_TYPES);
}
