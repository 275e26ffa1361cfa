/*
 * Names in the ClientHello of TLS (RFC 8446, 5246) and DTLS (RFC 9147, 6347): the server name
 * (RFC 6066), the application protocols (RFC 7301) and the JA4 fingerprint.
 */
#ifndef SPANFLOW_APP_NAME_TLS_H
#define SPANFLOW_APP_NAME_TLS_H

#include "app/name.h"
#include "app/name_state.h"

/*
 * Reads PACKET, of TCP for TLS and of UDP for DTLS, and tells SINK of a ClientHello once it is
 * whole. One that is in several packets is kept in the workspace of STATE, which must not be NULL;
 * over TCP the packets may be in any order behind the first, and repeated (tcp_sequence). NAME_MORE
 * if the rest is waited for; NAME_DONE if all is told, the hello will not be whole, or the packet
 * is not the beginning of one. Worker thread.
 */
enum name_progress name_tls(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state);

#endif
