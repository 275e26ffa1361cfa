/*
 * What the tests of access control, notifications and the audit log share: a context with the
 * standard modules of the packages libyuma-base and libyang, and two small ones of our own.
 */
#ifndef SPANFLOW_TEST_NETCONF_TEST_H
#define SPANFLOW_TEST_NETCONF_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libyang/libyang.h>
#include <string.h>

#include "netconf/operation.h"

/* The modules that all of the tests use; see netconf_test.c. NULL when libyuma-base is missing. */
struct ly_ctx *test_context(void);

/* TEXT (JSON or XML) as data; a test that fails if it is none. Freed by the caller. */
struct lyd_node *test_data(const struct ly_ctx *context, const char *text);

/* TEXT, an XML element, as an operation, or as a notification. The node of it in *NODE; the tree is
 * returned, freed by the caller. */
struct lyd_node *test_rpc(const struct ly_ctx *context, const char *text, struct lyd_node **node);

/* The same for a notification in JSON; the result is the tree that holds it. */
struct lyd_node *test_event(const struct ly_ctx *context, const char *text);

/* TREE with its siblings in one line of JSON; freed by the caller. */
char *test_print(const struct lyd_node *tree);

#endif
