/* The probe's extractor, as its main thread uses it. See snapshot_extract.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "snapshot/snapshot_extract_private.h"
#include "snapshot/snapshot_extractor_private.h"
#include "snapshot/snapshot_extracts.h"
#include "snapshot/snapshot_ring.h"

void snapshot_job_release(struct snapshot_job *job)
{
    if (job->anonymiser.release)
        job->anonymiser.release(job->anonymiser.context);
    job->anonymiser.release = NULL;
}

void snapshot_job_free(struct snapshot_job *job)
{
    snapshot_job_release(job);
    free(job->filter);
    free(job->from);
    free(job->reason);
    free(job);
}

static bool is_over(const struct snapshot_job *job)
{
    return job->status.state > SNAPSHOT_JOB_RUNNING;
}

bool snapshot_job_has_result(const struct snapshot_job *job)
{
    return job->status.state == SNAPSHOT_JOB_COMPLETE || job->status.state == SNAPSHOT_JOB_LIMITED;
}

void snapshot_extractor_forget(struct snapshot_extractor *extractor, uint32_t i)
{
    snapshot_job_free(extractor->jobs[i]);
    extractor->job_count--;
    memmove(&extractor->jobs[i], &extractor->jobs[i + 1],
            (extractor->job_count - i) * sizeof(struct snapshot_job *));
}

static struct snapshot_job *find(const struct snapshot_extractor *extractor, uint64_t id,
                                 uint32_t *place)
{
    for (uint32_t i = 0; i < extractor->job_count; i++) {
        if (extractor->jobs[i]->status.id != id)
            continue;
        if (place)
            *place = i;
        return extractor->jobs[i];
    }
    return NULL;
}

/* Frees it and the rings that it holds. The thread is not there any more, or never was. */
static void free_extractor(struct snapshot_extractor *extractor)
{
    while (extractor->job_count > 0)
        snapshot_extractor_forget(extractor, 0);
    for (uint32_t i = 0; i < extractor->ring_count; i++)
        snapshot_ring_release(extractor->rings[i]);
    for (uint32_t i = 0; i < extractor->note_count; i++)
        free(extractor->notes[i]);
    snapshot_audit_close(extractor->audit);
    pthread_cond_destroy(&extractor->wake);
    pthread_cond_destroy(&extractor->released);
    pthread_mutex_destroy(&extractor->lock);
    free(extractor->rings);
    free(extractor->notice);
    free(extractor->software);
    free(extractor->folder);
    free(extractor);
}

/* A copy of TEXT, "" for NULL. */
static char *copy_of(const char *text)
{
    return strdup(text ? text : "");
}

static void set_settings(struct snapshot_extractor *extractor,
                         const struct snapshot_extract_settings *settings)
{
    char *notice = copy_of(settings->notice), *software = copy_of(settings->software);
    free(extractor->notice);
    free(extractor->software);
    extractor->notice = notice;
    extractor->software = software;
    extractor->settings = *settings;
    atomic_store(&extractor->octets_per_second, settings->octets_per_second);
}

void snapshot_extractor_configure(struct snapshot_extractor *extractor,
                                  const struct snapshot_extract_settings *settings)
{
    pthread_mutex_lock(&extractor->lock);
    set_settings(extractor, settings);
    pthread_mutex_unlock(&extractor->lock);
}

struct snapshot_extractor *
snapshot_extractor_create(const char *directory, const struct snapshot_extract_settings *settings,
                          struct error *error)
{
    struct snapshot_extractor *extractor = calloc(1, sizeof *extractor);
    if (!extractor) {
        error_set(error, "extraction: no memory");
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&extractor->lock, NULL);
    pthread_cond_init(&extractor->wake, &monotonic);
    pthread_cond_init(&extractor->released, NULL);
    pthread_condattr_destroy(&monotonic);
    set_settings(extractor, settings);
    bool good = asprintf(&extractor->folder, "%s/" SNAPSHOT_EXTRACTS_FOLDER, directory) > 0;
    if (!good)
        error_set(error, "extraction: no memory");
    good = good && snapshot_extracts_prepare(extractor->folder, error);
    extractor->audit = good ? snapshot_audit_open(directory, error) : NULL;
    if (!extractor->audit) {
        free_extractor(extractor);
        return NULL;
    }
    if (pthread_create(&extractor->thread, NULL, snapshot_extractor_thread, extractor) != 0) {
        error_set(error, "extraction: cannot start its thread");
        free_extractor(extractor);
        return NULL;
    }
    return extractor;
}

void snapshot_extractor_destroy(struct snapshot_extractor *extractor)
{
    if (!extractor)
        return;
    pthread_mutex_lock(&extractor->lock);
    extractor->stopping = true;
    atomic_store(&extractor->stop, true);
    pthread_cond_signal(&extractor->wake);
    pthread_mutex_unlock(&extractor->lock);
    pthread_join(extractor->thread, NULL);
    free_extractor(extractor);
}

