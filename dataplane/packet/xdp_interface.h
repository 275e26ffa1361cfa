/*
 * A network interface of the kernel as the XDP source needs it: what it is, what it counts, and the
 * few settings that observing asks for. Control thread, unless said otherwise.
 */
#ifndef SPANFLOW_PACKET_XDP_INTERFACE_H
#define SPANFLOW_PACKET_XDP_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct xdp_interface {
    char name[IF_NAMESIZE];
    uint32_t ifindex;
    uint32_t mtu;  /* octets */
    uint16_t kind; /* ARPHRD_*, which tells how its frames begin */
    uint8_t address[6];
    bool up; /* and has a carrier */
    uint32_t receive_queues_max;
    uint32_t carrier_losses; /* since the kernel knows it */
    uint32_t program;        /* id of the XDP program on it; 0: none */
    uint64_t missed;         /* packets that the device had no descriptor for */
};

/* Reads the interface called NAME into INTERFACE, or, if NAME is NULL, that of interface->ifindex.
 * Returns 0, ENODEV if there is none, or another errno. Any thread. */
int xdp_interface_read(struct xdp_interface *interface, const char *name);

/* How many receive queues INTERFACE uses now; 0 if its driver does not tell. */
uint32_t xdp_interface_queues(const struct xdp_interface *interface);

/* Opens a packet socket that keeps INTERFACE promiscuous and receives nothing. The kernel undoes it
 * when the descriptor is closed, by the end of the process too. -1 and errno: it may not. */
int xdp_interface_observe(const struct xdp_interface *interface);

/* Tells the device to leave VLAN tags in the packets, or to take them out again (KEEP false).
 * *CHANGED says whether that was a change. False: the device takes them out all the same. */
bool xdp_interface_keep_tags(const struct xdp_interface *interface, bool keep, bool *changed);

/* False with one line in ERROR that names the capabilities this process lacks for XDP. */
bool xdp_interface_permitted(const char *name, struct error *error);
/* Whether the kernel trusts this process so far that it loads programs without guards against the
 * processor's speculation, which cost each packet some time. */
bool xdp_interface_trusted(void);

#endif
