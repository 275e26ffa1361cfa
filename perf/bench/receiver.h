/*
 * A collector that counts: a thread with a UDP socket on the loopback which counts datagrams, and
 * the data records in them by the lengths that the templates tell (NetFlow v9 and IPFIX). For
 * bench_encode.
 */
#ifndef SPANFLOW_PERF_BENCH_RECEIVER_H
#define SPANFLOW_PERF_BENCH_RECEIVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct receiver {
    pthread_t thread;
    int socket;
    uint16_t port; /* host order */
    _Atomic bool stop;
    _Atomic uint64_t messages;
    _Atomic uint64_t records;
    uint32_t record_octets[65536]; /* by template id; 0 = unknown */
};

/* Opens the socket and starts the thread; ends the program on failure. */
void receiver_start(struct receiver *receiver);
/* Counts what still lies in the socket, then ends the thread. */
void receiver_stop(struct receiver *receiver);

#endif
