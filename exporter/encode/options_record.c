/*
 * Options Templates and options data records. See options_record.h.
 */
#include "encode/options_record.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

/* Field lists, scope first. Interface names take the form that nfdump reads: the index is not a
 * scope field, and the name has a fixed length. Times of the first and of the last loss are two
 * different elements, because few collectors take one element twice. */
static const struct {
    uint16_t count;
    uint16_t fields[OPTIONS_FIELDS_MAX];
} options_fields[OPTIONS_KINDS] = {
    [OPTIONS_INTERFACES] = {3,
                            {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_INGRESS_INTERFACE,
                             ELEMENT_INTERFACE_DESCRIPTION}},
    [OPTIONS_SAMPLING] = {2, {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_SAMPLING_INTERVAL}},
    [OPTIONS_SAMPLING_ALGORITHM] = {3,
                                    {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_SAMPLING_INTERVAL,
                                     ELEMENT_SAMPLING_ALGORITHM}},
    [OPTIONS_APPLICATIONS] = {3,
                              {ELEMENT_APPLICATION_ID, ELEMENT_APPLICATION_NAME,
                               ELEMENT_APPLICATION_DESCRIPTION}},
    [OPTIONS_APPLICATIONS_9] = {4,
                                {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_APPLICATION_ID,
                                 ELEMENT_APPLICATION_NAME, ELEMENT_APPLICATION_DESCRIPTION}},
    [OPTIONS_LISTS] = {4,
                       {ELEMENT_LIST_ID, ELEMENT_LIST_NAME, ELEMENT_LIST_TITLE,
                        ELEMENT_LIST_GRAVITY}},
    [OPTIONS_BRANDS] = {2, {ELEMENT_BRAND_ID, ELEMENT_BRAND_TITLE}},
    [OPTIONS_FLOW_KEYS] = {2, {ELEMENT_TEMPLATE_ID, ELEMENT_FLOW_KEY_INDICATOR}},
    [OPTIONS_ANONYMISATION] = {4,
                               {ELEMENT_TEMPLATE_ID, ELEMENT_INFORMATION_ELEMENT_ID,
                                ELEMENT_ANONYMIZATION_FLAGS, ELEMENT_ANONYMIZATION_TECHNIQUE}},
    [OPTIONS_TYPES] = {9,
                       {ELEMENT_PRIVATE_ENTERPRISE_NUMBER, ELEMENT_INFORMATION_ELEMENT_ID,
                        ELEMENT_INFORMATION_ELEMENT_DATA_TYPE,
                        ELEMENT_INFORMATION_ELEMENT_SEMANTICS, ELEMENT_INFORMATION_ELEMENT_UNITS,
                        ELEMENT_INFORMATION_ELEMENT_RANGE_BEGIN,
                        ELEMENT_INFORMATION_ELEMENT_RANGE_END, ELEMENT_INFORMATION_ELEMENT_NAME,
                        ELEMENT_INFORMATION_ELEMENT_DESCRIPTION}},
    [OPTIONS_EXPORTED] = {4,
                          {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_EXPORTED_OCTET_TOTAL_COUNT,
                           ELEMENT_EXPORTED_MESSAGE_TOTAL_COUNT,
                           ELEMENT_EXPORTED_FLOW_RECORD_TOTAL_COUNT}},
    [OPTIONS_METERING_LOSS] = {7,
                               {ELEMENT_OBSERVATION_DOMAIN_ID, ELEMENT_IGNORED_PACKET_TOTAL_COUNT,
                                ELEMENT_IGNORED_OCTET_TOTAL_COUNT, ELEMENT_OBSERVATION_TIME_SECONDS,
                                ELEMENT_OBSERVATION_TIME_MILLISECONDS,
                                ELEMENT_DROPPED_PACKET_TOTAL_COUNT,
                                ELEMENT_DROPPED_OCTET_TOTAL_COUNT}},
    [OPTIONS_EXPORTING_LOSS] = {6,
                                {ELEMENT_EXPORTING_PROCESS_ID, ELEMENT_NOT_SENT_FLOW_TOTAL_COUNT,
                                 ELEMENT_NOT_SENT_PACKET_TOTAL_COUNT,
                                 ELEMENT_NOT_SENT_OCTET_TOTAL_COUNT,
                                 ELEMENT_OBSERVATION_TIME_SECONDS,
                                 ELEMENT_OBSERVATION_TIME_MILLISECONDS}},
    [OPTIONS_PROBE] = {14,
                       {ELEMENT_EXPORTER_IPV4_ADDRESS, ELEMENT_EXPORTING_PROCESS_ID,
                        ELEMENT_SYSTEM_INIT_TIME_MILLISECONDS,
                        ELEMENT_EXPORTED_FLOW_RECORD_TOTAL_COUNT, ELEMENT_PACKET_TOTAL_COUNT,
                        ELEMENT_DROPPED_PACKET_TOTAL_COUNT, ELEMENT_IGNORED_PACKET_TOTAL_COUNT,
                        ELEMENT_NOT_SENT_PACKET_TOTAL_COUNT, ELEMENT_EXPIRED_FRAGMENT_COUNT,
                        ELEMENT_ASSEMBLED_FRAGMENT_COUNT, ELEMENT_FLOW_TABLE_FLUSH_EVENT_COUNT,
                        ELEMENT_FLOW_TABLE_PEAK_COUNT, ELEMENT_MEAN_FLOW_RATE,
                        ELEMENT_MEAN_PACKET_RATE}},
};

