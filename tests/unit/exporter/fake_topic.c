/* A topic that keeps what it is offered. See fake_topic.h. */
#include "fake_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "element/element.h"
#include "fake_transport.h"

static void topic_label(void *state, const struct transport_label *labels, uint32_t count)
{
    struct fake_topic *topic = state;
    memcpy(topic->next, labels, count * sizeof *labels);
}

static enum transport_status topic_send(void *state, const struct iovec *messages, uint32_t count,
                                        uint32_t *sent, struct error *error)
{
    struct fake_topic *topic = state;
    (void)error;
    for (*sent = 0; *sent < count; (*sent)++) {
        if (topic->take == 0)
            return TRANSPORT_AGAIN;
        topic->take--;
        assert_true(topic->count < FAKE_TOPIC_MESSAGES_MAX);
        size_t octets = messages[*sent].iov_len;
        uint8_t *copy = malloc(octets + 1);
        assert_non_null(copy);
        memcpy(copy, messages[*sent].iov_base, octets);
        copy[octets] = 0;
        topic->messages[topic->count] = copy;
        topic->octets[topic->count] = (uint32_t)octets;
        topic->labels[topic->count++] = topic->next[*sent];
    }
    return TRANSPORT_DONE;
}

static void topic_step(void *state, uint64_t monotonic_ns, bool hurry,
                       struct transport_session *session)
{
    struct fake_topic *topic = state;
    (void)hurry;
    *session = topic->session;
    session->next_ns = monotonic_ns + 1000000;
    topic->session.confirmed = topic->session.failed = 0;
}

static const bool *topic_abandon(void *state)
{
    return ((struct fake_topic *)state)->arrived;
}

static int topic_complete(void *state, struct error *error)
{
    (void)error;
    ((struct fake_topic *)state)->completed = true;
    return 0;
}

static void topic_close(void *state)
{
    (void)state;
}

static const struct transport_ops topic_ops = {.send = topic_send,
                                               .complete = topic_complete,
                                               .close = topic_close,
                                               .step = topic_step,
                                               .confirms = true,
                                               .label = topic_label,
                                               .abandon = topic_abandon};

struct fake_topic *fake_topic_new(void)
{
    struct fake_topic *topic = calloc(1, sizeof *topic);
    assert_non_null(topic);
    topic->take = UINT64_MAX;
    topic->session = (struct transport_session){.number = 1, .partitions = 4};
    return topic;
}

void fake_topic_free(struct fake_topic *topic)
{
    for (uint32_t i = 0; topic && i < topic->count; i++)
        free(topic->messages[i]);
    free(topic);
}

struct transport fake_topic_as(struct fake_topic *topic)
{
    return (struct transport){&topic_ops, topic};
}

void fake_topic_config(struct destination_config *d)
{
    d->kind = DESTINATION_KAFKA;
    strcpy(d->brokers, "127.0.0.1:9");
    strcpy(d->topic, "flows");
    d->format = KAFKA_IPFIX;
    d->profile = PROFILE_ELEMENTS;
    d->element_count = 2;
    d->elements[0] = ELEMENT_FLOW_ID;
    d->elements[1] = ELEMENT_OCTET_DELTA_COUNT;
}

uint64_t get64(const uint8_t *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}
