/*
 * One destination: opening, stepping, sending, giving up. See destination.h; the encoding half is
 * in destination_encode.c, the sending half in destination_send.c.
 */
#include "destination.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "destination_encode.h"
#include "destination_merge.h"

enum {
    FILE_MESSAGE_OCTETS = 65532,      /* RFC 7011: at most 65,535; whole padding units */
    KAFKA_MESSAGE_OCTETS = 16 * 1024, /* templates in front take a few hundred of them */
    JSON_CHUNK_ROOM = 64 * 1024 + 2 * JSON_LINE_MAX,
    PATH_MESSAGE_MIN = 464, /* in a packet of 512 octets, IPv6 and UDP headers taken off */
};
static const uint64_t second_ns = 1000000000u;
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
    case DESTINATION_TCP:
    case DESTINATION_TLS:
    case DESTINATION_DTLS:
    case DESTINATION_SCTP: {
        uint32_t octets = 0;
        if (transport_connection_open(&d->transport, d->config, &octets, error) != 0)
            return -1;
        d->message_octets = octets / SET_PADDING_UNIT * SET_PADDING_UNIT;
        return 0;
    }
    case DESTINATION_KAFKA: /* of a JSON record see destination_prepare() */
        d->message_octets = KAFKA_MESSAGE_OCTETS;
        return transport_kafka_open(&d->transport, d->config, error);
    case DESTINATION_FILE:
        d->message_octets = FILE_MESSAGE_OCTETS;
        break;
    case DESTINATION_JSON:
        d->message_octets = JSON_CHUNK_ROOM;
        break;
    }
    return transport_file_open(&d->transport, d->config, error);
}

/* Slots that one more record may need, with a refresh before it. A path may come to permit less
 * than now, and where there are sessions a refresh in front of the queue may meet one that waits in
 * it. */
static uint32_t slots_for_record(const struct destination *d)
{
    bool datagrams = destination_is_datagram(d->config->kind);
    uint32_t octets = datagrams ? PATH_MESSAGE_MIN : d->message_octets - d->kafka.reserved;
    uint32_t messages = destination_refresh_messages(d, octets);
    if (d->transport.ops->step)
        messages *= 2;
    return messages + destination_record_messages(d, octets) + destination_file_messages(d) + 1;
}

/* The IPv4 address that the kernel would send from; 0 if it is none. */
static uint32_t local_ipv4_of(const struct destination_config *config)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htobe16(config->port)};
    socklen_t octets = sizeof address;
    uint32_t found = 0;
    if (inet_pton(AF_INET, config->source_address, &found) == 1)
        return found;
    if (inet_pton(AF_INET, config->host, &address.sin_addr) != 1)
        return 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &octets) == 0)
        found = address.sin_addr.s_addr;
    close(fd);
    return found;
}

static int open_anonymiser(struct destination *d, struct error *error)
{
    uint8_t key[CRYPTO_PAN_KEY_OCTETS];
    struct error problem = {""};
    if (!d->config->anonymisation_key[0])
        return 0;
    if (crypto_pan_read_key(d->config->anonymisation_key, key, &problem) == 0)
        d->anonymiser = crypto_pan_create(key, &problem);
    explicit_bzero(key, sizeof key);
    d->context.anonymiser = d->anonymiser;
    if (!d->anonymiser)
        error_set(error, "%.300s: anonymise: %s", d->config->name, problem.text);
    return d->anonymiser ? 0 : -1;
}

static int prepare_json(struct destination *d, struct error *error)
{
    bool kafka = d->config->kind == DESTINATION_KAFKA;
    d->slots_reserved = 2; /* Kafka: a message for each direction */
    d->json = calloc(TEMPLATE_KINDS, sizeof *d->json);
    if (!d->json) {
        error_set(error, "%s: not enough memory", d->config->name);
        return -1;
    }
    d->message_octets = kafka ? 0 : d->message_octets;
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        json_plan_init(&d->json[kind], &d->templates.kinds[kind]);
        uint32_t octets = json_line_bound(&d->json[kind]);
        if (kafka && octets > d->message_octets)
            d->message_octets = octets;
    }
    return 0;
}

