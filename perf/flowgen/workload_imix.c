/*
 * The workload imix-100k: two-way conversations with Pareto sizes, TCP from SYN to FIN, UDP and
 * echo requests, IPv4 and IPv6, real first payloads, all interleaved. See workload.h.
 */
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "random.h"
#include "workload.h"

enum {
    CLIENTS = 8192,
    SERVERS = 4096,
    CLIENT_BASE = 0x0a000000,      /* 10/8 */
    SERVER_BASE = (int)0xac100000, /* 172.16/12 */
    TCP_PERCENT = 77,
    UDP_PERCENT = 21,
    IPV6_PERCENT = 16,
    HTTP_PORT = 80,
    TLS_PORT = 443,
    DNS_PORT = 53,
    TCP_CLOSED_PACKETS_MIN = 8, /* shorter conversations end without FIN */
    DNS_PACKETS_MAX = 6,        /* longer UDP conversations are not DNS */
};

/* What a conversation is, from the seed and its number alone. */
struct conversation {
    uint32_t number;
    bool ipv6;
    uint8_t protocol;
    uint32_t client;
    uint32_t server;
    uint16_t client_port;
    uint16_t server_port;
};

/* How far a conversation has come. */
struct progress {
    uint32_t sent;
    uint32_t sequence[2]; /* next TCP sequence number of client and server */
};

struct imix {
    uint32_t flows;
    uint32_t packets;
    uint32_t *sizes; /* packets of each conversation */
    struct progress *progress;
    uint8_t filler[FRAME_OCTETS_MAX];
};

/* Pareto weights (alpha 1, bounded), scaled so that the sum is exact and nobody has less than 2. */
static void draw_sizes(struct imix *imix, uint64_t seed)
{
    enum { STEPS = 1024 };
    uint64_t weights = 0;
    if (imix->flows == 0)
        return; /* the scale is larger than the workload */
    for (uint32_t i = 0; i < imix->flows; i++) {
        uint32_t u = 1 + random_below(mix64_of(seed, i, 10), STEPS);
        imix->sizes[i] = 1000 * STEPS / u;
        weights += imix->sizes[i];
    }
    uint64_t spare = imix->packets - 2 * (uint64_t)imix->flows;
    uint64_t given = 0;
    for (uint32_t i = 0; i < imix->flows; i++) {
        uint64_t share = spare * imix->sizes[i] / weights;
        imix->sizes[i] = 2 + (uint32_t)share;
        given += share;
    }
    for (uint32_t i = 0; given < spare; i = (i + 1) % imix->flows, given++)
        imix->sizes[i]++;
}

static struct conversation conversation_of(uint64_t seed, uint32_t number, uint32_t size)
{
    uint64_t random = mix64_of(seed, number, 11);
    uint32_t percent = random_below(random, 100);
    struct conversation it = {.number = number};
    it.ipv6 = random_below(random << 32, 100) < IPV6_PERCENT;
    it.client = (uint32_t)CLIENT_BASE + number % CLIENTS;
    it.server = (uint32_t)SERVER_BASE + random_below(mix64(random), SERVERS);
    it.client_port = (uint16_t)(1024 + number / CLIENTS); /* makes the key unique */
    if (percent < TCP_PERCENT) {
        it.protocol = PROTOCOL_TCP;
        it.server_port = (random & 3) == 0 ? HTTP_PORT : TLS_PORT;
    } else if (percent < TCP_PERCENT + UDP_PERCENT) {
        it.protocol = PROTOCOL_UDP;
        it.server_port = size <= DNS_PACKETS_MAX ? DNS_PORT : TLS_PORT;
    } else {
        it.protocol = it.ipv6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
        it.server = (uint32_t)SERVER_BASE + number; /* there is no port to tell them apart */
    }
    return it;
}

/* Frame sizes 60, 590 and 1514 as 7:4:1; never less than the headers need. */
static uint32_t draw_payload_octets(uint64_t random, const struct frame_plan *plan)
{
    uint32_t share = random_below(random, 12);
    uint32_t frame = share < 7 ? 60 : share < 11 ? 590 : 1514;
    uint32_t header = frame_header_octets(plan);
    return frame > header ? frame - header : 0;
}

/* TCP flags of packet INDEX of SIZE; opens, talks, closes. */
static uint8_t tcp_flags(uint32_t index, uint32_t size, uint32_t payload_octets)
{
    if (index < 2)
        return index == 0 ? TCP_SYN : TCP_SYN | TCP_ACK;
    bool closing = size >= TCP_CLOSED_PACKETS_MIN && index + 3 >= size;
    if (closing && index + 1 < size)
        return TCP_FIN | TCP_ACK;
    return payload_octets > 0 ? TCP_PSH | TCP_ACK : TCP_ACK;
}

