/*
 * Checks of protocols in ASN.1's basic encoding: SNMP (RFC 1157, 3412), Kerberos (RFC 4120), LDAP
 * (RFC 4511), Z39.50 (ISO 23950).
 */
#include "app/check_read.h"

enum { TAG_INTEGER = 0x02, TAG_OCTETS = 0x04, TAG_SEQUENCE = 0x30 };

/* A tag with its length at *AT; *AT moves to the contents. False if it does not fit. */
static bool enter(const struct application_packet *p, uint32_t *at, uint8_t *tag, uint32_t *length)
{
    const uint8_t *d = p->data;
    if (*at + 2 > p->length)
        return false;
    *tag = d[*at];
    uint32_t first = d[*at + 1];
    *at += 2;
    *length = first;
    if (first < 0x80)
        return true;
    uint32_t octets = first & 0x7f;
    if (octets == 0 || octets > 4 || *at + octets > p->length)
        return false;
    *length = 0;
    for (uint32_t i = 0; i < octets; i++)
        *length = *length << 8 | d[*at + i];
    *at += octets;
    return *length < 1u << 24;
}

/* The same, and it must have TAG. */
static bool enter_as(const struct application_packet *p, uint32_t *at, uint8_t tag,
                     uint32_t *length)
{
    uint8_t found;
    return enter(p, at, &found, length) && found == tag;
}

/* An integer of one octet whose tag is at *AT, behind which *AT moves. */
static bool small_integer(const struct application_packet *p, uint32_t *at, uint8_t *value)
{
    uint32_t length;
    if (!enter_as(p, at, TAG_INTEGER, &length) || length != 1 || *at >= p->length)
        return false;
    *value = p->data[(*at)++];
    return true;
}

bool application_check_snmp(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0, length;
    uint8_t version;
    (void)memory;
    if (!enter_as(p, &at, TAG_SEQUENCE, &length) || at + length != p->whole_length ||
        !small_integer(p, &at, &version) || version > 3)
        return false;
    if (version == 3)
        return enter_as(p, &at, TAG_SEQUENCE, &length) && at < p->length &&
               p->data[at] == TAG_INTEGER;
    if (!enter_as(p, &at, TAG_OCTETS, &length) || at + length >= p->length)
        return false;
    at += length;
    return p->data[at] >= 0xa0 && p->data[at] <= 0xa8;
}

/* [APPLICATION n] SEQUENCE { [0] or [1] 5, [1] or [2] n, ... */
static bool is_kerberos(const struct application_packet *p, uint32_t at)
{
    uint32_t start = at, length;
    uint8_t tag, inner, version, type;
    if (!enter(p, &at, &tag, &length) || (tag & 0xe0) != 0x60 ||
        (at + length != p->whole_length && start == 0))
        return false;
    if (!enter_as(p, &at, TAG_SEQUENCE, &length) || !enter(p, &at, &inner, &length) ||
        (inner != 0xa0 && inner != 0xa1) || !small_integer(p, &at, &version) || version != 5)
        return false;
    return enter_as(p, &at, (uint8_t)(inner + 1), &length) && small_integer(p, &at, &type) &&
           type == (tag & 0x1f);
}

bool application_check_kerberos(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    if (!p->tcp)
        return is_kerberos(p, 0);
    return p->length > 6 && p->data[0] == 0 && is_kerberos(p, 4);
}

bool application_check_ldap(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0, length;
    (void)memory;
    if (!enter_as(p, &at, TAG_SEQUENCE, &length) || length < 5)
        return false;
    uint32_t end = at + length;
    if (!enter_as(p, &at, TAG_INTEGER, &length) || length == 0 || length > 4 ||
        at + length + 2 > p->length)
        return false;
    at += length;
    uint8_t tag = p->data[at];
    bool known = (tag >= 0x60 && tag <= 0x79) || tag == 0x42 || tag == 0x4a || tag == 0x50;
    if (!known || end > 1u << 22)
        return false;
    if (!enter(p, &at, &tag, &length) || at + length > end)
        return false;
    if (tag != 0x60) /* otherwise a bind: version, name, authentication */
        return end == p->whole_length || end >= p->length || p->data[end] == TAG_SEQUENCE;
    uint8_t version;
    return small_integer(p, &at, &version) && (version == 2 || version == 3);
}

/* Init and Search requests and their answers, with the tags that begin them. */
bool application_check_z3950(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0, length, inner;
    uint8_t tag;
    (void)memory;
    if (!enter(p, &at, &tag, &length) || tag < 0xb4 || tag > 0xb9 || p->length < at + 4)
        return false;
    if (at + length != p->whole_length && at + length <= p->length)
        return false;
    uint8_t first;
    if (!enter(p, &at, &first, &inner))
        return false;
    if (first == 0x82) /* a reference id */
        at += inner;
    else
        at = at - 2;
    if (tag == 0xb4 || tag == 0xb5) /* protocolVersion [3], options [4] */
        return at + 8 < p->length && p->data[at] == 0x83 && p->data[at + 1] >= 2 &&
               p->data[at + 1] <= 4 && p->data[at + 2 + p->data[at + 1]] == 0x84;
    return false;
}
