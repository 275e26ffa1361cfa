/*
 * The workloads of small frames, and what all workloads share: see workload.h. Everything about a
 * flow is a function of the seed and its number, so no flow needs memory.
 */
#include <stdlib.h>

#include "random.h"
#include "workload.h"

const struct workload workloads[] = {
    {"imix-100k", "100,000 two-way conversations, 7:4:1 of 60, 590 and 1514 octets", 5000000,
     100000, 60000000000, generate_imix},
    {"small64-1m", "1,000,000 one-way flows of 8 frames of 60 octets, shuffled", 8000000, 1000000,
     8000000000, generate_small64},
    {"synflood", "4,000,000 SYNs, every source distinct", 4000000, 4000000, 4000000000,
     generate_synflood},
    {"xorhash-60k", "60,000 SYNs whose source address and port cancel out in a xor", 60000, 60000,
     1000000000, generate_xorhash},
    {"random-60k", "60,000 SYNs with random keys: the twin of xorhash-60k", 60000, 60000,
     1000000000, generate_random_keys},
    {0},
};

enum { SERVER_ADDRESS = 0xc6120050 }; /* 198.18.0.80, from the range for benchmarks */

static void count_packet(struct workload_truth *truth, const struct frame_plan *plan,
                         struct frame_size size, uint64_t time_ns)
{
    truth->packets++;
    truth->frame_octets += size.frame_octets;
    truth->ip_octets += size.ip_octets;
    truth->ipv6_packets += plan->ipv6;
    truth->tcp_packets += plan->protocol == PROTOCOL_TCP;
    truth->udp_packets += plan->protocol == PROTOCOL_UDP;
    truth->icmp_packets += plan->protocol == PROTOCOL_ICMP || plan->protocol == PROTOCOL_ICMP6;
    if (truth->packets == 1)
        truth->first_ns = time_ns;
    truth->last_ns = time_ns;
}

void workload_emit(struct workload_run *run, const struct frame_plan *plan, uint64_t time_ns)
{
    uint64_t resolution_ns = run->writer->nanoseconds ? 1 : 1000;
    time_ns -= time_ns % resolution_ns;
    uint8_t *frame = capture_writer_room(run->writer, FRAME_OCTETS_MAX);
    struct frame_size size = frame_build(frame, plan);
    capture_writer_add(run->writer, time_ns, size.frame_octets);
    count_packet(&run->truth, plan, size, time_ns);
}

uint32_t *workload_shuffle(uint64_t seed, uint32_t n, uint32_t flows, const uint32_t *counts)
{
    uint32_t *order = calloc(n, sizeof *order);
    if (order == NULL)
        return NULL;
    uint32_t used = 0;
    for (uint32_t flow = 0; flow < flows; flow++)
        for (uint32_t i = 0; i < (counts != NULL ? counts[flow] : n / flows); i++)
            order[used++] = flow;
    uint64_t state = mix64(seed ^ 0x5348554646u);
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t other = random_below(random_next(&state), i + 1);
        uint32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    return order;
}

/* A bijection of the 32-bit numbers. */
static uint32_t permute32(uint64_t seed, uint32_t value)
{
    uint64_t key = mix64(seed);
    value ^= (uint32_t)key;
    for (int round = 0; round < 3; round++) {
        value *= 0x9e3779b1u;
        value ^= value >> 15;
        value += (uint32_t)(key >> 32);
    }
    return value;
}

uint32_t workload_distinct_address(uint64_t seed, uint32_t index)
{
    /* Walk the cycle until a unicast address is met: still one to one. */
    uint32_t address = 0x01000000u + index;
    do {
        address = permute32(seed, address);
    } while (address >> 24 == 0 || address >> 24 == 127 || address >> 24 >= 224);
    return address;
}

static uint64_t packet_time(const struct workload_run *run, const struct workload *workload,
                            uint32_t packet, uint32_t packets)
{
    return run->start_ns + workload->span_ns / packets * packet;
}

bool generate_small64(struct workload_run *run, const struct workload *workload)
{
    static const uint8_t payload[18] = "spanflow small64.";
    uint32_t flows = workload->flows / run->scale;
    uint32_t packets = flows * (workload->packets / workload->flows);
    uint32_t *order = workload_shuffle(run->seed, packets, flows, NULL);
    if (order == NULL)
        return false;
    for (uint32_t i = 0; i < packets; i++) {
        uint64_t random = mix64_of(run->seed, order[i], 1);
        bool tcp = (random & 1) != 0;
        struct frame_plan plan = {
            .protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP,
            .tcp_flags = TCP_ACK | TCP_PSH,
            .source = 0x0a000000u + order[i], /* one flow for each address of 10/8 */
            .destination = 0xc6120000u + (uint32_t)(random >> 48),
            .source_port = (uint16_t)(1024 + random_below(random, 60000)),
            .destination_port = tcp ? 443 : 53,
            .tcp_sequence = i,
            .payload = payload,
            .payload_octets = tcp ? 6 : 18, /* 46 octets of IP either way */
        };
        workload_emit(run, &plan, packet_time(run, workload, i, packets));
    }
    free(order);
    run->truth.uniflows = run->truth.biflows = flows;
    return true;
}

static struct frame_plan syn_plan(uint32_t source, uint16_t source_port, uint32_t sequence)
{
    return (struct frame_plan){
        .protocol = PROTOCOL_TCP,
        .tcp_flags = TCP_SYN,
        .source = source,
        .destination = SERVER_ADDRESS,
        .source_port = source_port,
        .destination_port = 80,
        .tcp_sequence = sequence,
    };
}

bool generate_synflood(struct workload_run *run, const struct workload *workload)
{
    uint32_t packets = workload->packets / run->scale;
    for (uint32_t i = 0; i < packets; i++) {
        uint64_t random = mix64_of(run->seed, i, 2);
        struct frame_plan plan =
            syn_plan(workload_distinct_address(run->seed, i),
                     (uint16_t)(1024 + random_below(random, 64000)), (uint32_t)random);
        workload_emit(run, &plan, packet_time(run, workload, i, packets));
    }
    run->truth.uniflows = run->truth.biflows = packets;
    return true;
}

bool generate_xorhash(struct workload_run *run, const struct workload *workload)
{
    uint32_t packets = workload->packets / run->scale;
    for (uint32_t i = 0; i < packets; i++) {
        uint32_t port = 1 + i;
        /* (port << 16) xor address is the same number in every packet. */
        struct frame_plan plan = syn_plan(0x0a0a0a0au ^ port << 16, (uint16_t)port, i);
        workload_emit(run, &plan, packet_time(run, workload, i, packets));
    }
    run->truth.uniflows = run->truth.biflows = packets;
    return true;
}

bool generate_random_keys(struct workload_run *run, const struct workload *workload)
{
    uint32_t packets = workload->packets / run->scale;
    for (uint32_t i = 0; i < packets; i++) {
        uint64_t random = mix64_of(run->seed, i, 3);
        struct frame_plan plan = syn_plan(workload_distinct_address(run->seed, i),
                                          (uint16_t)(1 + random_below(random, 65535)), i);
        workload_emit(run, &plan, packet_time(run, workload, i, packets));
    }
    run->truth.uniflows = run->truth.biflows = packets;
    return true;
}
