/*
 * Flow records as JSON lines. See json.h.
 */
#include "encode/json.h"

#include <endian.h>

#include "base/check.h"
#include "encode/text.h"

void json_plan_init(struct json_plan *plan, const struct template *template)
{
    plan->field_count = template->field_count;
    for (unsigned i = 0; i < template->field_count; i++) {
        const struct element_info *element = &element_table[template->fields[i]];
        struct json_field *field = &plan->fields[i];
        size_t name = strlen(element->name);
        check(name + 5 <= JSON_KEY_MAX);
        char *at = field->key;
        *at++ = i ? ',' : '{';
        *at++ = '"';
        memcpy(at, element->name, name);
        at += name;
        *at++ = '"';
        *at++ = ':';
        bool text = element->type == TYPE_IPV4 || element->type == TYPE_IPV6 ||
                    element->type == TYPE_MAC || element->type == TYPE_OCTETS ||
                    element->type == TYPE_STRING;
        if (text)
            *at++ = '"';
        field->key_length = (uint8_t)(at - field->key);
        field->type = element->type;
        field->name = (uint8_t)element_name_type(template->fields[i]);
        field->octets = (uint8_t)element->octets;
        field->value = element->value;
    }
}

/* The longest text of a value, with the quote behind it. */
static uint32_t value_bound(const struct json_field *field)
{
    static const uint8_t digits[] = {[1] = 3, [2] = 5, [4] = 10, [8] = TEXT_U64_MAX};
    switch (field->type) {
    case TYPE_IPV4:
        return TEXT_IPV4_MAX + 1;
    case TYPE_IPV6:
        return TEXT_IPV6_MAX + 1;
    case TYPE_MAC:
        return 6 * 3;
    case TYPE_OCTETS:
        return 2 + 2u * field->octets + 1;
    case TYPE_STRING: /* names are counted together */
        return field->name == NAME_TYPE_COUNT ? field->octets + 1u : 1;
    default:
        return field->octets < sizeof digits && digits[field->octets] ? digits[field->octets]
                                                                      : TEXT_U64_MAX;
    }
}

uint32_t json_line_bound(const struct json_plan *plan)
{
    uint32_t octets = JSON_KEY_MAX + 2; /* a key is copied in its full length; } and line feed */
    bool names = false;
    for (unsigned i = 0; i < plan->field_count; i++) {
        octets += plan->fields[i].key_length + value_bound(&plan->fields[i]);
        names |= plan->fields[i].name != NAME_TYPE_COUNT;
    }
    return octets + (names ? 2 * FLOW_NAMES_OCTETS_MAX : 0);
}

static uint64_t json_number(const uint8_t *at, unsigned octets)
{
    uint64_t value64;
    uint32_t value32;
    uint16_t value16;
    switch (octets) {
    case 8:
        memcpy(&value64, at, 8);
        return be64toh(value64);
    case 4:
        memcpy(&value32, at, 4);
        return be32toh(value32);
    case 2:
        memcpy(&value16, at, 2);
        return be16toh(value16);
    default:
        return *at;
    }
}

/* Writes the name of FIELD, whose key comes only with it, unless it is the object's first. Names
 * are clean: of what JSON escapes they can have quotes and backslashes. */
static char *put_name(char *out, const struct json_field *field, const struct record_values *values)
{
    unsigned octets = values->name_octets[field->name];
    const uint8_t *text = values->name_text[field->name];
    bool first = field->key[0] == '{';
    /* The status is a number, unless it is hashed. */
    bool number = field->type == TYPE_UNSIGNED && values->http_status;
    if (octets == 0 && !first)
        return out;
    memcpy(out, field->key, JSON_KEY_MAX);
    out += field->key_length;
    if (field->type == TYPE_UNSIGNED && !number)
        *out++ = '"';
    for (unsigned i = 0; i < octets; i++) {
        if (text[i] == '"' || text[i] == '\\')
            *out++ = '\\';
        *out++ = (char)text[i];
    }
    if (!number)
        *out++ = '"';
    return out;
}

char *json_line(char *out, const struct json_plan *plan, const struct record_values *values)
{
    const uint8_t *line = (const uint8_t *)values;
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct json_field *field = &plan->fields[i];
        const uint8_t *value = line + field->value;
        if (__builtin_expect(field->name != NAME_TYPE_COUNT, 0)) {
            out = put_name(out, field, values);
            continue;
        }
        memcpy(out, field->key, JSON_KEY_MAX);
        out += field->key_length;
        switch (field->type) {
        case TYPE_IPV4:
            out = text_ipv4(out, value);
            *out++ = '"';
            break;
        case TYPE_IPV6:
            out = text_ipv6(out, value);
            *out++ = '"';
            break;
        case TYPE_MAC:
            out = text_hex(out, value, 6, ':');
            *out++ = '"';
            break;
        case TYPE_STRING: /* names that we gave: nothing in them needs a backslash */
            for (unsigned at = 0; at < field->octets && value[at]; at++)
                *out++ = (char)value[at];
            *out++ = '"';
            break;
        case TYPE_OCTETS:
            *out++ = '0';
            *out++ = 'x';
            out = text_hex(out, value, field->octets, 0);
            *out++ = '"';
            break;
        default:
            out = text_u64(out, json_number(value, field->octets));
            break;
        }
    }
    *out++ = '}';
    *out++ = '\n';
    return out;
}
