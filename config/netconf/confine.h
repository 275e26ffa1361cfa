/*
 * What the NETCONF process takes from itself before it listens to anybody. User and capabilities
 * are the daemon's work, who starts it.
 */
#ifndef SPANFLOW_NETCONF_CONFINE_H
#define SPANFLOW_NETCONF_CONFINE_H

#include <stdbool.h>

#include "base/error.h"

enum { CONFINE_MEMORY_MIB = 1024 };

/* No new privileges by executing files, no core dumps, nobody traces it, bounded memory; writing to
 * closed sockets is an error and no signal. False and ERROR if the kernel refuses one of them. */
bool confine_process(struct error *error);

#endif
