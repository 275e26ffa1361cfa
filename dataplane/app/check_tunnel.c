/*
 * Checks of tunnels and private networks: OpenVPN, WireGuard, IKE and ESP in UDP (RFC 7296, 3948),
 * CAPWAP (RFC 5415), LISP (RFC 9301), GTP (3GPP 29.060, 29.274, 29.281), SOCKS (RFC 1928), VXLAN
 * (RFC 7348), Teredo (RFC 4380).
 */
#include "app/check_read.h"

/* ---- OpenVPN ---- */

enum {
    RESET_CLIENT_1 = 1,
    RESET_SERVER_1 = 2,
    CONTROL = 4,
    ACKNOWLEDGE = 5,
    RESET_CLIENT_2 = 7,
    RESET_SERVER_2 = 8,
    RESET_CLIENT_3 = 10,
    SESSION_OCTETS = 8
};

/* A control packet at AT: operation and key id, session, perhaps a digest with packet id and time,
 * then how many packets are acknowledged. */
static unsigned openvpn_operation(const struct application_packet *p, uint32_t at)
{
    static const uint8_t digests[] = {0, 16, 20, 32, 64};
    const uint8_t *d = p->data + at;
    uint32_t left = p->length - at;
    if (left < 14)
        return 0;
    unsigned operation = d[0] >> 3;
    if (operation != RESET_CLIENT_1 && operation != RESET_SERVER_1 && operation != CONTROL &&
        operation != ACKNOWLEDGE && operation != RESET_CLIENT_2 && operation != RESET_SERVER_2 &&
        operation != RESET_CLIENT_3)
        return 0;
    uint32_t behind = be32(d + 1 + SESSION_OCTETS);
    if (left >= 49 && ((behind > 0 && behind < 64) || behind == 0x0f000001))
        return operation; /* encrypted behind its number and time */
    for (unsigned i = 0; i < sizeof digests; i++) {
        uint32_t count_at = 1u + SESSION_OCTETS + digests[i] + (digests[i] ? 8 : 0);
        if (left < count_at + 5 || d[count_at] > 8)
            continue;
        uint32_t count = d[count_at],
                 id_at = count_at + 1 + 4 * count + (count ? SESSION_OCTETS : 0);
        if (digests[i] && be32(d + 1 + SESSION_OCTETS + digests[i]) > 64)
            continue;
        if (operation == ACKNOWLEDGE ? count > 0 && id_at == left
                                     : id_at + 4 <= left && be32(d + id_at) < 64)
            return operation;
    }
    return 0;
}

/* A reset by the client and one by the server that knows the client's session. *MEMORY: a part of
 * the client's session. */
static bool is_openvpn(const struct application_packet *p, uint32_t at, uint32_t *memory)
{
    unsigned operation = openvpn_operation(p, at);
    uint32_t session = operation ? be32(p->data + at + 1) | 1 : 0;
    if (operation == RESET_CLIENT_1 || operation == RESET_CLIENT_2 || operation == RESET_CLIENT_3) {
        *memory = session;
        return true;
    }
    return operation != 0 && *memory != 0;
}

bool application_check_openvpn(const struct application_packet *p, uint32_t *memory)
{
    return is_openvpn(p, 0, memory);
}

bool application_check_openvpn_tcp(const struct application_packet *p, uint32_t *memory)
{
    return p->length >= 16 && be16(p->data) + 2 <= p->whole_length && is_openvpn(p, 2, memory);
}

/* ---- others ---- */

bool application_check_wireguard(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t n = p->whole_length;
    if (p->length < 16)
        return false;
    switch (le32(d)) {
    case 1:
        return n == 148;
    case 2:
        return n == 92;
    case 3:
        return n == 64;
    case 4: /* data: a counter of 64 bits that begins at 0, octets in units of 16 */
        if (n < 32 || n % 16 || le32(d + 12) != 0)
            return false;
        *memory += 1;
        return le32(d + 8) < 1u << 28;
    default:
        return false;
    }
}

/* Cookies or SPIs of both sides, next payload, version, exchange, flags, message id, length. */
bool application_check_ike(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0;
    (void)memory;
    if (p->length >= 4 && be32(p->data) == 0) /* on port 4500 it stands behind four zeros */
        at = 4;
    if (p->length < at + 28)
        return false;
    const uint8_t *d = p->data + at;
    unsigned version = d[17] >> 4, exchange = d[18];
    bool known = version == 1 ? (exchange >= 1 && exchange <= 6) || exchange == 32 || exchange == 33
                              : version == 2 && exchange >= 34 && exchange <= 44;
    return known && be32(d) != 0 && (d[17] & 0x0f) == 0 && be32(d + 24) == p->whole_length - at &&
           (version == 2 ? (d[19] & 0xc7) == 0 : d[19] <= 7);
}

