/*
 * The operations on sessions and schemas: close-session, kill-session (RFC 6241, sections 7.8 and
 * 7.9) and get-schema (RFC 6022, section 3.1).
 */
#ifndef SPANFLOW_NETCONF_SESSION_OPERATIONS_H
#define SPANFLOW_NETCONF_SESSION_OPERATIONS_H

#include "operation.h"

/* The rows; netconf_server.sessions and context are what they need. */
extern const struct operation_row session_operations[];

#endif
