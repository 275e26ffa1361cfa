/*
 * Crypto-PAn on OpenSSL's AES. See crypto_pan.h.
 *
 * The cipher's input for bit n is the first n bits of the address and, behind them, the bits of the
 * pad. An IPv4 address takes 32 blocks, an IPv6 address 128.
 */
#include "anonymise/crypto_pan.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"

enum {
    BLOCK_OCTETS = 16,
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    IPV4_KEPT_BITS = 16, /* 512 KiB */
    IPV6_KEPT_BITS = 14  /* 512 KiB */
};

struct ipv4_kept {
    uint32_t address;
    uint32_t result;
};

struct ipv6_kept {
    uint64_t address[2];
    uint64_t result[2];
};

struct crypto_pan {
    EVP_CIPHER_CTX *cipher; /* owned */
    uint64_t pad[2];        /* host order, the first bit highest */
    uint8_t input[IPV6_BITS * BLOCK_OCTETS];
    uint8_t output[IPV6_BITS * BLOCK_OCTETS];
    /* Direct mapped. A row that was never used holds address 0, which has one row of its own. */
    struct ipv4_kept ipv4[1u << IPV4_KEPT_BITS];
    struct ipv6_kept ipv6[1u << IPV6_KEPT_BITS];
};

static void encrypt(struct crypto_pan *pan, unsigned blocks)
{
    int octets = 0;
    int wanted = (int)(blocks * BLOCK_OCTETS);
    check(EVP_EncryptUpdate(pan->cipher, pan->output, &octets, pan->input, wanted) == 1);
    check(octets == wanted);
}

/* The highest COUNT bits of 64. */
static uint64_t top_bits(unsigned count)
{
    return count ? UINT64_MAX << (64 - count) : 0;
}

/* TURN: for each of the first BITS of ADDRESS, whether it becomes the other value. */
static void turning_bits(struct crypto_pan *pan, const uint64_t address[2], unsigned bits,
                         uint64_t turn[2])
{
    for (unsigned n = 0; n < bits; n++) {
        uint64_t mask[2] = {top_bits(n < 64 ? n : 64), top_bits(n < 64 ? 0 : n - 64)};
        uint64_t block[2];
        for (unsigned i = 0; i < 2; i++)
            block[i] = htobe64((address[i] & mask[i]) | (pan->pad[i] & ~mask[i]));
        memcpy(pan->input + (size_t)n * BLOCK_OCTETS, block, BLOCK_OCTETS);
    }
    encrypt(pan, bits);
    turn[0] = turn[1] = 0;
    for (unsigned n = 0; n < bits; n++) {
        uint64_t bit = pan->output[(size_t)n * BLOCK_OCTETS] >> 7;
        turn[n / 64] |= bit << (63 - n % 64);
    }
}

static uint32_t compute_ipv4(struct crypto_pan *pan, uint32_t address)
{
    uint64_t turn[2];
    const uint64_t words[2] = {(uint64_t)address << 32, 0};
    turning_bits(pan, words, IPV4_BITS, turn);
    return address ^ (uint32_t)(turn[0] >> 32);
}

static void compute_ipv6(struct crypto_pan *pan, const uint64_t address[2], uint64_t result[2])
{
    uint64_t turn[2];
    turning_bits(pan, address, IPV6_BITS, turn);
    result[0] = address[0] ^ turn[0];
    result[1] = address[1] ^ turn[1];
}

static struct ipv4_kept *row_ipv4(struct crypto_pan *pan, uint32_t address)
{
    return &pan->ipv4[(address * 0x9e3779b1u) >> (32 - IPV4_KEPT_BITS)];
}

static struct ipv6_kept *row_ipv6(struct crypto_pan *pan, const uint64_t address[2])
{
    uint64_t mixed = (address[0] ^ (address[1] * 0xff51afd7ed558ccdu)) * 0x9e3779b97f4a7c15u;
    return &pan->ipv6[mixed >> (64 - IPV6_KEPT_BITS)];
}

void crypto_pan_ipv4(struct crypto_pan *pan, uint8_t address[4])
{
    uint32_t value;
    memcpy(&value, address, sizeof value);
    value = be32toh(value);
    struct ipv4_kept *row = row_ipv4(pan, value);
    if (row->address != value)
        *row = (struct ipv4_kept){value, compute_ipv4(pan, value)};
    value = htobe32(row->result);
    memcpy(address, &value, sizeof value);
}

void crypto_pan_ipv6(struct crypto_pan *pan, uint8_t address[16])
{
    uint64_t words[2];
    memcpy(words, address, sizeof words);
    words[0] = be64toh(words[0]);
    words[1] = be64toh(words[1]);
    struct ipv6_kept *row = row_ipv6(pan, words);
    if (row->address[0] != words[0] || row->address[1] != words[1]) {
        compute_ipv6(pan, words, row->result);
        memcpy(row->address, words, sizeof words);
    }
    words[0] = htobe64(row->result[0]);
    words[1] = htobe64(row->result[1]);
    memcpy(address, words, sizeof words);
}

struct crypto_pan *crypto_pan_create(const uint8_t key[CRYPTO_PAN_KEY_OCTETS], struct error *error)
{
    static const uint64_t zero[2] = {0, 0};
    struct crypto_pan *pan = calloc(1, sizeof *pan);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!pan || !cipher) {
        free(pan);
        EVP_CIPHER_CTX_free(cipher);
        error_set(error, "not enough memory for anonymisation");
        return NULL;
    }
    pan->cipher = cipher;
    if (EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(cipher, 0) != 1) {
        crypto_pan_destroy(pan);
        error_set(error, "OpenSSL has no AES-128 for anonymisation: see its configuration");
        return NULL;
    }
    memcpy(pan->input, key + BLOCK_OCTETS, BLOCK_OCTETS);
    encrypt(pan, 1);
    memcpy(pan->pad, pan->output, sizeof pan->pad);
    pan->pad[0] = be64toh(pan->pad[0]);
    pan->pad[1] = be64toh(pan->pad[1]);
    row_ipv4(pan, 0)->result = compute_ipv4(pan, 0);
    compute_ipv6(pan, zero, row_ipv6(pan, zero)->result);
    return pan;
}

void crypto_pan_destroy(struct crypto_pan *pan)
{
    if (!pan)
        return;
    EVP_CIPHER_CTX_free(pan->cipher);
    OPENSSL_cleanse(pan, sizeof *pan); /* pad and pairs of addresses are secrets, too */
    free(pan);
}
