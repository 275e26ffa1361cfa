/*
 * Checks of protocols that carry messages and calls between programs: HTTP, MQTT, AMQP, Kafka, AJP,
 * Thrift, Telnet (RFC 854), and of peers that share files: uTP, eDonkey.
 */
#include "app/check_read.h"

/* A request whose first line is whole, or cut off in a path or behind http; RTSP and SIP have the
 * same form up to the version at its end. */
bool application_check_http(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data, *blank = memchr(d, ' ', p->length < 20 ? p->length : 20);
    (void)memory;
    if (!blank)
        return false;
    uint32_t at = (uint32_t)(blank - d);
    while (at < p->length && d[at] == ' ')
        at++;
    if (at < p->length && d[at] == '/')
        return true;
    return memchr(d + at, '\n', p->length - at) != NULL ||
           (at + 4 <= p->length && (d[at] | 0x20) == 'h' && (d[at + 1] | 0x20) == 't');
}

/* Frames (RFC 6455): what kind, masked by the client and not by the server, the length. */
bool application_check_websocket(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 6 || (d[0] & 0x70) || (d[0] & 15) > 10 || ((d[0] & 15) > 2 && (d[0] & 15) < 8))
        return false;
    uint32_t length = d[1] & 0x7f, header = d[1] & 0x80 ? 6 : 2;
    if (p->client_known && p->from_client != ((d[1] & 0x80) != 0))
        return false;
    if (length == 126 && p->length >= 4) {
        length = be16(d + 2);
        header += 2;
    }
    return length > 0 && length + header == p->whole_length;
}

/* Type and flags, a length of 1 to 4 octets with 7 bits each. More packets may follow. */
bool application_check_mqtt(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, packets = 0;
    (void)memory;
    while (at + 2 <= p->length) {
        static const uint8_t flags[16] = {[6] = 2, [8] = 2, [10] = 2};
        unsigned type = d[at] >> 4;
        uint32_t length = 0, shift = 0, start = at++;
        if (type == 0 || (type != 3 && (d[start] & 15) != flags[type]))
            return false;
        if (type == 3 && (d[start] & 6) == 6)
            return false;
        do {
            if (shift > 21 || at >= p->length)
                return false;
            length |= (uint32_t)(d[at] & 0x7f) << shift;
            shift += 7;
        } while (d[at++] & 0x80);
        if (((type >= 4 && type <= 7) || type == 11) && length < 2)
            return false;
        if ((type == 12 || type == 13) && length != 0)
            return false;
        if (type == 3 &&
            (at + 2 > p->length || be16(d + at) + 2 > length ||
             !is_printable(d, at + 2,
                           at + 2 + be16(d + at) < p->length ? at + 2 + be16(d + at) : p->length)))
            return false;
        at += length;
        packets++;
    }
    return packets > 0 && at == p->whole_length;
}

/* A frame: type, channel, size, payload, 0xce. */
bool application_check_amqp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 8)
        return false;
    uint32_t end = be32(d + 3) + 8;
    return (d[0] <= 3 || d[0] == 8) && d[0] > 0 && end >= 8 && end <= p->length &&
           d[end - 1] == 0xce;
}

/* A request: length, key, version, id, client. Answers have only length and id, which *MEMORY
 * keeps. */
bool application_check_kafka(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 8 || be32(d) < 4 || be32(d) > 1u << 26 ||
        (be32(d) + 4 != p->whole_length && p->whole_length < 1000))
        return false;
    if (*memory != 0 && *memory == (be32(d + 4) | 1u << 31) && !(p->client_known && p->from_client))
        return true;
    if (p->client_known && !p->from_client)
        return false;
    if (p->length < 14 || be16(d + 4) > 92 || be16(d + 6) > 20)
        return false;
    uint32_t client = be16(d + 12);
    if (client != 0xffff &&
        (client > 256 || 14 + client > p->length || !is_printable(d, 14, 14 + client)))
        return false;
    *memory = be32(d + 8) | 1u << 31;
    return be32(d) + 4 == p->whole_length;
}

