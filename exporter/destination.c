/*
 * One destination: opening, stepping, sending, giving up. See destination.h; the encoding half is
 * in destination_encode.c.
 */
#include "destination.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "destination_encode.h"
#include "transport/transport_file.h"

enum {
    FILE_MESSAGE_OCTETS = 65532, /* RFC 7011: at most 65,535; whole padding units */
    JSON_CHUNK_ROOM = 64 * 1024 + 2 * JSON_LINE_MAX,
    SEND_BURSTS_MAX = 64, /* of one step, so that others get their turn */
};
static const uint64_t second_ns = 1000000000u;
static const uint64_t progress_timeout_ns = 30 * 1000000000ull;
static const uint64_t retry_ns = 1000000u;

static int destination_open(struct destination *d, struct error *error)
{
    switch (d->config->kind) {
    case DESTINATION_UDP: {
        uint32_t octets = 0;
        if (transport_udp_open(&d->transport, d->config, &octets, error) != 0)
            return -1;
        d->message_octets = octets / SET_PADDING_UNIT * SET_PADDING_UNIT;
        return 0;
    }
    case DESTINATION_FILE:
        d->message_octets = FILE_MESSAGE_OCTETS;
        break;
    case DESTINATION_JSON:
        d->message_octets = JSON_CHUNK_ROOM;
        break;
    }
    return transport_file_open(&d->transport, d->config, error);
}

static int destination_prepare(struct destination *d, struct error *error)
{
    bool json = d->config->kind == DESTINATION_JSON;
    template_set_init(&d->templates, d->config);
    values_context_init(&d->context, d->process, d->config, d->templates.groups,
                        d->templates.vlan_outer);
    pacing_init(&d->pacing, d->config, d->process->offline);
    d->builder.version = d->config->version;
    d->builder.domain = d->config->domain;
    if (!json) {
        options_set_init(&d->options, d->config->version, d->process, &d->templates);
        if (d->config->kind == DESTINATION_FILE)
            destination_file_init(d);
        d->slots_reserved = destination_refresh_messages(d) + destination_file_messages(d) + 2;
    } else {
        d->slots_reserved = 2;
        d->json = calloc(TEMPLATE_KINDS, sizeof *d->json);
        if (!d->json) {
            error_set(error, "%s: not enough memory", d->config->name);
            return -1;
        }
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
            json_plan_init(&d->json[kind], &d->templates.kinds[kind]);
    }
    return message_queue_create(&d->queue, d->message_octets, VALUES_COPY_UNIT,
                                d->process->queue_octets_max, d->slots_reserved + 2, error);
}

int destination_create(struct destination *d, const struct destination_config *config,
                       const struct exporting_process_config *process,
                       struct destination_counters *counters, struct error *error)
{
    memset(d, 0, sizeof *d);
    d->config = config;
    d->process = process;
    d->counters = counters;
    if (!destination_config_check(config, error))
        return -1;
    if (destination_open(d, error) != 0)
        return -1;
    if (destination_prepare(d, error) != 0) {
        destination_destroy(d);
        return -1;
    }
    return 0;
}

void destination_destroy(struct destination *d)
{
    if (d->transport.ops)
        d->transport.ops->close(d->transport.state);
    message_queue_destroy(&d->queue);
    free(d->json);
    memset(d, 0, sizeof *d);
}

void destination_set_boot(struct destination *d, uint32_t boot_s)
{
    d->builder.boot_s = boot_s;
}

bool destination_has_room(const struct destination *d)
{
    return d->queue.free_count >= d->slots_reserved;
}

bool destination_is_empty(const struct destination *d)
{
    return d->queue.closed_count == 0 && !d->queue.open;
}

static bool destination_sends_unasked(const struct destination *d)
{
    /* Before the first packet clock there is no time that a message could carry. */
    return !d->process->offline && d->config->kind == DESTINATION_UDP && !d->broken &&
           d->export_ns != 0;
}

/* When the next template refresh or statistics record is due; UINT64_MAX if never by time. */
static uint64_t destination_due_ns(const struct destination *d)
{
    uint64_t refresh_ns = UINT64_MAX, statistics_ns = UINT64_MAX;
    if (!d->refreshed)
        return 0;
    if (d->process->template_refresh_s)
        refresh_ns = d->refreshed_ns + d->process->template_refresh_s * second_ns;
    if (d->options.kinds[OPTIONS_STATISTICS].id)
        statistics_ns = d->statistics_sent_ns + d->process->statistics_interval_s * second_ns;
    return refresh_ns < statistics_ns ? refresh_ns : statistics_ns;
}

