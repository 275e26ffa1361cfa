/*
 * What the tests of the datastores share: a context with the standard modules and test-store.yang,
 * a daemon that is played by a few variables, and operations as XML in, results as text out.
 */
#ifndef SPANFLOW_TEST_DATASTORE_TEST_H
#define SPANFLOW_TEST_DATASTORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libyang/libyang.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netconf/datastore.h"

#define TOP(content) "<top xmlns=\"urn:example:test-store\">" content "</top>"
#define EDIT(content)                                                                              \
    "<edit-config><target><candidate/></target><config>" content "</config></edit-config>"
#define COMMIT       "<commit/>"
#define COPY_RUNNING "<get-config><source><running/></source></get-config>"

/* The daemon, and what the datastores told others. */
struct test_world {
    struct ly_ctx *context;
    struct netconf_server server;
    char *applied;           /* what the daemon runs, as JSON; NULL before the first time */
    unsigned applies;        /* how often it was asked, tests left out */
    const char *refuse;      /* the daemon refuses a configuration with this in its text */
    void (*meanwhile)(void); /* what happens while it is asked, once; NULL: nothing */
    const char *deny_write;  /* a change with this in its path is denied */
    const char *hide;        /* nodes of this name may not be read */
    unsigned audits;
    char events[512];   /* names of notifications, with a blank behind each */
    char event[4096];   /* the last one as JSON */
    char sections[128]; /* of the last request for state; "all" */
};

/* The context of all tests; NULL when libyuma-base is not installed. Made once. */
struct ly_ctx *test_store_context(void);

/* Opens datastores in FOLDER (NULL: volatile) with INITIAL (JSON; NULL: nothing). */
void test_world_open(struct test_world *world, const char *folder, const char *initial,
                     bool replace);

/* Closes them. */
void test_world_close(struct test_world *world);

/* Runs the operation BODY (XML) of SESSION. The result is "ok", the data of the reply in one line
 * of XML, or the error as "TAG PATH" with further errors behind it. Valid until the next call. */
const char *test_run(struct test_world *world, uint32_t session, const char *body);

/* The last error of test_run(), all zeros if there was none. */
const struct rpc_error *test_error(void);

/* The siblings TREE in one line of JSON; "{}" for none. Valid until the eighth next call. */
const char *test_text(const struct lyd_node *tree);

/* The operation node of BODY in *OPERATION; the result is for lyd_free_all(). */
struct lyd_node *test_parse(struct ly_ctx *context, const char *body, struct lyd_node **operation);

/* TEXT (JSON) as data; for lyd_free_all(). */
struct lyd_node *test_tree(struct ly_ctx *context, const char *text);

/* A new empty folder; for test_folder_remove(). */
char *test_folder(void);

/* Removes it with all that is in it, and frees the name. */
void test_folder_remove(char *folder);

#endif
