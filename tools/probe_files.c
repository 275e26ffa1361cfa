/* Rules and lists, read by whoever has time for it. See probe_files.h. */
#include "probe_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "probe_lists.h"

struct probe_files_job {
    struct probe_files_wish wish;
    struct probe_files files;
    struct error error;
    bool good;
    atomic_bool ready;
    pthread_t thread;
};

static bool make_rules(struct probe_files *files, const struct probe_files_wish *wish,
                       struct error *error)
{
    struct error inner = {""};
    if (!(wish->actions & PLAN_RULES) ||
        probe_rules_make(&files->rules, &wish->config->applications, wish->rules_before, &inner))
        return true;
    error_set(error, "/spanflow/applications/ruleFile: %s", inner.text);
    return false;
}

static bool make_lists(struct probe_files *files, const struct probe_files_wish *wish,
                       struct error *error)
{
    return !(wish->actions & PLAN_LISTS) ||
           probe_lists_make(&files->lists, &wish->config->lists, wish->lists_before, error);
}

bool probe_files_make(struct probe_files *files, const struct probe_files_wish *wish,
                      struct error *error)
{
    memset(files, 0, sizeof *files);
    if (make_rules(files, wish, error) && make_lists(files, wish, error))
        return true;
    probe_files_free(files);
    return false;
}

void probe_files_free(struct probe_files *files)
{
    probe_rules_free(&files->rules);
    probe_lists_free(files->lists);
    files->lists = NULL;
}

static void *run_job(void *argument)
{
    struct probe_files_job *job = argument;
    job->good = probe_files_make(&job->files, &job->wish, &job->error);
    atomic_store_explicit(&job->ready, true, memory_order_release);
    return NULL;
}

struct probe_files_job *probe_files_begin(const struct probe_files_wish *wish, struct error *error)
{
    struct probe_files_job *job = calloc(1, sizeof *job);
    if (!job) {
        error_set(error, "no memory for rules and lists");
        return NULL;
    }
    job->wish = *wish;
    int failed = pthread_create(&job->thread, NULL, run_job, job);
    if (failed == 0)
        return job;
    error_set(error, "rules and lists cannot be read by a thread: %s", strerror(failed));
    free(job);
    return NULL;
}

bool probe_files_ready(const struct probe_files_job *job)
{
    return atomic_load_explicit(&job->ready, memory_order_acquire);
}

bool probe_files_end(struct probe_files_job *job, struct probe_files *files, struct error *error)
{
    pthread_join(job->thread, NULL);
    bool good = job->good;
    *files = job->files;
    if (!good)
        *error = job->error;
    free(job);
    return good;
}
