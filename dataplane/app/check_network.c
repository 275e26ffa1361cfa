/*
 * Checks of protocols that run and watch networks: time (RFC 5905, IEEE 1588), addresses (RFC
 * 8415), access (RFC 2865, 8907), service location (RFC 2165, 2608), port mappings (RFC 6886),
 * routers (RFC 5880, 2281, 5036) and remote displays (XDMCP).
 */
#include "app/check_read.h"

/* ---- time ---- */

/* What may stand at the end of a message of NTP: a key's number, perhaps with the digest of 64,
 * 128, 160, 256, 384 or 512 bits (RFC 5905 section 7.3, 7822, 8573). */
static bool is_digest(uint32_t octets)
{
    return octets == 0 || octets == 4 || octets == 12 || octets == 20 || octets == 24 ||
           octets == 36 || octets == 52 || octets == 68;
}

/* Extensions behind the 48 octets: type and length each, in units of four octets (RFC 7822). */
static bool are_extensions(const struct application_packet *p, unsigned version)
{
    uint32_t at = 48;
    while (version == 4 && at + 4 <= p->length && !is_digest(p->whole_length - at)) {
        uint32_t octets = be16(p->data + at + 2);
        if (octets < 16 || octets % 4 || octets > p->whole_length - at)
            return false;
        at += octets;
    }
    return is_digest(p->whole_length - at) || (version == 4 && at + 4 > p->length);
}

/* Modes 1 to 5: stratum, interval as a power of two, and distances, in seconds before a point, to
 * the root that are far below what 32 bits hold (RFC 5905 section 7.3 and figure 3: at most 16). */
static bool is_time(const struct application_packet *p, unsigned version)
{
    const uint8_t *d = p->data;
    return p->length >= 48 && d[1] <= 16 && (d[2] <= 17 || d[2] >= 0xf0) &&
           (d[4] == 0 || d[4] == 0xff) && d[8] == 0 && are_extensions(p, version);
}

/* Mode 6 (RFC 9327): operation, octets of data, which are filled up to units of four. */
static bool is_time_control(const struct application_packet *p)
{
    const uint8_t *d = p->data;
    if (p->length < 12)
        return false;
    unsigned operation = d[1] & 0x1f;
    uint32_t end = 12 + be16(d + 10), filled = (end + 3) & ~3u;
    bool answer = d[1] & 0x80, known = operation <= 12 || operation == 31;
    return d[0] >> 6 == 0 && known && (answer || d[1] >> 5 == 0) &&
           (end == p->whole_length ||
            (filled <= p->whole_length && is_digest(p->whole_length - filled)));
}

/* Mode 7, the reference implementation's own: of which implementation, which request, a number of
 * items and the octets of each. Requests may be longer than these. */
static bool is_time_private(const struct application_packet *p)
{
    enum { REQUEST_OCTETS_MAX = 216 };
    const uint8_t *d = p->data;
    uint32_t items = be16(d + 4) & 0xfff, octets = be16(d + 6), end = 8 + items * octets;
    if (d[2] > 3 || d[2] == 1 || d[3] > 46 || octets > 0xfff || p->whole_length % 4)
        return false;
    if (d[0] & 0x80)
        return end == p->whole_length || (d[4] >> 4 && items == 0);
    return d[4] >> 4 == 0 && end <= p->whole_length && p->whole_length <= REQUEST_OCTETS_MAX;
}

bool application_check_ntp(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    if (p->length < 8)
        return false;
    unsigned version = p->data[0] >> 3 & 7, mode = p->data[0] & 7;
    if (version < 1 || version > 4 || mode == 0)
        return false;
    return mode == 6 ? is_time_control(p) : mode == 7 ? is_time_private(p) : is_time(p, version);
}

/* Octets of a message of version 2 by type, without what may follow as extensions (IEEE 1588
 * section 13); 0: no type. */
static const uint8_t ptp_octets[16] = {44, 44, 54, 54, [8] = 44, 54, 54, 64, 44, 48};

bool application_check_ptp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 34)
        return false;
    if ((d[1] & 0x0f) == 1) /* version 1: its number in 16 bits, the network's in the next 16 */
        return be16(d) == 1 && be16(d + 2) <= 2 && has_port(p, 319 + (d[20] != 1));
    uint32_t least = ptp_octets[d[0] & 0x0f], octets = be16(d + 2), n = p->whole_length;
    /* The length is that of all, but over IPv6 two octets follow, and some fill messages up: they
     * have a domain and a control field as they should be. */
    bool whole = octets == n || octets + 2 == n || (octets < n && d[4] < 128 && d[32] <= 5);
    return (d[1] & 0x0f) == 2 && d[1] >> 4 <= 2 && least && octets >= least && whole &&
           (has_port(p, 319) || has_port(p, 320));
}

