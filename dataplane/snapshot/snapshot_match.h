/*
 * A question, made ready to be asked of packets and of index entries. libpcap programs are made for
 * each link type that is met, and with each what it demands (snapshot_filter.h). Owned and used by
 * one query and its thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_MATCH_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_index.h"
#include "snapshot/snapshot_query.h"

struct snapshot_match;

/* QUESTION is copied. NULL and one line in ERROR: the expression does not compile for Ethernet, or
 * memory is short. */
struct snapshot_match *snapshot_match_create(const struct snapshot_question *question,
                                             struct error *error);
/* MATCH may be NULL. */
void snapshot_match_destroy(struct snapshot_match *match);

/* Whether PACKET is asked for; LINK_TYPE (a LINKTYPE number) is its interface's. An expression that
 * has no meaning on a link layer selects nothing there. */
bool snapshot_match_packet(struct snapshot_match *match, const struct snapshot_kept *packet,
                           uint16_t link_type);

/* Whether any packet of block I of INDEX may be asked for; false is certain. LINK_TYPES: of all
 * interfaces that its packets may name. */
bool snapshot_match_block(struct snapshot_match *match, const struct snapshot_index *index,
                          uint32_t i, const uint16_t *link_types, uint32_t link_type_count);

/* The times that are asked for, both ends included. */
void snapshot_match_range(const struct snapshot_match *match, uint64_t *from_ns, uint64_t *to_ns);

/* Whether any packet between the two times may be asked for. */
bool snapshot_match_times(const struct snapshot_match *match, uint64_t first_ns, uint64_t last_ns);

#endif
