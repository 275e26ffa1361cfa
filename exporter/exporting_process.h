/*
 * The exporting process (RFC 5470): takes flow records off the record rings, encodes them for each
 * destination and sends them. Owns templates, sequence numbers, queues and sockets. It knows
 * flow_record.h and record_ring.h and nothing else of the dataplane.
 *
 * exporting_process_step() is a plain function: a thread calls it in a loop, the simulator calls
 * it in seeded order under a virtual clock. Everything here runs on the exporter's thread unless a
 * function says otherwise.
 */
#ifndef SPANFLOW_EXPORTER_EXPORTING_PROCESS_H
#define SPANFLOW_EXPORTER_EXPORTING_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "flow/record_ring.h"
#include "transport/transport_report.h"

enum destination_kind {
    DESTINATION_UDP,
    DESTINATION_FILE,
    DESTINATION_JSON,
    DESTINATION_TCP,
    DESTINATION_TLS,
    DESTINATION_DTLS,
    DESTINATION_SCTP,
    DESTINATION_KAFKA
};
enum export_profile {
    PROFILE_PLAIN,
    PROFILE_NFDUMP,
    PROFILE_SILK,
    PROFILE_FLUENTD_V9,
    PROFILE_V5,
    PROFILE_FULL,
    PROFILE_ELEMENTS, /* the destination's own list */
    PROFILE_COUNT
};
enum kafka_format { KAFKA_JSON, KAFKA_IPFIX };
enum time_unit { TIME_MILLISECONDS, TIME_MICROSECONDS, TIME_NANOSECONDS };

enum { DESTINATIONS_MAX = 16, EXPORT_RINGS_MAX = 64, EXPORT_INTERFACES_MAX = 256 };
/* Rows of the account: destinations that are there, and the newest of those that were removed. */
enum { EXPORT_ROWS_MAX = 3 * DESTINATIONS_MAX };
enum { EXPORT_ELEMENTS_MAX = 48 };

struct destination_config {
    char name[1536]; /* key of the ledger's row, as the user wrote it; unique */
    enum destination_kind kind;
    char host[256];          /* collectors: address or name, no brackets */
    uint16_t port;           /* collectors */
    char source_address[64]; /* collectors: local address to bind, "" = any */
    uint16_t source_port;    /* UDP: wished for, 0 = any; filled in from the state */
    char certificate[1024];  /* TLS, DTLS: PEM file of our own certificate chain, "" = none */
    char private_key[1024];  /* TLS, DTLS: PEM file of its key */
    char authority[1024];    /* TLS, DTLS: PEM file of whom we trust, "" = whom the system trusts */
    bool unverified;         /* TLS, DTLS: any certificate of the collector will do */
    char path[1024];         /* FILE, JSON: "-" = stdout */
    char brokers[1024];      /* KAFKA: HOST:PORT,... to begin with */
    char topic[256];         /* KAFKA */
    char compression[16];    /* KAFKA: the library's word for it */
    enum kafka_format format;
    bool leader_alone; /* KAFKA: the partition's leader acknowledges for all replicas */
    bool encrypted;    /* KAFKA: by TLS */
    unsigned version;  /* 5, 9 or 10; ignored for JSON */
    enum export_profile profile;
    uint32_t element_count; /* PROFILE_ELEMENTS */
    uint16_t elements[EXPORT_ELEMENTS_MAX];
    bool biflow;
    bool scale;      /* counters times the sampling interval, which is not announced then */
    bool aggregates; /* prefix aggregates may come: their templates are needed */
    bool lists;      /* flows may be in lists, which full tells */
    bool brands;     /* brands may be known, which full tells */
    uint32_t
        names; /* set of 1 << enum name_type: that records may tell; only in full and elements */
    enum time_unit time_unit;
    uint32_t domain;          /* observation domain / source id */
    uint32_t mtu;             /* whole IP packet, UDP and DTLS; 512..65535 */
    uint64_t rate;            /* records/s; 0 = unpaced; UDP and DTLS only */
    bool rate_set;            /* otherwise the default pacing applies */
    uint32_t rotation_s;      /* FILE: a new file at each multiple; 0 = never by time */
    uint64_t rotation_octets; /* FILE: bound of one file's messages; 0 = none */
    bool checksum;            /* FILE: each message holds its MD5 (RFC 5655 section 8.1.1) */
    bool zstd;                /* FILE: compressed */
    bool persists;            /* FILE that rotates: after a failed write it is tried again */
    bool continues;           /* FILE, JSON: behind what an earlier probe of this run wrote */
    uint32_t group;           /* index of its group + 1; 0 = none: it gets every record */
    /* File of the key of anonymisation, "" = addresses are told as they are. */
    char anonymisation_key[1024];
    /* Bound of the records that wait to become one with others, 0 = none do; for how long. */
    uint32_t client_port_records;
    uint32_t client_port_window_s;
};

