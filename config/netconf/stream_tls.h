/*
 * NETCONF over TLS (RFC 7589): both sides have certificates, and the client's says who it is by its
 * fingerprint (cert-to-name of RFC 7407).
 */
#ifndef SPANFLOW_NETCONF_STREAM_TLS_H
#define SPANFLOW_NETCONF_STREAM_TLS_H

#include "stream.h"

/* SHA-256 of a certificate, as hexadecimal digits with colons between octets. */
enum { TLS_FINGERPRINT_OCTETS = 32, TLS_FINGERPRINT_LENGTH = 3 * TLS_FINGERPRINT_OCTETS - 1 };

/* The certificate whose fingerprint is FINGERPRINT belongs to USER. */
struct tls_name {
    uint32_t id; /* the lowest one that matches decides */
    char fingerprint[TLS_FINGERPRINT_LENGTH + 1];
    char user[256];
};

/* One end of TLS: files and names, immutable, shared by its connections. */
struct tls_server;

/* Reads the files: our CERTIFICATE (with its chain), its PRIVATE_KEY, and AUTHORITY, which signs
 * clients' certificates. NAMES are copied. NULL and ERROR, with *WRONG one of the three paths, or
 * NULL. Release with tls_server_release(). */
struct tls_server *tls_server_create(const char *certificate, const char *private_key,
                                     const char *authority, const struct tls_name *names,
                                     size_t name_count, const char **wrong, struct error *error);

/* One more owner; any thread. */
struct tls_server *tls_server_share(struct tls_server *server);

/* One owner less; the last one frees. NULL is allowed. Any thread. */
void tls_server_release(struct tls_server *server);

/* A stream over the connected socket FD, which it owns, as the server side of SERVER (shared). NULL
 * if memory is short; FD is closed. */
struct stream *stream_tls_create(int fd, const char *from, struct tls_server *server);

/* Whether the certificate with this FINGERPRINT still means USER to SERVER. */
bool tls_server_names(const struct tls_server *server, const char *fingerprint, const char *user);

/* Whether TEXT is a fingerprint as tls_name has; ERROR says why not. */
bool tls_fingerprint_valid(const char *text, struct error *error);

#endif
