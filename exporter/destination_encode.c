/*
 * Flow records, templates and options into the messages of one destination. See destination.h.
 */
#include "destination_encode.h"

#include "base/check.h"
#include "destination_merge.h"
#include "template/record_names.h"

enum {
    JSON_CHUNK_OCTETS = 64 * 1024,
    EXPORTER_ID = 1,
    UPTIME_MAX_S = UINT32_MAX / 1000, /* what sysUptime can tell */
    BOOT_AHEAD_S = 3600               /* of a moved boot second, so that it stays for a while */
};
static const uint64_t second_ns = 1000000000u;
/* Messages of options records that follow each other do not come as a burst. */
static const uint64_t options_pause_ns = 50 * 1000000ull;
static const uint64_t probe_interval_ns = 300 * 1000000000ull;

void destination_close_message(struct destination *d)
{
    struct queued_message *message = d->queue.open;
    if (!message)
        return;
    if (!destination_is_json(d->config)) {
        message->counted = d->builder.data_records;
        message->octets = message_finish(&d->builder, d->export_ns);
        if (d->config->kind == DESTINATION_FILE)
            destination_file_finish_message(d, message);
        if (d->kafka.partitioned)
            destination_kafka_finish_message(d, message);
        d->messages_since_refresh++;
    }
    message_queue_close(&d->queue);
}

static void open_message(struct destination *d)
{
    struct queued_message *message = message_queue_open(&d->queue, d->monotonic_ns);
    message_begin(&d->builder, message->data, d->message_octets);
    if (d->config->kind == DESTINATION_FILE)
        destination_file_begin_message(d);
    if (d->kafka.partitioned)
        destination_kafka_begin_message(d);
}

/* ---- sysUptime of NetFlow v5 and v9 ---- */

/* Closes the message under construction and lets sysUptime begin so that it can tell what is from
 * START_S to NEWEST_S. Collectors take the boot second from the header of each message, so that it
 * may move between two, and a good many do not know what to do when sysUptime passes 2^32. False if
 * no boot second will do: START_S is 49.7 days before NEWEST_S. */
static bool move_boot(struct destination *d, uint64_t start_s, uint64_t newest_s)
{
    uint64_t boot_s = start_s > BOOT_AHEAD_S ? start_s - BOOT_AHEAD_S : 0;
    if (newest_s - boot_s > UPTIME_MAX_S)
        return false;
    destination_close_message(d);
    destination_put_boot(d, (uint32_t)boot_s);
    return true;
}

static bool has_uptime(const struct destination *d)
{
    return d->config->kind != DESTINATION_JSON && d->config->version != 10;
}

static bool boot_suits(const struct destination *d, uint64_t start_s, uint64_t newest_s)
{
    return d->builder.boot_s <= start_s && newest_s - d->builder.boot_s <= UPTIME_MAX_S;
}

void destination_follow_clock(struct destination *d, uint64_t export_ns)
{
    uint64_t export_s = export_ns / second_ns + 1;
    if (export_ns && has_uptime(d) && d->builder.boot_s && !boot_suits(d, export_s, export_s))
        move_boot(d, export_s, export_s);
}

/* Before a record is encoded: false if sysUptime cannot tell its times and has to. */
static bool follow_record(struct destination *d, const struct flow_record *record,
                          const unsigned sides[2], unsigned count)
{
    if (!has_uptime(d))
        return true;
    uint64_t start_ns = UINT64_MAX, newest_ns = d->export_ns;
    if (d->queue.open && d->builder.newest_ns > newest_ns)
        newest_ns = d->builder.newest_ns;
    for (unsigned i = 0; i < count; i++) {
        uint64_t first_ns = record->cold->first_ns[sides[i]];
        uint64_t last_ns = record->hot->last_ns[sides[i]];
        start_ns = first_ns < start_ns ? first_ns : start_ns;
        start_ns = last_ns < start_ns ? last_ns : start_ns;
        newest_ns = last_ns > newest_ns ? last_ns : newest_ns;
    }
    uint64_t start_s = start_ns / second_ns, newest_s = newest_ns / second_ns + 1;
    return boot_suits(d, start_s, newest_s) || move_boot(d, start_s, newest_s) ||
           !(d->templates.groups & VALUES_UPTIME);
}

