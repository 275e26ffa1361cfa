/*
 * A transport like Kafka's that keeps every message with its label and answers as the test wants.
 * The test owns it, and it outlives the process.
 */
#ifndef SPANFLOW_TESTS_FAKE_TOPIC_H
#define SPANFLOW_TESTS_FAKE_TOPIC_H

#include "exporting_process_hooks.h"

enum { FAKE_TOPIC_MESSAGES_MAX = 20000 };

struct fake_topic {
    uint32_t count; /* of messages handed over */
    struct transport_label labels[FAKE_TOPIC_MESSAGES_MAX];
    uint8_t *messages[FAKE_TOPIC_MESSAGES_MAX]; /* a 0 follows each */
    uint32_t octets[FAKE_TOPIC_MESSAGES_MAX];
    struct transport_label next[TRANSPORT_BURST_MAX];
    uint64_t take;                         /* messages still taken */
    struct transport_session session;      /* what step() tells; confirmed and failed once */
    bool arrived[FAKE_TOPIC_MESSAGES_MAX]; /* what abandon() tells */
    bool completed;
};

/* A new one with 4 partitions that takes everything in session 1. */
struct fake_topic *fake_topic_new(void);
void fake_topic_free(struct fake_topic *topic);
/* To be given to exporting_process_set_transport(). */
struct transport fake_topic_as(struct fake_topic *topic);
/* A destination of IPFIX messages whose records are flowId and octetDeltaCount. */
void fake_topic_config(struct destination_config *destination);
/* A big-endian number. */
uint64_t get64(const uint8_t *at);

#endif
