/*
 * Builds frames header by header; see frame.h.
 */
#include "frame.h"

#include <string.h>

#include "base/check.h"

void frame_put(struct frame *frame, const void *bytes, size_t length)
{
    check(frame->length + length <= FRAME_MAX);
    memcpy(frame->data + frame->length, bytes, length);
    frame->length += (uint32_t)length;
}

void frame_fill(struct frame *frame, uint8_t value, size_t count)
{
    check(frame->length + count <= FRAME_MAX);
    memset(frame->data + frame->length, value, count);
    frame->length += (uint32_t)count;
}

void frame_u8(struct frame *frame, unsigned value)
{
    frame_fill(frame, (uint8_t)value, 1);
}

void frame_be16(struct frame *frame, unsigned value)
{
    frame_u8(frame, value >> 8 & 0xff);
    frame_u8(frame, value & 0xff);
}

void frame_be32(struct frame *frame, uint32_t value)
{
    frame_be16(frame, value >> 16);
    frame_be16(frame, value & 0xffff);
}

void frame_open_length(struct frame *frame, uint32_t start)
{
    check(frame->open_count < FRAME_LENGTHS_MAX);
    frame->open[frame->open_count++] = (struct frame_length){frame->length, start};
    frame_be16(frame, 0);
}

void frame_patch8(struct frame *frame, uint32_t offset, unsigned value)
{
    check(offset < frame->length);
    frame->data[offset] = (uint8_t)value;
}

void frame_patch16(struct frame *frame, uint32_t offset, unsigned value)
{
    frame_patch8(frame, offset, value >> 8 & 0xff);
    frame_patch8(frame, offset + 1, value & 0xff);
}

void frame_close(struct frame *frame)
{
    for (uint32_t i = 0; i < frame->open_count; i++)
        frame_patch16(frame, frame->open[i].field, frame->length - frame->open[i].start);
    frame->wire_length = frame->length;
}

void frame_ethernet(struct frame *frame, unsigned type)
{
    static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    frame_put(frame, addresses, sizeof addresses);
    frame_be16(frame, type);
}

void frame_tag(struct frame *frame, unsigned id, unsigned type)
{
    frame_be16(frame, 0xa000 | id); /* priority 5 */
    frame_be16(frame, type);
}

void frame_llc_snap(struct frame *frame, uint32_t oui, unsigned type)
{
    frame_be16(frame, 0xaaaa);
    frame_u8(frame, 3);
    frame_u8(frame, oui >> 16);
    frame_be16(frame, oui & 0xffff);
    frame_be16(frame, type);
}

void frame_label(struct frame *frame, uint32_t label, int bottom)
{
    frame_be32(frame, label << 12 | (bottom ? 0x100 : 0) | 64);
}

void frame_pppoe(struct frame *frame, unsigned protocol)
{
    frame_be16(frame, 0x1100);
    frame_be16(frame, 7);
    frame_open_length(frame, frame->length + 2);
    frame_be16(frame, protocol);
}

void frame_nsh(struct frame *frame, unsigned words, unsigned next)
{
    frame_u8(frame, 0);
    frame_u8(frame, 0xc0 | words);
    frame_u8(frame, words == 6 ? 1 : 2);
    frame_u8(frame, next);
    frame_be32(frame, 0x00002aff);
    frame_fill(frame, 0, words > 2 ? (words - 2) * 4 : 0);
}

void frame_ipv4_fragment(struct frame *frame, unsigned net, unsigned protocol, unsigned id,
                         unsigned offset, int more)
{
    frame_u8(frame, 0x45);
    frame_u8(frame, 0x10);
    frame_open_length(frame, frame->length - 2);
    frame_be16(frame, id);
    frame_be16(frame, (more ? 0x2000 : 0) | offset);
    frame_u8(frame, 61);
    frame_u8(frame, protocol);
    frame_be16(frame, 0);
    for (unsigned host = 1; host <= 2; host++) {
        frame_be16(frame, 10 << 8 | net);
        frame_be16(frame, host);
    }
}

void frame_ipv4(struct frame *frame, unsigned net, unsigned protocol)
{
    frame_ipv4_fragment(frame, net, protocol, 77, 0, 0);
}

void frame_ipv6(struct frame *frame, unsigned net, unsigned next_header)
{
    frame_be32(frame, 0x61000000); /* traffic class 0x10 */
    frame_open_length(frame, frame->length + 36);
    frame_u8(frame, next_header);
    frame_u8(frame, 61);
    for (unsigned host = 1; host <= 2; host++) {
        frame_be32(frame, 0x20010db8);
        frame_be16(frame, net);
        frame_fill(frame, 0, 9);
        frame_u8(frame, host);
    }
}

void frame_ipv6_fragment(struct frame *frame, unsigned next_header, uint32_t id, unsigned offset,
                         int more)
{
    frame_u8(frame, next_header);
    frame_u8(frame, 0);
    frame_be16(frame, offset << 3 | (more ? 1 : 0));
    frame_be32(frame, id);
}

void frame_ipv6_extension(struct frame *frame, unsigned next_header, unsigned extra)
{
    unsigned padding = 4 + extra * 8;
    frame_u8(frame, next_header);
    frame_u8(frame, extra);
    frame_u8(frame, 1); /* PadN */
    frame_u8(frame, padding);
    frame_fill(frame, 0, padding);
}

void frame_ah(struct frame *frame, unsigned next_header)
{
    frame_u8(frame, next_header);
    frame_u8(frame, 4);
    frame_be16(frame, 0);
    frame_be32(frame, 0x1234);
    frame_be32(frame, 1);
    frame_fill(frame, 0xa5, 12);
}

void frame_tcp(struct frame *frame, unsigned source_port, unsigned destination_port, unsigned flags)
{
    frame_be16(frame, source_port);
    frame_be16(frame, destination_port);
    frame_be32(frame, 0x01020304);
    frame_be32(frame, 0x05060708);
    frame_be16(frame, 0x5000 | flags);
    frame_be16(frame, 8192);
    frame_be32(frame, 0);
}

void frame_udp(struct frame *frame, unsigned source_port, unsigned destination_port)
{
    uint32_t start = frame->length;
    frame_be16(frame, source_port);
    frame_be16(frame, destination_port);
    frame_open_length(frame, start);
    frame_be16(frame, 0);
}

static void end_udp(struct frame *frame)
{
    frame_udp(frame, 1000, 2000);
    frame_fill(frame, 0x55, 8);
    frame_close(frame);
}

void frame_end_udp4(struct frame *frame, unsigned net)
{
    frame_ipv4(frame, net, 17);
    end_udp(frame);
}

void frame_end_udp6(struct frame *frame, unsigned net)
{
    frame_ipv6(frame, net, 17);
    end_udp(frame);
}
