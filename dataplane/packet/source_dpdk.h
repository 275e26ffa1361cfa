/*
 * DPDK Ethernet devices as packet sources: a PCI address or any virtual device, one receive queue
 * each. Receive only. EAL starts once in a process, so there are two steps: open every source,
 * then start them together. In builds without DPDK both answer with an error.
 */
#ifndef SPANFLOW_PACKET_SOURCE_DPDK_H
#define SPANFLOW_PACKET_SOURCE_DPDK_H

#include "packet/packet_source.h"

enum { SOURCE_NOTES_MAX = 32 };

/* Lines for the operator that are no errors: what a driver refused, memory without huge pages. */
struct source_notes {
    uint32_t count; /* at most SOURCE_NOTES_MAX; further lines are left out */
    char lines[SOURCE_NOTES_MAX][256];
};

/* Appends one line. NOTES may be NULL. */
void source_note(struct source_notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Remembers a source for DEVICE: a PCI address ("0000:05:00.0[,driver words]") or a virtual
 * device ("net_pcap0,rx_pcap=x.pcap"). WANTED gives ifindex (0 = the kernel's, else derived from
 * the device's name), name ("" = the device's name), role and partner. *NOW_NS is read with each
 * batch and stamps packets whose driver gives no time; the worker keeps it current, and it must
 * outlive the source. NULL with one line in ERROR. Control thread, before source_dpdk_start().
 */
struct packet_source *source_dpdk_open(const char *device, const struct packet_interface *wanted,
                                       const uint64_t *now_ns, struct error *error);

/*
 * Starts EAL and all COUNT sources, once in a process. False with one line in ERROR; the sources
 * are then still closed by the caller. Lines that are no errors go to NOTES (may be NULL). The
 * calling thread keeps its CPU affinity. Control thread.
 */
bool source_dpdk_start(struct packet_source *const sources[], uint32_t count,
                       struct source_notes *notes, struct error *error);

/* Gives EAL's memory back; every source was closed. Nothing can be started afterwards. */
void source_dpdk_shutdown(void);

#endif
