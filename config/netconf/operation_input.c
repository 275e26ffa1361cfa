/*
 * Reading parameters. Called by the operations.
 */
#include "operation_input.h"

#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "rpc_error.h"

enum input_datastore input_identity(const char *name)
{
    static const char *const names[] = {[INPUT_RUNNING] = "ietf-datastores:running",
                                        [INPUT_CANDIDATE] = "ietf-datastores:candidate",
                                        [INPUT_OPERATIONAL] = "ietf-datastores:operational"};
    for (unsigned i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return INPUT_OTHER;
}

enum input_datastore input_datastore(const struct lyd_node *node, const struct lyd_node **config)
{
    const struct lyd_node *child = node ? lyd_child(node) : NULL;
    *config = NULL;
    if (!child)
        return INPUT_OTHER;
    const char *name = view_name(child);
    if (strcmp(name, "running") == 0)
        return INPUT_RUNNING;
    if (strcmp(name, "candidate") == 0)
        return INPUT_CANDIDATE;
    if (strcmp(name, "datastore") == 0)
        return input_identity(view_text(child));
    if (strcmp(name, "config") != 0)
        return INPUT_OTHER;
    *config = child;
    return INPUT_CONFIG;
}

bool input_defaults(const struct lyd_node *rpc, enum defaults_mode fallback,
                    enum defaults_mode *mode, struct rpc_error *error)
{
    const char *name = view_child_value(rpc, "with-defaults");
    *mode = name ? defaults_mode_find(name) : fallback;
    return *mode != DEFAULTS_MODES
               ? true
               : rpc_error_set(error, "protocol", "invalid-value",
                               "with-defaults: is explicit, trim, report-all or "
                               "report-all-tagged");
}

/* The attribute NAME of the filter ELEMENT, of its own namespace or none. */
static const char *filter_attribute(const struct lyd_node *element, const char *name)
{
    struct view_attribute attribute;
    for (unsigned i = 0; view_attribute(element, i, &attribute); i++)
        if (strcmp(attribute.name, name) == 0 &&
            (!attribute.space || strcmp(attribute.space, NAMESPACE_NETCONF) == 0))
            return attribute.value;
    return NULL;
}

bool input_filter(const struct lyd_node *rpc, struct filter *filter, struct rpc_error *error)
{
    const struct lyd_node *element = view_child(rpc, "filter");
    if (!element)
        return true;
    const char *type = filter_attribute(element, "type");
    if (!type || strcmp(type, "subtree") == 0) {
        filter->is_subtree = true;
        filter->subtree = view_content(element);
        return true;
    }
    if (strcmp(type, "xpath") != 0) {
        rpc_error_set(error, "protocol", "bad-attribute",
                      "filter: the attribute type is subtree or xpath");
        strcpy(error->bad_attribute, "type");
        strcpy(error->bad_element, "filter");
        return false;
    }
    filter->xpath = filter_attribute(element, "select");
    if (filter->xpath)
        return true;
    rpc_error_set(error, "protocol", "missing-attribute",
                  "filter: the attribute select is missing; give the XPath expression in it");
    strcpy(error->bad_attribute, "select");
    strcpy(error->bad_element, "filter");
    return false;
}

bool input_config(const struct ly_ctx *context, const struct lyd_node *config,
                  struct lyd_node **tree, struct rpc_error *error)
{
    struct edit_request request = {
        .context = context, .content = view_content(config), .fallback = EDIT_MERGE, .plain = true};
    *tree = NULL;
    if (edit_apply(&request, tree, error))
        return true;
    lyd_free_all(*tree);
    *tree = NULL;
    return false;
}
