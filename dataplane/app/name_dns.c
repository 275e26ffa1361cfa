/* Names in DNS. See name_dns.h. */
#include "app/name_dns.h"

#include "app/check_read.h"
#include "app/name_read.h"

enum {
    DNS_TYPES = 1 << NAME_DNS_QUERY_NAME | 1 << NAME_DNS_QUERY_TYPE | 1 << NAME_DNS_RESPONSE_CODE |
                1 << NAME_DNS_ANSWER,
    HEADER = 12,
    QUESTIONS_MAX = 32,
    RECORDS_MAX = 64,     /* that are walked over */
    NAME_WIRE_MAX = 255,  /* octets of a name (RFC 1035 section 2.3.4) */
    LABEL_MAX = 63,       /* octets */
    LABELS_MAX = 128,     /* follows from the two */
    JUMPS_MAX = 16,       /* compression pointers of one name */
    NAME_TEXT_MAX = 1024, /* octets of a name with each octet escaped */
    ANSWER_OCTETS_MAX = 160,
    RECORD_FIXED = 10, /* type, class, time to live, length */
    CLASS_INTERNET = 1,
    TYPE_OPT = 41,
    PORT_DNS = 53,
    PORT_MDNS = 5353,
    PORT_LLMNR = 5355
};

/* X(number, word): the types of records that are asked for (registry of RFC 6895). */
#define RECORD_TYPES(X)                                                                            \
    X(1, "A")                                                                                      \
    X(2, "NS")                                                                                     \
    X(5, "CNAME")                                                                                  \
    X(6, "SOA")                                                                                    \
    X(10, "NULL")                                                                                  \
    X(12, "PTR")                                                                                   \
    X(13, "HINFO")                                                                                 \
    X(15, "MX")                                                                                    \
    X(16, "TXT")                                                                                   \
    X(17, "RP")                                                                                    \
    X(18, "AFSDB")                                                                                 \
    X(24, "SIG")                                                                                   \
    X(25, "KEY")                                                                                   \
    X(28, "AAAA")                                                                                  \
    X(29, "LOC")                                                                                   \
    X(33, "SRV")                                                                                   \
    X(35, "NAPTR")                                                                                 \
    X(37, "CERT")                                                                                  \
    X(38, "A6")                                                                                    \
    X(39, "DNAME")                                                                                 \
    X(42, "APL")                                                                                   \
    X(43, "DS")                                                                                    \
    X(44, "SSHFP")                                                                                 \
    X(46, "RRSIG")                                                                                 \
    X(47, "NSEC")                                                                                  \
    X(48, "DNSKEY")                                                                                \
    X(50, "NSEC3")                                                                                 \
    X(51, "NSEC3PARAM")                                                                            \
    X(52, "TLSA")                                                                                  \
    X(53, "SMIMEA")                                                                                \
    X(55, "HIP")                                                                                   \
    X(59, "CDS")                                                                                   \
    X(60, "CDNSKEY")                                                                               \
    X(61, "OPENPGPKEY")                                                                            \
    X(62, "CSYNC")                                                                                 \
    X(63, "ZONEMD")                                                                                \
    X(64, "SVCB")                                                                                  \
    X(65, "HTTPS")                                                                                 \
    X(99, "SPF")                                                                                   \
    X(108, "EUI48")                                                                                \
    X(109, "EUI64")                                                                                \
    X(249, "TKEY")                                                                                 \
    X(250, "TSIG")                                                                                 \
    X(251, "IXFR")                                                                                 \
    X(252, "AXFR")                                                                                 \
    X(255, "ANY")                                                                                  \
    X(256, "URI")                                                                                  \
    X(257, "CAA")

