/*
 * From the queue of a destination to its transport: bursts as pacing permits, sessions, what is
 * sent and what is lost. See destination.h.
 *
 * Sessions: a message that was handed over stays in the queue until the transport confirms it.
 * When a session has ended, messages that had left and were not confirmed are lost(connection),
 * because nobody can know; those that had not left entirely go out again in the next session. With
 * Kafka everything goes out again that no broker has acknowledged.
 */
#include <string.h>

#include <endian.h>

#include "base/check.h"
#include "destination.h"
#include "destination_change.h"
#include "destination_encode.h"
#include "destination_merge.h"
#include "transport/transport_file.h"

enum {
    SEND_BURSTS_MAX = 64,  /* of one step, so that others get their turn */
    IPFIX_SEQUENCE_AT = 8, /* offsets of the sequence number in a message */
    NETFLOW9_SEQUENCE_AT = 12,
    NETFLOW5_SEQUENCE_AT = 16
};
static const uint64_t progress_timeout_ns = 30 * 1000000000ull;
static const uint64_t persist_ns = 5 * 1000000000ull; /* until a broken one is tried again */

/* Keeps the sequence number that follows on the COUNT oldest messages, for the next run. */
static void keep_sequence(struct destination *d, uint32_t count)
{
    if (!d->kept)
        return;
    uint32_t sequence = d->builder.sequence;
    if (count < d->queue.closed_count) {
        unsigned version = d->config->version;
        unsigned at = version == 5   ? NETFLOW5_SEQUENCE_AT
                      : version == 9 ? NETFLOW9_SEQUENCE_AT
                                     : IPFIX_SEQUENCE_AT;
        memcpy(&sequence, message_queue_at(&d->queue, count)->data + at, sizeof sequence);
        sequence = be32toh(sequence);
    }
    state_destination_keep(d->kept, sequence);
}

void destination_keep_in(struct destination *d, struct export_state *state)
{
    d->kept = NULL;
    if (!state || d->config->kind != DESTINATION_UDP || d->process->offline)
        return;
    d->kept = export_state_destination(state, d->config);
    state_put(&d->kept->boot_s, d->builder.boot_s);
    state_put(&d->kept->source_port, transport_udp_port(&d->transport));
    keep_sequence(d, 0);
}

/* The oldest closed message leaves the queue as lost. */
static void lose_oldest(struct destination *d, enum ledger_destination_lost reason)
{
    const struct queued_message *message = message_queue_at(&d->queue, 0);
    bool recovered = message->origin == MESSAGE_RECOVERED;
    ledger_count(recovered ? &d->counters->recovered_lost : &d->counters->lost[reason],
                 message->records);
    destination_spool_settle(d, message);
    destination_note_loss(d, message->records, message->packets, message->ip_octets);
    if (destination_is_first_half(d, message) && d->queue.closed_count > 1)
        message_queue_at(&d->queue, 1)->spoiled = true;
    message_queue_pop(&d->queue);
}

/* MESSAGE has arrived, as far as can be known. */
static void note_sent(struct destination *d, const struct queued_message *message)
{
    bool recovered = message->origin == MESSAGE_RECOVERED;
    ledger_count(recovered ? &d->counters->recovered_sent : &d->counters->sent, message->records);
    ledger_count(&d->counters->data_records, message->data_records);
    ledger_count(&d->counters->octets, message->octets);
    if (d->config->kind != DESTINATION_JSON) /* there it is a chunk of lines */
        ledger_count(&d->counters->messages, 1);
    destination_spool_settle(d, message);
}

/* The COUNT oldest messages have arrived. */
static uint64_t count_sent(struct destination *d, uint32_t count)
{
    uint64_t cost = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct queued_message *message = message_queue_at(&d->queue, 0);
        if (message->spoiled) {
            lose_oldest(d, DESTINATION_LOST_SEND_FAILED);
            continue;
        }
        note_sent(d, message);
        cost += message->data_records ? message->data_records : 1;
        message_queue_pop(&d->queue);
    }
    return cost;
}

/* ---- sessions ---- */

/* A destination that leaves tells options no more: for those of the present there may be no room,
 * and those that wait would need their templates. */
static void drop_options(struct destination *d)
{
    for (uint32_t i = d->queue.closed_count; i-- > 0;) {
        const struct queued_message *message = message_queue_at(&d->queue, i);
        if (!message->records && !message->data_records)
            message_queue_remove(&d->queue, i, 1);
    }
}

