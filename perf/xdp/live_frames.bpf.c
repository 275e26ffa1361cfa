/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two programs for measuring: one that writes the headers of the next frame and sends it out of an
 * interface, run by the kernel on frames of its own (BPF_PROG_TEST_RUN, live frames), and one that
 * drops what it gets. Loaded by live_frames.c.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 out_interface = 0;
const volatile __u32 flows = 1;
const volatile __u32 stride = 1;     /* neighbours in time are no neighbours in number */
const volatile __u32 header_sum = 0; /* of the IPv4 header's words that do not change */
const volatile __u32 octaves = 0;    /* 0: each flow in its turn. Else: see draw() */

__u32 flow = 0;
__u64 drawn = 0x9e3779b97f4a7c15ull;

struct headers {
    __u8 ethernet[14];
    __u8 before_checksum[10];
    __u16 checksum;
    __u16 source[2];
    __u16 destination[2];
    __u16 source_port;
} __attribute__((packed));

/* The next flow in its turn. */
static __always_inline __u32 take_turn(void)
{
    __u32 number = flow, next = number + stride;
    flow = next >= flows ? next - flows : next;
    return number;
}

/* A flow by its popularity: the one of rank r as often as 1/r says. Each octave of ranks is drawn
 * as often as each other, and in it each rank. */
static __always_inline __u32 draw(void)
{
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    __u32 octave = (__u32)((drawn >> 32) * octaves >> 32) & 31;
    __u32 rank = 1u << octave | ((__u32)drawn & ((1u << octave) - 1));
    return (__u32)((__u64)rank * flows >> octaves);
}

SEC("xdp")
int live_frame(struct xdp_md *context)
{
    struct headers *h = (struct headers *)(long)context->data;
    if ((void *)(h + 1) > (void *)(long)context->data_end)
        return XDP_ABORTED;
    __u32 number = octaves ? draw() : take_turn();
    __u32 low = number & 0xffff, high = 0x0a00 | number >> 16; /* in 10.0.0.0/8 */
    __u32 sum = header_sum + low + high;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    h->source[0] = bpf_htons((__u16)high);
    h->source[1] = bpf_htons((__u16)low);
    h->source_port = bpf_htons((__u16)(1024 + (number & 0x7fff)));
    h->checksum = bpf_htons((__u16)~sum);
    return (int)bpf_redirect(out_interface, 0);
}

SEC("xdp")
int drop_all(struct xdp_md *context)
{
    (void)context;
    return XDP_DROP;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
