/*
 * Names of hosts in the one form in which they are compared: small letters, labels of other scripts
 * as xn-- (RFC 5891), no dot at the end.
 */
#ifndef SPANFLOW_DETECT_DOMAIN_NAME_H
#define SPANFLOW_DETECT_DOMAIN_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { DOMAIN_OCTETS_MAX = 253, DOMAIN_LABEL_MAX = 63 }; /* RFC 1035 section 2.3.4 */

/* Reads a name as a person writes it; a leading "*." or "." means nothing, since a name stands for
 * all names below it, too. TEXT need not end in NUL. Returns the octets written to NAME, which ends
 * in NUL; 0 and ERROR, which says what is wrong and not where, if it is no name. Control thread. */
uint32_t domain_name_read(const char *text, uint32_t octets, char name[DOMAIN_OCTETS_MAX + 1],
                          struct error *error);

/* Brings a name as a packet shows it into that form: the port of an HTTP host goes. Returns the
 * octets written to NAME, without NUL; 0 if it is none that a list could have. Any thread. */
uint32_t domain_name_clean(const uint8_t *text, uint32_t octets, char name[DOMAIN_OCTETS_MAX]);

#endif
