/* The moody transport. */
#include "sim_transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FLIGHT_MAX = 1 << 16, PARTITIONS_MAX = 200 };

struct state {
    struct sim_far_end *far_end;
    struct random random;
    uint64_t session; /* 0: none */
    uint32_t in_flight;
    uint32_t labelled; /* messages of the next send */
    bool arrived[FLIGHT_MAX];
    bool fresh;               /* nothing was sent in this session yet */
    uint8_t known[65536 / 8]; /* set of the template ids that were told in this session */
};

/* What a session must begin with: a Template Set, or the Options Template Set of the types of what
 * is in it, and number 0 (RFC 7011 sections 3.1 and 8.1). */
static void check_first(struct state *state, const struct iovec *message)
{
    const uint8_t *octets = message->iov_base;
    if (state->fresh)
        check(octets[16] == 0 && (octets[17] == 2 || octets[17] == 3) &&
              !(octets[8] | octets[9] | octets[10] | octets[11]));
    state->fresh = false;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Templates come before what needs them, in each session. Options Templates stand alone in a Set.
 */
static void check_sets(struct state *state, const struct iovec *message)
{
    const uint8_t *set = (const uint8_t *)message->iov_base + 16;
    const uint8_t *end = (const uint8_t *)message->iov_base + message->iov_len;
    for (; set < end; set += get16(set + 2)) {
        unsigned id = get16(set);
        const uint8_t *at = set + 4, *set_end = set + get16(set + 2);
        check(set_end > set && set_end <= end);
        if (id > 3)
            check(state->known[id / 8] & 1u << id % 8);
        for (; id <= 3 && set_end - at >= 4;) {
            unsigned told = get16(at), fields = get16(at + 2);
            state->known[told / 8] |= (uint8_t)(1u << told % 8);
            at += id == 3 ? 6 : 4;
            for (; fields && at < set_end; fields--)
                at += at[0] & 0x80 ? 8 : 4;
        }
    }
}

static enum transport_status send_some(void *opaque, const struct iovec *messages, uint32_t count,
                                       uint32_t *sent, struct error *error)
{
    struct state *state = opaque;
    const struct sim_mood *mood = &state->far_end->mood;
    check(count >= 1 && count <= TRANSPORT_BURST_MAX);
    check(!mood->topic || (state->labelled == count && state->in_flight < FLIGHT_MAX));
    state->labelled = 0;
    *sent = 0;
    if (mood->sessions && !state->session)
        return TRANSPORT_AGAIN;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t draw = random_below(&state->random, 100);
        if (draw < mood->again)
            return TRANSPORT_AGAIN;
        draw = mood->topic ? 100 : draw - mood->again;
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
        if (mood->sessions && !mood->topic)
            check_first(state, &messages[i]);
        bool ipfix = get16(messages[i].iov_base) == 10;
        if (ipfix && !mood->topic && !mood->refused && !mood->failed && !mood->broken)
            check_sets(state, &messages[i]);
        state->in_flight++;
        state->far_end->messages++;
        state->far_end->octets += messages[i].iov_len;
        ++*sent;
    }
    return TRANSPORT_DONE;
}

static void step(void *opaque, uint64_t monotonic_ns, bool hurry, struct transport_session *session)
{
    struct state *state = opaque;
    (void)hurry;
    *session = (struct transport_session){.next_ns = monotonic_ns + 1000000};
    if (state->session) {
        session->confirmed = (uint32_t)random_below(&state->random, state->in_flight + 1);
        state->in_flight -= session->confirmed;
        if (state->far_end->mood.topic &&
            random_chance(&state->random, state->far_end->mood.failed))
            session->failed = (uint32_t)random_below(&state->random, state->in_flight + 1) / 4;
        state->in_flight -= session->failed;
        if (random_chance(&state->random, state->far_end->mood.leaves)) {
            if (!state->far_end->mood.topic)
                session->vanished = (uint32_t)random_below(&state->random, state->in_flight + 1);
            state->session = 0;
        }
    } else if (random_chance(&state->random, state->far_end->mood.returns)) {
        state->session = ++state->far_end->sessions;
        state->in_flight = 0;
        state->fresh = true;
        memset(state->known, 0, sizeof state->known);
    }
    session->number = state->session;
    session->partitions = state->session ? state->far_end->partitions : 0;
}

static void label(void *opaque, const struct transport_label *labels, uint32_t count)
{
    struct state *state = opaque;
    for (uint32_t i = 0; i < count; i++)
        check(labels[i].partition < state->far_end->partitions);
    state->labelled = count;
}

/* Partitions are acknowledged in an order of their own. */
static const bool *abandon(void *opaque)
{
    struct state *state = opaque;
    for (uint32_t i = 0; i < state->in_flight; i++)
        state->arrived[i] = random_chance(&state->random, 50);
    state->in_flight = 0;
    return state->arrived;
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
    static const struct transport_ops with_sessions = {
        .send = send_some, .complete = complete, .close = close_it, .step = step, .confirms = true};
    static const struct transport_ops as_topic = {.send = send_some,
                                                  .complete = complete,
                                                  .close = close_it,
                                                  .step = step,
                                                  .confirms = true,
                                                  .label = label,
                                                  .abandon = abandon};
    struct state *state = calloc(1, sizeof *state);
    check(state != NULL);
    state->far_end = far_end;
    state->random.state = seed;
    if (!far_end->partitions)
        far_end->partitions = (uint32_t)random_between(&state->random, 1, PARTITIONS_MAX);
    if (far_end->mood.topic)
        return (struct transport){&as_topic, state};
    return (struct transport){far_end->mood.sessions ? &with_sessions : &ops, state};
}
