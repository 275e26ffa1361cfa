/* Messages, sets, templates and records of a file. See history_reader.h. */
#include "history/history_reader.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "element/element.h"

enum {
    MESSAGE_HEADER = 16,
    SET_HEADER = 4,
    SET_TEMPLATES = 2,
    DATA_SETS_FROM = 256,
    MESSAGE_MAX = 65535,
    TEMPLATES_MAX = 64,
    FIELDS_MAX = 128,
    ENTERPRISE_BIT = 0x8000,
    LONG_LENGTH = 255
};

/* Where a field's octets go. */
struct history_field {
    uint16_t octets; /* in the record; ELEMENT_VARIABLE: its length stands before it */
    uint16_t value;  /* offset in struct record_values, or ELEMENT_NO_VALUE: skipped */
    uint16_t width;  /* there; a shorter field fills its last octets */
    uint8_t name;    /* enum name_type; NAME_TYPE_COUNT: it is none */
};

struct history_template {
    uint16_t id; /* 0: free */
    uint16_t count;
    uint32_t octets_min; /* of a record */
    enum time_code time_code;
    bool ipv6, biflow, aggregate;
    struct history_field fields[FIELDS_MAX];
};

struct history_reader {
    FILE *file;
    char path[1500];
    uint64_t octets; /* of the messages read whole */
    uint32_t message_octets;
    uint32_t at, set_end; /* in the message; at == set_end: no set is open */
    uint32_t export_s;
    bool ended, damaged;
    bool torn;                               /* it ended inside a message */
    const struct history_template *template; /* of the open set */
    struct history_template templates[TEMPLATES_MAX];
    uint8_t message[MESSAGE_MAX];
};

struct history_reader *history_reader_open(const char *path, struct error *error)
{
    struct history_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        error_set(error, "%s: not enough memory", path);
        return NULL;
    }
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->file = fopen(path, "rbe");
    if (!reader->file) {
        error_set(error, "%s: cannot be read: %s", path, strerror(errno));
        free(reader);
        return NULL;
    }
    return reader;
}

void history_reader_close(struct history_reader *reader)
{
    if (!reader)
        return;
    fclose(reader->file);
    free(reader);
}

uint64_t history_reader_octets(const struct history_reader *reader)
{
    return reader->octets;
}

bool history_reader_is_torn(const struct history_reader *reader)
{
    return reader->torn;
}

static enum history_next damaged(struct history_reader *reader, const char *what,
                                 struct error *error)
{
    reader->damaged = true;
    error_set(error, "%s: damaged at octet %llu: %s", reader->path,
              (unsigned long long)reader->octets, what);
    return HISTORY_DAMAGED;
}

static uint16_t get16(const uint8_t *from)
{
    uint16_t wire;
    memcpy(&wire, from, sizeof wire);
    return be16toh(wire);
}

static uint32_t get32(const uint8_t *from)
{
    uint32_t wire;
    memcpy(&wire, from, sizeof wire);
    return be32toh(wire);
}

/* ---- templates ---- */

static enum element element_of(uint32_t pen, uint16_t id)
{
    for (unsigned i = 0; i < ELEMENT_COUNT; i++)
        if (element_table[i].pen == pen && element_table[i].id == id &&
            element_table[i].value != ELEMENT_NO_VALUE)
            return (enum element)i;
    return ELEMENT_COUNT;
}

/* What the presence of ELEMENT says about the records. */
static void note_element(struct history_template *template, enum element element)
{
    const struct element_info *info = &element_table[element];
    if (info->type == TYPE_IPV6)
        template->ipv6 = true;
    if (element_is_reverse(element))
        template->biflow = true;
    if (element == ELEMENT_SOURCE_IPV4_PREFIX_LENGTH ||
        element == ELEMENT_SOURCE_IPV6_PREFIX_LENGTH)
        template->aggregate = true;
    if (info->type != TYPE_TIME)
        return;
    template->time_code = info->units == UNITS_NANOSECONDS    ? TIME_CODE_NTP_NANOSECONDS
                          : info->units == UNITS_MICROSECONDS ? TIME_CODE_NTP_MICROSECONDS
                                                              : TIME_CODE_MILLISECONDS;
}