enum { SAMPLING_DETERMINISTIC = 1, SCOPE_SYSTEM = 1, SCOPE_OCTETS = 4 };
static const uint64_t second_ns = 1000000000u;

/* Scope fields: an element is described by enterprise and id, what was done to one by template and
 * id, a probe by address and process. */
static uint16_t scopes_of(enum options_kind kind)
{
    return kind == OPTIONS_TYPES || kind == OPTIONS_PROBE || kind == OPTIONS_ANONYMISATION ? 2 : 1;
}

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

static bool type_known(const struct options_set *options, uint16_t element)
{
    for (uint32_t i = 0; i < options->type_count; i++)
        if (options->types[i] == element)
            return true;
    return false;
}

/* Elements that the options records of lists and brands have beside those of flow records. */
static void add_types(struct options_set *options, bool lists, bool brands)
{
    static const uint16_t of_lists[] = {ELEMENT_LIST_NAME, ELEMENT_LIST_TITLE,
                                        ELEMENT_LIST_GRAVITY};
    for (unsigned i = 0; lists && i < sizeof of_lists / sizeof of_lists[0]; i++)
        options->types[options->type_count++] = of_lists[i];
    if (brands)
        options->types[options->type_count++] = ELEMENT_BRAND_TITLE;
}

/* The elements of enterprises; those of 29305 have the types of their forward twins. */
static void collect_types(struct options_set *options, const struct template_set *templates)
{
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &templates->kinds[kind];
        for (unsigned i = 0; template->id && i < template->field_count; i++) {
            uint16_t element = template->fields[i];
            uint32_t pen = element_table[element].pen;
            if ((pen == PEN_CERT || pen == PEN_OWN) && !type_known(options, element))
                options->types[options->type_count++] = element;
        }
    }
}

/* A record's octets; text of variable length as long as the longest of OPTIONS. */
static uint32_t record_octets(const struct options_set *options,
                              const struct options_template *template)
{
    uint32_t octets = 0;
    for (unsigned i = 0; i < template->field_count; i++) {
        const struct element_info *info = &element_table[template->fields[i]];
        if (info->octets != ELEMENT_VARIABLE) {
            octets += info->octets;
            continue;
        }
        size_t longest = 0;
        for (uint32_t t = 0; t < options->type_count; t++) {
            const struct element_info *type = &element_table[options->types[t]];
            bool name = template->fields[i] == ELEMENT_INFORMATION_ELEMENT_NAME;
            size_t length = strlen(name ? type->name : type->help);
            longest = length > longest ? length : longest;
        }
        octets += 1 + (uint32_t)longest;
    }
    check(octets <= OPTIONS_RECORD_OCTETS_MAX);
    return octets;
}

/* Whether records have ELEMENT. */
static bool carries(const struct template_set *templates, enum element element)
{
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
        for (unsigned i = 0; templates->kinds[kind].id && i < templates->kinds[kind].field_count;
             i++)
            if (templates->kinds[kind].fields[i] == element)
                return true;
    return false;
}

/* Where readers cannot know the template by heart; plain and nfdump spare theirs the options. */
static bool tells_flow_keys(enum export_profile profile)
{
    return profile == PROFILE_SILK || profile == PROFILE_FULL || profile == PROFILE_ELEMENTS;
}