void destination_step(struct destination *d, uint64_t monotonic_ns, uint64_t export_ns)
{
    d->monotonic_ns = monotonic_ns;
    d->export_ns = export_ns;
    if (!d->started) {
        d->started = true;
        d->statistics_sent_ns = monotonic_ns;
    }
    if (!destination_has_room(d))
        return;
    if (d->config->kind == DESTINATION_FILE && !d->broken && destination_file_is_over(d))
        destination_file_end(d);
    if (!destination_sends_unasked(d) || monotonic_ns < destination_due_ns(d))
        return;
    uint64_t refresh_ns = d->process->template_refresh_s * second_ns;
    if (!d->refreshed || (refresh_ns && monotonic_ns - d->refreshed_ns >= refresh_ns))
        destination_refresh(d, true);
    uint64_t statistics_ns = d->process->statistics_interval_s * second_ns;
    if (d->options.kinds[OPTIONS_STATISTICS].id && destination_has_room(d) &&
        monotonic_ns - d->statistics_sent_ns >= statistics_ns)
        destination_send_statistics(d);
}

void destination_lose(struct destination *d, enum ledger_destination_lost reason)
{
    ledger_count(&d->counters->records, 1);
    ledger_count(&d->counters->lost[reason], 1);
}

void destination_close_due(struct destination *d, bool closing)
{
    if (closing && d->config->kind == DESTINATION_FILE && destination_has_room(d)) {
        if (!d->file.written) /* a file without flows still tells what it would have held */
            destination_refresh(d, true);
        if (d->file.window_due)
            destination_file_end(d);
    }
    const struct queued_message *open = d->queue.open;
    if (!open)
        return;
    bool old = !d->process->offline && d->monotonic_ns - open->opened_ns >= second_ns;
    if (closing || old)
        destination_close_message(d);
}

uint64_t destination_next_ns(const struct destination *d)
{
    uint64_t next_ns = UINT64_MAX;
    if (d->broken)
        return next_ns;
    if (d->queue.open && !d->process->offline)
        next_ns = d->queue.open->opened_ns + second_ns;
    if (destination_sends_unasked(d)) {
        uint64_t due_ns = destination_due_ns(d);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (d->config->kind == DESTINATION_FILE && destination_file_over_ns(d) != UINT64_MAX) {
        uint64_t over_ns = destination_file_over_ns(d);
        uint64_t wait_ns = over_ns > d->export_ns ? over_ns - d->export_ns : 0;
        next_ns = d->monotonic_ns + wait_ns < next_ns ? d->monotonic_ns + wait_ns : next_ns;
    }
    if (d->queue.closed_count) {
        uint64_t send_ns = d->blocked ? d->monotonic_ns + retry_ns : d->pacing.open_ns;
        next_ns = send_ns < next_ns ? send_ns : next_ns;
    }
    return next_ns;
}

/* The oldest closed message leaves the queue as lost. */
static void lose_oldest(struct destination *d, enum ledger_destination_lost reason)
{
    ledger_count(&d->counters->lost[reason], message_queue_at(&d->queue, 0)->records);
    message_queue_pop(&d->queue);
}

void destination_give_up(struct destination *d, enum ledger_destination_lost reason)
{
    while (d->queue.closed_count)
        lose_oldest(d, reason);
    if (d->queue.open) {
        message_queue_close(&d->queue);
        lose_oldest(d, reason);
    }
}

static void destination_break(struct destination *d, enum ledger_destination_lost reason)
{
    d->broken = true;
    d->loss_reason = reason;
    destination_give_up(d, reason);
}

/* The COUNT oldest messages were handed over. */
static uint64_t count_sent(struct destination *d, uint32_t count, bool *ends_file)
{
    uint64_t cost = 0;
    *ends_file = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct queued_message *message = message_queue_at(&d->queue, 0);
        ledger_count(&d->counters->sent, message->records);
        ledger_count(&d->counters->data_records, message->data_records);
        ledger_count(&d->counters->octets, message->octets);
        if (d->config->kind != DESTINATION_JSON)
            ledger_count(&d->counters->messages, 1);
        cost += message->data_records ? message->data_records : 1;
        *ends_file = message->ends_file;
        message_queue_pop(&d->queue);
    }
    return cost;
}