static struct history_template *slot_of(struct history_reader *reader, uint16_t id)
{
    struct history_template *slot = NULL;
    for (unsigned i = 0; i < TEMPLATES_MAX; i++) {
        if (reader->templates[i].id == id)
            return &reader->templates[i];
        if (!slot && reader->templates[i].id == 0)
            slot = &reader->templates[i];
    }
    return slot;
}

/* Reads the field specifier at FROM into FIELD; returns its octets, 0 if it does not end before
 * END. */
static uint32_t read_field(struct history_template *template, struct history_field *field,
                           const uint8_t *from, const uint8_t *end)
{
    if (end - from < 4)
        return 0;
    uint16_t id = get16(from);
    uint32_t pen = PEN_IANA, octets = 4;
    field->octets = get16(from + 2);
    if (id & ENTERPRISE_BIT) {
        if (end - from < 8)
            return 0;
        id &= (uint16_t)~ENTERPRISE_BIT;
        pen = get32(from + 4);
        octets = 8;
    }
    enum element element = element_of(pen, id);
    field->value = ELEMENT_NO_VALUE;
    field->name = (uint8_t)element_name_type(element);
    if (field->octets == ELEMENT_VARIABLE) {
        template->octets_min++;
        return octets;
    }
    if (element != ELEMENT_COUNT && element_table[element].octets != ELEMENT_VARIABLE &&
        field->octets <= element_table[element].octets) {
        field->value = element_table[element].value;
        field->width = element_table[element].octets;
        note_element(template, element);
    }
    template->octets_min += field->octets;
    return octets;
}

/* Reads the template at FROM; returns its octets, 0 if it is none. */
static uint32_t read_template(struct history_reader *reader, const uint8_t *from,
                              const uint8_t *end)
{
    if (end - from < 4)
        return 0;
    uint16_t id = get16(from), count = get16(from + 2);
    struct history_template *template = id < DATA_SETS_FROM ? NULL : slot_of(reader, id);
    if (!template || count > FIELDS_MAX)
        return 0;
    memset(template, 0, sizeof *template);
    const uint8_t *at = from + 4;
    for (uint16_t i = 0; i < count; i++) {
        uint32_t octets = read_field(template, &template->fields[i], at, end);
        if (!octets)
            return 0;
        at += octets;
    }
    template->id = count ? id : 0; /* none: the template is withdrawn */
    template->count = count;
    return (uint32_t)(at - from);
}

static bool read_templates(struct history_reader *reader, uint32_t from, uint32_t end)
{
    while (from + 4 <= end) { /* less is padding */
        uint32_t octets = read_template(reader, reader->message + from, reader->message + end);
        if (!octets)
            return false;
        from += octets;
    }
    return true;
}

/* ---- messages and sets ---- */

/* Reads the next message. */
static enum history_next read_message(struct history_reader *reader, struct error *error)
{
    reader->octets += reader->message_octets;
    reader->message_octets = 0;
    size_t got = fread(reader->message, 1, MESSAGE_HEADER, reader->file);
    if (got < MESSAGE_HEADER) {
        reader->ended = true;
        reader->torn = got > 0;
        return HISTORY_END;
    }
    uint32_t length = get16(reader->message + 2);
    if (get16(reader->message) != 10 || length < MESSAGE_HEADER)
        return damaged(reader, "no IPFIX message begins here", error);
    got = fread(reader->message + MESSAGE_HEADER, 1, length - MESSAGE_HEADER, reader->file);
    if (got < length - MESSAGE_HEADER) {
        reader->ended = true;
        reader->torn = true;
        return HISTORY_END;
    }
    reader->message_octets = length;
    reader->export_s = get32(reader->message + 4);
    reader->at = reader->set_end = MESSAGE_HEADER;
    return HISTORY_RECORD;
}

