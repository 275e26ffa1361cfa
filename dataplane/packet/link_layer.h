/*
 * Which link layer a link type number of a capture file means. One table; the file readers ask
 * it for each file or interface, the packet filter for the other direction.
 */
#ifndef SPANFLOW_PACKET_LINK_LAYER_H
#define SPANFLOW_PACKET_LINK_LAYER_H

#include <stdint.h>

#include "packet/packet_batch.h"

/* The link layer of LINKTYPE number LINK_TYPE, LINK_UNKNOWN if it is none of ours. Any thread. */
enum link_layer link_layer_of_file(uint32_t link_type);

/* The DLT number that libpcap compiles filters for, -1 for LINK_UNKNOWN. Any thread. */
int link_layer_dlt(enum link_layer link);

#endif
