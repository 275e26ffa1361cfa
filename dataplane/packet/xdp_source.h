/*
 * What the two halves of the XDP source share: source_xdp.c, which receives, and xdp_start.c, which
 * brings it up. Private to them.
 */
#ifndef SPANFLOW_PACKET_XDP_SOURCE_H
#define SPANFLOW_PACKET_XDP_SOURCE_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "packet/source_xdp.h"
#include "packet/xdp_interface.h"
#include "packet/xdp_program.h"
#include "packet/xdp_socket.h"

enum {
    XDP_SLICE_OCTETS = 65536 + 64, /* of a packet that came in pieces, this much is read */
    XDP_BATCH_FRAMES = 512         /* descriptors looked at for one batch */
};

struct source_xdp {
    struct packet_source source; /* first: the contract's handle */
    struct source_xdp_options options;
    char wanted[IF_NAMESIZE * 8]; /* the interface's name as it was given */
    const uint64_t *now_ns;

    /* The receiving thread. */
    uint32_t queue; /* whose packets are in the batch */
    uint32_t queue_count;
    uint32_t queues_seen; /* that the device has; control thread */
    uint32_t frame_count; /* of the batch, to be given back */
    uint64_t frames[XDP_BATCH_FRAMES];
    uint8_t *slices; /* owned: one for each place in a batch */
    _Atomic bool stopped;
    struct ledger_pair last[VERDICT_COUNT];
    uint64_t socket_drops;
    uint64_t unexplained; /* delivered, but neither received nor dropped */
    _Atomic bool removed; /* the interface is gone */

    struct xdp_interface interface;
    struct xdp_attachment program;
    struct xdp_socket sockets[PROBE_QUEUES_MAX];
    uint32_t waited_ms; /* for queues that were occupied */
    int observing;      /* descriptor that keeps the interface promiscuous, -1 */
    bool tags_kept;
};
static_assert(offsetof(struct source_xdp, source) == 0, "source must be first");

/* Brings SELF up: see source_xdp_prepare(). */
bool xdp_start(struct source_xdp *self, struct source_notes *notes, struct error *error);
/* See source_xdp_begin(). */
void xdp_begin(struct source_xdp *self);
/* Takes off the program and closes the sockets; SELF may be up in part. */
void xdp_start_undo(struct source_xdp *self);

#endif
