/*
 * Random packets and random questions about them for the tests of queries: few addresses, ports and
 * protocols, so that questions often have answers, and many odd shapes. Test code only.
 */
#ifndef SPANFLOW_UNIT_SNAPSHOT_QUERY_QUERY_PACKETS_H
#define SPANFLOW_UNIT_SNAPSHOT_QUERY_QUERY_PACKETS_H

#include <stdint.h>

#include "sim/random.h"

enum { QUERY_PACKET_MAX = 256, QUERY_FILTER_MAX = 512 };

/* One packet of LINK_TYPE (LINKTYPE number) into DATA; returns its length. */
uint32_t query_packet(struct random *random, uint16_t link_type, uint8_t data[QUERY_PACKET_MAX]);

/* One expression for libpcap into TEXT. */
void query_filter(struct random *random, char text[QUERY_FILTER_MAX]);

#endif