/* RFC 2131: the magic number behind the fixed fields. */
bool application_check_dhcp(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    return p->length >= 240 && be32(p->data + 236) == 0x63825363;
}

/* Options with type and length of 16 bits each, to the end of the packet. */
static bool are_options(const struct application_packet *p, uint32_t at)
{
    while (at + 4 <= p->length) {
        if (be16(p->data + at) == 0 || be16(p->data + at) > 512)
            return false;
        at += 4 + be16(p->data + at + 2);
    }
    return ends_right(p, at);
}

bool application_check_dhcpv6(const struct application_packet *p, uint32_t *memory)
{
    (void)memory;
    if (p->length < 8 || p->data[0] == 0 || p->data[0] > 36)
        return false;
    if (p->data[0] == 12 || p->data[0] == 13) /* relayed: hops, link and peer address first */
        return p->length > 34 && are_options(p, 34);
    return are_options(p, 4);
}

bool application_check_radius(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 20;
    (void)memory;
    bool code = p->length >= 20 && ((d[0] >= 1 && d[0] <= 5) || d[0] == 11 || d[0] == 12 ||
                                    d[0] == 13 || (d[0] >= 40 && d[0] <= 45));
    if (!code || be16(d + 2) != p->whole_length)
        return false;
    while (at + 2 <= p->length) {
        if (d[at] == 0 || d[at + 1] < 2)
            return false;
        at += d[at + 1];
    }
    return at == p->whole_length && (at > 20 || has_port(p, 1812) || has_port(p, 1813));
}

bool application_check_tacacs(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 12 && (d[0] == 0xc0 || d[0] == 0xc1) && d[1] >= 1 && d[1] <= 3 &&
           d[2] >= 1 && (d[3] & ~5u) == 0 && be32(d + 8) + 12 == p->whole_length;
}

bool application_check_slp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 12 || d[1] == 0 || d[1] > 11)
        return false;
    if (d[0] == 1)
        return be16(d + 2) == p->whole_length && has_port(p, 427);
    return d[0] == 2 && be24(d + 2) == p->whole_length && (d[5] & 0x1f) == 0 && p->length > 14 &&
           be16(d + 12) < p->whole_length;
}

bool application_check_nat_pmp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t n = p->whole_length;
    (void)memory;
    if (p->length < 2 || d[0] != 0)
        return false;
    switch (d[1]) {
    case 0:
        return n == 2;
    case 1:
    case 2:
        return n == 12 && p->length >= 4 && be16(d + 2) == 0;
    case 128:
        return n == 12 || n == 8;
    case 129:
    case 130:
        return n == 16 || n == 8;
    default:
        return false;
    }
}

bool application_check_bfd(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 24 && d[0] >> 5 == 1 && (d[0] & 31) <= 9 && d[2] > 0 &&
           d[3] == p->whole_length && d[3] >= 24 && d[3] <= 52 && be32(d + 4) != 0 &&
           (d[1] & 4 ? d[3] > 24 : d[3] == 24);
}

/* Version 1 is a row of 20 octets, version 2 a row of fields. */
bool application_check_hsrp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 16)
        return false;
    if (d[0] == 0 && d[1] == 3) /* an advertisement: type 1, no groups' secrets in it */
        return be16(d + 2) <= 2 && p->whole_length <= 20;
    if (d[0] == 0)
        return d[1] <= 2 && d[2] <= 16 && (d[2] & (d[2] - 1u)) == 0 && p->whole_length >= 20;
    uint32_t at = 0;
    while (at + 2 <= p->length && d[at] >= 1 && d[at] <= 4 && d[at + 1] > 0)
        at += 2u + d[at + 1];
    return at == p->whole_length;
}

bool application_check_ldp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 18 || be16(d) != 1 || be16(d + 2) + 4 > p->whole_length || be16(d + 8) != 0)
        return false;
    uint32_t type = be16(d + 10) & 0x7fff, length = be16(d + 12);
    bool known = type == 1 || (type >= 0x100 && type <= 0x101) ||
                 (type >= 0x200 && type <= 0x202) || (type >= 0x300 && type <= 0x301) ||
                 (type >= 0x400 && type <= 0x404) || (type >= 0x3e00 && type <= 0x3f00);
    return known && length >= 4 && length + 10 <= be16(d + 2) + 4u;
}

/* Radmin: 1, length, sum of the payload's words (little endian), payload. */
bool application_check_radmin(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t sum = 0;
    (void)memory;
    if (p->length < 10 || d[0] != 1 || be32(d + 1) + 9 != p->length)
        return false;
    for (uint32_t i = 9; i < p->length; i++)
        sum += (uint32_t)d[i] << (i - 9) % 4 * 8;
    return sum == be32(d + 5);
}

bool application_check_xdmcp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 6 && be16(d) == 1 && be16(d + 2) >= 1 && be16(d + 2) <= 16 &&
           be16(d + 4) + 6 == p->whole_length;
}
