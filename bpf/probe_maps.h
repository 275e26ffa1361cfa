/*
 * What the XDP program and the probe agree on: the order of its verdicts and the words by which it
 * is told what to do. Included by both sides; fixed-width types come from whoever includes it
 * (kernel.bpf.h, or linux/types.h).
 */
#ifndef SPANFLOW_BPF_PROBE_MAPS_H
#define SPANFLOW_BPF_PROBE_MAPS_H

#include "flow_counter.h"

/* Receive queues of one interface that can have a socket. */
enum { PROBE_QUEUES_MAX = 64 };

/* What became of a packet. Each packet that comes while the program is enabled has exactly one. */
enum probe_verdict {
    VERDICT_COUNTED,   /* a known flow's entry in the kernel took it; nothing was delivered */
    VERDICT_DELIVERED, /* handed to the socket of its queue, which may still drop it */
    VERDICT_PASSED,    /* left to the host itself */
    VERDICT_ABORTED,   /* its queue has no socket: dropped */
    VERDICT_COUNT
};

/* Packets and frame octets without FCS. One element of the per-CPU array "verdicts" for each
 * verdict; a CPU writes its own only. */
struct probe_verdict_count {
    __u64 packets;
    __u64 octets;
};

/* Written by the probe through the mapping of the program's data, read for each packet. */
struct probe_words {
    __u32 enabled;        /* 0: every packet is the host's, and none is counted */
    __u8 host_address[6]; /* the interface's own link-layer address; pass mode */
    __u8 reserved[2];
};

#endif
