/*
 * One destination, step by step. See destination.h; it is opened in destination_open.c, the
 * encoding half is in destination_encode.c, the sending half in destination_send.c.
 */
#include "destination.h"

#include <string.h>

#include "base/check.h"
#include "destination_change.h"
#include "destination_encode.h"
#include "destination_merge.h"

static const uint64_t second_ns = 1000000000u;
static const uint64_t retry_ns = 1000000u;

void destination_put_boot(struct destination *d, uint32_t boot_s)
{
    if (d->kept)
        state_put(&d->kept->boot_s, boot_s);
    d->builder.boot_s = boot_s;
    d->context.boot_ms = boot_s * 1000ull;
}

void destination_set_boot(struct destination *d, uint32_t boot_s)
{
    /* A kept one that lies in the future is of a clock that was wrong. */
    uint32_t kept_s = d->kept ? state_value(d->kept->boot_s) : 0;
    destination_put_boot(d, kept_s && kept_s <= boot_s ? kept_s : boot_s);
}

bool destination_has_room(const struct destination *d)
{
    if (destination_awaits_partitions(d))
        return false;
    return message_queue_room(&d->queue) >= d->slots_reserved;
}

bool destination_is_empty(const struct destination *d)
{
    /* A collector that was never reached is waited for, or nobody would know that it is not there.
     */
    bool waits = d->transport.ops->step && !d->reached && !d->broken;
    waits = waits && !destination_spool_is_patient(d);
    bool merged = client_ports_due_ns(d->client_ports) == UINT64_MAX && !destination_changes(d);
    return d->queue.closed_count == 0 && !d->queue.open && !d->queue.parked_count && merged &&
           !waits;
}

uint64_t destination_walk(const struct destination *d)
{
    return message_queue_walk(&d->queue) + client_ports_walk(d->client_ports) +
           (d->shell ? client_ports_walk(d->shell->client_ports) : 0);
}

static bool destination_sends_unasked(const struct destination *d)
{
    /* Before the first packet clock there is no time that a message could carry. */
    bool open = d->transport.ops->step ? d->session != 0 : d->config->kind == DESTINATION_UDP;
    open = open && !destination_is_json(d->config);
    return !d->process->offline && open && !d->broken && d->export_ns != 0;
}

/* When the next template refresh or statistics record is due; UINT64_MAX if never by time. */
static uint64_t destination_due_ns(const struct destination *d)
{
    uint64_t refresh_ns = UINT64_MAX, statistics_ns = UINT64_MAX;
    if (!d->refreshed)
        return 0;
    if (d->probes && d->config->kind == DESTINATION_UDP)
        return d->refreshed_ns + second_ns;
    if (d->process->template_refresh_s && destination_repeats(d))
        refresh_ns = d->refreshed_ns + d->process->template_refresh_s * second_ns;
    if (d->refresh_due && d->refreshed_ns + REFUSED_REFRESH_NS < refresh_ns)
        refresh_ns = d->refreshed_ns + REFUSED_REFRESH_NS;
    if (d->options.kinds[OPTIONS_EXPORTED].id)
        statistics_ns = d->statistics_sent_ns + d->process->statistics_interval_s * second_ns;
    if (d->options_kind != OPTIONS_KINDS && d->options_next_ns < statistics_ns)
        statistics_ns = d->options_next_ns;
    return refresh_ns < statistics_ns ? refresh_ns : statistics_ns;
}

/* A path that came to permit less than before: shorter messages from now on. */
static void follow_path(struct destination *d)
{
    if (!d->transport.ops->message_octets)
        return;
    uint32_t octets = d->transport.ops->message_octets(d->transport.state);
    octets = octets < DESTINATION_PATH_MIN && octets ? DESTINATION_PATH_MIN : octets;
    if (octets && octets < d->message_octets)
        d->message_octets = octets / SET_PADDING_UNIT * SET_PADDING_UNIT;
}

static void take_rates(struct destination *d)
{
    uint64_t passed_ns = d->monotonic_ns - d->rate_ns;
    if (d->rate_ns && passed_ns < second_ns)
        return;
    uint64_t records = d->counters->records, octets = d->counters->octets;
    if (d->rate_ns) {
        d->records_per_s = (records - d->rate_records) * 1000 / (passed_ns / 1000000);
        d->octets_per_s = (octets - d->rate_octets) * 1000 / (passed_ns / 1000000);
    }
    d->rate_ns = d->monotonic_ns;
    d->rate_records = records;
    d->rate_octets = octets;
}