/* Templates and options, in front of all that waits. */
static void begin_session(struct destination *d, uint64_t number)
{
    d->session = number;
    d->session_sequence = 0;
    if (d->config->kind == DESTINATION_KAFKA) /* each message is complete in itself */
        return;
    while (d->queue.closed_count && message_queue_at(&d->queue, 0)->preface)
        message_queue_pop(&d->queue);
    destination_close_message(d);
    if (d->leaving)
        drop_options(d);
    uint32_t before = d->queue.closed_count;
    /* All at once, as before the first session: what waits in the queue may need any of them. */
    d->refreshed = false;
    d->probe_sent_ns = 0;
    destination_refresh(d, !d->leaving);
    uint32_t after = d->queue.closed_count;
    for (uint32_t i = before; i < after; i++)
        message_queue_at(&d->queue, i)->preface = true;
    message_queue_to_front(&d->queue, after - before);
}

/* Hears of the transport's session. True if messages were confirmed. */
static bool step_session(struct destination *d, bool flush)
{
    struct transport_session now = {.number = 0};
    d->transport.ops->step(d->transport.state, d->monotonic_ns, flush, &now);
    d->session_next_ns = now.next_ns;
    d->renews = now.renewing;
    if (now.line) {
        error_set(&d->news, "%s", now.line);
        d->news_untold = true;
    }
    check(now.confirmed <= d->in_flight && now.vanished <= d->in_flight - now.confirmed &&
          now.failed <= d->in_flight - now.confirmed - now.vanished);
    d->in_flight -= now.confirmed + now.vanished + now.failed;
    count_sent(d, now.confirmed);
    for (uint32_t i = 0; i < now.vanished; i++)
        lose_oldest(d, DESTINATION_LOST_CONNECTION);
    for (uint32_t i = 0; i < now.failed; i++)
        lose_oldest(d, DESTINATION_LOST_SEND_FAILED);
    d->reached |= now.number != 0;
    if (now.number == d->session)
        return now.confirmed > 0;
    d->session = 0;
    d->in_flight = 0;
    d->session_ns = d->monotonic_ns;
    if (now.number)
        destination_kafka_set_count(d, now.partitions);
    destination_spool_session_ended(d);
    /* Before the first packet clock there is no time that a message could carry. */
    if (now.number && (d->export_ns || d->config->kind == DESTINATION_KAFKA))
        begin_session(d, now.number);
    return now.confirmed > 0;
}

/* ---- giving up ---- */

/* What is in flight and has ARRIVED is sent, the rest is lost for REASON. */
static void settle_flight(struct destination *d, const bool *arrived,
                          enum ledger_destination_lost reason)
{
    for (; d->in_flight; d->in_flight--) {
        if (*arrived++ && !message_queue_at(&d->queue, 0)->spoiled)
            count_sent(d, 1);
        else
            lose_oldest(d, reason);
    }
}

/* The same where it is sent again, from a spool or to another collector: the rest stays in the
 * queue: it is sent again, perhaps twice. So is what is behind it and came from the spool, where an
 * end is known and no gaps; and a record in JSON is sent or not, both its messages. */
static void settle_to_send_again(struct destination *d, const bool *arrived)
{
    uint32_t at = 0;
    bool in_order = true;
    for (uint32_t i = 0, count; i < d->in_flight; i += count) {
        const struct queued_message *message = message_queue_at(&d->queue, at);
        count = 1 + destination_is_first_half(d, message);
        bool live = message->origin == MESSAGE_LIVE;
        bool sent = i + count <= d->in_flight && arrived[i] && arrived[i + count - 1] &&
                    !message->spoiled && (live || in_order);
        in_order = in_order && (live || sent);
        for (uint32_t j = 0; sent && j < count; j++)
            note_sent(d, message_queue_at(&d->queue, at + j));
        if (sent)
            message_queue_remove(&d->queue, at, count);
        else
            at += count;
    }
    d->in_flight = 0;
}

void destination_end_flight(struct destination *d, enum ledger_destination_lost reason, bool again)
{
    if (d->transport.ops->step && d->in_flight) /* what has arrived by now is not lost */
        step_session(d, true);
    const bool *arrived = NULL;
    if (d->in_flight && d->transport.ops->abandon)
        arrived = d->transport.ops->abandon(d->transport.state);
    if (arrived && again)
        settle_to_send_again(d, arrived);
    else if (arrived)
        settle_flight(d, arrived, reason);
    for (; d->in_flight; d->in_flight--) /* nobody knows: not again */
        lose_oldest(d, reason);
}

