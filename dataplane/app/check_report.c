/*
 * Checks of protocols that carry measurements: NetFlow and IPFIX (RFC 3954, 7011), sFlow version 2,
 * 4 and 5, collectd's binary form, OpenFlow.
 */
#include "app/check_read.h"

/* Sets to the end: id and length each. */
static bool are_sets(const struct application_packet *p, uint32_t at, bool ipfix)
{
    if (at + 4 > p->length)
        return false;
    while (at + 4 <= p->length) {
        uint32_t id = be16(p->data + at), length = be16(p->data + at + 2);
        if (length < 4 || (id < 256 && id != (ipfix ? 2u : 0u) && id != (ipfix ? 3u : 1u)))
            return false;
        at += length;
    }
    return ends_right(p, at) || (p->tcp && at > p->length);
}

bool application_check_netflow(const struct application_packet *p, uint32_t *memory)
{
    static const uint8_t records[] = {[1] = 52, [5] = 48, [7] = 52};
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 16)
        return false;
    uint32_t version = be16(d), count = be16(d + 2);
    switch (version) {
    case 1:
    case 5:
    case 7:
        return count > 0 && count <= 30 &&
               (version == 1 ? 16u : 24u) + count * records[version] == p->whole_length;
    case 9:
        return count > 0 && p->length >= 24 && are_sets(p, 20, false);
    case 10:
        return count <= p->whole_length && count >= 16 && (count == 16 || are_sets(p, 16, true));
    default:
        return false;
    }
}

/* Version, kind of the agent's address, the address, ids and counts, number of samples. */
bool application_check_sflow(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 28)
        return false;
    uint32_t version = be32(d), kind = be32(d + 4);
    if ((version != 2 && version != 4 && version != 5) || (kind != 1 && kind != 2))
        return false;
    uint32_t at = 8 + (kind == 1 ? 4u : 16u) + (version == 5 ? 12u : 8u);
    if (p->length < at + 4)
        return false;
    uint32_t samples = be32(d + at);
    return samples <= 256 && (samples == 0 || p->length >= at + 12);
}

/* Parts to the end: type and length each; texts end in NUL. */
bool application_check_collectd(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, parts = 0;
    (void)memory;
    while (at + 4 <= p->length) {
        uint32_t type = be16(d + at), length = be16(d + at + 2);
        bool text = type == 0 || (type >= 2 && type <= 5) || type == 0x100;
        bool number = type == 1 || (type >= 7 && type <= 9) || type == 0x101;
        bool secured = type == 0x200 || type == 0x210;
        bool known = text || number || secured || type == 6; /* readers skip others */
        if ((!known && parts == 0) || length < 5 || (number && length != 12))
            return false;
        if (text && at + length <= p->length && d[at + length - 1] != 0)
            return false;
        at += length;
        parts++;
    }
    return parts > 1 ? ends_right(p, at)
                     : parts == 1 && at == p->whole_length && has_port(p, 25826);
}

bool application_check_openflow(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0;
    if (p->length < 8)
        return false;
    if (d[1] == 0) /* both sides begin with hello */
        *memory |= be16(d + 2) % 8 == 0 && be16(d + 2) <= 64;
    while (at + 8 <= p->length) { /* messages follow each other */
        if (d[at] == 0 || d[at] > 6 || d[at] != d[0] || d[at + 1] > 35 || be16(d + at + 2) < 8)
            return false;
        at += be16(d + at + 2);
    }
    return *memory && (at == p->whole_length || at > p->length);
}
