/*
 * What the two halves of the edit engine share: edit.c walks, edit_node.c reads one element and
 * changes the tree at one place.
 */
#ifndef SPANFLOW_NETCONF_EDIT_INTERNAL_H
#define SPANFLOW_NETCONF_EDIT_INTERNAL_H

#include "edit.h"

enum edit_insert { INSERT_NOT_SAID, INSERT_FIRST, INSERT_LAST, INSERT_BEFORE, INSERT_AFTER };

/* One element of the request and its place in the tree. */
struct edit_place {
    const struct lyd_node *node; /* the element */
    const struct lysc_node *schema;
    struct lyd_node *parent; /* in the tree; NULL at the top */
    struct lyd_node **tree;  /* the first of the top */
    struct lyd_node *found;  /* the instance that exists; NULL if none does */
    char *key;               /* canonical value, or predicates of a list entry; owned */
    enum edit_operation operation;
    enum edit_insert insert;
    char *anchor;    /* the key of the instance to insert next to; owned */
    bool is_default; /* default="true" of RFC 6243 */
};

/* Finds the schema of PLACE->node below PARENT (NULL at the top). */
bool edit_find_schema(struct edit_place *place, const struct lysc_node *parent,
                      const struct ly_ctx *context, struct rpc_error *error);

/* Reads the attributes; INHERITED is the operation without one. PLAIN as in the request. */
bool edit_read_attributes(struct edit_place *place, enum edit_operation inherited, bool plain,
                          struct rpc_error *error);

/* Reads key or value as far as they are needed, and finds the instance. */
bool edit_find_instance(struct edit_place *place, struct rpc_error *error);

/* Whether the instance is there in the sense of create and delete. */
bool edit_exists(const struct edit_place *place);

/* Makes the instance, in place of FOUND if there is one, and what its choice excludes goes. */
bool edit_make(struct edit_place *place, struct rpc_error *error);

/* Puts the instance where insert says. CREATED: it goes to the end if nothing is said. */
bool edit_move(struct edit_place *place, bool created, struct rpc_error *error);

/* Removes NODE from the tree. */
void edit_remove(struct lyd_node **tree, struct lyd_node *node);

/* Removes the nodes of other cases than those of SCHEMA among the siblings of PLACE. */
void edit_remove_cases(struct edit_place *place);

/* ---- edit_seen.c ---- */

/* What was given among the siblings of one element, so that nothing is given twice. All zeros is
 * nothing. */
struct edit_seen {
    struct edit_seen_node {
        const struct lysc_node *schema; /* NULL: a free place */
        char *key;                      /* owned; NULL: of what there is one of */
    } * nodes;
    size_t count, room;
};

/* Remembers the instance of SCHEMA with KEY (may be NULL; copied). False if it was there. Without
 * memory it aborts. */
bool edit_seen_add(struct edit_seen *seen, const struct lysc_node *schema, const char *key);
void edit_seen_free(struct edit_seen *seen);

/* ERROR with the path of the instance that PLACE means. */
bool edit_refuse(const struct edit_place *place, struct rpc_error *error, const char *tag,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Frees what PLACE owns. */
void edit_place_free(struct edit_place *place);

#endif
