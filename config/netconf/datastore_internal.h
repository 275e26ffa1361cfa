/*
 * What the files of the datastores share: datastore.c (trees, locks, sessions), datastore_commit.c,
 * datastore_operational.c and datastore_notify.c.
 */
#ifndef SPANFLOW_NETCONF_DATASTORE_INTERNAL_H
#define SPANFLOW_NETCONF_DATASTORE_INTERNAL_H

#include "datastore.h"

struct datastore_lock {
    uint32_t session; /* 0: nobody */
    int64_t since;    /* seconds since 1970 */
};

/* A confirmed commit that waits. */
struct datastore_pending {
    bool waits;
    uint64_t until_ns;
    uint32_t session;      /* 0: any, with PERSIST */
    char *persist;         /* owned; NULL for none */
    char user[256];        /* who made the last one */
    char comment[256];     /* the last that was given; for the version, if it is confirmed */
    struct lyd_node *base; /* running before the first one, without defaults; owned */
    /* It is to be reverted as soon as that can be, and nobody can confirm it any more: the event
     * and the operation that are told then, constants. NULL: its time is not over. */
    const char *ending, *operation;
};

/* Who can matter when it ends while a configuration is being applied: holders of locks, who has the
 * confirmed commit, who commits. */
enum { DATASTORE_ENDED_MAX = DATASTORE_LOCKABLE + 2 };

/* The daemon is being asked to run a configuration. */
struct datastore_applying {
    bool on;
    uint32_t session;                    /* for which; 0: the server's own */
    uint32_t ended[DATASTORE_ENDED_MAX]; /* sessions that are over since */
    unsigned ended_count;
};

struct datastore {
    const struct ly_ctx *context;
    struct datastore_hooks hooks;
    struct store *store;        /* NULL in a volatile run */
    struct lyd_node *running;   /* without defaults */
    struct lyd_node *complete;  /* running with them, as the daemon got it */
    struct lyd_node *candidate; /* without defaults */
    struct datastore_lock locks[DATASTORE_LOCKABLE];
    struct datastore_pending pending;
    struct datastore_applying applying;
    uint64_t now_ns;
};

/* A configuration in its two forms. */
struct datastore_config {
    struct lyd_node *plain;    /* what somebody set */
    struct lyd_node *complete; /* with defaults, valid */
};

/* A copy of the siblings TREE with its flags; NULL for NULL. Aborts when there is no memory. */
struct lyd_node *datastore_copy(const struct lyd_node *tree);

/* TREE, validated and completed, in CONFIG, which the caller frees with datastore_config_free(). */
bool datastore_complete(const struct datastore *datastore, const struct lyd_node *tree,
                        struct datastore_config *config, struct rpc_error *error);

/* Frees both trees. */
void datastore_config_free(struct datastore_config *config);

/* Makes the path in ERROR, where TREE lacks something that must be there, the path of the instance
 * that lacks it. */
void datastore_locate(const struct datastore *datastore, const struct lyd_node *tree,
                      struct rpc_error *error);

/* What changes from OLD to NEW; NULL for nothing. To be freed. */
struct lyd_node *datastore_diff(const struct lyd_node *old, const struct lyd_node *new);

/* Takes the trees of CONFIG as running, and makes candidate a copy unless KEEP_CANDIDATE. */
void datastore_set_running(struct datastore *datastore, struct datastore_config *config,
                           bool keep_candidate);

/* Asks the daemon to run CONFIG (TEST: whether it could). */
bool datastore_apply(const struct datastore *datastore, const struct lyd_node *config, bool test,
                     struct rpc_error *error);

/* The text of the siblings TREE as JSON (RFC 7951), to be freed. */
char *datastore_print(const struct lyd_node *tree);

/* Writes running to the store, if there is one. */
bool datastore_write(struct datastore *datastore, const struct lyd_node *tree, const char *user,
                     const char *comment, struct rpc_error *error);

/* Tells audit and netconf-config-change of DIFF; CALLER NULL is the server. */
void datastore_tell_change(struct datastore *datastore, const struct operation_caller *caller,
                           enum datastore_name name, const char *operation,
                           const struct lyd_node *diff);

/* netconf-confirmed-commit with EVENT ("start", "cancel", "timeout", "extend", "complete");
 * TIMEOUT_S for start and extend. */
void datastore_tell_confirmed(struct datastore *datastore, const struct operation_caller *caller,
                              const char *event, uint32_t timeout_s);

/* From here to datastore_applied() nothing else may change; CALLER NULL is the server. It does not
 * nest. */
void datastore_applying(struct datastore *datastore, const struct operation_caller *caller);
/* Sessions that ended meanwhile end now. */
void datastore_applied(struct datastore *datastore);

/* Ends the confirmed commit by going back; EVENT as above, OPERATION as for audit. */
bool datastore_revert(struct datastore *datastore, const struct operation_caller *caller,
                      const char *event, const char *operation, struct rpc_error *error);

#endif
