/*
 * Options Templates and their data records: interface names, sampling, flow keys, type information,
 * and what the metering and exporting processes count of themselves. One Options Template in a Set
 * of its own, and its data behind it: collectors read only the first Options Template of a Set.
 *
 * Called by a destination when templates or statistics are due, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_OPTIONS_RECORD_H
#define SPANFLOW_EXPORTER_ENCODE_OPTIONS_RECORD_H

#include <stdint.h>

#include "encode/message.h"
#include "exporting_process.h"

enum { OPTIONS_FIELDS_MAX = 16, OPTIONS_RECORD_OCTETS_MAX = 256 };

/* The first field is the scope; in v9 the system. */
struct options_template {
    uint16_t id;
    uint16_t octets; /* of one data record, or the bound of it */
    uint16_t field_count;
    uint16_t scope_count;
    uint16_t fields[OPTIONS_FIELDS_MAX]; /* enum element */
};

/* In the order in which they are sent; statistics are the last. */
enum options_kind {
    OPTIONS_TYPES, /* RFC 5610, for elements of enterprises: before the templates that have them */
    OPTIONS_SAMPLING,
    OPTIONS_SAMPLING_ALGORITHM, /* v9 only: newer collectors want the algorithm beside the rate */
    OPTIONS_INTERFACES,
    OPTIONS_APPLICATIONS,   /* RFC 6759 section 4 */
    OPTIONS_APPLICATIONS_9, /* the same in v9, where the scope is the system */
    OPTIONS_LISTS,          /* that flows are compared with */
    OPTIONS_BRANDS,         /* of the names of servers */
    OPTIONS_FLOW_KEYS,      /* RFC 7011 section 4.4 */
    OPTIONS_ANONYMISATION,  /* RFC 6235 section 6.1 */
    OPTIONS_EXPORTED,       /* RFC 7011 section 4.1 */
    OPTIONS_METERING_LOSS,  /* section 4.2 */
    OPTIONS_EXPORTING_LOSS, /* section 4.3 */
    OPTIONS_PROBE,          /* the form of YAF's statistics, which rwflowpack logs */
    OPTIONS_KINDS,
    OPTIONS_AFTER_TEMPLATES = OPTIONS_SAMPLING,
    OPTIONS_STATISTICS_FIRST = OPTIONS_EXPORTED
};

struct options_set {
    struct options_template kinds[OPTIONS_KINDS]; /* id 0: not sent */
    uint32_t type_count;                          /* records of OPTIONS_TYPES */
    uint16_t types[TEMPLATE_FIELDS_MAX +
                   OPTIONS_FIELDS_MAX]; /* enum element: those that they describe */
};

/* Everything that the records of one destination may tell. */
struct options_source {
    const struct exporting_process_config *process;
    const struct template_set *templates;
    const struct destination_counters *counters;
    const struct metering_counts *metering;
    uint64_t export_ns;
    uint32_t exporter_ipv4; /* network order; 0 = not known or not IPv4 */
    uint32_t exporter_id;
};

/* Decides which options a destination sends in VERSION, with ids that none of TEMPLATES has. */
void options_set_init(struct options_set *options, const struct destination_config *destination,
                      const struct exporting_process_config *config,
                      const struct template_set *templates);

/* Records that KIND has. */
uint32_t options_record_count(const struct options_set *options, enum options_kind kind,
                              const struct exporting_process_config *config,
                              const struct template_set *templates);
/* Octets of TEMPLATE's definition. */
uint32_t options_definition_octets(unsigned version, const struct options_template *template);
/* Bound of the octets of everything that a refresh sends, Set headers included. */
uint32_t options_refresh_octets(const struct options_set *options, unsigned version,
                                const struct exporting_process_config *config,
                                const struct template_set *templates);

/* Append to the open Set; there must be room. */
void options_put_definition(struct message_builder *builder,
                            const struct options_template *template);
/* Record I of KIND, I below its count. */
void options_put_record(struct message_builder *builder, const struct options_set *options,
                        enum options_kind kind, uint32_t i, const struct options_source *source);

#endif
