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
static void template_plan(struct template *template)
{
    for (unsigned i = 0; i < template->field_count; i++) {
        const struct element_info *element = &element_table[template->fields[i]];
        struct template_block *last = template->blocks + template->block_count;
        template->octets = (uint16_t)(template->octets + element->octets);
        template->groups |= element->group;
        if (template->block_count && last[-1].from + last[-1].octets == element->value) {
            last[-1].octets = (uint16_t)(last[-1].octets + element->octets);
            continue;
        }
        *last = (struct template_block){element->value, element->octets};
        template->block_count++;
    }
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
        template->field_count = (uint16_t)profile_fields(destination, kind, template->fields);
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
