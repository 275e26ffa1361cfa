/* Names in QUIC. See name_quic.h. */
#include "app/name_quic.h"

#include <string.h>

#include "app/check_read.h"
#include "app/name_gather.h"
#include "app/name_workspace.h"

enum {
    LONG_HEADER = 0x80,
    FIXED_BIT = 0x40,
    PACKETS_MAX = 4 /* in one datagram; a client has an Initial, a Handshake and a 0-RTT packet */
};

enum frame {
    FRAME_PADDING = 0,
    FRAME_PING = 1,
    FRAME_ACK = 2,
    FRAME_ACK_ECN = 3,
    FRAME_CRYPTO = 6,
    FRAME_CRYPTO_GOOGLE = 8, /* of T050 and T051; no other version has it in an Initial packet */
    FRAME_CLOSE = 0x1c
};

/* Types of long headers of version 1; those of version 2 are one more, modulo 4. */
enum packet_type { PACKET_INITIAL, PACKET_EARLY, PACKET_HANDSHAKE, PACKET_RETRY };

struct quic_packet {
    enum packet_type type;
    enum name_quic_kind kind;
    struct name_slice id;    /* of the destination */
    struct name_slice whole; /* from the first octet to the last one of its length */
    uint32_t number_at;      /* of the packet number, from its first octet */
};

/* ---- numbers ---- */

struct reader {
    const uint8_t *data;
    uint32_t at, end;
    bool failed;
};

static uint32_t next_octet(struct reader *reader)
{
    if (reader->at >= reader->end) {
        reader->failed = true;
        return 0;
    }
    return reader->data[reader->at++];
}

/* RFC 9000 section 16. 0 once the reader failed. */
static uint64_t next_number(struct reader *reader)
{
    uint32_t first = next_octet(reader);
    uint64_t number = first & 0x3f;
    for (uint32_t more = (1u << (first >> 6)) - 1; more > 0; more--)
        number = number << 8 | next_octet(reader);
    return reader->failed ? 0 : number;
}

static struct name_slice next_octets(struct reader *reader, uint64_t octets)
{
    struct name_slice none = {0};
    if (reader->failed || octets > reader->end - reader->at) {
        reader->failed = true;
        return none;
    }
    struct name_slice slice = {.data = reader->data + reader->at, .octets = (uint32_t)octets};
    reader->at += slice.octets;
    return slice;
}

/* ---- headers ---- */

#define KIND_ROW(symbol, first, last, second, ...) {first, last, second},
static const struct {
    uint32_t first, last;
    bool second;
} versions[] = {NAME_QUIC_KINDS(KIND_ROW)};

static enum name_quic_kind kind_of(uint32_t version)
{
    unsigned kind = 0;
    while (kind < NAME_QUIC_KIND_COUNT &&
           (version < versions[kind].first || version > versions[kind].last))
        kind++;
    return kind;
}

/* Whether a client that begins with VERSION is to choose another one: a list of versions, or one
 * that asks for it (RFC 8999 section 6, RFC 9000 section 15). */
