/*
 * The packets of one conversation, by its addresses, ports and protocol. Pure; any thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_TUPLE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_TUPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_query.h"

/* Whether a packet of LENGTH captured octets belongs to it, in either direction. */
bool snapshot_tuple_matches(const struct snapshot_tuple *tuple, const uint8_t *data,
                            uint32_t length, uint16_t link_type);

/* "protocol 6, 192.0.2.1 port 80, *" for people: * is any. Into TEXT of SIZE octets. */
void snapshot_tuple_print(const struct snapshot_tuple *tuple, char *text, size_t size);

#endif
