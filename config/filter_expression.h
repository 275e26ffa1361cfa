/*
 * Filter expressions for flows as people type them, in the words of tcpdump: "host 192.0.2.1 and
 * (tcp port 80 or port 443)", "src net 10.0.0.0/8", "not udp". Addresses are numbers: no name is
 * looked up.
 *
 *   expression  term { or term }
 *   term        factor { and factor }
 *   factor      not factor | ( expression ) | primitive
 *   primitive   [ip|ip6|PROTOCOL] [src|dst] host ADDRESS | net PREFIX | port N | portrange N-N
 *               | ip | ip6 | PROTOCOL | proto PROTOCOL
 *
 * PROTOCOL is a name of /etc/protocols, behind proto also a number; "host" may be left out behind
 * src and dst; && || ! stand for the words.
 */
#ifndef SPANFLOW_CONFIG_FILTER_EXPRESSION_H
#define SPANFLOW_CONFIG_FILTER_EXPRESSION_H

#include "base/error.h"
#include "flow/flow_expression.h"

enum { FILTER_EXPRESSION_MAX = 1023 }; /* octets of its text */

/* Reads TEXT. False and one line in MISTAKE that names the word. Any thread. */
bool filter_expression_read(struct flow_expression *expression, const char *text,
                            struct error *mistake);

#endif
