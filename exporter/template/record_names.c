/* Names as fields. See record_names.h. */
#include "template/record_names.h"

#include <endian.h>
#include <string.h>

enum { LONG_LENGTH = 255, STATUS_DIGITS = 3 };

/* The status of HTTP is a number on the wire; 0 if TEXT is none, as a hash is not. */
static uint16_t status_of(const struct flow_name *name)
{
    unsigned status = 0;
    if (name->octets != STATUS_DIGITS)
        return 0;
    for (unsigned i = 0; i < STATUS_DIGITS; i++) {
        if (name->text[i] < '0' || name->text[i] > '9')
            return 0;
        status = 10 * status + (name->text[i] - (unsigned)'0');
    }
    return htobe16((uint16_t)status);
}

void record_names_fill(struct record_values *values, const struct values_context *context,
                       const struct flow_record *record)
{
    struct flow_name name;
    memset(values->name_octets, 0, sizeof values->name_octets);
    values->http_status = 0;
    if (!record->names)
        return;
    const uint8_t *at = record->names, *end = at + record->extra->name_octets;
    while (flow_name_next(&at, end, &name)) {
        if (!(context->names >> name.type & 1u))
            continue;
        values->name_octets[name.type] = name.octets;
        values->name_text[name.type] = name.text;
        if (name.type == NAME_HTTP_STATUS)
            values->http_status = status_of(&name);
    }
}

/* What OCTETS of text add to the one octet of an empty string. */
static uint32_t added(uint32_t octets)
{
    return octets < LONG_LENGTH ? octets : octets + 2;
}

uint32_t record_names_fit(const struct template *template, struct record_values *values,
                          uint32_t room)
{
    uint32_t octets = 0;
    for (unsigned i = 0; i < template->name_count; i++)
        octets += added(values->name_octets[template->names[i]]);
    for (unsigned i = template->name_count; octets > room && i-- > 0;) {
        octets -= added(values->name_octets[template->names[i]]);
        values->name_octets[template->names[i]] = 0;
    }
    return octets;
}

uint32_t record_names_put(const struct template *template, const struct record_values *values,
                          uint8_t *out)
{
    uint8_t *start = out;
    for (unsigned i = 0; i < template->name_count; i++) {
        uint8_t octets = values->name_octets[template->names[i]];
        *out++ = octets;
        if (octets == LONG_LENGTH) {
            *out++ = 0;
            *out++ = octets;
        }
        if (octets)
            memcpy(out, values->name_text[template->names[i]], octets);
        out += octets;
    }
    return (uint32_t)(out - start);
}
