/*
 * The flow history of a probe: its folder is made before the exporting process opens its files,
 * kept within its bounds, and records are sent out of it again when somebody asks. What the model
 * says is in config/yang/spanflow-history.yang.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_HISTORY_H
#define SPANFLOW_TOOLS_PROBE_HISTORY_H

#include <jansson.h>

#include "base/error.h"
#include "ledger.h"
#include "probe_config.h"
#include "snapshot_request.h"
#include "state_json.h"

struct probe;
struct probe_history;

/* Makes the folders that CONFIG's history needs, if it wants one: before its destination is opened.
 * What a run that was killed left is completed. WRITING: there may be a destination already. False
 * and ERROR. */
bool probe_history_make(const struct probe_config *config, bool writing, struct error *error);
/* Looks after the folder as the configuration of PROBE says; about once a second, and once at the
 * end of a run on capture files. */
void probe_history_turn(struct probe *probe);
/* Ends replays and frees all. NULL is good. */
void probe_history_close(struct probe_history *history);

/* The operations replay and replay-cancel: answers request ID. */
void probe_history_request(struct probe *probe, const struct snapshot_request *request,
                           uint32_t id);
/* The sums over all replays of PROBE. */
struct ledger_replays probe_history_replays(struct probe *probe);
/* The container flowHistory of state, to be owned; NULL: there is no history. */
json_t *probe_history_state(struct probe *probe, struct state_json *json);

#endif
