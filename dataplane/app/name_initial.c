/* Opens Initial packets. See name_initial.h. */
#include "app/name_initial.h"

#include <openssl/evp.h>
#include <string.h>

enum {
    SALT_OCTETS = 20,
    KEY_OCTETS = 16,
    VECTOR_OCTETS = 12,
    TAG_OCTETS = 16,
    NUMBER_OCTETS_MAX = 4,
    LABEL_OCTETS_MAX = 24
};

struct quic_kind {
    const char *salt, *key, *vector, *header;
};

#define KIND_ROW(symbol, first, last, second, ...) {__VA_ARGS__},
static const struct quic_kind kinds[] = {NAME_QUIC_KINDS(KIND_ROW)};

bool name_opener_make(struct name_opener *opener, struct error *error)
{
    for (unsigned kind = 0; kind < NAME_QUIC_KIND_COUNT; kind++)
        name_hmac_key(&opener->salts[kind], (const uint8_t *)kinds[kind].salt, SALT_OCTETS);
    opener->block = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    opener->stream = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    opener->header = EVP_CIPHER_CTX_new();
    opener->body = EVP_CIPHER_CTX_new();
    if (opener->block && opener->stream && opener->header && opener->body &&
        EVP_EncryptInit_ex2(opener->header, opener->block, NULL, NULL, NULL) == 1 &&
        EVP_DecryptInit_ex2(opener->body, opener->stream, NULL, NULL, NULL) == 1)
        return true;
    error_set(error, "OpenSSL gives no AES-128-ECB and AES-128-GCM for reading names in QUIC: "
                     "see that its default provider is active");
    return false;
}

void name_opener_release(struct name_opener *opener)
{
    EVP_CIPHER_CTX_free(opener->header);
    EVP_CIPHER_CTX_free(opener->body);
    EVP_CIPHER_free(opener->block);
    EVP_CIPHER_free(opener->stream);
    memset(opener, 0, sizeof *opener);
}

/* RFC 8446 section 7.1: HKDF-Expand-Label with an empty context, of at most one digest. */
static void expand_label(const struct name_hmac *secret, const char *label, uint8_t *result,
                         uint32_t octets)
{
    uint8_t info[6 + LABEL_OCTETS_MAX + 5] = {0, (uint8_t)octets};
    uint8_t code[NAME_DIGEST_OCTETS];
    uint32_t length = (uint32_t)strlen(label);
    info[2] = (uint8_t)(6 + length);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, length);
    info[9 + length] = 0;  /* no context */
    info[10 + length] = 1; /* first block */
    name_hmac_code(secret, info, 11 + length, code);
    memcpy(result, code, octets);
}

void name_initial_derive(const struct name_opener *opener, enum name_quic_kind kind,
                         const struct name_slice *id, struct name_initial_keys *keys)
{
    uint8_t secret[NAME_DIGEST_OCTETS];
    struct name_hmac hmac;
    keys->kind = (uint8_t)kind;
    keys->id_octets = (uint8_t)id->octets;
    memcpy(keys->id, id->data, id->octets);
    name_hmac_code(&opener->salts[kind], id->data, id->octets, secret);
    name_hmac_key(&hmac, secret, sizeof secret);
    expand_label(&hmac, "client in", secret, sizeof secret);
    name_hmac_key(&hmac, secret, sizeof secret);
    expand_label(&hmac, kinds[kind].key, keys->body, KEY_OCTETS);
    expand_label(&hmac, kinds[kind].vector, keys->vector, VECTOR_OCTETS);
    expand_label(&hmac, kinds[kind].header, keys->header, KEY_OCTETS);
}

/* Takes the protection off the header of the packet in the opener's memory (RFC 9001 section 5.4);
 * the octets of its packet number, 0 if OpenSSL fails. */
static uint32_t unmask(struct name_opener *opener, const struct name_initial_keys *keys,
                       uint32_t number_at)
{
    uint8_t mask[2 * KEY_OCTETS];
    uint8_t *packet = opener->packet;
    int octets;
    if (EVP_EncryptInit_ex2(opener->header, NULL, keys->header, NULL, NULL) != 1 ||
        EVP_EncryptUpdate(opener->header, mask, &octets, packet + number_at + NUMBER_OCTETS_MAX,
                          KEY_OCTETS) != 1)
        return 0;
    packet[0] ^= mask[0] & 0x0f;
    uint32_t number_octets = (packet[0] & 3u) + 1;
    for (uint32_t i = 0; i < number_octets; i++)
        packet[number_at + i] ^= mask[1 + i];
    return number_octets;
}

struct name_slice name_initial_open(struct name_opener *opener,
                                    const struct name_initial_keys *keys,
                                    const struct name_slice *packet, uint32_t number_at)
{
    struct name_slice none = {0};
    uint8_t vector[VECTOR_OCTETS];
    int octets, rest;
    if (packet->octets > NAME_QUIC_PACKET_MAX ||
        packet->octets < number_at + NUMBER_OCTETS_MAX + TAG_OCTETS)
        return none;
    memcpy(opener->packet, packet->data, packet->octets);
    uint32_t number_octets = unmask(opener, keys, number_at);
    if (number_octets == 0)
        return none;
    memcpy(vector, keys->vector, sizeof vector);
    for (uint32_t i = 0; i < number_octets; i++)
        vector[VECTOR_OCTETS - number_octets + i] ^= opener->packet[number_at + i];
    uint32_t head = number_at + number_octets;
    uint8_t *body = opener->packet + head;
    uint32_t body_octets = packet->octets - head - TAG_OCTETS;
    if (EVP_DecryptInit_ex2(opener->body, NULL, keys->body, vector, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(opener->body, EVP_CTRL_AEAD_SET_TAG, TAG_OCTETS, body + body_octets) !=
            1 ||
        EVP_DecryptUpdate(opener->body, NULL, &octets, opener->packet, (int)head) != 1 ||
        EVP_DecryptUpdate(opener->body, body, &octets, body, (int)body_octets) != 1 ||
        EVP_DecryptFinal_ex(opener->body, body + body_octets, &rest) != 1)
        return none;
    return (struct name_slice){.data = body, .octets = body_octets};
}
