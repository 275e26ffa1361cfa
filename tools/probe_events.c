/* A line of texts, short enough to be moved by copying. */
#include "probe_events.h"

#include <stdlib.h>
#include <string.h>

#include "control/control_channel.h"

static void drop(struct probe_events *events, unsigned index)
{
    free(events->bodies[index]);
    events->count--;
    memmove(&events->bodies[index], &events->bodies[index + 1],
            (events->count - index) * sizeof events->bodies[0]);
}

void probe_events_clear(struct probe_events *events)
{
    while (events->count)
        drop(events, events->count - 1);
    events->sent = 0;
}

void probe_events_put(struct probe_events *events, char *body)
{
    if (events->count == PROBE_EVENTS_MAX) {
        events->lost++;
        if (events->sent == events->count) {
            free(body);
            return;
        }
        drop(events, events->sent);
    }
    events->bodies[events->count++] = body;
}

void probe_events_send(struct probe_events *events, struct control_channel *channel)
{
    while (channel && events->sent < events->count) {
        const char *body = events->bodies[events->sent];
        if (!control_channel_send(channel, CONTROL_NOTIFY, 0, body, strlen(body)))
            return;
        events->sent++;
    }
}

void probe_events_taken(struct probe_events *events, uint64_t count)
{
    for (; count > 0 && events->sent > 0; count--) {
        drop(events, 0);
        events->sent--;
    }
}

void probe_events_again(struct probe_events *events)
{
    events->sent = 0;
}