void destination_make_room(struct destination *d, uint16_t id, uint32_t octets, bool new_set)
{
    if (!d->queue.open) {
        open_message(d);
    } else if (!message_fits(&d->builder, id, octets, new_set)) {
        destination_close_message(d);
        open_message(d);
    }
    debug_check(message_fits(&d->builder, id, octets, new_set));
    message_set(&d->builder, id, new_set);
}

/* Whether definition (of the first record) and record still fit into the open message. */
static bool options_fit(const struct destination *d, const struct options_template *template,
                        bool first)
{
    uint32_t octets = template->octets;
    if (!d->queue.open)
        return true;
    if (!first)
        return message_fits(&d->builder, template->id, octets, false);
    octets += options_definition_octets(d->config->version, template);
    octets += SET_HEADER_OCTETS + SET_PADDING_UNIT;
    return message_fits(&d->builder, message_template_set(&d->builder, true), octets, true);
}

/* DEFINE: the first record of a kind stands behind the kind's template. */
static void put_options_record(struct destination *d, enum options_kind kind, uint32_t i,
                               bool define)
{
    const struct options_template *template = &d->options.kinds[kind];
    const struct options_source source = {.process = d->process,
                                          .templates = &d->templates,
                                          .counters = d->counters,
                                          .metering = d->metering,
                                          .export_ns = d->export_ns,
                                          .exporter_ipv4 = d->local_ipv4,
                                          .exporter_id = EXPORTER_ID};
    /* In Kafka every message is complete in itself. */
    if (d->kafka.partitioned && !options_fit(d, template, true))
        destination_close_message(d);
    define = d->kafka.partitioned ? i == 0 || !d->queue.open : i == 0 && define;
    if (define) {
        destination_make_room(d, message_template_set(&d->builder, true),
                              options_definition_octets(d->config->version, template), true);
        options_put_definition(&d->builder, template);
    }
    destination_make_room(d, template->id, template->octets, false);
    options_put_record(&d->builder, &d->options, kind, i, &source);
    if (kind == OPTIONS_EXPORTED)
        d->statistics_sent_ns = d->monotonic_ns;
    if (kind == OPTIONS_PROBE)
        d->probe_sent_ns = d->monotonic_ns;
}

/* Records of KIND to be sent now. */
static uint32_t options_due(const struct destination *d, enum options_kind kind)
{
    if (!d->options.kinds[kind].id)
        return 0;
    if (kind == OPTIONS_PROBE && d->probe_sent_ns &&
        d->monotonic_ns - d->probe_sent_ns < probe_interval_ns)
        return 0;
    return options_record_count(&d->options, kind, d->process, &d->templates);
}

/* Options records from the one that waits on: all, or what fits into the open message. */
static void put_options(struct destination *d, bool all)
{
    /* Where nothing gets lost, a template is sent once in a session (RFC 7011 section 8.1). */
    bool define = all || destination_is_datagram(d->config->kind);
    while (d->options_kind < OPTIONS_KINDS) {
        enum options_kind kind = d->options_kind;
        if (d->options_index >= options_due(d, kind)) {
            d->options_kind++;
            d->options_index = 0;
            continue;
        }
        if (!all && !options_fit(d, &d->options.kinds[kind], d->options_index == 0)) {
            d->options_next_ns = d->monotonic_ns + options_pause_ns;
            return;
        }
        put_options_record(d, kind, d->options_index++, define);
        if (kind == OPTIONS_PROBE) /* from now on it is not due any more */
            d->options_kind = OPTIONS_KINDS;
    }
    d->options_index = 0;
}

