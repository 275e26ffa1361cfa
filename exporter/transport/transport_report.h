/*
 * What a transport to a collector tells of itself: the state of its connection, the last error, and
 * a few counters, each listed once. Diagnostics for people; no identity of the ledger uses them.
 *
 * Written by the transport on the exporter's thread, copied with the exporter's counters.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_REPORT_H
#define SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_REPORT_H

#include <stdint.h>

#define TRANSPORT_STATES(X)                                                                        \
    X(TRANSPORT_STATE_NONE, "none")             /* nothing is reported: a file */                  \
    X(TRANSPORT_STATE_OPEN, "open")             /* UDP: there is no connection to lose */          \
    X(TRANSPORT_STATE_CONNECTING, "connecting") /* waits for the collector's host */               \
    X(TRANSPORT_STATE_HANDSHAKE, "handshake")   /* TLS, DTLS */                                    \
    X(TRANSPORT_STATE_CONNECTED, "connected")                                                      \
    X(TRANSPORT_STATE_WAITING, "waiting") /* for the next attempt */                               \
    X(TRANSPORT_STATE_CLOSED, "closed")   /* in order, at the end */

#define TRANSPORT_COUNTERS(X)                                                                      \
    X(connect_attempts, "attempts to connect")                                                     \
    X(connects, "connections that were established")                                               \
    X(connect_failures, "attempts to connect that failed")                                         \
    X(certificate_failures, "attempts that failed for a certificate")                              \
    X(disconnects, "connections that ended before the probe closed them")                          \
    X(refusals, "answers of the host that nobody listens")                                         \
    X(full, "times the kernel had no room for a message (EAGAIN, ENOBUFS)")                        \
    X(too_long, "messages that were longer than the path permits (EMSGSIZE)")                      \
    X(sent_in_fragments, "messages that were sent in IP fragments for that reason")

#define TRANSPORT_STATE_ENUM(name, text) name,
enum transport_state { TRANSPORT_STATES(TRANSPORT_STATE_ENUM) TRANSPORT_STATE_COUNT };

#define TRANSPORT_COUNTER_MEMBER(name, help) uint64_t name;
struct transport_report {
    enum transport_state state;
    TRANSPORT_COUNTERS(TRANSPORT_COUNTER_MEMBER)
    char last_error[256]; /* "" if none; without the destination's name */
    char local[64];       /* address and port of the present session or socket; "" if none */
    char remote[64];
};

#endif
