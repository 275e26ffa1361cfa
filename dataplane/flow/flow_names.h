/*
 * The names inside flows: which there are, and how they follow a flow record.
 *
 * A record's names are one text of at most FLOW_NAMES_OCTETS_MAX octets: one name behind the other,
 * each a head of two octets and the name itself. All that stands there has been cleaned to valid
 * UTF-8 or hashed before. Pure functions and constants, any thread.
 */
#ifndef SPANFLOW_FLOW_FLOW_NAMES_H
#define SPANFLOW_FLOW_FLOW_NAMES_H

#include <stdbool.h>
#include <stdint.h>

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

/* In lines of 64 octets: more than any protocol tells. */
enum { FLOW_NAME_LINES_MAX = 8, FLOW_NAMES_OCTETS_MAX = 512 };

/* A name's head: its type, and above it whether it is a hash; then how long it is. */
enum { FLOW_NAME_HEAD = 2, FLOW_NAME_TYPE = 0x3f, FLOW_NAME_HASHED = 0x80 };
enum { FLOW_NAME_HASH_OCTETS = 16 }; /* hexadecimal digits */

/* Which names records carry, and how: sets of 1 << enum name_type. What is in neither leaves with
 * no record, though it was found when other sets held. */
struct flow_names {
    uint32_t clear;
    uint32_t hashed;
};

/* One name. */
struct flow_name {
    enum name_type type;
    bool hashed; /* TEXT is 16 hexadecimal digits */
    uint8_t octets;
    const uint8_t *text; /* no NUL behind it */
};

/* Takes the name at *AT, before END, and moves *AT behind it. False if there is no more, or what is
 * there is no name. */
static inline bool flow_name_next(const uint8_t **at, const uint8_t *end, struct flow_name *name)
{
    const uint8_t *head = *at;
    if (end - head < FLOW_NAME_HEAD || (head[0] & FLOW_NAME_TYPE) >= NAME_TYPE_COUNT ||
        end - head - FLOW_NAME_HEAD < head[1])
        return false;
    name->type = (enum name_type)(head[0] & FLOW_NAME_TYPE);
    name->hashed = (head[0] & FLOW_NAME_HASHED) != 0;
    name->octets = head[1];
    name->text = head + FLOW_NAME_HEAD;
    *at = head + FLOW_NAME_HEAD + head[1];
    return true;
}

#endif
