/*
 * The message builder. See message.h.
 */
#include "encode/message.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

enum { IPFIX_HEADER_OCTETS = 16, NETFLOW9_HEADER_OCTETS = 20, NETFLOW5_HEADER_OCTETS = 24 };
enum { OPTIONS_TEMPLATE_SET = 3, NETFLOW5_SYSTEMATIC = 1 << 14 };

static void put_at16(struct message_builder *builder, uint32_t at, unsigned value)
{
    uint16_t wire = htobe16((uint16_t)value);
    memcpy(builder->data + at, &wire, sizeof wire);
}

static void put_at32(struct message_builder *builder, uint32_t at, uint32_t value)
{
    uint32_t wire = htobe32(value);
    memcpy(builder->data + at, &wire, sizeof wire);
}

void message_put16(struct message_builder *builder, unsigned value)
{
    put_at16(builder, builder->octets, value);
    builder->octets += 2;
}

void message_put32(struct message_builder *builder, uint32_t value)
{
    put_at32(builder, builder->octets, value);
    builder->octets += 4;
}

void message_put64(struct message_builder *builder, uint64_t value)
{
    message_put32(builder, (uint32_t)(value >> 32));
    message_put32(builder, (uint32_t)value);
}

void message_begin(struct message_builder *builder, uint8_t *data, uint32_t octets_max)
{
    builder->data = data;
    builder->octets_max = octets_max;
    builder->octets = builder->version == 9    ? NETFLOW9_HEADER_OCTETS
                      : builder->version == 10 ? IPFIX_HEADER_OCTETS
                                               : NETFLOW5_HEADER_OCTETS;
    builder->set_at = 0;
    builder->set_id = 0;
    builder->data_records = 0;
    builder->all_records = 0;
    builder->newest_ns = 0;
}

static uint32_t padded(uint32_t octets)
{
    return (octets + SET_PADDING_UNIT - 1) / SET_PADDING_UNIT * SET_PADDING_UNIT;
}

static bool message_continues(const struct message_builder *builder, uint16_t id, bool new_set)
{
    return builder->set_at != 0 && builder->set_id == id && !new_set;
}

bool message_fits(const struct message_builder *builder, uint16_t id, uint32_t octets, bool new_set)
{
    if (builder->version == 5)
        return builder->all_records + octets / NETFLOW5_RECORD_OCTETS <= NETFLOW5_RECORDS_MAX &&
               builder->octets + octets <= builder->octets_max;
    /* Set headers and message headers are whole units, so padding by offset is padding by Set, or
     * less where a Set was not padded. */
    uint32_t end = builder->octets;
    if (!message_continues(builder, id, new_set))
        end = padded(end) + SET_HEADER_OCTETS;
    return padded(end + octets) <= builder->octets_max;
}

static void message_close_set(struct message_builder *builder)
{
    if (!builder->set_at)
        return;
    check(builder->octets > builder->set_at + SET_HEADER_OCTETS);
    /* IPFIX need not pad, and some readers take padding for one more Options Template. */
    bool padding = builder->version == 9 || builder->set_id != OPTIONS_TEMPLATE_SET;
    while (padding && builder->octets % SET_PADDING_UNIT)
        builder->data[builder->octets++] = 0;
    put_at16(builder, builder->set_at + 2, builder->octets - builder->set_at);
    builder->set_at = 0;
}

void message_set(struct message_builder *builder, uint16_t id, bool new_set)
{
    if (message_continues(builder, id, new_set) || builder->version == 5)
        return;
    message_close_set(builder);
    builder->set_at = builder->octets;
    builder->set_id = id;
    message_put16(builder, id);
    message_put16(builder, 0);
}

uint32_t message_finish(struct message_builder *builder, uint64_t export_ns)
{
    message_close_set(builder);
    check(builder->octets <= builder->octets_max);
    uint64_t newest_ns = builder->newest_ns > export_ns ? builder->newest_ns : export_ns;
    uint32_t export_s = (uint32_t)(newest_ns / 1000000000u + (newest_ns % 1000000000u != 0));
    if (builder->version == 9) {
        /* sysUptime comes from the whole second, so that uptime and second name one instant */
        put_at16(builder, 0, 9);
        put_at16(builder, 2, builder->all_records);
        put_at32(builder, 4, (export_s - builder->boot_s) * 1000u);
        put_at32(builder, 8, export_s);
        put_at32(builder, 12, builder->sequence);
        put_at32(builder, 16, builder->domain);
        builder->sequence++;
    } else if (builder->version == 5) {
        put_at16(builder, 0, 5);
        put_at16(builder, 2, builder->all_records);
        put_at32(builder, 4, (export_s - builder->boot_s) * 1000u);
        put_at32(builder, 8, export_s);
        put_at32(builder, 12, 0); /* nanoseconds beyond the second */
        put_at32(builder, 16, builder->sequence);
        put_at16(builder, 20, builder->domain); /* engine type and engine id */
        put_at16(builder, 22, builder->sampling ? NETFLOW5_SYSTEMATIC | builder->sampling : 0);
        builder->sequence += builder->data_records;
    } else {
        put_at16(builder, 0, 10);
        put_at16(builder, 2, builder->octets);
        put_at32(builder, 4, export_s);
        put_at32(builder, 8, builder->sequence);
        put_at32(builder, 12, builder->domain);
        builder->sequence += builder->data_records;
    }
    builder->data = NULL;
    return builder->octets;
}

uint32_t template_definition_octets(unsigned version, const struct template *template)
{
    uint32_t octets = 4;
    for (unsigned i = 0; i < template->field_count; i++)
        octets += version != 9 && element_table[template->fields[i]].pen ? 8 : 4;
    return octets;
}

void message_put_field(struct message_builder *builder, enum element element)
{
    const struct element_info *info = &element_table[element];
    if (builder->version == 9) {
        message_put16(builder, info->v9_type);
        message_put16(builder, info->octets);
        return;
    }
    message_put16(builder, info->id | (info->pen ? 0x8000u : 0u));
    message_put16(builder, info->octets);
    if (info->pen)
        message_put32(builder, info->pen);
}

void message_put_template(struct message_builder *builder, const struct template *template)
{
    message_put16(builder, template->id);
    message_put16(builder, template->field_count);
    for (unsigned i = 0; i < template->field_count; i++)
        message_put_field(builder, template->fields[i]);
    builder->all_records++;
}