void options_set_init(struct options_set *options, const struct destination_config *destination,
                      const struct exporting_process_config *config,
                      const struct template_set *templates)
{
    memset(options, 0, sizeof *options);
    unsigned version = destination->version;
    if (version == 5)
        return;
    bool sampled = config->sampling_interval > 1 && !destination->scale, ipfix = version == 10;
    bool statistics = config->statistics_interval_s > 0 && !config->offline;
    bool applications = config->applications && carries(templates, ELEMENT_APPLICATION_ID);
    bool lists = config->marks && carries(templates, ELEMENT_LIST_ID) && ipfix;
    bool brands = config->marks && carries(templates, ELEMENT_BRAND_ID) && ipfix;
    if (ipfix)
        collect_types(options, templates);
    add_types(options, lists, brands);
    const bool wanted[OPTIONS_KINDS] = {
        [OPTIONS_INTERFACES] = config->interface_count > 0,
        [OPTIONS_SAMPLING] = sampled,
        [OPTIONS_SAMPLING_ALGORITHM] = sampled && !ipfix,
        [OPTIONS_APPLICATIONS] = applications && ipfix,
        [OPTIONS_APPLICATIONS_9] = applications && !ipfix,
        [OPTIONS_LISTS] = lists,
        [OPTIONS_BRANDS] = brands,
        [OPTIONS_FLOW_KEYS] = ipfix && tells_flow_keys(destination->profile),
        [OPTIONS_ANONYMISATION] = ipfix && destination->anonymisation_key[0],
        [OPTIONS_TYPES] = options->type_count > 0,
        [OPTIONS_EXPORTED] = statistics,
        [OPTIONS_METERING_LOSS] = statistics && ipfix,
        [OPTIONS_EXPORTING_LOSS] = statistics && ipfix,
        [OPTIONS_PROBE] = statistics && destination->profile == PROFILE_SILK};
    for (unsigned kind = 0; kind < OPTIONS_KINDS; kind++) {
        if (!wanted[kind])
            continue;
        struct options_template *template = &options->kinds[kind];
        template->field_count = options_fields[kind].count;
        template->scope_count = scopes_of(kind);
        memcpy(template->fields, options_fields[kind].fields, sizeof template->fields);
        template->octets = (uint16_t)record_octets(options, template);
        uint16_t id = template_id_of(version, template->fields, template->field_count);
        while (options_id_taken(options, templates, id))
            id = id == 65535 ? TEMPLATE_ID_MIN : (uint16_t)(id + 1);
        template->id = id;
    }
}

/* The I-th field of all templates that anonymisation changes, and its template. ELEMENT_COUNT:
 * there are not so many. */
static enum element find_anonymised(const struct template_set *templates, uint32_t i,
                                    const struct template **which)
{
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &templates->kinds[kind];
        for (unsigned field = 0; template->id && field < template->field_count; field++) {
            unsigned type = element_table[template->fields[field]].type;
            if ((type != TYPE_IPV4 && type != TYPE_IPV6 && type != TYPE_MAC) || i-- > 0)
                continue;
            if (which)
                *which = template;
            return template->fields[field];
        }
    }
    return ELEMENT_COUNT;
}

uint32_t options_record_count(const struct options_set *options, enum options_kind kind,
                              const struct exporting_process_config *config,
                              const struct template_set *templates)
{
    uint32_t count = 0;
    switch (kind) {
    case OPTIONS_INTERFACES:
        return config->interface_count;
    case OPTIONS_TYPES:
        return options->type_count;
    case OPTIONS_APPLICATIONS:
    case OPTIONS_APPLICATIONS_9:
        return config->applications->count;
    case OPTIONS_LISTS:
        return config->marks->list_count;
    case OPTIONS_BRANDS:
        return config->marks->brand_count;
    case OPTIONS_ANONYMISATION:
        while (find_anonymised(templates, count, NULL) != ELEMENT_COUNT)
            count++;
        return count;
    case OPTIONS_FLOW_KEYS:
        for (unsigned i = 0; i < TEMPLATE_KINDS; i++)
            count += templates->kinds[i].id != 0;
        return count;
    default:
        return 1;
    }
}

uint32_t options_definition_octets(unsigned version, const struct options_template *template)
{
    uint32_t octets = 6; /* of header, in both versions */
    for (unsigned i = 0; i < template->field_count; i++)
        octets += version != 9 && element_table[template->fields[i]].pen ? 8 : 4;
    return octets;
}

