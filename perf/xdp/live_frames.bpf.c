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

__u32 flow = 0;

struct headers {
    __u8 ethernet[14];
    __u8 before_checksum[10];
    __u16 checksum;
    __u16 source[2];
    __u16 destination[2];
    __u16 source_port;
} __attribute__((packed));

SEC("xdp")
int live_frame(struct xdp_md *context)
{
    struct headers *h = (struct headers *)(long)context->data;
    if ((void *)(h + 1) > (void *)(long)context->data_end)
        return XDP_ABORTED;
    __u32 number = flow;
    __u32 low = number & 0xffff, high = 0x0a00 | number >> 16; /* in 10.0.0.0/8 */
    __u32 sum = header_sum + low + high;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    h->source[0] = bpf_htons((__u16)high);
    h->source[1] = bpf_htons((__u16)low);
    h->source_port = bpf_htons((__u16)(1024 + (number & 0x7fff)));
    h->checksum = bpf_htons((__u16)~sum);
    number += stride;
    flow = number >= flows ? number - flows : number;
    return (int)bpf_redirect(out_interface, 0);
}

SEC("xdp")
int drop_all(struct xdp_md *context)
{
    (void)context;
    return XDP_DROP;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
