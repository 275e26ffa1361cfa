/*
 * The parts of a transport that keeps a connection: TCP, TLS, DTLS and SCTP are one state machine
 * (transport_connection.c) over one way to use an open socket (connection_link.c). Only these two
 * files include this.
 *
 * Exporter's thread; opened and closed by the control thread.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_CONNECTION_H
#define SPANFLOW_EXPORTER_TRANSPORT_CONNECTION_H

#include "transport/address.h"
#include "transport/tls.h"
#include "transport/transport.h"

enum { CONNECTION_FLIGHT_MAX = 4096 }; /* messages handed over and not yet confirmed */

struct connection {
    enum destination_kind kind;
    char where[300]; /* for lines */
    char source_address[64];
    struct addrinfo *addresses;     /* of the host, owned */
    const struct addrinfo *address; /* tried now or next */
    struct tls_context *tls;        /* NULL: plain */
    struct tls_session *session;    /* of the present socket, NULL: none */
    uint32_t datagram_octets;       /* DTLS: the longest */
    uint32_t path_octets;           /* DTLS: the longest message, 0: as when it was opened */
    int socket;                     /* -1: none */

    uint64_t now_ns;   /* of the present step */
    uint64_t phase_ns; /* since when the state is what it is */
    bool at_once;      /* the next attempt is for another address of the host */
    uint64_t pause_ns; /* between the last attempt and the next */
    uint64_t looked_ns;
    uint64_t number;     /* sessions so far */
    bool renewing;       /* the present attempt follows a session that was not bad */
    bool delivered;      /* something was taken in this session */
    struct error failed; /* why the session must end, noticed while sending; "" = it need not */

    size_t partial;      /* octets of the next message that were taken */
    uint64_t octets_out; /* taken by the socket in this session */
    uint32_t flight_count;
    uint32_t flight_first;
    uint64_t flight_ends[CONNECTION_FLIGHT_MAX]; /* octets_out at the end of each message */
    uint32_t confirmed, vanished;                /* to be told by the next step */

    struct transport_report report;
    uint64_t line_ns; /* when the last line about a failure was given */
    bool line_given;
    bool line_due; /* a failure was told, so its end will be */
    struct error line;
};

/* ---- connection_link.c: an open socket ---- */

/* Both send functions of struct transport_ops. */
enum transport_status connection_send(void *state, const struct iovec *messages, uint32_t count,
                                      uint32_t *sent, struct error *error);
/* Looks whether the collector has closed the connection. TLS_AGAIN: it is open. */
enum tls_status connection_look(struct connection *connection, struct error *error);
/* Counts messages in flight that have arrived. */
void connection_confirm(struct connection *connection);
/* The session is over: tells messages in flight that left from those that did not. */
void connection_settle(struct connection *connection);

#endif
