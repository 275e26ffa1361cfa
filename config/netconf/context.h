/*
 * The modules that the server knows, and what it announces.
 */
#ifndef SPANFLOW_NETCONF_CONTEXT_H
#define SPANFLOW_NETCONF_CONTEXT_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A context with the standard modules and spanflow, which never changes any more. The standard
 * modules are read from the package libyuma-base; NULL and ERROR, one line, when they are not
 * there. The caller frees it with ly_ctx_destroy() once nothing uses it. */
struct ly_ctx *netconf_context_create(struct error *error);

/* Tells the library about CONTEXT and the capabilities that are not in it. Once. */
bool netconf_context_announce(struct ly_ctx *context, struct error *error);

/* A number that another set of modules, revisions or features has as good as never (RFC 8525,
 * section 4: content-id), and the same set always. */
uint32_t netconf_context_hash(const struct ly_ctx *context);

/* The identifier that the capability yang-library:1.1 announces; content-id of ietf-yang-library
 * must be the same (RFC 8526, section 2). */
void netconf_context_content_id(const struct ly_ctx *context, char text[16]);

#endif
