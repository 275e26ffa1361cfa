/* Holds the beginnings of streams. See name_start.h. */
#include "app/name_start.h"

#include <string.h>

#include "app/name_workspace.h"

static enum name_carrier carrier_of(const struct application_packet *packet)
{
    return packet->from_client ? NAME_BY_CLIENT : NAME_BY_SERVER;
}

/* Octets of the client that are before PACKET; 0 if that is not known. */
static uint32_t octets_before(const struct application_packet *packet)
{
    bool known = packet->start_known && packet->from_client;
    return known ? packet->tcp_sequence - packet->tcp_start : 0;
}

bool name_start_is_first(const struct application_packet *packet)
{
    return octets_before(packet) == 0;
}

bool name_start_is_wanted(const struct application_packet *packet, bool seen)
{
    if (seen || packet->length < packet->whole_length)
        return false;
    uint32_t before = octets_before(packet);
    return before == 0 ? packet->length < NAME_START_SHORT : before < NAME_GATHER_OCTETS;
}

void name_start_hold(const struct name_state *state, const struct application_packet *packet)
{
    struct name_gather *held = name_gather_begin(state, carrier_of(packet), packet);
    held->base -= octets_before(packet);
    name_gather_put(held, octets_before(packet), packet->data, packet->length);
    name_gather_end(state, held, NAME_MORE);
}

struct name_gather *name_start_add(const struct name_state *state,
                                   const struct application_packet *packet)
{
    struct name_gather *held = name_gather_find(state, carrier_of(packet));
    if (held)
        name_gather_put(held, packet->tcp_sequence - held->base, packet->data, packet->length);
    return held;
}

struct application_packet name_start_view(const struct name_gather *held,
                                          const struct application_packet *packet)
{
    struct application_packet view = *packet;
    view.data = held->octets;
    view.length = view.whole_length = held->have;
    view.tcp_sequence = held->base;
    return view;
}

void name_start_give(struct name_gather *held, enum name_carrier carrier)
{
    held->carrier = carrier;
}

void name_start_take(const struct name_state *state, struct name_gather *held,
                     struct application_packet *view)
{
    uint8_t *copy = state->workspace->message;
    memcpy(copy, view->data, view->length);
    view->data = copy;
    name_gather_drop(state, held);
}

void name_start_forget(const struct name_state *state)
{
    static const enum name_carrier sides[] = {NAME_BY_CLIENT, NAME_BY_SERVER};
    for (unsigned i = 0; i < 2; i++) {
        struct name_gather *held = name_gather_find(state, sides[i]);
        if (held)
            name_gather_drop(state, held);
    }
}
