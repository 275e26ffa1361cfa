/*
 * A libpcap filter expression, compiled once for every link layer that packets may have.
 */
#ifndef SPANFLOW_PACKET_PACKET_FILTER_H
#define SPANFLOW_PACKET_PACKET_FILTER_H

#include <stdint.h>

#include "base/error.h"
#include "packet/packet_batch.h"

struct packet_filter;

/* Compiles EXPRESSION (not kept). NULL and libpcap's reason in ERROR if it is wrong. Control
 * thread. */
struct packet_filter *packet_filter_create(const char *expression, struct error *error);

/* Frees FILTER; NULL is fine. Control thread, no worker uses it any more. */
void packet_filter_destroy(struct packet_filter *filter);

/* Bit i is set if packet i of BATCH matches. Reads captured bytes only. Any worker's thread; FILTER
 * is not changed, so workers may share it. */
uint64_t packet_filter_match(const struct packet_filter *filter, const struct packet_batch *batch);

#endif
