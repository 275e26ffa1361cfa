/*
 * Whether the brokers of a topic can be reached. librdkafka tells of failures as they happen, but
 * of reachability only to who asks and waits; so a thread asks for the topic's metadata again and
 * again, and the exporter's thread, which never waits, looks at the last answer.
 *
 * Owned by a Kafka transport: created and destroyed on the control thread, read on the exporter's.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_KAFKA_WATCH_H
#define SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_KAFKA_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "base/error.h"

/* What the last answers say. */
struct kafka_answer {
    uint64_t asked;      /* questions so far */
    uint64_t unanswered; /* in a row, up to the last one */
    uint32_t partitions; /* of the topic, 0: there was no answer yet */
    struct error reason; /* why the last one was not answered, "" */
};

struct kafka_watch {
    rd_kafka_t *client;      /* not owned */
    rd_kafka_topic_t *topic; /* not owned */
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    bool stopping;
    struct kafka_answer answer;
};

/* Starts asking. The caller has blocked the signals that the thread must not take. 0, or -1 and
 * ERROR. */
int kafka_watch_start(struct kafka_watch *watch, rd_kafka_t *client, rd_kafka_topic_t *topic,
                      struct error *error);
/* Stops it; takes as long as an unanswered question may, one second. */
void kafka_watch_stop(struct kafka_watch *watch);
/* The answers by now. */
void kafka_watch_look(struct kafka_watch *watch, struct kafka_answer *answer);

#endif
