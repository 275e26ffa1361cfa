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
COUNTER_MAP(counter_sets, flow_counter_set);
COUNTER_MAP(counter_keys, flow_counter_key);
COUNTER_MAP(counter_lines, flow_counter_line);
COUNTER_MAP(counter_totals, flow_counter_total);

const volatile struct flow_counter_geometry counter_geometry = {.slots = FLOW_COUNTER_WAYS,
                                                                .workers = 1};

#define COUNTER_AT(name, index)                                                                    \
    ({                                                                                             \
        __u32 counter_index = (index);                                                             \
        bpf_map_lookup_elem(&name, &counter_index);                                                \
    })
#define COUNTER_GEOMETRY (&counter_geometry) /* volatile: it is not the initial one */
#define COUNTER_CPU()    bpf_get_smp_processor_id()
#define COUNTER_CLOCK()  bpf_ktime_get_coarse_ns()

#endif

enum { COUNTER_FIN_SYN_RST = 7 };

/* The packet in the line of its CPU, epoch and slot. */
COUNTER_INLINE void counter_add(struct flow_counter_line *line,
                                const struct flow_counter_packet *packet, __u32 generation,
                                __u32 epoch)
{
    if (line->generation != generation || line->epoch != epoch) {
        /* Word by word: clang 14 loses one of two assignments of a constant structure. */
        for (__u32 s = 0; s < 2; s++) {
            line->side[s].octets = 0;
            line->side[s].last_ns = 0;
            line->side[s].packets = 0;
            line->side[s].tcp_flags = 0;
            line->side[s].ttl_min = 255;
            line->side[s].ttl_max = 0;
        }
        line->generation = generation;
        line->epoch = epoch;
    }
    struct flow_counter_side *side = packet->side ? &line->side[1] : &line->side[0];
    side->octets += packet->octets;
    side->packets++;
    side->last_ns = COUNTER_CLOCK();
    side->tcp_flags |= packet->tcp_flags;
    if (packet->ttl < side->ttl_min)
        side->ttl_min = packet->ttl;
    if (packet->ttl > side->ttl_max)
        side->ttl_max = packet->ttl;
}

COUNTER_INLINE int counter_same_key(const struct flow_counter_key *key,
                                    const struct flow_counter_packet *packet)
{
    const struct flow_counter_key *other = &packet->key;
    return key->head[0] == other->head[0] && key->head[1] == other->head[1] &&
           key->family == other->family && key->address[0] == other->address[0] &&
           key->address[1] == other->address[1] && key->address[2] == other->address[2] &&
           key->address[3] == other->address[3];
}

/* The place in SET of the active slot that has TAG, and its word; FLOW_COUNTER_WAYS: none. */
COUNTER_INLINE __u32 counter_find(const struct flow_counter_set *set, __u32 tag, __u64 *word)
{
    for (__u32 way = 0; way < FLOW_COUNTER_WAYS; way++) {
        __u64 found = *(const volatile __u64 *)&set->word[way];
        if (found >> SLOT_TAG_BIT == tag && (found & SLOT_STATE_MASK) == SLOT_ACTIVE) {
            *word = found;
            return way;
        }
    }
    return FLOW_COUNTER_WAYS;
}

/* Counts PACKET, whose frame has OCTETS. 0: it is to be delivered. */
COUNTER_INLINE int counter_count(const struct flow_counter_packet *packet, __u64 octets)
{
    const volatile struct flow_counter_geometry *geometry = COUNTER_GEOMETRY;
    const struct flow_counter_control *control = COUNTER_AT(counter_control, 0);
    if (!control)
        return 0;
    /* Before the slot's word: see flow_counter.h. */
    __u32 epoch = *(const volatile __u32 *)&control->epoch;
    const __u64 secret[4] = {geometry->secret[0], geometry->secret[1], geometry->secret[2],
                             geometry->secret[3]};
    __u64 hash = flow_counter_hash(&packet->key, secret);
    __u32 number = (__u32)hash & (geometry->slots / FLOW_COUNTER_WAYS - 1);
    const struct flow_counter_set *set = COUNTER_AT(counter_sets, number);
    if (!set)
        return 0;
    __u64 word = 0;
    __u32 way = counter_find(set, (__u32)(hash >> SLOT_TAG_BIT), &word);
    if (way == FLOW_COUNTER_WAYS)
        return 0;
    __u32 slot = number * FLOW_COUNTER_WAYS + way;
    struct flow_counter_key *key = COUNTER_AT(counter_keys, slot);
    if (!key || !counter_same_key(key, packet))
        return 0;
    if (packet->tcp_flags & COUNTER_FIN_SYN_RST) {
        *(volatile __u8 *)&key->closing = 1;
        return 0;
    }
    if (*(const volatile __u8 *)&key->closing || !(key->sides >> packet->side & 1))
        return 0;
    __u32 cpu = COUNTER_CPU(), bank = epoch & 1;
    struct flow_counter_total *total =
        COUNTER_AT(counter_totals, flow_counter_total_index(geometry, cpu, bank, key->worker));
    struct flow_counter_line *line =
        COUNTER_AT(counter_lines, flow_counter_line_index(geometry, cpu, bank, slot));
    if (!total || !line)
        return 0;
    counter_add(line, packet, (__u32)word >> SLOT_GENERATION_BIT, epoch);
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
