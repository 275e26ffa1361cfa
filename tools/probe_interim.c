/*
 * Between two probes: the main thread takes one apart and makes the next, which can last seconds,
 * and a thread answers the control channel meanwhile. It has the channel for itself, and touches
 * nothing else.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "probe_control_private.h"

struct probe_interim {
    struct probe_control *control;
    char *state; /* owned */
    pthread_t thread;
    int end; /* an eventfd: readable when the main thread takes over again */
};

static void answer(const struct probe_interim *interim, const struct control_frame *frame)
{
    struct probe_control *control = interim->control;
    if (frame->type == CONTROL_STATE && interim->state)
        control_answer(control, frame->id, interim->state);
    else
        control_refuse(control, frame->id, "in-use", "",
                       "the probe is being made anew for another configuration; ask again when "
                       "that is done");
}

/* Takes what there is. False: the process is gone, which the main thread sees to later. */
static bool take_frames(struct probe_interim *interim)
{
    struct control_channel *channel = interim->control->channel;
    struct control_frame frame;
    struct error error = {""};
    enum control_receive result;
    control_channel_flush(channel);
    while ((result = control_channel_receive(channel, &frame, &error)) == CONTROL_RECEIVE_FRAME) {
        answer(interim, &frame);
        control_frame_clear(&frame);
    }
    if (result == CONTROL_RECEIVE_GONE)
        interim->control->lost = error;
    return result == CONTROL_RECEIVE_NOTHING;
}

static void *run(void *argument)
{
    struct probe_interim *interim = argument;
    struct control_channel *channel = interim->control->channel;
    struct pollfd ready[] = {{.fd = interim->end, .events = POLLIN},
                             {.fd = control_channel_fd(channel), .events = POLLIN}};
    bool there = true;
    while (there && ready[0].revents == 0) {
        there = take_frames(interim);
        ready[1].events = control_channel_events(channel);
        poll(ready, 2, -1);
    }
    return NULL;
}

static void free_interim(struct probe_interim *interim)
{
    if (interim->end >= 0)
        close(interim->end);
    free(interim->state);
    free(interim);
}

void probe_interim_begin(struct probe_control *control, char *state)
{
    struct probe_interim *interim = control->channel ? calloc(1, sizeof *interim) : NULL;
    if (!interim) {
        free(state);
        return;
    }
    *interim = (struct probe_interim){
        .control = control, .state = state, .end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (interim->end >= 0 && pthread_create(&interim->thread, NULL, run, interim) == 0)
        control->interim = interim;
    else
        free_interim(interim);
}

void probe_interim_end(struct probe_control *control)
{
    struct probe_interim *interim = control->interim;
    if (!interim)
        return;
    eventfd_write(interim->end, 1);
    pthread_join(interim->thread, NULL);
    free_interim(interim);
    control->interim = NULL;
}
