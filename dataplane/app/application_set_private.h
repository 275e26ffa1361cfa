/* What application_set.c makes and application_scan.c uses. Private to these. */
#ifndef SPANFLOW_APP_APPLICATION_SET_PRIVATE_H
#define SPANFLOW_APP_APPLICATION_SET_PRIVATE_H

#include <hs.h>

#include "app/application_set.h"

enum { ANCHORED, FLOATING, ANCHORAGES };
enum { TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORTS };

struct port_proposal {
    uint32_t match;
    uint16_t next; /* index + 1 of the next of the same port */
};

struct application_set {
    struct application_rules rules;
    hs_database_t *databases[TRANSPORTS][ANCHORAGES]; /* NULL: no expression */
    uint16_t guess[TRANSPORTS][65536];                /* number of the application, 0: none */
    /* Matches without an expression: the first for a port, as index + 1; 0: none. */
    uint16_t proposed[TRANSPORTS][65536];
    struct port_proposal *proposals; /* owned */
    uint32_t proposal_count;
};

#endif
