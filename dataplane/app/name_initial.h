/*
 * Initial packets of QUIC: whoever sees a client's first one can derive the keys that protect the
 * client's Initial packets (RFC 9001 section 5, RFC 9369 section 3.3). Private to the parsers of
 * names.
 *
 * One opener per worker: its contexts are made once, so that nothing is allocated for a packet.
 */
#ifndef SPANFLOW_APP_NAME_INITIAL_H
#define SPANFLOW_APP_NAME_INITIAL_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/name_digest.h"
#include "app/name_hello.h"
#include "base/error.h"

/*
 * X(symbol, first, last, second, salt, client, key, iv, header): versions with the same keys. The
 * client's Initial secret is derived from the destination's connection id with the salt, the keys
 * from it with labels. SECOND: the types of long headers are those of version 2.
 */
#define NAME_QUIC_KINDS(X)                                                                         \
    X(VERSION_2, 0x6b3343cf, 0x6b3343cf, true,                                                     \
      "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",          \
      NAME_QUIC_LABELS_2)                                                                          \
    X(VERSION_1, 0x00000001, 0x00000001, false, NAME_QUIC_SALT_1, NAME_QUIC_LABELS_1)              \
    X(GOOGLE_T050, 0x54303530, 0x54303530, false,                                                  \
      "\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80"                                                   \
      "\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10",                                                  \
      NAME_QUIC_LABELS_1)                                                                          \
    X(GOOGLE_T051, 0x54303531, 0x54303531, false,                                                  \
      "\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50"                                                   \
      "\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d",                                                  \
      NAME_QUIC_LABELS_1)                                                                          \
    X(DRAFT_33, 0xff000021, 0xff000022, false, NAME_QUIC_SALT_1, NAME_QUIC_LABELS_1)               \
    X(DRAFT_29, 0xff00001d, 0xff000020, false,                                                     \
      "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",          \
      NAME_QUIC_LABELS_1)                                                                          \
    X(DRAFT_23, 0xff000017, 0xff00001c, false, NAME_QUIC_SALT_23, NAME_QUIC_LABELS_1)              \
    X(MVFST_27, 0xfaceb002, 0xfaceb002, false, NAME_QUIC_SALT_23, NAME_QUIC_LABELS_1)

#define NAME_QUIC_SALT_1                                                                           \
    "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
#define NAME_QUIC_SALT_23                                                                          \
    "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02"
#define NAME_QUIC_LABELS_1 "quic key", "quic iv", "quic hp"
#define NAME_QUIC_LABELS_2 "quicv2 key", "quicv2 iv", "quicv2 hp"

#define NAME_QUIC_KIND_ENUM(symbol, ...) NAME_QUIC_##symbol,
enum name_quic_kind { NAME_QUIC_KINDS(NAME_QUIC_KIND_ENUM) NAME_QUIC_KIND_COUNT };

enum { NAME_QUIC_ID_MAX = 20, NAME_QUIC_PACKET_MAX = 4096 };

/* What opens the client's Initial packets of one connection. */
struct name_initial_keys {
    uint8_t kind; /* enum name_quic_kind */
    uint8_t id_octets;
    uint8_t id[NAME_QUIC_ID_MAX]; /* that the client made up for the server */
    uint8_t body[16];
    uint8_t vector[12];
    uint8_t header[16];
};

struct name_opener {
    EVP_CIPHER *block, *stream;
    EVP_CIPHER_CTX *header, *body;
    struct name_hmac salts[NAME_QUIC_KIND_COUNT];
    uint8_t packet[NAME_QUIC_PACKET_MAX];
};

/* Fills OPENER. False and ERROR if OpenSSL lacks a cipher or memory is short; it is then to be
 * released as well. Control thread. */
bool name_opener_make(struct name_opener *opener, struct error *error);
/* A zeroed one is fine. */
void name_opener_release(struct name_opener *opener);

/* Derives KEYS of a connection to ID, of at most NAME_QUIC_ID_MAX octets. Worker thread. */
void name_initial_derive(const struct name_opener *opener, enum name_quic_kind kind,
                         const struct name_slice *id, struct name_initial_keys *keys);

/*
 * Opens PACKET, from its first octet to where its length says that it ends, whose packet number
 * begins at NUMBER_AT. The frames in it, in the opener's memory until the next call; none if the
 * keys do not fit or the packet is longer than NAME_QUIC_PACKET_MAX. Worker thread.
 */
struct name_slice name_initial_open(struct name_opener *opener,
                                    const struct name_initial_keys *keys,
                                    const struct name_slice *packet, uint32_t number_at);

#endif