/* Who sends packet INDEX: 0 the client, 1 the server. */
static unsigned sender_of(const struct conversation *it, uint64_t random, uint32_t index,
                          uint32_t size)
{
    bool alternating = it->server_port == DNS_PORT || it->protocol == PROTOCOL_ICMP ||
                       it->protocol == PROTOCOL_ICMP6;
    if (index < 2 || alternating)
        return index & 1;
    if (it->protocol == PROTOCOL_TCP) {
        if (index < 4)
            return 0; /* handshake's last ACK, then the request */
        if (size >= TCP_CLOSED_PACKETS_MIN && index + 3 >= size)
            return index + 2 == size; /* FIN, the server's FIN, last ACK */
    }
    return random % 3 != 0;
}

/* A handshake packet carries nothing, nor does a closing one. */
static bool is_bare(const struct conversation *it, uint32_t index, uint32_t size)
{
    return it->protocol == PROTOCOL_TCP &&
           (index < 3 || (size >= TCP_CLOSED_PACKETS_MIN && index + 3 >= size));
}

/* Real content where a conversation starts, filler elsewhere. */
static void choose_payload(const struct imix *imix, const struct conversation *it,
                           struct frame_plan *plan, uint32_t index, unsigned side, uint64_t random,
                           uint8_t buffer[static PAYLOAD_OCTETS_MAX])
{
    plan->payload = buffer;
    if (it->protocol == PROTOCOL_TCP && index == 3) {
        plan->payload_octets = it->server_port == HTTP_PORT
                                   ? payload_http_request(buffer, it->server % SERVERS)
                                   : payload_tls_client_hello(buffer, it->server % SERVERS);
    } else if (it->server_port == DNS_PORT) {
        plan->payload_octets = side == 0 ? payload_dns_query(buffer, it->server % SERVERS)
                                         : payload_dns_answer(buffer, it->server % SERVERS);
    } else {
        plan->payload = imix->filler;
        plan->payload_octets = draw_payload_octets(random, plan);
    }
}

static uint8_t echo_type(const struct conversation *it, unsigned side)
{
    if (it->ipv6)
        return side == 0 ? 128 : 129;
    return side == 0 ? 8 : 0;
}

static void emit_next(struct workload_run *run, struct imix *imix, uint32_t number,
                      uint64_t time_ns)
{
    struct progress *progress = &imix->progress[number];
    uint32_t index = progress->sent++;
    uint32_t size = imix->sizes[number];
    struct conversation it = conversation_of(run->seed, number, size);
    uint64_t random = mix64_of(run->seed, number, 12 + (uint64_t)index);
    unsigned side = sender_of(&it, random, index, size);
    struct frame_plan plan = {
        .ipv6 = it.ipv6,
        .protocol = it.protocol,
        .source = side == 0 ? it.client : it.server,
        .destination = side == 0 ? it.server : it.client,
        .source_port = side == 0 ? it.client_port : it.server_port,
        .destination_port = side == 0 ? it.server_port : it.client_port,
    };
    uint8_t buffer[PAYLOAD_OCTETS_MAX];
    if (!is_bare(&it, index, size))
        choose_payload(imix, &it, &plan, index, side, random, buffer);
    if (it.protocol == PROTOCOL_TCP) {
        plan.tcp_flags = tcp_flags(index, size, plan.payload_octets);
        plan.tcp_sequence = progress->sequence[side];
        plan.tcp_acknowledgment = progress->sequence[1 - side];
        progress->sequence[side] +=
            plan.payload_octets + ((plan.tcp_flags & (TCP_SYN | TCP_FIN)) != 0);
    } else if (it.protocol != PROTOCOL_UDP) {
        plan.icmp_type = echo_type(&it, side);
        plan.source_port = (uint16_t)number;
        plan.tcp_sequence = index / 2;
    }
    run->truth.uniflows += index < 2; /* the first packet of either side */
    workload_emit(run, &plan, time_ns);
}

bool generate_imix(struct workload_run *run, const struct workload *workload)
{
    struct imix *imix = calloc(1, sizeof *imix);
    if (imix == NULL)
        return false;
    imix->flows = workload->flows / run->scale;
    imix->packets = workload->packets / run->scale;
    imix->sizes = calloc(imix->flows, sizeof *imix->sizes);
    imix->progress = calloc(imix->flows, sizeof *imix->progress);
    bool done = imix->sizes != NULL && imix->progress != NULL;
    uint32_t *order = NULL;
    if (done) {
        for (uint32_t i = 0; i < sizeof imix->filler; i++)
            imix->filler[i] = (uint8_t)mix64(i);
        draw_sizes(imix, run->seed);
        order = workload_shuffle(run->seed, imix->packets, imix->flows, imix->sizes);
        done = order != NULL;
    }
    if (done) {
        uint64_t step_ns = workload->span_ns / imix->packets;
        for (uint32_t i = 0; i < imix->packets; i++)
            emit_next(run, imix, order[i], run->start_ns + step_ns * i);
        run->truth.biflows = imix->flows;
    }
    free(order);
    free(imix->progress);
    free(imix->sizes);
    free(imix);
    return done;
}