/* Whether KIND sends messages to a collector; the others write a file. */
static inline bool destination_has_collector(enum destination_kind kind)
{
    return kind != DESTINATION_FILE && kind != DESTINATION_JSON;
}

/* Whether records leave as JSON objects. */
static inline bool destination_is_json(const struct destination_config *destination)
{
    return destination->kind == DESTINATION_JSON ||
           (destination->kind == DESTINATION_KAFKA && destination->format == KAFKA_JSON);
}

/* Whether each message is complete in itself and belongs to one partition: IPFIX in Kafka. */
static inline bool destination_is_partitioned(const struct destination_config *destination)
{
    return destination->kind == DESTINATION_KAFKA && destination->format == KAFKA_IPFIX;
}

/* Whether KIND sends datagrams, which may get lost: they are paced, no longer than the path
 * permits, and templates are repeated (RFC 7011 section 8.1). */
static inline bool destination_is_datagram(enum destination_kind kind)
{
    return kind == DESTINATION_UDP || kind == DESTINATION_DTLS;
}

/* Whether KIND proves who it talks to. */
static inline bool destination_is_secure(enum destination_kind kind)
{
    return kind == DESTINATION_TLS || kind == DESTINATION_DTLS;
}

/* How a group shares records out (RFC 6728 section 4.4). */
enum export_mode {
    EXPORT_PARALLEL, /* each member gets every record, as without a group */
    EXPORT_BALANCE,  /* one member, the same for all records of a flow */
    EXPORT_FALLBACK  /* the first member that is there */
};

struct export_group {
    char name[64];
    enum export_mode mode;
    uint32_t hold_s; /* so long without trouble, and a member is there again */
};

struct export_state;
struct spool;

/* What flow records call an application by number; told by options records and in JSON. */
enum { EXPORT_APPLICATION_NAME = 24, EXPORT_APPLICATION_TITLE = 56 };
struct export_application {
    uint16_t number;                    /* flow_cold.application; selector of applicationId */
    uint16_t label;                     /* silkAppLabel */
    char name[EXPORT_APPLICATION_NAME]; /* both end in NUL */
    char title[EXPORT_APPLICATION_TITLE];
};
enum { EXPORT_APPLICATION_NUMBERS = 0x4000 };
struct export_applications {
    uint32_t count;
    const struct export_application *rows;       /* not owned */
    uint16_t row_of[EXPORT_APPLICATION_NUMBERS]; /* by number: index + 1; 0: not known */
};

/* What the numbers of lists and brands in flow records are called; told by options records and in
 * JSON. */
enum { EXPORT_LIST_TEXT = 64, EXPORT_BRAND_NAME = 32 };
struct export_list {
    uint32_t number;              /* flow_extra.list */
    uint8_t severity;             /* enum severity */
    char name[EXPORT_LIST_TEXT];  /* both end in NUL */
    char label[EXPORT_LIST_TEXT]; /* plain: JSON has it as it is */
};
struct export_brand {
    uint32_t number; /* flow_extra.brand */
    char name[EXPORT_BRAND_NAME];
};
struct export_marks {
    uint32_t list_count;
    uint32_t brand_count;
    const struct export_list *lists;   /* not owned, as the next */
    const struct export_brand *brands; /* by number */
};

/* The row of NUMBER, NULL if MARKS (may be NULL) has none. Any thread. */
const struct export_list *export_list_find(const struct export_marks *marks, uint32_t number);
const struct export_brand *export_brand_find(const struct export_marks *marks, uint32_t number);

struct export_interface {
    uint32_t ifindex;
    uint32_t partner_ifindex; /* element 14, 0 if none */
    char name[32];
};

