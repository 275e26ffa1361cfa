/* Packets on demand, and the same packets to the reference. */
#include "sim_source.h"

#include <string.h>

#include "base/check.h"

/* True if the worker will meter PACKET: the same decisions in the same order. */
static bool selected(struct sim_feed *feed, uint32_t wire_length, bool stranger,
                     const struct packet_facts *facts)
{
    if (wire_length < feed->wire_length_min)
        return false;
    bool sampled = feed->sampling_position == 0;
    if (feed->sampling > 1)
        feed->sampling_position = (feed->sampling_position + 1) % feed->sampling;
    if (!sampled || stranger)
        return false;
    return !prefix_set_holds(feed->ignore, &facts->key, 0) &&
           !prefix_set_holds(feed->ignore, &facts->key, 1);
}

/* Whether it cannot matter in any cache when it was swept. */
static bool is_safe(const struct sim_feed *feed, const struct flow_key *key, uint64_t time_ns)
{
    bool safe = reference_safe(feed->reference, key, time_ns, feed->known_ns);
    for (unsigned c = 0; c < feed->other_count; c++)
        safe &= reference_safe(feed->others[c], key, time_ns, feed->known_ns);
    return safe;
}

static void choose_time(struct sim_feed *feed, struct plain_packet *packet,
                        const struct packet_facts *facts)
{
    if (packet->time_ns < feed->known_ns)
        packet->time_ns = feed->traffic.now_ns = feed->known_ns;
    if (!random_chance(&feed->random, feed->late))
        return;
    uint64_t now = packet->time_ns;
    packet->time_ns -= random_below(&feed->random, 50000000);
    if (feed->late_anyhow)
        packet->time_ns -= random_below(&feed->random, 20) * 1000000000u;
    else if (!is_safe(feed, &facts->key, packet->time_ns))
        packet->time_ns = now;
}

/* Gives the frame of PACKET a number of its own where the IP header has room for it, and keeps it.
 */
static void keep_original(struct sim_feed *feed, struct frame *frame,
                          const struct plain_packet *packet)
{
    uint32_t number = ++feed->serial;
    struct sim_original *original = &feed->originals[number % SIM_ORIGINALS];
    unsigned between = packet->label_count;
    for (unsigned tag = 0; tag < 2; tag++)
        between += packet->vlan[tag] != 0;
    original->ip_offset = 14 + 4 * between;
    uint8_t *room = frame->data + original->ip_offset + (packet->family == 6 ? 2 : 4);
    room[0] = (uint8_t)(number >> 8);
    room[1] = (uint8_t)number;
    original->frame = *frame;
    original->ports = 0;
}

/* Now the last original may be copied. */
static void release_original(struct sim_feed *feed, uint64_t time_ns, uint16_t port)
{
    struct sim_original *original = &feed->originals[feed->serial % SIM_ORIGINALS];
    original->time_ns = time_ns;
    original->ports = 1u << port;
}

/* Makes packet I a copy of an original on another port, as a router would send it on: nobody may
 * meter it. False if there is none to copy. */
static bool make_copy(struct sim_source *source, struct packet_batch *batch, uint32_t i)
{
    struct sim_feed *feed = source->feed;
    struct random *random = &feed->random;
    struct sim_original *original = &feed->originals[random_below(random, SIM_ORIGINALS)];
    uint16_t port = (uint16_t)(source->base.interface_base + random_below(random, 2));
    uint64_t earliest = original->time_ns - feed->window_ns;
    if (!original->ports || original->ports >> port & 1 || feed->known_ns < earliest ||
        feed->known_ns > original->time_ns + feed->window_ns)
        return false;
    original->ports |= 1u << port;
    struct frame *frame = &source->frames[i];
    *frame = original->frame;
    uint8_t *ip = frame->data + original->ip_offset;
    memset(frame->data, (int)port, 12);
    if (ip[0] >> 4 == 4) {
        ip[1] ^= 0xb8;
        ip[8]--;
        ip[10] ^= 0x55;
    } else {
        ip[0] ^= 0x0b;
        ip[1] ^= 0x80;
        ip[7]--;
    }
    batch->data[i] = frame->data;
    batch->captured_length[i] = frame->captured_length;
    batch->wire_length[i] = frame->wire_length;
    batch->timestamp_ns[i] = earliest + random_below(random, 2 * feed->window_ns + 1);
    batch->port[i] = port;
    batch->link[i] = LINK_ETHERNET;
    if (batch->timestamp_ns[i] > feed->known_ns)
        feed->known_ns = batch->timestamp_ns[i];
    feed->observed++;
    feed->copied += frame->wire_length >= feed->wire_length_min;
    return true;
}