void destination_refresh(struct destination *d, bool options)
{
    bool by_and_by = d->refreshed && !d->process->offline;
    bool templates = d->config->version != 5;
    uint32_t partition = destination_kafka_enter(d, 0);
    if (templates)
        destination_close_message(d);
    for (uint32_t i = 0; options && i < options_due(d, OPTIONS_TYPES); i++)
        put_options_record(d, OPTIONS_TYPES, i, true);
    bool apart = templates && !d->kafka.partitioned;
    for (unsigned kind = 0; apart && kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &d->templates.kinds[kind];
        if (!template->id)
            continue;
        destination_make_room(d, message_template_set(&d->builder, false),
                              template_definition_octets(d->config->version, template), false);
        message_put_template(&d->builder, template);
    }
    if (options && templates) {
        d->options_kind = OPTIONS_AFTER_TEMPLATES;
        d->options_index = 0;
        put_options(d, !by_and_by);
    }
    if (templates)
        destination_close_message(d);
    destination_kafka_enter(d, partition);
    d->refreshed = true;
    d->refresh_due = false;
    d->refreshed_ns = d->monotonic_ns;
    d->messages_since_refresh = 0;
}

void destination_send_statistics(struct destination *d)
{
    if (d->options_kind != OPTIONS_KINDS)
        return; /* statistics are the last of those that wait */
    d->options_kind = OPTIONS_STATISTICS_FIRST;
    destination_send_options(d);
}

void destination_send_options(struct destination *d)
{
    uint32_t partition = destination_kafka_enter(d, 0);
    destination_close_message(d);
    put_options(d, false);
    destination_close_message(d);
    destination_kafka_enter(d, partition);
}

uint32_t destination_refresh_messages(const struct destination *d, uint32_t message_octets)
{
    unsigned version = d->config->version;
    uint32_t octets = options_refresh_octets(&d->options, version, d->process, &d->templates);
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
        if (d->templates.kinds[kind].id)
            octets += template_definition_octets(version, &d->templates.kinds[kind]);
    /* Less than half of a message can stay unused: nothing in a refresh is larger. */
    return 2 + octets / (message_octets / 2);
}

static void refresh_if_due(struct destination *d)
{
    if (d->config->kind == DESTINATION_FILE && destination_file_is_over(d))
        destination_file_end(d);
    bool repeats = destination_repeats(d);
    /* A session begins with templates, see destination_send.c. */
    if (d->transport.ops->step && !d->kafka.partitioned ? !repeats || !d->session
                                                        : d->refreshed && !repeats)
        return;
    uint64_t refresh_ns = d->process->template_refresh_s * 1000000000ull;
    uint64_t refresh_messages = d->process->template_refresh_messages;
    bool due = !d->refreshed ||
               (d->refresh_due && d->monotonic_ns - d->refreshed_ns >= REFUSED_REFRESH_NS) ||
               (refresh_ns && d->monotonic_ns - d->refreshed_ns >= refresh_ns) ||
               (refresh_messages && d->messages_since_refresh >= refresh_messages);
    /* Offline, options go out before the first flow record only: collectors that number flow
     * records alone would report a gap for later ones. */
    if (due)
        destination_refresh(d, !d->refreshed || !d->process->offline);
}

/* The record that was just encoded belongs to MESSAGE. */
static void count_record(const struct destination *d, struct queued_message *message)
{
    message->records += d->record_count;
    message->packets += d->record_packets;
    message->ip_octets += d->record_octets;
}

/* Kafka: each line is a message. The record belongs to the last of them, which is in the same
 * partition: when that has arrived, all have. */
static void append_json_messages(struct destination *d, const struct flow_record *record,
                                 const unsigned sides[2], unsigned count, unsigned kind)
{
    record_names_fill(&d->values, &d->context, record);
    for (unsigned i = 0; i < count; i++) {
        struct queued_message *message = message_queue_open(&d->queue, d->monotonic_ns);
        char *start = (char *)message->data;
        record_values_fill(&d->values, &d->context, record, sides[i]);
        message->octets =
            (uint32_t)(json_line(start, &d->json[kind], &d->values) - start) - 1; /* line feed */
        message->key = record->cold->flow_id;
        message->data_records = 1;
        if (i + 1 == count)
            count_record(d, message);
        message_queue_close(&d->queue);
    }
}

