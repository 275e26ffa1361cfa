/* Threads that begin at once. See team.h. */
#include "perf/bench/team.h"

#include <pthread.h>
#include <sched.h>

#include "perf/bench/measure.h"

struct member {
    pthread_t thread;
    pthread_barrier_t *barrier;
    team_action action;
    void *shared;
    unsigned number;
    struct team_time *time;
};

static void allowed_cpus(cpu_set_t *set)
{
    if (sched_getaffinity(0, sizeof *set, set) != 0)
        bench_fail("cannot ask which CPUs this process may run on");
}

unsigned team_cpus(void)
{
    static unsigned count; /* asked for before any thread is pinned */
    cpu_set_t set;
    if (count == 0) {
        allowed_cpus(&set);
        count = (unsigned)CPU_COUNT(&set);
    }
    return count;
}

/* Number N of those of ALLOWED. */
static void pin(const cpu_set_t *allowed, unsigned n, pthread_attr_t *attributes)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, allowed) && n-- == 0)
            CPU_SET(cpu, &one);
    if (pthread_attr_init(attributes) != 0 ||
        pthread_attr_setaffinity_np(attributes, sizeof one, &one) != 0)
        bench_fail("cannot pin a thread");
}

static void *run_member(void *argument)
{
    struct member *member = argument;
    pthread_barrier_wait(member->barrier);
    member->time->start_ns = bench_wall_ns();
    uint64_t cpu_ns = bench_cpu_ns();
    member->action(member->shared, member->number);
    member->time->cpu_ns = bench_cpu_ns() - cpu_ns;
    member->time->end_ns = bench_wall_ns();
    return NULL;
}

void team_run(team_action action, void *shared, unsigned first, unsigned count,
              struct team_time time[])
{
    struct member members[TEAM_MAX];
    pthread_barrier_t barrier;
    cpu_set_t allowed;
    allowed_cpus(&allowed);
    if (count == 0 || count > TEAM_MAX || pthread_barrier_init(&barrier, NULL, count) != 0)
        bench_fail("cannot start that many threads");
    for (unsigned m = 0; m < count; m++) {
        pthread_attr_t attributes;
        members[m] = (struct member){0, &barrier, action, shared, first + m, &time[m]};
        pin(&allowed, (first + m) % team_cpus(), &attributes);
        if (pthread_create(&members[m].thread, &attributes, run_member, &members[m]) != 0)
            bench_fail("no thread for a worker");
        pthread_attr_destroy(&attributes);
    }
    for (unsigned m = 0; m < count; m++)
        pthread_join(members[m].thread, NULL);
    pthread_barrier_destroy(&barrier);
}

static void bounds(const struct team_time time[], unsigned count, struct team_time *any,
                   struct team_time *all)
{
    *any = *all = time[0];
    for (unsigned m = 1; m < count; m++) {
        if (time[m].start_ns < any->start_ns)
            any->start_ns = time[m].start_ns;
        if (time[m].end_ns > any->end_ns)
            any->end_ns = time[m].end_ns;
        if (time[m].start_ns > all->start_ns)
            all->start_ns = time[m].start_ns;
        if (time[m].end_ns < all->end_ns)
            all->end_ns = time[m].end_ns;
    }
}

uint64_t team_span_ns(const struct team_time time[], unsigned count)
{
    struct team_time any, all;
    bounds(time, count, &any, &all);
    return any.end_ns - any.start_ns;
}

double team_overlap(const struct team_time time[], unsigned count)
{
    struct team_time any, all;
    bounds(time, count, &any, &all);
    if (all.end_ns <= all.start_ns || any.end_ns <= any.start_ns)
        return 0;
    return (double)(all.end_ns - all.start_ns) / (double)(any.end_ns - any.start_ns);
}
