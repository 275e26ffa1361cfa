/* AF_XDP sockets by libxdp. See xdp_socket.h. */
#include "packet/xdp_socket.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "base/check.h"
#include "base/clock.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

enum { COMPLETIONS = 64, BUSY_POLL_BUDGET = 64, BUSY_MS = 2000, BUSY_STEP_MS = 20 };

static int say_nothing(enum libxdp_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static int fail(struct error *error, const struct xdp_socket_options *options, const char *what,
                int failed)
{
    const char *advice = "";
    if (failed == ENOBUFS || failed == ENOMEM)
        advice =
            "; it locks memory: give CAP_IPC_LOCK, raise the limit (ulimit -l, LimitMEMLOCK=), "
            "or give fewer descriptors";
    else if (failed == EBUSY)
        advice = "; another process has a socket there: end it (ss --xdp shows it), or wait";
    error_set(error, "xdp:%s: %s of queue %u: %s%s", options->interface, what, options->queue,
              strerror(failed), advice);
    return failed;
}

static void hand_over_frames(struct xdp_socket *socket, uint32_t frames)
{
    uint32_t at = 0;
    uint32_t reserved = xsk_ring_prod__reserve(&socket->fill, frames, &at);
    check(reserved == frames);
    for (uint32_t i = 0; i < frames; i++)
        *xsk_ring_prod__fill_addr(&socket->fill, at + i) = (__u64)i * XDP_FRAME_OCTETS;
    xsk_ring_prod__submit(&socket->fill, frames);
}

/* What the kernel gave may be less than what was asked for. */
static bool is_zero_copy(int descriptor)
{
    struct xdp_options options = {0};
    socklen_t size = sizeof options;
    return getsockopt(descriptor, SOL_XDP, XDP_OPTIONS, &options, &size) == 0 &&
           (options.flags & XDP_OPTIONS_ZEROCOPY);
}

/* False: the kernel or its driver does not do it. */
static bool ask_for_busy_poll(int descriptor, uint32_t time_us)
{
    int on = 1;
    int time = (int)time_us;
    int budget = BUSY_POLL_BUDGET;
    return setsockopt(descriptor, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof on) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_BUSY_POLL, &time, sizeof time) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget) == 0;
}

static int bind_socket(struct xdp_socket *socket, const struct xdp_socket_options *options,
                       struct error *error)
{
    const struct xsk_socket_config config = {
        .rx_size = options->descriptors,
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
        .bind_flags = (__u16)(XDP_USE_NEED_WAKEUP | (options->zero_copy ? XDP_ZEROCOPY : XDP_COPY) |
                              (options->pieces ? XDP_USE_SG : 0))};
    int failed = -xsk_socket__create(&socket->socket, options->interface, options->queue,
                                     socket->umem, &socket->received, NULL, &config);
    if (failed) {
        socket->socket = NULL;
        return fail(error, options, "the socket", failed);
    }
    socket->descriptor = xsk_socket__fd(socket->socket);
    socket->zero_copy = is_zero_copy(socket->descriptor);
    if (options->busy_poll_us)
        socket->busy_poll = ask_for_busy_poll(socket->descriptor, options->busy_poll_us);
    return 0;
}

static int try_to_open(struct xdp_socket *socket, const struct xdp_socket_options *options,
                       struct error *error)
{
    uint32_t frames = options->descriptors * 2;
    size_t octets = (size_t)frames * XDP_FRAME_OCTETS;
    /* The kernel shows a packet before it shows that it took the frame off the fill ring, so twice
     * as many places as frames: then a frame can always go back. */
    const struct xsk_umem_config config = {
        .fill_size = frames * 2, .comp_size = COMPLETIONS, .frame_size = XDP_FRAME_OCTETS};
    libxdp_set_print(say_nothing);
    memset(socket, 0, sizeof *socket); /* libxdp takes the rings' positions as they are */
    struct error inner = {""};
    if (!arena_map(&socket->frames, octets, ARENA_DENSE, &inner)) {
        error_set(error, "xdp:%s: %s", options->interface, inner.text);
        return ENOMEM;
    }
    int failed = -xsk_umem__create(&socket->umem, socket->frames.memory, octets, &socket->fill,
                                   &socket->completed, &config);
    if (failed) {
        socket->umem = NULL;
        fail(error, options, "memory for the packets", failed);
    } else {
        hand_over_frames(socket, frames);
        failed = bind_socket(socket, options, error);
    }
    if (failed)
        xdp_socket_close(socket);
    return failed;
}

int xdp_socket_open(struct xdp_socket *socket, const struct xdp_socket_options *options,
                    struct error *error)
{
    const struct timespec step = {.tv_nsec = BUSY_STEP_MS * 1000000L};
    uint64_t start_ns = clock_monotonic_ns(), waited_ms = 0;
    int failed = try_to_open(socket, options, error);
    while (failed == EBUSY && waited_ms < BUSY_MS) {
        nanosleep(&step, NULL);
        failed = try_to_open(socket, options, error);
        waited_ms = (clock_monotonic_ns() - start_ns) / 1000000;
    }
    socket->waited_ms = (uint32_t)waited_ms;
    return failed;
}

void xdp_socket_close(struct xdp_socket *socket)
{
    if (socket->socket)
        xsk_socket__delete(socket->socket);
    if (socket->umem)
        xsk_umem__delete(socket->umem);
    arena_unmap(&socket->frames);
    memset(socket, 0, sizeof *socket);
}

/* An empty fill ring raises rx_dropped as well, so its own counter is not added. */
struct xdp_socket_drops xdp_socket_drops(struct xdp_socket *socket)
{
    struct xdp_statistics now = {0};
    struct xdp_socket_drops drops = {0, 0};
    socklen_t size = sizeof now;
    if (getsockopt(socket->descriptor, SOL_XDP, XDP_STATISTICS, &now, &size) != 0)
        return drops;
    drops.ring_full = now.rx_ring_full - socket->last.rx_ring_full;
    drops.no_frame = now.rx_dropped - socket->last.rx_dropped + now.rx_invalid_descs -
                     socket->last.rx_invalid_descs;
    socket->last = now;
    return drops;
}

void xdp_socket_wake(struct xdp_socket *socket)
{
    if (socket->busy_poll || xsk_ring_prod__needs_wakeup(&socket->fill))
        recvfrom(socket->descriptor, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}
