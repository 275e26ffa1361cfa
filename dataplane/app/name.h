/*
 * The names inside flows: how a parser of one protocol tells what it found. Which names there are
 * is in flow/flow_names.h.
 *
 * A parser is a function of one packet at a time: it allocates nothing, is bounded by the packet's
 * length and never reads past it. What a packet shows is told through a sink, uncleaned and as
 * often as it is found; the sink cleans, hashes, cuts and keeps the first of each type. Worker's
 * thread.
 *
 * No parser tells a path or query of a URL, a cookie or a credential.
 */
#ifndef SPANFLOW_APP_NAME_H
#define SPANFLOW_APP_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "app/application_check.h"
#include "flow/flow_names.h"

/* Where a parser tells what it found. */
struct name_sink {
    uint32_t wanted; /* set of 1 << enum name_type; a parser may leave out all others */
    void (*found)(struct name_sink *sink, enum name_type type, const uint8_t *text,
                  uint32_t octets);
};

/* Tells SINK of TEXT unless nobody wants that type. TEXT may be of any length. */
static inline void name_tell(struct name_sink *sink, enum name_type type, const uint8_t *text,
                             uint32_t octets)
{
    if (sink->wanted >> type & 1u)
        sink->found(sink, type, text, octets);
}

enum name_progress {
    NAME_MORE, /* a later packet of the flow may tell more */
    NAME_DONE  /* nothing more can come: also if the payload is not of the protocol */
};

#endif
