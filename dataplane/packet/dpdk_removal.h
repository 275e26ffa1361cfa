/*
 * Devices that the kernel asks back: one that is unbound from vfio-pci or removed from its slot
 * while it is in use stays until its user lets go of it. Control thread.
 */
#ifndef SPANFLOW_PACKET_DPDK_REMOVAL_H
#define SPANFLOW_PACKET_DPDK_REMOVAL_H

#include <stdatomic.h>
#include <stdbool.h>

/* From now on *ASKED becomes true, on a thread of EAL, when the kernel asks for DEVICE (the name of
 * its port). *ASKED must live until dpdk_removal_forget() was called with the same words. */
void dpdk_removal_watch(const char *device, _Atomic bool *asked);
void dpdk_removal_forget(const char *device, _Atomic bool *asked);

#endif
