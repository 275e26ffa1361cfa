/*
 * Waiting until every XDP program that was under way has ended: the kernel replaces an element of
 * an array of maps only when no program can have the old one in hand any more.
 */
#ifndef SPANFLOW_PACKET_XDP_SETTLE_H
#define SPANFLOW_PACKET_XDP_SETTLE_H

#include <stdbool.h>

/* Descriptors of an array with room for one map, and of the map in it; -1: none. */
struct xdp_settle {
    int array;
    int map;
};
#define XDP_SETTLE_NONE ((struct xdp_settle){-1, -1})

/* Makes both. False with errno; nothing stays open then. */
bool xdp_settle_open(struct xdp_settle *settle);
/* One of XDP_SETTLE_NONE is fine. */
void xdp_settle_close(struct xdp_settle *settle);

/* Returns when every run that was under way has ended; may take milliseconds. False with errno if
 * the kernel does not say. Any thread. */
bool xdp_settle_wait(const struct xdp_settle *settle);

#endif
