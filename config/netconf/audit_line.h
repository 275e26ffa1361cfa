/*
 * One line of the audit log under construction: a JSON object with its line break. Used by audit.c.
 * A line for which there is no memory ends as NULL.
 */
#ifndef SPANFLOW_NETCONF_AUDIT_LINE_H
#define SPANFLOW_NETCONF_AUDIT_LINE_H

#include <stdio.h>

#include "operation.h"

/* Changes named in one line; more are counted. */
enum { AUDIT_CHANGES_MAX = 1000 };

struct audit_line {
    FILE *out;
    char *text;
    size_t length;
};

/* Begins with time, user, session, from and OPERATION. CALLER NULL is the server itself. */
void audit_line_begin(struct audit_line *line, const struct operation_caller *caller,
                      const char *operation);

/* Adds the member NAME with the text VALUE, in which everything that JSON wants escaped is, and
 * what is no UTF-8 becomes '?'. */
void audit_line_text(struct audit_line *line, const char *name, const char *value);

/* Adds the member changes: operation and path, never values, of what DIFF (lyd_diff_siblings())
 * creates, deletes, replaces or moves. What is below a created or deleted node is not named. */
void audit_line_changes(struct audit_line *line, const struct lyd_node *diff);

/* Adds the member input: the leaves at the top of RPC with their values, but for protected ones. */
void audit_line_input(struct audit_line *line, const struct lyd_node *rpc);

/* Adds the member result: "ok" without ERROR, else tag and message of the first one, and the member
 * path with the node that it is about, if it has one; of leaf-lists without the value. */
void audit_line_result(struct audit_line *line, const struct rpc_error *error);

/* The whole line, to be freed, with its length; NULL when there was no memory. */
char *audit_line_end(struct audit_line *line, size_t *length);

#endif
