/*
 * The datastores running, candidate and operational of RFC 8342, as trees of libyang, with locks
 * and commits (RFC 6241, sections 7.5, 7.6, 8.3 and 8.4). Knows no transport, no clock and no
 * daemon: time is an argument, everything else a hook. What a protocol operation is made of is
 * here; how its parameters are read is in operation_*.c.
 *
 * Not locked: the dispatcher's mutex is held around each call. Trees that functions return without
 * ownership live until the next call that changes the same datastore.
 *
 * The hook apply may give the mutex away while the daemon works. Others then read what was running
 * before; what would change a datastore or lock one is refused (datastore_busy()), and a session
 * that ends meanwhile ends for the datastores when the daemon has answered.
 */
#ifndef SPANFLOW_NETCONF_DATASTORE_H
#define SPANFLOW_NETCONF_DATASTORE_H

#include "operation.h"
#include "store.h"

enum datastore_name { DATASTORE_RUNNING, DATASTORE_CANDIDATE, DATASTORE_LOCKABLE };

/* What is done to a node (RFC 8341, section 3.2.2; read is filtered, not asked). */
enum datastore_access { ACCESS_CREATE, ACCESS_UPDATE, ACCESS_DELETE };

/* What the datastores need of others. CONTEXT goes to each of them; every hook may be NULL, which
 * means yes, all, or nothing to do. Hooks must not call back into the datastores, but for
 * functions that only read, and for datastore_set_time() in apply. */
struct datastore_hooks {
    void *context;
    /* Makes CONFIG (all modules, defaults filled in, valid) the one that the daemon runs; with TEST
     * it only asks whether that would work. Without TEST the mutex may be given away in it. False
     * with the leaf's path in ERROR if not: then the daemon runs what it ran before. */
    bool (*apply)(void *context, const struct lyd_node *config, bool test, struct rpc_error *error);
    /* State data of the process and the daemon, as siblings in *STATE, which the caller frees.
     * SECTIONS, ended by NULL, names the children of /spanflow/state that are wanted; SECTIONS
     * NULL means all, an empty list none. Configuration does not belong into it. */
    bool (*state)(void *context, const char *const *sections, struct lyd_node **state,
                  struct rpc_error *error);
    /* The entries that CONFIG implies without holding them (of the leaf-lists source and
     * collector), as a tree from the root in *IMPLIED, which the caller frees; NULL for none. */
    bool (*expand)(void *context, const struct lyd_node *config, struct lyd_node **implied,
                   struct rpc_error *error);
    /* Whether CALLER may make the change DIFF, in the form of lyd_diff_siblings() and never NULL:
     * each node that is created, changed or deleted, those below a created or deleted one as well.
     * False with access-denied and a path in ERROR if not. */
    bool (*may_write)(void *context, const struct operation_caller *caller,
                      const struct lyd_node *diff, struct rpc_error *error);
    /* Takes off *TREE (siblings, a copy) what CALLER may not read. *TREE may become NULL. */
    void (*filter_read)(void *context, const struct operation_caller *caller,
                        struct lyd_node **tree);
    /* TREE (NULL for nothing) is what is shown of that, in the end. */
    void (*shows)(void *context, const struct lyd_node *tree);
    /* A change of the datastore NAME, once it has been made. DIFF is in the form of
     * lyd_diff_siblings(), never NULL; CALLER NULL means the server itself. OPERATION says what
     * made it: "edit-config", "commit", "cancel-commit", "confirm-timeout" ... */
    void (*audit)(void *context, const struct operation_caller *caller, enum datastore_name name,
                  const char *operation, const struct lyd_node *diff);
    /* Where there is no store: puts TEXT, running as JSON, where a process that is started again
     * finds it as settings.kept. False with ERROR if it cannot. */
    bool (*keep)(void *context, const char *text, struct rpc_error *error);
    /* CONFIG is running from now on (with defaults; NULL when empty), also once at the opening. */
    void (*running)(void *context, const struct lyd_node *config);
    /* The daemon took a configuration that could not be stored, and then refused to go back: until
     * it runs what is running again, the two differ. */
    void (*differs)(void *context);
    /* Takes and frees NOTIFICATION (RFC 6470: netconf-config-change, netconf-confirmed-commit). */
    void (*notify)(void *context, struct lyd_node *notification);
};

struct datastore_settings {
    struct ly_ctx *context; /* with ietf-netconf and its features; outlives the datastores */
    struct datastore_hooks hooks;
    const char *folder; /* of the store; NULL for a volatile run: nothing is written */
    const char *kept;   /* without a folder: what the hook keep got last; NULL: nothing */
    const struct lyd_node *initial; /* what the daemon runs now, with what a first start adds */
    bool replace; /* INITIAL takes the place of what is stored, for the modules that it has */
    uint64_t now_ns;
};

/* Opens the store and makes running: what is stored or, without that, or with replace, INITIAL,
 * which is then stored. Where the daemon runs something else than what is stored, the stored one
 * is applied: that ends a confirmed commit that a restart interrupted. Candidate is a copy of
 * running. NULL and ERROR when the store cannot be used or its configuration is not valid; the
 * files are left as they are. datastore_close() frees. */
struct datastore *datastore_open(const struct datastore_settings *settings,
                                 struct rpc_error *error);

/* Frees DATASTORE and its trees; NULL is fine. A confirmed commit that waits is not reverted here,
 * but by the next start. */
void datastore_close(struct datastore *datastore);

