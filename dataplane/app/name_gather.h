/*
 * The octets of a ClientHello that arrives in several packets, in whatever order and however often
 * each comes; and of other beginnings that do (name_start.h, name_http.h). Private to the parsers
 * of names.
 */
#ifndef SPANFLOW_APP_NAME_GATHER_H
#define SPANFLOW_APP_NAME_GATHER_H

#include "app/name_hello.h"
#include "app/name_initial.h"
#include "app/name_state.h"

enum {
    NAME_GATHER_OCTETS = 4096, /* a hello with the key share of a post-quantum group has 1,800 */
    NAME_GATHER_PACKETS = 16   /* of the client; it is given up then */
};

struct name_gather {
    uint64_t flow_id;
    enum name_carrier carrier;
    uint32_t base;  /* TLS: TCP sequence of the first octet; DTLS: number of the message */
    uint32_t whole; /* DTLS: octets of the message */
    uint32_t have;  /* octets from the beginning without a gap */
    uint32_t end;   /* octets from the beginning to the last that is there */
    uint32_t read;  /* HTTP: octets of HAVE that were read, and are wiped */
    bool passing;   /* HTTP: what comes is of a line that nobody wants */
    uint32_t told;  /* types of names, as a set */
    uint16_t packets;
    bool from_client;
    struct name_initial_keys keys;          /* QUIC */
    uint64_t seen[NAME_GATHER_OCTETS / 64]; /* a bit for each octet */
    uint8_t octets[NAME_GATHER_OCTETS];
};

/* Puts DATA in at octet AT. What lies behind the end is left out, and what is there already, up to
 * the first gap, stays. Worker thread, as all here. */
void name_gather_put(struct name_gather *gather, uint64_t at, const uint8_t *data, uint32_t octets);

/* Forgets all octets, not what was told. */
void name_gather_clear(struct name_gather *gather);

/* What is kept of the flow of STATE for CARRIER, NULL if nothing is. */
struct name_gather *name_gather_find(const struct name_state *state, enum name_carrier carrier);

/* An empty one for PACKET's flow that lasts until the next call; name_gather_keep() makes it last
 * longer. */
struct name_gather *name_gather_begin(const struct name_state *state, enum name_carrier carrier,
                                      const struct application_packet *packet);

/* Ends a packet of GATHER: keeps it for the flow's next packet if MORE is waited for and may come,
 * else drops it. The parser's answer. */
enum name_progress name_gather_end(const struct name_state *state, struct name_gather *gather,
                                   enum name_progress progress);

/* Gives up what is kept as GATHER, and wipes it. */
void name_gather_drop(const struct name_state *state, struct name_gather *gather);

/* Reads the BODY of a handshake message (WHOLE octets, the first HAVE are there) and tells SINK.
 * NAME_MORE if it goes on and is short enough to be kept. */
enum name_progress name_gather_read(const struct name_state *state, struct name_gather *gather,
                                    const uint8_t *body, uint32_t have, uint32_t whole,
                                    struct name_sink *sink);

/* As name_gather_read() with the header of TLS's handshake in front of the body. */
enum name_progress name_gather_read_message(const struct name_state *state,
                                            struct name_gather *gather, const uint8_t *message,
                                            uint32_t have, struct name_sink *sink);

#endif
