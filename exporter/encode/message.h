/*
 * Builds one IPFIX (RFC 7011), NetFlow v9 (RFC 3954) or NetFlow v5 message in place: header, Sets,
 * padding, sequence number. NetFlow v5 has no Sets: its functions leave them out. A destination
 * owns one builder and uses it for one message after the other; exporter's thread only.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_MESSAGE_H
#define SPANFLOW_EXPORTER_ENCODE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "template/template.h"

enum { SET_HEADER_OCTETS = 4, SET_PADDING_UNIT = 4 };
enum { NETFLOW5_RECORD_OCTETS = 48, NETFLOW5_RECORDS_MAX = 30, NETFLOW5_SAMPLING_MAX = 16383 };

struct message_builder {
    unsigned version;
    uint32_t domain;
    uint32_t sequence; /* of the next message */
    uint32_t boot_s;   /* v5, v9: second at which sysUptime was 0 */
    uint32_t sampling; /* v5: announced interval; 0 = none */
    uint8_t *data;     /* not owned; NULL while no message is open */
    uint32_t octets_max;
    uint32_t octets;
    uint32_t set_at; /* offset of the open Set's header; 0 = none */
    uint16_t set_id;
    uint32_t data_records; /* flow and options data records */
    uint32_t all_records;  /* with template records: v9 count */
    uint64_t newest_ns;    /* latest end of a record inside */
};

/* Set ids of templates and options templates. */
static inline uint16_t message_template_set(const struct message_builder *builder, bool options)
{
    if (builder->version == 9)
        return options ? 1 : 0;
    return options ? 3 : 2;
}

/* Starts a message of at most OCTETS_MAX at DATA. */
void message_begin(struct message_builder *builder, uint8_t *data, uint32_t octets_max);
/* Whether OCTETS of Set ID still fit, with what header and padding they need. NEW_SET: into a Set
 * of their own. */
bool message_fits(const struct message_builder *builder, uint16_t id, uint32_t octets,
                  bool new_set);
/* Continues the open Set if it is ID and NEW_SET is false, else closes it and opens one. */
void message_set(struct message_builder *builder, uint16_t id, bool new_set);
/* Appends to the open Set. */
void message_put16(struct message_builder *builder, unsigned value);
void message_put32(struct message_builder *builder, uint32_t value);
void message_put64(struct message_builder *builder, uint64_t value);
/* Writes the header and returns the length. The message's time is EXPORT_NS, or the newest record's
 * end if that is later, rounded up to a second. */
uint32_t message_finish(struct message_builder *builder, uint64_t export_ns);

/* Octets of TEMPLATE's definition in this version. */
uint32_t template_definition_octets(unsigned version, const struct template *template);
/* Appends TEMPLATE's definition; there must be room. */
void message_put_template(struct message_builder *builder, const struct template *template);
/* Appends one field specifier. */
void message_put_field(struct message_builder *builder, enum element element);

#endif
