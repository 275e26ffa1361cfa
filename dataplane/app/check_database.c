/*
 * Checks of databases: lengths that must add up, by the published descriptions of their wire
 * protocols.
 */
#include "app/check_read.h"

/* The server's greeting: length, number 0, protocol 10, a version as text; or the client's answer
 * with number 1. *MEMORY: the server has greeted. */
bool application_check_mysql(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 9)
        return false;
    uint32_t length = le16(d) | (uint32_t)d[2] << 16;
    if (d[3] == 0 && d[4] == 10) {
        const uint8_t *end = memchr(d + 5, 0, p->length - 5);
        if (length + 4 > p->whole_length || !end || end == d + 5 || d[5] < '0' || d[5] > '9' ||
            !is_printable(d, 5, (uint32_t)(end - d)))
            return false;
        *memory = 1;
        return true;
    }
    if (d[3] == 0 && d[4] == 0xff) /* the host is not let in */
        return length + 4 == p->whole_length && is_printable(d, 7, p->length);
    return *memory && d[3] == 1 && length + 4 <= p->whole_length && length >= 32;
}

/* A client begins with a length and a version; all else has a letter and a length. */
bool application_check_postgresql(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 8) {
        bool tls =
            *memory && p->length == 1 && p->whole_length == 1 && (d[0] == 'S' || d[0] == 'N');
        return tls && !p->from_client;
    }
    uint32_t length = be32(d), version = be32(d + 4);
    if (d[0] == 0) {
        bool asks = length == 8 && (version == 80877103 || version == 80877104);
        bool cancels = length == 16 && version == 80877102;
        bool starts = version >> 16 == 3 && (version & 0xffff) <= 2 && length > 12 &&
                      length == p->whole_length && d[p->length - 1] == 0;
        *memory |= asks || starts;
        return (asks || cancels || starts) && length == p->whole_length;
    }
    uint32_t at = 0, messages = 0;
    while (at + 5 <= p->length) {
        bool letter = (d[at] >= 'A' && d[at] <= 'Z') || (d[at] >= 'a' && d[at] <= 'z') ||
                      (d[at] >= '1' && d[at] <= '3');
        uint32_t octets = be32(d + at + 1);
        if (!letter || octets < 4 || octets > 1u << 24)
            return false;
        at += 1 + octets;
        messages++;
    }
    return messages > 0 && at == p->whole_length;
}

/* Type, status, length, process, number, window. */
bool application_check_tds(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 8)
        return false;
    bool type = (d[0] >= 1 && d[0] <= 8 && d[0] != 5) || d[0] == 14 || (d[0] >= 16 && d[0] <= 18);
    uint32_t length = be16(d + 2);
    return type && (d[0] != 3 || be16(d + 4) == 0) && (d[1] & 0xe6) == 0 && d[7] == 0 &&
           length >= 8 &&
           (length == p->whole_length ||
            (length > p->whole_length && length <= 32768 && d[6] == 1));
}

/* TNS: length, checksum 0, type, reserved 0, header checksum 0. A connect says its versions. */
bool application_check_oracle(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 8 || be16(d + 6) != 0 || d[4] == 0 || d[4] > 19)
        return false;
    /* 16 bits and a checksum, or, as newer versions agree, 32 bits */
    bool narrow = be16(d + 2) == 0 && be16(d) >= 8 && be16(d) <= p->whole_length;
    if (!narrow && be32(d) != p->whole_length)
        return false;
    if (narrow && d[4] == 1 && p->length >= 34)
        *memory = be16(d + 8) >= 0x0100 && be16(d + 10) <= be16(d + 8);
    return *memory != 0 || has_port(p, 1521);
}

/* The same with a description as text in it. */
bool application_check_oracle_text(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 12 && be16(d + 2) == 0 && be16(d + 6) == 0 &&
           (d[4] == 1 || d[4] == 2 || d[4] == 4 || d[4] == 5) &&
           (be16(d) <= p->whole_length || be16(d) == 0);
}

/* DDM: length, 0xd0, format, correlation, length again, code point. */
bool application_check_drda(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 10 && d[2] == 0xd0 && be16(d) >= 10 && be16(d) <= p->whole_length &&
           be16(d + 6) + 6 == be16(d) && (d[3] & 0x0f) >= 1 && (d[3] & 0x0f) <= 5 && d[8] >= 0x10 &&
           d[8] <= 0x24;
}

/* Length, ids of request and answer, operation; all little endian. */
bool application_check_mongodb(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 16)
        return false;
    uint32_t length = le32(d), operation = le32(d + 12);
    bool known = operation == 1 || operation == 1000 || (operation >= 2001 && operation <= 2007) ||
                 (operation >= 2010 && operation <= 2013);
    return known && length >= 16 && length <= 48000000 &&
           (length == p->whole_length || (length > p->whole_length && p->whole_length > 1000));
}

/* What opens a session, and its answer: length, version 0, then in one a transaction, in both the
 * patience, a session and a password of 16 octets. */
bool application_check_zookeeper(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 36 || be32(d) + 4 != p->whole_length || be32(d + 4) != 0)
        return false;
    uint32_t octets = be32(d);
    return octets >= 44 ? be32(d + 28) == 16 : be32(d + 20) == 16;
}

/* Version with direction, flags, stream, operation, length. */
bool application_check_cassandra(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 8)
        return false;
    unsigned version = d[0] & 0x7f;
    uint32_t header = version <= 2 ? 8 : 9;
    if (version == 0 || version > 5 || d[1] > 0x1f || p->length < header)
        return false;
    static const uint32_t requests =
        1u << 1 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 13 | 1u << 15;
    unsigned operation = d[header - 5];
    bool answer = d[0] & 0x80;
    return operation <= 16 && (requests >> operation & 1) != answer &&
           be32(d + header - 4) + header == p->whole_length;
}

/* The transport between nodes: ES, length, request, status, version. */
bool application_check_elasticsearch(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 6 || d[0] != 'E' || d[1] != 'S')
        return false;
    uint32_t length = be32(d + 2);
    if (length == 0xffffffff) /* nothing but "still here" */
        return p->whole_length == 6;
    return length >= 9 && length < 1u << 26 && p->length >= 19 && d[14] < 32 &&
           be32(d + 15) < 1u << 28;
}

/* The binary form; in UDP behind 8 octets that number the datagrams. */
bool application_check_memcached(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = p->tcp ? 0 : 8;
    (void)memory;
    if (p->length < at + 24)
        return false;
    const uint8_t *d = p->data + at;
    return (d[0] == 0x80 || d[0] == 0x81) && d[1] <= 0x48 && d[5] == 0 &&
           be32(d + 8) >= be16(d + 2) + d[4] &&
           (be32(d + 8) + 24 + at == p->whole_length || d[0] == 0x81) && be32(d + 8) < 1u << 21 &&
           (d[0] == 0x81 ? be16(d + 6) <= 0x86 : be16(d + 6) < 2048);
}
