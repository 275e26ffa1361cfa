/*
 * What a reader asked for of a tree: subtree filters (RFC 6241, section 6), XPath, and the further
 * filters of get-data (RFC 8526). A filter takes nodes off a copy that the caller made.
 *
 * Under the dispatcher's mutex.
 */
#ifndef SPANFLOW_NETCONF_FILTER_H
#define SPANFLOW_NETCONF_FILTER_H

#include "operation.h"

enum filter_config { FILTER_ALL, FILTER_CONFIG, FILTER_STATE };

enum { FILTER_SECTIONS_MAX = 32, FILTER_ORIGINS_MAX = 16 };

/* All zeros: everything. */
struct filter {
    bool is_subtree;
    const struct lyd_node *subtree; /* the content of the filter; NULL selects nothing */
    const char *xpath;              /* with names of modules as prefixes */
    unsigned depth;                 /* levels of what is selected; 0 for all */
    enum filter_config config;
    bool negated; /* the origins are those not wanted */
    unsigned origin_count;
    const struct lysc_ident *origins[FILTER_ORIGINS_MAX];
};

/* Takes off *TREE (siblings from the root; may become NULL) what FILTER does not select. Origins
 * are read from the metadata of ietf-origin. False with invalid-value in ERROR for an XPath
 * expression that is none, or does not select nodes. */
bool filter_apply(const struct filter *filter, struct lyd_node **tree, struct rpc_error *error);

/* The names of the children of CONTAINER/state (CONTAINER in the namespace SPACE) that FILTER can
 * select, in SECTIONS, ended by NULL. False when it may be any of them. */
bool filter_sections(const struct filter *filter, const char *container, const char *space,
                     const char *sections[FILTER_SECTIONS_MAX]);

/* Removes all metadata of the module MODULE from the siblings TREE and what is below them. */
void filter_remove_metadata(struct lyd_node *tree, const char *module);

#endif
