/*
 * Counting packets of known flows in the kernel: finds the flow of a packet in the table that the
 * probe filled (flow_counter.h tells how the two work together), adds it to the line of this CPU,
 * and says so. Everything else is delivered.
 *
 * The same code is compiled for the host by a test that plays the kernel. What differs between the
 * two is how an element is found; that comes first.
 */
#ifndef SPANFLOW_BPF_FLOW_COUNTER_BPF_H
#define SPANFLOW_BPF_FLOW_COUNTER_BPF_H

#include "flow_counter.h"
#include "flow_counter_parse.bpf.h"

#ifdef __bpf__

/* Sizes are set before the program is loaded. */
#define COUNTER_MAP(name, element)                                                                 \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                                          \
        __uint(map_flags, BPF_F_MMAPABLE);                                                         \
        __uint(max_entries, 1);                                                                    \
        __type(key, __u32);                                                                        \
        __type(value, struct element);                                                             \
    } name SEC(".maps")

COUNTER_MAP(counter_control, flow_counter_control);
COUNTER_MAP(counter_lines, flow_counter_line);
COUNTER_MAP(counter_addresses, flow_counter_addresses);
COUNTER_MAP(counter_totals, flow_counter_total);

const volatile struct flow_counter_geometry counter_geometry = {.slots = FLOW_COUNTER_WAYS,
                                                                .workers = 1};

/* The index, whose lower half is the key, fills a slot of the stack: without CAP_PERFMON the kernel
 * refuses to write a part of one where a pointer was kept before. */
#define COUNTER_AT(name, index)                                                                    \
    ({                                                                                             \
        __u64 counter_index = (index);                                                             \
        bpf_map_lookup_elem(&name, &counter_index);                                                \
    })
#define COUNTER_GEOMETRY (&counter_geometry) /* volatile: it is not the initial one */
#define COUNTER_CPU()    bpf_get_smp_processor_id()
/* Calls FUNCTION(0..TIMES-1, STATE) until it says 1. */
#define COUNTER_LOOP(times, function, state) bpf_loop(times, function, state, 0)
#define COUNTER_CLOCK()                      bpf_ktime_get_coarse_ns()
/* Without CAP_PERFMON the verifier also follows wrong guesses of branches, and loses count of how
 * often a loop was run. */
#define COUNTER_UNROLLED _Pragma("clang loop unroll(full)")

#endif

#ifndef COUNTER_UNROLLED
#define COUNTER_UNROLLED
#endif

enum { COUNTER_FIN_SYN_RST = 7 };

/* LINE counts for EPOCH from now on. */
COUNTER_INLINE void counter_begin(struct flow_counter_line *line, __u32 epoch)
{
    /* Word by word: clang 14 loses one of two assignments of a constant structure. */
    for (__u32 s = 0; s < 2; s++) {
        line->side[s].count = 0;
        line->side[s].last_ns = 0;
        line->tcp_flags[s] = 0;
        line->ttl_min[s] = 255;
        line->ttl_max[s] = 0;
    }
    line->epoch = epoch;
}

/* PACKET, of side S, is added to LINE. 0: it has no room. */
COUNTER_INLINE int counter_add(struct flow_counter_line *line,
                               const struct flow_counter_packet *packet, __u32 s)
{
    if (line->side[s].count >> SIDE_PACKET_BIT == SIDE_PACKET_MAX)
        return 0;
    line->side[s].count += ((__u64)1 << SIDE_PACKET_BIT) + packet->octets;
    line->side[s].last_ns = COUNTER_CLOCK();
    line->tcp_flags[s] |= packet->tcp_flags;
    if (packet->ttl < line->ttl_min[s])
        line->ttl_min[s] = packet->ttl;
    if (packet->ttl > line->ttl_max[s])
        line->ttl_max[s] = packet->ttl;
    return 1;
}

/* Whether SLOT, whose LINE was in STATE, is that of KEY. */
COUNTER_INLINE int counter_is_of(const struct flow_counter_line *line, __u8 state, __u32 slot,
                                 const struct flow_counter_key *key)
{
    if (!(state & SLOT_ACTIVE) || line->head[0] != key->head[0] || line->head[1] != key->head[1])
        return 0;
    if (!(state & SLOT_IPV6))
        return key->family == 4;
    const struct flow_counter_addresses *whole = COUNTER_AT(counter_addresses, slot);
    return whole && key->family == 6 && whole->word[0] == key->address[0] &&
           whole->word[1] == key->address[1] && whole->word[2] == key->address[2] &&
           whole->word[3] == key->address[3];
}

