/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The program on an observed interface: hands each packet to the AF_XDP socket of the queue it came
 * by, leaves the host its own in pass mode, and counts what became of each. It never sends and
 * never changes a packet. Loaded by dataplane/packet/xdp_program.c.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_helpers.h>

#include "probe_maps.h"

/* Fixed when the program is loaded, so that the verifier leaves out what is off. */
const volatile bool pass_host = false;     /* pass mode: the host's own packets stay with it */
const volatile bool flow_counting = false; /* known flows are counted here */

/* The probe changes these while the program runs. */
volatile struct probe_words words = {0};

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, PROBE_QUEUES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, VERDICT_COUNT);
    __type(key, __u32);
    __type(value, struct probe_verdict_count);
} verdicts SEC(".maps");

#include "flow_counter.bpf.h"

static __always_inline void count(__u64 verdict, __u64 octets)
{
    /* The key is the lower half: see COUNTER_AT. */
    struct probe_verdict_count *sum = bpf_map_lookup_elem(&verdicts, &verdict);
    if (!sum)
        return;
    sum->packets++;
    sum->octets += octets;
}

/* Addressed to the interface, or to a group: what the host takes when it is not promiscuous. */
static __always_inline bool is_for_host(struct xdp_md *context)
{
    const __u8 *data = (const __u8 *)(long)context->data;
    const __u8 *end = (const __u8 *)(long)context->data_end;
    if (data + 6 > end)
        return false;
    if (data[0] & 1)
        return true;
    return data[0] == words.host_address[0] && data[1] == words.host_address[1] &&
           data[2] == words.host_address[2] && data[3] == words.host_address[3] &&
           data[4] == words.host_address[4] && data[5] == words.host_address[5];
}

static __always_inline int probe(struct xdp_md *context, __u64 octets)
{
    if (!words.enabled)
        return XDP_PASS;
    if (pass_host && is_for_host(context)) {
        count(VERDICT_PASSED, octets);
        return XDP_PASS;
    }
    if (flow_counting && flow_counter_try(context, octets)) {
        count(VERDICT_COUNTED, octets);
        return XDP_DROP;
    }
    /* The lower bits of the flags are what it says if the queue has no socket. */
    int action = (int)bpf_redirect_map(&sockets, context->rx_queue_index, XDP_ABORTED);
    count(action == XDP_REDIRECT ? VERDICT_DELIVERED : VERDICT_ABORTED, octets);
    return action;
}

SEC("xdp.frags")
int xdp_probe(struct xdp_md *context)
{
    return probe(context, bpf_xdp_get_buff_len(context));
}

/* For kernels whose sockets take no packet in several frames. */
SEC("xdp")
int xdp_probe_whole(struct xdp_md *context)
{
    return probe(context, bpf_xdp_get_buff_len(context));
}

char program_license[] SEC("license") = "Dual BSD/GPL";
