/*
 * The audit log: an append-only file (0640, O_APPEND) with one JSON object on each line for every
 * change, for every operation that is not mere reading of what everybody may read, for every
 * refusal, and for the beginning and end of sessions. Secrets are never in it: of protected nodes
 * it has the path alone, and of other nodes the path and nothing else either, but for the leaves of
 * /spanflow/snapshot and /spanflow/names: what is kept and told of people's packets is told with
 * its value before and after.
 *
 *   {"time":"2026-01-02T03:04:05.678Z","user":"eve","session":7,"from":"192.0.2.7",
 *    "operation":"commit","datastore":"running","changes":[{"operation":"replace","path":"/..."}]}
 *   {"time":...,"user":...,"session":...,"from":...,"operation":"lock","result":"lock-denied: ..."}
 *
 * What cannot be written down must not happen: audit_ready() reserves room in the file and is asked
 * before each change, which is refused without it.
 *
 * Not locked: the dispatcher's mutex is held around each call, but for audit_reopen().
 */
#ifndef SPANFLOW_NETCONF_AUDIT_H
#define SPANFLOW_NETCONF_AUDIT_H

#include "base/error.h"
#include "datastore.h"
#include "operation.h"

struct audit;

/* Opens, or makes, the file PATH for appending; a line that was cut by a death is ended. PATH NULL
 * makes an audit that writes nothing and is always ready (volatile runs). NULL and ERROR when the
 * file cannot be opened. audit_close() frees. */
struct audit *audit_open(const char *path, struct error *error);

/* Frees AUDIT; NULL is fine. */
void audit_close(struct audit *audit);

/* Goes on in the file PATH, as the configuration says now; nothing happens if it is the same. False
 * and ERROR when it cannot be opened: then the old one goes on. */
bool audit_set_path(struct audit *audit, const char *path, struct error *error);

/* Asks for the file to be opened again before the next line (SIGHUP). Safe in a signal handler. */
void audit_reopen(struct audit *audit);

/* Whether a change can be written down: the file is open (again, if it was renamed or removed) and
 * room for the next lines is reserved; lines that got lost before are told by one of their own.
 * False and operation-failed in ERROR: the change is refused. The hook apply calls it first. */
bool audit_ready(struct audit *audit, struct rpc_error *error);

/* Writes down a change of the datastore NAME; the hook audit of the datastores. CALLER NULL is the
 * server itself. CLOCK_REALTIME gives the time here and below. */
void audit_change(struct audit *audit, const struct operation_caller *caller,
                  enum datastore_name name, const char *operation, const struct lyd_node *diff);

/* Writes down that CALLER invoked RPC, and how that ended: ERROR NULL for success. Operations that
 * only read are written down when READ_PROTECTED (access_take_protected()) or when refused. */
void audit_rpc(struct audit *audit, const struct operation_caller *caller,
               const struct lyd_node *rpc, bool read_protected, const struct rpc_error *error);

/* Writes down an EVENT of a session: "session-start", "session-end", "login-refused" ...; DETAIL
 * (may be NULL) is why. */
void audit_session(struct audit *audit, const struct operation_caller *caller, const char *event,
                   const char *detail);

/* How many lines could not be written since the start. */
uint64_t audit_failures(const struct audit *audit);

#endif
