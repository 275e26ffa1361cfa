/*
 * The file with the secret by which names are hashed: 32 hexadecimal digits, readable by its owner
 * alone. Control thread.
 */
#ifndef SPANFLOW_CONFIG_NAME_KEY_H
#define SPANFLOW_CONFIG_NAME_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/siphash.h"
#include "probe_config.h"

/* Reads the secret that CONFIG names, if it wants names hashed, into KEY; else KEY becomes zeros.
 * For a file that is not there and could be made a new secret is drawn, which *DRAWN tells (NULL:
 * none is drawn, KEY stays zeros). Nothing is written. False and ERROR, which begins with the
 * leaf's path, if there is no secret or others can read it. */
bool name_key_read(const struct names_config *config, uint8_t key[SIPHASH_KEY_OCTETS], bool *drawn,
                   struct error *error);
/* Makes the file, and its folder, with the drawn secret KEY. False and ERROR as above; what was
 * there is left alone. */
bool name_key_store(const struct names_config *config, const uint8_t key[SIPHASH_KEY_OCTETS],
                    struct error *error);

#endif