/* What a run of the program knows of the slot of its packet. */
struct counter_place {
    struct flow_counter_line *line;
    __u32 slot;
    __u8 state;
};

/* The slot of KEY, whose lines are in the part that begins at BASE. 0: it has none. */
COUNTER_INLINE int counter_find(const struct flow_counter_key *key, __u32 base,
                                struct counter_place *place)
{
    const volatile struct flow_counter_geometry *geometry = COUNTER_GEOMETRY;
    const __u64 secret[4] = {geometry->secret[0], geometry->secret[1], geometry->secret[2],
                             geometry->secret[3]};
    __u64 hash = flow_counter_hash(key, secret);
    __u32 others = 1;
    COUNTER_UNROLLED
    for (__u32 n = 0; n < FLOW_COUNTER_WAYS; n++) {
        if (!(others >> n & 1))
            continue;
        place->slot = flow_counter_slot(geometry, hash, n);
        place->line = COUNTER_AT(counter_lines, base + place->slot);
        if (!place->line)
            return 0;
        place->state = *(const volatile __u8 *)&place->line->state;
        if (counter_is_of(place->line, place->state, place->slot, key))
            return 1;
        if (n == 0)
            others = *(const volatile __u16 *)&place->line->others;
    }
    return 0;
}

/* The slot in STATE (its number) is not counted any more by the CPU and bank PART. */
static long counter_close_part(__u32 part, void *state)
{
    __u32 slot = *(const __u32 *)state;
    struct flow_counter_line *line =
        COUNTER_AT(counter_lines, part * COUNTER_GEOMETRY->slots + slot);
    if (line)
        *(volatile __u8 *)&line->state = 0;
    return 0;
}

/* Counts PACKET, whose frame has OCTETS. 0: it is to be delivered. */
COUNTER_INLINE int counter_count(const struct flow_counter_packet *packet, __u64 octets)
{
    const volatile struct flow_counter_geometry *geometry = COUNTER_GEOMETRY;
    const struct flow_counter_control *control = COUNTER_AT(counter_control, 0);
    if (!control)
        return 0;
    /* Before the slot's state: see flow_counter.h. */
    __u32 epoch = *(const volatile __u32 *)&control->epoch;
    __u32 cpu = COUNTER_CPU(), bank = epoch & 1;
    struct counter_place place;
    if (!counter_find(&packet->key, flow_counter_line_index(geometry, cpu, bank, 0), &place))
        return 0;
    if (packet->tcp_flags & COUNTER_FIN_SYN_RST) {
        COUNTER_LOOP(geometry->cpus * FLOW_COUNTER_BANKS, counter_close_part, &place.slot);
        return 0;
    }
    if (!(place.state >> SLOT_SIDES_BIT >> packet->side & 1))
        return 0;
    struct flow_counter_total *total = COUNTER_AT(
        counter_totals, flow_counter_total_index(geometry, cpu, bank, place.line->worker));
    if (!total)
        return 0;
    if (place.line->epoch != epoch)
        counter_begin(place.line, epoch);
    if (!(packet->side ? counter_add(place.line, packet, 1) : counter_add(place.line, packet, 0)))
        return 0;
    total->metered_packets++;
    total->metered_octets += packet->octets;
    total->metered_frame_octets += octets;
    /* The verdict. */
    total->counted_packets++;
    total->counted_octets += octets;
    return 1;
}

#ifdef __bpf__
/* True if the packet of CONTEXT, OCTETS long on the wire, was counted in the entry of its flow and
 * is not to be delivered. Called only with flow_counting set, before anything else became of it. */
static __always_inline bool flow_counter_try(struct xdp_md *context, __u64 octets)
{
    struct flow_counter_packet packet;
    const __u8 *data = (const __u8 *)(long)context->data;
    const __u8 *end = (const __u8 *)(long)context->data_end;
    return flow_counter_parse(data, end, octets, counter_geometry.vlan_mask, &packet) &&
           counter_count(&packet, octets);
}
#endif

#endif
