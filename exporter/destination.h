/*
 * One destination of the exporting process: its templates, its message under construction, its
 * bounded queue and its transport. The exporting process hands it flow records and ticks it; no
 * destination ever waits for another.
 *
 * Owned by the exporting process; exporter's thread, create and destroy on the control thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_H
#define SPANFLOW_EXPORTER_DESTINATION_H

#include <stdatomic.h>

#include "anonymise/crypto_pan.h"
#include "client_ports.h"
#include "destination_file.h"
#include "destination_kafka.h"
#include "destination_spool.h"
#include "encode/json.h"
#include "encode/message.h"
#include "encode/message_queue.h"
#include "encode/options_record.h"
#include "export_state.h"
#include "exporting_process.h"
#include "template/template.h"
#include "transport/pacing.h"
#include "transport/transport.h"

enum {
    DESTINATION_PORTION_MAX = 512, /* records that come between two sendings at most */
    DESTINATION_PATH_MIN = 464     /* of a message in a packet of 512 octets, IPv6 and UDP */
};

struct destination {
    struct destination_config *config;              /* owned */
    const struct exporting_process_config *process; /* not owned */
    struct destination_counters *counters;          /* of its row; not owned */
    uint32_t row;                                   /* of the account */
    const struct metering_counts *metering;         /* not owned; set before the first step */
    struct template_set templates;
    struct options_set options;
    struct file_session file;
    struct kafka_partitions kafka;
    struct destination_spool spool;
    struct values_context context;
    struct record_values values;
    struct json_plan *json; /* by template kind; owned, NULL unless JSON */
    struct message_builder builder;
    struct message_queue queue;
    struct transport transport; /* owned */
    struct pacing pacing;
    /* Owned, NULL if none: who changes addresses, and the records that wait for others. */
    struct crypto_pan *anonymiser;
    struct client_ports *client_ports;
    struct state_destination *kept; /* what outlives the process; NULL: nothing. Not owned */
    uint32_t message_octets;        /* most octets of one message */
    uint32_t opened_octets;         /* the same as the transport told them when it was opened */
    uint32_t queue_slots;           /* bound of the queue */
    uint32_t slots_reserved;        /* free slots that one more record may need */
    uint64_t monotonic_ns;          /* of the current step */
    uint64_t export_ns;
    uint64_t start_ns;           /* monotonic time of the first step */
    uint64_t refreshed_ns;       /* monotonic time of the last template refresh */
    uint64_t statistics_sent_ns; /* of the last statistics record */
    uint64_t probe_sent_ns;      /* of the last record of OPTIONS_PROBE */
    uint64_t options_next_ns;    /* when options records go on to be sent */
    unsigned options_kind;       /* the next to be sent; OPTIONS_KINDS: none waits */
    uint32_t options_index;      /* record of that kind */
    uint32_t local_ipv4;         /* network order; 0 = not IPv4, or not asked for */
    uint64_t record_count;       /* cache records in the record that is being taken */
    uint64_t record_packets;     /* in it */
    uint64_t record_octets;
    uint64_t messages_since_refresh;
    uint64_t flow_records_encoded; /* data records of flows since the start */
    uint64_t blocked_ns;           /* monotonic time since which the transport takes nothing */
    uint64_t session;              /* number of the transport's session; 0: none, or not begun */
    bool renews;                   /* there is none since the transport makes a new one */
    uint64_t session_next_ns;      /* monotonic time at which the transport wants its step */
    uint32_t session_sequence;     /* of the next message that is handed over in it */
    uint32_t in_flight;            /* messages at the queue's head handed over, not yet confirmed */
    bool reached;                  /* there was a session once */
    uint64_t refused_ns;           /* monotonic time of the last refusal */
    bool probes;      /* it is away from its group: templates show whether it is back */
    bool started;     /* the first step was taken */
    bool refreshed;   /* templates were sent once */
    bool bounded;     /* counters of a data record must stay below 2^32 */
    bool refresh_due; /* the collector may have lost its templates; a second after the last */
    bool blocked;
    bool broken;       /* everything is lost from now on, as loss_reason; until mends_ns */
    bool mending;      /* it was broken, and nothing was sent since it is tried again */
    uint64_t mends_ns; /* monotonic: a broken one that persists is tried again then; 0: never */
    bool forgiven;     /* its being broken is no failure of the run */
    bool completed;    /* the transport was told that no more comes */
    enum ledger_destination_lost loss_reason;
    struct error problem; /* first failure, "" if none */
    bool untold;          /* nobody has asked for the problem's line yet */
    struct error news;    /* of the connection: the newest line */
    bool news_untold;

