/*
 * Messages for the partitions of a topic. See destination_kafka.h.
 */
#include "destination_kafka.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "destination_encode.h"
#include "encode/text.h"

enum {
    IPFIX_HEADER_OCTETS = 16,
    IPFIX_LENGTH_AT = 2,
    TEMPLATE_SET = 2,
    PARTITIONS_MAX = 1 << 20, /* more cannot be a topic's */
};

/* MurmurHash2 with Kafka's seed. */
static uint32_t murmur2(const uint8_t *data, size_t octets)
{
    const uint32_t factor = 0x5bd1e995;
    uint32_t hash = 0x9747b28c ^ (uint32_t)octets;
    for (; octets >= 4; data += 4, octets -= 4) {
        uint32_t word;
        memcpy(&word, data, sizeof word);
        word = le32toh(word) * factor;
        word = (word ^ word >> 24) * factor;
        hash = hash * factor ^ word;
    }
    for (size_t i = octets; i-- > 0;)
        hash ^= (uint32_t)data[i] << 8 * i;
    if (octets)
        hash *= factor;
    hash = (hash ^ hash >> 13) * factor;
    return hash ^ hash >> 15;
}

uint32_t kafka_partition_of(uint64_t key, uint32_t count)
{
    char text[TEXT_U64_MAX];
    size_t octets = (size_t)(text_u64(text, key) - text);
    return (murmur2((const uint8_t *)text, octets) & INT32_MAX) % count;
}

int destination_kafka_init(struct destination *d, struct error *error)
{
    struct kafka_partitions *kafka = &d->kafka;
    kafka->partitioned = true;
    kafka->count = kafka->sequences_count = 1;
    kafka->sequences = calloc(1, sizeof *kafka->sequences);
    kafka->reserved = SET_HEADER_OCTETS;
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
        if (d->templates.kinds[kind].id)
            kafka->reserved +=
                template_definition_octets(d->config->version, &d->templates.kinds[kind]);
    if (kafka->sequences)
        return 0;
    error_set(error, "%s: not enough memory", d->config->name);
    return -1;
}

void destination_kafka_set_count(struct destination *d, uint32_t count)
{
    struct kafka_partitions *kafka = &d->kafka;
    if (!kafka->partitioned || count == 0 || (kafka->known && count == kafka->count))
        return;
    count = count > PARTITIONS_MAX ? PARTITIONS_MAX : count;
    if (count > kafka->sequences_count) {
        uint32_t *sequences = realloc(kafka->sequences, count * sizeof *sequences);
        if (!sequences) /* the partitions known by now will do */
            return;
        memset(sequences + kafka->sequences_count, 0,
               (count - kafka->sequences_count) * sizeof *sequences);
        kafka->sequences = sequences;
        kafka->sequences_count = count;
    }
    kafka->count = count;
    kafka->known = true;
}

/* The parked message I is the open one again. */
static void unpark(struct destination *d, uint32_t i)
{
    message_queue_unpark(&d->queue, i);
    d->builder = d->kafka.parked[i];
    d->kafka.parked[i] = d->kafka.parked[d->queue.parked_count];
    d->kafka.parked_for[i] = d->kafka.parked_for[d->queue.parked_count];
    d->kafka.current = d->queue.open->partition;
}

static uint32_t oldest_parked(const struct destination *d)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < d->queue.parked_count; i++)
        if (d->queue.parked[i].message->opened_ns < d->queue.parked[oldest].message->opened_ns)
            oldest = i;
    return oldest;
}

/* Leaves the current partition: no message is open. */
static void leave(struct destination *d)
{
    if (!d->queue.open)
        return;
    d->kafka.parked[d->queue.parked_count] = d->builder;
    d->kafka.parked_for[d->queue.parked_count] = d->kafka.current;
    message_queue_park(&d->queue);
}

/* Goes on with PARTITION: no message is open. */
static void resume(struct destination *d, uint32_t partition)
{
    for (uint32_t i = 0; i < d->queue.parked_count; i++) {
        if (d->kafka.parked_for[i] == partition) {
            unpark(d, i);
            return;
        }
    }
    /* One place stays free for the message that will be left next. */
    if (d->queue.parked_count == MESSAGE_QUEUE_PARKED_MAX) {
        unpark(d, oldest_parked(d));
        destination_close_message(d);
    }
    d->kafka.current = partition;
    d->builder.sequence = d->kafka.sequences[partition];
}

uint32_t destination_kafka_enter(struct destination *d, uint32_t partition)
{
    uint32_t before = d->kafka.current;
    if (!d->kafka.partitioned || partition == before)
        return before;
    leave(d);
    resume(d, partition);
    return before;
}

void destination_kafka_enter_flow(struct destination *d, uint64_t flow_id)
{
    if (d->kafka.partitioned)
        destination_kafka_enter(d, kafka_partition_of(flow_id, d->kafka.count));
}

void destination_kafka_begin_message(struct destination *d)
{
    d->builder.octets += d->kafka.reserved;
    d->queue.open->partition = d->kafka.current;
}

void destination_kafka_finish_message(struct destination *d, struct queued_message *message)
{
    uint8_t header[IPFIX_HEADER_OCTETS], *data = message->data;
    uint32_t body_at = IPFIX_HEADER_OCTETS + d->kafka.reserved, octets = IPFIX_HEADER_OCTETS;
    d->kafka.sequences[d->kafka.current] = d->builder.sequence;
    memcpy(header, data, sizeof header);
    if (message->templates) {
        struct message_builder front = {.version = d->config->version};
        message_begin(&front, data, body_at);
        message_set(&front, TEMPLATE_SET, true);
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
            if (message->templates & 1u << kind)
                message_put_template(&front, &d->templates.kinds[kind]);
        octets = message_finish(&front, 0);
    }
    memmove(data + octets, data + body_at, message->octets - body_at);
    message->octets -= body_at - octets;
    uint16_t length = htobe16((uint16_t)message->octets);
    memcpy(header + IPFIX_LENGTH_AT, &length, sizeof length);
    memcpy(data, header, sizeof header);
}

void destination_kafka_close_until(struct destination *d, uint64_t opened_ns)
{
    uint32_t partition = d->kafka.current;
    leave(d);
    while (d->queue.parked_count) {
        uint32_t oldest = oldest_parked(d);
        if (d->queue.parked[oldest].message->opened_ns > opened_ns)
            break;
        unpark(d, oldest);
        destination_close_message(d);
    }
    resume(d, partition);
}

uint64_t destination_kafka_oldest_ns(const struct destination *d)
{
    if (!d->queue.parked_count)
        return UINT64_MAX;
    return d->queue.parked[oldest_parked(d)].message->opened_ns;
}
