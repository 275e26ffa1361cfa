/*
 * What the XDP programs need to know of the kernel: types, the context of a packet, map types,
 * verdicts. All of it is the kernel's stable interface, so nothing is relocated; a structure of
 * the kernel's own that is added here must carry preserve_access_index. Included by programs only,
 * before bpf_helpers.h.
 */
#ifndef SPANFLOW_BPF_KERNEL_BPF_H
#define SPANFLOW_BPF_KERNEL_BPF_H

#include <stdbool.h>

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;

enum bpf_map_type {
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
    BPF_MAP_TYPE_XSKMAP = 17,
};

/* Flags of a map. */
enum { BPF_F_MMAPABLE = 1u << 10 };

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

/* The context of a packet; the kernel rewrites every access. */
struct xdp_md {
    __u32 data;
    __u32 data_end;
    __u32 data_meta;
    __u32 ingress_ifindex;
    __u32 rx_queue_index;
    __u32 egress_ifindex;
};

#endif