void destination_step(struct destination *d, uint64_t monotonic_ns, uint64_t export_ns)
{
    d->monotonic_ns = monotonic_ns;
    destination_follow_clock(d, export_ns); /* what is open still has the old one */
    d->export_ns = export_ns;
    follow_path(d);
    take_rates(d);
    if (!d->started) {
        d->started = true;
        if (!d->session_ns) /* of one that was there from the start */
            d->session_ns = monotonic_ns;
        d->statistics_sent_ns = monotonic_ns;
    }
    if (d->mends_ns && monotonic_ns >= d->mends_ns)
        destination_mend(d);
    if (d->leaving || !destination_has_room(d))
        return;
    if (d->config->kind == DESTINATION_FILE && !d->broken && destination_file_is_over(d))
        destination_file_end(d);
    if (!destination_sends_unasked(d) || monotonic_ns < destination_due_ns(d))
        return;
    uint64_t refresh_ns = d->process->template_refresh_s * second_ns;
    refresh_ns = destination_repeats(d) ? refresh_ns : 0;
    refresh_ns = d->refresh_due ? REFUSED_REFRESH_NS : refresh_ns;
    if (d->probes && d->refreshed && d->config->kind == DESTINATION_UDP)
        destination_refresh(d, false);
    else if (!d->refreshed || (refresh_ns && monotonic_ns - d->refreshed_ns >= refresh_ns))
        destination_refresh(d, true);
    uint64_t statistics_ns = d->process->statistics_interval_s * second_ns;
    if (d->options.kinds[OPTIONS_EXPORTED].id && destination_has_room(d) &&
        monotonic_ns - d->statistics_sent_ns >= statistics_ns)
        destination_send_statistics(d);
    if (d->options_kind != OPTIONS_KINDS && destination_has_room(d) &&
        monotonic_ns >= d->options_next_ns)
        destination_send_options(d);
}

void destination_note_loss(struct destination *d, uint64_t records, uint64_t packets,
                           uint64_t octets)
{
    if (records == 0)
        return;
    d->counters->lost_packets += packets;
    d->counters->lost_octets += octets;
    d->counters->last_loss_ns = d->export_ns;
    if (d->counters->first_loss_ns == 0)
        d->counters->first_loss_ns = d->export_ns;
}

void destination_lose(struct destination *d, enum ledger_destination_lost reason)
{
    ledger_count(&d->counters->records, 1);
    destination_lose_taken(d, reason);
}

void destination_lose_taken(struct destination *d, enum ledger_destination_lost reason)
{
    ledger_count(&d->counters->lost[reason], d->record_count);
    destination_note_loss(d, d->record_count, d->record_packets, d->record_octets);
}

void destination_close_due(struct destination *d, bool closing)
{
    destination_merge_send(d, closing);
    if (closing && d->config->kind == DESTINATION_FILE && destination_has_room(d)) {
        /* One file without flows still tells what it would have held; of a row none is needed. */
        bool rotates = d->config->rotation_s || d->config->rotation_octets;
        if (!d->file.written && !rotates)
            destination_refresh(d, true);
        if (d->file.window_due)
            destination_file_end(d);
    }
    if (d->kafka.partitioned) {
        bool none = !closing && (d->process->offline || d->monotonic_ns < second_ns);
        if (!none)
            destination_kafka_close_until(d, closing ? UINT64_MAX : d->monotonic_ns - second_ns);
        return;
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
        return d->mends_ns ? d->mends_ns : next_ns;
    if (d->queue.open && !d->process->offline)
        next_ns = d->queue.open->opened_ns + second_ns;
    if (!d->process->offline && destination_has_room(d) &&
        client_ports_due_ns(d->client_ports) < next_ns)
        next_ns = client_ports_due_ns(d->client_ports);
    if (d->queue.parked_count && !d->process->offline) {
        uint64_t due_ns = destination_kafka_oldest_ns(d) + second_ns;
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (destination_sends_unasked(d)) {
        uint64_t due_ns = destination_due_ns(d);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (d->config->kind == DESTINATION_FILE && destination_file_over_ns(d) != UINT64_MAX) {
        uint64_t over_ns = destination_file_over_ns(d);
        uint64_t wait_ns = over_ns > d->export_ns ? over_ns - d->export_ns : 0;
        next_ns = d->monotonic_ns + wait_ns < next_ns ? d->monotonic_ns + wait_ns : next_ns;
    }
    if (d->shell && d->shell_by_ns < next_ns)
        next_ns = d->shell_by_ns;
    uint64_t spool_ns = destination_spool_next_ns(d);
    next_ns = spool_ns < next_ns ? spool_ns : next_ns;
    if (d->transport.ops->step && d->session_next_ns < next_ns)
        next_ns = d->session_next_ns;
    if (d->queue.closed_count && (!d->transport.ops->step || d->session)) {
        uint64_t send_ns = d->blocked ? d->monotonic_ns + retry_ns : d->pacing.open_ns;
        next_ns = send_ns < next_ns ? send_ns : next_ns;
    }
    return next_ns;
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
