/*
 * Ways into an exporting process for tests and the simulator: another transport for a destination,
 * and the addresses of the live counters so that one can be skipped (LEDGER_SKIPPED). Nothing of
 * the product calls these. Exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_EXPORTING_PROCESS_HOOKS_H
#define SPANFLOW_EXPORTER_EXPORTING_PROCESS_HOOKS_H

#include "exporting_process.h"
#include "exporting_process_change.h"
#include "transport/transport.h"

/* Closes the transport of destination INDEX and puts TRANSPORT, which it then owns, in its place.
 * Before the first step. */
void exporting_process_set_transport(struct exporting_process *process, uint32_t index,
                                     struct transport transport);

/* The same for what a prepared change opens a transport for, destination INDEX of its
 * configuration; false, and TRANSPORT stays the caller's, if that is nothing. Before it is
 * submitted. */
bool exporting_process_change_set_transport(struct exporting_process_change *change, uint32_t index,
                                            struct transport transport);

/* The live account, owned by PROCESS. Its queued members stay 0: the walk fills the copies, and
 * leaves out a destination whose live queued member is the skipped counter. */
struct exporter_counters *exporting_process_account(struct exporting_process *process);

#endif