void destination_give_up(struct destination *d, enum ledger_destination_lost reason)
{
    destination_end_flight(d, reason, d->spool.stream != NULL);
    destination_merge_lose(d, reason);
    destination_spool_save_all(d);
    while (d->queue.closed_count)
        lose_oldest(d, reason);
    while (d->queue.open || d->queue.parked_count) {
        if (!d->queue.open)
            message_queue_unpark(&d->queue, 0);
        message_queue_close(&d->queue);
        lose_oldest(d, reason);
    }
    keep_sequence(d, 0);
}

static void destination_break(struct destination *d, enum ledger_destination_lost reason)
{
    d->broken = true;
    d->loss_reason = reason;
    destination_give_up(d, reason);
    if (d->config->persists)
        d->mends_ns = d->monotonic_ns + persist_ns;
}

void destination_mend(struct destination *d)
{
    struct error problem = {""};
    d->mends_ns = 0;
    d->broken = false;
    d->mending = true;
    destination_file_restart(d);
    transport_file_end(&d->transport, &problem); /* what was written whole stays, if it can */
}

/* Messages were sent by a destination that was broken before. */
static void tell_mended(struct destination *d)
{
    d->mending = false;
    d->problem.text[0] = 0;
    error_set(&d->news, "%s: it is written again", d->config->name);
    d->news_untold = true;
}

/* ---- sending ---- */

/* A burst's messages get the numbers that they have in this session. */
static void number_burst(struct destination *d, uint32_t count)
{
    uint32_t sequence = d->session_sequence;
    for (uint32_t i = 0; i < count; i++) {
        struct queued_message *message = message_queue_at(&d->queue, d->in_flight + i);
        uint32_t wire = htobe32(sequence);
        memcpy(message->data + IPFIX_SEQUENCE_AT, &wire, sizeof wire);
        sequence += message->counted;
    }
}

/* Tells the transport where the COUNT messages of a burst belong. */
static void label_burst(struct destination *d, uint32_t count)
{
    struct transport_label labels[TRANSPORT_BURST_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct queued_message *message = message_queue_at(&d->queue, d->in_flight + i);
        labels[i] = (struct transport_label){message->key, message->partition};
    }
    d->transport.ops->label(d->transport.state, labels, count);
}

/* Collects a burst from the first message that was not handed over. */
static uint32_t collect_burst(struct destination *d, struct iovec *parts)
{
    uint32_t limit = TRANSPORT_BURST_MAX, count = 0, octets = 0;
    bool paced = !d->pacing.unpaced;
    if (paced && limit > PACING_BURST_MESSAGES)
        limit = PACING_BURST_MESSAGES;
    uint32_t end = destination_spool_flight_end(d);
    while (count < limit && d->in_flight + count < end) {
        struct queued_message *message = message_queue_at(&d->queue, d->in_flight + count);
        octets += message->octets;
        if (paced && count && octets > PACING_BURST_OCTETS)
            break;
        destination_spool_offer(d, message);
        parts[count++] = (struct iovec){message->data, message->octets};
        if (message->ends_file)
            break;
    }
    if (d->transport.ops->label)
        label_burst(d, count);
    else if (d->transport.ops->step)
        number_burst(d, count);
    return count;
}

/* The COUNT first messages of the burst were handed over. Returns what pacing counts. */
static uint64_t take_over(struct destination *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        d->session_sequence += message_queue_at(&d->queue, d->in_flight + i)->counted;
    if (!d->transport.ops->confirms)
        return count_sent(d, count);
    d->in_flight += count;
    return count;
}

/* The next message is lost. A gap in the sequence numbers tells the collector. */
static void lose_next(struct destination *d, enum ledger_destination_lost reason)
{
    check(d->in_flight == 0); /* who confirms messages does not lose single ones */
    d->session_sequence += message_queue_at(&d->queue, 0)->counted;
    lose_oldest(d, reason);
}

