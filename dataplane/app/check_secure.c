/*
 * Checks of protocols that encrypt: TLS and DTLS records (RFC 8446, 9147, 6101), QUIC long headers
 * (RFC 9000, 9369, 8999), the older public header of Google's QUIC.
 */
#include "app/check_read.h"

enum {
    RECORD_HEADER = 5,
    RECORD_OCTETS_MAX = 16384 + 2048,
    RECORD_CHANGE_CIPHER = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
    DATAGRAM_RECORD_HEADER = 13
};

/* A record header at DATA; only 5 octets are read. */
static bool is_record(const uint8_t *data)
{
    uint32_t length = be16(data + 3);
    if (data[0] < RECORD_CHANGE_CIPHER || data[0] > RECORD_DATA + 1 || data[1] != 3 || data[2] > 4)
        return false;
    if (data[0] == RECORD_CHANGE_CIPHER)
        return length == 1;
    return length > 0 && length <= RECORD_OCTETS_MAX;
}

/* SSL 2.0's way to greet a server of later versions. */
static bool is_old_hello(const struct application_packet *p)
{
    const uint8_t *d = p->data;
    if (p->length < 11 || !(d[0] & 0x80) || d[2] != 1 || d[3] > 3 || (d[3] == 3 && d[4] > 4))
        return false;
    uint32_t ciphers = be16(d + 5), session = be16(d + 7), challenge = be16(d + 9);
    return (be16(d) & 0x7fff) == 9 + ciphers + session + challenge && ciphers % 3 == 0 && ciphers &&
           (d[3] != 0 || d[4] == 2);
}

/* The first record of a handshake, or an alert that ends it. */
bool application_check_tls(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < RECORD_HEADER || !is_record(d))
        return is_old_hello(p);
    uint32_t length = be16(d + 3);
    if (d[0] == RECORD_ALERT)
        return length == 2 && p->length >= 7 && (d[5] == 1 || d[5] == 2) && d[6] <= 120;
    if (d[0] != RECORD_HANDSHAKE || p->length < RECORD_HEADER + 4)
        return false;
    /* ClientHello, ServerHello and the rest; the message may go on in the next record. */
    uint32_t message = be24(d + 6);
    if (d[5] == 0)
        return message == 0 && length == 4;
    if (d[5] != 1 && d[5] != 2 && d[5] != 11)
        return false;
    return message > 0 && message <= 1u << 17 && (message + 4 <= length || length >= 4) &&
           (d[5] == 11 || message >= 34 || length < 38);
}

/* Records in the middle of a connection: each begins where the one before it ended. */
bool application_check_tls_data(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, records = 0;
    (void)memory;
    while (at + RECORD_HEADER <= p->length) {
        if (!is_record(d + at) || d[at + 2] == 0 || d[at] == RECORD_DATA + 1)
            return false;
        at += RECORD_HEADER + be16(d + at + 3);
        records++;
    }
    return records > 0 && (at == p->whole_length || at > p->length || records > 1);
}

bool application_check_dtls(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0;
    (void)memory;
    while (at + DATAGRAM_RECORD_HEADER <= p->length) {
        bool old = d[at + 1] == 1 && d[at + 2] == 0; /* before it had a number of its own */
        bool usual = d[at + 1] == 0xfe && (d[at + 2] == 0xff || d[at + 2] == 0xfd);
        if (d[at] < RECORD_CHANGE_CIPHER || d[at] > RECORD_DATA + 2 || (!old && !usual))
            return false;
        uint32_t length = be16(d + at + 11), epoch = be16(d + at + 3);
        if (length == 0 || epoch > 8 || be16(d + at + 5) != 0)
            return false;
        if (d[at] == RECORD_HANDSHAKE && epoch == 0 && old && length < 12)
            return false;
        at += DATAGRAM_RECORD_HEADER + length;
    }
    return at > 0 && ends_right(p, at);
}

/* ---- QUIC ---- */

/* A letter and three digits as text. */
static bool is_google_version(uint32_t version)
{
    unsigned tens = version >> 8 & 255, ones = version & 255;
    return (version >> 16 == 0x5130 || version >> 16 == 0x5430) && tens >= '3' && tens <= '5' &&
           ones >= '0' && ones <= '9';
}

static bool is_quic_version(uint32_t version)
{
    if (version == 1 || version == 0x6b3343cf || version == 0 || version == 0x709a50c4)
        return true;
    if (version >> 8 == 0xff0000 && (version & 0xff) >= 1 && (version & 0xff) <= 34)
        return true;                                             /* drafts */
    if (version >> 4 == 0xfaceb00 || is_google_version(version)) /* mvfst; Q0.. and T0.. */
        return true;
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a; /* asks for version negotiation */
}

bool application_check_quic(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 7 || !(d[0] & 0x80))
        return false;
    uint32_t version = be32(d + 1), destination = d[5];
    bool google = is_google_version(version);
    if (!is_quic_version(version))
        return false;
    if (google && destination > 20) /* two lengths of 4 bits in one octet, up to Q049 */
        return (d[0] & 0xc0) == 0xc0 && destination >> 4 != 0 && p->length > 18;
    if (destination > 20 || p->length < 7 + destination)
        return false;
    uint32_t source = d[6 + destination];
    uint32_t at = 7 + destination + source;
    if (source > 20 || p->length < at)
        return false;
    if (version == 0) /* a list of versions */
        return p->whole_length > at && (p->whole_length - at) % 4 == 0 && p->length >= at + 4 &&
               is_quic_version(be32(d + at)) && destination + source > 0;
    bool asks = (version & 0x0f0f0f0f) == 0x0a0a0a0a && version >> 16 != 0xface;
    if (!(d[0] & 0x40) && !google)
        return false;
    return asks ? p->whole_length >= 1200 && (d[0] & 0x30) == 0 : p->whole_length >= at + 4;
}

/* Up to version 43: flags, connection id, version as text, packet number. */
bool application_check_gquic(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 14 || (d[0] & 0xc3) != 0x01)
        return false;
    uint32_t at = d[0] & 0x08 ? 9 : 1;
    return d[at] == 'Q' && d[at + 1] == '0' && d[at + 2] >= '0' && d[at + 2] <= '5' &&
           d[at + 3] >= '0' && d[at + 3] <= '9';
}