uint32_t options_refresh_octets(const struct options_set *options, unsigned version,
                                const struct exporting_process_config *config,
                                const struct template_set *templates)
{
    uint32_t octets = 0;
    for (unsigned kind = 0; kind < OPTIONS_KINDS; kind++) {
        const struct options_template *template = &options->kinds[kind];
        if (!template->id)
            continue;
        uint32_t records = options_record_count(options, kind, config, templates);
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
        message_put16(builder, template->scope_count);
        message_put_field(builder, template->fields[0]);
    }
    for (unsigned i = 1; i < template->field_count; i++)
        message_put_field(builder, template->fields[i]);
    builder->all_records++;
}

/* ---- records ---- */

static void put_name(struct message_builder *builder, const char *name)
{
    uint32_t octets = element_table[ELEMENT_INTERFACE_DESCRIPTION].octets;
    memset(builder->data + builder->octets, 0, octets);
    memcpy(builder->data + builder->octets, name,
           strnlen(name, octets - 1)); /* readers want a closing NUL */
    builder->octets += octets;
}

/* Variable length, below 255 octets. */
static void put_text(struct message_builder *builder, const char *text)
{
    size_t length = strlen(text);
    builder->data[builder->octets++] = (uint8_t)length;
    memcpy(builder->data + builder->octets, text, length);
    builder->octets += (uint32_t)length;
}

static void put_application(struct message_builder *builder,
                            const struct export_application *application)
{
    enum { ENGINE_USER_DEFINED = 6 }; /* RFC 6759 section 4.1 */
    message_put32(builder, (uint32_t)ENGINE_USER_DEFINED << 24 | application->number);
    memcpy(builder->data + builder->octets, application->name, sizeof application->name);
    builder->octets += sizeof application->name;
    memcpy(builder->data + builder->octets, application->title, sizeof application->title);
    builder->octets += sizeof application->title;
}

static void put_list(struct message_builder *builder, const struct export_list *list)
{
    message_put32(builder, list->number);
    memcpy(builder->data + builder->octets, list->name, sizeof list->name);
    builder->octets += sizeof list->name;
    memcpy(builder->data + builder->octets, list->label, sizeof list->label);
    builder->octets += sizeof list->label;
    builder->data[builder->octets++] = list->severity;
}

static void put_brand(struct message_builder *builder, const struct export_brand *brand)
{
    message_put32(builder, brand->number);
    memcpy(builder->data + builder->octets, brand->name, sizeof brand->name);
    builder->octets += sizeof brand->name;
}

static void put_flow_keys(struct message_builder *builder, uint32_t i,
                          const struct options_source *source)
{
    const struct template *template = source->templates->kinds;
    while (template->id == 0 || i-- > 0)
        template ++;
    message_put16(builder, template->id);
    message_put64(builder, template_flow_keys(template, source->process->vlan_is_key));
}

/* The key is a file: whoever made it decides where else it is used, so that more than one collector
 * is not promised. */
static void put_anonymisation(struct message_builder *builder, uint32_t i,
                              const struct options_source *source)
{
    enum { STABLE_FOR_COLLECTOR = 2, TRUNCATION = 2, STRUCTURED_PERMUTATION = 6 };
    const struct template *template = NULL;
    enum element element = find_anonymised(source->templates, i, &template);
    bool mac = element_table[element].type == TYPE_MAC;
    message_put16(builder, template->id);
    message_put16(builder, element_table[element].id);
    message_put16(builder, STABLE_FOR_COLLECTOR);
    message_put16(builder, mac ? TRUNCATION : STRUCTURED_PERMUTATION);
}

static void put_type(struct message_builder *builder, enum element element)
{
    const struct element_info *info = &element_table[element];
    message_put32(builder, info->pen);
    message_put16(builder, info->id);
    builder->data[builder->octets++] = (uint8_t)element_type_number(element);
    builder->data[builder->octets++] = (uint8_t)element_semantics_number(element);
    message_put16(builder, info->units);
    message_put64(builder, 0);
    message_put64(builder, info->octets > 8    ? 0 /* text has no range */
                           : info->octets == 8 ? UINT64_MAX
                                               : (1ull << (8 * info->octets)) - 1);
    put_text(builder, info->name);
    put_text(builder, info->help);
}