/* What the transport said about the message behind those it took. */
static void handle_status(struct destination *d, enum transport_status status,
                          const struct error *problem)
{
    bool told = d->mending && strcmp(problem->text, d->problem.text) == 0;
    if (problem->text[0] && !told && (status == TRANSPORT_BROKEN || !d->problem.text[0])) {
        d->problem = *problem;
        d->untold = true;
    }
    switch (status) {
    case TRANSPORT_DONE:
    case TRANSPORT_AGAIN:
        break;
    case TRANSPORT_REFUSED:
        d->refused_ns = d->monotonic_ns;
        lose_next(d, DESTINATION_LOST_REFUSED);
        d->refresh_due = true; /* whoever comes back there has no templates */
        break;
    case TRANSPORT_FAILED:
        lose_next(d, DESTINATION_LOST_SEND_FAILED);
        break;
    case TRANSPORT_BROKEN:
        destination_break(d, DESTINATION_LOST_WRITE_FAILED);
        break;
    }
}

/* Nobody waits for ever for a destination that takes nothing. */
static void end_waiting(struct destination *d)
{
    struct transport_report report = {.last_error = ""};
    if (d->transport.ops->report)
        d->transport.ops->report(d->transport.state, &report);
    if (d->transport.ops->step && !d->reached)
        error_set(&d->problem, "%s: never reached (%s): its records are lost", d->config->name,
                  report.last_error);
    else if (d->spool.stream)
        error_set(&d->problem, "%s: took nothing for 30 s: the rest of its records is spooled",
                  d->config->name);
    else
        error_set(&d->problem, "%s: took nothing for 30 s: the rest of its records is lost",
                  d->config->name);
    d->untold = true;
    /* A live collector that was there and is gone: the losses are counted, the run is good. */
    d->forgiven = d->transport.ops->step && d->reached && !d->process->offline;
    destination_break(d, DESTINATION_LOST_NO_PROGRESS);
}

/* Offline and at the end nobody waits for ever. */
static void check_progress(struct destination *d, bool moved, bool blocked, bool flush)
{
    if (moved || !blocked) {
        d->blocked = false;
        return;
    }
    bool patient = !flush && !d->process->offline; /* the time that counts has not begun */
    if (!d->blocked || patient)
        d->blocked_ns = d->monotonic_ns;
    d->blocked = true;
    if (patient)
        return;
    if (d->monotonic_ns - d->blocked_ns >= progress_timeout_ns)
        end_waiting(d);
}

/* Whether the destination waits for its collector, although the last send did not say so. */
static bool waits_for_collector(const struct destination *d, bool flush)
{
    if (!d->transport.ops->step)
        return false;
    if (d->in_flight || destination_awaits_partitions(d))
        return true;
    return !d->session && (d->queue.closed_count || (flush && !d->reached));
}

bool destination_send(struct destination *d, bool flush)
{
    bool moved = d->transport.ops->step && step_session(d, flush), blocked = false;
    bool open = (!d->transport.ops->step || d->session) && !destination_rewires(d);
    moved |= destination_spool_save(d);
    moved |= destination_spool_replay(d, flush);
    for (unsigned burst = 0; open && burst < SEND_BURSTS_MAX; burst++) {
        if (destination_spool_flight_end(d) <= d->in_flight ||
            !pacing_is_open(&d->pacing, d->monotonic_ns))
            break;
        struct iovec parts[TRANSPORT_BURST_MAX];
        struct error problem = {""};
        uint32_t count = collect_burst(d, parts), sent = 0;
        /* Killed in the middle of the send, the process has sent all of it: the kernel does not
         * stop between datagrams. So what will be true is kept before, and what is true behind it.
         */
        keep_sequence(d, count);
        enum transport_status status =
            d->transport.ops->send(d->transport.state, parts, count, &sent, &problem);
        check(sent <= count);
        bool ends_file =
            sent == count && message_queue_at(&d->queue, d->in_flight + count - 1)->ends_file;
        uint64_t cost = take_over(d, sent);
        if (sent && d->mending)
            tell_mended(d);
        if (ends_file && transport_file_end(&d->transport, &problem) != 0)
            status = TRANSPORT_BROKEN;
        if (status != TRANSPORT_DONE && status != TRANSPORT_AGAIN)
            cost++;
        pacing_sent(&d->pacing, d->monotonic_ns, cost, flush);
        moved |= cost > 0;
        handle_status(d, status, &problem);
        if (sent < count)
            keep_sequence(d, 0);
        if (status == TRANSPORT_AGAIN) {
            blocked = true;
            break;
        }
    }
    check_progress(d, moved, blocked || waits_for_collector(d, flush), flush);
    return moved;
}
