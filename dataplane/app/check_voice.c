/*
 * Checks of protocols that carry voice and its signals: STUN (RFC 8489, 3489), RTP and RTCP (RFC
 * 3550), IAX (RFC 5456), BFCP (RFC 8855), H.225 over TPKT, Skinny, Diameter (RFC 6733), SMPP, RTMP.
 */
#include "app/check_read.h"

/* Attributes of type and length, in units of four octets, to the end. */
static bool are_attributes(const struct application_packet *p, uint32_t at, uint32_t end)
{
    while (at + 4 <= end && at + 4 <= p->length)
        at += 4 + ((be16(p->data + at + 2) + 3) & ~3u);
    return at == end || at > p->length;
}

/* With the magic number, or as it was before: then the attributes decide. */
bool application_check_stun(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0;
    (void)memory;
    if (p->tcp && p->length > 22 && be16(p->data) + 2 == p->whole_length)
        at = 2; /* framed by RFC 4571 */
    if (p->length < at + 20)
        return false;
    const uint8_t *d = p->data + at;
    uint32_t length = be16(d + 2), end = at + 20 + length;
    if ((d[0] & 0xc0) || (end != p->whole_length && !p->tcp) || end > p->whole_length)
        return false;
    if (be32(d + 4) == 0x2112a442)
        return length % 4 == 0;
    uint32_t method = be16(d) & 0x3eef;
    if (length == 0)
        return be16(d) == 1 && (has_port(p, 3478) || has_port(p, 3479));
    return p->length >= at + 24 && (method == 1 || method == 2) && be16(d + 20) > 0 &&
           be16(d + 20) <= 0x8030 && (be16(d + 20) <= 0x30 || be16(d + 20) >= 0x8000) &&
           are_attributes(p, at + 20, end);
}

/* A packet that begins a stream or goes on with one. *MEMORY: a part of the source's number and
 * the sequence number. */
bool application_check_rtp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 12 || d[0] >> 6 != 2)
        return false;
    unsigned type = d[1] & 0x7f;
    uint32_t header = 12 + 4u * (d[0] & 15);
    if ((type > 34 && type < 96) || p->whole_length < header || (d[0] & 15) > 4)
        return false;
    uint32_t source = (be32(d + 8) ^ be32(d + 8) >> 16) & 0x7fff;
    uint32_t now = source << 16 | be16(d + 2), before = *memory;
    *memory = now | 1u << 31;
    if (!before)
        return true;
    uint32_t step = (now - before) & 0xffff;
    return ((now ^ before) & 0x7fff0000) == 0 && step >= 1 && step <= 16;
}

/* Reports that follow each other to the end; the first is a sender's or a receiver's. */
bool application_check_rtcp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, reports = 0;
    (void)memory;
    while (at + 4 <= p->length) {
        if (d[at] >> 6 != 2 || d[at + 1] < 200 || d[at + 1] > 207)
            return reports > 0 && p->whole_length - at <= 14; /* secured: a number and a digest */
        if (at == 0 && d[1] > 201 && d[1] != 205 && d[1] != 206)
            return false;
        at += 4 * (be16(d + at + 2) + 1);
        reports++;
    }
    return reports > 0 && at == p->whole_length && (reports > 1 || p->length >= 8);
}

/* A full frame: F bit, call numbers, time, sequence numbers, type and subclass. */
bool application_check_iax(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 12;
    (void)memory;
    if (p->length < 12 || !(d[0] & 0x80) || d[10] != 6 || d[11] == 0 || d[11] > 40)
        return false;
    while (at + 2 <= p->length) /* information elements */
        at += 2u + d[at + 1];
    return ends_right(p, at);
}

bool application_check_bfcp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    unsigned version = p->length >= 12 ? d[0] >> 5 : 0;
    if ((version != 1 && version != 2) || (d[0] & 7) || d[1] == 0 || d[1] > 18)
        return false;
    uint32_t end = 12 + 4 * be16(d + 2), at = 12;
    if (p->whole_length == 12 && end <= 64) /* the attributes are still to come */
        return be32(d + 4) != 0;
    if (end != p->whole_length)
        return false;
    while (at + 2 <= p->length) { /* attributes: 7 bits of type, M, length with the header */
        if (d[at + 1] < 2 || d[at] >> 1 == 0 || d[at] >> 1 > 18)
            return false;
        at += (d[at + 1] + 3u) & ~3u;
    }
    return at == end && be32(d + 4) != 0;
}

/* TPKT with a Q.931 message whose call reference has two octets. */
bool application_check_h225(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 9 || be16(d) != 0x0300 || be16(d + 2) < 9 || be16(d + 2) > p->whole_length)
        return false;
    unsigned type = d[8];
    return d[4] == 8 && d[5] == 2 &&
           (type == 1 || type == 2 || type == 3 || type == 5 || type == 7 || type == 0x0d ||
            type == 0x20 || type == 0x4d || type == 0x5a || type == 0x62 || type == 0x6e ||
            type == 0x75 || type == 0x7b || type == 0x7d);
}

/* H.225 registration: which message, in six bits, then options and a number that the answer
 * repeats. *MEMORY: the number. */
bool application_check_ras(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 5 || d[0] > 0x7f || d[0] >> 2 > 27)
        return false;
    unsigned kind = d[0] >> 2;
    uint32_t number = be16(d + (kind >= 15 && kind <= 17 ? 1 : 2)) | 1u << 16, before = *memory;
    *memory = number;
    return before == 0 || before == number;
}

/* Length, version, message; all little endian. More messages may follow. */
bool application_check_skinny(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0;
    (void)memory;
    if (p->length < 12)
        return false;
    while (at + 12 <= p->length) {
        uint32_t length = le32(d + at), version = le32(d + at + 4), message = le32(d + at + 8);
        if (length < 4 || length > 4096 || version > 0x20 || message > 0x8200 ||
            (message > 0x160 && message < 0x8000))
            return false;
        at += 8 + length;
    }
    return at == p->whole_length || at > p->length;
}

bool application_check_diameter(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 28 || d[0] != 1 || (d[4] & 0x0f))
        return false;
    uint32_t length = be24(d + 1), command = be24(d + 5), first = be24(d + 25);
    return length >= 28 && length % 4 == 0 && (length <= p->whole_length || length < 1u << 18) &&
           command >= 257 && command < 1u << 24 && be32(d + 20) > 0 && be32(d + 20) < 65536 &&
           first >= 8 && first <= length - 20;
}

bool application_check_smpp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 16)
        return false;
    uint32_t length = be32(d), command = be32(d + 4) & 0x7fffffff;
    bool known = command <= 9 || command == 0x0b || command == 0x15 || command == 0x21 ||
                 command == 0x102 || command == 0x103 || (command >= 0x111 && command <= 0x113);
    bool answer = d[4] & 0x80;
    return length >= 16 && length <= p->whole_length && length < 65536 && known &&
           (answer ? be32(d + 8) < 1024 : be32(d + 8) == 0) && be32(d + 12) != 0 &&
           (command != 0 || answer);
}

/* Version 3, then 1,536 octets that begin with a time and, in the simple handshake, zeros. */
bool application_check_rtmp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 9 || d[0] != 3)
        return false;
    bool zeros = be32(d + 5) == 0, digest = d[5] >= 1 && d[5] <= 32 && d[8] <= 64;
    if (p->from_client) {
        *memory = 1;
        return (zeros || digest) && p->whole_length > 1300;
    }
    return *memory != 0 && p->whole_length > 500;
}
