/*
 * Makes the templates of a destination: ids from the field lists, and the copy plans. Called once
 * when a destination is made, on the control thread; owns nothing.
 */
#include "template/template.h"

uint16_t template_id_of(unsigned version, const uint16_t *fields, uint32_t count)
{
    uint32_t hash = 2166136261u; /* FNV-1a over ids, enterprise numbers and lengths */
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t words[3] = {version, count, 0};
        if (i < count) {
            words[0] = element_table[fields[i]].id;
            words[1] = element_table[fields[i]].pen;
            words[2] = element_table[fields[i]].octets;
        }
        for (unsigned byte = 0; byte < 12; byte++)
            hash = (hash ^ (words[byte / 4] >> (byte % 4 * 8) & 0xff)) * 16777619u;
    }
    return (uint16_t)(TEMPLATE_ID_MIN + hash % (65536u - TEMPLATE_ID_MIN));
}

/* Neighbours on the wire that are neighbours in the scratch line become one block. */
static void template_plan_add(struct template *template, unsigned from, unsigned octets)
{
    struct template_block *last = template->blocks + template->block_count;
    template->octets = (uint16_t)(template->octets + octets);
    if (template->block_count && last[-1].from + last[-1].octets == from) {
        last[-1].octets = (uint16_t)(last[-1].octets + octets);
        return;
    }
    *last = (struct template_block){(uint16_t)from, (uint16_t)octets};
    template->block_count++;
}

static void template_plan(struct template *template)
{
    for (unsigned i = 0; i < template->field_count; i++) {
        const struct element_info *element = &element_table[template->fields[i]];
        template->groups |= element->group;
        if (element->octets != ELEMENT_VARIABLE) {
            template_plan_add(template, element->value, element->octets);
            continue;
        }
        template->names[template->name_count++] = (uint8_t)element_name_type(template->fields[i]);
        template->octets++;
    }
}

/* The record of NetFlow v5: numbers are the low octets of the elements', ELEMENT_COUNT is a gap.
 *  Nothing is known of next hop and AS numbers; masks are those of aggregates. */
static const struct {
    uint16_t element;
    uint16_t octets;
} v5_layout[] = {{ELEMENT_SOURCE_IPV4_ADDRESS, 4},
                 {ELEMENT_DESTINATION_IPV4_ADDRESS, 4},
                 {ELEMENT_COUNT, 4}, /* next hop */
                 {ELEMENT_INGRESS_INTERFACE, 2},
                 {ELEMENT_EGRESS_INTERFACE, 2},
                 {ELEMENT_PACKET_DELTA_COUNT, 4},
                 {ELEMENT_OCTET_DELTA_COUNT, 4},
                 {ELEMENT_FLOW_START_SYS_UP_TIME, 4},
                 {ELEMENT_FLOW_END_SYS_UP_TIME, 4},
                 {ELEMENT_SOURCE_TRANSPORT_PORT, 2},
                 {ELEMENT_DESTINATION_TRANSPORT_PORT, 2},
                 {ELEMENT_COUNT, 1},
                 {ELEMENT_TCP_CONTROL_BITS, 1},
                 {ELEMENT_PROTOCOL_IDENTIFIER, 1},
                 {ELEMENT_IP_CLASS_OF_SERVICE, 1},
                 {ELEMENT_COUNT, 4}, /* AS numbers */
                 {ELEMENT_SOURCE_IPV4_PREFIX_LENGTH, 1},
                 {ELEMENT_DESTINATION_IPV4_PREFIX_LENGTH, 1},
                 {ELEMENT_COUNT, 2}};

static void template_plan_v5(struct template *template, bool aggregate)
{
    for (unsigned i = 0; i < sizeof v5_layout / sizeof v5_layout[0]; i++) {
        unsigned octets = v5_layout[i].octets, from = offsetof(struct record_values, zeros);
        unsigned known = v5_layout[i].element;
        if (known != ELEMENT_COUNT && (aggregate || element_table[known].group != VALUES_PREFIX)) {
            const struct element_info *element = &element_table[known];
            template->groups |= element->group;
            from = element->value + element->octets - octets;
        }
        template_plan_add(template, from, octets);
    }
    template->id = TEMPLATE_ID_MIN; /* never on the wire */
}

static bool template_id_taken(const struct template_set *set, unsigned before, uint16_t id)
{
    for (unsigned kind = 0; kind < before; kind++)
        if (set->kinds[kind].id == id)
            return true;
    return false;
}

void template_set_init(struct template_set *set, const struct destination_config *destination)
{
    memset(set, 0, sizeof *set);
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        bool biflow = kind & TEMPLATE_BIFLOW;
        if (biflow && (!destination->biflow || (kind & TEMPLATE_ICMP)))
            continue;
        if ((kind & TEMPLATE_AGGREGATE) &&
            (!destination->aggregates || biflow || (kind & TEMPLATE_ICMP)))
            continue;
        struct template *template = &set->kinds[kind];
        if (destination->profile == PROFILE_V5) {
            if (kind & TEMPLATE_IPV6)
                continue;
            template_plan_v5(template, kind & TEMPLATE_AGGREGATE);
            set->groups |= template->groups;
            continue;
        }
        template->field_count = (uint16_t)profile_fields(destination, kind, template->fields);
        if (template->field_count == 0) /* nothing of the destination's own list has a place here */
            continue;
        template_plan(template);
        template->id =
            template_id_of(destination->version, template->fields, template->field_count);
        while (template_id_taken(set, kind, template->id))
            template->id = template->id == 65535 ? TEMPLATE_ID_MIN : (uint16_t)(template->id + 1);
        set->groups |= template->groups;
        for (unsigned i = 0; i < template->field_count; i++)
            set->vlan_outer |= template->fields[i] == ELEMENT_DOT1Q_CUSTOMER_VLAN_ID;
    }
}

uint64_t template_flow_keys(const struct template *template, bool vlan_is_key)
{
    uint64_t keys = 0;
    for (unsigned i = 0; i < template->field_count; i++) {
        unsigned semantics = element_table[template->fields[i]].semantics;
        if (semantics == SEMANTICS_KEY || (semantics == SEMANTICS_VLAN && vlan_is_key))
            keys |= 1ull << i;
    }
    return keys;
}
