/*
 * Addresses out of one packet, by the rules that snapshot_extract.h states at struct
 * snapshot_anonymiser. Called by the extraction on its thread, on its own copy of the packet.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_ANONYMISE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_ANONYMISE_H

#include <stdint.h>

#include "snapshot/snapshot_extract.h"

/* Changes DATA in place and returns how many of its LENGTH octets may be given out; the others are
 * to be cut off. 0 if nothing of it is understood. */
uint32_t snapshot_anonymise(const struct snapshot_anonymiser *anonymiser, uint8_t *data,
                            uint32_t length, uint16_t link_type);

#endif
