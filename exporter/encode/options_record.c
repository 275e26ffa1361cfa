/*
 * Options Templates and options data records. See options_record.h.
 */
#include "encode/options_record.h"

#include <string.h>

/* Field lists behind the scope. Interface names take the form that nfdump reads: the index is not
 * a scope field, and the name has a fixed length. */
static const struct {
    uint16_t count;
    uint16_t fields[OPTIONS_FIELDS_MAX - 1];
} options_fields[OPTIONS_KINDS] = {
    [OPTIONS_INTERFACES] = {2, {ELEMENT_INGRESS_INTERFACE, ELEMENT_INTERFACE_DESCRIPTION}},
    [OPTIONS_SAMPLING] = {1, {ELEMENT_SAMPLING_INTERVAL}},
    [OPTIONS_SAMPLING_ALGORITHM] = {2, {ELEMENT_SAMPLING_INTERVAL, ELEMENT_SAMPLING_ALGORITHM}},
    [OPTIONS_STATISTICS] = {3,
                            {ELEMENT_EXPORTED_OCTET_TOTAL_COUNT,
                             ELEMENT_EXPORTED_MESSAGE_TOTAL_COUNT,
                             ELEMENT_EXPORTED_FLOW_RECORD_TOTAL_COUNT}},
};

enum { SAMPLING_DETERMINISTIC = 1, SCOPE_SYSTEM = 1, SCOPE_OCTETS = 4 };

static bool options_id_taken(const struct options_set *options,
                             const struct template_set *templates, uint16_t id)
{
    for (unsigned i = 0; i < TEMPLATE_KINDS; i++)
        if (templates->kinds[i].id == id)
            return true;
    for (unsigned i = 0; i < OPTIONS_KINDS; i++)
        if (options->kinds[i].id == id)
            return true;
    return false;
}

void options_set_init(struct options_set *options, unsigned version,
                      const struct exporting_process_config *config,
                      const struct template_set *templates)
{
    memset(options, 0, sizeof *options);
    bool sampled = config->sampling_interval > 1;
    const bool wanted[OPTIONS_KINDS] = {[OPTIONS_INTERFACES] = config->interface_count > 0,
                                        [OPTIONS_SAMPLING] = sampled,
                                        [OPTIONS_SAMPLING_ALGORITHM] = sampled && version == 9,
                                        [OPTIONS_STATISTICS] =
                                            config->statistics_interval_s > 0 && !config->offline};
    for (unsigned kind = 0; kind < OPTIONS_KINDS; kind++) {
        if (!wanted[kind])
            continue;
        struct options_template *template = &options->kinds[kind];
        template->field_count = (uint16_t)(options_fields[kind].count + 1);
        template->fields[0] = ELEMENT_OBSERVATION_DOMAIN_ID;
        memcpy(template->fields + 1, options_fields[kind].fields,
               options_fields[kind].count * sizeof template->fields[0]);
        for (unsigned i = 0; i < template->field_count; i++)
            template->octets =
                (uint16_t)(template->octets + element_table[template->fields[i]].octets);
        uint16_t id = template_id_of(version, template->fields, template->field_count);
        while (options_id_taken(options, templates, id))
            id = id == 65535 ? TEMPLATE_ID_MIN : (uint16_t)(id + 1);
        template->id = id;
    }
}

uint32_t options_definition_octets(unsigned version, const struct options_template *template)
{
    (void)version; /* 6 octets of header and 4 a field, in both */
    return 6u + 4u * template->field_count;
}

uint32_t options_refresh_octets(const struct options_set *options, unsigned version,
                                uint32_t interface_count)
{
    uint32_t octets = 0;
    for (unsigned kind = 0; kind < OPTIONS_KINDS; kind++) {
        const struct options_template *template = &options->kinds[kind];
        if (!template->id)
            continue;
        uint32_t records = kind == OPTIONS_INTERFACES ? interface_count : 1;
        octets += options_definition_octets(version, template) + records * template->octets +
                  4 * SET_HEADER_OCTETS;
    }
    return octets;
}

void options_put_definition(struct message_builder *builder,
                            const struct options_template *template)
{
    message_put16(builder, template->id);
    if (builder->version == 9) {
        message_put16(builder, 4);
        message_put16(builder, 4u * (template->field_count - 1u));
        message_put16(builder, SCOPE_SYSTEM);
        message_put16(builder, SCOPE_OCTETS);
    } else {
        message_put16(builder, template->field_count);
        message_put16(builder, 1);
        message_put_field(builder, template->fields[0]);
    }
    for (unsigned i = 1; i < template->field_count; i++)
        message_put_field(builder, template->fields[i]);
    builder->all_records++;
}

/* Scope value of every record; also counts the record. */
static void options_put_scope(struct message_builder *builder)
{
    message_put32(builder, builder->domain);
    builder->data_records++;
    builder->all_records++;
}

void options_put_interface(struct message_builder *builder,
                           const struct export_interface *interface)
{
    options_put_scope(builder);
    message_put32(builder, interface->ifindex);
    uint32_t octets = element_table[ELEMENT_INTERFACE_DESCRIPTION].octets;
    memset(builder->data + builder->octets, 0, octets);
    memcpy(builder->data + builder->octets, interface->name,
           strnlen(interface->name, octets - 1)); /* readers want a closing NUL */
    builder->octets += octets;
}

void options_put_sampling(struct message_builder *builder, uint32_t interval, bool algorithm)
{
    options_put_scope(builder);
    message_put32(builder, interval);
    if (algorithm)
        builder->data[builder->octets++] = SAMPLING_DETERMINISTIC;
}

void options_put_statistics(struct message_builder *builder,
                            const struct options_statistics *statistics)
{
    options_put_scope(builder);
    message_put64(builder, statistics->octets);
    message_put64(builder, statistics->messages);
    message_put64(builder, statistics->records);
}
