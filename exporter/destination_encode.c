/*
 * Flow records, templates and options into the messages of one destination. See destination.h.
 */
#include "destination_encode.h"

#include "base/check.h"

enum { JSON_CHUNK_OCTETS = 64 * 1024 };

void destination_close_message(struct destination *d)
{
    struct queued_message *message = d->queue.open;
    if (!message)
        return;
    if (d->config->kind != DESTINATION_JSON) {
        message->counted = d->builder.data_records;
        message->octets = message_finish(&d->builder, d->export_ns);
        if (d->config->kind == DESTINATION_FILE)
            destination_file_finish_message(d, message);
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

static void put_definition(struct destination *d, enum options_kind kind)
{
    const struct options_template *template = &d->options.kinds[kind];
    destination_make_room(d, message_template_set(&d->builder, true),
                          options_definition_octets(d->config->version, template), true);
    options_put_definition(&d->builder, template);
}

static void put_options(struct destination *d)
{
    const struct options_template *kinds = d->options.kinds;
    if (kinds[OPTIONS_INTERFACES].id) {
        put_definition(d, OPTIONS_INTERFACES);
        for (uint32_t i = 0; i < d->process->interface_count; i++) {
            destination_make_room(d, kinds[OPTIONS_INTERFACES].id, kinds[OPTIONS_INTERFACES].octets,
                                  false);
            options_put_interface(&d->builder, &d->process->interfaces[i]);
        }
    }
    for (unsigned kind = OPTIONS_SAMPLING; kind <= OPTIONS_SAMPLING_ALGORITHM; kind++) {
        if (!kinds[kind].id)
            continue;
        put_definition(d, kind);
        destination_make_room(d, kinds[kind].id, kinds[kind].octets, false);
        options_put_sampling(&d->builder, d->process->sampling_interval,
                             kind == OPTIONS_SAMPLING_ALGORITHM);
    }
}

/* With every refresh too, so that the options data of one minute is in one message: nfcapd reports
 * a sequence error for each message that holds some. */
static void put_statistics(struct destination *d, bool define)
{
    const struct options_template *template = &d->options.kinds[OPTIONS_STATISTICS];
    const struct options_statistics statistics = {d->counters->octets, d->counters->messages,
                                                  d->counters->data_records};
    if (!template->id)
        return;
    if (define)
        put_definition(d, OPTIONS_STATISTICS);
    destination_make_room(d, template->id, template->octets, false);
    options_put_statistics(&d->builder, &statistics);
    d->statistics_sent_ns = d->monotonic_ns;
}

void destination_refresh(struct destination *d, bool options)
{
    destination_close_message(d);
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &d->templates.kinds[kind];
        if (!template->id)
            continue;
        destination_make_room(d, message_template_set(&d->builder, false),
                              template_definition_octets(d->config->version, template), false);
        message_put_template(&d->builder, template);
    }
    if (options) {
        put_options(d);
        put_statistics(d, true);
    }
    destination_close_message(d);
    d->refreshed = true;
    d->refresh_due = false;
    d->refreshed_ns = d->monotonic_ns;
    d->messages_since_refresh = 0;
}

void destination_send_statistics(struct destination *d)
{
    destination_close_message(d);
    /* Where nothing gets lost, a template is sent once in a session (RFC 7011 section 8.1). */
    put_statistics(d, destination_is_datagram(d->config->kind));
    destination_close_message(d);
}

uint32_t destination_refresh_messages(const struct destination *d, uint32_t message_octets)
{
    unsigned version = d->config->version;
    uint32_t octets = options_refresh_octets(&d->options, version, d->process->interface_count);
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
    bool repeats = destination_is_datagram(d->config->kind);
    /* A session begins with templates, see destination_send.c. */
    if (d->transport.ops->step ? !repeats || !d->session : d->refreshed && !repeats)
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

static void append_json(struct destination *d, const struct flow_record *record,
                        const unsigned sides[2], unsigned count, unsigned kind)
{
    struct queued_message *chunk = d->queue.open;
    if (!chunk)
        chunk = message_queue_open(&d->queue, d->monotonic_ns);
    char *start = (char *)chunk->data, *out = start + chunk->octets;
    for (unsigned i = 0; i < count; i++) {
        record_values_fill(&d->values, &d->context, record, sides[i]);
        out = json_line(out, &d->json[kind], &d->values);
    }
    chunk->octets = (uint32_t)(out - start);
    chunk->records++;
    chunk->data_records += count;
    if (chunk->octets >= JSON_CHUNK_OCTETS)
        destination_close_message(d);
}

static void append_message(struct destination *d, const struct flow_record *record,
                           const unsigned sides[2], unsigned count, unsigned kind)
{
    const struct template *template = &d->templates.kinds[kind];
    struct message_builder *builder = &d->builder;
    uint32_t octets = count * template->octets;
    if (!d->queue.open || !message_fits(builder, template->id, octets, false)) {
        destination_close_message(d);
        refresh_if_due(d);
        open_message(d);
    }
    message_set(builder, template->id, false);
    for (unsigned i = 0; i < count; i++) {
        record_values_fill(&d->values, &d->context, record, sides[i]);
        template_copy(template, &d->values, builder->data + builder->octets);
        builder->octets += template->octets;
        uint64_t end_ns = record->hot->last_ns[sides[i]];
        builder->newest_ns = builder->newest_ns > end_ns ? builder->newest_ns : end_ns;
        file_session_note(&d->file, record->cold->first_ns[sides[i]], end_ns);
    }
    builder->data_records += count;
    builder->all_records += count;
    d->queue.open->records++;
    d->queue.open->data_records += count;
}

void destination_append(struct destination *d, const struct flow_record *record)
{
    const struct flow_hot *hot = record->hot;
    unsigned state = flow_state(hot);
    unsigned initiator = (state & FLOW_STATE_INITIATOR_B) != 0;
    unsigned sides[2], count = 0;
    if (flow_packets(hot, record->cold, initiator))
        sides[count++] = initiator;
    if (flow_packets(hot, record->cold, initiator ^ 1u))
        sides[count++] = initiator ^ 1u;
    unsigned kind = record->hot6 ? TEMPLATE_IPV6 : 0;
    if (record->extra && record->extra->aggregate)
        kind |= TEMPLATE_AGGREGATE;
    else if (hot->key.protocol == (record->hot6 ? 58 : 1))
        kind |= TEMPLATE_ICMP;
    if (d->config->biflow && count == 2 && !(kind & (TEMPLATE_ICMP | TEMPLATE_AGGREGATE))) {
        kind |= TEMPLATE_BIFLOW;
        count = 1;
    }
    bool json = d->config->kind == DESTINATION_JSON;
    check(count > 0 && d->templates.kinds[kind].id);
    /* The times of message headers end in 2106. */
    uint64_t newest_ns = hot->last_ns[0] > hot->last_ns[1] ? hot->last_ns[0] : hot->last_ns[1];
    if (!json && newest_ns > UINT32_MAX * 1000000000ull) {
        destination_lose(d, DESTINATION_LOST_NOT_REPRESENTABLE);
        return;
    }
    ledger_count(&d->counters->records, 1);
    if (json)
        append_json(d, record, sides, count, kind);
    else
        append_message(d, record, sides, count, kind);
}