/* X(number, word): response codes (registry of RFC 6895). */
#define RESPONSE_CODES(X)                                                                          \
    X(0, "NOERROR")                                                                                \
    X(1, "FORMERR")                                                                                \
    X(2, "SERVFAIL")                                                                               \
    X(3, "NXDOMAIN")                                                                               \
    X(4, "NOTIMP")                                                                                 \
    X(5, "REFUSED")                                                                                \
    X(6, "YXDOMAIN")                                                                               \
    X(7, "YXRRSET")                                                                                \
    X(8, "NXRRSET")                                                                                \
    X(9, "NOTAUTH")                                                                                \
    X(10, "NOTZONE")                                                                               \
    X(11, "DSOTYPENI")                                                                             \
    X(16, "BADVERS")                                                                               \
    X(17, "BADKEY")                                                                                \
    X(18, "BADTIME")                                                                               \
    X(19, "BADMODE")                                                                               \
    X(20, "BADNAME")                                                                               \
    X(21, "BADALG")                                                                                \
    X(22, "BADTRUNC")                                                                              \
    X(23, "BADCOOKIE")

/* One message: offsets are from its first octet, as compression pointers are. */
struct message {
    const uint8_t *data;
    uint32_t length;
    bool utf8; /* multicast DNS, LLMNR */
};

/* Text that is put together. */
struct text {
    uint32_t octets, room;
    uint8_t *out;
    bool full; /* something did not fit */
};

/* A record: where its data is. */
struct record {
    uint32_t type, class, data, data_octets;
    uint8_t code_high; /* upper octet of the field of the time to live */
};

/* ---- text ---- */

static void put(struct text *text, uint8_t octet)
{
    text->full |= text->octets == text->room;
    if (!text->full)
        text->out[text->octets++] = octet;
}

static void put_number(struct text *text, uint32_t number)
{
    uint8_t digits[10];
    uint32_t count = 0;
    do
        digits[count++] = (uint8_t)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        put(text, digits[--count]);
}

static void put_hexadecimal(struct text *text, uint32_t number)
{
    uint32_t shift = 12;
    while (shift > 0 && number >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        put(text, (uint8_t) "0123456789abcdef"[number >> shift & 15]);
        if (shift == 0)
            return;
    }
}

static void put_word(struct text *text, const char *word)
{
    for (; *word; word++)
        put(text, (uint8_t)*word);
}

/* An octet of a label. */
static void put_label_octet(struct text *text, uint8_t octet, bool utf8)
{
    if (octet == '.' || octet == '\\') {
        put(text, '\\');
        put(text, octet);
    } else if (octet <= ' ' || octet == ',' || octet == 0x7f || (octet >= 0x80 && !utf8)) {
        put(text, '\\');
        put(text, (uint8_t)('0' + octet / 100));
        put(text, (uint8_t)('0' + octet / 10 % 10));
        put(text, (uint8_t)('0' + octet % 10));
    } else {
        put(text, name_small(octet));
    }
}

static void put_ipv4(struct text *text, const uint8_t *address)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            put(text, '.');
        put_number(text, address[i]);
    }
}

/* RFC 5952: no leading zeros, the longest run of two or more zero groups as ::. */
static void put_ipv6(struct text *text, const uint8_t *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint32_t best = 8, best_groups = 1;
    if (memcmp(address, mapped, sizeof mapped) == 0) {
        put_word(text, "::ffff:");
        put_ipv4(text, address + sizeof mapped);
        return;
    }
    for (uint32_t i = 0, groups = 0; i < 8; i++) {
        groups = be16(address + 2 * i) == 0 ? groups + 1 : 0;
        if (groups > best_groups) {
            best_groups = groups;
            best = i + 1 - groups;
        }
    }
    for (uint32_t i = 0; i < 8; i++) {
        if (i == best) {
            put_word(text, "::");
            i += best_groups - 1;
            continue;
        }
        if (i > 0 && i != best + best_groups)
            put(text, ':');
        put_hexadecimal(text, be16(address + 2 * i));
    }
}

/* ---- names ---- */

/* The offset behind the name at AT; 0 if the message does not hold it. */
static uint32_t skip_name(const struct message *message, uint32_t at)
{
    for (unsigned labels = 0; labels < LABELS_MAX && at < message->length; labels++) {
        uint32_t octets = message->data[at];
        if (octets == 0)
            return at + 1;
        if (octets >= 0xc0)
            return at + 2 <= message->length ? at + 2 : 0;
        if (octets > LABEL_MAX)
            return 0;
        at += 1 + octets;
    }
    return 0;
}

