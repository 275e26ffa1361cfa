/*
 * What the parts of spanflow-netconf say to each other: who asks, what goes wrong, and the tables
 * of operations from which the dispatcher picks. Nothing here knows a transport.
 *
 * All operations run one at a time, under the one mutex that the dispatcher holds; so do all
 * functions of datastore.h. A commit gives the mutex away while the daemon works.
 */
#ifndef SPANFLOW_NETCONF_OPERATION_H
#define SPANFLOW_NETCONF_OPERATION_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stdint.h>

struct access;
struct datastore;
struct netconf_server;

/* One rpc-error of RFC 6241, section 4.3. TAG NULL means none. The texts of tags and types are
 * constants and owned by nobody; lines and paths are copied and cut when they are too long. */
struct rpc_error {
    const char *type;      /* "transport", "rpc", "protocol" or "application" */
    const char *tag;       /* appendix A: "in-use", "invalid-value" ... */
    const char *app_tag;   /* NULL or "data-not-unique", "must-violation" ... */
    char path[1024];       /* instance path with names of modules as prefixes; "" for none */
    char message[512];     /* what, where, what to do */
    char bad_element[128]; /* error-info, each "" when it is not there */
    char bad_attribute[128];
    char bad_namespace[256];
    bool has_session; /* error-info session-id, which is 0 for a lock of no session */
    uint32_t session;
    struct rpc_error *next; /* further ones of the same reply, owned by this one; or NULL */
};

/* Sets TYPE, TAG and the formatted message of ERROR (may be NULL), and clears the rest. TYPE and
 * TAG must be constants. Returns false, so that a function can end with it. Any thread. */
bool rpc_error_set(struct rpc_error *error, const char *type, const char *tag, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* The same with the path of NODE. */
bool rpc_error_at(struct rpc_error *error, const struct lyd_node *node, const char *type,
                  const char *tag, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Frees what hangs behind ERROR and makes it all zeros; NULL is fine. */
void rpc_error_clear(struct rpc_error *error);

/* Who asks. The texts live as long as the call. */
struct operation_caller {
    const char *user;
    uint32_t session;
    bool local;       /* over the local socket */
    bool root;        /* recovery session: no access rule holds it (RFC 8341, section 3.4.1) */
    const char *from; /* address or "local", for the audit log */
};

/* Runs RPC (the node of the operation, owned by the caller). On success *OUTPUT is NULL for <ok/>,
 * or a copy of RPC with its output below, which the caller frees with lyd_free_all(). False with
 * ERROR set when it was refused; nothing has changed then, unless the operation's RFC says so.
 * ERROR may own more behind it: rpc_error_clear(). The dispatcher has checked that CALLER may
 * invoke the operation, has called datastore_set_time() and holds the mutex. */
struct operation_row {
    const char *module; /* NULL in the row that ends a table */
    const char *name;
    bool changes; /* it wants that nothing else changes a datastore meanwhile */
    bool (*run)(struct netconf_server *server, const struct operation_caller *caller,
                const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error);
};

/* The process as its operations see it. The main function of spanflow-netconf fills it and owns
 * everything in it; a unit test fills what it needs. */
struct netconf_server {
    struct ly_ctx *context; /* never changed once sessions are open */
    struct datastore *datastore;
    struct access *access;
    void *sessions;      /* the transport's own */
    void *control;       /* the control channel's own */
    void *notifications; /* the notification streams' own */
};

/* The operations of ietf-netconf and ietf-netconf-nmda on datastores (operation_*.c). Those on
 * sessions, schemas and subscriptions are in tables of their own. */
extern const struct operation_row datastore_operations[];

/* The reply to RPC: a copy of its node alone, to which outputs are added. NULL when there is no
 * memory. The caller frees it. */
struct lyd_node *operation_reply(const struct lyd_node *rpc);

#endif
