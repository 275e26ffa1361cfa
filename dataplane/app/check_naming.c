/*
 * Checks of DNS and what shares its form: multicast DNS, LLMNR, NetBIOS names (RFC 1035, 6762,
 * 4795, 1002).
 */
#include "app/check_read.h"

enum { HEADER = 12, QUESTIONS_MAX = 32, RECORDS_MAX = 4096, LABELS_MAX = 128 };

/* The offset behind the name at AT; 0 if there is no name. */
static uint32_t skip_name(const struct application_packet *p, uint32_t at)
{
    for (unsigned labels = 0; labels < LABELS_MAX && at < p->length; labels++) {
        uint32_t length = p->data[at];
        if (length == 0)
            return at + 1;
        if (length >= 0xc0) /* goes on elsewhere */
            return at + 2 <= p->length ? at + 2 : 0;
        if (length > 63)
            return 0;
        at += 1 + length;
    }
    return 0;
}

static bool is_class(uint32_t class)
{
    class &= 0x7fff; /* multicast DNS has a use for the highest bit */
    return class == 1 || class == 255 || class == 3 || class == 4 || class == 254;
}

/* Whether type and class at AT can be those of a question. */
static bool is_question(const struct application_packet *p, uint32_t at)
{
    uint32_t type = be16(p->data + at);
    return (type > 0 && (type <= 270 || type >= 32768)) && is_class(be16(p->data + at + 2));
}

/* Queries, status, notifications, updates; NetBIOS has its own (RFC 1002 section 4.2.1.1, and 15 of
 * hosts with several addresses). */
static bool is_operation(const struct application_packet *p, unsigned operation)
{
    enum { DNS = 0x37, NETBIOS = 0x83e1 };
    return (has_port(p, 137) ? NETBIOS | DNS : DNS) >> operation & 1;
}

static bool is_message(const struct application_packet *p, uint32_t from)
{
    const uint8_t *d = p->data + from;
    if (p->length < from + HEADER + 5)
        return p->length == from + HEADER && p->whole_length == p->length && (d[2] & 0x80) &&
               (d[2] & 0x78) == 0 && (d[3] & 0x0f) <= 5 && (d[3] & 0x0f) > 0 && be32(d + 4) == 0 &&
               be32(d + 8) == 0;
    uint32_t questions = be16(d + 4), records = be16(d + 6) + be16(d + 8) + be16(d + 10);
    unsigned operation = d[2] >> 3 & 15;
    if (!is_operation(p, operation) || questions > QUESTIONS_MAX || records > RECORDS_MAX ||
        questions + records == 0 || (d[3] & 0x40))
        return false;
    bool answer = d[2] & 0x80;
    if (!answer && questions == 0 && be16(d + 6) == 0 && be16(d + 8) == 0)
        return false;
    if (!answer && (d[3] & 0x0f) != 0 && operation == 0 && questions != 1)
        return false;
    uint32_t at = from + HEADER;
    if (questions == 0) { /* records alone: name, type, class, time to live, length */
        at = skip_name(p, at);
        return at && at + 10 <= p->length && be16(p->data + at) <= 270 &&
               is_class(be16(p->data + at + 2)) &&
               at + 10 + be16(p->data + at + 8) <= p->whole_length;
    }
    at = skip_name(p, at);
    if (!at || at + 4 > p->length || !is_question(p, at))
        return false;
    at += 4;
    if (questions > 1 || at == p->whole_length)
        return questions > 1 || records == 0 || (d[2] & 0x02) || answer;
    return records > 0 || at >= p->length || answer;
}

bool application_check_dns(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    return is_message(p, 0);
}

bool application_check_dns_tcp(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    return p->length >= 2 + HEADER + 5 && be16(p->data) >= HEADER + 5 &&
           (be16(p->data) + 2 == p->whole_length || has_port(p, 53)) && is_message(p, 2);
}

/* RFC 1002 section 4.4: type, flags, id, source address and port, length, offset. */
bool application_check_netbios_datagram(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 14 || d[0] < 0x10 || d[0] > 0x16 || (d[1] & 0xf0))
        return false;
    if (d[0] == 0x13)
        return has_port(p, 138);
    return be16(d + 8) == 138 && (has_port(p, 138) || be16(d + 10) + 14 == p->whole_length);
}
