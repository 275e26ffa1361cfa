/* Seeded conversations and their packets. */
#include "sim/traffic.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { OCTETS_HUGE = 1 << 30 };

struct conversation {
    struct plain_packet model; /* as its initiator sends it */
    uint32_t sequence[2];
    uint8_t stage; /* TCP: packets of the handshake that were sent; then open, then closing */
    uint8_t finished[2];
};

static void random_address(struct random *random, uint8_t address[16], uint8_t family)
{
    memset(address, 0, 16);
    for (unsigned i = 0; i < (family == 6 ? 16u : 4u); i++)
        address[i] = (uint8_t)random_next(random);
    if (random_chance(random, 50)) /* neighbours, so that keys differ in few bits */
        memset(address, 10, family == 6 ? 14 : 2);
}

static void choose_ports(struct random *random, struct plain_packet *p)
{
    static const uint8_t protocols[TALK_KINDS] = {6, 17, 132, 1, 47, 17, 6};
    p->protocol = protocols[p->kind];
    if (p->kind == TALK_ICMP) {
        p->protocol = p->family == 6 ? 58 : 1;
        p->destination_port = (uint16_t)(random_below(random, 16) * 256 + random_below(random, 3));
    } else if (p->kind != TALK_GRE && p->kind != TALK_FRAGMENT) {
        p->source_port = (uint16_t)random_between(random, 1024, 65535);
        p->destination_port = (uint16_t)random_between(random, 1, 1023);
    }
    if (p->kind == TALK_SELF) {
        memcpy(p->destination, p->source, 16);
        p->destination_port = p->source_port;
    }
}

static void make_conversation(struct traffic *traffic, struct conversation *talk)
{
    struct random *random = &traffic->random;
    const struct traffic_config *config = &traffic->config;
    struct plain_packet *p = &talk->model;
    p->family = random_chance(random, config->ipv6) ? 6 : 4;
    random_address(random, p->source, p->family);
    random_address(random, p->destination, p->family);
    do
        p->kind = (uint8_t)random_below(random, TALK_KINDS);
    while (!(config->kinds >> p->kind & 1));
    choose_ports(random, p);
    for (unsigned i = 0; i < sizeof p->macs; i++)
        p->macs[i] = (uint8_t)random_next(random);
    p->macs[0] &= 0xfe;
    p->macs[6] &= 0xfe;
    p->ttl = (uint8_t)random_between(random, 1, 255);
    p->port = (uint16_t)random_below(random, 4);
    if (random_chance(random, config->vlan)) {
        p->vlan[0] = (uint16_t)random_between(random, 1, 4094);
        p->vlan[1] = (uint16_t)(random_chance(random, 50) ? random_between(random, 1, 4094) : 0);
    }
    if (random_chance(random, config->labels)) {
        p->label_count = (uint8_t)random_between(random, 1, 3);
        for (unsigned i = 0; i < p->label_count; i++) {
            uint32_t label = (uint32_t)random_between(random, 16, 1048575);
            p->labels[i][0] = (uint8_t)(label >> 12);
            p->labels[i][1] = (uint8_t)(label >> 4);
            p->labels[i][2] = (uint8_t)(label << 4 | (i + 1u == p->label_count));
        }
    }
    talk->sequence[0] = (uint32_t)random_next(random);
    talk->sequence[1] = (uint32_t)random_next(random);
    if (random_chance(random, 10))
        talk->stage = 3; /* seen from the middle */
}

void traffic_open(struct traffic *traffic, const struct traffic_config *config, uint64_t seed)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->config = *config;
    traffic->random.state = seed;
    traffic->now_ns = config->start_ns;
    traffic->conversations = calloc(config->conversations, sizeof(struct conversation));
    check(traffic->conversations != NULL && config->kinds != 0);
    for (uint32_t i = 0; i < config->conversations; i++)
        make_conversation(traffic, &traffic->conversations[i]);
}

void traffic_close(struct traffic *traffic)
{
    free(traffic->conversations);
    traffic->conversations = NULL;
}

static void swap_ends(struct plain_packet *p)
{
    uint8_t address[16];
    memcpy(address, p->source, 16);
    memcpy(p->source, p->destination, 16);
    memcpy(p->destination, address, 16);
    if (p->kind != TALK_ICMP) {
        uint16_t port = p->source_port;
        p->source_port = p->destination_port;
        p->destination_port = port;
    }
    uint8_t mac[6];
    memcpy(mac, p->macs, 6);
    memcpy(p->macs, p->macs + 6, 6);
    memcpy(p->macs + 6, mac, 6);
}

