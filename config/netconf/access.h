/*
 * Who may do what: the network configuration access control model (RFC 8341) over trees of libyang.
 * The rules are those of the container nacm of the running configuration; they are compiled once
 * and again when that subtree has changed.
 *
 * Not locked: the dispatcher's mutex is held around each call. Nothing here knows a transport or
 * the daemon.
 *
 * The groups of a user are those of /nacm/groups and, with enable-external-groups and over the
 * local socket, those of the system: a member of the UNIX group spanflow-NAME is in the group NAME,
 * a member of the UNIX group spanflow in the group viewer. Other transports report no groups.
 */
#ifndef SPANFLOW_NETCONF_ACCESS_H
#define SPANFLOW_NETCONF_ACCESS_H

#include "datastore.h"
#include "operation.h"

struct access;

/* The groups that a first start has, as a configuration in JSON (RFC 7951) of the module
 * ietf-netconf-acm: viewer, operator, analyst and admin, with no user in them. */
extern const char access_initial_configuration[];

/* Makes CONTEXT, once all modules are loaded and before any data is, take every path that RFC 8341
 * permits in a rule: libyang 2.1 by itself refuses lists with some of their keys, and $USER. False
 * when there is no memory. */
bool access_prepare(const struct ly_ctx *context);

/* Access control with the defaults of the model and no rules. CONTEXT holds ietf-netconf-acm and
 * outlives the result. NULL when there is no memory. access_destroy() frees. */
struct access *access_create(const struct ly_ctx *context);

/* Frees ACCESS; NULL is fine. */
void access_destroy(struct access *access);

/* Takes the rules out of CONFIG, the siblings of running (may be NULL); CONFIG is not kept. Cheap
 * when the subtree nacm is what it was, so it may be called after each change of running. Without
 * a container nacm the defaults of the model hold. False with ERROR when there is no memory; then
 * everything is denied that rules could permit, until it succeeds. A rule whose path fits no node
 * of the schema never matches. */
bool access_configure(struct access *access, const struct lyd_node *config,
                      struct rpc_error *error);

/* Whether each rule in CONFIG has a path that names something in the schema; a rule that can never
 * match would pass for protection. False with invalid-value and the leaf's path in ERROR. Part of
 * what is checked before a configuration is applied. */
bool access_check_config(const struct access *access, const struct lyd_node *config,
                         struct rpc_error *error);

/* Whether CALLER may invoke RPC, the node of an operation or of an action within its parents
 * (RFC 8341, section 3.4.4; an action also needs read access to its parents). False with
 * access-denied in ERROR, counted in denied-operations. */
bool access_check_rpc(struct access *access, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct rpc_error *error);

/* Takes off *TREE (siblings from the root, owned by the caller of this function) every node that
 * CALLER may not read, with all below it (RFC 8341, sections 3.2.4 and 3.4.5). An entry of a list
 * goes as a whole when one of its keys may not be read. *TREE becomes NULL if nothing is left. */
void access_filter_read(struct access *access, const struct operation_caller *caller,
                        struct lyd_node **tree);

/* No more than TREE (siblings; may be NULL) is shown of what access_filter_read() left: the rest
 * was not asked for. */
void access_shows(struct access *access, const struct lyd_node *tree);

/* Whether a tree that access_filter_read() left since the last call of this function, or the part
 * of it that is shown, holds nodes that are marked default-deny-all: a reading that belongs into
 * the audit log. */
bool access_take_protected(struct access *access);

/* Whether CALLER may do OPERATION to NODE, which has all its parents and the keys of lists. A
 * denial is counted in denied-data-writes. access_check_write() asks the same of a whole change. */
bool access_may_write(struct access *access, const struct operation_caller *caller,
                      const struct lyd_node *node, enum datastore_access operation);

/* Whether CALLER may make the change DIFF, in the form of lyd_diff_siblings() (NULL: no change):
 * each node that is created, deleted or changed is asked for, those below a created or deleted one
 * as well; moving an entry of a user-ordered list is an update. False with access-denied and the
 * path of the first such node in ERROR, counted once. */
bool access_check_write(struct access *access, const struct operation_caller *caller,
                        const struct lyd_node *diff, struct rpc_error *error);

/* Whether CALLER may receive NOTIFICATION, a notification or the tree that holds one below data
 * (RFC 8341, section 3.4.6). A denial is counted in denied-notifications. */
bool access_check_notification(struct access *access, const struct operation_caller *caller,
                               const struct lyd_node *notification);

/* Adds the counters /nacm/denied-operations, denied-data-writes and denied-notifications to the
 * siblings *TREE, making the container if it is missing. False when there is no memory. */
bool access_state(const struct access *access, struct lyd_node **tree);

/* Whether the schema marks NODE or a node above it with default-deny-all of ietf-netconf-acm: keys,
 * passwords, flows. Its values are not written to the audit log. */
bool access_protected(const struct lysc_node *node);

#endif
