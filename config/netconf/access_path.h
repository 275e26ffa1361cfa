/*
 * Paths of access rules: the node-instance-identifier of RFC 8341, which names data with some or
 * all of its keys, compiled against the schema and compared with nodes. Used by access_rules.c.
 */
#ifndef SPANFLOW_NETCONF_ACCESS_PATH_H
#define SPANFLOW_NETCONF_ACCESS_PATH_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACCESS_PATH_STEPS_MAX = 32 };

struct access_predicate {
    const struct lysc_node *key; /* NULL for "." or a position */
    char *value;                 /* canonical, owned; NULL for a position or $USER */
    uint32_t position;           /* counted from 1; 0 if it is none */
    bool user;                   /* compares with the name of the user */
};

struct access_step {
    const struct lysc_node *schema;
    struct access_predicate *predicates;
    size_t predicate_count;
};

struct access_path {
    bool all;   /* "/": every node */
    bool never; /* names what is in no schema, or is no such path */
    struct access_step *steps;
    size_t step_count;
};

/* Compiles TEXT, whose prefixes are names of modules of CONTEXT (the canonical form of libyang).
 * What cannot be read or found makes a path that never matches. False when there is no memory.
 * access_path_free() frees in every case. */
bool access_path_compile(struct access_path *path, const struct ly_ctx *context, const char *text);

/* Frees what PATH owns; all zeros are fine. */
void access_path_free(struct access_path *path);

/* Whether PATH names NODE or a node above it (RFC 8341, section 3.4.5); USER stands for $USER. */
bool access_path_matches(const struct access_path *path, const struct lyd_node *node,
                         const char *user);

#endif
