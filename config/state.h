/*
 * What a running probe tells of itself, as data of /spanflow:spanflow/state (spanflow-state.yang):
 * made from the ledger of one cut and a few facts beside it. Names of reasons and counters come
 * from the tables of the ledger.
 *
 * Control thread. Nothing that is handed over is kept.
 */
#ifndef SPANFLOW_CONFIG_STATE_H
#define SPANFLOW_CONFIG_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/application_rules.h"
#include "exporting_process_change.h"
#include "ledger.h"
#include "probe_config.h"
#include "worker/worker_watch.h"

/* The children of state, as in "sections" of CONTROL_STATE. */
#define STATE_SECTIONS(X)                                                                          \
    X(PROBE, "probe")                                                                              \
    X(LEDGER, "ledger")                                                                            \
    X(WORKERS, "worker")                                                                           \
    X(PORTS, "port")                                                                               \
    X(CACHES, "cache")                                                                             \
    X(EXPORTING, "exportingProcess")                                                               \
    X(PARSER, "parser")                                                                            \
    X(APPLICATIONS, "applications")                                                                \
    X(ALERTS, "alerts")                                                                            \
    X(LISTS, "lists")                                                                              \
    X(NAMES, "names")                                                                              \
    X(KERNEL, "kernelFlows")                                                                       \
    X(SNAPSHOT, "snapshot")                                                                        \
    X(NETCONF, "netconf")

#define STATE_SECTION_NUMBER(symbol, name) STATE_NUMBER_##symbol,
enum state_section_number { STATE_SECTIONS(STATE_SECTION_NUMBER) STATE_SECTION_COUNT };
#define STATE_SECTION_BIT(symbol, name) STATE_##symbol = 1 << STATE_NUMBER_##symbol,
enum state_section { STATE_SECTIONS(STATE_SECTION_BIT) STATE_ALL = (1 << STATE_SECTION_COUNT) - 1 };

/* What the daemon counts about its NETCONF process, for a person who looks for a reason; that
 * process adds its own (netconf_counters.h). */
#define STATE_NETCONF_COUNTERS(X)                                                                  \
    X(restarts, "how often the NETCONF process was gone and started again")                        \
    X(events_waiting, "events that wait for it now, or that it has not taken yet")                 \
    X(events_lost, "events lost because too many waited for it")

#define STATE_NETCONF_FIELD(name, help) uint64_t name; /* help */
struct state_netconf {
    STATE_NETCONF_COUNTERS(STATE_NETCONF_FIELD)
};

/* What became of findings. */
#define STATE_ALERT_COUNTERS(X)                                                                    \
    X(raised, "findings that raised an alert")                                                     \
    X(lost, "findings that were lost because too many came at a time")                             \
    X(replaced, "alerts that made room for newer ones")                                            \
    X(notified, "notifications of alerts that were sent")                                          \
    X(not_notified, "alerts that were not told because of notificationsPerMinute")                 \
    X(frozen, "windows of packets that alerts froze")                                              \
    X(freeze_covered, "alerts whose packets the freeze of an earlier one holds")                   \
    X(freeze_refused, "windows that were not frozen: too many at a time, or the ring could not")

#define STATE_ALERT_FIELD(name, help) uint64_t name; /* help */
struct state_alerts {
    uint64_t held;
    STATE_ALERT_COUNTERS(STATE_ALERT_FIELD)
};

/* The rules for applications. */
struct state_rules {
    const struct application_rules *rules; /* NULL: none are looked for */
    uint64_t loaded_ns;                    /* wall clock */
    uint64_t loads;
    const uint64_t *hits; /* by number of the application */
};

/* Lists that flows are compared with: what was counted by them, since the start. */
#define STATE_WATCH_FIELD(name, help) uint64_t name; /* help */
struct state_list_counts {
    WATCH_COUNTERS(STATE_WATCH_FIELD)
    uint64_t hits[WATCH_LISTS_MAX]; /* by row of the set */
};
struct state_lists {
    const struct watch_set *set; /* NULL: none */
    uint64_t loaded_ns;          /* wall clock */
    uint64_t loads;              /* 0: none yet */
    uint64_t memory;             /* octets */
    uint64_t brand_domains;
    struct state_list_counts counts;
};

