/*
 * HTTP/1 (RFC 9110, 9112): host, method and user agent of the first request, status of the first
 * response. Only the first line and the lines Host and User-Agent are ever looked at; of a target
 * in absolute form nothing but host and port, without user and password. Of a head that goes on in
 * later packets nothing is kept but the beginning of such a line.
 */
#ifndef SPANFLOW_APP_NAME_HTTP_H
#define SPANFLOW_APP_NAME_HTTP_H

#include "app/name.h"

struct name_state;

/* Whether PACKET begins with the first line of a request or response of HTTP/1. */
bool name_is_http(const struct application_packet *packet);

/*
 * Tells SINK what PACKET shows, also where it goes on with a request's head that an earlier packet
 * of TCP began: the workspace of STATE keeps it in between (NULL: each packet stands alone). What
 * comes before its turn is kept until then. Interim responses (100, 102, 103) are passed over.
 * Packets in the midst of a message tell nothing and do not end it: NAME_DONE means that all types
 * of HTTP that SINK wants were told.
 */
enum name_progress name_http(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state);

#endif
