/*
 * What the parts of the extractor share: snapshot_extractor.c (the main thread's functions) and
 * snapshot_extractor_thread.c (the job thread). Both take the lock, which is never held during
 * input or output.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACTOR_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACTOR_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "snapshot/snapshot_extract.h"

enum {
    SNAPSHOT_NOTES_MAX = 64,    /* lines for the audit log that wait */
    SNAPSHOT_READERS_NOTED = 8, /* users of a result whose first read was noted */
};

struct snapshot_job {
    struct snapshot_job_status status;
    struct snapshot_extract_order order; /* its pointers point into what follows */
    struct snapshot_tuple tuple;
    struct snapshot_anonymiser anonymiser;
    char *filter, *from, *reason;
    char readers[SNAPSHOT_READERS_NOTED][SNAPSHOT_WHO_OCTETS_MAX];
    uint32_t reader_count;
};

struct snapshot_extractor {
    pthread_mutex_t lock;
    pthread_cond_t wake;     /* for the job thread */
    pthread_cond_t released; /* for who waits for the store */
    pthread_t thread;
    char *folder;
    struct snapshot_audit *audit;
    _Atomic uint64_t octets_per_second;
    _Atomic bool stop; /* the running job has to end soon */
    /* Under the lock: */
    struct snapshot_extract_settings settings;
    char *notice, *software;
    struct snapshot_store *store;
    struct snapshot_ring **rings;
    uint32_t ring_count;
    const struct snapshot_interfaces *interfaces;
    struct snapshot_job *jobs[SNAPSHOT_JOBS_MAX]; /* oldest first */
    uint32_t job_count;
    struct snapshot_job *running;
    bool using_store; /* the running job has not let go of it */
    bool revoked;     /* it has to */
    bool stopping;
    uint64_t last_id;
    uint64_t speed;
    char *notes[SNAPSHOT_NOTES_MAX];
    uint32_t note_count;
    struct error note_failure; /* of the last note; "" */
};

/* Whether the job has a file that may be read. */
bool snapshot_job_has_result(const struct snapshot_job *job);
/* Has the job's anonymiser released, once. */
void snapshot_job_release(struct snapshot_job *job);
/* Frees JOB. */
void snapshot_job_free(struct snapshot_job *job);
/* Takes job I out of the list and frees it. Under the lock. */
void snapshot_extractor_forget(struct snapshot_extractor *extractor, uint32_t i);

/* The job thread; ARGUMENT is the extractor. */
void *snapshot_extractor_thread(void *argument);

#endif
