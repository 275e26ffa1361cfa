/*
 * Kafka by librdkafka, which connects, connects again and repeats requests by itself, in threads of
 * its own. What was handed over stays in the destination's queue until a broker has acknowledged it
 * (delivery report); nothing times out there, and one request at a time goes to a broker, so that
 * the messages of a partition stay in order even if a request is repeated.
 *
 * A session lasts while brokers answer (transport_kafka_watch.h). When it ends, librdkafka forgets
 * what it holds, and what was not acknowledged is offered again in the next one: a message may then
 * be in the topic twice, but none is lost.
 *
 * Owned by a destination; see transport.h for threads. librdkafka's functions of the exporter's
 * thread never wait here; its reports and errors come by rd_kafka_poll() on that thread, and it
 * prints nothing.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "transport/transport.h"
#include "transport/transport_kafka_watch.h"

enum {
    FLIGHT_MAX = 16384, /* messages handed over and not yet acknowledged */
    UNANSWERED_MAX = 2, /* questions in a row after which brokers are away */
    STEP_MESSAGES_NS = 1000000,
    STEP_IDLE_NS = 20000000
};
#define FLIGHT_OCTETS_KIB "32768"
static const uint64_t line_every_ns = 60 * 1000000000ull;

enum fate { FATE_UNKNOWN, FATE_ARRIVED, FATE_REFUSED, FATE_FORGOTTEN };

struct kafka {
    char where[400]; /* for lines */
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    bool keyed; /* by the label's key; else the label names the partition */
    bool watched;
    struct kafka_watch watch;
    struct transport_label labels[TRANSPORT_BURST_MAX];

    uint64_t first, next; /* messages in flight, counted from the start */
    uint32_t unknown;     /* of them: without a fate */
    uint8_t fates[FLIGHT_MAX];
    bool arrived[FLIGHT_MAX]; /* what abandon() tells */

    uint64_t now_ns;     /* of the present step */
    uint64_t number;     /* sessions so far */
    bool open;           /* there is one now */
    bool ending;         /* it waits for the reports of what librdkafka forgets */
    uint64_t asked;      /* the last answer that was looked at */
    bool told_by_broker; /* last_error comes from the client, which knows more than the watch */
    struct transport_report report;
    uint64_t line_ns; /* when the last line about a failure was given */
    bool line_given;
    bool line_due; /* a failure was told, so its end will be */
    struct error line;
};

static void note_error(struct kafka *k, const char *why)
{
    snprintf(k->report.last_error, sizeof k->report.last_error, "%.255s", why);
}

/* A line about a failure, unless there was one in the last minute. */
static void say_failure(struct kafka *k, const char *what, const char *why, const char *then)
{
    if (k->line_given && k->now_ns - k->line_ns < line_every_ns)
        return;
    k->line_given = true;
    k->line_ns = k->now_ns;
    error_set(&k->line, "%s: %s: %.300s%s", k->where, what, why, then);
}

static void say_away(struct kafka *k, const char *what, const char *why)
{
    say_failure(k, what, why, "; it is tried again and again");
    k->line_due = true;
}

/* ---- what librdkafka tells, by rd_kafka_poll() ---- */

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka *k = opaque;
    (void)client;
    uint64_t number = (uintptr_t)message->_private;
    if (number < k->first) /* abandoned before */
        return;
    enum fate fate = FATE_ARRIVED;
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        fate = FATE_FORGOTTEN;
    } else if (message->err) {
        fate = FATE_REFUSED;
        k->report.refusals++;
        note_error(k, rd_kafka_err2str(message->err));
        say_failure(k, "a message was refused", k->report.last_error, "");
    }
    debug_check(k->fates[number % FLIGHT_MAX] == FATE_UNKNOWN);
    k->fates[number % FLIGHT_MAX] = (uint8_t)fate;
    k->unknown--;
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct kafka *k = opaque;
    (void)client;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* what led to it was told before */
        return;
    k->report.connect_failures++;
    k->report.certificate_failures += code == RD_KAFKA_RESP_ERR__SSL;
    note_error(k, reason);
    k->told_by_broker = true;
    if (!k->open)
        say_away(k, "cannot connect", reason);
}

/* Everything worth a line comes by on_error(), too. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client;
    (void)level;
    (void)facility;
    (void)text;
}

/* ---- sessions ---- */

static void begin_session(struct kafka *k)
{
    k->open = true;
    k->number++;
    k->report.connects++;
    k->report.state = TRANSPORT_STATE_CONNECTED;
    k->told_by_broker = false;
    if (k->line_due)
        error_set(&k->line, "%s: connected", k->where);
    k->line_due = false;
}

