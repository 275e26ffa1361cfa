/*
 * Options Templates and their data records: interface names, sampling, and what the exporting
 * process counts of itself. One Options Template in a Set of its own, and its data behind it:
 * collectors read only the first Options Template of a Set.
 *
 * Called by a destination when templates or statistics are due, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_OPTIONS_RECORD_H
#define SPANFLOW_EXPORTER_ENCODE_OPTIONS_RECORD_H

#include <stdint.h>

#include "encode/message.h"
#include "exporting_process.h"

enum { OPTIONS_FIELDS_MAX = 6 };

/* The first field is the scope: the observation domain, in v9 the system. */
struct options_template {
    uint16_t id;
    uint16_t octets; /* of one data record */
    uint16_t field_count;
    uint16_t fields[OPTIONS_FIELDS_MAX]; /* enum element */
};

enum options_kind {
    OPTIONS_INTERFACES,
    OPTIONS_SAMPLING,
    OPTIONS_SAMPLING_ALGORITHM, /* v9 only: newer collectors want the algorithm beside the rate */
    OPTIONS_STATISTICS,         /* RFC 7011 section 4.1 */
    OPTIONS_KINDS
};

struct options_set {
    struct options_template kinds[OPTIONS_KINDS]; /* id 0: not sent */
};

/* What a statistics record tells. */
struct options_statistics {
    uint64_t octets;
    uint64_t messages;
    uint64_t records;
};

/* Decides which options CONFIG asks for in VERSION, with ids that none of TEMPLATES has. */
void options_set_init(struct options_set *options, unsigned version,
                      const struct exporting_process_config *config,
                      const struct template_set *templates);

/* Octets of TEMPLATE's definition. */
uint32_t options_definition_octets(unsigned version, const struct options_template *template);
/* Octets of everything that a refresh sends, Set headers included. */
uint32_t options_refresh_octets(const struct options_set *options, unsigned version,
                                uint32_t interface_count);

/* Append to the open Set; there must be room. */
void options_put_definition(struct message_builder *builder,
                            const struct options_template *template);
void options_put_interface(struct message_builder *builder,
                           const struct export_interface *interface);
void options_put_sampling(struct message_builder *builder, uint32_t interval, bool algorithm);
void options_put_statistics(struct message_builder *builder,
                            const struct options_statistics *statistics);

#endif
