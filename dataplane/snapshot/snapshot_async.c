/* One write under way. See snapshot_async.h. */
#include "snapshot/snapshot_async.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "snapshot/snapshot_calls.h"

/* Whether the kernel can be asked. */
static bool may_ask(struct snapshot_async *async)
{
    if (!async->tried) {
        async->tried = true;
        if (syscall(SYS_io_setup, 1, &async->context) != 0)
            async->context = 0;
    }
    return async->context != 0 && snapshot_calls.pwrite == pwrite;
}

void snapshot_async_start(struct snapshot_async *async, int file, bool direct, const void *data,
                          size_t octets, uint64_t offset)
{
    async->file = file;
    async->data = data;
    async->octets = octets;
    async->offset = offset;
    async->done = 0;
    async->cause = 0;
    async->pending = false;
    if (!direct || !may_ask(async))
        return;
    memset(&async->request, 0, sizeof async->request);
    async->request.aio_lio_opcode = IOCB_CMD_PWRITE;
    async->request.aio_fildes = (uint32_t)file;
    async->request.aio_buf = (uint64_t)(uintptr_t)data;
    async->request.aio_nbytes = octets;
    async->request.aio_offset = (int64_t)offset;
    struct iocb *requests[] = {&async->request};
    async->pending = syscall(SYS_io_submit, async->context, 1, requests) == 1;
}

/* Takes what the kernel says of the write. */
static void take_result(struct snapshot_async *async)
{
    struct io_event event;
    long count;
    do
        count = syscall(SYS_io_getevents, async->context, 1, 1, &event, NULL);
    while (count < 0 && errno == EINTR);
    async->pending = false;
    if (count != 1)
        async->cause = EIO;
    else if (event.res < 0)
        async->cause = (int)-event.res;
    else
        async->done = (size_t)event.res;
}

bool snapshot_async_finish(struct snapshot_async *async)
{
    if (async->pending)
        take_result(async);
    while (!async->cause && async->done < async->octets) {
        ssize_t more = snapshot_calls.pwrite(async->file, async->data + async->done,
                                             async->octets - async->done,
                                             (off_t)(async->offset + async->done));
        if (more < 0 && errno != EINTR)
            async->cause = errno;
        else if (more == 0)
            async->cause = ENOSPC;
        else if (more > 0)
            async->done += (size_t)more;
    }
    errno = async->cause;
    return !async->cause;
}

void snapshot_async_clear(struct snapshot_async *async)
{
    if (async->context)
        syscall(SYS_io_destroy, async->context);
    memset(async, 0, sizeof *async);
}