/* Tells the time (monotonic, nanoseconds). The dispatcher calls it before each operation. */
void datastore_set_time(struct datastore *datastore, uint64_t now_ns);

/* The same, and reverts a confirmed commit whose time is over or whose session ended. Called when
 * datastore_deadline() is reached, by a thread that nobody waits for: it lasts as long as a commit.
 */
void datastore_tick(struct datastore *datastore, uint64_t now_ns);

/* When datastore_tick() has to be called at the latest; UINT64_MAX when there is no such time. It
 * may be sooner after each operation, and when a session ended. */
uint64_t datastore_deadline(const struct datastore *datastore);

/* Whether nothing can change now, because a configuration is being applied or a confirmed commit is
 * to be reverted. */
bool datastore_busy(const struct datastore *datastore);

/* For the time in which the daemon is asked to run what is running already: false if it is asked
 * for something just now. datastore_release() ends it. */
bool datastore_hold(struct datastore *datastore);
void datastore_release(struct datastore *datastore);

/* SESSION is over, however it ended: its locks are released, with the candidate's lock go its
 * changes, and its confirmed commit without persist is reverted by the next datastore_tick(). */
void datastore_session_ended(struct datastore *datastore, uint32_t session);

/* The tree of running or candidate, siblings; without its defaults in candidate. Owned by the
 * datastores; NULL when it is empty. */
const struct lyd_node *datastore_tree(const struct datastore *datastore, enum datastore_name name);

/* Whether candidate differs from running. */
bool datastore_modified(const struct datastore *datastore);

/* Whose lock NAME has; 0 for none. *SINCE (may be NULL) becomes the time of it, in seconds since
 * 1970. For /netconf-state/datastores of RFC 6022. */
uint32_t datastore_locked_by(const struct datastore *datastore, enum datastore_name name,
                             int64_t *since);

/* Whether a confirmed commit waits for its confirmation; then until when (monotonic), from which
 * session (0: with persist, from none) and whose it is, which is the datastores'. Each pointer may
 * be NULL. */
bool datastore_unconfirmed(const struct datastore *datastore, uint64_t *until_ns, uint32_t *session,
                           const char **user);

/* The store, for listing versions; NULL in a volatile run. Owned by the datastores. */
struct store *datastore_store(struct datastore *datastore);

/* Whether CALLER may change NAME now: in-use in ERROR if another session has locked it (RFC 6241,
 * section 7.5) or nothing can change now. */
bool datastore_may_change(const struct datastore *datastore, const struct operation_caller *caller,
                          enum datastore_name name, struct rpc_error *error);

/* Makes TREE, which is taken in any case, the candidate, after asking may_write for each node that
 * changes. OPERATION as for audit. */
bool datastore_set_candidate(struct datastore *datastore, const struct operation_caller *caller,
                             const char *operation, struct lyd_node *tree, struct rpc_error *error);

/* Checks TREE (not changed, not taken) as commit would: the constraints of the modules, and by the
 * daemon whether it could run it. */
bool datastore_validate(struct datastore *datastore, const struct lyd_node *tree,
                        struct rpc_error *error);

/* What <commit> asks for (RFC 6241, section 8.4.5.1). */
struct commit_request {
    bool confirmed;
    uint32_t timeout_s;     /* of a confirmed one */
    const char *persist;    /* NULL if not given */
    const char *persist_id; /* NULL if not given */
    const char *comment;    /* goes to the store's version; NULL for none */
};

/* Makes candidate running, or starts, extends or confirms a confirmed commit. Once it returned
 * true, the new configuration is applied and, if it needs no confirmation, on disk. */
bool datastore_commit(struct datastore *datastore, const struct operation_caller *caller,
                      const struct commit_request *request, struct rpc_error *error);

/* Goes back to the configuration before the first confirmed commit. PERSIST_ID may be NULL. */
bool datastore_cancel_commit(struct datastore *datastore, const struct operation_caller *caller,
                             const char *persist_id, struct rpc_error *error);

/* Makes candidate a copy of running. */
bool datastore_discard(struct datastore *datastore, const struct operation_caller *caller,
                       struct rpc_error *error);

/* Locks NAME for the session of CALLER; RFC 6241, section 7.5, says when not. */
bool datastore_lock(struct datastore *datastore, const struct operation_caller *caller,
                    enum datastore_name name, struct rpc_error *error);

/* Releases the lock that the session of CALLER has on NAME. */
bool datastore_unlock(struct datastore *datastore, const struct operation_caller *caller,
                      enum datastore_name name, struct rpc_error *error);

/* The content of operational (RFC 8342, section 5.3) in *TREE, which the caller frees: what is
 * running with defaults, what it implies, and state; with the origin of each node as metadata of
 * ietf-origin. SECTIONS as for the hook state. */
bool datastore_operational(struct datastore *datastore, const char *const *sections,
                           struct lyd_node **tree, struct rpc_error *error);

/* Adds state data to the siblings *TREE: what the hook gives (SECTIONS as there) and the content of
 * ietf-yang-library. */
bool datastore_add_state(struct datastore *datastore, const char *const *sections,
                         struct lyd_node **tree, struct rpc_error *error);

/* The content of ietf-yang-library (RFC 8525; modules-state of RFC 7895 as well) in *LIBRARY, which
 * the caller frees. */
bool datastore_library(const struct datastore *datastore, struct lyd_node **library,
                       struct rpc_error *error);

#endif
