/* The moody transport. */
#include "sim_transport.h"

#include <stdlib.h>

#include "base/check.h"

struct state {
    struct sim_far_end *far_end;
    struct random random;
};

static enum transport_status send_some(void *opaque, const struct iovec *messages, uint32_t count,
                                       uint32_t *sent, struct error *error)
{
    struct state *state = opaque;
    const struct sim_mood *mood = &state->far_end->mood;
    check(count >= 1 && count <= TRANSPORT_BURST_MAX);
    *sent = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t draw = random_below(&state->random, 100);
        if (draw < mood->again)
            return TRANSPORT_AGAIN;
        draw -= mood->again;
        if (draw < mood->refused)
            return TRANSPORT_REFUSED;
        draw -= mood->refused;
        if (draw < mood->failed) {
            error_set(error, "the far end cannot take this");
            return TRANSPORT_FAILED;
        }
        draw -= mood->failed;
        if (draw < mood->broken) {
            error_set(error, "the far end is gone");
            return TRANSPORT_BROKEN;
        }
        check(messages[i].iov_len >= 16 && messages[i].iov_len <= 65535);
        state->far_end->messages++;
        state->far_end->octets += messages[i].iov_len;
        ++*sent;
    }
    return TRANSPORT_DONE;
}

static int complete(void *opaque, struct error *error)
{
    (void)error;
    struct state *state = opaque;
    state->far_end->completed = true;
    return 0;
}

static void close_it(void *opaque)
{
    free(opaque);
}

struct transport sim_transport_open(struct sim_far_end *far_end, uint64_t seed)
{
    static const struct transport_ops ops = {
        .send = send_some, .complete = complete, .close = close_it};
    struct state *state = calloc(1, sizeof *state);
    check(state != NULL);
    state->far_end = far_end;
    state->random.state = seed;
    return (struct transport){&ops, state};
}