/* Flags and numbers of the next segment: mostly a sound connection, sometimes not. */
static unsigned next_segment(struct random *random, struct conversation *talk,
                             struct plain_packet *p)
{
    unsigned side = (unsigned)random_below(random, 2);
    if (talk->stage < 3) { /* SYN, SYN+ACK, ACK */
        side = talk->stage == 1;
        p->tcp_flags = (uint8_t)(talk->stage == 0 ? SYN : talk->stage == 1 ? SYN | ACK : ACK);
        talk->stage++;
        if (random_chance(random, 3))
            p->payload = 100; /* data with the SYN */
    } else {
        p->tcp_flags = ACK;
        p->payload = random_chance(random, 60) ? (uint32_t)random_below(random, 1400) : 0;
        if (p->payload)
            p->tcp_flags |= PSH;
        if (!talk->finished[side] && random_chance(random, talk->finished[1 - side] ? 40 : 8)) {
            p->tcp_flags |= FIN;
            talk->finished[side] = 1;
        }
        if (random_chance(random, 2))
            p->tcp_flags = (uint8_t)(random_chance(random, 50) ? RST : RST | ACK);
        if (random_chance(random, 2))
            p->tcp_flags = (uint8_t)random_next(random); /* nonsense */
    }
    p->sequence = talk->sequence[side];
    p->acknowledgement = talk->sequence[1 - side];
    if (random_chance(random, 5)) /* seen again, or an old acknowledgement */
        p->sequence -= (uint32_t)random_below(random, 3000);
    else
        talk->sequence[side] +=
            p->payload + (p->tcp_flags & SYN ? 1 : 0) + (p->tcp_flags & FIN ? 1 : 0);
    if (random_chance(random, 5))
        p->acknowledgement -= (uint32_t)random_below(random, 3000);
    bool over = talk->finished[0] && talk->finished[1];
    if ((over || (p->tcp_flags & RST)) && random_chance(random, 25)) {
        talk->stage = 0; /* the ports are used again */
        talk->finished[0] = talk->finished[1] = 0;
    }
    return side;
}

static void advance_clock(struct traffic *traffic)
{
    struct random *random = &traffic->random;
    const struct traffic_config *config = &traffic->config;
    if (random_below(random, 10000) < config->edge) {
        uint64_t jump = config->edges[random_below(random, 3)];
        static const int64_t offsets[] = {0, 0, 1, -1, 1000000, -1000000, 1000000000};
        int64_t offset = offsets[random_below(random, 7)];
        if (offset >= 0 || jump > (uint64_t)-offset)
            traffic->now_ns += jump + (uint64_t)offset;
        else
            traffic->now_ns += jump;
        if (random_chance(random, 10))
            traffic->now_ns += jump * random_below(random, 5);
    } else if (!random_chance(random, 20)) {
        traffic->now_ns += random_below(random, 2 * config->step_ns + 1);
    }
}

static struct conversation *choose(struct traffic *traffic)
{
    uint64_t count = traffic->config.conversations;
    uint64_t number = random_below(&traffic->random, count);
    for (unsigned i = 0; i < traffic->config.skew; i++)
        number = number * random_below(&traffic->random, count) / count;
    return &traffic->conversations[number];
}

void traffic_next(struct traffic *traffic, struct plain_packet *packet)
{
    struct random *random = &traffic->random;
    advance_clock(traffic);
    struct conversation *talk = choose(traffic);
    struct plain_packet *p = packet;
    *p = talk->model;
    p->time_ns = traffic->now_ns;
    p->payload = (uint32_t)random_below(random, 1400);
    unsigned side = 0;
    unsigned header = 8;
    if (p->protocol == 6) {
        p->payload = 0;
        side = next_segment(random, talk, p);
        header = 20;
    } else if (p->kind != TALK_ICMP) {
        side = random_chance(random, 30);
        header = p->kind == TALK_SCTP ? 12 : p->kind == TALK_GRE ? 4 : 8;
    }
    if (p->kind == TALK_FRAGMENT)
        header = 0;
    if (side)
        swap_ends(p);
    if (random_chance(random, 10))
        p->tos = (uint8_t)random_next(random);
    if (random_chance(random, 5))
        p->ttl = (uint8_t)random_between(random, 1, 255);
    if (random_chance(random, 2))
        p->port = (uint16_t)random_below(random, 4);
    unsigned network = p->family == 6 ? 40 : 20;
    if (p->family == 6 && p->kind == TALK_FRAGMENT)
        network += 8;
    p->ip_octets = network + header + p->payload;
    if (traffic->config.huge_octets && random_chance(random, 50))
        p->ip_octets = random_chance(random, 50) ? (1ull << 32) + 39 : OCTETS_HUGE;
}

void plain_packet_facts(const struct plain_packet *p, struct packet_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    uint16_t source_port = htons(p->source_port);
    uint16_t destination_port = htons(p->destination_port);
    if (p->family == 6) {
        facts->side =
            (uint8_t)flow_key_make6(&facts->key, p->source, p->destination, source_port,
                                    destination_port, p->protocol, p->vlan[0], p->vlan[1]);
    } else {
        uint32_t source;
        uint32_t destination;
        memcpy(&source, p->source, 4);
        memcpy(&destination, p->destination, 4);
        facts->side =
            (uint8_t)flow_key_make4(&facts->key, source, destination, source_port, destination_port,
                                    p->protocol, p->vlan[0], p->vlan[1]);
    }
    facts->ip_octets = p->ip_octets;
    facts->verdict = PACKET_METERED;
    facts->tos = p->tos;
    facts->ttl = p->ttl;
    facts->facts = PACKET_FACT_MACS;
    facts->vlan[0] = p->vlan[0];
    facts->vlan[1] = p->vlan[1];
    facts->label_count = p->label_count;
    memcpy(facts->labels, p->labels, sizeof facts->labels);
    if (p->kind == TALK_FRAGMENT)
        facts->facts |= PACKET_FACT_LATER_FRAGMENT;
    if (p->protocol == 6) {
        facts->facts |= PACKET_FACT_TCP;
        facts->tcp_flags = p->tcp_flags;
        facts->tcp_sequence = p->sequence;
        facts->tcp_acknowledgement = p->acknowledgement;
        facts->tcp_payload_length = p->payload;
    }
}
