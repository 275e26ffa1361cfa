/*
 * Checks of file services and what they call by: ONC RPC with NFS and its mount protocol (RFC 5531,
 * 1813, 7530), SMB, AFP over DSI, DCE RPC, rsh.
 */
#include "app/check_read.h"

enum { PROGRAM_NFS = 100003, PROGRAM_MOUNT = 100005, PROGRAM_PORT_MAP = 100000 };

/* A call. Answers name no program: one is right if the flow had a call, whose id *MEMORY keeps. */
bool application_check_rpc_nfs(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0;
    if (p->tcp) {
        if (p->length < 4 || !(p->data[0] & 0x80))
            return false;
        at = 4;
    }
    if (p->length < at + 12)
        return false;
    const uint8_t *d = p->data + at;
    if (be32(d + 4) == 1)
        return *memory != 0 && be32(d + 8) <= 1;
    if (be32(d + 4) != 0 || p->length < at + 24 || be32(d + 8) != 2)
        return false;
    uint32_t program = be32(d + 12), version = be32(d + 16);
    bool known = (program == PROGRAM_NFS && version >= 2 && version <= 4) ||
                 (program == PROGRAM_MOUNT && version >= 1 && version <= 3) ||
                 (program == PROGRAM_PORT_MAP && version >= 2 && version <= 4);
    if (known)
        *memory = be32(d) | 1;
    return known;
}

/* A NetBIOS session message of the length that the segment has, or longer. */
bool application_check_smb(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 36 && d[0] == 0 && be24(d + 1) >= 32 &&
           (d[4] == 0xff ? d[8] != 0xff || be24(d + 1) < 1u << 17
                         : le16(d + 8) == 64 || d[4] == 0xfd);
}

/* DSI: flags, command, id, error or offset, length, reserved. */
bool application_check_afp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 16 && d[0] <= 1 && d[1] >= 1 && d[1] <= 8 && be32(d + 12) == 0 &&
           (be32(d + 8) + 16 == p->whole_length || (d[1] == 2 && be32(d + 8) > p->length));
}

/* Connection-oriented, version 5: type, flags, data representation, fragment's length. */
bool application_check_dcerpc(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 16 || d[0] != 5 || d[1] > 1 || d[2] > 20)
        return false;
    bool little = d[4] & 0x10;
    uint32_t length = little ? le16(d + 8) : be16(d + 8);
    bool data = (d[4] & 0xef) == 0 && d[5] <= 3 && d[6] == 0 && d[7] == 0;
    return data && length >= 16 && (length <= p->whole_length || p->whole_length >= 512);
}

/* Connectionless, version 4: a header of 80 octets. */
bool application_check_dcerpc_udp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 80 || d[0] != 4 || d[1] > 10 || (d[2] & 0xc1) || (d[3] & 0xfc))
        return false;
    bool little = d[4] & 0x10;
    uint32_t length = little ? le16(d + 74) : be16(d + 74);
    return (d[4] & 0xef) == 0 && d[5] <= 3 && d[6] == 0 && length + 80 <= p->whole_length;
}

/* Perhaps a NUL that came alone before; user, user, terminal with its speed: texts that end in NUL
 * (RFC 1282). */
bool application_check_rlogin(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t texts = 0, start = p->length > 0 && d[0] == 0;
    (void)memory;
    if (p->length != p->whole_length || p->length < 6 || d[p->length - 1] != 0)
        return false;
    for (uint32_t at = start; at < p->length; at++) {
        if (d[at] != 0)
            continue;
        if (at == start || !is_printable(d, start, at) ||
            (texts == 2 && !memchr(d + start, '/', at - start)))
            return false;
        texts++;
        start = at + 1;
    }
    return texts == 3;
}

/* A log-in (RFC 7143): 48 octets of header with the length of the text that follows, in which
 * names have values; the answer has the same form. */
bool application_check_iscsi(const struct application_packet *p, uint32_t *memory)
{
    enum { HEADER = 48, TEXT_MAX = 8192 };
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < HEADER + 4 || d[4] != 0)
        return false;
    uint32_t octets = be24(d + 5), at = HEADER;
    bool known = (d[0] & 0xbf) == 0x03 || d[0] == 0x23;
    if (!known || octets > TEXT_MAX || ((octets + 3) & ~3u) + HEADER < p->whole_length)
        return false;
    while (at < p->length && ((d[at] >= 'A' && d[at] <= 'Z') || (d[at] >= 'a' && d[at] <= 'z')))
        at++;
    return at > HEADER + 2 && at < p->length && d[at] == '=';
}

/* A port in digits, then user, user and command: texts that end in NUL. */
bool application_check_rsh(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, texts = 0, start = 0;
    (void)memory;
    while (at < p->length && d[at] >= '0' && d[at] <= '9')
        at++;
    if (at > 5 || at >= p->length || d[at] != 0)
        return false;
    if (at + 1 == p->whole_length) /* the port alone */
        return p->destination_port == 514 || p->destination_port == 512;
    for (start = ++at; at < p->length; at++) {
        if (d[at] != 0)
            continue;
        if (at == start || !is_printable(d, start, at))
            return false;
        texts++;
        start = at + 1;
    }
    return texts >= 2;
}
