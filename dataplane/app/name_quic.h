/*
 * Names in the ClientHello of QUIC versions 1 and 2 (RFC 9001, 9369) and of the drafts 23 to 34:
 * its Initial packets are protected with keys that anyone can derive from their header.
 */
#ifndef SPANFLOW_APP_NAME_QUIC_H
#define SPANFLOW_APP_NAME_QUIC_H

#include "app/name.h"
#include "app/name_state.h"

/*
 * Opens the client's Initial packets in the datagram PACKET and tells SINK of the ClientHello in
 * their CRYPTO frames once it is whole; an incomplete one is kept in the workspace of STATE, which
 * must not be NULL. NAME_MORE if the rest is waited for, or if the datagram is QUIC but has no
 * Initial packet of the client; else NAME_DONE. Worker thread.
 */
enum name_progress name_quic(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state);

#endif
