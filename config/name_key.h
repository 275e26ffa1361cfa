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

/* Reads the secret that CONFIG names, if it wants names hashed, into KEY; else KEY becomes zeros. A
 * file that is not there is made, if MAKE, or else is no mistake. False and ERROR, which begins
 * with the leaf's path, if there is no secret or others can read it. */
bool name_key_read(const struct names_config *config, bool make, uint8_t key[SIPHASH_KEY_OCTETS],
                   struct error *error);

#endif