struct state_port {
    const char *name;
    const char *device;
    const char *driver;
    const char *mode; /* NULL: none */
    uint32_t ifindex;
    bool link_known;
    bool link_up;
    uint64_t link_losses;
    bool drops_visible;
    struct ledger_pair observed;
    struct ledger_pair dropped[DROPPED_COUNT];
};

/* Numbers of the snapshot ring: field and leaf. */
#define STATE_SNAPSHOT_NUMBERS(X)                                                                  \
    X(memory, "memory")                                                                            \
    X(disk_reserved, "diskReserved")                                                               \
    X(disk_held, "diskHeld")                                                                       \
    X(disk_frozen, "diskFrozen")                                                                   \
    X(disk_wanted, "diskWanted")                                                                   \
    X(octets_per_second, "octetsPerSecond")                                                        \
    X(query_time_s, "queryTime")                                                                   \
    X(segments, "segments")                                                                        \
    X(blocks, "blocks")                                                                            \
    X(packets, "packets")                                                                          \
    X(blocks_damaged, "blocksDamaged")                                                             \
    X(segments_overwritten, "segmentsOverwritten")                                                 \
    X(segments_expired, "segmentsExpired")                                                         \
    X(freezes, "freezes")                                                                          \
    X(jobs, "jobs")

#define STATE_SNAPSHOT_FIELD(field, leaf) uint64_t field;
struct state_snapshot {
    bool enabled; /* false: nothing else is told but the account */
    bool payload;
    bool writing;
    bool direct;
    bool is_short;
    const char *directory;
    const char *fault; /* "": none */
    const char *pages;
    uint64_t oldest_ns; /* 0: nothing is held, as the next */
    uint64_t newest_ns;
    json_t *flow_history; /* the container of that name, which is taken; NULL: none is kept */
    STATE_SNAPSHOT_NUMBERS(STATE_SNAPSHOT_FIELD)
};

struct state_facts {
    const struct probe_config *config;
    const struct ledger *ledger;
    uint64_t start_ns; /* wall clock */
    bool is_volatile;
    const char *store;         /* the folder of the stored configuration */
    const char *configuration; /* JSON, of which the hash is shown */
    uint64_t applied;
    uint64_t rebuilt;
    bool rebuilding;
    uint64_t unobserved_ns; /* in all, by rebuilding */
    uint64_t clock_steps;
    const char *vector_instructions;
    uint32_t worker_count;
    const int *cores; /* of each worker; -1: none */
    uint32_t port_count;
    const struct state_port *ports;
    struct {
        uint64_t memory; /* octets */
        const char *pages;
        /* Of its exporting process; NULL: sessions and templates are not told. */
        const struct exporting_process_description *exporting;
    } caches[CACHES_MAX];
    uint64_t monotonic_zero_ns; /* wall clock minus monotonic clock, modulo 2^64 */
    struct state_rules rules;
    struct state_alerts alerts;
    struct state_lists lists;
    struct state_snapshot snapshot;
    struct state_netconf netconf;
};

/* The sections that the body of CONTROL_STATE asks for, 0 if it is none that the protocol knows:
 * MISTAKE is then one line. LENGTH 0 asks for all. */
unsigned state_sections_read(const char *json, size_t length, struct error *mistake);

/* {"spanflow:spanflow":{"state":{...}}} with SECTIONS, to be freed; NULL if memory is short. */
char *state_json(const struct state_facts *facts, unsigned sections);

/* Whether the body of CONTROL_RPC asks for the operation lists-reload. */
bool state_lists_reload_is(const char *json, size_t length);
/* {"spanflow:lists-reload":{"list":[...]}}: the answer to it, to be freed; NULL if memory is short.
 */
char *state_lists_answer(const struct state_lists *lists);

/* {"spanflow:ledger":{"ledger":{...}}}: the answer to the operation of that name. */
char *state_ledger_answer(const struct ledger *ledger);

#endif
