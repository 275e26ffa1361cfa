/* What the files of the joined process share: server.c, server_hooks.c,
 * server_state.c, relay.c and versions.c. */
#ifndef SPANFLOW_NETCONF_SERVER_INTERNAL_H
#define SPANFLOW_NETCONF_SERVER_INTERNAL_H

#include <pthread.h>

#include "audit.h"
#include "server.h"

struct server {
    struct netconf_server *netconf;
    struct control_client *control;
    struct transport *transport;
    int wake;
    bool opened;        /* transports are as running says */
    uint64_t retry_ns;  /* monotonic: else, when they are tried again */
    pthread_t timer;    /* does what time asks of the datastores (server_timer.c) */
    int timer_wake;     /* an eventfd for it; -1 without */
    bool timing;        /* it was started */
    bool stopping;      /* under the mutex of operations */
    bool settling;      /* a change waits until what is being applied is */
    bool behind;        /* the daemon may run something else than running */
    uint64_t behind_ns; /* monotonic: when it is asked again */
    struct audit *audit;
    char audit_path[1200]; /* where it is if nothing else is configured; "": nowhere */
    struct notifications *notifications;
    struct events *events;
};

/* The server of NETCONF. */
struct server *server_of(const struct netconf_server *netconf);

/* All hooks of the datastores, with SERVER as their context. */
struct datastore_hooks server_hooks(struct server *server);

/* Nanoseconds of the wall clock since 1970. */
uint64_t server_wall_ns(void);

/* Asks the daemon again to run what is running. Under the mutex of operations, which it gives away
 * for that. */
void server_catch_up(struct server *server, uint64_t now_ns);

/* server_timer.c: the thread that reverts confirmed commits and catches up. False and ERROR. */
bool server_timer_start(struct server *server, struct error *error);
/* Waits for what it does and ends it, if it was started. */
void server_timer_stop(struct server *server);
/* The time to wake may have changed. */
void server_timer_wake(struct server *server);

/* Milliseconds from NOW_NS to DEADLINE_NS, rounded up; at most LIMIT, which may be -1 for none. */
int server_sooner(uint64_t now_ns, uint64_t deadline_ns, int limit);

/* Asks the daemon: TYPE with the JSON BODY (may be ""), within TIMEOUT_MS. The answer in *ANSWER
 * (may be NULL), to be freed. False with the daemon's refusal in ERROR. Under the mutex of
 * operations, which is given away while the daemon applies a configuration: that can take long. */
bool server_ask(struct server *server, enum control_type type, uint16_t flags, const char *body,
                int timeout_ms, char **answer, struct rpc_error *error);
/* The same with CONTROL_RPC, whose mutex is given away as well: for what takes as long, and what
 * the daemon refuses to a second one at once, so that workers are left for others. The datastores
 * may have changed meanwhile. */
bool server_ask_apart(struct server *server, const char *body, int timeout_ms, char **answer,
                      struct rpc_error *error);

/* relay.c: operations that the daemon itself does. */
extern const struct operation_row relay_operations[];

/* versions.c: the configurations of the past. */
extern const struct operation_row version_operations[];
/* Adds the list of stored versions to the siblings *TREE. False: no memory. */
bool versions_state(struct server *server, struct lyd_node **tree);

/* server_state.c: what the process tells of itself. Adds /spanflow/state/netconf to the siblings
 * *TREE if SECTIONS (NULL: all) has it. False: no memory. */
bool server_state(struct server *server, const char *const *sections, struct lyd_node **tree);

#endif
