/*
 * The table of known flows, as the XDP program and the probe share it: plain arrays, mapped into
 * the probe, so that neither needs a call to read what the other wrote. Fixed-width types come from
 * whoever includes it (kernel.bpf.h, or linux/types.h).
 *
 *   sets     one line for each set: a word for each of its eight slots. Written by the probe.
 *   keys     the whole key of each slot. Written by the probe before the slot's word says active;
 *            the program writes one byte of it, `closing`, and only ever 1.
 *   lines    what was counted: [cpu][bank][slot]. A CPU writes its own part only, so that nothing
 *            is added atomically; a flow that comes by several CPUs has a line in each part.
 *   totals   what was counted by a CPU for a worker: [cpu][bank][worker]
 *   control  the number of the epoch
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
 *   - A run reads the epoch once, before the word of the slot, and counts in that epoch's bank. The
 *     run ends before the epoch can be closed, so each count is in its bank when that is read, and
 *     each bank is read exactly once for each epoch.
 *   - To take a flow back, the worker writes "deliver" into the slot's word and then reads the
 *     epoch, m. (A full barrier stands between the two, as it does between the control thread's
 *     write of m + 1 and its wait.) A run that still saw "active" read the word before it was
 *     overwritten, and the epoch before that: it counts in bank m or in an earlier one, not in that
 *     of m + 1. It has also ended when m is closed. So once the worker has taken bank m, all of the
 *     slot's counts are in the record, and the slot is free. (Loads are not reordered with loads on
 *     x86-64, the only processor that this is built for.)
 *   - A slot that is used again has the next generation. A run that took its word before would
 *     write a line of the old one, which nobody reads: the totals would then differ from the
 *     lines, and the ledger would show it.
 *   - The program runs with soft interrupts off, so no second run comes between on its CPU. (A
 *     kernel with PREEMPT_RT may permit that: the counter is not for such a one.)
 *   - A packet that closes or opens a connection is always delivered, and sets `closing` of its
 *     slot first, so that what follows it, by whatever CPU, is delivered too.
 */
#ifndef SPANFLOW_BPF_FLOW_COUNTER_H
#define SPANFLOW_BPF_FLOW_COUNTER_H

enum { FLOW_COUNTER_WAYS = 8, FLOW_COUNTER_BANKS = 2 };

/* A slot's word: state in the lowest two bits, generation above it, tag of the key in the upper
 * half. */
enum flow_counter_state {
    SLOT_FREE,
    SLOT_CLAIMED, /* a worker writes the key */
    SLOT_ACTIVE,  /* packets of the key are counted here */
    SLOT_DELIVER  /* packets of the key are delivered again */
};
enum { SLOT_STATE_MASK = 3, SLOT_GENERATION_BIT = 2, SLOT_TAG_BIT = 32 };

struct flow_counter_control {
    __u32 epoch;
    __u32 reserved[15];
};

struct flow_counter_set {
    __u64 word[FLOW_COUNTER_WAYS];
};

/* The key in the form of flow/flow_key.h. */
struct flow_counter_key {
    __u64 head[2];    /* struct flow_key_head */
    __u64 address[4]; /* both addresses of IPv6; 0 for IPv4 */
    __u8 family;      /* 4 or 6 */
    __u8 sides;       /* bit s: packets of side s may be counted */
    __u8 closing;     /* a packet that opens or closes a connection has passed: deliver */
    __u8 reserved;
    __u32 worker; /* whose flow it is */
    __u64 reserved2;
};

/* One direction in one epoch. */
struct flow_counter_side {
    __u64 octets;  /* as the IP headers claim */
    __u64 last_ns; /* monotonic time of the newest packet */
    __u32 packets;
    __u16 tcp_flags; /* twelve bits, ORed */
    __u8 ttl_min;
    __u8 ttl_max;
};

/* What one CPU counted for one slot in one epoch. */
struct flow_counter_line {
    __u32 generation; /* never 0 in a line that was written */
    __u32 epoch;
    struct flow_counter_side side[2];
    __u64 reserved;
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
_Static_assert(sizeof(struct flow_counter_set) == 64, "a set is looked up in one line");
_Static_assert(sizeof(struct flow_counter_key) == 64, "a key is compared in one line");
_Static_assert(sizeof(struct flow_counter_side) == 24, "no padding");
_Static_assert(sizeof(struct flow_counter_line) == 64, "a packet is counted in one line");
_Static_assert(sizeof(struct flow_counter_total) == 64, "no CPU writes another one's line");

/* A keyed hash: the low bits choose the set, the upper half is the tag. */
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