static void append_json(struct destination *d, const struct flow_record *record,
                        const unsigned sides[2], unsigned count, unsigned kind)
{
    struct queued_message *chunk = d->queue.open;
    if (!chunk)
        chunk = message_queue_open(&d->queue, d->monotonic_ns);
    char *start = (char *)chunk->data, *out = start + chunk->octets;
    record_names_fill(&d->values, &d->context, record);
    for (unsigned i = 0; i < count; i++) {
        record_values_fill(&d->values, &d->context, record, sides[i]);
        out = json_line(out, &d->json[kind], &d->values);
    }
    chunk->octets = (uint32_t)(out - start);
    count_record(d, chunk);
    chunk->data_records += count;
    if (chunk->octets >= JSON_CHUNK_OCTETS)
        destination_close_message(d);
}

/* Makes the open message's open Set that of TEMPLATE with room for OCTETS. */
static void open_for(struct destination *d, const struct template *template, uint32_t octets)
{
    if (!d->queue.open || !message_fits(&d->builder, template->id, octets, false)) {
        destination_close_message(d);
        refresh_if_due(d);
        open_message(d);
    }
    message_set(&d->builder, template->id, false);
}

/* What stands in the values becomes a data record of the open message. */
static void put_values(struct destination *d, const struct template *template,
                       const struct flow_record *record, unsigned side)
{
    struct message_builder *builder = &d->builder;
    uint64_t end_ns = record->hot->last_ns[side];
    uint8_t *out = builder->data + builder->octets;
    template_copy(template, &d->values, out);
    builder->octets += template->octets;
    if (template->name_count) {
        uint32_t fixed = template->octets - template->name_count;
        uint32_t names = record_names_put(template, &d->values, out + fixed);
        builder->octets += names - template->name_count;
    }
    builder->newest_ns = builder->newest_ns > end_ns ? builder->newest_ns : end_ns;
    file_session_note(&d->file, record->cold->first_ns[side], end_ns);
    d->queue.open->templates |= 1u << (template - d->templates.kinds);
}

static void count_data_records(struct destination *d, unsigned count)
{
    d->builder.data_records += count;
    d->builder.all_records += count;
    d->queue.open->data_records += count;
}

/* Octets of each of the COUNT data records of RECORD by TEMPLATE, which have to fit into one
 * message: names may have to be left out for that. */
static uint32_t record_octets(struct destination *d, const struct template *template,
                              const struct flow_record *record, unsigned count)
{
    enum { HEADERS = 32 }; /* of message and Set, and what padding may take */
    if (template->name_count == 0)
        return template->octets;
    uint32_t room = (d->message_octets - d->kafka.reserved - HEADERS) / count;
    room = room > template->octets ? room - template->octets : 0;
    record_names_fill(&d->values, &d->context, record);
    return template->octets + record_names_fit(template, &d->values, room);
}

static void append_message(struct destination *d, const struct flow_record *record,
                           const unsigned sides[2], unsigned count, unsigned kind)
{
    const struct template *template = &d->templates.kinds[kind];
    destination_kafka_enter_flow(d, record->cold->flow_id);
    open_for(d, template, count * record_octets(d, template, record, count));
    for (unsigned i = 0; i < count; i++) {
        record_values_fill(&d->values, &d->context, record, sides[i]);
        put_values(d, template, record, sides[i]);
    }
    count_data_records(d, count);
    count_record(d, d->queue.open);
}