struct exporting_process_config {
    uint32_t destination_count;
    struct destination_config destinations[DESTINATIONS_MAX];
    uint32_t group_count;
    struct export_group groups[DESTINATIONS_MAX]; /* each has a member */
    uint32_t interface_count;                     /* flow_cold.port indexes this table */
    struct export_interface interfaces[EXPORT_INTERFACES_MAX];
    /* Of a change, see exporting_process_change.h: rings take the places of those that are there,
     * whose records keep the interfaces that they had. So many of these stand behind the others. */
    bool exchanges;
    uint32_t interfaces_before;
    uint32_t template_refresh_s;        /* 0 = never by time */
    uint32_t template_refresh_messages; /* 0 = never by messages */
    uint32_t statistics_interval_s;     /* options data records; 0 = never */
    uint32_t sampling_interval;         /* 1 = unsampled: nothing is announced */
    bool vlan_is_key;                   /* element 173 says so */
    bool offline;              /* packet time is the clock; never lose to speed; no state kept */
    uint32_t queue_octets_max; /* bound of one destination's queue of encoded messages */
    const struct export_applications *applications; /* NULL: none are looked for. Not owned */
    const struct export_marks *marks;               /* NULL: no lists and no brands. Not owned */
    struct export_state *state; /* of the last run, outlives the process; NULL: none is kept */
    struct spool *spool;        /* outlives the process; NULL: none */
    uint32_t replay_rate;       /* records/s out of the spool at least; 0 = as fast as possible */
    uint64_t spool_octets_max;  /* bound of the spool's files from a change on; 0: as it is */
};

/* Whether KIND has sessions, so that it is known to be away: then a spool is of use. Over UDP
 * nobody knows. */
static inline bool destination_can_spool(enum destination_kind kind)
{
    return destination_has_collector(kind) && kind != DESTINATION_UDP;
}

/* What a destination's spool tells; diagnostics, in no identity. */
struct spool_account {
    bool on;
    bool failing;        /* it cannot be written at the moment */
    uint64_t records;    /* in its files, also of an earlier run */
    uint64_t octets;     /* of its files */
    uint64_t octets_max; /* its share of the bound */
    uint64_t files;
    uint64_t oldest_s; /* export time of the oldest message that waits; 0: none */
    uint64_t oldest_age_s;
    uint64_t octets_per_s; /* that the present records would take; 0: not known */
};

/* One destination's account; also copied at a ledger cut. */
struct destination_counters {
    uint64_t records; /* taken off the rings for this destination */
    uint64_t sent;    /* handed to the kernel */
    uint64_t queued;  /* waiting for others, encoded or being encoded: counted by a walk over all */
    /* In files of the spool and in no queue: counted by walking the files. In the live account what
     * was left in folders that are not the spool any more; so recovered_spooled. */
    uint64_t spooled;
    uint64_t lost[DESTINATION_LOST_COUNT];
    uint64_t data_records; /* on the wire: a biflow sent as uniflows is two */
    uint64_t messages;
    uint64_t octets;
    uint64_t lost_packets; /* in the records lost, and IP octets */
    uint64_t lost_octets;
    uint64_t first_loss_ns; /* wall clock or packet clock; 0 = none */
    uint64_t last_loss_ns;
    /* Records that an earlier run left in the spool, in no term above:
     * recovered = recovered_sent + recovered_queued + recovered_spooled + recovered_lost */
    uint64_t recovered;
    uint64_t recovered_sent;
    uint64_t recovered_queued;  /* by a walk over the queue */
    uint64_t recovered_spooled; /* by a walk over the files */
    uint64_t recovered_lost;
    struct spool_account spool;         /* diagnostics; filled in by the copies */
    struct transport_report connection; /* diagnostics, in no identity; filled in by the copies */
};

/* What options records tell of the metering process; kept by whoever steps the workers. */
struct metering_counts {
    uint64_t start_ns; /* when it began, or the first packet with capture files; 0 = not yet */
    uint64_t metered_packets;
    uint64_t ignored_packets;
    uint64_t ignored_octets; /* of frames */
    uint64_t dropped_packets;
    uint64_t dropped_octets;
    uint64_t first_loss_ns; /* of ignored and dropped; set by exporting_process_tell_metering() */
    uint64_t last_loss_ns;
    uint64_t fragment_hits;
    uint64_t fragment_misses;
    uint64_t flows;   /* records created */
    uint64_t evicted; /* records that left because the cache was full */
    uint64_t flows_peak;
};

/* What records a row is to get. It begins anew with each change of the configuration, see
 * exporting_process_change.h: since then, the records of a row that gets every record, and those of
 * all members of a group together, are as many as came off the rings. */