/* Collects a burst from the head of the queue. */
static uint32_t collect_burst(const struct destination *d, struct iovec *parts)
{
    uint32_t limit = TRANSPORT_BURST_MAX, count = 0, octets = 0;
    bool paced = !d->pacing.unpaced;
    if (paced && limit > PACING_BURST_MESSAGES)
        limit = PACING_BURST_MESSAGES;
    while (count < limit && count < d->queue.closed_count) {
        struct queued_message *message = message_queue_at(&d->queue, count);
        octets += message->octets;
        if (paced && count && octets > PACING_BURST_OCTETS)
            break;
        parts[count++] = (struct iovec){message->data, message->octets};
        if (message->ends_file)
            break;
    }
    return count;
}

/* What the transport said about the message behind those it took. */
static void handle_status(struct destination *d, enum transport_status status,
                          const struct error *problem)
{
    if (problem->text[0] && (status == TRANSPORT_BROKEN || !d->problem.text[0])) {
        d->problem = *problem;
        d->untold = true;
    }
    switch (status) {
    case TRANSPORT_DONE:
    case TRANSPORT_AGAIN:
        break;
    case TRANSPORT_REFUSED:
        lose_oldest(d, DESTINATION_LOST_REFUSED);
        /* Whoever comes back there has no templates; but not for every refusal of a burst. */
        if (d->monotonic_ns - d->refreshed_ns >= second_ns)
            d->refresh_due = true;
        break;
    case TRANSPORT_FAILED:
        lose_oldest(d, DESTINATION_LOST_SEND_FAILED);
        break;
    case TRANSPORT_BROKEN:
        destination_break(d, DESTINATION_LOST_WRITE_FAILED);
        break;
    }
}

/* Offline and at the end nobody waits for ever. */
static void check_progress(struct destination *d, bool moved, bool blocked, bool flush)
{
    if (moved || !blocked) {
        d->blocked = false;
        return;
    }
    if (!d->blocked) {
        d->blocked = true;
        d->blocked_ns = d->monotonic_ns;
    }
    if (!flush && !d->process->offline)
        return;
    if (d->monotonic_ns - d->blocked_ns < progress_timeout_ns)
        return;
    error_set(&d->problem, "%s: took nothing for 30 s: the rest of its records is lost",
              d->config->name);
    d->untold = true;
    destination_break(d, DESTINATION_LOST_NO_PROGRESS);
}

bool destination_send(struct destination *d, bool flush)
{
    bool moved = false, blocked = false;
    for (unsigned burst = 0; burst < SEND_BURSTS_MAX && d->queue.closed_count; burst++) {
        if (!pacing_is_open(&d->pacing, d->monotonic_ns))
            break;
        struct iovec parts[TRANSPORT_BURST_MAX];
        struct error problem = {""};
        uint32_t count = collect_burst(d, parts), sent = 0;
        enum transport_status status =
            d->transport.ops->send(d->transport.state, parts, count, &sent, &problem);
        check(sent <= count);
        bool ends_file;
        uint64_t cost = count_sent(d, sent, &ends_file);
        if (ends_file && transport_file_end(&d->transport, &problem) != 0)
            status = TRANSPORT_BROKEN;
        if (status != TRANSPORT_DONE && status != TRANSPORT_AGAIN)
            cost++;
        pacing_sent(&d->pacing, d->monotonic_ns, cost, flush);
        moved |= cost > 0;
        handle_status(d, status, &problem);
        if (status == TRANSPORT_AGAIN) {
            blocked = true;
            break;
        }
    }
    check_progress(d, moved, blocked, flush);
    return moved;
}

void destination_complete(struct destination *d)
{
    if (d->completed)
        return;
    d->completed = true;
    struct error problem = {""};
    if (d->transport.ops->complete(d->transport.state, &problem) != 0 && !d->problem.text[0] &&
        problem.text[0]) {
        d->problem = problem;
        d->untold = true;
        d->broken = true;
        d->loss_reason = DESTINATION_LOST_WRITE_FAILED;
    }
}