/* ESP in UDP tells nothing but a sequence number that grows under one SPI. *MEMORY: both, mixed. */
bool application_check_esp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->whole_length == 1)
        return p->length == 1 && d[0] == 0xff; /* keeps an address translation open */
    if (p->length < 20 || be32(d) < 256)
        return false;
    uint32_t sequence = be32(d + 4), before = *memory;
    *memory = sequence | 1u << 31;
    return sequence > 0 && sequence < 1u << 30 &&
           (before == 0 || (sequence | 1u << 31) - before < 1u << 12);
}

/* ---- CAPWAP ---- */

/* The header of RFC 5415 section 4.3, HEADER octets of it: kind of radio, fragments, a radio's
 * address. */
static bool is_capwap_header(const uint8_t *d, uint32_t header)
{
    enum { FRAGMENT = 0x80, LAST = 0x40, RADIO_MAC = 0x10 };
    unsigned radio = d[2] >> 1 & 31;
    if ((radio > 1 && radio != 3) || (d[3] & 7) || (d[7] & 7))
        return false;
    if (!(d[3] & FRAGMENT) && ((d[3] & LAST) || be16(d + 6) != 0))
        return false;
    return !(d[3] & RADIO_MAC) || (header >= 16 && (d[8] == 6 || d[8] == 8));
}

bool application_check_capwap(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 8)
        return false;
    if (d[0] == 1) /* DTLS follows */
        return be24(d + 1) == 0 && d[4] >= 20 && d[4] <= 25 && d[5] == 0xfe;
    uint32_t header = 4u * (d[1] >> 3);
    if (d[0] != 0 || header < 8 || header > 64 || p->length < header)
        return false;
    if (has_port(p, 5247)) /* data */
        return is_capwap_header(d, header);
    if (p->length < header + 8) /* control: vendor, type, sequence, length, flags */
        return false;
    return be24(d + header) == 0 && d[header + 3] >= 1 && d[header + 3] <= 30 &&
           be16(d + header + 5) + header + 5 <= p->whole_length;
}

/* ---- LISP ---- */

enum { LISP_REQUEST = 1, LISP_REPLY, LISP_REGISTER, LISP_NOTIFY, LISP_NOTIFY_ACK, LISP_REFERRAL };

/* Steps over an address behind its family; false if it is none or not there. */
static bool skip_address(const struct application_packet *p, uint32_t *at)
{
    enum { NONE = 0, IPV4 = 1, IPV6 = 2, MAC = 16389, OTHER = 16387 };
    if (*at + 2 > p->length)
        return false;
    uint32_t family = be16(p->data + *at), octets = 0;
    *at += 2;
    if (family == OTHER) { /* RFC 8060: a head of six octets with the length of the rest */
        if (*at + 6 > p->length)
            return false;
        octets = 6 + be16(p->data + *at + 4);
    } else {
        octets = family == IPV4 ? 4 : family == IPV6 ? 16 : 6;
    }
    if (family == NONE)
        octets = 0;
    *at += octets;
    return (family <= IPV6 || family == MAC || family == OTHER) && *at <= p->whole_length;
}

/* One that tells where an identifier is found: ten octets, the identifier, and its locators, each
 * with six octets before its address. What was not captured is believed. */
static bool skip_record(const struct application_packet *p, uint32_t *at)
{
    if (*at + 10 > p->length)
        return p->length < p->whole_length;
    uint32_t locators = p->data[*at + 4], mask = p->data[*at + 5];
    *at += 10;
    if (mask > 128 || !skip_address(p, at))
        return false;
    for (; locators > 0 && *at < p->length; locators--) {
        *at += 6;
        if (!skip_address(p, at))
            return p->length<p->whole_length && * at + 2> p->length;
    }
    return locators == 0 || *at == p->length;
}

/* A request: who asks and how it is reached, then prefixes behind two octets each. */
static bool is_lisp_request(const struct application_packet *p)
{
    const uint8_t *d = p->data;
    uint32_t at = 12, ways = (d[2] & 31u) + 1;
    for (bool good = skip_address(p, &at); ways > 0; ways--) {
        if (!good || !skip_address(p, &at))
            return false;
    }
    if (at + 2 > p->length || p->data[at + 1] > 128)
        return false;
    at += 2;
    return skip_address(p, &at);
}

/* RFC 9301: type, flags, number of records, a nonce; what registers has also a proof. */
static bool is_lisp_control(const struct application_packet *p)
{
    const uint8_t *d = p->data;
    unsigned type = d[0] >> 4;
    uint32_t at = 12, records = d[3];
    if (p->length < 20)
        return false;
    if (type == 8) /* a control message within a packet */
        return p->length >= 32 && (d[4] >> 4 == 4 || d[4] >> 4 == 6) && be24(d + 1) == 0;
    if (type == LISP_REQUEST)
        return is_lisp_request(p);
    if (type < LISP_REPLY || type > LISP_REFERRAL || records > 64)
        return false;
    if (type >= LISP_REGISTER && type <= LISP_NOTIFY_ACK)
        at = 16 + be16(d + 14);
    for (; records > 0; records--)
        if (!skip_record(p, &at))
            return false;
    return at <= p->whole_length && (d[3] > 0 || at == p->whole_length);
}