/* Opens the next set that holds records of a known template. HISTORY_END: the message has none. */
static enum history_next open_set(struct history_reader *reader, struct error *error)
{
    uint32_t at = reader->set_end;
    while (at + SET_HEADER <= reader->message_octets) {
        uint32_t id = get16(reader->message + at), length = get16(reader->message + at + 2);
        if (length < SET_HEADER || length > reader->message_octets - at)
            return damaged(reader, "a set is longer than its message", error);
        uint32_t from = at + SET_HEADER;
        at += length;
        if (id == SET_TEMPLATES && !read_templates(reader, from, at))
            return damaged(reader, "a template that cannot be read", error);
        if (id < DATA_SETS_FROM)
            continue;
        const struct history_template *template = slot_of(reader, (uint16_t)id);
        if (!template || template->id != id) /* of options, which are not read */
            continue;
        reader->template = template;
        reader->at = from;
        reader->set_end = at;
        return HISTORY_RECORD;
    }
    reader->at = reader->set_end = reader->message_octets;
    return HISTORY_END;
}

/* The octets of a field of FIELD at *AT before END, and *AT behind its length. False if it is cut.
 */
static bool field_octets(const struct history_field *field, const uint8_t **at, const uint8_t *end,
                         uint32_t *octets)
{
    *octets = field->octets;
    if (field->octets != ELEMENT_VARIABLE)
        return (uint32_t)(end - *at) >= *octets;
    if (end - *at < 1)
        return false;
    *octets = *(*at)++;
    if (*octets == LONG_LENGTH) {
        if (end - *at < 2)
            return false;
        *octets = get16(*at);
        *at += 2;
    }
    return (uint32_t)(end - *at) >= *octets;
}

/* Adds the name of FIELD to RECORD. Whether it is a hash, a file does not tell. */
static void take_name(struct history_record *record, const struct history_field *field,
                      const uint8_t *text, uint32_t octets)
{
    uint8_t *to = record->names + record->name_octets;
    if (octets == 0 || octets > NAME_OCTETS_MAX ||
        record->name_octets + FLOW_NAME_HEAD + octets > sizeof record->names)
        return;
    to[0] = field->name;
    to[1] = (uint8_t)octets;
    memcpy(to + FLOW_NAME_HEAD, text, octets);
    record->name_octets += FLOW_NAME_HEAD + octets;
}

static bool read_record(struct history_reader *reader, struct history_record *record)
{
    const struct history_template *template = reader->template;
    const uint8_t *at = reader->message + reader->at, *end = reader->message + reader->set_end;
    memset(record, 0, sizeof *record);
    for (uint16_t i = 0; i < template->count; i++) {
        const struct history_field *field = &template->fields[i];
        uint32_t octets;
        if (!field_octets(field, &at, end, &octets))
            return false;
        if (field->value != ELEMENT_NO_VALUE)
            memcpy((uint8_t *)&record->values + field->value + (field->width - octets), at, octets);
        else if (field->name != NAME_TYPE_COUNT)
            take_name(record, field, at, octets);
        at += octets;
    }
    reader->at = (uint32_t)(at - reader->message);
    record->time_code = template->time_code;
    record->export_s = reader->export_s;
    record->ipv6 = template->ipv6;
    record->biflow = template->biflow;
    record->aggregate = template->aggregate;
    return true;
}

enum history_next history_reader_next(struct history_reader *reader, struct history_record *record,
                                      struct error *error)
{
    if (reader->damaged)
        return damaged(reader, "what follows is not read", error);
    while (!reader->ended) {
        const struct history_template *template = reader->template;
        bool open = reader->at < reader->set_end && template && template->octets_min &&
                    reader->set_end - reader->at >= template->octets_min;
        if (open) {
            if (!read_record(reader, record))
                return damaged(reader, "a record is longer than its set", error);
            return HISTORY_RECORD;
        }
        enum history_next next = open_set(reader, error);
        if (next == HISTORY_END)
            next = read_message(reader, error);
        if (next == HISTORY_DAMAGED)
            return next;
    }
    return HISTORY_END;
}
