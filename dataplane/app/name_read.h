/*
 * Reading lines and words out of payload for the parsers of names, and keeping what they told.
 * Nothing is copied and nothing behind the payload is read. Private to the parsers.
 */
#ifndef SPANFLOW_APP_NAME_READ_H
#define SPANFLOW_APP_NAME_READ_H

#include <string.h>

#include "app/name.h"

/* Octets of a packet that belong together. */
struct name_span {
    const uint8_t *text;
    uint32_t octets;
    bool whole; /* its end was seen; otherwise the packet's end cuts it off */
};

/* The line at *AT of the payload, without CR LF or LF; *AT is behind it then. Only for *AT below
 * the payload's length. */
static inline struct name_span name_line(const struct application_packet *packet, uint32_t *at)
{
    const uint8_t *start = packet->data + *at;
    uint32_t left = packet->length - *at;
    const uint8_t *end = memchr(start, '\n', left);
    struct name_span line = {start, end ? (uint32_t)(end - start) : left, end != NULL};
    *at += line.octets + (end ? 1u : 0u);
    if (line.whole && line.octets > 0 && start[line.octets - 1] == '\r')
        line.octets--;
    return line;
}

/* OCTET, as a small letter if it is one of A to Z. */
static inline uint8_t name_small(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

/* Whether TEXT is one of 0 to 9. */
static inline bool name_is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

/* Whether SPAN starts with WORD, letter by letter. */
static inline bool name_starts(struct name_span span, const char *word)
{
    size_t octets = strlen(word);
    return span.octets >= octets && memcmp(span.text, word, octets) == 0;
}

/* Whether SPAN starts with WORD, which has no capitals; capitals of SPAN count as small. */
static inline bool name_starts_small(struct name_span span, const char *word)
{
    uint32_t i = 0;
    while (word[i] && i < span.octets && name_small(span.text[i]) == (uint8_t)word[i])
        i++;
    return word[i] == '\0';
}

/* SPAN without its first OCTETS octets, of which there must be as many. */
static inline struct name_span name_behind(struct name_span span, uint32_t octets)
{
    return (struct name_span){span.text + octets, span.octets - octets, span.whole};
}

/* SPAN without blanks and tabs at its ends. */
static inline struct name_span name_trim(struct name_span span)
{
    while (span.octets > 0 && (span.text[0] == ' ' || span.text[0] == '\t'))
        span = name_behind(span, 1);
    while (span.octets > 0 &&
           (span.text[span.octets - 1] == ' ' || span.text[span.octets - 1] == '\t'))
        span.octets--;
    return span;
}

/* A sink with a note of what was told to it. */
struct name_teller {
    struct name_sink *sink;
    uint32_t told; /* set of 1 << enum name_type */
};

/* Tells SPAN, the first time for TYPE and unless it is empty. */
static inline void name_teller_tell(struct name_teller *teller, enum name_type type,
                                    struct name_span span)
{
    if (span.octets == 0 || teller->told >> type & 1u)
        return;
    teller->told |= 1u << type;
    name_tell(teller->sink, type, span.text, span.octets);
}

/* Whether all that the sink wants of the set TYPES was told. */
static inline enum name_progress name_teller_end(const struct name_teller *teller, uint32_t types)
{
    return teller->sink->wanted & types & ~teller->told ? NAME_MORE : NAME_DONE;
}

#endif
