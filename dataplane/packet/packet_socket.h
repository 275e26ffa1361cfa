/*
 * What DPDK's net_af_packet driver keeps to itself: the size of its rings, its socket, and what
 * that socket lost. Linux packet sockets only, no DPDK. Control thread, except the functions that
 * say otherwise.
 */
#ifndef SPANFLOW_PACKET_PACKET_SOCKET_H
#define SPANFLOW_PACKET_PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet_batch.h"

/* The shape of a receive ring. */
struct packet_ring {
    uint32_t frame_octets; /* one frame with its header; longer frames are cut */
    uint32_t frame_count;
    uint32_t block_octets;
};

struct kernel_interface {
    uint32_t ifindex;
    uint32_t mtu;
    enum link_layer link;
    bool merges_packets; /* generic receive offload is on */
};

/* Asks the kernel about interface NAME. False with one line in ERROR. */
bool kernel_interface_find(const char *name, struct kernel_interface *interface,
                           struct error *error);

/* Asks whether interface IFINDEX of the caller's network namespace is up and has a carrier. False:
 * the kernel does not tell, *UP is as it was. Control thread. */
bool kernel_interface_is_up(uint32_t ifindex, bool *up);

/* Fills the zero fields of RING so that frames of MTU octets with two tags fit and the ring is
 * as large as the limit on locked memory allows, at most 32 MiB. */
void packet_ring_choose(struct packet_ring *ring, uint32_t mtu);

/* The descriptor of this process's packet socket that is bound to IFINDEX, -1 if none. */
int packet_socket_find(uint32_t ifindex);

/*
 * Puts a socket of our own, with a ring of the same shape at the same place in memory, under the
 * driver's DESCRIPTOR, before its first receive. The driver's own socket sits in a fanout group
 * that has the kernel reassemble IPv4 fragments; ours delivers what was on the wire, leaves out
 * what this host sends, and makes the interface promiscuous as long as it lives. False: nothing
 * was changed.
 */
bool packet_socket_replace(int descriptor, uint32_t ifindex, const struct packet_ring *ring);

/* Whether the interface that the socket was bound to is no more. Worker thread. */
bool packet_socket_is_orphan(int descriptor);

/* How many packets the socket lost since the last call. Worker thread. */
uint32_t packet_socket_drops(int descriptor);

#endif