/*
 * Puts the name at AT into TEXT. False if it is too long, not whole, or compressed in a way that
 * leads astray: a pointer leads to before the piece of the name that it ends, never in a circle.
 */
static bool put_name(const struct message *message, uint32_t at, struct text *text)
{
    uint32_t wire = 1, jumps = 0, piece = at, start = text->octets;
    while (at < message->length && !text->full) {
        uint32_t octets = message->data[at];
        if (octets == 0) {
            if (text->octets == start)
                put(text, '.');
            return true;
        }
        if (octets >= 0xc0) {
            if (at + 2 > message->length || ++jumps > JUMPS_MAX)
                return false;
            uint32_t to = be16(message->data + at) & 0x3fff;
            if (to >= piece || to < HEADER)
                return false;
            at = piece = to;
            continue;
        }
        wire += octets + 1;
        if (octets > LABEL_MAX || wire > NAME_WIRE_MAX || at + 1 + octets > message->length)
            return false;
        if (text->octets > start)
            put(text, '.');
        for (uint32_t i = 1; i <= octets; i++)
            put_label_octet(text, message->data[at + i], message->utf8);
        at += 1 + octets;
    }
    return false;
}

/* ---- messages ---- */

static bool is_response(const struct message *message)
{
    return message->data[2] & 0x80;
}

static uint32_t questions_of(const struct message *message)
{
    return be16(message->data + 4);
}

/* Whether MESSAGE begins like a standard query or a response to one. */
static bool is_standard(const struct message *message)
{
    const uint8_t *data = message->data;
    if (message->length < HEADER || (data[2] & 0x78) || (data[3] & 0x40) ||
        questions_of(message) > QUESTIONS_MAX)
        return false;
    if (questions_of(message) == 0) /* an error, or multicast DNS */
        return is_response(message) && ((data[3] & 0x0f) || be16(data + 6) > 0);
    uint32_t end = skip_name(message, HEADER);
    return end > 0 && end + 4 <= message->length && be16(message->data + end) > 0;
}

/* The message in PACKET. Over TCP it has its length before it, unless that came alone. */
static bool read_message(const struct application_packet *packet, struct message *message)
{
    *message =
        (struct message){.data = packet->data,
                         .length = packet->length,
                         .utf8 = has_port(packet, PORT_MDNS) || has_port(packet, PORT_LLMNR)};
    if (packet->tcp && packet->length >= 2) {
        uint32_t claimed = be16(packet->data);
        struct message behind = *message;
        behind.data += 2;
        behind.length -= 2;
        if (behind.length > claimed)
            behind.length = claimed;
        if (is_standard(&behind)) {
            *message = behind;
            return true;
        }
    }
    return is_standard(message);
}

/* Reads the record at *AT; *AT is behind it then. */
static bool read_record(const struct message *message, uint32_t *at, struct record *record)
{
    uint32_t fixed = skip_name(message, *at);
    if (fixed == 0 || fixed + RECORD_FIXED > message->length)
        return false;
    const uint8_t *data = message->data + fixed;
    *record = (struct record){.type = be16(data),
                              .class = be16(data + 2),
                              .data = fixed + RECORD_FIXED,
                              .data_octets = be16(data + 8),
                              .code_high = data[4]};
    *at = record->data + record->data_octets;
    return *at <= message->length;
}

/* Puts the address or name that RECORD gives into TEXT; false: it gives none. */
static bool put_record(const struct message *message, const struct record *record,
                       struct text *text)
{
    uint32_t before_name = 0;
    switch (record->type) {
    case 1: /* A */
        if (record->data_octets == 4)
            put_ipv4(text, message->data + record->data);
        return record->data_octets == 4;
    case 28: /* AAAA */
        if (record->data_octets == 16)
            put_ipv6(text, message->data + record->data);
        return record->data_octets == 16;
    case 2:  /* NS */
    case 5:  /* CNAME */
    case 12: /* PTR */
    case 39: /* DNAME */
        break;
    case 15: /* MX: preference */
        before_name = 2;
        break;
    case 33: /* SRV: priority, weight, port */
        before_name = 6;
        break;
    default:
        return false;
    }
    return record->data_octets > before_name && put_name(message, record->data + before_name, text);
}

