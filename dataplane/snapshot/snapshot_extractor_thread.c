/* The job thread of the extractor. See snapshot_extractor_private.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "snapshot/snapshot_extract_private.h"
#include "snapshot/snapshot_extractor_private.h"
#include "snapshot/snapshot_extracts.h"
#include "snapshot/snapshot_ring.h"

enum {
    ROUND_SECONDS = 30, /* between looks at the age of results */
    NICE_LEAST = 19,
    IOPRIO_CLASS_SHIFT = 13,
    IOPRIO_IDLE = 3,
    IOPRIO_WHO_PROCESS = 1
};

/* Progress of the running job. True: stop. */
static bool progress(void *context, const struct snapshot_job_status *status)
{
    struct snapshot_extractor *extractor = context;
    pthread_mutex_lock(&extractor->lock);
    extractor->running->status = *status;
    pthread_mutex_unlock(&extractor->lock);
    return atomic_load(&extractor->stop);
}

static void released(void *context)
{
    struct snapshot_extractor *extractor = context;
    pthread_mutex_lock(&extractor->lock);
    extractor->using_store = false;
    pthread_cond_broadcast(&extractor->released);
    pthread_mutex_unlock(&extractor->lock);
}

static void make_name(uint64_t id, char name[SNAPSHOT_EXTRACT_NAME_MAX])
{
    time_t now = (time_t)(clock_wall_ns() / 1000000000u);
    struct tm parts;
    char text[32];
    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    snprintf(name, SNAPSHOT_EXTRACT_NAME_MAX, "extract-%s-%llu.pcapng", text,
             (unsigned long long)id);
}

/* The sources for one job, with rings held. Under the lock. False: no memory. */
static bool take_sources(struct snapshot_extractor *extractor, struct snapshot_sources *sources)
{
    struct snapshot_ring **rings =
        calloc(extractor->ring_count + 1, sizeof(struct snapshot_ring *));
    if (!rings)
        return false;
    for (uint32_t i = 0; i < extractor->ring_count; i++) {
        rings[i] = extractor->rings[i];
        snapshot_ring_hold(rings[i]);
    }
    *sources = (struct snapshot_sources){.store = extractor->store,
                                         .rings = rings,
                                         .ring_count = extractor->ring_count,
                                         .stop = &extractor->stop,
                                         .interfaces = extractor->interfaces};
    extractor->using_store = extractor->store != NULL;
    extractor->revoked = false;
    atomic_store(&extractor->stop, extractor->stopping);
    return true;
}

static void drop_sources(const struct snapshot_sources *sources)
{
    for (uint32_t i = 0; i < sources->ring_count; i++)
        snapshot_ring_release(sources->rings[i]);
    free((void *)sources->rings);
}

/* Octets per second of the whole query, blocks that were skipped counted as read. */
static uint64_t speed_of(const struct snapshot_job_status *status)
{
    uint64_t spent_ns = status->ended_ns - status->started_ns;
    const struct snapshot_query_counts *counts = &status->counts;
    if (counts->blocks_read == 0 || spent_ns == 0 || counts->blocks == counts->blocks_skipped)
        return 0;
    unsigned __int128 octets = (unsigned __int128)counts->octets_wanted * counts->blocks /
                               (counts->blocks - counts->blocks_skipped);
    return (uint64_t)(octets * 1000000000u / spent_ns);
}

