/*
 * The ClientHello message of TLS (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) and of DTLS
 * (RFC 9147, 6347), whole or as much of its beginning as is there, and what it tells of the client.
 * Private to the parsers of names.
 */
#ifndef SPANFLOW_APP_NAME_HELLO_H
#define SPANFLOW_APP_NAME_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "app/name.h"

enum { NAME_HANDSHAKE_HEADER = 4, NAME_CLIENT_HELLO = 1 };

/* What carried it: the first character of JA4. The others are what else is gathered: see
 * name_start.h and name_http.h. */
enum name_carrier {
    NAME_BY_TLS = 't',
    NAME_BY_DTLS = 'd',
    NAME_BY_QUIC = 'q',
    NAME_BY_CLIENT = 'c',
    NAME_BY_SERVER = 's',
    NAME_BY_HTTP = 'h'
};

struct name_slice {
    const uint8_t *data;
    uint32_t octets;
};

/* Slices are of the message; one that is not there has no octets. */
struct name_hello {
    enum name_carrier carrier;
    bool has_server_name;         /* the extension, whatever is in it */
    uint16_t version;             /* of the message itself */
    struct name_slice ciphers;    /* 2 octets each */
    struct name_slice extensions; /* all of them, each with type and length; if whole */
    struct name_slice server_name;
    struct name_slice protocols;  /* of ALPN, each behind its length of 1 octet */
    struct name_slice versions;   /* of supported_versions, 2 octets each */
    struct name_slice signatures; /* of signature_algorithms, 2 octets each */
};

enum name_reading {
    NAME_BROKEN, /* not a ClientHello */
    NAME_PART,   /* sound as far as it is there */
    NAME_WHOLE
};

/* Reads the message BODY, behind its handshake header, of WHOLE octets of which the first HAVE are
 * there. Any thread. */
enum name_reading name_hello_read(struct name_hello *hello, enum name_carrier carrier,
                                  const uint8_t *body, uint32_t have, uint32_t whole);

/* Tells SINK of a hello that was read as READING. TOLD, 0 at first: the types that were told of it
 * before, as a set, and are not again. Any thread. */
void name_hello_tell(const struct name_hello *hello, enum name_reading reading,
                     struct name_sink *sink, uint32_t *told);

/* The types of names that a ClientHello can tell, as a set. */
enum { NAME_HELLO_TYPES = 1u << NAME_TLS_SERVER_NAME | 1u << NAME_TLS_ALPN | 1u << NAME_TLS_JA4 };

/* Whether a value is one of those that clients send to keep servers tolerant (RFC 8701). */
static inline bool name_is_grease(uint32_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

#endif
