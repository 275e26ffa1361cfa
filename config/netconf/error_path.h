/*
 * The error-path of RFC 6241, section 4.3: an XPath expression, so each of its names needs a
 * prefix, and each prefix a declaration.
 */
#ifndef SPANFLOW_NETCONF_ERROR_PATH_H
#define SPANFLOW_NETCONF_ERROR_PATH_H

#include <libyang/libyang.h>

/* A path and what its prefixes mean, as attributes of its element, each with a blank before it.
 * Both are texts of their own. */
struct error_path {
    char *text;
    char *attributes;
};

/* PATH, as struct rpc_error has it (the name of a module stands only where it is another than the
 * parent's), with the names of modules as prefixes everywhere. Prefixes that no module of CONTEXT
 * has are left undeclared. Texts are NULL when memory is short. Any thread. */
struct error_path error_path_make(const struct ly_ctx *context, const char *path);

/* Frees the texts. */
void error_path_clear(struct error_path *path);

/* PATH, made so, as the element error-path of the base namespace, without schema. NULL when memory
 * is short or it cannot be written in XML. Owned by the caller. */
struct lyd_node *error_path_element(const struct ly_ctx *context, const char *path);

#endif
