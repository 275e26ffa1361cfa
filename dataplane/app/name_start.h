/*
 * The beginnings of TCP streams that are too short for any parser of names to recognise, as where
 * a program writes a header before what it heads, and segments that come before the first. They are
 * held in the workspace, as ClientHellos in several packets are, until they can be recognised.
 * Private to the finder of names.
 */
#ifndef SPANFLOW_APP_NAME_START_H
#define SPANFLOW_APP_NAME_START_H

#include "app/name_gather.h"

enum {
    NAME_START_SHORT = 18, /* octets: fewer may not be recognised; a parser needs no more */
    NAME_START_ENOUGH = 64 /* octets that nobody recognises are nobody's */
};

/* Whether PACKET, of TCP and recognised by nobody, is to be held. SEEN: the beginning of its side
 * was seen, in an earlier packet. */
bool name_start_is_wanted(const struct application_packet *packet, bool seen);

/* Whether PACKET is the beginning of its side, as far as is known. */
bool name_start_is_first(const struct application_packet *packet);

/* Holds PACKET, the first of its side in STATE's flow that is. Worker thread, as all here. */
void name_start_hold(const struct name_state *state, const struct application_packet *packet);

/* Adds PACKET to what is held of its side; NULL if that had to give way to another flow. */
struct name_gather *name_start_add(const struct name_state *state,
                                   const struct application_packet *packet);

/* What HELD has from the beginning on as one packet of the side of PACKET. Valid until HELD is
 * changed. */
struct application_packet name_start_view(const struct name_gather *held,
                                          const struct application_packet *packet);

/* From now on HELD is the parser's for CARRIER, which finds it there. */
void name_start_give(struct name_gather *held, enum name_carrier carrier);

/* Gives HELD up; *VIEW of it stays valid until the next packet. */
void name_start_take(const struct name_state *state, struct name_gather *held,
                     struct application_packet *view);

/* Gives up what is held of STATE's flow. */
void name_start_forget(const struct name_state *state);

#endif
