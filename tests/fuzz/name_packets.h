/*
 * For the fuzz targets of the parsers of names: an input is packets of one flow, each behind two
 * octets of length (its upper five bits are flags), and a sink that reads all that it is told.
 */
#ifndef SPANFLOW_FUZZ_NAME_PACKETS_H
#define SPANFLOW_FUZZ_NAME_PACKETS_H

#include <stdlib.h>
#include <string.h>

#include "app/name_hello.h"
#include "app/name_state.h"

enum { PACKET_OCTETS_MAX = 2047, PLACES = 8 };

struct packet_cursor {
    const uint8_t *data;
    size_t left;
    unsigned flags; /* of the packet that was read last: 0..31 */
};

/* Copies the next packet to memory of exactly its size, to be freed. NULL at the end. */
static inline uint8_t *next_packet(struct packet_cursor *cursor, uint32_t *octets)
{
    if (cursor->left < 2)
        return NULL;
    cursor->flags = cursor->data[0] >> 3;
    *octets = (uint32_t)(cursor->data[0] & 7) << 8 | cursor->data[1];
    cursor->data += 2;
    cursor->left -= 2;
    if (*octets > cursor->left)
        *octets = (uint32_t)cursor->left;
    uint8_t *copy = malloc(*octets + !*octets);
    if (!copy)
        abort();
    memcpy(copy, cursor->data, *octets);
    cursor->data += *octets;
    cursor->left -= *octets;
    return copy;
}

/* Reads every octet; a fingerprint has its length. */
static inline void read_name(struct name_sink *sink, enum name_type type, const uint8_t *text,
                             uint32_t octets)
{
    static volatile uint8_t sum;
    (void)sink;
    if (!(NAME_HELLO_TYPES >> type & 1) || octets == 0 || (type == NAME_TLS_JA4 && octets != 36))
        abort();
    for (uint32_t i = 0; i < octets; i++)
        sum ^= text[i];
}

/* The workspace of all inputs, each of which is a flow of its own. */
static inline struct name_state next_flow(void)
{
    static struct name_workspace *workspace;
    static uint64_t flow_id;
    if (!workspace && !(workspace = name_workspace_create(PLACES, NULL)))
        abort();
    return (struct name_state){.workspace = workspace, .flow_id = ++flow_id};
}

#endif
