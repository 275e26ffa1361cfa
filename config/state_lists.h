/* The section lists of state. Private to state*.c. */
#ifndef SPANFLOW_CONFIG_STATE_LISTS_H
#define SPANFLOW_CONFIG_STATE_LISTS_H

#include "state.h"
#include "state_json.h"

/* What state tells of the lists that flows are compared with. Control thread. */
json_t *state_lists_object(struct state_json *json, const struct state_lists *lists);

#endif
