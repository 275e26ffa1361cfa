/*
 * Checks of industrial and building protocols: Modbus, DNP3 (IEEE 1815), BACnet/IP, what runs over
 * TPKT (RFC 1006), EtherNet/IP, IEC 60870-5-104, HART-IP, KNXnet/IP, ADS.
 */
#include "app/check_read.h"

/* Number, protocol 0, length, unit, function. *MEMORY: the number of the client's last request. */
bool application_check_modbus(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 8 || be16(d + 2) != 0)
        return false;
    uint32_t length = be16(d + 4), function = d[7] & 0x7f;
    bool known = (function >= 1 && function <= 24) || function == 43 || function == 90 ||
                 (function >= 65 && function <= 72) || (function >= 100 && function <= 110);
    if (!known || length < 2 || length > 260 || length + 6 > p->whole_length)
        return false;
    if (has_port(p, 502))
        return true;
    uint32_t number = be16(d) | 1u << 16 | (uint32_t)function << 17, before = *memory;
    *memory = number;
    return length + 6 == p->whole_length && (before == 0 || before == number);
}

/* The checksum of the header decides. */
bool application_check_dnp3(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t sum = 0;
    (void)memory;
    if (p->length < 10 || d[0] != 0x05 || d[1] != 0x64 || d[2] < 5)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        sum ^= d[i];
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ 0xa6bc : sum >> 1;
    }
    return (~sum & 0xffff) == le16(d + 8);
}

bool application_check_bacnet(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 4 && (d[0] == 0x81 || d[0] == 0x82) && d[1] <= 12 &&
           be16(d + 2) == p->whole_length;
}

/* Version 3, reserved 0, the length of all. */
bool application_check_tpkt(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 7 && be16(d) == 0x0300 && be16(d + 2) >= 7 &&
           (be16(d + 2) <= p->whole_length || p->whole_length >= 500);
}

/* Command, length, session, status, context, options; little endian. */
bool application_check_ethernet_ip(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 24)
        return false;
    uint32_t command = le16(d), status = le32(d + 8);
    bool known = command == 0 || command == 4 || (command >= 0x63 && command <= 0x66) ||
                 command == 0x6f || command == 0x70 || command == 0x72 || command == 0x73;
    bool well = status <= 3 || status == 0x64 || status == 0x65 || status == 0x69;
    return known && well && le32(d + 20) == 0 && le16(d + 2) + 24 <= p->whole_length &&
           (le16(d + 2) + 24 == p->whole_length || (p->tcp && command >= 0x63)) &&
           (command != 0x65 || le16(d + 2) == 4) && (command != 0 || p->whole_length == 24);
}

/* Two items: an address of eight octets with a sequence number, and the data that it numbers. */
bool application_check_cip(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 18 && le16(d + 14) == 0x00b1 && le16(d + 16) + 18 == p->whole_length;
}

/* Frames that follow each other: 0x68, length, four octets that tell numbers or commands. */
bool application_check_iec104(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, frames = 0;
    (void)memory;
    while (at + 6 <= p->length) {
        if (d[at] != 0x68 || d[at + 1] < 4 || d[at + 1] > 253)
            return false;
        bool numbered = !(d[at + 2] & 1), supervisory = (d[at + 2] & 3) == 1;
        unsigned command = d[at + 2];
        bool unnumbered = command == 0x07 || command == 0x0b || command == 0x13 ||
                          command == 0x23 || command == 0x43 || command == 0x83;
        if ((d[at + 4] & 1) || (!numbered && d[at + 1] != 4) || (numbered && d[at + 1] < 10) ||
            (!numbered && !supervisory && (!unnumbered || be16(d + at + 4) != 0)))
            return false;
        at += 2u + d[at + 1];
        frames++;
    }
    return frames > 0 && at == p->whole_length;
}

/* Version, kind, id, status, number, length. */
bool application_check_hart_ip(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    return p->length >= 8 && (d[0] == 1 || d[0] == 2) && (d[1] <= 4 || d[1] == 15) &&
           (d[2] <= 4 || d[2] == 128) && be16(d + 6) >= 8 && be16(d + 6) <= p->whole_length;
}

/* Octets of the header, version, service, length of all. */
bool application_check_knxnet_ip(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 6 || d[0] != 6 || (d[1] != 0x10 && d[1] != 0x20))
        return false;
    return ((d[2] >= 2 && d[2] <= 9) && d[3] <= 0x5f) && be16(d + 4) == p->whole_length;
}

/* AMS over TCP: reserved, length, two addresses of eight octets, command, flags, length again. */
bool application_check_ads(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 38 || be16(d) != 0)
        return false;
    return le32(d + 2) >= 32 && le32(d + 26) + 32 == le32(d + 2) && le16(d + 22) <= 9 &&
           (le16(d + 24) & 0xffbe) == 4 && le32(d + 2) + 6 <= p->whole_length + 65536;
}
