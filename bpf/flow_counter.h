/*
 * The table of known flows, as the XDP program and the probe share it: plain arrays, mapped into
 * the probe, so that neither needs a call to read what the other wrote. Fixed-width types come from
 * whoever includes it (kernel.bpf.h, or linux/types.h).
 *
 *   lines      what a program asks of a slot, and what it counted for it: [cpu][bank][slot]. A CPU
 *              counts in its own part only, so that nothing is added atomically; a flow that comes
 * by several CPUs has a line in each part. addresses  those of a slot's key, if it is IPv6. Written
 * by the probe before the slot is active. totals     what was counted by a CPU for a worker:
 * [cpu][bank][worker] control    the number of the epoch
 *
 * With many flows every line that a packet touches is a miss of the caches, and every page one of
 * the TLB (these arrays cannot have huge pages), and both cost more than all the rest of the
 * program. So a packet of a known IPv4 flow touches one: each CPU and bank has its own copy of what
 * is to be known of a slot, in the line in which the packet is counted. Their price is paid by the
 * probe, which writes the copies when a flow comes and goes.
 *
 * Slots form sets of sixteen. The hash chooses the set, and the first slot in it to be tried. A
 * flow that found this one occupied is in another of the set, and the first one's `others` says in
 * which: so that nothing is searched, and a packet of an unknown flow touches one line, too.
 *
 * Epochs. Everything that is counted is counted in the bank of the epoch, which is its last bit.
 * The control thread turns to the next epoch by writing its number, and then waits until every run
 * of the program that was under way has ended. From then on nobody writes into the old bank: it is
 * closed, and can be read without a race for as long as the epoch lasts. Each worker takes what the
 * closed bank holds for its flows into their records; only when all have done so may the next epoch
 * begin, which writes into that bank again. A line carries the epoch and the generation of its slot
 * that it counts for; the first packet that finds others starts it anew.
 *
 * No packet is counted twice or lost:
 *   - A run reads the epoch once, before the state of the slot, and counts in that epoch's bank.
 * The run ends before the epoch can be closed, so each count is in its bank when that is read, and
 *     each bank is read exactly once for each epoch.
 *   - To take a flow back, the worker clears the state of the slot in all its lines and then reads
 *     the epoch, m. (A full barrier stands between the two, as it does between the control thread's
 *     write of m + 1 and its wait.) A run that still saw "active" read the state before it was
 *     overwritten, and the epoch before that: it counts in bank m or in an earlier one, not in that
 *     of m + 1. It has also ended when m is closed. So once the worker has taken bank m, all of the
 *     slot's counts are in the record, nobody writes its lines, and the slot is free. (Loads are
 * not reordered with loads, nor stores with stores, on x86-64, the only processor that this is
 * built for.)
 *   - A slot that is used again has lines that count for no epoch, until the first packet.
 *   - The program runs with soft interrupts off, so no second run comes between on its CPU. (A
 *     kernel with PREEMPT_RT may permit that: the counter is not for such a one.)
 *   - A packet that closes or opens a connection is always delivered, and clears the state of its
 *     slot in all lines first, so that what follows it, by whatever CPU, is delivered too. That is
 * the only thing that a CPU writes in another's lines, or a program of what the probe writes; a
 * slot becomes active again only after it was taken back.
 */
#ifndef SPANFLOW_BPF_FLOW_COUNTER_H
#define SPANFLOW_BPF_FLOW_COUNTER_H

enum { FLOW_COUNTER_WAYS = 16, FLOW_COUNTER_BANKS = 2 };

struct flow_counter_control {
    __u32 epoch;
    __u32 reserved[15];
};

/* The key in the form of flow/flow_key.h. */
struct flow_counter_key {
    __u64 head[2];    /* struct flow_key_head */
    __u64 address[4]; /* both addresses of IPv6; 0 for IPv4 */
    __u64 family;     /* 4 or 6 */
};

struct flow_counter_addresses {
    __u64 word[4];
};

/* The state of a slot: bits of a byte. 0: packets are delivered. */
enum {
    SLOT_ACTIVE = 1,    /* packets of the key are counted here, */
    SLOT_SIDES_BIT = 1, /* those of side s if bit s above this one is set */
    SLOT_IPV6 = 8       /* the key has addresses of its own */
};