/* Runs JOB, which the list still owns; nobody takes a running job out of it. */
static void run_job(struct snapshot_extractor *extractor, struct snapshot_job *job)
{
    struct snapshot_sources sources;
    struct snapshot_extract_settings settings = extractor->settings;
    char *notice = extractor->notice ? strdup(extractor->notice) : NULL;
    char *software = extractor->software ? strdup(extractor->software) : NULL;
    char *path = NULL;
    char name[SNAPSHOT_EXTRACT_NAME_MAX];
    struct snapshot_job_status status = job->status;
    struct error error = {"extraction: no memory"};
    make_name(job->status.id, name);
    settings.notice = notice;
    settings.software = software;
    bool good = asprintf(&path, "%s/%s", extractor->folder, name) > 0;
    good = good && take_sources(extractor, &sources);
    status.state = SNAPSHOT_JOB_FAILED;
    pthread_mutex_unlock(&extractor->lock);
    if (good) {
        const struct snapshot_extract_hooks hooks = {.octets_per_second =
                                                         &extractor->octets_per_second,
                                                     .progress = progress,
                                                     .released = released,
                                                     .context = extractor};
        snapshot_extract_job(&sources, &job->order, &settings, &hooks, extractor->audit, path, name,
                             &status, &error);
        drop_sources(&sources);
    }
    snapshot_job_release(job);
    free(path);
    free(notice);
    free(software);
    pthread_mutex_lock(&extractor->lock);
    if (status.state == SNAPSHOT_JOB_FAILED && atomic_load(&extractor->stop)) {
        status.state = SNAPSHOT_JOB_CANCELLED; /* asked to stop before the first block */
        status.text[0] = 0;
    }
    if (status.state == SNAPSHOT_JOB_CANCELLED && extractor->revoked) {
        status.state = SNAPSHOT_JOB_FAILED;
        error_set(&error, "extraction: the ring's disk was configured anew meanwhile; ask again");
    }
    if (status.state == SNAPSHOT_JOB_FAILED)
        snprintf(status.text, sizeof status.text, "%s", error.text);
    if (speed_of(&status) != 0)
        extractor->speed = speed_of(&status);
    job->status = status;
    if (snapshot_job_has_result(job))
        memcpy(job->status.name, name, sizeof name);
    extractor->running = NULL;
}

/* Writes the notes that wait. Called and left with the lock held. */
static void write_notes(struct snapshot_extractor *extractor)
{
    while (extractor->note_count > 0) {
        struct error error = {""};
        char *line = extractor->notes[0];
        pthread_mutex_unlock(&extractor->lock);
        snapshot_audit_append_line(extractor->audit, line, &error);
        free(line);
        pthread_mutex_lock(&extractor->lock);
        extractor->note_count--;
        memmove(&extractor->notes[0], &extractor->notes[1],
                extractor->note_count * sizeof extractor->notes[0]);
        extractor->note_failure = error;
    }
}

/* A result was deleted: its job has nothing to give any more. */
static void result_deleted(void *context, const char *name)
{
    struct snapshot_extractor *extractor = context;
    const struct snapshot_audit_entry entry = {.event = "expire", .output = name};
    snapshot_audit_append(extractor->audit, &entry, NULL);
    pthread_mutex_lock(&extractor->lock);
    for (uint32_t i = extractor->job_count; i-- > 0;)
        if (strcmp(extractor->jobs[i]->status.name, name) == 0)
            snapshot_extractor_forget(extractor, i);
    pthread_mutex_unlock(&extractor->lock);
}

/* Called and left with the lock held. */
static void bound_results(struct snapshot_extractor *extractor)
{
    struct snapshot_extract_settings settings = extractor->settings;
    uint32_t files_max = settings.files_max != 0 ? settings.files_max : SNAPSHOT_JOBS_MAX;
    pthread_mutex_unlock(&extractor->lock);
    snapshot_extracts_bound(extractor->folder, files_max, settings.octets_max, settings.age_max_ns,
                            clock_wall_ns(), result_deleted, extractor);
    pthread_mutex_lock(&extractor->lock);
}

static struct snapshot_job *first_waiting(const struct snapshot_extractor *extractor)
{
    for (uint32_t i = 0; i < extractor->job_count; i++)
        if (extractor->jobs[i]->status.state == SNAPSHOT_JOB_WAITING)
            return extractor->jobs[i];
    return NULL;
}

void *snapshot_extractor_thread(void *argument)
{
    struct snapshot_extractor *extractor = argument;
    pid_t self = (pid_t)syscall(SYS_gettid);
    setpriority(PRIO_PROCESS, (id_t)self, NICE_LEAST);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, IOPRIO_IDLE << IOPRIO_CLASS_SHIFT);
    pthread_setname_np(pthread_self(), "extract");
    pthread_mutex_lock(&extractor->lock);
    while (!extractor->stopping) {
        write_notes(extractor);
        struct snapshot_job *job = first_waiting(extractor);
        if (job) {
            job->status.state = SNAPSHOT_JOB_RUNNING;
            extractor->running = job;
            run_job(extractor, job);
            bound_results(extractor);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ROUND_SECONDS;
        if (!extractor->stopping && extractor->note_count == 0 &&
            pthread_cond_timedwait(&extractor->wake, &extractor->lock, &until) == ETIMEDOUT)
            bound_results(extractor);
    }
    write_notes(extractor);
    pthread_mutex_unlock(&extractor->lock);
    return NULL;
}