struct destination_place {
    const char *name; /* valid as long as the process */
    uint32_t group;   /* index of its group + 1; 0 = none */
    bool removed;     /* it is not in the configuration any more: since then it gets nothing */
    uint64_t since_records; /* of the row, when it began */
    uint64_t since_total;   /* off the rings, when it began */
};

struct exporter_counters {
    struct ledger_pair exported[EXPORT_RINGS_MAX]; /* by ring; IP octets, summed record by record */
    uint64_t records[EXPORT_RINGS_MAX];            /* by ring; the same records */
    /* The same of the rings before an exchange that are not empty yet. */
    struct ledger_pair old_exported[EXPORT_RINGS_MAX];
    uint64_t old_records[EXPORT_RINGS_MAX];
    uint64_t records_before;    /* of rings that were dropped */
    uint32_t destination_count; /* rows, also of removed ones */
    struct destination_counters destination[EXPORT_ROWS_MAX];
    struct destination_place place[EXPORT_ROWS_MAX];
    uint32_t group_count; /* of the configuration that is in force */
    struct export_group groups[DESTINATIONS_MAX];
    uint64_t changes;   /* of the configuration that were taken */
    uint64_t misplaced; /* records by which rows and rings differed when a place ended: 0 */
};

enum exporting_status {
    EXPORTING_IDLE,  /* nothing to do until the returned time */
    EXPORTING_BUSY,  /* call again at once */
    EXPORTING_FAILED /* a file destination or an offline destination failed: see the problem */
};

struct exporting_process;

/* Opens every destination; RINGS (not owned) stay valid for its life. NULL and ERROR on failure:
 * nothing stays open. Control thread. */
struct exporting_process *exporting_process_create(const struct exporting_process_config *config,
                                                   struct record_ring *const rings[],
                                                   uint32_t ring_count, struct error *error);

/* Closes everything; queued records that were not counted lost before are gone, so call
 * exporting_process_drain() or exporting_process_abandon() first. */
void exporting_process_destroy(struct exporting_process *process);

/*
 * Drains the rings, encodes, sends what pacing allows. NOW_NS: wall clock, since 1970, for pacing
 * and template refresh; EXPORT_NS: what message headers carry (offline: the packet clock).
 * MONOTONIC_NS paces. NEXT_NS (may be NULL): monotonic time at which to call again at the latest.
 */
enum exporting_status exporting_process_step(struct exporting_process *process,
                                             uint64_t monotonic_ns, uint64_t export_ns,
                                             uint64_t *next_ns);

/* Takes what the metering process has counted by now, and when that changed. Exporter's thread. */
void exporting_process_tell_metering(struct exporting_process *process,
                                     const struct metering_counts *counts, uint64_t export_ns);

/* As step, but also closes messages under construction. True when everything that was on the rings
 * is sent or counted lost: rings empty, queues empty, files complete. */
bool exporting_process_drain(struct exporting_process *process, uint64_t monotonic_ns,
                             uint64_t export_ns, uint64_t *next_ns);

/* Counts every queued record, and every record still on the rings, as lost(shutdown). */
void exporting_process_abandon(struct exporting_process *process);

/* False while a full queue of a destination must hold back an offline run: the worker must not
 * read on. Any thread. */
bool exporting_process_accepts(const struct exporting_process *process);

/* Copies the account as it is now. Exporter thread, or any thread after it ended. */
void exporting_process_counters(const struct exporting_process *process,
                                struct exporter_counters *counters);

/* The account as copied when marker CUT was met on every ring (a ring that met it waits for the
 * others, so the copy is one consistent cut); false until then. Any thread. */
bool exporting_process_cut(struct exporting_process *process, uint64_t cut,
                           struct exporter_counters *counters);

/* One line about a destination: about one that failed if there is one, else about the first whose
 * messages could not be sent; "" if all is well. */
const char *exporting_process_problem(const struct exporting_process *process);
/* The line of a destination's problem that this function has not returned before, or NULL; valid
 * until the next step. Exporter thread, or any thread after it ended. */
const char *exporting_process_next_problem(struct exporting_process *process);
/* True when a destination that must not fail has failed, which makes exit code 1: a file that could
 * not be written, a collector with a connection that was never reached, anything that took nothing
 * for 30 s in an offline run. */
bool exporting_process_failed(const struct exporting_process *process);

#endif
