/* The section snapshot of state. Private to state*.c. */
#ifndef SPANFLOW_CONFIG_STATE_SNAPSHOT_H
#define SPANFLOW_CONFIG_STATE_SNAPSHOT_H

#include "state.h"
#include "state_json.h"

/* What state tells of the snapshot ring: FACTS, and its account of LEDGER. Control thread. */
json_t *state_snapshot_object(struct state_json *json, const struct state_snapshot *facts,
                              const struct ledger *ledger);

/* Adds the account of the ring, as LEDGER has it, to OBJECT. */
void state_snapshot_account(struct state_json *json, json_t *object, const struct ledger *ledger);

#endif
