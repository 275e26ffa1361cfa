/* Names of hosts in one form. See domain_name.h. */
#include "detect/domain_name.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#if SPANFLOW_IDN
#include <idn2.h>
#endif

static inline bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

static inline char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* What stands in names of the DNS that are in use: letters, digits, hyphen, underscore. */
static bool is_label_octet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of other scripts become xn--; what the rules of RFC 5892 forbid is refused. */
static bool to_ascii(char *name, size_t size, struct error *error)
{
#if SPANFLOW_IDN
    char *ascii = NULL;
    int result = idn2_lookup_u8((const uint8_t *)name, (uint8_t **)&ascii,
                                IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    bool good = result == IDN2_OK && strlen(ascii) < size;
    if (good)
        memcpy(name, ascii, strlen(ascii) + 1);
    else
        error_set(error, "no name of a domain: %s",
                  result == IDN2_OK ? "it is too long" : idn2_strerror(result));
    idn2_free(ascii);
    return good;
#else
    (void)name;
    (void)size;
    error_set(error, "this build knows no names of other scripts; write it as xn--...");
    return false;
#endif
}

static bool check_labels(const char *name, struct error *error)
{
    size_t label = 0;
    for (const char *at = name;; at++) {
        if (*at == '.' || *at == 0) {
            if (label == 0 || label > DOMAIN_LABEL_MAX) {
                error_set(error, "no name of a domain: a label has 1 to %d octets",
                          (int)DOMAIN_LABEL_MAX);
                return false;
            }
            if (*at == 0)
                return true;
            label = 0;
        } else if (is_label_octet(*at)) {
            label++;
        } else {
            error_set(error, "no name of a domain: '%c' cannot be in one", *at);
            return false;
        }
    }
}

uint32_t domain_name_read(const char *text, uint32_t octets, char name[DOMAIN_OCTETS_MAX + 1],
                          struct error *error)
{
    struct in_addr address;
    if (octets > 1 && text[0] == '*' && text[1] == '.') {
        text++;
        octets--;
    }
    if (octets > 1 && text[0] == '.') {
        text++;
        octets--;
    }
    if (octets > 1 && text[octets - 1] == '.')
        octets--;
    if (octets > DOMAIN_OCTETS_MAX) {
        error_set(error, "no name of a domain: it is longer than %d octets",
                  (int)DOMAIN_OCTETS_MAX);
        return 0;
    }
    for (uint32_t i = 0; i < octets; i++)
        name[i] = small(text[i]);
    name[octets] = 0;
    if (!is_ascii(name) && !to_ascii(name, DOMAIN_OCTETS_MAX + 1, error))
        return 0;
    if (inet_pton(AF_INET, name, &address) == 1) {
        error_set(error, "an address, and no name of a domain");
        return 0;
    }
    return check_labels(name, error) ? (uint32_t)strlen(name) : 0;
}

uint32_t domain_name_clean(const uint8_t *text, uint32_t octets, char name[DOMAIN_OCTETS_MAX])
{
    uint32_t length = 0;
    while (length < octets && text[length] != ':') {
        if (length == DOMAIN_OCTETS_MAX)
            return 0;
        name[length] = small((char)text[length]);
        length++;
    }
    return length && name[length - 1] == '.' ? length - 1 : length;
}
