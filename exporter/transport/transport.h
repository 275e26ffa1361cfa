/*
 * How encoded messages leave: a small contract that the UDP socket, the file and the JSON stream
 * fulfil, and that a test can fulfil with a transport that refuses, is full or counts.
 *
 * The destination owns the transport; exporter's thread, except that open and close belong to the
 * control thread. Nothing here ever blocks on a collector.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_H
#define SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "exporting_process.h"

enum { TRANSPORT_BURST_MAX = 64 }; /* messages of one send */

enum transport_status {
    TRANSPORT_DONE,    /* every message was taken */
    TRANSPORT_AGAIN,   /* the next message cannot be taken now: offer it again later */
    TRANSPORT_REFUSED, /* the next message was not sent: the host refused an earlier one */
    TRANSPORT_FAILED,  /* the next message can never be sent; others may */
    TRANSPORT_BROKEN   /* nothing can be sent any more: write failed */
};

struct transport_ops {
    /* Offers COUNT (1..TRANSPORT_BURST_MAX) messages in order. *SENT of them were handed over
     * whole; the status tells about the one behind these. A message taken in part must be offered
     * again first. ERROR gets a line with FAILED and BROKEN. */
    enum transport_status (*send)(void *state, const struct iovec *messages, uint32_t count,
                                  uint32_t *sent, struct error *error);
    /* No more messages will come: makes what was handed over whole and visible. May be called after
     * BROKEN too. 0, or -1 and ERROR. */
    int (*complete)(void *state, struct error *error);
    /* Closes and frees STATE. */
    void (*close)(void *state);
};

/* A transport and its state, owned by one destination. */
struct transport {
    const struct transport_ops *ops;
    void *state;
};

/* Open TRANSPORT for DESTINATION: 0, or -1 and ERROR; nothing stays open then. */
int transport_udp_open(struct transport *transport, const struct destination_config *destination,
                       uint32_t *message_octets_max, struct error *error);
int transport_file_open(struct transport *transport, const struct destination_config *destination,
                        struct error *error);

#endif
