/*
 * Finds the applications of flows in the payload of their first packets. One scanner per worker,
 * used on its thread only; the set of rules is shared.
 *
 * Of each direction of a flow the first packets with payload are scanned, each up to a bound, until
 * a rule that needs no more than one packet decides, or one that needs several has them. A flow
 * without a verdict keeps what its ports tell, marked as a guess.
 */
#ifndef SPANFLOW_APP_APPLICATION_SCAN_H
#define SPANFLOW_APP_APPLICATION_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "app/application_check.h"
#include "app/application_set.h"
#include "base/error.h"

struct application_scanner;

struct application_limits {
    uint32_t flows_max;   /* record indices are below it */
    uint8_t packets;      /* with payload, of each direction: 1..64 */
    uint16_t octets;      /* of each packet: 1..65535 */
    uint8_t time_percent; /* of this worker's time that scans may take; 0 or 100: no bound */
    uint32_t scans_per_s; /* of this worker; 0: no bound */
};

/* Diagnostics; none is a term of the ledger. */
#define APPLICATION_COUNTERS(X)                                                                    \
    X(scanned, "packets whose payload was scanned for applications")                               \
    X(scanned_octets, "octets of these that were looked at")                                       \
    X(not_scanned, "packets that were not scanned because a bound of the worker was reached")      \
    X(content, "flows whose application their payload told")

#define APPLICATION_COUNTER_MEMBER(name, help) uint64_t name;
struct application_counters {
    APPLICATION_COUNTERS(APPLICATION_COUNTER_MEMBER)
};

enum application_confidence { APPLICATION_NONE, APPLICATION_BY_PORT, APPLICATION_BY_CONTENT };

struct application_verdict {
    bool changed;    /* number and confidence are news of the flow */
    uint16_t number; /* 0: none */
    enum application_confidence confidence;
    bool settled;   /* nothing more needs to be scanned */
    uint16_t found; /* by content: index + 1 of the rules' application; else 0 */
};

/* SET (not owned) stays until the scanner is destroyed or given another. NULL and ERROR if memory
 * is short. Control thread. */
struct application_scanner *application_scanner_create(const struct application_set *set,
                                                       const struct application_limits *limits,
                                                       struct error *error);
void application_scanner_destroy(struct application_scanner *scanner);
/* From now on LIMITS hold, of which flows_max cannot change. Worker thread. */
void application_scanner_set_limits(struct application_scanner *scanner,
                                    const struct application_limits *limits);
/* Octets that are mapped for it; pages that no flow touches cost nothing. Any thread. */
size_t application_scanner_memory(const struct application_scanner *scanner);

/*
 * Scans PACKET (with payload) of the flow whose record is INDEX and whose id is FLOW_ID; SIDE is
 * the packet's direction in the record. NOW_NS: the packet's time, for the bound.
 */
struct application_verdict application_scan(struct application_scanner *scanner, uint32_t index,
                                            uint64_t flow_id, unsigned side,
                                            const struct application_packet *packet,
                                            uint64_t now_ns);

/* Owned by the scanner. Worker thread. */
const struct application_counters *application_counters(const struct application_scanner *scanner);

#endif