/* A record whose counters need more than 32 bits, as several data records of each direction. */
static void append_pieces(struct destination *d, const struct flow_record *record,
                          const unsigned sides[2], unsigned count, unsigned kind)
{
    const struct template *template = &d->templates.kinds[kind];
    bool counted = false;
    destination_kafka_enter_flow(d, record->cold->flow_id);
    for (unsigned i = 0; i < count; i++) {
        uint32_t pieces = record_pieces(&d->context, record, sides[i]);
        for (uint32_t piece = 0; piece < pieces; piece++) {
            if (!counted)
                open_for(d, template, template->octets);
            else
                destination_make_room(d, template->id, template->octets, false);
            record_values_fill_piece(&d->values, &d->context, record, sides[i], piece, pieces);
            put_values(d, template, record, sides[i]);
            count_data_records(d, 1);
            if (!counted)
                count_record(d, d->queue.open);
            counted = true;
        }
    }
}

/* Whether version and profile can tell the record at all. *SPLIT: in pieces. */
static bool can_tell(const struct destination *d, const struct flow_record *record, unsigned kind,
                     bool *split)
{
    const uint64_t *last_ns = record->hot->last_ns;
    /* The times of message headers end in 2106. */
    uint64_t newest_ns = last_ns[0] > last_ns[1] ? last_ns[0] : last_ns[1];
    bool json = destination_is_json(d->config);
    *split = false;
    if (!d->templates.kinds[kind].id || (!json && newest_ns > UINT32_MAX * 1000000000ull))
        return false;
    if (!d->bounded)
        return true;
    for (unsigned side = 0; side < 2; side++) {
        uint32_t pieces = 1;
        if (flow_packets(record->hot, record->cold, side))
            pieces = record_pieces(&d->context, record, side);
        if (pieces == 0)
            return false;
        *split |= pieces > 1;
    }
    return true;
}

void destination_encode(struct destination *d, const struct flow_record *record)
{
    const struct flow_hot *hot = record->hot;
    unsigned state = flow_state(hot);
    unsigned initiator = (state & FLOW_STATE_INITIATOR_B) != 0;
    unsigned sides[2], count = 0;
    bool split;
    if (flow_packets(hot, record->cold, initiator))
        sides[count++] = initiator;
    if (flow_packets(hot, record->cold, initiator ^ 1u))
        sides[count++] = initiator ^ 1u;
    unsigned kind = record->hot6 ? TEMPLATE_IPV6 : 0;
    if (record->extra && record->extra->aggregate)
        kind |= TEMPLATE_AGGREGATE;
    else if (hot->key.protocol == (record->hot6 ? 58 : 1))
        kind |= TEMPLATE_ICMP;
    check(count > 0);
    bool both = d->config->biflow && count == 2 && !(kind & (TEMPLATE_ICMP | TEMPLATE_AGGREGATE));
    if (!can_tell(d, record, both ? kind | TEMPLATE_BIFLOW : kind, &split) ||
        !follow_record(d, record, sides, count)) {
        destination_lose_taken(d, DESTINATION_LOST_NOT_REPRESENTABLE);
        return;
    }
    if (split) {
        append_pieces(d, record, sides, count, kind);
        return;
    }
    if (both) {
        kind |= TEMPLATE_BIFLOW;
        count = 1;
    }
    if (d->config->kind == DESTINATION_KAFKA && d->json)
        append_json_messages(d, record, sides, count, kind);
    else if (d->json)
        append_json(d, record, sides, count, kind);
    else
        append_message(d, record, sides, count, kind);
}

void destination_append(struct destination *d, const struct flow_record *record)
{
    ledger_count(&d->counters->records, 1);
    if (!destination_merge(d, record))
        destination_encode(d, record);
}

uint32_t destination_record_messages(const struct destination *d, uint32_t message_octets)
{
    enum { HEADERS = 32 }; /* of message and Set, and what padding may take */
    if (!d->bounded)
        return 1;
    uint32_t room = message_octets - HEADERS, fewest = UINT32_MAX;
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &d->templates.kinds[kind];
        if (template->id && room / template->octets < fewest)
            fewest = room / template->octets;
    }
    if (d->config->version == 5 && fewest > NETFLOW5_RECORDS_MAX)
        fewest = NETFLOW5_RECORDS_MAX;
    check(fewest > 0);
    return 2 + 2 * RECORD_PIECES_MAX / fewest;
}
