/*
 * What becomes of the findings of rules and lists: the main thread takes them from the workers,
 * holds them in a bounded table, tells of them at a bounded rate and freezes the snapshot ring
 * around them. It also knows the hits of rules, whatever workers and rules there were.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_ALERTS_H
#define SPANFLOW_TOOLS_PROBE_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/control_channel.h"
#include "state.h"

struct metering;
struct probe;
struct probe_alerts;

/* Makes what PROBE's configuration wants. False and ERROR if memory is short. */
bool probe_alerts_open(struct probe *probe, struct error *error);
/* NULL is fine. */
void probe_alerts_close(struct probe_alerts *alerts);

/* Takes what the workers of METERING, whose threads have ended, have left: they are about to be
 * destroyed. */
void probe_alerts_leave(struct probe *probe, const struct metering *metering);
/* The same for the workers of PROBE; what is held is the caller's then, for the next probe. */
struct probe_alerts *probe_alerts_detach(struct probe *probe);
/* PROBE goes on with ALERTS, which it owns from now on, in the place of its own. */
void probe_alerts_attach(struct probe *probe, struct probe_alerts *alerts);

/* Takes what the workers have found. Called again and again. */
void probe_alerts_turn(struct probe *probe);

/* Rules were put in force. */
void probe_alerts_count_rules(struct probe *probe);

/* Answers FRAME, which asks for the operation alerts or applications-reload. */
void probe_alerts_request(struct probe *probe, const struct control_frame *frame);

/* What state tells; the hits live until the next call. */
void probe_alerts_facts(struct probe *probe, struct state_alerts *facts, struct state_rules *rules);

#endif
