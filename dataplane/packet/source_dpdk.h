/*
 * DPDK Ethernet devices as packet sources: a PCI address or any virtual device, with one receive
 * queue, or with one for each worker. Receive only. There are two steps: open every source, then
 * start them together. EAL starts once in a process and goes on when they are closed; others may
 * then be opened and started. In builds without DPDK both answer with an
 * error.
 */
#ifndef SPANFLOW_PACKET_SOURCE_DPDK_H
#define SPANFLOW_PACKET_SOURCE_DPDK_H

#include "packet/packet_source.h"
#include "packet/source_notes.h"

enum { RECEIVE_QUEUES_MAX = 64 };

/*
 * Remembers a source for DEVICE: a PCI address ("0000:05:00.0[,driver words]") or a virtual
 * device ("net_pcap0,rx_pcap=x.pcap"). WANTED gives ifindex (0 = the kernel's, else derived from
 * the device's name), name ("" = the device's name), role and partner. *NOW_NS is read with each
 * batch and stamps packets whose driver gives no time; the worker keeps it current, and it must
 * outlive the source. NULL with one line in ERROR. Control thread, before source_dpdk_start().
 */
struct packet_source *source_dpdk_open(const char *device, const struct packet_interface *wanted,
                                       const uint64_t *now_ns, struct error *error);

struct source_dpdk_options {
    uint16_t receive_descriptors; /* of each receive queue; 0: 4096. Kept within what the driver can
                                     do, with a note */
    bool device_time; /* the device's times of arrival are taken, if they are wall time */
};

/* What else is wanted of SOURCE. Control thread, before source_dpdk_start(). */
void source_dpdk_configure(struct packet_source *source, const struct source_dpdk_options *options);

/* Whether a device of NAME, without its driver's words, is open. Control thread. */
bool source_dpdk_is_open(const char *name);

/* How many receive queues every port shall have, and has. */
struct receive_queues {
    bool ports;          /* packets are to be spread by their ports as well */
    uint32_t wanted;     /* 1..RECEIVE_QUEUES_MAX */
    uint32_t given;      /* WANTED, or 1 */
    struct error reason; /* one line why not */
};

/*
 * Starts EAL, if it does not run yet, and all COUNT sources. False with one line in ERROR; the
 * sources are then still closed by the caller. Lines that are no errors go to NOTES (may be NULL).
 * QUEUES (NULL: one is wanted) are given only if every device proves that it spreads packets by
 * nothing but their addresses (and ports, if these are to count), both directions alike, and all
 * devices alike: then packets of one conversation come by the queue of the same number on every
 * port. The calling thread keeps its CPU affinity. Control thread.
 */
bool source_dpdk_start(struct packet_source *const sources[], uint32_t count,
                       struct receive_queues *queues, struct source_notes *notes,
                       struct error *error);

/*
 * Whether COUNT sources, opened and not started, could be started with QUEUES receive queues if all
 * others were closed, as far as EAL decides that. False with one line in ERROR, and the number of
 * the source that cannot in *WRONG. Control thread.
 */
bool source_dpdk_possible(struct packet_source *const sources[], uint32_t count, uint32_t queues,
                          uint32_t *wrong, struct error *error);

/*
 * Receive queue QUEUE (1 or more, below what was given) of the started SOURCE, which itself reads
 * queue 0, as a source of its own for another worker's thread. It counts what it observed; the
 * device's counters stay with SOURCE. NOW_NS as in source_dpdk_open(). Closed before SOURCE. NULL
 * with one line in ERROR if memory is short. Control thread.
 */
struct packet_source *source_dpdk_queue(struct packet_source *source, uint16_t queue,
                                        const uint64_t *now_ns, struct error *error);

/* Whether SOURCE, which is only opened, may get several receive queues at all. */
bool source_dpdk_may_spread(const struct packet_source *source);
/* Whether two started sources with several receive queues fill them alike. False with one line in
 * ERROR. Control thread. */
bool source_dpdk_agree(const struct packet_source *a, const struct packet_source *b,
                       struct error *error);

/* For tests, before the start: virtual devices are tried as well, and one that has no redirection
 * table is believed to spread packets well, whatever puts them into its queues. */
void source_dpdk_trust_virtual_devices(void);

/* Gives EAL's memory back; every source was closed. Nothing can be started afterwards. */
void source_dpdk_shutdown(void);

#endif