/* A request that says who the client is: nothing else looks like it. */
bool application_check_kafka_request(const struct application_packet *p, uint32_t *memory)
{
    if (p->length < 15 || be16(p->data + 12) == 0 || be16(p->data + 12) == 0xffff)
        return false;
    return be32(p->data) + 4 == p->whole_length && application_check_kafka(p, memory);
}

/* From the server 0x1234, to it AB; length; kind. */
bool application_check_ajp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 5 || be16(d + 2) == 0 || be16(d + 2) > 8188)
        return false;
    if (be16(d) == 0x1234)
        return d[4] == 2 || d[4] == 7 || d[4] == 8 || d[4] == 10;
    return be16(d) == 0x4142 && ((d[4] >= 3 && d[4] <= 6) || d[4] == 9);
}

/* Strict binary form, perhaps behind a length: version 1, kind, name. */
bool application_check_thrift(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0;
    (void)memory;
    if (p->length > 4 && p->data[0] == 0 && be32(p->data) + 4 == p->whole_length)
        at = 4;
    if (p->length < at + 12)
        return false;
    const uint8_t *d = p->data + at;
    if (be16(d) == 0x0fff) /* with headers: flags, number, words of header, form of the call */
        return at == 4 && d[2] <= 1 && be16(d + 8) > 0 && 4 * be16(d + 8) + 14 <= p->whole_length &&
               (d[10] == 0 || d[10] == 2);
    if (d[0] == 0x82 && (d[1] & 0x1f) == 1) { /* compact: number, then length and name */
        uint32_t name = at + 2;
        while (name < p->length && (p->data[name] & 0x80) && name < at + 7)
            name++;
        name++;
        uint32_t octets = name < p->length ? p->data[name] : 0;
        return octets > 1 && octets < 128 && name + 1 + octets <= p->length && d[1] >> 5 >= 1 &&
               d[1] >> 5 <= 4 && is_printable(p->data, name + 1, name + 1 + octets);
    }
    uint32_t length = be32(d + 4);
    return be16(d) == 0x8001 && d[2] == 0 && d[3] >= 1 && d[3] <= 4 && length >= 1 &&
           length <= 256 && at + 8 + length <= p->length &&
           is_printable(p->data, at + 8, at + 8 + length);
}

/* Commands: 0xff, what it is, about which option; subnegotiations end with 0xff 0xf0. */
bool application_check_telnet(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    uint32_t at = 0, commands = 0;
    (void)memory;
    while (at + 3 <= p->length && d[at] == 0xff) {
        if (d[at + 1] < 0xf0 || (d[at + 2] > 49 && d[at + 2] < 138 && d[at + 1] >= 0xfa))
            return false;
        if (d[at + 1] == 0xfa) {
            at += 3;
            while (at + 2 <= p->length && !(d[at] == 0xff && d[at + 1] == 0xf0))
                at++;
            at += 2;
        } else {
            at += d[at + 1] >= 0xfb ? 3 : 2;
        }
        commands++;
    }
    for (uint32_t i = at; i < p->length && commands == 1; i++) /* text with line ends */
        if (d[i] >= 0x80 || (d[i] < 0x20 && d[i] != '\r' && d[i] != '\n' && d[i] != 0))
            return false;
    return commands > 0;
}

/* Reads a number of at most 21 bits at *AT: 7 bits in an octet, the lowest first. */
static bool read_bits(const struct application_packet *p, uint32_t *at, uint32_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 21 && *at < p->length; shift += 7) {
        uint8_t octet = p->data[(*at)++];
        *value |= (uint32_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return true;
    }
    return false;
}

/* A client's first packet: length, kind 0, version, the server's name, its port, what is to come.
 * Others may follow. */
