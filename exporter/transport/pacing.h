/*
 * How fast one UDP destination may send, so that neither a sweep nor the final flush overflows a
 * collector's receive buffer: bursts of at most 64 KiB, and behind each as long a pause as its
 * records take at the permitted rate. Owned by a destination; exporter's thread only.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_PACING_H
#define SPANFLOW_EXPORTER_TRANSPORT_PACING_H

#include <stdbool.h>
#include <stdint.h>

#include "exporting_process.h"

enum {
    PACING_BURST_OCTETS = 64 * 1024,
    /* A stock socket buffer holds some 90 full datagrams, each charged with a page or so: a quarter
     * at once leaves a collector that is not running right now more than 30 ms to come back. */
    PACING_BURST_MESSAGES = 24,
    PACING_RATE_FLOOR = 50000, /* records per second */
    PACING_MEAN_SECONDS = 10
};

struct pacing {
    bool unpaced;
    bool fixed; /* rate= was given */
    bool offline;
    uint64_t rate;                         /* records per second, if fixed */
    uint64_t open_ns;                      /* monotonic time of the next burst */
    uint64_t second;                       /* of the newest entry of seconds[] */
    uint64_t seconds[PACING_MEAN_SECONDS]; /* records offered, by second modulo 10 */
};

/* Sets PACING up for DESTINATION; only UDP and DTLS are paced. */
void pacing_init(struct pacing *pacing, const struct destination_config *destination, bool offline);
/* From now on PACING keeps to the settings of another one. */
void pacing_change(struct pacing *pacing, const struct pacing *settings);
/* RECORDS more are to be sent: feeds the 10-second mean. */
void pacing_offered(struct pacing *pacing, uint64_t monotonic_ns, uint64_t records);
/* The permitted rate in records per second; FLUSH: the final one. */
uint64_t pacing_rate(const struct pacing *pacing, bool flush);
/* Whether a burst may leave now. */
bool pacing_is_open(const struct pacing *pacing, uint64_t monotonic_ns);
/* A burst of RECORDS left. */
void pacing_sent(struct pacing *pacing, uint64_t monotonic_ns, uint64_t records, bool flush);

#endif
