/*
 * Templates: a field list chosen by profile, version, family, ICMP and biflow, its id, and the
 * plan by which a data record is copied out of the scratch line. Made once for each destination on
 * the control thread, immutable then.
 */
#ifndef SPANFLOW_EXPORTER_TEMPLATE_TEMPLATE_H
#define SPANFLOW_EXPORTER_TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "element/element.h"
#include "exporting_process.h"
#include "template/record_values.h"

enum { TEMPLATE_FIELDS_MAX = 96, TEMPLATE_ID_MIN = 256 };

/* Which of a destination's templates. ICMP and biflow never meet: ICMP is not joined. Aggregates
 * have one direction and no ICMP type. */
enum template_kind {
    TEMPLATE_IPV6 = 1 << 0,
    TEMPLATE_ICMP = 1 << 1,
    TEMPLATE_BIFLOW = 1 << 2,
    TEMPLATE_AGGREGATE = 1 << 3,
    TEMPLATE_KINDS = 1 << 4
};

struct template_block {
    uint16_t from; /* offset in struct record_values */
    uint16_t octets;
};

struct template
{
    uint16_t id;     /* 0: this kind does not occur */
    uint16_t octets; /* of one data record in which all names are empty */
    uint16_t field_count;
    uint16_t block_count;
    uint32_t groups;                      /* enum value_group */
    uint16_t fields[TEMPLATE_FIELDS_MAX]; /* enum element; none in NetFlow v5 */
    struct template_block blocks[TEMPLATE_FIELDS_MAX];
    uint8_t name_count;             /* its last fields, see record_names.h */
    uint8_t names[NAME_TYPE_COUNT]; /* enum name_type */
};

struct template_set {
    struct template kinds[TEMPLATE_KINDS];
    uint32_t groups; /* of all its templates */
    bool vlan_outer; /* 245 is in them, so 58 is the outer tag */
};

/* Fills SET for a destination that destination_config_check() has passed. */
void template_set_init(struct template_set *set, const struct destination_config *destination);

/* A template id as a function of version and field list alone: 256..65535. */
uint16_t template_id_of(unsigned version, const uint16_t *fields, uint32_t count);

/* The field list of KIND in the order of the profile; returns the number of fields. */
uint32_t profile_fields(const struct destination_config *destination, unsigned kind,
                        uint16_t fields[TEMPLATE_FIELDS_MAX]);

/* The fields of TEMPLATE that make the flow's key, as element 173 tells them: bit i for field i. */
uint64_t template_flow_keys(const struct template *template, bool vlan_is_key);

/* Whether version, profile, elements, biflow, time unit, mtu and kind go together; else one line in
 * ERROR that names what to change. Any thread. */
bool destination_config_check(const struct destination_config *destination, struct error *error);
/* The same for sampling of one packet in INTERVAL. */
bool destination_sampling_check(const struct destination_config *destination, uint32_t interval,
                                struct error *error);

/* Copies one data record of TEMPLATE but its names to OUT, which has VALUES_COPY_UNIT bytes of
 * slack. */
static inline void template_copy(const struct template *template,
                                 const struct record_values *values, uint8_t *out)
{
    const uint8_t *line = (const uint8_t *)values;
    for (unsigned i = 0; i < template->block_count; i++) {
        const uint8_t *from = line + template->blocks[i].from;
        unsigned octets = template->blocks[i].octets;
        for (unsigned done = 0; done < octets; done += VALUES_COPY_UNIT)
            memcpy(out + done, from + done, VALUES_COPY_UNIT);
        out += octets;
    }
}

#endif
