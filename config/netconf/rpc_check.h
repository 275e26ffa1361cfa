/*
 * Looks at a request before the library does, which answers everything that it cannot parse with
 * operation-failed. What is wrong with a request is told here as RFC 6241, appendix A, and RFC
 * 7950, section 8.3.1, name it.
 */
#ifndef SPANFLOW_NETCONF_RPC_CHECK_H
#define SPANFLOW_NETCONF_RPC_CHECK_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>

/* The whole <rpc-reply> that refuses the message TEXT of LENGTH octets, to be freed. NULL when the
 * library may have the message: it is a request that the modules of CONTEXT know, it is not an
 * <rpc> at all, or memory is short. NEW_BASE says that the client speaks base:1.1, as older ones do
 * not know the tag malformed-message. Any thread. */
char *rpc_check(const struct ly_ctx *context, const char *text, size_t length, bool new_base);

#endif
