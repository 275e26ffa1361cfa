/*
 * One way to look at XML content of an operation: libyang gives nodes with a schema where the data
 * is complete and valid, and opaque ones where it is not (no value, no key, unknown names). Also
 * values as texts in canonical form.
 *
 * Reads only. Texts live as long as the node if nothing else is said.
 */
#ifndef SPANFLOW_NETCONF_DATA_VIEW_H
#define SPANFLOW_NETCONF_DATA_VIEW_H

#include "operation.h"

#define NAMESPACE_NETCONF "urn:ietf:params:xml:ns:netconf:base:1.0"
#define NAMESPACE_YANG    "urn:ietf:params:xml:ns:yang:1"
/* Of RFC 6243, and the one that libyang writes. */
#define NAMESPACE_DEFAULTS        "urn:ietf:params:xml:ns:netconf:default:1.0"
#define NAMESPACE_DEFAULTS_MODULE "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"

/* An attribute of an element. Its prefixes are those of the XML, or names of modules. */
struct view_attribute {
    const char *name;
    const char *space; /* NULL for none */
    const char *value;
    LY_VALUE_FORMAT format;
    void *prefixes;
};

/* The element's name. */
const char *view_name(const struct lyd_node *node);

/* The element's namespace; NULL for none. */
const char *view_space(const struct lyd_node *node);

/* The text of an element without children, "" if it has none; NULL if it cannot have any. */
const char *view_text(const struct lyd_node *node);

/* Whether the element has more than white space as its text. */
bool view_has_text(const struct lyd_node *node);

/* The attribute number INDEX in *ATTRIBUTE; false behind the last. */
bool view_attribute(const struct lyd_node *node, unsigned index, struct view_attribute *attribute);

/* TEXT as a value of the leaf or leaf-list SCHEMA in canonical form, in *VALUE, to be freed.
 * False with invalid-value in ERROR (may be NULL) if it is none. */
bool view_canonical(const struct lysc_node *schema, const char *text, LY_VALUE_FORMAT format,
                    void *prefixes, char **value, struct rpc_error *error);

/* The same for the text of NODE. */
bool view_value(const struct lysc_node *schema, const struct lyd_node *node, char **value,
                struct rpc_error *error);

/* The tree in the anydata or anyxml node ANY as siblings; NULL if it is empty. Owned by ANY. */
const struct lyd_node *view_content(const struct lyd_node *any);

/* The child NAME of NODE, from any module; NULL if there is none. */
const struct lyd_node *view_child(const struct lyd_node *node, const char *name);

/* The value of the child NAME of NODE, NULL if it is not there. */
const char *view_child_value(const struct lyd_node *node, const char *name);

#endif