void snapshot_extractor_set_sources(struct snapshot_extractor *extractor,
                                    struct snapshot_store *store,
                                    struct snapshot_ring *const *rings, uint32_t count,
                                    const struct snapshot_interfaces *interfaces)
{
    if (count > SNAPSHOT_QUERY_RINGS_MAX)
        count = SNAPSHOT_QUERY_RINGS_MAX;
    pthread_mutex_lock(&extractor->lock);
    bool same = count == extractor->ring_count &&
                (count == 0 ||
                 memcmp(rings, extractor->rings, count * sizeof(struct snapshot_ring *)) == 0);
    struct snapshot_ring **copy = same ? NULL : calloc(count + 1, sizeof(struct snapshot_ring *));
    if (copy) {
        for (uint32_t i = 0; i < count; i++) {
            copy[i] = rings[i];
            snapshot_ring_hold(copy[i]);
        }
        for (uint32_t i = 0; i < extractor->ring_count; i++)
            snapshot_ring_release(extractor->rings[i]);
        free(extractor->rings);
        extractor->rings = copy;
        extractor->ring_count = count;
    }
    extractor->interfaces = interfaces;
    if (extractor->store != store) {
        extractor->store = store;
        extractor->revoked = extractor->using_store;
        if (extractor->using_store)
            atomic_store(&extractor->stop, true);
        while (extractor->using_store)
            pthread_cond_wait(&extractor->released, &extractor->lock);
    }
    pthread_mutex_unlock(&extractor->lock);
}

/* A job of ORDER; NULL: no memory. */
static struct snapshot_job *make_job(const struct snapshot_extract_order *order)
{
    struct snapshot_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->order = *order;
    job->filter = copy_of(order->question.filter);
    job->from = copy_of(order->from);
    job->reason = copy_of(order->reason);
    snprintf(job->status.user, sizeof job->status.user, "%s", order->user);
    job->order.user = job->status.user;
    job->order.from = job->from;
    job->order.reason = job->reason;
    job->order.question.filter = job->filter;
    if (order->question.tuple) {
        job->tuple = *order->question.tuple;
        job->order.question.tuple = &job->tuple;
    }
    if (job->filter && job->from && job->reason)
        return job;
    snapshot_job_free(job);
    return NULL;
}

/* Room for one more job: the oldest that is over goes. Under the lock. */
static bool make_room(struct snapshot_extractor *extractor)
{
    for (uint32_t i = 0; extractor->job_count == SNAPSHOT_JOBS_MAX && i < SNAPSHOT_JOBS_MAX; i++)
        if (is_over(extractor->jobs[i]))
            snapshot_extractor_forget(extractor, i);
    return extractor->job_count < SNAPSHOT_JOBS_MAX;
}

uint64_t snapshot_extractor_start(struct snapshot_extractor *extractor,
                                  const struct snapshot_extract_order *order, struct error *error)
{
    uint64_t id = 0;
    struct snapshot_job *job = NULL;
    if (snapshot_extract_check(order, error) && snapshot_question_check(&order->question, error)) {
        job = make_job(order);
        if (!job)
            error_set(error, "extraction: no memory");
    }
    pthread_mutex_lock(&extractor->lock);
    if (job && make_room(extractor)) {
        if (order->anonymiser) {
            job->anonymiser = *order->anonymiser;
            job->order.anonymiser = &job->anonymiser;
        }
        id = ++extractor->last_id;
        job->status.id = id;
        extractor->jobs[extractor->job_count++] = job;
        pthread_cond_signal(&extractor->wake);
    } else if (job) {
        error_set(error, "extraction: %d jobs wait already; try again later", SNAPSHOT_JOBS_MAX);
        snapshot_job_free(job);
    }
    pthread_mutex_unlock(&extractor->lock);
    if (id == 0 && order->anonymiser && order->anonymiser->release)
        order->anonymiser->release(order->anonymiser->context);
    return id;
}

bool snapshot_extractor_status(struct snapshot_extractor *extractor, uint64_t id,
                               struct snapshot_job_status *status)
{
    pthread_mutex_lock(&extractor->lock);
    const struct snapshot_job *job = find(extractor, id, NULL);
    if (job)
        *status = job->status;
    pthread_mutex_unlock(&extractor->lock);
    return job != NULL;
}

uint32_t snapshot_extractor_list(struct snapshot_extractor *extractor,
                                 struct snapshot_job_status status[SNAPSHOT_JOBS_MAX])
{
    pthread_mutex_lock(&extractor->lock);
    uint32_t count = extractor->job_count;
    for (uint32_t i = 0; i < count; i++)
        status[i] = extractor->jobs[i]->status;
    pthread_mutex_unlock(&extractor->lock);
    return count;
}

