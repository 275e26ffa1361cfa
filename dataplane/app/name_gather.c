/* Puts what comes in several packets together. See name_gather.h. */
#include "app/name_gather.h"

#include <stddef.h>
#include <string.h>

#include "app/check_read.h"
#include "app/name_workspace.h"

/* ---- octets ---- */

/* Notes the octets [from, to). */
static void mark(struct name_gather *gather, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t bit = from % 64, count = 64 - bit;
        if (count > to - from)
            count = to - from;
        uint64_t ones = count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
        gather->seen[from / 64] |= ones << bit;
        from += count;
    }
}

/* Moves the end of what is there without a gap. */
static void advance(struct name_gather *gather)
{
    while (gather->have < NAME_GATHER_OCTETS) {
        uint32_t bit = gather->have % 64;
        uint64_t missing = ~gather->seen[gather->have / 64] >> bit;
        if (missing) {
            gather->have += (uint32_t)__builtin_ctzll(missing);
            return;
        }
        gather->have += 64 - bit;
    }
}

void name_gather_put(struct name_gather *gather, uint64_t at, const uint8_t *data, uint32_t octets)
{
    if (at >= NAME_GATHER_OCTETS)
        return;
    uint32_t from = (uint32_t)at;
    if (octets > NAME_GATHER_OCTETS - from)
        octets = NAME_GATHER_OCTETS - from;
    if (from + octets <= gather->have)
        return;
    if (from < gather->have) {
        uint32_t known = gather->have - from;
        data += known;
        octets -= known;
        from = gather->have;
    }
    memcpy(gather->octets + from, data, octets);
    mark(gather, from, from + octets);
    if (gather->end < from + octets)
        gather->end = from + octets;
    advance(gather);
}

void name_gather_clear(struct name_gather *gather)
{
    gather->have = gather->end = gather->read = 0;
    gather->whole = 0;
    gather->passing = false;
    memset(gather->seen, 0, sizeof gather->seen);
}

/* ---- places ---- */

static struct name_row *row_of(const struct name_workspace *workspace, uint64_t flow_id,
                               struct name_gather **places)
{
    uint32_t row = (uint32_t)(flow_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & workspace->row_mask;
    *places = workspace->places + (size_t)row * NAME_ROW;
    return &workspace->rows[row];
}

struct name_gather *name_gather_find(const struct name_state *state, enum name_carrier carrier)
{
    struct name_gather *places;
    const struct name_row *row = row_of(state->workspace, state->flow_id, &places);
    for (unsigned i = 0; i < NAME_ROW; i++)
        if (row->flow_id[i] == state->flow_id && places[i].carrier == carrier)
            return &places[i];
    return NULL;
}

struct name_gather *name_gather_begin(const struct name_state *state, enum name_carrier carrier,
                                      const struct application_packet *packet)
{
    struct name_gather *gather = &state->workspace->scratch;
    gather->flow_id = state->flow_id;
    gather->carrier = carrier;
    gather->base = packet->tcp_sequence;
    gather->told = 0;
    gather->packets = 0;
    gather->from_client = packet->from_client;
    name_gather_clear(gather);
    return gather;
}

/* A free place, or that of the flow that waited longest. */
static void keep(const struct name_state *state, const struct name_gather *gather)
{
    struct name_workspace *workspace = state->workspace;
    struct name_gather *places;
    struct name_row *row = row_of(workspace, state->flow_id, &places);
    unsigned chosen = 0;
    for (unsigned i = 1; i < NAME_ROW && row->flow_id[chosen]; i++)
        if (!row->flow_id[i] || row->turn[i] < row->turn[chosen])
            chosen = i;
    workspace->counters.displaced += row->flow_id[chosen] != 0;
    if (places[chosen].end > gather->end)
        memset(places[chosen].octets + gather->end, 0, places[chosen].end - gather->end);
    row->flow_id[chosen] = state->flow_id;
    row->turn[chosen] = ++workspace->turn;
    memcpy(&places[chosen], gather, offsetof(struct name_gather, octets));
    memcpy(places[chosen].octets, gather->octets, gather->end);
}

void name_gather_drop(const struct name_state *state, struct name_gather *gather)
{
    struct name_gather *places;
    struct name_row *row = row_of(state->workspace, state->flow_id, &places);
    row->flow_id[gather - places] = 0;
    memset(gather->octets, 0, gather->end);
}

enum name_progress name_gather_end(const struct name_state *state, struct name_gather *gather,
                                   enum name_progress progress)
{
    bool kept = gather != &state->workspace->scratch;
    if (++gather->packets >= NAME_GATHER_PACKETS)
        progress = NAME_DONE;
    if (kept && progress == NAME_DONE)
        name_gather_drop(state, gather);
    else if (!kept && progress == NAME_MORE)
        keep(state, gather);
    return progress;
}

/* ---- reading ---- */

enum name_progress name_gather_read(const struct name_state *state, struct name_gather *gather,
                                    const uint8_t *body, uint32_t have, uint32_t whole,
                                    struct name_sink *sink)
{
    struct name_workspace_counters *counters = &state->workspace->counters;
    struct name_hello hello;
    if (have > whole)
        have = whole;
    enum name_reading reading = name_hello_read(&hello, gather->carrier, body, have, whole);
    name_hello_tell(&hello, reading, sink, &gather->told);
    if (reading == NAME_WHOLE) {
        counters->hellos++;
        counters->gathered += gather->packets > 0;
    }
    if (reading != NAME_PART)
        return NAME_DONE;
    if (whole + NAME_HANDSHAKE_HEADER <= NAME_GATHER_OCTETS)
        return NAME_MORE;
    counters->oversized++;
    return NAME_DONE;
}

enum name_progress name_gather_read_message(const struct name_state *state,
                                            struct name_gather *gather, const uint8_t *message,
                                            uint32_t have, struct name_sink *sink)
{
    if (have > 0 && message[0] != NAME_CLIENT_HELLO)
        return NAME_DONE;
    if (have < NAME_HANDSHAKE_HEADER)
        return NAME_MORE;
    return name_gather_read(state, gather, message + NAME_HANDSHAKE_HEADER,
                            have - NAME_HANDSHAKE_HEADER, be24(message + 1), sink);
}
