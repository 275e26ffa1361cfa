/*
 * A libpcap filter expression, compiled once and run over batches. Link layers have different
 * headers, so one program is made for each that the expression makes sense on.
 */
#ifndef SPANFLOW_PACKET_PACKET_FILTER_H
#define SPANFLOW_PACKET_PACKET_FILTER_H

#include <stdint.h>

#include "base/error.h"
#include "packet/packet_batch.h"

struct packet_filter;

/*
 * Compiles EXPRESSION. It must compile for Ethernet, else NULL with libpcap's reason in ERROR.
 * Where it has no meaning on another link layer ("ether host ..." on raw IP, for instance) no
 * packet of that link layer matches; nor does any packet of an unknown link layer. Control
 * thread; the filter is freed by packet_filter_destroy() and is read-only in between, so several
 * workers may share it.
 */
struct packet_filter *packet_filter_create(const char *expression, struct error *error);

/* Bit i of the result is set if packet i of BATCH matches. Reads the captured bytes only; "len"
 * and "greater" look at the wire length. Any thread. */
uint64_t packet_filter_match(const struct packet_filter *filter, const struct packet_batch *batch);

/* FILTER may be NULL. */
void packet_filter_destroy(struct packet_filter *filter);

#endif