static void make_packet(struct sim_source *source, struct packet_batch *batch, uint32_t i)
{
    struct sim_feed *feed = source->feed;
    struct plain_packet packet;
    struct packet_facts facts;
    if (feed->copies && random_chance(&feed->random, feed->copies) && make_copy(source, batch, i))
        return;
    bool stranger = random_chance(&feed->random, feed->strangers);
    traffic_next(&feed->traffic, &packet);
    if (stranger) {
        frame_build_stranger(&source->frames[i],
                             (enum frame_stranger)random_below(&feed->random, STRANGER_KINDS));
        if (packet.time_ns < feed->known_ns)
            packet.time_ns = feed->known_ns;
    } else {
        frame_build(&source->frames[i], &packet);
        if (feed->copies)
            keep_original(feed, &source->frames[i], &packet);
        if (!feed->vlan_in_key)
            packet.vlan[0] = packet.vlan[1] = 0;
        plain_packet_facts(&packet, &facts);
        choose_time(feed, &packet, &facts);
    }
    batch->data[i] = source->frames[i].data;
    batch->captured_length[i] = source->frames[i].captured_length;
    batch->wire_length[i] = source->frames[i].wire_length;
    batch->timestamp_ns[i] = packet.time_ns;
    batch->port[i] = (uint16_t)(source->base.interface_base + packet.port % 2);
    batch->link[i] = LINK_ETHERNET;
    if (feed->copies && !stranger)
        release_original(feed, packet.time_ns, batch->port[i]);
    if (packet.time_ns > feed->known_ns)
        feed->known_ns = packet.time_ns;
    feed->observed++;
    if (!selected(feed, batch->wire_length[i], stranger, &facts))
        return;
    feed->metered++;
    reference_update(feed->reference, &facts, batch->data[i], packet.time_ns, batch->port[i]);
    for (unsigned c = 0; c < feed->other_count; c++)
        reference_update(feed->others[c], &facts, batch->data[i], packet.time_ns, batch->port[i]);
}

static enum receive_status receive(struct packet_source *base, struct packet_batch *batch)
{
    struct sim_source *source = (struct sim_source *)base;
    check(!source->outstanding);
    batch->count = 0;
    if (source->budget == 0)
        return source->ended ? RECEIVE_END : RECEIVE_IDLE;
    uint64_t count = random_between(&source->feed->random, 1, source->batch_max);
    if (count > source->budget)
        count = source->budget;
    uint64_t octets = 0;
    for (; batch->count < count; batch->count++) {
        make_packet(source, batch, batch->count);
        octets += batch->wire_length[batch->count];
    }
    source->budget -= count;
    source->outstanding = true;
    ledger_add(&base->ledger.observed, count, octets);
    return RECEIVE_PACKETS;
}

static void release(struct packet_source *base, struct packet_batch *batch)
{
    struct sim_source *source = (struct sim_source *)base;
    check(source->outstanding);
    source->outstanding = false;
    batch->count = 0;
    /* Nobody may look at them any more. */
    memset(source->frames, 0xdd, sizeof source->frames);
}

static void poll_device(struct packet_source *base)
{
    struct sim_source *source = (struct sim_source *)base;
    for (unsigned reason = 0; reason < DROPPED_COUNT; reason++) {
        uint64_t packets = source->device_losses[reason].packets;
        source->device_losses[reason].packets = 0;
        ledger_add(&base->ledger.dropped[reason], packets, 0);
        ledger_add(&base->ledger.observed, packets, 0);
    }
}

static void no_close(struct packet_source *base)
{
    (void)base;
}

void sim_source_init(struct sim_source *source, struct sim_feed *feed, unsigned number, bool live)
{
    static const struct packet_source_ops ops = {
        .receive = receive, .release = release, .poll_device = poll_device, .close = no_close};
    memset(source, 0, sizeof *source);
    source->base.ops = &ops;
    source->base.live = live;
    source->base.interface_base = (uint16_t)(number * 2);
    source->base.interface_count = 2;
    source->feed = feed;
    source->batch_max = PACKET_BATCH_MAX;
}
