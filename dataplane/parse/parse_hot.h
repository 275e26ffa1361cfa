/*
 * Between the parser's door (parse_batch.c) and its loop (parse_hot.c), which exists once for each
 * instruction set. Private to parse/; worker thread.
 */
#ifndef SPANFLOW_PARSE_PARSE_HOT_H
#define SPANFLOW_PARSE_PARSE_HOT_H

#include "base/simd.h"
#include "parse/parse.h"

/* See parse_range(). */
typedef uint64_t parse_range_function(struct parser *parser, const struct packet_batch *batch,
                                      uint32_t first, uint32_t count, struct packet_facts *facts);

/* Packet I of BATCH, layer by layer. Whether it can be metered. parse_batch.c */
bool parse_by_layers(struct parser *parser, const struct packet_batch *batch, uint32_t i,
                     struct packet_facts *facts);

#endif