static void put_loss_times(struct message_builder *builder, uint64_t first_ns, uint64_t last_ns)
{
    message_put32(builder, (uint32_t)(first_ns / second_ns));
    message_put64(builder, last_ns / 1000000u);
}

static void put_metering_loss(struct message_builder *builder, const struct metering_counts *counts)
{
    message_put32(builder, builder->domain);
    message_put64(builder, counts->ignored_packets);
    message_put64(builder, counts->ignored_octets);
    put_loss_times(builder, counts->first_loss_ns, counts->last_loss_ns);
    message_put64(builder, counts->dropped_packets);
    message_put64(builder, counts->dropped_octets);
}

static uint64_t lost_records(const struct destination_counters *counters)
{
    uint64_t lost = 0;
    for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
        lost += counters->lost[reason];
    return lost;
}

static void put_exporting_loss(struct message_builder *builder, const struct options_source *source)
{
    const struct destination_counters *counters = source->counters;
    message_put32(builder, source->exporter_id);
    message_put64(builder, lost_records(counters));
    message_put64(builder, counters->lost_packets);
    message_put64(builder, counters->lost_octets);
    put_loss_times(builder, counters->first_loss_ns, counters->last_loss_ns);
}

static uint32_t low32(uint64_t count)
{
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

static void put_probe(struct message_builder *builder, const struct options_source *source)
{
    const struct metering_counts *metering = source->metering;
    uint64_t seconds = 1;
    if (source->export_ns > metering->start_ns + second_ns)
        seconds = (source->export_ns - metering->start_ns) / second_ns;
    message_put32(builder, be32toh(source->exporter_ipv4));
    message_put32(builder, source->exporter_id);
    message_put64(builder, metering->start_ns / 1000000u);
    message_put64(builder, source->counters->data_records);
    message_put64(builder, metering->metered_packets);
    message_put64(builder, metering->dropped_packets);
    message_put64(builder, metering->ignored_packets);
    message_put64(builder, source->counters->lost_packets);
    message_put32(builder, low32(metering->fragment_misses));
    message_put32(builder, low32(metering->fragment_hits));
    message_put32(builder, low32(metering->evicted));
    message_put32(builder, low32(metering->flows_peak));
    message_put32(builder, low32(metering->flows / seconds));
    message_put32(builder, low32(metering->metered_packets / seconds));
}

void options_put_record(struct message_builder *builder, const struct options_set *options,
                        enum options_kind kind, uint32_t i, const struct options_source *source)
{
    switch (kind) {
    case OPTIONS_INTERFACES:
        message_put32(builder, builder->domain);
        message_put32(builder, source->process->interfaces[i].ifindex);
        put_name(builder, source->process->interfaces[i].name);
        break;
    case OPTIONS_SAMPLING:
    case OPTIONS_SAMPLING_ALGORITHM:
        message_put32(builder, builder->domain);
        message_put32(builder, source->process->sampling_interval);
        if (kind == OPTIONS_SAMPLING_ALGORITHM)
            builder->data[builder->octets++] = SAMPLING_DETERMINISTIC;
        break;
    case OPTIONS_APPLICATIONS_9:
        message_put32(builder, builder->domain);
        put_application(builder, &source->process->applications->rows[i]);
        break;
    case OPTIONS_APPLICATIONS:
        put_application(builder, &source->process->applications->rows[i]);
        break;
    case OPTIONS_LISTS:
        put_list(builder, &source->process->marks->lists[i]);
        break;
    case OPTIONS_BRANDS:
        put_brand(builder, &source->process->marks->brands[i]);
        break;
    case OPTIONS_FLOW_KEYS:
        put_flow_keys(builder, i, source);
        break;
    case OPTIONS_ANONYMISATION:
        put_anonymisation(builder, i, source);
        break;
    case OPTIONS_TYPES:
        put_type(builder, options->types[i]);
        break;
    case OPTIONS_EXPORTED:
        message_put32(builder, builder->domain);
        message_put64(builder, source->counters->octets);
        message_put64(builder, source->counters->messages);
        message_put64(builder, source->counters->data_records);
        break;
    case OPTIONS_METERING_LOSS:
        put_metering_loss(builder, source->metering);
        break;
    case OPTIONS_EXPORTING_LOSS:
        put_exporting_loss(builder, source);
        break;
    case OPTIONS_PROBE:
        put_probe(builder, source);
        break;
    case OPTIONS_KINDS:
        return;
    }
    builder->data_records++;
    builder->all_records++;
}
