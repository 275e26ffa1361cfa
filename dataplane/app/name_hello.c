/* Reads a ClientHello. See name_hello.h. */
#include "app/name_hello.h"

#include <string.h>

#include "app/check_read.h"
#include "app/name_ja4.h"

enum {
    VERSION_AND_RANDOM = 34,
    SESSION_OCTETS_MAX = 32,
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_PROTOCOLS = 16,
    EXTENSION_VERSIONS = 43,
    PROTOCOLS_TEXT_MAX = 256
};

/* Where the reader stands in a message that is there in part. */
struct place {
    const uint8_t *body;
    uint32_t at, have, whole;
    enum name_reading reading; /* NAME_WHOLE: nothing stopped it so far */
};

/* Steps over a vector with a length of LENGTH_OCTETS in front; an empty one with no octets in it
 * if the message breaks off or is broken, which the place then tells. */
static struct name_slice next_vector(struct place *place, uint32_t length_octets)
{
    struct name_slice none = {0};
    if (place->reading != NAME_WHOLE)
        return none;
    uint32_t from = place->at + length_octets;
    if (from > place->have) {
        place->reading = from > place->whole ? NAME_BROKEN : NAME_PART;
        return none;
    }
    const uint8_t *length = place->body + place->at;
    uint32_t octets = length_octets == 1 ? length[0] : be16(length);
    place->at = from + octets;
    if (place->at > place->have) {
        place->reading = place->at > place->whole ? NAME_BROKEN : NAME_PART;
        return none;
    }
    return (struct name_slice){.data = place->body + from, .octets = octets};
}

static void expect(struct place *place, bool sound)
{
    if (place->reading == NAME_WHOLE && !sound)
        place->reading = NAME_BROKEN;
}

/* The list that fills an extension behind its length of LENGTH_OCTETS. */
static struct name_slice list_of(const struct name_slice *extension, uint32_t length_octets)
{
    struct name_slice list = {0};
    if (extension->octets < length_octets)
        return list;
    uint32_t octets = length_octets == 1 ? extension->data[0] : be16(extension->data);
    uint32_t room = extension->octets - length_octets;
    list.data = extension->data + length_octets;
    list.octets = octets < room ? octets : room;
    return list;
}

/* The first name in it that is one of a host (type 0). */
static struct name_slice host_of(const struct name_slice *extension)
{
    struct name_slice list = list_of(extension, 2), host = {0};
    for (uint32_t at = 0; at + 3 <= list.octets;) {
        uint32_t octets = be16(list.data + at + 1), from = at + 3;
        if (octets > list.octets - from)
            break;
        if (list.data[at] == 0) {
            host.data = list.data + from;
            host.octets = octets;
            break;
        }
        at = from + octets;
    }
    return host;
}

/* Notes one extension if it is of use; of several of a type the first. */
static void note_extension(struct name_hello *hello, uint32_t type,
                           const struct name_slice *extension)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        if (!hello->has_server_name)
            hello->server_name = host_of(extension);
        hello->has_server_name = true;
        break;
    case EXTENSION_SIGNATURES:
        if (!hello->signatures.data)
            hello->signatures = list_of(extension, 2);
        break;
    case EXTENSION_PROTOCOLS:
        if (!hello->protocols.data)
            hello->protocols = list_of(extension, 2);
        break;
    case EXTENSION_VERSIONS:
        if (!hello->versions.data)
            hello->versions = list_of(extension, 1);
        break;
    default:
        break;
    }
}

static void read_extensions(struct name_hello *hello, struct place *place)
{
    if (place->at == place->whole)
        return; /* before TLS 1.3 there need not be any */
    if (place->at + 2 > place->have) {
        place->reading = place->at + 2 > place->whole ? NAME_BROKEN : NAME_PART;
        return;
    }
    expect(place, place->at + 2 + be16(place->body + place->at) == place->whole);
    place->at += 2;
    uint32_t first = place->at;
    while (place->reading == NAME_WHOLE && place->at < place->whole) {
        if (place->at + 4 > place->have) {
            place->reading = place->at + 4 > place->whole ? NAME_BROKEN : NAME_PART;
            return;
        }
        uint32_t type = be16(place->body + place->at);
        place->at += 2;
        struct name_slice extension = next_vector(place, 2);
        if (place->reading == NAME_WHOLE)
            note_extension(hello, type, &extension);
    }
    if (place->reading == NAME_WHOLE) {
        hello->extensions.data = place->body + first;
        hello->extensions.octets = place->whole - first;
    }
}

