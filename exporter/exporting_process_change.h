/*
 * Another configuration for a running exporting process, in three steps:
 *
 *   change = exporting_process_prepare_change(process, &config, &error);  control thread
 *   exporting_process_submit_change(process, change);                     control thread
 *   ... exporting_process_step() takes it between two records             exporter's thread
 *   if (exporting_process_change_taken(process)) ...                      control thread
 *
 * Preparing opens everything that can fail, so that a change that was submitted is always taken
 * whole. Records that were taken off the rings before go by the old configuration, all others by
 * the new one.
 *
 * Destinations are matched by their name, which is the key of the ledger's row:
 *
 * - Nothing changed: the destination is not touched.
 * - Changed: it keeps its row. As long as collectors read what comes as they did before, it goes on
 *   in place: rate, group, queue, anonymisation and client ports change between two records; UDP
 *   and files also get other templates in the middle, sequence numbers go on, and a template id
 *   that had another meaning is not used again. Other TLS files, hosts or ports mean another
 *   connection, which begins when what was handed over to the old one is confirmed, for ten
 *   seconds at most; what waits goes to the new one. A session (TCP, TLS, DTLS, SCTP) whose
 *   templates, version or domain change, and a destination of another kind or over UDP to another
 *   host, gets a successor with a session of its own (RFC 7011 section 8.1: templates belong to a
 *   session, none has to be withdrawn); the predecessor sends what it has and ends.
 * - New: it gets the records from the change on. One that was there before and was removed goes on
 *   with its row.
 * - Removed: it gets no more records. What it has is sent for ten seconds at most; then it is
 *   spooled, or counted as lost(removed). Its row stays.
 *
 * A predecessor without a spool ends likewise when it has had no session for ten seconds; one with
 * a spool goes on until that is empty.
 *
 * Another spool: what a destination has in the files of the one before stays there and is counted
 * as spooled, as at the end of a run; what came from them and waits in the queue is in the files
 * again, what is on its way is not. From then on the other one is used, and what lies there for the
 * destination is sent, as at a start. Kafka gets another connection for it. Destinations that leave
 * end with the spool that they have, in ten seconds at most: until spool_is_left() it must stay.
 *
 * Other interfaces are those of all records that come from then on; with EXCHANGES, of those on the
 * rings of the exchange of rings that comes with the change. INTERFACES_BEFORE is filled in.
 *
 * Everything else of the configuration takes effect at once, except that OFFLINE cannot change. Of
 * another STATE the process must know before the change is submitted: exporting_process_keep_in().
 * The bound of a spool is spool_octets_max.
 */
#ifndef SPANFLOW_EXPORTER_EXPORTING_PROCESS_CHANGE_H
#define SPANFLOW_EXPORTER_EXPORTING_PROCESS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/options_record.h"
#include "exporting_process.h"

struct exporting_process_change; /* prepared, not submitted */

/* Opens what CONFIG needs beyond what PROCESS has. CONFIG is copied; what it points to must live
 * as long as the process, or until another change was taken. NULL and ERROR if that fails: ERROR
 * names the destination and what is wrong, nothing has changed and nothing stays open. Only one
 * change may be prepared or submitted at a time, and none in offline runs. Control thread. */
struct exporting_process_change *
exporting_process_prepare_change(struct exporting_process *process,
                                 const struct exporting_process_config *config,
                                 struct error *error);
/* Closes what was prepared, instead of submitting it. CHANGE may be NULL. Control thread. */
void exporting_process_cancel_change(struct exporting_process_change *change);
/* Gives CHANGE to the exporter's thread, whose next step takes it. Control thread. */
void exporting_process_submit_change(struct exporting_process *process,
                                     struct exporting_process_change *change);
/* Whether the change that was submitted last has been taken; true if none was. Frees what the
 * process no longer needs. Control thread. */
bool exporting_process_change_taken(struct exporting_process *process);
/* Frees destinations that have ended since a change was taken: call it now and then, such as once
 * a second. Also done by the function above and by preparing. Control thread. */
void exporting_process_tidy(struct exporting_process *process);

/* Whether a destination called NAME is still open, be it that it leaves. Control thread, while no
 * change is prepared or submitted. */
bool exporting_process_has(struct exporting_process *process, const char *name);

/* ---- another state ---- */

/* What outlives the process is kept in STATE (NULL: nowhere) from now on, beginning with the
 * numbers that are true now: nothing of the state before is referred to any more. Control thread,
 * while no step is under way and no change is submitted. */