/* ---- telling ---- */

static void tell_text(struct name_teller *teller, enum name_type type, const struct text *text)
{
    name_teller_tell(teller, type, (struct name_span){text->out, text->octets, true});
}

#define WORD_CASE(number, word)                                                                    \
    case number:                                                                                   \
        put_word(&text, word);                                                                     \
        break;

static void tell_type(struct name_teller *teller, uint32_t type)
{
    uint8_t out[16];
    struct text text = {.room = sizeof out, .out = out};
    switch (type) {
        RECORD_TYPES(WORD_CASE)
    default:
        put_word(&text, "TYPE");
        put_number(&text, type);
    }
    tell_text(teller, NAME_DNS_QUERY_TYPE, &text);
}

static void tell_code(struct name_teller *teller, uint32_t code)
{
    uint8_t out[16];
    struct text text = {.room = sizeof out, .out = out};
    switch (code) {
        RESPONSE_CODES(WORD_CASE)
    default:
        put_word(&text, "RCODE");
        put_number(&text, code);
    }
    tell_text(teller, NAME_DNS_RESPONSE_CODE, &text);
}

/* Tells the first question; *AT is behind all then. False: they are not all there. */
static bool tell_questions(const struct message *message, struct name_teller *teller, uint32_t *at)
{
    for (uint32_t i = 0; i < questions_of(message); i++) {
        uint32_t end = skip_name(message, *at);
        if (end == 0 || end + 4 > message->length)
            return false;
        if (i == 0) {
            uint8_t out[NAME_TEXT_MAX];
            struct text name = {.room = sizeof out, .out = out};
            if (!put_name(message, *at, &name))
                return false;
            tell_text(teller, NAME_DNS_QUERY_NAME, &name);
            tell_type(teller, be16(message->data + end));
        }
        *at = end + 4;
    }
    return true;
}

/* Adds what RECORD gives to ANSWER if it fits. */
static void add_answer(const struct message *message, const struct record *record,
                       struct text *answer)
{
    uint32_t before = answer->octets;
    if ((record->class & 0x7fff) != CLASS_INTERNET)
        return;
    if (before > 0)
        put(answer, ',');
    if (!put_record(message, record, answer) || answer->full)
        answer->octets = before;
    answer->full = false;
}

/* Tells response code and answers. The code has upper bits in the OPT record (RFC 6891). */
static void tell_response(const struct message *message, struct name_teller *teller, uint32_t at)
{
    const uint8_t *data = message->data;
    uint32_t answers = be16(data + 6), records = answers + be16(data + 8) + be16(data + 10);
    uint32_t code = data[3] & 0x0f;
    uint8_t out[ANSWER_OCTETS_MAX];
    struct text answer = {.room = sizeof out, .out = out};
    struct record record;
    for (uint32_t i = 0; i < records && i < RECORDS_MAX && read_record(message, &at, &record);
         i++) {
        if (i < answers)
            add_answer(message, &record, &answer);
        else if (record.type == TYPE_OPT)
            code |= (uint32_t)record.code_high << 4;
    }
    tell_code(teller, code);
    tell_text(teller, NAME_DNS_ANSWER, &answer);
}

bool name_is_dns(const struct application_packet *packet)
{
    struct message message;
    return (has_port(packet, PORT_DNS) || has_port(packet, PORT_MDNS) ||
            has_port(packet, PORT_LLMNR)) &&
           read_message(packet, &message);
}

enum name_progress name_dns(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state)
{
    struct name_teller teller = {.sink = sink};
    struct message message;
    uint32_t at = HEADER;
    (void)state;
    if (!read_message(packet, &message))
        return name_teller_end(&teller, DNS_TYPES);
    bool whole = tell_questions(&message, &teller, &at);
    if (!is_response(&message))
        return name_teller_end(&teller, DNS_TYPES);
    if (whole)
        tell_response(&message, &teller, at);
    return NAME_DONE;
}
