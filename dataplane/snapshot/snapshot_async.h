/*
 * One write under way: the thread that started it does other work and then waits for it. Uses the
 * kernel's asynchronous input and output for files that were opened with O_DIRECT; where that is
 * not to be had, and in tests that let writes fail, the write is done when it is started.
 *
 * One thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_ASYNC_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_ASYNC_H

#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_async {
    aio_context_t context; /* 0: none */
    bool tried;            /* to get one */
    bool pending;          /* the kernel has the write */
    int file;
    const uint8_t *data;
    size_t octets, done;
    uint64_t offset;
    int cause; /* errno of what failed */
    struct iocb request;
};

/* Starts to write OCTETS of DATA, which stay as they are until the end, at OFFSET. DIRECT: the file
 * was opened with O_DIRECT. Zeros are an ASYNC without anything under way. */
void snapshot_async_start(struct snapshot_async *async, int file, bool direct, const void *data,
                          size_t octets, uint64_t offset);
/* Waits until all is written. False: errno. */
bool snapshot_async_finish(struct snapshot_async *async);
/* Frees; nothing may be under way. */
void snapshot_async_clear(struct snapshot_async *async);

#endif
