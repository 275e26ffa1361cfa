/* Makes and keeps workspaces. See name_state.h. */
#include "app/name_state.h"

#include <stdlib.h>

#include "app/name_workspace.h"

struct name_workspace *name_workspace_create(uint32_t hellos, struct error *error)
{
    uint32_t rows = 1;
    while (rows * NAME_ROW < hellos && rows * NAME_ROW < NAME_HELLOS_MAX)
        rows *= 2;
    struct name_workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace) {
        error_set(error, "not enough memory for finding names in flows");
        return NULL;
    }
    size_t heads = rows * sizeof *workspace->rows;
    size_t size = heads + (size_t)rows * NAME_ROW * sizeof *workspace->places;
    if (!name_opener_make(&workspace->opener, error) ||
        !arena_map(&workspace->arena, size, ARENA_SPARSE, error)) {
        name_workspace_destroy(workspace);
        return NULL;
    }
    workspace->rows = workspace->arena.memory;
    workspace->places = (void *)((uint8_t *)workspace->arena.memory + heads);
    workspace->row_mask = rows - 1;
    return workspace;
}

void name_workspace_destroy(struct name_workspace *workspace)
{
    if (!workspace)
        return;
    name_opener_release(&workspace->opener);
    arena_unmap(&workspace->arena);
    free(workspace);
}

size_t name_workspace_memory(const struct name_workspace *workspace)
{
    return sizeof *workspace + workspace->arena.size;
}

const struct name_workspace_counters *
name_workspace_counters(const struct name_workspace *workspace)
{
    return &workspace->counters;
}