static bool is_negotiation(uint32_t version)
{
    return version == 0 || (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* Reads the long header at READER and steps over its packet. False if it is of no version that can
 * be read, or not there in full. */
static bool next_packet(struct reader *reader, struct quic_packet *packet)
{
    uint32_t from = reader->at;
    if (reader->end - from < 7 || (reader->data[from] & 0xc0) != (LONG_HEADER | FIXED_BIT))
        return false;
    packet->kind = kind_of(be32(reader->data + from + 1));
    if (packet->kind == NAME_QUIC_KIND_COUNT)
        return false;
    uint32_t type = reader->data[from] >> 4 & 3;
    packet->type = versions[packet->kind].second ? (type + 3) % 4 : type;
    reader->at = from + 5;
    if (packet->type == PACKET_RETRY)
        return false;
    uint32_t octets = next_octet(reader);
    packet->id = next_octets(reader, octets);
    uint32_t source = next_octet(reader);
    next_octets(reader, source);
    if (octets > NAME_QUIC_ID_MAX || source > NAME_QUIC_ID_MAX)
        return false;
    if (packet->type == PACKET_INITIAL)
        next_octets(reader, next_number(reader)); /* token */
    uint64_t length = next_number(reader);
    packet->number_at = reader->at - from;
    next_octets(reader, length);
    packet->whole = (struct name_slice){.data = reader->data + from, .octets = reader->at - from};
    return !reader->failed;
}

/* ---- frames ---- */

static void skip_ack(struct reader *reader, bool with_ecn)
{
    next_number(reader); /* largest */
    next_number(reader); /* delay */
    uint64_t ranges = next_number(reader);
    next_number(reader); /* first range */
    for (; ranges > 0 && !reader->failed; ranges--) {
        next_number(reader);
        next_number(reader);
    }
    for (unsigned i = 0; with_ecn && i < 3; i++)
        next_number(reader);
}

/* Steps over PADDING, of which a client's packet has hundreds of octets. */
static void skip_padding(struct reader *reader)
{
    uint64_t word;
    while (reader->end - reader->at >= sizeof word) {
        memcpy(&word, reader->data + reader->at, sizeof word);
        if (word)
            break;
        reader->at += (uint32_t)sizeof word;
    }
}

/* Puts what the CRYPTO frames of an opened packet carry together. */
static void take_frames(struct name_gather *gather, const struct name_slice *frames)
{
    struct reader reader = {.data = frames->data, .end = frames->octets};
    while (reader.at < reader.end && !reader.failed) {
        uint32_t type = next_octet(&reader);
        if (type == FRAME_CRYPTO || type == FRAME_CRYPTO_GOOGLE) {
            uint64_t at = next_number(&reader);
            struct name_slice part = next_octets(&reader, next_number(&reader));
            if (!reader.failed)
                name_gather_put(gather, at, part.data, part.octets);
        } else if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
            skip_ack(&reader, type == FRAME_ACK_ECN);
        } else if (type == FRAME_PADDING) {
            skip_padding(&reader);
        } else if (type != FRAME_PING) {
            return; /* the connection is closed, or the frame is of no Initial packet */
        }
    }
}

/* ---- packets ---- */

static bool is_for(const struct name_initial_keys *keys, const struct quic_packet *packet)
{
    return keys->kind == packet->kind && keys->id_octets == packet->id.octets &&
           memcmp(keys->id, packet->id.data, packet->id.octets) == 0;
}

/* Opens an Initial packet with the keys of the client's first one, or, if there is none that they
 * open, those of its own; KEYS are then these. */
static struct name_slice open_initial(struct name_workspace *workspace, bool known,
                                      struct name_initial_keys *keys,
                                      const struct quic_packet *packet)
{
    struct name_opener *opener = &workspace->opener;
    struct name_slice frames = {0};
    if (known && keys->kind == packet->kind)
        frames = name_initial_open(opener, keys, &packet->whole, packet->number_at);
    if (!frames.data && !(known && is_for(keys, packet))) {
        struct name_initial_keys own;
        name_initial_derive(opener, packet->kind, &packet->id, &own);
        frames = name_initial_open(opener, &own, &packet->whole, packet->number_at);
        if (frames.data)
            *keys = own;
    }
    if (frames.data)
        workspace->counters.opened++;
    else
        workspace->counters.unopened++;
    return frames;
}

/* Whether two packets may share a datagram (RFC 9000 section 12.2). */
static bool same_connection(const struct quic_packet *a, const struct quic_packet *b)
{
    return a->kind == b->kind && a->id.octets == b->id.octets &&
           (a->id.octets == 0 || memcmp(a->id.data, b->id.data, a->id.octets) == 0);
}

/* Takes the frames of all Initial packets of the datagram. GATHER: what the flow has, changed if it
 * begins here. What to expect of the flow if it does not: nothing once a packet did not open, so
 * that a flow makes useless work only once. */
static enum name_progress take_datagram(const struct application_packet *datagram,
                                        const struct name_state *state, struct name_gather **gather)
{
    struct reader reader = {.data = datagram->data, .end = datagram->length};
    struct quic_packet packet, first = {0};
    for (unsigned i = 0; i < PACKETS_MAX && next_packet(&reader, &packet); i++) {
        if (i == 0)
            first = packet;
        else if (!same_connection(&first, &packet))
            break;
        if (packet.type != PACKET_INITIAL)
            continue;
        struct name_initial_keys keys;
        bool known = *gather != NULL;
        struct name_initial_keys *of_flow = known ? &(*gather)->keys : &keys;
        struct name_slice frames = open_initial(state->workspace, known, of_flow, &packet);
        if (!frames.data)
            return NAME_DONE; /* the server's, or none */
        if (!known) {
            *gather = name_gather_begin(state, NAME_BY_QUIC, datagram);
            (*gather)->keys = keys;
        }
        take_frames(*gather, &frames);
    }
    bool negotiation =
        reader.end >= 7 && reader.data[0] & LONG_HEADER && is_negotiation(be32(reader.data + 1));
    return reader.at > 0 || negotiation ? NAME_MORE : NAME_DONE;
}

enum name_progress name_quic(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state)
{
    if (!(sink->wanted & NAME_HELLO_TYPES) || packet->tcp)
        return NAME_DONE;
    struct name_gather *gather = name_gather_find(state, NAME_BY_QUIC);
    if (gather && packet->from_client != gather->from_client)
        return NAME_MORE;
    enum name_progress progress = take_datagram(packet, state, &gather);
    if (!gather)
        return progress;
    progress = name_gather_read_message(state, gather, gather->octets, gather->have, sink);
    return name_gather_end(state, gather, progress);
}
