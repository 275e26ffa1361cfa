/*
 * Frames as a mirror port would deliver them, made from plain packets, so that the parser is part
 * of a simulation. Test code; any thread; the caller owns the buffer.
 */
#ifndef SPANFLOW_SIM_FRAME_BUILDER_H
#define SPANFLOW_SIM_FRAME_BUILDER_H

#include <stdint.h>

#include "sim/traffic.h"

enum { FRAME_CAPTURED_MAX = 256 };

struct frame {
    uint32_t captured_length;
    uint32_t wire_length;
    uint8_t data[FRAME_CAPTURED_MAX];
};

/* Ethernet, tags, labels, IP and transport headers of PACKET; of the payload no more than fits. */
void frame_build(struct frame *frame, const struct plain_packet *packet);

/* Kinds of frames that must not be metered. */
enum frame_stranger { STRANGER_ARP, STRANGER_ETHERTYPE, STRANGER_IP_CUT, STRANGER_KINDS };
void frame_build_stranger(struct frame *frame, enum frame_stranger kind);

#endif
