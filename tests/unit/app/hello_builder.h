/*
 * ClientHellos, the packets that carry them and a sink that keeps what is told, for tests of the
 * parsers of names.
 */
#ifndef SPANFLOW_TEST_HELLO_BUILDER_H
#define SPANFLOW_TEST_HELLO_BUILDER_H

#include "app/name.h"

enum { HELLO_ROOM = 65536, HEARD_MAX = 512 };

/* Lists end with 0. The extensions that have a field here are filled with it, all others, the type
 * 0x5a5a too, with two octets. */
struct hello_parts {
    uint16_t version;
    const uint16_t *ciphers, *extensions, *versions, *signatures;
    const char *server_name, *protocols; /* protocols with commas */
    uint32_t filling;                    /* octets of the extension padding */
    bool cookie;                         /* of DTLS */
    bool server_name_first;              /* the extension, which no list that ends with 0 holds */
};

/* Writes the message behind its handshake header; its octets. */
uint32_t hello_body(const struct hello_parts *parts, uint8_t *out);

/* Writes the message with the header of TLS's handshake; its octets. */
uint32_t hello_message(const struct hello_parts *parts, uint8_t *out);

/* Writes it in one record of TLS; its octets. */
uint32_t hello_record(const struct hello_parts *parts, uint8_t *out);

/* An example with everything, whose fingerprint FoxIO's description tells. */
extern const struct hello_parts hello_example;
#define HELLO_EXAMPLE_JA4 "t13d1516h2_8daaf6152771_e5627efa2ab1"

/* What a sink heard, as text; counts: how often. */
struct heard {
    struct name_sink sink;
    char text[NAME_TYPE_COUNT][HEARD_MAX];
    unsigned count[NAME_TYPE_COUNT];
};

/* Wants every type. */
void heard_start(struct heard *heard);

/* Whether a ClientHello was heard in part or in full. */
bool heard_any(const struct heard *heard);

#endif
