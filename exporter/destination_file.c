/*
 * The sessions of a file destination. See destination_file.h.
 */
#include "destination_file.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "destination_encode.h"
#include "encode/md5.h"

enum {
    /* Definition and record of the time window, and of the checksum, with headers and padding. */
    CLOSING_OCTETS = 256,
    EXPORT_TIME_AT = 4,
};
static const uint64_t millisecond_ns = 1000000u, second_ns = 1000000000u;

static const uint16_t window_fields[] = {
    ELEMENT_SESSION_SCOPE, ELEMENT_MIN_EXPORT_SECONDS, ELEMENT_MAX_EXPORT_SECONDS,
    ELEMENT_MIN_FLOW_START_MILLISECONDS, ELEMENT_MAX_FLOW_END_MILLISECONDS};
static const uint16_t checksum_fields[] = {ELEMENT_MESSAGE_SCOPE, ELEMENT_MESSAGE_MD5_CHECKSUM};

static bool id_is_taken(const struct destination *d, uint16_t id)
{
    for (unsigned i = 0; i < TEMPLATE_KINDS; i++)
        if (d->templates.kinds[i].id == id)
            return true;
    for (unsigned i = 0; i < OPTIONS_KINDS; i++)
        if (d->options.kinds[i].id == id)
            return true;
    return d->file.window.id == id || d->file.checksum.id == id;
}

static void set_up(struct destination *d, struct options_template *template, const uint16_t *fields,
                   unsigned count)
{
    template->field_count = (uint16_t)count;
    template->scope_count = 1;
    for (unsigned i = 0; i < count; i++) {
        template->fields[i] = fields[i];
        template->octets = (uint16_t)(template->octets + element_table[fields[i]].octets);
    }
    uint16_t id = template_id_of(d->config->version, fields, count);
    while (id_is_taken(d, id))
        id = id == 65535 ? TEMPLATE_ID_MIN : (uint16_t)(id + 1);
    template->id = id;
}

static void start_over(struct file_session *file)
{
    file->begun = false;
    file->window_due = false;
    file->octets = 0;
    file->start_ns = UINT64_MAX;
    file->end_ns = 0;
}

void destination_file_init(struct destination *d)
{
    static_assert(sizeof window_fields <= sizeof d->file.window.fields, "the window has room");
    start_over(&d->file);
    set_up(d, &d->file.window, window_fields, sizeof window_fields / sizeof window_fields[0]);
    if (d->config->checksum)
        set_up(d, &d->file.checksum, checksum_fields,
               sizeof checksum_fields / sizeof checksum_fields[0]);
}

uint32_t destination_file_messages(const struct destination *d)
{
    return d->config->kind == DESTINATION_FILE ? 2 : 0;
}

static void put_definition(struct destination *d, const struct options_template *template)
{
    message_set(&d->builder, message_template_set(&d->builder, true), true);
    options_put_definition(&d->builder, template);
}

/* The scope's value, which RFC 5655 wants to be 0; also counts the record. */
static void put_scope(struct message_builder *builder)
{
    builder->data[builder->octets++] = 0;
    builder->data_records++;
    builder->all_records++;
}

void destination_file_begin_message(struct destination *d)
{
    struct file_session *file = &d->file;
    file->checksum_at = 0;
    if (!file->checksum.id)
        return;
    if (!file->begun)
        put_definition(d, &file->checksum);
    message_set(&d->builder, file->checksum.id, false);
    put_scope(&d->builder);
    file->checksum_at = d->builder.octets;
    memset(d->builder.data + d->builder.octets, 0, MD5_OCTETS);
    d->builder.octets += MD5_OCTETS;
}

/* The second that the header of a message closed now has, records from the future aside. */
static uint64_t message_second(const struct destination *d)
{
    return (d->export_ns + second_ns - 1) / second_ns;
}

void destination_file_finish_message(struct destination *d, const struct queued_message *message)
{
    struct file_session *file = &d->file;
    uint32_t export_s;
    memcpy(&export_s, message->data + EXPORT_TIME_AT, sizeof export_s);
    export_s = be32toh(export_s);
    if (!file->begun) {
        file->begun = file->written = true;
        file->first_s = file->last_s = export_s;
        if (d->config->rotation_s)
            file->period = message_second(d) / d->config->rotation_s;
    }
    file->first_s = export_s < file->first_s ? export_s : file->first_s;
    file->last_s = export_s > file->last_s ? export_s : file->last_s;
    file->octets += message->octets;
    if (!file->checksum_at)
        return;
    uint8_t digest[MD5_OCTETS]; /* of the message with zeros in its place */
    md5(message->data, message->octets, digest);
    memcpy(d->queue.open->data + file->checksum_at, digest, sizeof digest);
}

bool destination_file_is_over(const struct destination *d)
{
    const struct file_session *file = &d->file;
    if (!file->window_due)
        return false;
    if (d->config->rotation_octets &&
        file->octets + d->message_octets + CLOSING_OCTETS > d->config->rotation_octets)
        return true;
    return d->config->rotation_s && message_second(d) / d->config->rotation_s != file->period;
}

uint64_t destination_file_over_ns(const struct destination *d)
{
    if (!d->file.window_due || !d->config->rotation_s)
        return UINT64_MAX;
    return ((d->file.period + 1) * d->config->rotation_s - 1) * second_ns + 1;
}

static void put_window(struct destination *d)
{
    const struct file_session *file = &d->file;
    uint32_t octets = options_definition_octets(d->config->version, &file->window);
    destination_make_room(d, message_template_set(&d->builder, true), octets, true);
    options_put_definition(&d->builder, &file->window);
    destination_make_room(d, file->window.id, file->window.octets, false);
    /* The message that tells the window lies in it. */
    uint64_t newest_ns =
        d->export_ns > file->last_s * second_ns ? d->export_ns : file->last_s * second_ns;
    d->builder.newest_ns = newest_ns;
    uint32_t last_s = (uint32_t)((newest_ns + second_ns - 1) / second_ns);
    put_scope(&d->builder);
    message_put32(&d->builder, file->first_s);
    message_put32(&d->builder, last_s);
    message_put64(&d->builder, file->start_ns / millisecond_ns);
    uint64_t round_ns = d->config->time_unit == TIME_MILLISECONDS ? 0 : millisecond_ns - 1;
    message_put64(&d->builder, (file->end_ns + round_ns) / millisecond_ns);
}

void destination_file_restart(struct destination *d)
{
    start_over(&d->file);
    d->builder.sequence = 0;
    d->refreshed = false;
}

void destination_file_end(struct destination *d)
{
    check(d->file.window_due);
    destination_close_message(d);
    put_window(d);
    destination_close_message(d);
    d->file.window_due = false; /* should more come, a wider window will follow it */
    if (!d->config->rotation_s && !d->config->rotation_octets)
        return;
    message_queue_end_file(&d->queue);
    destination_file_restart(d);
}
