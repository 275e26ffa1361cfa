/*
 * The thread that asks for a topic's metadata. See transport_kafka_watch.h.
 */
#include "transport/transport_kafka_watch.h"

#include <string.h>
#include <time.h>

enum { ANSWER_MS = 1000, PAUSE_REACHED_MS = 1000, PAUSE_AWAY_MS = 50 };

/* One question, which may take ANSWER_MS. Fills in what ANSWER has of partitions and reason. */
static bool ask(const struct kafka_watch *watch, struct kafka_answer *answer)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t status =
        rd_kafka_metadata(watch->client, 0, watch->topic, &metadata, ANSWER_MS);
    answer->reason.text[0] = 0;
    if (status == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
        status = topic->err;
        if (status == RD_KAFKA_RESP_ERR_NO_ERROR && topic->partition_cnt > 0)
            answer->partitions = (uint32_t)topic->partition_cnt;
        else
            error_set(&answer->reason, "topic %.250s: %s", topic->topic,
                      status ? rd_kafka_err2str(status) : "it has no partitions");
    } else if (status == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(&answer->reason, "the brokers tell nothing of the topic");
    } else {
        error_set(&answer->reason, "%s", rd_kafka_err2str(status));
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    return !answer->reason.text[0];
}

/* Waits for MILLISECONDS or until the end; the lock is held. */
static void pause_questions(struct kafka_watch *watch, long milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int status = 0;
    while (!watch->stopping && status == 0)
        status = pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
}

static void *watch_main(void *argument)
{
    struct kafka_watch *watch = argument;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        struct kafka_answer answer = watch->answer;
        pthread_mutex_unlock(&watch->lock);
        bool answered = ask(watch, &answer);
        answer.asked++;
        answer.unanswered = answered ? 0 : answer.unanswered + 1;
        pthread_mutex_lock(&watch->lock);
        watch->answer = answer;
        pause_questions(watch, answered ? PAUSE_REACHED_MS : PAUSE_AWAY_MS);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

int kafka_watch_start(struct kafka_watch *watch, rd_kafka_t *client, rd_kafka_topic_t *topic,
                      struct error *error)
{
    memset(watch, 0, sizeof *watch);
    watch->client = client;
    watch->topic = topic;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int status = pthread_create(&watch->thread, NULL, watch_main, watch);
    if (status == 0)
        return 0;
    error_set(error, "no thread: %s", strerror(status));
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    return -1;
}

void kafka_watch_stop(struct kafka_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
}

void kafka_watch_look(struct kafka_watch *watch, struct kafka_answer *answer)
{
    pthread_mutex_lock(&watch->lock);
    *answer = watch->answer;
    pthread_mutex_unlock(&watch->lock);
}
