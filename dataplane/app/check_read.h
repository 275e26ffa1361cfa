/*
 * Reading numbers out of payload for the checks. Offsets must have been compared with the length
 * before. Private to the checks.
 */
#ifndef SPANFLOW_APP_CHECK_READ_H
#define SPANFLOW_APP_CHECK_READ_H

#include <string.h>

#include "app/application_check.h"

/* The number of 16, 24 or 32 bits at AT, big endian or little endian. */
static inline uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* See above. */
static inline uint32_t be24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | be16(at + 1);
}

/* See above. */
static inline uint32_t be32(const uint8_t *at)
{
    return be16(at) << 16 | be16(at + 2);
}

/* See above. */
static inline uint32_t le16(const uint8_t *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

/* See above. */
static inline uint32_t le32(const uint8_t *at)
{
    return le16(at + 2) << 16 | le16(at);
}

/* Whether a port of the packet is PORT. */
static inline bool has_port(const struct application_packet *p, unsigned port)
{
    return p->source_port == port || p->destination_port == port;
}

/* Whether the octets [from, to) are all printable ASCII. */
static inline bool is_printable(const uint8_t *data, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (data[i] < 0x20 || data[i] > 0x7e)
            return false;
    return true;
}

/* Whether AT, where a chain of fields of a datagram ends, is where the datagram ends; of one that
 * was captured in part, AT must lie in what is not there. */
static inline bool ends_right(const struct application_packet *p, uint32_t at)
{
    return at == p->whole_length || (at > p->length && at < p->whole_length);
}

#endif