bool application_check_lisp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 8)
        return false;
    if (has_port(p, 4342))
        return is_lisp_control(p);
    /* data: a packet behind the header */
    return p->length >= 28 && (d[0] & 7) <= 3 && (d[8] >> 4 == 4 || d[8] >> 4 == 6) &&
           (d[8] >> 4 == 6 ? be16(d + 12) + 48 : be16(d + 10) + 8) == p->whole_length;
}

/* Its messages over TCP: kind, length, number, and a mark at the end. */
bool application_check_lisp_tcp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 12 && be16(d) >= 16 && be16(d) <= 32 && be16(d + 2) >= 12 &&
           be16(d + 2) <= p->length && be32(d + be16(d + 2) - 4) == 0x9facade9;
}

/* A control message (RFC 2661, 3931): length, ids, numbers, then the first attribute, that tells
 * which, or nothing. */
bool application_check_l2tp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 12 || be16(d + 2) != p->whole_length)
        return false;
    if (p->whole_length == 12)
        return has_port(p, 1701);
    return p->length >= 20 && be16(d + 12) == 0x8008 && be32(d + 14) == 0 && be16(d + 18) <= 29;
}

/* Version 2 (29.274): octets behind the first four; one more message may stand behind one that
 * says so, and then says no more. */
static bool is_gtp_2(const struct application_packet *p)
{
    const uint8_t *d = p->data;
    uint32_t end = be16(d + 2) + 4, least = d[0] & 0x08 ? 12 : 8;
    if ((d[0] & 7) != 0 || d[1] == 0 || end < least)
        return false;
    if (!(d[0] & 0x10))
        return end == p->whole_length;
    if (end + 8 > p->length)
        return end + 8 <= p->whole_length && p->length < p->whole_length;
    const uint8_t *second = d + end;
    return second[0] >> 5 == 2 && (second[0] & 0x17) == 0 && second[1] > 0 &&
           end + be16(second + 2) + 4 == p->whole_length;
}

bool application_check_gtp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 6 || d[1] == 0)
        return false;
    unsigned version = d[0] >> 5;
    uint32_t octets = be16(d + 2);
    if (!(d[0] & 0x10) && version <= 2 && has_port(p, 3386)) /* of charging (32.295): 6 or 20 */
        return (d[0] & 0x0e) == 0x0e &&
               (octets + 6 == p->whole_length || (version == 0 && octets + 20 == p->whole_length));
    if (p->length < 8)
        return false;
    switch (version) {
    case 0: /* 29.060 before there was a version 1: 20 octets of header */
        return (d[0] & 0x1e) == 0x1e && octets + 20 == p->whole_length;
    case 1: /* 29.060, 29.281; there are four octets more if one of three bits says so */
        return (d[0] & 0x18) == 0x10 && octets + 8 == p->whole_length &&
               (!(d[0] & 7) || octets >= 4);
    case 2:
        return is_gtp_2(p);
    default:
        return false;
    }
}

/* A client's list of methods and the server's choice. *MEMORY: the client has spoken. */
bool application_check_socks5(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 2 || d[0] != 5)
        return false;
    if (*memory && !p->from_client)
        return p->whole_length == 2 ? d[1] <= 9 || d[1] == 255 : p->length >= 10 && d[1] <= 8;
    if (d[1] == 0 || d[1] > 16 || d[1] + 2u != p->whole_length || p->length < p->whole_length)
        return false;
    for (uint32_t i = 2; i < p->length; i++)
        if (d[i] > 9 && d[i] < 0x80)
            return false;
    *memory = 1;
    return true;
}

bool application_check_vxlan(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 8 + 14 && (d[0] & 0x08) && d[7] == 0 && be24(d + 1) >> 16 == 0;
}

/* Whether the address at DATA is one of Teredo, or of one link, as its routers and clients have. */
static bool is_teredo_address(const uint8_t *data)
{
    return be32(data) == 0x20010000 || be32(data) == 0x3ffe831f || be16(data) == 0xfe80;
}

/* IPv6, perhaps behind what a relay adds; one end at least is of Teredo. */
bool application_check_teredo(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0;
    (void)memory;
    if (p->length >= 4 && be16(d) == 1)
        at += 4u + d[2] + d[3] + 9u;
    if (p->length >= at + 8 && be16(d + at) == 0)
        at += 8;
    return p->length >= at + 40 && d[at] >> 4 == 6 &&
           be16(d + at + 4) + 40 + at <= p->whole_length &&
           (is_teredo_address(d + at + 8) || is_teredo_address(d + at + 24));
}
