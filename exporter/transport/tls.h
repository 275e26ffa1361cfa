/*
 * TLS and DTLS (version 1.2 at least) on a connected, non-blocking socket, by OpenSSL: our own
 * certificate if there is one, and the collector's checked against its name or address unless that
 * was switched off (RFC 7011 section 11).
 *
 * One context for each destination, made on the control thread; one session for each connection,
 * exporter's thread. Nothing blocks. The socket stays the caller's.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_TLS_H
#define SPANFLOW_EXPORTER_TRANSPORT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"

/* What DTLS 1.2 adds to a message: header, explicit nonce and tag of the ciphers we offer. */
enum { DTLS_OVERHEAD_OCTETS = 13 + 8 + 16 };

enum tls_status {
    TLS_DONE,
    TLS_AGAIN,      /* not now */
    TLS_ENDED,      /* the session is over: ERROR says why */
    TLS_CERTIFICATE /* the same, for a certificate: ours or the collector's */
};

struct tls_context;
struct tls_session;

/* Reads the files that DESTINATION names. NULL and one line in ERROR. */
struct tls_context *tls_context_create(const struct destination_config *destination,
                                       struct error *error);
void tls_context_destroy(struct tls_context *context);

/* A session on SOCKET with datagrams of at most DATAGRAM_OCTETS (DTLS only). NULL and ERROR if
 * memory is short. */
struct tls_session *tls_session_create(struct tls_context *context, int socket,
                                       uint32_t datagram_octets, struct error *error);
void tls_session_destroy(struct tls_session *session);

/* Goes on with the handshake; TLS_DONE when it is complete. */
enum tls_status tls_handshake(struct tls_session *session, struct error *error);
/* Whether the collector is known to have accepted us. In TLS 1.3 the handshake can be complete
 * here and still be refused there; the tickets that most servers send show that it was not. */
bool tls_is_accepted(const struct tls_session *session);
/* Hands over at most OCTETS of DATA; *WRITTEN tells how many with TLS_DONE. After TLS_AGAIN the
 * same octets must be offered again. */
enum tls_status tls_write(struct tls_session *session, const void *data, size_t octets,
                          size_t *written, struct error *error);
/* Takes in what the collector says, which means nothing to us. TLS_AGAIN: the session is open. */
enum tls_status tls_read(struct tls_session *session, struct error *error);
/* Says that no more comes (close_notify). */
void tls_finish(struct tls_session *session);
/* Octets that went into the socket so far. */
uint64_t tls_octets_out(const struct tls_session *session);

#endif