/* The version in the message: 3.x of TLS, which DTLS counts down from 254.255. */
static bool is_version(enum name_carrier carrier, uint32_t version)
{
    if (carrier == NAME_BY_DTLS)
        return version >> 8 == 0xfe || version == 0x0100;
    return version >> 8 == 3 && (version & 0xff) <= 4;
}

enum name_reading name_hello_read(struct name_hello *hello, enum name_carrier carrier,
                                  const uint8_t *body, uint32_t have, uint32_t whole)
{
    struct place place = {.body = body, .have = have, .whole = whole, .reading = NAME_WHOLE};
    *hello = (struct name_hello){.carrier = carrier};
    if (have >= 2 && !is_version(carrier, be16(body)))
        return NAME_BROKEN;
    if (have < VERSION_AND_RANDOM)
        return whole < VERSION_AND_RANDOM ? NAME_BROKEN : NAME_PART;
    hello->version = (uint16_t)be16(body);
    place.at = VERSION_AND_RANDOM;
    expect(&place, have == place.at || body[place.at] <= SESSION_OCTETS_MAX);
    next_vector(&place, 1); /* session */
    if (carrier == NAME_BY_DTLS)
        next_vector(&place, 1); /* cookie */
    struct name_slice ciphers = next_vector(&place, 2);
    expect(&place, ciphers.octets >= 2 && ciphers.octets % 2 == 0);
    struct name_slice compression = next_vector(&place, 1);
    expect(&place, compression.octets >= 1);
    hello->ciphers = ciphers;
    if (place.reading == NAME_WHOLE)
        read_extensions(hello, &place);
    return place.reading;
}

/* ---- telling ---- */

/* Tells of TYPE unless it was told before. */
static void tell_once(struct name_sink *sink, enum name_type type, const uint8_t *text,
                      uint32_t octets, uint32_t *told)
{
    if (octets == 0 || *told >> type & 1)
        return;
    *told |= 1u << type;
    name_tell(sink, type, text, octets);
}

/* The protocols with commas between them, without those that only keep servers tolerant. */
static uint32_t write_protocols(const struct name_slice *protocols, uint8_t text[])
{
    uint32_t octets = 0;
    for (uint32_t at = 0; at < protocols->octets;) {
        uint32_t length = protocols->data[at];
        const uint8_t *protocol = protocols->data + at + 1;
        at += 1 + length;
        if (at > protocols->octets || octets + 1 + length > PROTOCOLS_TEXT_MAX)
            break;
        if (length == 0 || (length == 2 && name_is_grease(be16(protocol))))
            continue;
        if (octets)
            text[octets++] = ',';
        memcpy(text + octets, protocol, length);
        octets += length;
    }
    return octets;
}

void name_hello_tell(const struct name_hello *hello, enum name_reading reading,
                     struct name_sink *sink, uint32_t *told)
{
    uint32_t news = sink->wanted & ~*told;
    if (reading == NAME_BROKEN)
        return;
    tell_once(sink, NAME_TLS_SERVER_NAME, hello->server_name.data, hello->server_name.octets, told);
    if (news >> NAME_TLS_ALPN & 1 && hello->protocols.octets) {
        uint8_t text[PROTOCOLS_TEXT_MAX];
        uint32_t octets = write_protocols(&hello->protocols, text);
        tell_once(sink, NAME_TLS_ALPN, text, octets, told);
    }
    if (news >> NAME_TLS_JA4 & 1 && reading == NAME_WHOLE) {
        uint8_t text[NAME_JA4_OCTETS];
        if (name_ja4(hello, text))
            tell_once(sink, NAME_TLS_JA4, text, sizeof text, told);
    }
}
