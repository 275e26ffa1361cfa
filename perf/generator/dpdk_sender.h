/*
 * The sending side of the packet generator: one transmit queue of one DPDK device, paced by the
 * time-stamp counter. Called by packet_generator.c; one thread.
 */
#ifndef SPANFLOW_PERF_GENERATOR_DPDK_SENDER_H
#define SPANFLOW_PERF_GENERATOR_DPDK_SENDER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "perf/generator/frames.h"

enum { SENDER_BURST_MAX = 64 };

/* What is to be offered. It ends with PACKETS, after SECONDS, or when *STOP is not 0. */
struct offer {
    double packets_per_s; /* 0: as fast as the generator can */
    uint64_t packets;
    double seconds;
    uint32_t burst; /* packets handed over together, 1..SENDER_BURST_MAX */
    bool wait;      /* what the port does not take at once is offered again until it does */
    const volatile sig_atomic_t *stop;
};

/* What became of it. Each number is counted where the thing happens: OFFERED when a packet's time
 * has come, SENT when the port took it, UNSENT when it did not. */
struct offered {
    uint64_t offered;
    uint64_t sent;
    uint64_t sent_octets; /* frames without the frame check sequence */
    uint64_t unsent;
    uint64_t restarts; /* times the schedule began anew because the generator had not run */
    double seconds;
};

/* Starts EAL and opens the device that WORDS name (as spanflowd -i dpdk:WORDS takes them). False
 * with one line in ERROR. Once in a process. */
bool dpdk_sender_open(const char *words, struct error *error);

/* Starts the device and waits until its link is up, and tries again for SECONDS or until *STOP is
 * not 0. False with one line in ERROR. */
bool dpdk_sender_start(double seconds, const volatile sig_atomic_t *stop, struct error *error);

/* Offers the frames of FRAMES as OFFER says and counts in RESULT. False with one line in ERROR if
 * the link went down or no buffer was free. */
bool dpdk_sender_offer(struct frame_set *frames, const struct offer *offer, struct offered *result,
                       struct error *error);

/* Closes the device and ends EAL. Does nothing if nothing was opened. */
void dpdk_sender_close(void);

#endif
