/*
 * More ways to make the errors of operation.h, for the files of this folder.
 *
 * Any thread. All return false, so that a function can end with them.
 */
#ifndef SPANFLOW_NETCONF_RPC_ERROR_H
#define SPANFLOW_NETCONF_RPC_ERROR_H

#include "operation.h"

/* Puts a copy of MORE (which must have none behind it) behind the last of ERROR (may be NULL), or
 * into it if it has no tag yet. What goes beyond 32 is left out. */
void rpc_error_add(struct rpc_error *error, const struct rpc_error *more);

/* resource-denied. */
bool rpc_error_memory(struct rpc_error *error);

/* The last message that libyang kept for this thread and CONTEXT, with the tags of RFC 7950,
 * section 15; FALLBACK is the tag (a constant) of those not named there. Cleans the messages. */
bool rpc_error_from_library(const struct ly_ctx *context, const char *fallback,
                            struct rpc_error *error);

/* The path inside LOCATION, libyang's text of places, which has the form: Data location "PATH",
 * line ... . Into PATH of SIZE octets, "" if there is none; LOCATION may be NULL. Any thread. */
void rpc_error_location(const char *location, char *path, size_t size);

#endif