void exporting_process_keep_in(struct exporting_process *process, struct export_state *state);

/* ---- other rings ---- */

/* RINGS (as in exporting_process_create()) take the places of those that are there, which become
 * the old ones: they are emptied, too, but only as far as every destination's queue is less than
 * half full, so that an exchange of workers, which puts all their flows on the old rings at once,
 * pushes nothing out of the queues. For a destination that takes nothing for some seconds they do
 * not wait. Control thread, while no step is under way and no cut; there are no old rings. */
void exporting_process_exchange_rings(struct exporting_process *process,
                                      struct record_ring *const rings[], uint32_t count);
/* Whether the old rings are empty. Control thread, while no step is under way. */
bool exporting_process_has_emptied(const struct exporting_process *process);
/* Leaves the old rings, which are empty and get nothing any more; *COUNTERS (may be NULL) gets the
 * account before that. Control thread, while no step is under way and no cut. */
void exporting_process_drop_rings(struct exporting_process *process,
                                  struct exporter_counters *counters);

/* ---- what an exporting process does at the moment ---- */

enum { DESCRIBED_TEMPLATES_MAX = TEMPLATE_KINDS + OPTIONS_KINDS + 2 };
enum { DESCRIBED_DESTINATIONS_MAX = EXPORT_ROWS_MAX + 16 };

/* Numbers of kinds: below DESCRIBED_OPTIONS they are those of a template_set. */
enum {
    DESCRIBED_OPTIONS = TEMPLATE_KINDS, /* + enum options_kind */
    DESCRIBED_WINDOW = DESCRIBED_OPTIONS + OPTIONS_KINDS,
    DESCRIBED_CHECKSUM,
};

struct template_description {
    uint16_t id;                          /* 0: NetFlow v5 or JSON, which have fields but no ids */
    uint16_t kind;                        /* DESCRIBED_OPTIONS and above: options templates */
    uint16_t octets;                      /* of one data record */
    uint16_t field_count;                 /* in the order of the data record */
    uint16_t scope_count;                 /* options templates: the first so many fields; else 0 */
    uint16_t fields[TEMPLATE_FIELDS_MAX]; /* enum element: element_table[] has name, id, enterprise
                                             number and octets */
};

struct destination_description {
    const char *name; /* valid as long as the process */
    uint32_t row;     /* of struct exporter_counters */
    bool leaving;     /* it gets no more records: removed, or a predecessor */
    uint32_t version; /* 5, 9, 10; 0: JSON */
    uint32_t domain;
    uint64_t sequence; /* of the next message to be made; Kafka: of partition 0 */
    struct transport_report connection;
    bool away;                 /* others of its group get its records */
    uint64_t session_since_ns; /* monotonic time since which connection.state is as it is */
    uint64_t records_per_s;    /* taken, over the last second that was looked at */
    uint64_t octets_per_s;     /* sent */
    uint64_t queue_octets;     /* that wait, and the bound */
    uint64_t queue_octets_max;
    /* Of the templates, if they are repeated or were sent: */
    uint64_t templates_sent_ns; /* monotonic time of the last sending; 0: not yet */
    uint64_t refresh_due_ns;    /* monotonic time of the next one; UINT64_MAX: none by time */
    uint64_t refresh_messages;  /* messages until the next one; UINT64_MAX: none by number */
    uint32_t template_count;
    struct template_description templates[DESCRIBED_TEMPLATES_MAX];
};

struct exporting_process_description {
    uint64_t monotonic_ns; /* when it was made */
    uint32_t destination_count;
    struct destination_description destinations[DESCRIBED_DESTINATIONS_MAX];
};

/* Wants ROOM filled in by the exporter's next step; it belongs to the exporter's thread until
 * exporting_process_has_described(). One request at a time. Control thread. */
void exporting_process_ask_description(struct exporting_process *process,
                                       struct exporting_process_description *room);
/* Whether the last request was answered; true if there was none. Control thread. */
bool exporting_process_has_described(const struct exporting_process *process);
/* Fills in ROOM at once. Exporter's thread, or any thread after it ended. */
void exporting_process_describe(const struct exporting_process *process,
                                struct exporting_process_description *room);

/* ---- files ---- */

/* Reads the files that CONFIG names: certificates, keys, authorities, keys of anonymisation. False
 * and ERROR for the first that cannot be read or is not what it should be; ERROR names destination,
 * leaf and file. Nothing is opened for writing, nothing is connected. Any thread. */
bool exporting_process_check_files(const struct exporting_process_config *config,
                                   struct error *error);

#endif