/* The path of a result; false if it does not fit. */
static bool path_of(const struct snapshot_extractor *extractor, const char *name, char *path,
                    size_t size)
{
    int length = snprintf(path, size, "%s/%s", extractor->folder, name);
    return length > 0 && (size_t)length < size;
}

bool snapshot_extractor_cancel(struct snapshot_extractor *extractor, uint64_t id)
{
    char path[4096], name[SNAPSHOT_EXTRACT_NAME_MAX] = "";
    uint32_t place;
    pthread_mutex_lock(&extractor->lock);
    struct snapshot_job *job = find(extractor, id, &place);
    if (job && job == extractor->running) {
        atomic_store(&extractor->stop, true);
    } else if (job && job->status.state == SNAPSHOT_JOB_WAITING) {
        job->status.state = SNAPSHOT_JOB_CANCELLED;
        job->status.ended_ns = clock_wall_ns();
    } else if (job) {
        memcpy(name, job->status.name, sizeof name);
        snapshot_extractor_forget(extractor, place);
    }
    pthread_mutex_unlock(&extractor->lock);
    if (name[0] != 0 && path_of(extractor, name, path, sizeof path))
        unlink(path);
    return job != NULL;
}

/* Puts a line into the queue of the job thread, which frees it. Under the lock. */
static bool queue_line(struct snapshot_extractor *extractor, char *line)
{
    if (!line || extractor->note_count == SNAPSHOT_NOTES_MAX) {
        free(line);
        return false;
    }
    extractor->notes[extractor->note_count++] = line;
    pthread_cond_signal(&extractor->wake);
    return true;
}

bool snapshot_extractor_note(struct snapshot_extractor *extractor,
                             const struct snapshot_audit_entry *entry, struct error *error)
{
    char *line = snapshot_audit_line(entry);
    pthread_mutex_lock(&extractor->lock);
    bool good = extractor->note_failure.text[0] == 0;
    if (!good)
        error_set(error, "%s", extractor->note_failure.text);
    if (!queue_line(extractor, line)) {
        error_set(error, "audit log: too many lines wait for the disk; try again later");
        good = false;
    }
    pthread_mutex_unlock(&extractor->lock);
    return good;
}

/* Notes the first read of JOB's result by USER. Under the lock. False: it cannot be noted. */
static bool note_reader(struct snapshot_extractor *extractor, struct snapshot_job *job,
                        const char *user, const char *from)
{
    for (uint32_t i = 0; i < job->reader_count; i++)
        if (strcmp(job->readers[i], user) == 0)
            return true;
    const struct snapshot_audit_entry entry = {.event = "fetch",
                                               .user = user,
                                               .from = from,
                                               .job = job->status.id,
                                               .output = job->status.name,
                                               .sha256 = job->status.sha256};
    if (!queue_line(extractor, snapshot_audit_line(&entry)))
        return false;
    if (job->reader_count < SNAPSHOT_READERS_NOTED)
        snprintf(job->readers[job->reader_count++], sizeof job->readers[0], "%s", user);
    return true;
}

int64_t snapshot_extractor_read(struct snapshot_extractor *extractor, uint64_t id, const char *user,
                                const char *from, uint64_t offset, void *buffer, size_t size,
                                struct error *error)
{
    char path[4096] = "";
    pthread_mutex_lock(&extractor->lock);
    struct snapshot_job *job = find(extractor, id, NULL);
    if (!job)
        error_set(error, "extraction: there is no job %llu (any more)", (unsigned long long)id);
    else if (!snapshot_job_has_result(job))
        error_set(error, "extraction: job %llu is %s: there is nothing to read",
                  (unsigned long long)id, snapshot_job_state_name(job->status.state));
    else if (!note_reader(extractor, job, user, from))
        error_set(error, "audit log: too many lines wait for the disk; try again later");
    else if (!path_of(extractor, job->status.name, path, sizeof path))
        error_set(error, "extraction: the path of the result is too long");
    pthread_mutex_unlock(&extractor->lock);
    if (path[0] == 0)
        return -1;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (size > SNAPSHOT_EXTRACT_READ_MAX)
        size = SNAPSHOT_EXTRACT_READ_MAX;
    ssize_t octets = file < 0 ? -1 : pread(file, buffer, size, (off_t)offset);
    if (octets < 0)
        error_set(error, "%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return octets;
}

uint64_t snapshot_extractor_speed(struct snapshot_extractor *extractor)
{
    pthread_mutex_lock(&extractor->lock);
    uint64_t speed = extractor->speed;
    pthread_mutex_unlock(&extractor->lock);
    return speed;
}
