/*
 * DPDK's environment abstraction layer, started once with everything the user need not know:
 * private memory, huge pages where there are enough, no files, no telemetry, and its messages
 * kept as the reason of our own one-line errors. Control thread.
 */
#ifndef SPANFLOW_PACKET_DPDK_EAL_H
#define SPANFLOW_PACKET_DPDK_EAL_H

#include "packet/dpdk_device.h"
#include "packet/source_dpdk.h"

/* Starts EAL for COUNT DEVICES that need MEMORY_OCTETS of packet buffers. If it runs already, it
 * goes on as it is if dpdk_eal_fits(). False with one line in ERROR; a note says when huge pages
 * are missing. */
bool dpdk_eal_start(const struct dpdk_device *const devices[], uint32_t count,
                    uint64_t memory_octets, struct source_notes *notes, struct error *error);

/* Whether EAL, if it runs, can have COUNT DEVICES with MEMORY_OCTETS instead of those that it has
 * now: what its arguments said at the start holds for the life of the process. False with one line
 * in ERROR, and *WRONG the device that does not fit. */
bool dpdk_eal_fits(const struct dpdk_device *const devices[], uint32_t count,
                   uint64_t memory_octets, uint32_t *wrong, struct error *error);

/* Makes the worker thread that calls it known to EAL, so that packet buffers are cached for it;
 * undone when the thread ends. Repeated calls do nothing. */
void dpdk_eal_join_thread(void);

/* Forgets what DPDK said so far; dpdk_eal_reason() then gives the first line it said since. */
void dpdk_eal_forget_reason(void);
const char *dpdk_eal_reason(int error_number);

/* Gives EAL's memory back; every port was closed. Does nothing if EAL never started. */
void dpdk_eal_stop(void);

#endif
