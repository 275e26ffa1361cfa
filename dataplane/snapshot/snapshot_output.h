/*
 * The pcapng file that an extraction writes: hidden until it is finished, the first block written
 * twice (the second time with what came of it, in the same space), hashed at the end. Owned by one
 * extraction, on its thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_OUTPUT_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_query.h"

struct snapshot_output;

/* The texts of the first block. Strings are the caller's. */
struct snapshot_output_head {
    const char *software; /* "spanflow 0.1.0" */
    const char *question; /* who, from where, why, what */
    const char *notice;   /* NULL or "" = none */
};

/* Begins the hidden file beside PATH, which must not exist yet (nor the hidden one), mode 0600.
 * NULL and one line in ERROR. */
struct snapshot_output *snapshot_output_create(const char *path,
                                               const struct snapshot_output_head *head,
                                               struct error *error);

/* Appends one packet, and the description of INTERFACE before it if that is new; its number is
 * PACKET->interface. False and one line in ERROR: the disk is full or gone. */
bool snapshot_output_packet(struct snapshot_output *output, const struct snapshot_kept *packet,
                            const struct snapshot_query_interface *interface, struct error *error);

/* Octets so far, those that wait to be written included. */
uint64_t snapshot_output_octets(const struct snapshot_output *output);

/* Writes everything, puts RESULT (cut to the space for it) into the first block, waits for the disk
 * and hashes the file. False and one line in ERROR. The file stays hidden. */
bool snapshot_output_finish(struct snapshot_output *output, const char *result, char sha256[65],
                            struct error *error);

/* Gives the finished file its name and mode 0640. False and one line in ERROR: something with that
 * name came in between, for instance. */
bool snapshot_output_publish(struct snapshot_output *output, struct error *error);

/* Frees it; a file that was not published is deleted. OUTPUT may be NULL. */
void snapshot_output_close(struct snapshot_output *output);

#endif
