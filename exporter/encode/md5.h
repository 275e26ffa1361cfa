/*
 * The MD5 message digest (RFC 1321), which RFC 5655 wants as the checksum of a message. It guards
 * against damage, not against anybody. Any thread.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_MD5_H
#define SPANFLOW_EXPORTER_ENCODE_MD5_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_OCTETS = 16 };

/* Writes the digest of LENGTH octets at DATA to DIGEST. */
void md5(const uint8_t *data, size_t length, uint8_t digest[MD5_OCTETS]);

#endif
