/* The exporting process's part of state. Only config/state.c includes this. */
#ifndef SPANFLOW_CONFIG_STATE_EXPORT_H
#define SPANFLOW_CONFIG_STATE_EXPORT_H

#include "exporting_process_change.h"
#include "ledger.h"
#include "state_json.h"

/* What is known of an exporting process beside its account. */
struct state_export {
    const char *name;
    const struct exporting_process_config *config;           /* of its destinations */
    const struct exporting_process_description *description; /* NULL: nothing more */
    uint64_t wall_ns; /* the wall clock when the description's clock was at 0, which may be before
                         1970: modulo 2^64 */
};

/* One entry of the list exportingProcess. To be owned by the caller. */
json_t *state_export_object(struct state_json *json, const struct ledger *ledger,
                            const struct state_export *facts);

#endif
