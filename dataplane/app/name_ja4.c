/* Fingerprints of clients. See name_ja4.h. */
#include "app/name_ja4.h"

#include <string.h>

#include "app/check_read.h"
#include "app/name_digest.h"

enum {
    HASH_DIGITS = 12,
    FEW = 48, /* as many are sorted by insertion */
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_PROTOCOLS = 16
};

static const char digits[] = "0123456789abcdef";

struct values {
    uint32_t count;
    uint16_t value[NAME_JA4_VALUES_MAX];
};

/* ---- sorting ---- */

static void sort_few(struct values *values)
{
    for (uint32_t i = 1; i < values->count; i++) {
        uint16_t value = values->value[i];
        uint32_t at = i;
        for (; at > 0 && values->value[at - 1] > value; at--)
            values->value[at] = values->value[at - 1];
        values->value[at] = value;
    }
}

/* By the octet at SHIFT, keeping the order of equals. */
static void sort_by_octet(const struct values *from, struct values *to, unsigned shift)
{
    uint16_t first[257] = {0};
    for (uint32_t i = 0; i < from->count; i++)
        first[(from->value[i] >> shift & 255) + 1]++;
    for (uint32_t i = 1; i < 257; i++)
        first[i] = (uint16_t)(first[i] + first[i - 1]);
    for (uint32_t i = 0; i < from->count; i++)
        to->value[first[from->value[i] >> shift & 255]++] = from->value[i];
    to->count = from->count;
}

/* Linear in the number of values, so that a hostile hello costs no more than its length. */
static void sort(struct values *values)
{
    if (values->count <= FEW) {
        sort_few(values);
        return;
    }
    struct values other;
    sort_by_octet(values, &other, 0);
    sort_by_octet(&other, values, 8);
}

/* ---- lists and their hashes ---- */

/* Adds the numbers to DIGEST with commas between them, behind BEFORE unless that is 0. */
static void digest_values(SHA256_CTX *digest, const uint16_t *value, uint32_t count, char before)
{
    char text[5 * FEW];
    uint32_t octets = 0;
    for (uint32_t i = 0; i < count; i++) {
        char separator = i ? ',' : before;
        if (separator)
            text[octets++] = separator;
        for (int shift = 12; shift >= 0; shift -= 4)
            text[octets++] = digits[value[i] >> shift & 15];
        if (octets + 5 > sizeof text) {
            SHA256_Update(digest, text, octets);
            octets = 0;
        }
    }
    SHA256_Update(digest, text, octets);
}

static void write_hash(SHA256_CTX *digest, uint8_t text[HASH_DIGITS])
{
    uint8_t hash[NAME_DIGEST_OCTETS];
    SHA256_Final(hash, digest);
    for (unsigned i = 0; i < HASH_DIGITS; i++)
        text[i] = (uint8_t)digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

/* The numbers of 16 bits in LIST that clients mean. False if there are too many. */
static bool take_values(const struct name_slice *list, struct values *values)
{
    values->count = 0;
    if (list->octets / 2 > NAME_JA4_VALUES_MAX)
        return false;
    for (uint32_t at = 0; at + 2 <= list->octets; at += 2) {
        uint32_t value = be16(list->data + at);
        if (!name_is_grease(value))
            values->value[values->count++] = (uint16_t)value;
    }
    return true;
}

/* The types of extensions, without the two that tell the destination; COUNTED: with these. False if
 * there are too many. */
static bool take_extensions(const struct name_slice *list, struct values *values, uint32_t *counted)
{
    values->count = *counted = 0;
    for (uint32_t at = 0; at + 4 <= list->octets; at += 4 + be16(list->data + at + 2)) {
        uint32_t type = be16(list->data + at);
        if (name_is_grease(type))
            continue;
        ++*counted;
        if (type == EXTENSION_SERVER_NAME || type == EXTENSION_PROTOCOLS)
            continue;
        if (values->count == NAME_JA4_VALUES_MAX)
            return false;
        values->value[values->count++] = (uint16_t)type;
    }
    return true;
}

/* ---- the readable part ---- */

static uint32_t highest_version(const struct name_hello *hello)
{
    uint32_t highest = 0;
    for (uint32_t at = 0; at + 2 <= hello->versions.octets; at += 2) {
        uint32_t version = be16(hello->versions.data + at);
        if (name_is_grease(version))
            continue;
        /* DTLS counts down */
        bool higher = hello->carrier == NAME_BY_DTLS ? version < highest : version > highest;
        if (!highest || higher)
            highest = version;
    }
    return highest ? highest : hello->version;
}

static void write_version(const struct name_hello *hello, uint8_t text[2])
{
    static const struct {
        uint16_t version;
        char text[3];
    } known[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
                 {0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"}};
    uint32_t version = highest_version(hello);
    memcpy(text, "00", 2);
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].version == version)
            memcpy(text, known[i].text, 2);
}

static void write_count(uint32_t count, uint8_t text[2])
{
    if (count > 99)
        count = 99;
    text[0] = (uint8_t)('0' + count / 10);
    text[1] = (uint8_t)('0' + count % 10);
}

static bool is_alphanumeric(uint8_t octet)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= 'a' && octet <= 'z');
}

/* First and last character of the first protocol, or of its hexadecimal form. */
static void write_protocol(const struct name_slice *protocols, uint8_t text[2])
{
    struct name_slice first = {0};
    for (uint32_t at = 0; at < protocols->octets;) {
        uint32_t length = protocols->data[at];
        if (length > protocols->octets - at - 1)
            break;
        first.data = protocols->data + at + 1;
        first.octets = length;
        if (length != 2 || !name_is_grease(be16(first.data)))
            break;
        first.octets = 0;
        at += 1 + length;
    }
    memcpy(text, "00", 2);
    if (first.octets == 0)
        return;
    uint8_t begin = first.data[0], end = first.data[first.octets - 1];
    bool plain = is_alphanumeric(begin) && is_alphanumeric(end);
    text[0] = plain ? begin : (uint8_t)digits[begin >> 4];
    text[1] = plain ? end : (uint8_t)digits[end & 15];
}

bool name_ja4(const struct name_hello *hello, uint8_t text[NAME_JA4_OCTETS])
{
    struct values values;
    uint32_t extensions;
    SHA256_CTX digest;
    if (!take_values(&hello->ciphers, &values))
        return false;
    memset(text, '0', NAME_JA4_OCTETS);
    text[10] = text[23] = '_';
    write_count(values.count, text + 4);
    if (values.count) {
        sort(&values);
        SHA256_Init(&digest);
        digest_values(&digest, values.value, values.count, 0);
        write_hash(&digest, text + 11);
    }
    if (!take_extensions(&hello->extensions, &values, &extensions))
        return false;
    text[0] = (uint8_t)hello->carrier;
    write_version(hello, text + 1);
    text[3] = hello->has_server_name ? 'd' : 'i';
    write_count(extensions, text + 6);
    write_protocol(&hello->protocols, text + 8);
    if (values.count) {
        sort(&values);
        SHA256_Init(&digest);
        digest_values(&digest, values.value, values.count, 0);
        if (!take_values(&hello->signatures, &values))
            return false;
        digest_values(&digest, values.value, values.count, '_');
        write_hash(&digest, text + 24);
    }
    return true;
}
