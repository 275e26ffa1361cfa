/*
 * One AF_XDP socket: its memory for frames, the ring of received descriptors, and the ring by which
 * frames go back to the kernel. It has no ring to send from. Opened and closed by the control
 * thread; between, one thread receives.
 */
#ifndef SPANFLOW_PACKET_XDP_SOCKET_H
#define SPANFLOW_PACKET_XDP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "base/arena.h"
#include "base/error.h"

/* Of the kernel's interface, where the headers of older systems miss them. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

enum {
    XDP_FRAME_OCTETS = 2048,
    XDP_FRAME_ROOM = XDP_FRAME_OCTETS - 256 /* the kernel keeps the rest before the packet */
};

struct xdp_socket_options {
    const char *interface;
    uint32_t queue;
    uint32_t descriptors; /* of the ring, a power of two; twice as many frames */
    bool zero_copy;
    bool pieces; /* long packets come in several frames */
    uint32_t busy_poll_us;
};

struct xdp_socket {
    struct xsk_ring_prod fill;
    struct xsk_ring_cons received;
    struct xsk_ring_cons completed; /* the kernel asks for one; never used */
    struct xsk_umem *umem;
    struct xsk_socket *socket;
    struct arena frames;
    int descriptor;
    bool zero_copy; /* as the kernel says */
    bool busy_poll;
    uint32_t waited_ms; /* until the queue was free; also if opening failed then */
    uint64_t taken;     /* packets that were received */
    struct xdp_statistics last;
};

/* Opens SOCKET, all frames with the kernel. Returns 0 or an errno; nothing stays then. The line in
 * ERROR says what went wrong. The kernel frees the queue of a process some time after that has
 * ended: while it is occupied, this waits, two seconds at most. */
int xdp_socket_open(struct xdp_socket *socket, const struct xdp_socket_options *options,
                    struct error *error);
/* A zeroed one is fine. */
void xdp_socket_close(struct xdp_socket *socket);

/* What the socket dropped since the last call. Receiving thread. */
struct xdp_socket_drops {
    uint64_t ring_full; /* the reader was behind */
    uint64_t no_frame;  /* no frame was free, or the packet did not fit one */
};
struct xdp_socket_drops xdp_socket_drops(struct xdp_socket *socket);

/* Lets the kernel go on where it waits for us: the driver of a zero-copy socket without frames, or
 * one that is polled by its reader. Receiving thread, when nothing was received. */
void xdp_socket_wake(struct xdp_socket *socket);

#endif