    /* A change in place that is under way: what is still to be put in, or taken out and not free of
     * use yet (destination_change.h). Owned, NULL if none. */
    struct destination *shell;
    uint64_t shell_by_ns; /* monotonic time at which it ends in any case */
    bool rewires;         /* the shell has the next transport */

    bool leaving;              /* gets no more records */
    bool removed;              /* the same, and there is no other of its row */
    bool parked;               /* leaving, and has nothing but files in the spool */
    uint64_t left_ns;          /* monotonic: since when it leaves */
    uint64_t away_ns;          /* monotonic: since when there is no session; 0: there is one */
    atomic_bool busy;          /* a change of it is under way; any thread */
    struct destination *heir;  /* is to get its stream of the spool; NULL: nobody. Not owned */
    struct destination *ended; /* the next of those that the control thread frees */
    struct destination *known; /* the next of all that were opened; control thread */

    /* For people. */
    uint64_t session_ns; /* monotonic: when the present session began or the last one ended */
    uint64_t rate_ns;    /* when rates were last taken */
    uint64_t rate_records, rate_octets, records_per_s, octets_per_s;
};

/* How a destination comes to be what a configuration says, see exporting_process_change.h. */
enum destination_change { CHANGE_NONE, CHANGE_NEW, CHANGE_IN_PLACE, CHANGE_SUCCESSOR };

/* Opens a destination that CONFIG, which is copied, describes. BEFORE: the one of the same name
 * that is there, or NULL; *CHANGE tells what it is to be to that one. What is needed for a change
 * in place may lack transport, queue or spool. PROCESS is not copied. 0, or -1 and ERROR; nothing
 * stays open then. Control thread. */
int destination_create(struct destination *destination, const struct destination_config *config,
                       const struct exporting_process_config *process,
                       const struct destination *before, enum destination_change *change,
                       struct error *error);
void destination_destroy(struct destination *destination);

/* A new step: sets the clocks and, live, sends templates and statistics that are due. */
void destination_step(struct destination *destination, uint64_t monotonic_ns, uint64_t export_ns);
/* Whether one more flow record surely has room. */
bool destination_has_room(const struct destination *destination);
/* Takes one flow record, which is encoded at once or waits for others to become one with; there
 * must be room. */
void destination_append(struct destination *destination, const struct flow_record *record);
/* Counts one record that is not encoded. */
void destination_lose(struct destination *destination, enum ledger_destination_lost reason);
/* Encodes the records that have waited for others long enough, or all of them if CLOSING, and
 * closes the message under construction if it is due, or at once if CLOSING. */
void destination_close_due(struct destination *destination, bool closing);
/* Sends what pacing and the transport permit. FLUSH: the final sending. True if anything moved. */
bool destination_send(struct destination *destination, bool flush);
/* Monotonic time at which the destination wants a step; UINT64_MAX if it waits for records only. */
uint64_t destination_next_ns(const struct destination *destination);
/* Records that are queued, under construction or wait for others, by a walk over all of them. */
uint64_t destination_walk(const struct destination *destination);
/* Nothing is queued or under construction, and nothing waits for others. */
bool destination_is_empty(const struct destination *destination);
/* Makes the output whole and final. Only when empty or given up. */
void destination_complete(struct destination *destination);
/* What was handed over is sent or, if nobody has confirmed it, lost for REASON. AGAIN: with Kafka
 * it stays in the queue instead. */
void destination_end_flight(struct destination *destination, enum ledger_destination_lost reason,
                            bool again);
/* A broken destination that persists begins anew. */
void destination_mend(struct destination *destination);
/* Counts everything queued as lost for REASON. */
void destination_give_up(struct destination *destination, enum ledger_destination_lost reason);
/* From now on what outlives the process is kept in STATE, as it is now; NULL: nowhere. Control
 * thread, while no step is under way. */
void destination_keep_in(struct destination *destination, struct export_state *state);
/* Second of sysUptime 0; before the first record. */
void destination_set_boot(struct destination *destination, uint32_t boot_s);

#endif