/* One direction in one epoch. A packet that would not fit is delivered: a CPU counts at most
 * 2^23 - 1 of a flow's direction in an epoch, and so many of the longest have less than 2^41
 * octets. */
enum { SIDE_PACKET_BIT = 41, SIDE_PACKET_MAX = (1 << 23) - 1 };
struct flow_counter_side {
    __u64 count;   /* packets above octets, as the IP headers claim */
    __u64 last_ns; /* monotonic time of the newest packet */
};

/* What one CPU counted for one slot in one epoch, and before that: what it is to count. */
struct flow_counter_line {
    __u8 state;
    __u8 worker;  /* whose flow it is */
    __u16 others; /* bit n: the slot n further on, in the set, has a flow that this is the first for
                   */
    __u32 epoch;  /* that the rest counts for. 0: none yet */
    __u64 head[2]; /* of the key */
    struct flow_counter_side side[2];
    __u16 tcp_flags[2]; /* twelve bits, ORed */
    __u8 ttl_min[2];
    __u8 ttl_max[2];
};

/* What one CPU counted for one worker, since the start, in the epochs of one bank. Verdicts and
 * metering are counted in different places of the program, so that one can be checked by the
 * other. */
struct flow_counter_total {
    __u64 counted_packets; /* packets that were not delivered because they were counted */
    __u64 counted_octets;  /* of their frames, without FCS */
    __u64 metered_packets; /* packets that were added to a line */
    __u64 metered_octets;  /* as their IP headers claim */
    __u64 metered_frame_octets;
    __u64 reserved[3];
};

/* What the program is told when it is loaded. */
struct flow_counter_geometry {
    __u64 secret[4]; /* of the hash */
    __u32 slots;     /* a power of two, at least FLOW_COUNTER_WAYS */
    __u32 cpus;
    __u32 workers;
    __u32 vlan_mask; /* 0xfff: VLAN ids are part of the key; 0: they are not */
};

_Static_assert(sizeof(struct flow_counter_control) == 64, "a line of its own");
_Static_assert(sizeof(struct flow_counter_line) == 64, "a packet is counted in one line");
_Static_assert(sizeof(struct flow_counter_total) == 64, "no CPU writes another one's line");

/* A keyed hash. */
static inline __attribute__((always_inline)) __u64
flow_counter_hash(const struct flow_counter_key *key, const __u64 *secret)
{
    const __u64 factor = 0x9e3779b97f4a7c15ull;
    __u64 h = (key->head[0] ^ secret[0]) * factor;
    h ^= h >> 32;
    h = (h ^ key->head[1] ^ secret[1]) * factor;
    h ^= h >> 29;
    if (key->family == 6) {
        h = (h ^ key->address[0] ^ secret[2]) * factor;
        h ^= h >> 32;
        h = (h ^ key->address[1]) * factor;
        h ^= h >> 29;
        h = (h ^ key->address[2] ^ secret[3]) * factor;
        h ^= h >> 32;
        h = (h ^ key->address[3]) * factor;
        h ^= h >> 29;
    }
    h = (h ^ secret[3]) * factor;
    return h ^ h >> 32;
}

/* The slot that is the Nth to be tried for a key with HASH. */
static inline __attribute__((always_inline)) __u32
flow_counter_slot(const volatile struct flow_counter_geometry *geometry, __u64 hash, __u32 n)
{
    const __u32 way = FLOW_COUNTER_WAYS - 1;
    __u32 first = (__u32)hash & (geometry->slots - 1);
    return (first & ~way) | ((first + n) & way);
}

/* Where the line of SLOT, and the total of WORKER, of one CPU and bank are in their arrays. */
static inline __attribute__((always_inline)) __u32
flow_counter_line_index(const volatile struct flow_counter_geometry *geometry, __u32 cpu,
                        __u32 bank, __u32 slot)
{
    return (cpu * FLOW_COUNTER_BANKS + bank) * geometry->slots + slot;
}
static inline __attribute__((always_inline)) __u32
flow_counter_total_index(const volatile struct flow_counter_geometry *geometry, __u32 cpu,
                         __u32 bank, __u32 worker)
{
    return (cpu * FLOW_COUNTER_BANKS + bank) * geometry->workers + worker;
}

#endif
