/* Names in TLS and DTLS. See name_tls.h. */
#include "app/name_tls.h"

#include <string.h>

#include "app/check_read.h"
#include "app/name_gather.h"
#include "app/name_workspace.h"

enum {
    RECORD_HEADER = 5,
    RECORD_HANDSHAKE = 22,
    RECORD_OCTETS_MAX = 16384 + 2048,
    DATAGRAM_RECORD_HEADER = 13,
    DATAGRAM_HANDSHAKE_HEADER = 12
};

/* ---- TLS over TCP ---- */

/* Whether the HAVE octets at RECORD begin a handshake record, as far as they go. */
static bool is_handshake_record(const uint8_t *record, uint32_t have)
{
    return record[0] == RECORD_HANDSHAKE && (have < 2 || record[1] == 3) &&
           (have < 3 || record[2] <= 4) &&
           (have < RECORD_HEADER ||
            (be16(record + 3) > 0 && be16(record + 3) <= RECORD_OCTETS_MAX));
}

/* Joins what is in the records of the STREAM. False if they are not all of the handshake. */
static bool join_records(struct name_workspace *workspace, const uint8_t *stream, uint32_t have,
                         struct name_slice *message)
{
    message->data = workspace->message;
    message->octets = 0;
    for (uint32_t at = 0; at < have;) {
        if (!is_handshake_record(stream + at, have - at))
            return message->octets >= NAME_HANDSHAKE_HEADER &&
                   be24(message->data + 1) + NAME_HANDSHAKE_HEADER <= message->octets;
        if (have - at < RECORD_HEADER)
            break;
        uint32_t octets = be16(stream + at + 3);
        at += RECORD_HEADER;
        if (octets > have - at)
            octets = have - at;
        if (octets > NAME_GATHER_OCTETS - message->octets)
            octets = NAME_GATHER_OCTETS - message->octets;
        memcpy(workspace->message + message->octets, stream + at, octets);
        message->octets += octets;
        at += be16(stream + at - 2);
    }
    return true;
}

/* Reads the first HAVE octets of a connection. */
static enum name_progress read_stream(const struct name_state *state, struct name_gather *gather,
                                      const uint8_t *stream, uint32_t have, struct name_sink *sink)
{
    if (have == 0)
        return NAME_MORE;
    if (!is_handshake_record(stream, have))
        return NAME_DONE;
    if (have < RECORD_HEADER)
        return NAME_MORE;
    struct name_slice message = {.data = stream + RECORD_HEADER, .octets = have - RECORD_HEADER};
    uint32_t record = be16(stream + 3);
    bool in_one =
        message.octets <= record || (record >= NAME_HANDSHAKE_HEADER &&
                                     be24(message.data + 1) + NAME_HANDSHAKE_HEADER <= record);
    if (!in_one && !join_records(state->workspace, stream, have, &message))
        return NAME_DONE;
    return name_gather_read_message(state, gather, message.data, message.octets, sink);
}

static enum name_progress name_tls_stream(const struct application_packet *packet,
                                          struct name_sink *sink, struct name_state *state)
{
    struct name_gather *gather = name_gather_find(state, NAME_BY_TLS);
    bool known = gather != NULL;
    if (!known) {
        if (packet->length == 0 || !is_handshake_record(packet->data, packet->length))
            return NAME_DONE;
        gather = name_gather_begin(state, NAME_BY_TLS, packet);
        enum name_progress progress =
            read_stream(state, gather, packet->data, packet->length, sink);
        if (progress == NAME_DONE)
            return progress;
    } else if (packet->from_client != gather->from_client) {
        return NAME_MORE;
    }
    name_gather_put(gather, packet->tcp_sequence - gather->base, packet->data, packet->length);
    enum name_progress progress = NAME_MORE;
    if (known)
        progress = read_stream(state, gather, gather->octets, gather->have, sink);
    if (gather->have == NAME_GATHER_OCTETS || packet->length < packet->whole_length)
        progress = NAME_DONE; /* there is no room for the rest, or it was not captured */
    return name_gather_end(state, gather, progress);
}

/* ---- DTLS ---- */

/* The fragment of a ClientHello that a handshake message of a datagram is. */
static enum name_progress read_fragment(const struct name_state *state, struct name_gather **gather,
                                        const struct application_packet *packet,
                                        const uint8_t *header, struct name_sink *sink)
{
    uint32_t whole = be24(header + 1), number = be16(header + 4);
    uint32_t from = be24(header + 6), octets = be24(header + 9);
    const uint8_t *body = header + DATAGRAM_HANDSHAKE_HEADER;
    if (from + octets > whole)
        return NAME_DONE;
    if (!*gather) {
        *gather = name_gather_begin(state, NAME_BY_DTLS, packet);
        (*gather)->base = number;
    }
    if (octets == whole)
        return name_gather_read(state, *gather, body, octets, whole, sink);
    if ((*gather)->base != number || ((*gather)->whole && (*gather)->whole != whole)) {
        name_gather_clear(*gather); /* sent again with a cookie */
        (*gather)->base = number;
    }
    (*gather)->whole = whole;
    name_gather_put(*gather, from, body, octets);
    return name_gather_read(state, *gather, (*gather)->octets, (*gather)->have, whole, sink);
}

/* Reads the handshake messages in a record that is there in full. */
static enum name_progress read_record(const struct name_state *state, struct name_gather **gather,
                                      const struct application_packet *packet,
                                      const uint8_t *record, uint32_t octets,
                                      struct name_sink *sink)
{
    enum name_progress progress = NAME_MORE;
    for (uint32_t at = 0; at + DATAGRAM_HANDSHAKE_HEADER <= octets && progress == NAME_MORE;) {
        uint32_t fragment = be24(record + at + 9);
        if (fragment > octets - at - DATAGRAM_HANDSHAKE_HEADER)
            return NAME_DONE;
        if (record[at] == NAME_CLIENT_HELLO)
            progress = read_fragment(state, gather, packet, record + at, sink);
        at += DATAGRAM_HANDSHAKE_HEADER + fragment;
    }
    return progress;
}

/* A record header of DTLS 1.0 to 1.3 in clear, or of the version before the first. */
static bool is_datagram_record(const uint8_t *data)
{
    bool usual = data[1] == 0xfe && data[2] >= 0xfc, old = data[1] == 1 && data[2] == 0;
    return data[0] >= 20 && data[0] <= 26 && (usual || old);
}

static enum name_progress name_tls_datagram(const struct application_packet *packet,
                                            struct name_sink *sink, struct name_state *state)
{
    struct name_gather *gather = name_gather_find(state, NAME_BY_DTLS);
    enum name_progress progress = NAME_MORE;
    if (gather && packet->from_client != gather->from_client)
        return NAME_MORE;
    for (uint32_t at = 0; at + DATAGRAM_RECORD_HEADER <= packet->length && progress == NAME_MORE;) {
        const uint8_t *record = packet->data + at;
        if (!is_datagram_record(record))
            break;
        uint32_t octets = be16(record + 11);
        at += DATAGRAM_RECORD_HEADER;
        if (octets > packet->length - at)
            break;
        if (record[0] == RECORD_HANDSHAKE && be16(record + 3) == 0)
            progress = read_record(state, &gather, packet, packet->data + at, octets, sink);
        at += octets;
    }
    return gather ? name_gather_end(state, gather, progress) : NAME_DONE;
}

enum name_progress name_tls(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state)
{
    if (!(sink->wanted & NAME_HELLO_TYPES))
        return NAME_DONE;
    return packet->tcp ? name_tls_stream(packet, sink, state)
                       : name_tls_datagram(packet, sink, state);
}
