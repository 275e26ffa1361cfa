/* What the files of the daemon's NETCONF side share; nobody else includes this. */
#ifndef SPANFLOW_TOOLS_PROBE_CONTROL_PRIVATE_H
#define SPANFLOW_TOOLS_PROBE_CONTROL_PRIVATE_H

#include "control/control_channel.h"
#include "control/control_refusal.h"
#include "flow_query.h"
#include "plan.h"
#include "probe.h"
#include "probe_child.h"
#include "probe_control.h"
#include "probe_events.h"
#include "probe_files.h"
#include "worker/worker_walk.h"

/* What an answer waits for. */
enum request_kind { REQUEST_NONE, REQUEST_STATE, REQUEST_LEDGER, REQUEST_WALK };

struct control_request {
    enum request_kind kind; /* REQUEST_NONE: the place is free */
    uint32_t id;
    unsigned sections;       /* STATE */
    bool asked;              /* STATE, LEDGER: the cut that answers it is under way */
    struct probe_walk *walk; /* WALK */
};

struct probe_control {
    struct probe_child child;
    struct control_channel *channel; /* NULL: there is no process just now */
    uint64_t started_ns;             /* monotonic: of the process, or of its next start */
    uint32_t pause_s;                /* before the next start */
    char *socket;                    /* owned */
    char *store;                     /* owned */
    bool is_volatile;
    bool replaces;
    uint64_t start_wall_ns; /* of the daemon */

    struct probe_config *config; /* as now running; owned, as the text */
    char *text;
    char *access;      /* access control beside it in the file of -c, NULL: none; owned */
    json_t *kept;      /* of a volatile run, for the next NETCONF process; NULL: nothing */
    uint64_t restarts; /* of the NETCONF process: how often it was gone */
    struct probe_events events;
    uint64_t applied;
    uint64_t rebuilt;
    uint64_t unobserved_ns;        /* by rebuilding, in all */
    struct error lost;             /* by that thread: why the process is gone; "": it is not */
    struct probe_interim *interim; /* answers while there is no probe; NULL: the main thread does */

    /* A configuration that is being applied; owned. */
    struct probe_config *next_config;
    char *next_text;
    struct probe_files next_files; /* for a probe that is made anew */
    char next_path[256];
    uint32_t next_id;
    bool adopted; /* it is what is told, though not in force everywhere */

    /* Whose files are being read, or whose destinations leave where they were; NULL: none. */
    struct probe_wish *wish;
    bool moving;        /* the change that is under way lets destinations leave, or come back */
    uint32_t reload_id; /* of the request to read files again that is under way; 0: none waits */
    bool reloads_lists; /* it is about lists, not rules */

    struct control_request requests[CONTROL_REQUESTS_MAX];
    struct probe_walk *walks; /* the first is under way */
};

/* Answers request ID (0: nobody asks any more): done, with BODY (NULL: empty), or refused. */
void control_answer(struct probe_control *control, uint32_t id, const char *body);
void control_refuse(struct probe_control *control, uint32_t id, const char *tag, const char *path,
                    const char *message);
/* Answers with TEXT, which is freed; refuses if it is NULL for lack of memory. */
void control_answer_text(struct probe_control *control, uint32_t id, char *text);
/* A free place, NULL if there is none; then ID is refused. */
struct control_request *control_place(struct probe_control *control, uint32_t id);

/* ---- probe_apply.c ---- */

/* What is told to whoever waits when the daemon ends: it stores nothing that it has not answered.
 */
#define PROBE_ENDING "the daemon is ending: this was not applied, and what is stored is as it was"

/* Begins to apply the configuration in FRAME, or only checks it, or says why not. */
void probe_apply(struct probe *probe, const struct control_frame *frame);
/* Begins to read the rule files of PROBE again, for request ID, or says why not. */
void probe_reload(struct probe *probe, uint32_t id);
/* The same with the files of lists. */
void probe_reload_lists(struct probe *probe, uint32_t id);
/* They are in force: the request is answered (probe_reload.c). */
void probe_reload_finish(struct probe *probe);
/* The daemon ends: a request that still waits for its files is refused. */
void probe_apply_end(struct probe *probe);
/* The probe's threads have ended: so is a request whose change is not in force by now. */
void probe_apply_probe_ended(struct probe *probe);
/* Refuses request ID (0: none) because the daemon ends. */
void probe_apply_refuse_end(struct probe_control *control, uint32_t id);
/* The configuration that was to come is refused by TAG and MESSAGE, and freed (probe_rebuild.c). */
void probe_apply_drop(struct probe_control *control, const char *tag, const char *message);
/* Nobody waits for it any more. */
void probe_apply_forget(struct probe_control *control);
/* TEXT, which is taken, is what runs from now on. */
void probe_apply_take_text(struct probe_control *control, char *text);
/* Answers when a change that was handed over is in force. */
void probe_apply_turn(struct probe *probe);

/* ---- probe_walk.c ---- */

/* Begins the operation that FRAME asks for. */
void probe_walk_begin(struct probe *probe, const struct control_frame *frame);
/* Goes on with what is under way. */
void probe_walk_turn(struct probe *probe);
/* The probe's threads have ended: every walk is refused and freed. */
void probe_walk_end(struct probe_control *control);
/* Nobody waits for the walks any more; they go on until their workers have left them. */
void probe_walk_forget(struct probe_control *control);

/* ---- probe_interim.c ---- */

/* From here to probe_interim_end() another thread answers the channel, which is its own then: what
 * asks for state gets STATE (taken; NULL if memory was short), everything else is refused. Without
 * a thread nobody answers. */
void probe_interim_begin(struct probe_control *control, char *state);
void probe_interim_end(struct probe_control *control);

/* ---- probe_state.c ---- */

/* State with SECTIONS, to be freed; NULL if memory is short. */
char *probe_state(struct probe *probe, unsigned sections, const struct ledger *ledger,
                  const struct worker_account *const accounts[]);

#endif
