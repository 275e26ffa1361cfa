/*
 * Calls of the system that a disk can fail, in a table that tests change (snapshot_set_calls()).
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_CALLS_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_CALLS_H

#include "snapshot/snapshot_writer.h"

extern struct snapshot_calls snapshot_calls;

#endif
