/*
 * DNS over UDP and TCP (RFC 1035), multicast DNS (RFC 6762) and LLMNR (RFC 4795): the question's
 * name and type, response code, and the addresses and names of the answer section. Standard queries
 * only; text records are never told.
 */
#ifndef SPANFLOW_APP_NAME_DNS_H
#define SPANFLOW_APP_NAME_DNS_H

#include "app/name.h"

struct name_state;

/* Whether PACKET is of a port of DNS and of its form. */
bool name_is_dns(const struct application_packet *packet);

/*
 * Tells SINK what PACKET shows. Names are in small letters, without the last dot (the root is a
 * dot), dots, backslashes and commas in labels and what is not printable escaped (RFC 1035 section
 * 5.1; RFC 4343); octets from 0x80 on stay as they are in multicast DNS and LLMNR, which use UTF-8.
 * Types and codes without a word are TYPE65280 (RFC 3597) and RCODE12. A name that the packet does
 * not hold whole is not told. STATE may be NULL.
 */
enum name_progress name_dns(const struct application_packet *packet, struct name_sink *sink,
                            struct name_state *state);

#endif
