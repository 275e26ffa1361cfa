/* Calls of the system. See snapshot_calls.h. */
#include "snapshot/snapshot_calls.h"

#include <fcntl.h>
#include <unistd.h>

struct snapshot_calls snapshot_calls = {
    .pwrite = pwrite, .fallocate = fallocate, .fdatasync = fdatasync};

void snapshot_set_calls(const struct snapshot_calls *calls)
{
    snapshot_calls.pwrite = calls && calls->pwrite ? calls->pwrite : pwrite;
    snapshot_calls.fallocate = calls && calls->fallocate ? calls->fallocate : fallocate;
    snapshot_calls.fdatasync = calls && calls->fdatasync ? calls->fdatasync : fdatasync;
}