/* Looks at what the watch has found out since the last step. */
static void follow_watch(struct kafka *k, struct transport_session *session)
{
    struct kafka_answer answer;
    kafka_watch_look(&k->watch, &answer);
    session->partitions = answer.partitions;
    if (answer.asked == k->asked || k->ending)
        return;
    if (!k->open)
        k->report.connect_attempts += answer.asked - k->asked;
    k->asked = answer.asked;
    if (!answer.unanswered) {
        if (!k->open)
            begin_session(k);
        return;
    }
    if (!k->told_by_broker)
        note_error(k, answer.reason.text);
    if (!k->open) {
        if (answer.unanswered >= UNANSWERED_MAX)
            say_away(k, "cannot connect", k->report.last_error);
        return;
    }
    if (answer.unanswered < UNANSWERED_MAX)
        return;
    k->ending = true;
    rd_kafka_purge(k->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static uint32_t take_run(struct kafka *k, enum fate fate)
{
    uint32_t count = 0;
    while (k->first < k->next && k->fates[k->first % FLIGHT_MAX] == fate) {
        k->first++;
        count++;
    }
    return count;
}

static void end_session(struct kafka *k)
{
    k->open = k->ending = false;
    k->first = k->next;
    k->report.disconnects++;
    k->report.state = TRANSPORT_STATE_WAITING;
    say_away(k, "the brokers are away", k->report.last_error);
}

static void kafka_step(void *state, uint64_t monotonic_ns, bool hurry,
                       struct transport_session *session)
{
    struct kafka *k = state;
    (void)hurry; /* the pauses between attempts are short */
    k->now_ns = monotonic_ns;
    k->line.text[0] = 0;
    rd_kafka_poll(k->client, 0);
    follow_watch(k, session);
    session->confirmed = take_run(k, FATE_ARRIVED);
    session->vanished = 0; /* what may have arrived is sent again */
    session->failed = take_run(k, FATE_REFUSED);
    if (k->ending && k->unknown == 0)
        end_session(k);
    session->number = k->open ? k->number : 0;
    session->line = k->line.text[0] ? k->line.text : NULL;
    session->next_ns = monotonic_ns + (k->first < k->next ? STEP_MESSAGES_NS : STEP_IDLE_NS);
}

/* ---- messages ---- */

static void kafka_label(void *state, const struct transport_label *labels, uint32_t count)
{
    struct kafka *k = state;
    check(count <= TRANSPORT_BURST_MAX);
    memcpy(k->labels, labels, count * sizeof *labels);
}

/* Hands over one message, numbered K->next. */
static rd_kafka_resp_err_t produce(struct kafka *k, const struct iovec *message,
                                   const struct transport_label *label)
{
    char key[24];
    size_t key_octets = 0;
    int32_t partition = RD_KAFKA_PARTITION_UA; /* the partitioner chooses by the key */
    if (k->keyed)
        key_octets = (size_t)snprintf(key, sizeof key, "%" PRIu64, label->key);
    else
        partition = (int32_t)label->partition;
    if (rd_kafka_produce(k->topic, partition, RD_KAFKA_MSG_F_COPY, message->iov_base,
                         message->iov_len, key_octets ? key : NULL, key_octets,
                         (void *)(uintptr_t)k->next) == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return rd_kafka_last_error();
}

static enum transport_status kafka_send(void *state, const struct iovec *messages, uint32_t count,
                                        uint32_t *sent, struct error *error)
{
    struct kafka *k = state;
    (void)error;
    for (*sent = 0; *sent < count; (*sent)++) {
        if (!k->open || k->ending)
            return TRANSPORT_AGAIN;
        rd_kafka_resp_err_t status = RD_KAFKA_RESP_ERR__QUEUE_FULL;
        if (k->next - k->first < FLIGHT_MAX)
            status = produce(k, &messages[*sent], &k->labels[*sent]);
        if (status == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            k->report.full++;
            return TRANSPORT_AGAIN;
        }
        bool refused = status != RD_KAFKA_RESP_ERR_NO_ERROR;
        k->fates[k->next % FLIGHT_MAX] = refused ? FATE_REFUSED : FATE_UNKNOWN;
        k->unknown += !refused;
        k->next++;
        if (!refused)
            continue;
        k->report.refusals++;
        k->report.too_long += status == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        note_error(k, rd_kafka_err2str(status));
        say_failure(k, "a message was refused", k->report.last_error, "");
    }
    return TRANSPORT_DONE;
}

static const bool *kafka_abandon(void *state)
{
    struct kafka *k = state;
    rd_kafka_poll(k->client, 0);
    for (uint64_t i = k->first; i < k->next; i++)
        k->arrived[i - k->first] = k->fates[i % FLIGHT_MAX] == FATE_ARRIVED;
    k->first = k->next; /* reports of these mean nothing any more */
    k->unknown = 0;
    rd_kafka_purge(k->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
    return k->arrived;
}

static int kafka_complete(void *state, struct error *error)
{
    struct kafka *k = state;
    k->open = false;
    k->report.state = TRANSPORT_STATE_CLOSED;
    if (k->report.connects > 0)
        return 0;
    error_set(error, "%s: never reached: %.200s", k->where,
              k->report.last_error[0] ? k->report.last_error : "no broker answered in time");
    return -1;
}

static void kafka_close(void *state)
{
    struct kafka *k = state;
    if (k->watched)
        kafka_watch_stop(&k->watch);
    if (k->client)
        rd_kafka_purge(k->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                      RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (k->topic)
        rd_kafka_topic_destroy(k->topic);
    if (k->client)
        rd_kafka_destroy(k->client);
    free(k);
}

static void kafka_report(const void *state, struct transport_report *report)
{
    *report = ((const struct kafka *)state)->report;
}

static const struct transport_ops kafka_ops = {
    .send = kafka_send,
    .complete = kafka_complete,
    .close = kafka_close,
    .step = kafka_step,
    .confirms = true,
    .label = kafka_label,
    .abandon = kafka_abandon,
    .report = kafka_report,
};

/* ---- opening ---- */

struct setting {
    const char *name;
    const char *value;
};

static bool apply(rd_kafka_conf_t *settings, const struct setting *setting, struct error *error)
{
    char reason[256] = "";
    if (!setting->value || !setting->value[0])
        return true;
    if (rd_kafka_conf_set(settings, setting->name, setting->value, reason, sizeof reason) ==
        RD_KAFKA_CONF_OK)
        return true;
    error_set(error, "librdkafka: %s", reason);
    return false;
}

/* What we want, beside librdkafka's own defaults. */
static bool configure(rd_kafka_conf_t *settings, const struct destination_config *d,
                      struct error *error)
{
    const bool verify = d->encrypted && !d->unverified;
    const struct setting wanted[] = {
        {"client.id", "spanflow"},
        {"bootstrap.servers", d->brokers},
        {"acks", d->leader_alone ? "1" : "all"},
        {"compression.codec", d->compression},
        {"partitioner", "murmur2"}, /* that of Kafka's own clients */
        {"message.timeout.ms", "0"},
        {"max.in.flight.requests.per.connection", "1"},
        {"queue.buffering.max.messages", "100000"}, /* FLIGHT_MAX is less */
        {"queue.buffering.max.kbytes", FLIGHT_OCTETS_KIB},
        {"socket.keepalive.enable", "true"},
        {"reconnect.backoff.max.ms", "2000"}, /* what waits fills our queue */
        {"security.protocol", d->encrypted ? "ssl" : "plaintext"},
        {"ssl.certificate.location", d->certificate},
        {"ssl.key.location", d->private_key},
        {"ssl.ca.location", d->authority},
        {"enable.ssl.certificate.verification", d->encrypted && !verify ? "false" : ""},
        {"ssl.endpoint.identification.algorithm", verify         ? "https"
                                                  : d->encrypted ? "none"
                                                                 : ""},
    };
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!apply(settings, &wanted[i], error))
            return false;
    return true;
}

/* Makes the client and its threads. False and ERROR. */
static bool make_client(struct kafka *k, const struct destination_config *d, struct error *error)
{
    char reason[256] = "";
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(settings, k);
    rd_kafka_conf_set_dr_msg_cb(settings, on_report);
    rd_kafka_conf_set_error_cb(settings, on_error);
    rd_kafka_conf_set_log_cb(settings, on_log);
    if (!configure(settings, d, error)) {
        rd_kafka_conf_destroy(settings);
        return false;
    }
    k->client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof reason);
    if (!k->client) {
        rd_kafka_conf_destroy(settings);
        error_set(error, "librdkafka: %s", reason);
        return false;
    }
    k->topic = rd_kafka_topic_new(k->client, d->topic, NULL);
    if (!k->topic) {
        error_set(error, "topic %s: %s", d->topic, rd_kafka_err2str(rd_kafka_last_error()));
        return false;
    }
    k->watched = kafka_watch_start(&k->watch, k->client, k->topic, error) == 0;
    return k->watched;
}

int transport_kafka_open(struct transport *transport, const struct destination_config *destination,
                         struct error *error)
{
    struct kafka *k = calloc(1, sizeof *k);
    if (!k) {
        error_set(error, "%s: not enough memory", destination->name);
        return -1;
    }
    snprintf(k->where, sizeof k->where, "kafka://%.250s/%.120s", destination->brokers,
             destination->topic);
    k->keyed = destination->format == KAFKA_JSON;
    k->report.state = TRANSPORT_STATE_CONNECTING;
    /* The daemon's signals are for its main thread; threads inherit what is blocked here. */
    sigset_t all, before;
    struct error inner = {""};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = make_client(k, destination, &inner);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!made) {
        error_set(error, "%s: %s", k->where, inner.text);
        kafka_close(k);
        return -1;
    }
    *transport = (struct transport){&kafka_ops, k};
    return 0;
}
