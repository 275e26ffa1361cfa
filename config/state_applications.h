/* The sections applications and alerts of state. Private to state*.c. */
#ifndef SPANFLOW_CONFIG_STATE_APPLICATIONS_H
#define SPANFLOW_CONFIG_STATE_APPLICATIONS_H

#include "state.h"
#include "state_json.h"

/* What state tells of the search for applications: its rules with their hits, and COUNTERS. Control
 * thread. */
json_t *state_applications_object(struct state_json *json, const struct state_rules *rules,
                                  const struct application_counters *counters);

/* The same of alerts. */
json_t *state_alerts_object(struct state_json *json, const struct state_alerts *alerts);

#endif
