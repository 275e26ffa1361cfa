/* What a workspace of the parsers of names consists of. Private to them; see name_state.h. */
#ifndef SPANFLOW_APP_NAME_WORKSPACE_H
#define SPANFLOW_APP_NAME_WORKSPACE_H

#include <assert.h>

#include "app/name_gather.h"
#include "base/arena.h"

enum { NAME_ROW = 4 };

/* Whose the places of a row are; turn: when each was taken. */
struct name_row {
    uint64_t flow_id[NAME_ROW]; /* 0: free */
    uint64_t turn[NAME_ROW];
};
static_assert(sizeof(struct name_row) == 64, "a row is looked up in one cache line");

struct name_workspace {
    struct name_workspace_counters counters;
    struct name_opener opener;
    struct arena arena;
    struct name_row *rows;
    struct name_gather *places; /* NAME_ROW of each row */
    uint32_t row_mask;
    uint64_t turn;
    struct name_gather scratch;          /* of the packet that is looked at */
    uint8_t message[NAME_GATHER_OCTETS]; /* of several records */
};

#endif
