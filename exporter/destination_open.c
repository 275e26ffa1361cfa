/*
 * How a destination is opened, also one that is to change another one. See destination.h and
 * destination_change.h. Control thread.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "destination_change.h"
#include "destination_encode.h"
#include "destination_merge.h"

enum {
    FILE_MESSAGE_OCTETS = 65532,      /* RFC 7011: at most 65,535; whole padding units */
    KAFKA_MESSAGE_OCTETS = 16 * 1024, /* templates in front take a few hundred of them */
    JSON_CHUNK_ROOM = 64 * 1024 + 2 * JSON_LINE_MAX
};

static int open_transport(struct destination *d, struct error *error)
{
    uint32_t octets = 0;
    int status = 0;
    switch (d->config->kind) {
    case DESTINATION_UDP:
        status = transport_udp_open(&d->transport, d->config, &octets, error);
        break;
    case DESTINATION_TCP:
    case DESTINATION_TLS:
    case DESTINATION_DTLS:
    case DESTINATION_SCTP:
        status = transport_connection_open(&d->transport, d->config, &octets, error);
        break;
    case DESTINATION_KAFKA: /* of a JSON record see prepare_json() */
        octets = KAFKA_MESSAGE_OCTETS;
        status = transport_kafka_open(&d->transport, d->config, error);
        break;
    case DESTINATION_FILE:
    case DESTINATION_JSON:
        octets = d->config->kind == DESTINATION_FILE ? FILE_MESSAGE_OCTETS : JSON_CHUNK_ROOM;
        status = transport_file_open(&d->transport, d->config, error);
        break;
    }
    d->opened_octets = octets;
    return status;
}

/* What the transport of BEFORE permits if it is kept: an MTU may have changed. */
static uint32_t kept_octets(const struct destination *d, const struct destination *before)
{
    if (d->config->kind != DESTINATION_UDP)
        return before->opened_octets;
    return before->opened_octets + d->config->mtu - before->config->mtu;
}

/* Slots that one more record may need, with a refresh before it. A path may come to permit less
 * than now, and where there are sessions a refresh in front of the queue may meet one that waits in
 * it. */
static uint32_t slots_for_record(const struct destination *d)
{
    bool datagrams = destination_is_datagram(d->config->kind);
    uint32_t octets = datagrams ? DESTINATION_PATH_MIN : d->message_octets - d->kafka.reserved;
    uint32_t messages = destination_refresh_messages(d, octets);
    if (destination_can_spool(d->config->kind)) /* it has sessions */
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

/* Everything that makes messages. */
static int prepare_encoder(struct destination *d, struct error *error)
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
    if (json)
        return prepare_json(d, error);
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
    return 0;
}

/* The queue; none if that of BEFORE, which may be NULL, is as good. */
static int prepare_queue(struct destination *d, const struct destination *before,
                         struct error *error)
{
    uint32_t slots_min = d->slots_reserved + 2;
    if (destination_spool_is_wanted(d)) /* live and replayed messages, and room for what comes */
        slots_min = 4 * d->slots_reserved + 2 * TRANSPORT_BURST_MAX;
    if (destination_spool_is_wanted(d) &&
        d->json) /* in each half, what comes between two sendings */
        slots_min += 2 * DESTINATION_PORTION_MAX * d->slots_reserved;
    if (d->kafka.partitioned) /* with a spool, half of the queue is for other messages */
        slots_min += (destination_spool_is_wanted(d) ? 2u : 1u) * MESSAGE_QUEUE_PARKED_MAX;
    uint64_t octets;
    uint64_t slots = message_queue_slots(d->message_octets, VALUES_COPY_UNIT,
                                         d->process->queue_octets_max, slots_min, &octets);
    d->queue_slots = (uint32_t)slots;
    uint32_t message_octets = d->message_octets;
    if (before) {
        const struct message_queue *queue = &before->queue;
        if (slots <= queue->slot_count && octets <= queue->slot_octets)
            return 0;
        /* Whatever that one holds must find a place. */
        uint32_t held = queue->slot_octets - (uint32_t)sizeof(struct queued_message);
        held -= VALUES_COPY_UNIT;
        message_octets = held > message_octets ? held : message_octets;
        slots_min = queue->slot_count > d->queue_slots ? queue->slot_count : d->queue_slots;
    }
    if (message_queue_create(&d->queue, message_octets, VALUES_COPY_UNIT,
                             d->process->queue_octets_max, slots_min, error) != 0)
        return -1;
    if (before)
        d->queue.withheld = d->queue.slot_count - d->queue_slots;
    else
        d->queue_slots = d->queue.slot_count;
    return 0;
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

static bool is_kept(const struct destination *d)
{
    return d->config->kind == DESTINATION_UDP && d->process->state && !d->process->offline;
}

/* Opens what is needed of its own; BEFORE: it is to change that one in place. */
static int open_parts(struct destination *d, const struct destination *before, struct error *error)
{
    bool keeps = before && !destination_transport_differs(before, d);
    if (is_kept(d) && !keeps)
        d->config->source_port = (uint16_t)state_value(
            export_state_destination(d->process->state, d->config)->source_port);
    if (keeps)
        d->opened_octets = kept_octets(d, before);
    else if (open_transport(d, error) != 0)
        return -1;
    d->message_octets = d->opened_octets;
    if (destination_is_datagram(d->config->kind))
        d->message_octets = d->opened_octets / SET_PADDING_UNIT * SET_PADDING_UNIT;
    if (is_kept(d) && !keeps)
        go_on(d);
    return prepare_encoder(d, error);
}

static int create(struct destination *d, const struct destination *before,
                  enum destination_change *change, struct error *error)
{
    if (!destination_config_check(d->config, error) ||
        !destination_sampling_check(d->config, d->process->sampling_interval, error))
        return -1;
    bool in_place = before && destination_may_stay(before, d);
    if (in_place && !destination_file_may_change(before, d, error))
        return -1;
    if (open_parts(d, in_place ? before : NULL, error) != 0)
        return -1;
    if (in_place && !destination_encodes_alike(before, d)) { /* another session is needed */
        in_place = false;
        if (!d->transport.ops && open_transport(d, error) != 0)
            return -1;
    }
    *change = in_place ? CHANGE_IN_PLACE : before ? CHANGE_SUCCESSOR : CHANGE_NEW;
    if (in_place)
        destination_avoid_ids(before, d);
    if (prepare_queue(d, in_place ? before : NULL, error) != 0)
        return -1;
    return destination_spool_open(d, error);
}

int destination_create(struct destination *d, const struct destination_config *config,
                       const struct exporting_process_config *process,
                       const struct destination *before, enum destination_change *change,
                       struct error *error)
{
    memset(d, 0, sizeof *d);
    d->config = malloc(sizeof *d->config);
    if (!d->config) {
        error_set(error, "%s: not enough memory", config->name);
        return -1;
    }
    *d->config = *config;
    d->process = process;
    if (create(d, before, change, error) == 0)
        return 0;
    destination_destroy(d);
    return -1;
}

void destination_destroy(struct destination *d)
{
    if (d->shell) {
        destination_destroy(d->shell);
        free(d->shell);
    }
    if (d->transport.ops)
        d->transport.ops->close(d->transport.state);
    destination_spool_close(d);
    message_queue_destroy(&d->queue);
    crypto_pan_destroy(d->anonymiser);
    client_ports_destroy(d->client_ports);
    free(d->kafka.sequences);
    free(d->json);
    free(d->config);
    memset(d, 0, sizeof *d);
}
