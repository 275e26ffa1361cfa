/*
 * One set of workers and what belongs to it: the threads' CPUs, the caches' record rings, the
 * distribution stage in front. A probe has one; while its workers are exchanged for others it has
 * two. Beside it the exporting processes, which may outlive a set of workers.
 *
 * Made and freed by the main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_METERING_H
#define SPANFLOW_TOOLS_PROBE_METERING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"
#include "packet/distribution.h"
#include "probe_config.h"
#include "spool.h"
#include "worker/worker.h"

struct exporting_process_description;
struct probe;
struct probe_rules;
struct probe_selection;

struct metering {
    struct distribution *distribution; /* NULL: the workers read the sources themselves */
    int cores[EXPORT_RINGS_MAX];       /* a worker's own CPU, or -1 */
    uint32_t worker_count;
    uint32_t cache_count; /* of each worker */
    /* Cache c of worker w puts its records on ring [c][w], and exporting process c takes them. */
    struct record_ring *rings[CACHES_MAX][EXPORT_RINGS_MAX];
    struct worker *workers[EXPORT_RINGS_MAX];
    _Atomic uint32_t running; /* workers whose records are not all on the rings */

    /* Changes of the flood level of each cache of each worker; main thread. */
    uint64_t floods_told[CACHES_MAX][EXPORT_RINGS_MAX];
};

struct exporting {
    struct exporting_process *exporters[CACHES_MAX];
    struct spool *spools[CACHES_MAX]; /* NULL: none */
    /* What the exporting processes were asked to say of themselves with a ledger cut; they write
     * there while it is pending. NULL: they were not asked. Main thread. */
    struct exporting_process_description *descriptions[CACHES_MAX];
    _Atomic bool hurried;     /* what is still queued is given up */
    _Atomic uint64_t drained; /* records sent so far, told once a second at the end */
    _Atomic bool ended;       /* the exporter's thread */

    /* The exporter's thread. */
    bool gave_up;
    bool first_told;     /* the exporting process knows the time of the first packet */
    uint64_t started_ns; /* wall clock at the first step of a live run */
    uint64_t told_ns;    /* monotonic time when it was told what the workers had counted */
};

/* Makes the workers that CONFIG wants, with SELECTION and RULES made of it, on the sources of
 * PROBE, which are open. NULL and ERROR: nothing is left. */
struct metering *metering_create(struct probe *probe, const struct probe_config *config,
                                 const struct probe_selection *selection,
                                 const struct probe_rules *rules, struct error *error);
/* No thread of METERING may run. NULL is fine. */
void metering_destroy(struct metering *metering);
/* Octets of its tables; BACKING (may be NULL) gets in which kinds of pages they are. */
size_t metering_memory(const struct metering *metering, char *backing, size_t size);

/* Makes the exporting processes of PROBE, and opens what outlives them. */
bool exporting_open_spools(struct probe *probe, struct error *error);
bool exporting_make(struct probe *probe, struct error *error);
/* Frees the processes, then what is theirs. NULL is fine. */
void exporting_close_processes(struct exporting *exporting);
void exporting_free(struct exporting *exporting);

#endif
