/*
 * The line with which programs introduce themselves: SSH (RFC 4253 section 4.2) of both sides, the
 * greetings of servers of SMTP (RFC 5321), IMAP (RFC 9051) and POP3 (RFC 1939). Not one line beyond
 * the first is told, so nothing of a login can be.
 */
#ifndef SPANFLOW_APP_NAME_BANNER_H
#define SPANFLOW_APP_NAME_BANNER_H

#include "app/name.h"

struct name_state;

/* Whether PACKET begins with the line of that protocol. */
bool name_is_ssh(const struct application_packet *packet);
/* See above. Of a line with 220 only if it names SMTP or LMTP or the port does: FTP has it too. */
bool name_is_smtp(const struct application_packet *packet);
/* See above. */
bool name_is_imap(const struct application_packet *packet);
/* See above. Of a line with +OK only if it has words of a greeting: answers begin with it too. */
bool name_is_pop(const struct application_packet *packet);

/*
 * Tells SINK the line if PACKET holds it, as far as it does and without its end. STATE may be NULL.
 * NAME_DONE: all types of the protocol that SINK wants were told.
 */
enum name_progress name_ssh(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state);
/* See above. For flows that are known to be of SMTP: any 220 but that of a port of FTP. */
enum name_progress name_smtp(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state);
/* See above. */
enum name_progress name_imap(const struct application_packet *packet, struct name_sink *sink,
                             struct name_state *state);
/* See above. */
enum name_progress name_pop(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state);

#endif
