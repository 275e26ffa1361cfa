/* A ring of texts under a lock. */
#include "events.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "log.h"

struct events {
    int wake;
    pthread_mutex_t lock; /* what follows */
    char *texts[EVENTS_MAX];
    unsigned first, count;
    uint64_t lost;
    uint64_t lost_told; /* in the log */
};

struct events *events_create(int wake)
{
    struct events *events = calloc(1, sizeof *events);
    if (!events)
        return NULL;
    events->wake = wake;
    pthread_mutex_init(&events->lock, NULL);
    return events;
}

void events_destroy(struct events *events)
{
    if (!events)
        return;
    for (; events->count > 0; events->count--) {
        free(events->texts[events->first]);
        events->first = (events->first + 1) % EVENTS_MAX;
    }
    pthread_mutex_destroy(&events->lock);
    free(events);
}

void events_put(struct events *events, const char *json, size_t length)
{
    char *text = strndup(json, length);
    pthread_mutex_lock(&events->lock);
    bool room = text && events->count < EVENTS_MAX;
    if (room)
        events->texts[(events->first + events->count++) % EVENTS_MAX] = text;
    else
        events->lost++;
    pthread_mutex_unlock(&events->lock);
    if (!room)
        free(text);
    eventfd_write(events->wake, 1);
}

char *events_take(struct events *events)
{
    char *text = NULL;
    pthread_mutex_lock(&events->lock);
    uint64_t lost = events->lost - events->lost_told;
    events->lost_told = events->lost;
    if (events->count > 0) {
        text = events->texts[events->first];
        events->first = (events->first + 1) % EVENTS_MAX;
        events->count--;
    }
    pthread_mutex_unlock(&events->lock);
    if (lost)
        log_line("%llu events of the daemon found no room and are lost", (unsigned long long)lost);
    return text;
}

uint64_t events_lost(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    uint64_t lost = events->lost;
    pthread_mutex_unlock(&events->lock);
    return lost;
}
