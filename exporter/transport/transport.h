/*
 * How encoded messages leave: a small contract that sockets, files and the JSON stream fulfil, and
 * that a test can fulfil with a transport that refuses, is full or counts.
 *
 * A transport with a session (TCP, TLS, DTLS, SCTP, Kafka) has the function step(); all others have
 * none.
 * Such a transport connects, and connects again, by itself. It says which session is open; the
 * destination then puts templates and options in front of what is queued and numbers messages from
 * 0 (RFC 7011 sections 3.1, 8.1, 10.4). Messages are offered whole and in order; a stream finds
 * their bounds in their headers. With Kafka, each message is complete in itself and keeps its
 * number, so a session there says no more than that brokers can be reached.
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

/* What step() tells. */
struct transport_session {
    /* Counted from 1; 0: none is open. With a number that was not told before, a new session has
     * begun: what was offered and is neither confirmed nor vanished must be offered again, also a
     * message that had been taken in part. */
    uint64_t number;
    uint32_t
        confirmed;     /* messages, the oldest first, that the other host has since the last step */
    uint32_t vanished; /* the next ones: they had left when a session ended, and nobody knows */
    bool renewing;     /* none is open, since the transport itself makes a new one: no trouble */
    uint32_t failed;   /* the next ones: the other end refuses them for good, see LINE */
    uint32_t partitions; /* Kafka: of the topic, once a session has begun */
    uint64_t next_ns;    /* monotonic: step() wants to be called again */
    const char *line;    /* news for the user, or NULL; valid until the next call */
};

/* Where in a topic a message belongs. */
struct transport_label {
    uint64_t key;       /* of a record: flowId */
    uint32_t partition; /* of an IPFIX message */
};

struct transport_ops {
    /* Offers COUNT (1..TRANSPORT_BURST_MAX) messages in order. *SENT of them were handed over
     * whole; the status tells about the one behind these. A message taken in part must be offered
     * again first. ERROR gets a line with FAILED and BROKEN. */
    enum transport_status (*send)(void *state, const struct iovec *messages, uint32_t count,
                                  uint32_t *sent, struct error *error);
    /* No more messages will come: makes what was handed over whole and visible. May be called after
     * BROKEN too. 0, or -1 and ERROR. A session that was never open is an error. */
    int (*complete)(void *state, struct error *error);
    /* Closes and frees STATE. */
    void (*close)(void *state);
    /* NULL: no sessions. Connects, finds out that a session has ended, and fills in SESSION.
     * HURRY: the probe is ending, so there are no long pauses between attempts. */
    void (*step)(void *state, uint64_t monotonic_ns, bool hurry, struct transport_session *session);
    /* With step(): whether it confirms messages. Otherwise handed over is all that is known. */
    bool confirms;
    /* NULL: messages have no labels. The next send offers COUNT messages with these LABELS. */
    void (*label)(void *state, const struct transport_label *labels, uint32_t count);
    /* NULL: messages are confirmed in their order. Forgets everything that was handed over and not
     * confirmed: for each of these, the oldest first, whether it has arrived all the same. Valid
     * until the next call. */
    const bool *(*abandon)(void *state);
    /* NULL: nothing to tell. Fills in REPORT. */
    void (*report)(const void *state, struct transport_report *report);
    /* NULL: never changes. The longest message that the path permits now, 0 if that is as when
     * it was opened. */
    uint32_t (*message_octets)(const void *state);
};

/* A transport and its state, owned by one destination. */
struct transport {
    const struct transport_ops *ops;
    void *state;
};

/* Open TRANSPORT for DESTINATION: 0, or -1 and ERROR; nothing stays open then. Where there is
 * *MESSAGE_OCTETS_MAX, it gets the length of the longest message. */
int transport_udp_open(struct transport *transport, const struct destination_config *destination,
                       uint32_t *message_octets_max, struct error *error);
/* The port that a UDP transport sends from, 0 if the kernel does not tell. */
uint16_t transport_udp_port(const struct transport *transport);
int transport_file_open(struct transport *transport, const struct destination_config *destination,
                        struct error *error);
/* TCP, TLS, DTLS, SCTP: does not wait for a connection. */
int transport_connection_open(struct transport *transport,
                              const struct destination_config *destination,
                              uint32_t *message_octets_max, struct error *error);
/* Kafka: does not wait for a broker. Refuses in builds without librdkafka. */
int transport_kafka_open(struct transport *transport, const struct destination_config *destination,
                         struct error *error);

#endif
