/* Builds Initial packets. See initial_builder.h. */
#include "initial_builder.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET = 32, ID_MAX = 20 };

struct keys {
    bool made;
    uint32_t id_octets;
    uint8_t id[ID_MAX];
    uint8_t body[16], vector[12], header[16];
};

/* The salts once more: written from the standards, not from what is tested. */
static const char salt_1[] =
    "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
static const char salt_2[] =
    "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
static const char salt_29[] =
    "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
/* T050 and T051 of Google, which no standard has: those that Wireshark knows. */
static const char salt_t50[] =
    "\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10";
static const char salt_t51[] =
    "\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d";

static void expand(const uint8_t *secret, const char *label, uint8_t *out, uint32_t octets)
{
    uint8_t info[64] = {0, (uint8_t)octets, (uint8_t)(6 + strlen(label))};
    uint8_t code[EVP_MAX_MD_SIZE];
    size_t length = strlen(label);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, length);
    info[10 + length] = 1;
    HMAC(EVP_sha256(), secret, SECRET, info, 11 + length, code, NULL);
    memcpy(out, code, octets);
}

static uint32_t put_number(uint8_t *out, uint32_t number)
{
    if (number < 64) {
        out[0] = (uint8_t)number;
        return 1;
    }
    out[0] = (uint8_t)(0x40 | number >> 8);
    out[1] = (uint8_t)number;
    return 2;
}

uint32_t crypto_frame(uint8_t *out, uint32_t at, const uint8_t *data, uint32_t octets)
{
    uint32_t length = 1;
    out[0] = 6;
    length += put_number(out + length, at);
    length += put_number(out + length, octets);
    memcpy(out + length, data, octets);
    return length + octets;
}

/* The header up to the packet number, which is written too; where that begins. */
static uint32_t put_header(const struct initial_parts *parts, uint32_t body, uint8_t *out)
{
    bool second = parts->version == 0x6b3343cf;
    uint32_t at = 5;
    out[0] = (uint8_t)((second ? 0xd0 : 0xc0) | (parts->number_octets - 1));
    for (unsigned i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(parts->version >> (24 - 8 * i));
    out[at++] = (uint8_t)parts->id_octets;
    memcpy(out + at, parts->id, parts->id_octets);
    at += parts->id_octets;
    out[at++] = 0;
    at += put_number(out + at, parts->token_octets);
    memset(out + at, 0x77, parts->token_octets);
    at += parts->token_octets;
    uint32_t length = parts->number_octets + body + 16;
    out[at++] = (uint8_t)(0x40 | length >> 8);
    out[at++] = (uint8_t)length;
    for (uint32_t i = 0; i < parts->number_octets; i++)
        out[at + i] = (uint8_t)(parts->number >> 8 * (parts->number_octets - 1 - i));
    return at;
}

/* A context for CIPHER, made once: fuzzing builds many packets. */
static EVP_CIPHER_CTX *context_of(EVP_CIPHER_CTX **held, const EVP_CIPHER *cipher)
{
    if (*held)
        return *held;
    *held = EVP_CIPHER_CTX_new();
    if (!*held || EVP_EncryptInit_ex(*held, cipher, NULL, NULL, NULL) != 1)
        abort();
    return *held;
}

/* Encrypts the body in place and adds its tag. */
static void seal(const struct keys *keys, const uint8_t *vector, uint8_t *packet, uint32_t head,
                 uint32_t body)
{
    static EVP_CIPHER_CTX *held;
    int octets;
    EVP_CIPHER_CTX *context = context_of(&held, EVP_aes_128_gcm());
    if (EVP_EncryptInit_ex(context, NULL, NULL, keys->body, vector) != 1 ||
        EVP_EncryptUpdate(context, NULL, &octets, packet, (int)head) != 1 ||
        EVP_EncryptUpdate(context, packet + head, &octets, packet + head, (int)body) != 1 ||
        EVP_EncryptFinal_ex(context, packet + head + body, &octets) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, packet + head + body) != 1)
        abort();
}

static void mask(const struct keys *keys, const uint8_t *sample, uint8_t out[32])
{
    static EVP_CIPHER_CTX *held;
    int octets;
    EVP_CIPHER_CTX *context = context_of(&held, EVP_aes_128_ecb());
    if (EVP_EncryptInit_ex(context, NULL, NULL, keys->header, NULL) != 1 ||
        EVP_EncryptUpdate(context, out, &octets, sample, 16) != 1)
        abort();
}

/* The keys of the client; those of the last connection of each version are kept. */
static const struct keys *keys_of(const struct initial_parts *parts)
{
    static struct keys kept[5];
    bool second = parts->version == 0x6b3343cf, draft = parts->version >> 8 == 0xff0000;
    bool google = parts->version >> 8 == 0x543035;
    unsigned kind = second ? 1 : draft ? 2 : google ? 3 + (parts->version & 1) : 0;
    static const char *const salts[] = {salt_1, salt_2, salt_29, salt_t50, salt_t51};
    const uint8_t *id = parts->key_id ? parts->key_id : parts->id;
    struct keys *keys = &kept[kind];
    uint8_t secret[EVP_MAX_MD_SIZE], client[SECRET];
    if (keys->made && keys->id_octets == parts->id_octets &&
        memcmp(keys->id, id, parts->id_octets) == 0)
        return keys;
    keys->made = true;
    keys->id_octets = parts->id_octets;
    memcpy(keys->id, id, parts->id_octets);
    HMAC(EVP_sha256(), salts[kind], 20, id, parts->id_octets, secret, NULL);
    expand(secret, "client in", client, sizeof client);
    expand(client, second ? "quicv2 key" : "quic key", keys->body, sizeof keys->body);
    expand(client, second ? "quicv2 iv" : "quic iv", keys->vector, sizeof keys->vector);
    expand(client, second ? "quicv2 hp" : "quic hp", keys->header, sizeof keys->header);
    return keys;
}

uint32_t initial_packet(const struct initial_parts *parts, uint8_t *out)
{
    const struct keys *keys = keys_of(parts);
    uint8_t vector[12], masked[32];
    uint32_t body = parts->padded > parts->frame_octets ? parts->padded : parts->frame_octets;
    uint32_t number_at = put_header(parts, body, out), head = number_at + parts->number_octets;
    memset(out + head, 0, body);
    memcpy(out + head, parts->frames, parts->frame_octets);
    memcpy(vector, keys->vector, sizeof vector);
    for (uint32_t i = 0; i < parts->number_octets; i++)
        vector[sizeof vector - parts->number_octets + i] ^= out[number_at + i];
    seal(keys, vector, out, head, body);
    mask(keys, out + number_at + 4, masked);
    out[0] ^= masked[0] & 15;
    for (uint32_t i = 0; i < parts->number_octets; i++)
        out[number_at + i] ^= masked[1 + i];
    return head + body + 16;
}