static int destination_prepare(struct destination *d, struct error *error)
{
    bool json = destination_is_json(d->config);
    template_set_init(&d->templates, d->config);
    values_context_init(&d->context, d->process, d->config, d->templates.groups,
                        d->templates.vlan_outer);
    if (open_anonymiser(d, error) != 0 || destination_merge_open(d, error) != 0)
        return -1;
    pacing_init(&d->pacing, d->config, d->process->offline);
    d->builder.version = d->config->version;
    d->builder.domain = d->config->domain;
    d->bounded = !json && (d->config->profile == PROFILE_SILK || d->config->profile == PROFILE_V5);
    d->options_kind = OPTIONS_KINDS;
    if (!json) {
        if (d->process->sampling_interval > 1 && !d->config->scale)
            d->builder.sampling = d->process->sampling_interval;
        options_set_init(&d->options, d->config, d->process, &d->templates);
        if (d->config->kind == DESTINATION_FILE)
            destination_file_init(d);
        if (destination_is_partitioned(d->config) && destination_kafka_init(d, error) != 0)
            return -1;
        d->slots_reserved = slots_for_record(d);
        if (d->options.kinds[OPTIONS_PROBE].id)
            d->local_ipv4 = local_ipv4_of(d->config);
    } else if (prepare_json(d, error) != 0) {
        return -1;
    }
    uint32_t slots_min = d->slots_reserved + 2;
    if (destination_spool_is_wanted(d)) /* live and replayed messages, and room for what comes */
        slots_min = 4 * d->slots_reserved + 2 * TRANSPORT_BURST_MAX;
    if (destination_spool_is_wanted(d) &&
        d->json) /* in each half, what comes between two sendings */
        slots_min += 2 * DESTINATION_PORTION_MAX * d->slots_reserved;
    if (d->kafka.partitioned) /* with a spool, half of the queue is for other messages */
        slots_min += (destination_spool_is_wanted(d) ? 2u : 1u) * MESSAGE_QUEUE_PARKED_MAX;
    return message_queue_create(&d->queue, d->message_octets, VALUES_COPY_UNIT,
                                d->process->queue_octets_max, slots_min, error);
}

/* Goes on where the last run ended: the collector sees no restart. */
static void go_on(struct destination *d)
{
    d->kept = export_state_destination(d->process->state, d->config);
    d->builder.sequence = state_value(d->kept->sequence);
    uint16_t port = transport_udp_port(&d->transport);
    uint32_t port_before = state_value(d->kept->source_port);
    if (port_before && port_before != port) {
        error_set(&d->news, "%s: source port %u of the last run is taken: sending from %u",
                  d->config->name, port_before, port);
        d->news_untold = true;
    }
    state_put(&d->kept->source_port, port);
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
    if (!destination_sampling_check(config, process->sampling_interval, error))
        return -1;
    if (destination_open(d, error) != 0)
        return -1;
    if (d->config->kind == DESTINATION_UDP && process->state && !process->offline)
        go_on(d);
    if (destination_prepare(d, error) != 0 || destination_spool_open(d, error) != 0) {
        destination_destroy(d);
        return -1;
    }
    return 0;
}

void destination_destroy(struct destination *d)
{
    if (d->transport.ops)
        d->transport.ops->close(d->transport.state);
    destination_spool_close(d);
    message_queue_destroy(&d->queue);
    crypto_pan_destroy(d->anonymiser);
    client_ports_destroy(d->client_ports);
    free(d->kafka.sequences);
    free(d->json);
    memset(d, 0, sizeof *d);
}

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
    return d->queue.free_count >= d->slots_reserved;
}

bool destination_is_empty(const struct destination *d)
{
    /* A collector that was never reached is waited for, or nobody would know that it is not there.
     */
    bool waits = d->transport.ops->step && !d->reached && !d->broken;
    waits = waits && !destination_spool_is_patient(d);
    bool merged = client_ports_due_ns(d->client_ports) == UINT64_MAX;
    return d->queue.closed_count == 0 && !d->queue.open && !d->queue.parked_count && merged &&
           !waits;
}

uint64_t destination_walk(const struct destination *d)
{
    return message_queue_walk(&d->queue) + client_ports_walk(d->client_ports);
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
    octets = octets < PATH_MESSAGE_MIN && octets ? PATH_MESSAGE_MIN : octets;
    if (octets && octets < d->message_octets)
        d->message_octets = octets / SET_PADDING_UNIT * SET_PADDING_UNIT;
}

void destination_step(struct destination *d, uint64_t monotonic_ns, uint64_t export_ns)
{
    d->monotonic_ns = monotonic_ns;
    destination_follow_clock(d, export_ns); /* what is open still has the old one */
    d->export_ns = export_ns;
    follow_path(d);
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
        return next_ns;
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
