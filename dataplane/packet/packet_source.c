/* What all sources have in common beyond the contract: waiting for several at once, and telling
 * what is wrong. */
#include "packet/packet_source.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { POLLED_MAX = 256 };

/* Sleeps on the descriptors of all sources that have not ended. False if they cannot be told. */
static bool sleep_on_descriptors(struct packet_source *const sources[], const bool ended[],
                                 uint32_t count, uint64_t until_ns)
{
    struct pollfd polled[POLLED_MAX];
    uint32_t used = 0;
    for (uint32_t s = 0; s < count; s++) {
        if (ended[s])
            continue;
        uint32_t added =
            sources[s]->ops->descriptors
                ? sources[s]->ops->descriptors(sources[s], polled + used, POLLED_MAX - used)
                : 0;
        if (added == 0)
            return false;
        used += added;
    }
    uint64_t now_ns = clock_monotonic_ns();
    if ((used == 0 && count > 0) || until_ns <= now_ns)
        return used > 0;
    const struct timespec left = {.tv_sec = (time_t)((until_ns - now_ns) / 1000000000),
                                  .tv_nsec = (long)((until_ns - now_ns) % 1000000000)};
    ppoll(polled, used, &left, NULL);
    return true;
}

void packet_sources_wait(struct packet_source *const sources[], const bool ended[], uint32_t count,
                         uint64_t until_ns)
{
    struct packet_source *sleeper = NULL;
    if (sleep_on_descriptors(sources, ended, count, until_ns))
        return;
    for (uint32_t s = 0; s < count; s++) {
        if (ended[s])
            continue;
        if (!sources[s]->ops->wait || sleeper)
            return;
        sleeper = sources[s];
    }
    if (sleeper)
        sleeper->ops->wait(sleeper, until_ns);
}

static enum receive_status receive_nothing(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
    return RECEIVE_FAILED;
}

static void release_nothing(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
}

static void close_broken(struct packet_source *source)
{
    free(source);
}

struct packet_source *packet_source_broken(const char *name, const struct error *problem)
{
    static const struct packet_source_ops ops = {.receive = receive_nothing,
                                                 .release = release_nothing,
                                                 .news = packet_source_tell_problem,
                                                 .close = close_broken};
    struct packet_source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->ops = &ops;
    source->live = true;
    source->interface_count = 1;
    source->problem = *problem;
    snprintf(source->name, sizeof source->name, "%s", name);
    return source;
}

int packet_source_place(struct packet_source *const sources[], uint32_t count,
                        const struct packet_source *source)
{
    for (uint32_t s = 0; s < count; s++)
        if (sources[s] == source)
            return (int)s;
    return -1;
}

void source_ledger_add(struct source_ledger *sum, const struct source_ledger *ledger)
{
    static_assert(sizeof(struct source_ledger) % sizeof(uint64_t) == 0, "made of words");
    uint64_t *to = &sum->observed.packets;
    const uint64_t *from = &ledger->observed.packets;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

bool packet_source_tell_problem(struct packet_source *source, struct error *line)
{
    if (source->problem_told || source->problem.text[0] == '\0')
        return false;
    *line = source->problem;
    source->problem_told = true;
    return true;
}
