/*
 * A device as the user wrote it, taken apart: what kind it is, which driver words it carries,
 * and what can be known about it before DPDK runs. No DPDK here. Control thread.
 */
#ifndef SPANFLOW_PACKET_DPDK_DEVICE_H
#define SPANFLOW_PACKET_DPDK_DEVICE_H

#include "packet/packet_socket.h"
#include "packet/packet_source.h"

struct dpdk_device {
    char words[640]; /* for EAL: name and driver words, ours added */
    char name[128];  /* of the port: PCI address with domain, or the virtual device's name */
    bool pci;
    bool af_packet;
    bool infinite;             /* net_pcap that plays a file for ever */
    uint64_t preloaded;        /* packets that the driver keeps in our pool */
    uint32_t frame_octets_max; /* longest frame of that file */
    struct packet_ring ring;   /* af_packet */
    uint32_t ifindex;          /* the kernel's, or derived from the name */
    enum link_layer link;
    bool merges_packets;
    uint16_t receive_descriptors; /* wanted length of a receive queue; 0: the usual one */
    bool device_time;             /* the device's clock is wanted */
    uint32_t cut_above;           /* not 0: frames longer than this are cut */
};

/* Takes WORDS apart. False with one line in ERROR. */
bool dpdk_device_parse(struct dpdk_device *device, const char *words, struct error *error);

/* Removes the socket file of a memif server that was killed, which would keep DEVICE from being
 * opened: one that nobody listens on. Does nothing for other devices. */
void dpdk_device_remove_leftover(const struct dpdk_device *device);

#endif
