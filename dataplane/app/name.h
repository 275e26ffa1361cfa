/*
 * The names inside flows: which there are, and how a parser of one protocol tells what it found.
 *
 * A parser is a function of one packet at a time: it allocates nothing, is bounded by the packet's
 * length and never reads past it. What a packet shows is told through a sink, uncleaned and as
 * often as it is found; the sink cleans, hashes, cuts and keeps the first of each type. Worker's
 * thread.
 *
 * No parser tells a path or query of a URL, a cookie or a credential.
 */
#ifndef SPANFLOW_APP_NAME_H
#define SPANFLOW_APP_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "app/application_check.h"

enum name_side { NAME_OF_CLIENT, NAME_OF_SERVER };

/*
 * X(symbol, key, side, octets, help). Key: the configuration leaf and the key in JSON. Side: whom
 * the name speaks of. Octets: the longest that is kept.
 */
#define NAME_TYPES(X)                                                                              \
    X(TLS_SERVER_NAME, "tlsServerName", SERVER, 255,                                               \
      "server name that the client of TLS, DTLS or QUIC asks for (RFC 6066 section 3)")            \
    X(TLS_ALPN, "tlsApplicationProtocol", CLIENT, 64,                                              \
      "application protocols that the client of TLS or QUIC offers, with commas (RFC 7301)")       \
    X(TLS_JA4, "tlsJa4", CLIENT, 36, "JA4 fingerprint of the client of TLS or QUIC")               \
    X(HTTP_HOST, "httpRequestHost", SERVER, 255, "host that an HTTP/1 request names")              \
    X(HTTP_METHOD, "httpRequestMethod", CLIENT, 16, "method of the first HTTP/1 request")          \
    X(HTTP_STATUS, "httpStatusCode", SERVER, 3, "status of the first HTTP/1 response")             \
    X(HTTP_USER_AGENT, "httpUserAgent", CLIENT, 200, "User-Agent of the first HTTP/1 request")     \
    X(DNS_QUERY_NAME, "dnsQueryName", SERVER, 255, "name that the first DNS query asks for")       \
    X(DNS_QUERY_TYPE, "dnsQueryType", SERVER, 10, "type of record that is asked for, as a word")   \
    X(DNS_RESPONSE_CODE, "dnsResponseCode", SERVER, 10, "response code of the answer, as a word")  \
    X(DNS_ANSWER, "dnsAnswer", SERVER, 160,                                                        \
      "addresses and names of the answer section, with commas, as many as fit")                    \
    X(SSH_CLIENT_BANNER, "sshClientBanner", CLIENT, 128, "identification of the SSH client")       \
    X(SSH_SERVER_BANNER, "sshServerBanner", SERVER, 128, "identification of the SSH server")       \
    X(SMTP_GREETING, "smtpGreeting", SERVER, 128, "first line of the SMTP server")                 \
    X(IMAP_GREETING, "imapGreeting", SERVER, 128, "first line of the IMAP server")                 \
    X(POP_GREETING, "popGreeting", SERVER, 128, "first line of the POP3 server")

#define NAME_TYPE_ENUM(symbol, ...) NAME_##symbol,
enum name_type { NAME_TYPES(NAME_TYPE_ENUM) NAME_TYPE_COUNT };

enum { NAME_OCTETS_MAX = 255 };

/* Where a parser tells what it found. */
struct name_sink {
    uint32_t wanted; /* set of 1 << enum name_type; a parser may leave out all others */
    void (*found)(struct name_sink *sink, enum name_type type, const uint8_t *text,
                  uint32_t octets);
};

/* Tells SINK of TEXT unless nobody wants that type. TEXT may be of any length. */
static inline void name_tell(struct name_sink *sink, enum name_type type, const uint8_t *text,
                             uint32_t octets)
{
    if (sink->wanted >> type & 1u)
        sink->found(sink, type, text, octets);
}

enum name_progress {
    NAME_MORE, /* a later packet of the flow may tell more */
    NAME_DONE  /* nothing more can come: also if the payload is not of the protocol */
};

#endif
