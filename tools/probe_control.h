/*
 * The daemon's side of NETCONF: keeps the NETCONF process alive and answers its frames
 * (control/control_channel.h) between the main thread's other duties. Whatever that process does,
 * packets are metered: it can ask, and it can be wrong, but nothing here waits for it.
 *
 * Outlives probes: when a configuration needs other sources, the probe is taken apart and made anew
 * while the channel stays. Main thread. NULL is allowed everywhere: nothing is served then.
 */
#ifndef SPANFLOW_TOOLS_PROBE_CONTROL_H
#define SPANFLOW_TOOLS_PROBE_CONTROL_H

#include <jansson.h>

#include "command_line.h"
#include "ledger.h"
#include "worker/worker.h"

struct probe;
struct probe_control;

/* Finds the NETCONF program, makes the folders and starts it. CONFIG is taken over and freed in any
 * case; OPTIONS is only read. NULL and ERROR. Before any thread starts. */
struct probe_control *probe_control_open(struct probe_config *config,
                                         const struct run_options *options, struct error *error);
/* Closes the channel, waits for the process's end, frees all. */
void probe_control_close(struct probe_control *control);

/* Starts the process again if it ended and its time has come; takes and answers frames. Called
 * again and again; never waits. */
void probe_control_turn(struct probe *probe);
/* Sleeps until the monotonic time UNTIL_NS, or less if a signal or a frame comes. */
void probe_control_nap(struct probe_control *control, uint64_t until_ns);
/* PROBE's threads have ended: what waits for them is refused, what they used is freed. */
void probe_control_probe_ended(struct probe *probe);

/* Whether a worker is on a walk through a cache that was asked for. */
bool probe_walk_is_under_way(const struct probe_control *control);

/* Whether somebody waits for a ledger cut that is yet to be asked for; it is noted that it is now.
 */
bool probe_control_wants_cut(struct probe_control *control);
void probe_control_cut_asked(struct probe_control *control);
/* The copies of the cut, ACCOUNTS of all workers, have become LEDGER (NULL: no memory). */
void probe_control_cut_made(struct probe *probe, const struct ledger *ledger,
                            const struct worker_account *const accounts[]);

/* The whole state of PROBE, whose threads have ended, to be freed; NULL if nothing is served or
 * memory is short. As probe_control_cut_made(). */
char *probe_control_last_state(struct probe *probe, const struct ledger *ledger,
                               const struct worker_account *const accounts[]);

/* Sends the notification "spanflow:NAME" with the content CONTENT, which is taken, and the time of
 * now; it is kept for the next process if there is none. */
void probe_control_notify(struct probe_control *control, const char *name, json_t *content);

#endif
