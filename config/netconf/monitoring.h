/*
 * What the server tells about itself: /netconf-state of ietf-netconf-monitoring (RFC 6022).
 */
#ifndef SPANFLOW_NETCONF_MONITORING_H
#define SPANFLOW_NETCONF_MONITORING_H

#include <stdint.h>

#include "operation.h"

/* Who has the global lock of DATASTORE ("running" or "candidate"): its session, 0 for nobody.
 * *SINCE becomes the time of it, in seconds since 1970. */
typedef uint32_t (*monitoring_lock_function)(struct netconf_server *server, const char *datastore,
                                             int64_t *since);

/* Adds capabilities, datastores, schemas, sessions and statistics as they are now to the siblings
 * *TREE, which may be NULL. LOCKED may be NULL: then no lock is shown. False if memory is short;
 * *TREE is still valid then. */
bool monitoring_state(struct netconf_server *server, monitoring_lock_function locked,
                      struct lyd_node **tree);

#endif
