/*
 * What a topic of Kafka adds to a destination: each record of a JSON destination is a message of
 * its own; each IPFIX message is complete in itself (the templates of its records stand first) and
 * holds records of one partition only, chosen by flowId. So several messages are under
 * construction, one for each partition (of more than 128 the oldest makes room), and each partition
 * counts its data records by itself: it is a stream with sequence numbers of its own (RFC 7011
 * section 3.1), which start at 0 with the process and which a message keeps when it has to be sent
 * again.
 *
 * Used by the halves of a destination, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_KAFKA_H
#define SPANFLOW_EXPORTER_DESTINATION_KAFKA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "encode/message.h"
#include "encode/message_queue.h"

struct destination;

/* Of IPFIX in Kafka only. */
struct kafka_partitions {
    bool partitioned;         /* it is IPFIX in Kafka */
    bool known;               /* the topic's number of partitions is */
    uint32_t count;           /* of partitions; 1 until it is known */
    uint32_t current;         /* which the destination's builder writes for */
    uint32_t sequences_count; /* of the next field */
    uint32_t *sequences;      /* next sequence number of each partition; owned */
    uint32_t reserved;        /* octets in front of a message, for its templates */
    /* Of the queue's parked messages, by the same index. */
    uint32_t parked_for[MESSAGE_QUEUE_PARKED_MAX]; /* partition */
    struct message_builder parked[MESSAGE_QUEUE_PARKED_MAX];
};

/* The partition of KEY's records among COUNT, as Kafka's own clients choose it for the key in
 * decimal digits: murmur2 of these. */
uint32_t kafka_partition_of(uint64_t key, uint32_t count);

/* Sets up a destination that is IPFIX in Kafka; its templates have their ids. 0, or -1 and ERROR.
 */
int destination_kafka_init(struct destination *destination, struct error *error);
/* The topic has COUNT partitions. */
void destination_kafka_set_count(struct destination *destination, uint32_t count);
/* From now on messages are for PARTITION; the message that was open for another stays so. Returns
 * the partition before. No effect (and 0) for other kinds. */
uint32_t destination_kafka_enter(struct destination *destination, uint32_t partition);
/* The same for the partition of the records with this flowId. */
void destination_kafka_enter_flow(struct destination *destination, uint64_t flow_id);
/* A message was begun: leaves room for templates. */
void destination_kafka_begin_message(struct destination *destination);
/* MESSAGE is complete but for its templates: puts those of its records in front. */
void destination_kafka_finish_message(struct destination *destination,
                                      struct queued_message *message);
/* Closes every message under construction that was opened until OPENED_NS. */
void destination_kafka_close_until(struct destination *destination, uint64_t opened_ns);
/* Monotonic time at which the oldest parked message was opened; UINT64_MAX: none. */
uint64_t destination_kafka_oldest_ns(const struct destination *destination);

#endif
