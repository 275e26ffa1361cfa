/*
 * The names inside flows as fields of data records: strings of variable length (RFC 7011 section 7)
 * behind all other fields of a template. A name that the flow has not is an empty string. Called
 * once per record on the exporter's thread; owns nothing.
 */
#ifndef SPANFLOW_EXPORTER_TEMPLATE_RECORD_NAMES_H
#define SPANFLOW_EXPORTER_TEMPLATE_RECORD_NAMES_H

#include <stdint.h>

#include "template/template.h"

/* Sets the names among VALUES: those of RECORD of the types that CONTEXT lets through. They point
 * into RECORD. */
void record_names_fill(struct record_values *values, const struct values_context *context,
                       const struct flow_record *record);

/* What the names among VALUES add to the octets of a data record of TEMPLATE, at most ROOM: those
 * that do not fit, the last ones first, become empty. */
uint32_t record_names_fit(const struct template *template, struct record_values *values,
                          uint32_t room);

/* Writes the names of TEMPLATE, which is what stands behind its other fields, to OUT. Returns their
 * octets. */
uint32_t record_names_put(const struct template *template, const struct record_values *values,
                          uint8_t *out);

#endif