bool application_check_minecraft(const struct application_packet *p, uint32_t *memory)
{
    uint32_t at = 0, length, kind, version, name;
    (void)memory;
    if (!read_bits(p, &at, &length) || at + length > p->length)
        return false;
    uint32_t end = at + length;
    if (!read_bits(p, &at, &kind) || kind != 0 || !read_bits(p, &at, &version) ||
        !read_bits(p, &at, &name) || name == 0 || at + name + 3 != end)
        return false;
    const uint8_t *text = p->data + at, *rest = memchr(text, 0, name); /* of a changed client */
    uint32_t host = rest ? (uint32_t)(rest - text) : name;
    return host > 0 && is_printable(text, 0, host) && text[name + 2] >= 1 && text[name + 2] <= 3;
}

/* A metric in text: name, colon, value, bar, kind; others may follow in lines of their own. */
bool application_check_statsd(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    const uint8_t *colon = memchr(d, ':', p->length < 256 ? p->length : 256);
    (void)memory;
    if (!colon || colon == d || !is_printable(d, 0, (uint32_t)(colon - d)))
        return false;
    uint32_t at = (uint32_t)(colon - d) + 1, start = at;
    while (at < p->length &&
           ((d[at] >= '0' && d[at] <= '9') || d[at] == '.' || d[at] == '-' || d[at] == '+'))
        at++;
    return at > start && at + 1 < p->length && d[at] == '|' && memchr("cgmshd", d[at + 1], 6);
}

/* One line of a client: whom to tell of, perhaps behind /W (RFC 1288). */
bool application_check_finger(const struct application_packet *p, uint32_t *memory)
{
    enum { OCTETS_MAX = 64 };
    uint32_t n = p->length;
    (void)memory;
    return n >= 2 && n <= OCTETS_MAX && n == p->whole_length && p->data[n - 1] == '\n' &&
           p->data[n - 2] == '\r' && is_printable(p->data, 0, n - 2);
}

/* Version 1: kind, extension, connection, time, delay, window, numbers. *MEMORY: the connection. */
bool application_check_utp(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    if (p->length < 20 || (d[0] & 15) != 1 || d[0] >> 4 > 4 || d[1] > 2)
        return false;
    uint32_t connection = be16(d + 2) | 1u << 31, before = *memory;
    unsigned kind = d[0] >> 4;
    if (!before) { /* a connection begins: number 1, nothing acknowledged; or goes on */
        *memory = connection;
        return kind == 4 ? be32(d + 8) == 0 && be16(d + 16) <= 1 && be16(d + 18) == 0
                         : be32(d + 12) > 0 && be32(d + 12) < 1u << 26;
    }
    uint32_t step = (connection - before + 1) & 0xffff;
    return step <= 2 && be32(d + 12) < 1u << 26;
}

/* Contacts of 25 octets each behind an id and their number. */
bool application_check_kademlia(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 21 || d[0] != 0xe4)
        return false;
    if (d[1] == 0x29) /* the target, then how many */
        return d[18] <= 32 && 19 + 25u * d[18] == p->whole_length && d[18] > 0;
    /* the sender's id, port and version, then how many */
    uint32_t contacts = p->length >= 23 ? le16(d + 21) : 0;
    return d[1] == 0x09 && contacts > 0 && contacts <= 32 && 23 + 25 * contacts == p->whole_length;
}

/* A message: protocol, length (little endian), kind. */
bool application_check_edonkey(const struct application_packet *p, uint32_t *memory)
{
    const uint8_t *d = p->data;
    (void)memory;
    if (p->length < 6)
        return false;
    uint32_t length = le32(d + 1);
    if (length + 5 != p->whole_length || length == 0)
        return false;
    if (d[0] == 0xe3 && d[5] == 1) /* hello: a length of 16 for the user's hash, or the hash */
        return length >= 24;
    return (d[0] == 0xe3 || d[0] == 0xc5 || d[0] == 0xd4) && d[5] <= 0xa9 && length < 1u << 20;
}
