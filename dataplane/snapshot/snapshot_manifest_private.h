/*
 * The manifest as the store writes it. One thread at a time: who opens the store, then the writer.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_PRIVATE_H

#include "snapshot/snapshot_manifest_line.h"

/* A segment that the manifest knows. */
struct snapshot_known {
    struct snapshot_line line; /* that closed it */
    bool gone;                 /* a later line says that it was overwritten, expired or removed */
};

struct snapshot_manifest {
    int folder; /* not owned */
    int file;
    EVP_PKEY *key;
    uint64_t octets;               /* of the file */
    uint64_t number;               /* highest of a segment in it */
    char last[SNAPSHOT_HASH_TEXT]; /* hash of the last line */
    struct snapshot_known *known;  /* after opening, by number; freed by _forget() */
    size_t known_count, known_room;
};

/* Reads or begins the manifest of FOLDER, and the keys. A torn last line is cut off, with a line in
 * NOTE. False and ERROR if that cannot be done; MANIFEST is then closed. */
bool snapshot_manifest_open(struct snapshot_manifest *manifest, int folder, struct error *note,
                            struct error *error);
void snapshot_manifest_close(struct snapshot_manifest *manifest);
/* The segment NUMBER among known, or NULL. */
struct snapshot_known *snapshot_manifest_find(struct snapshot_manifest *manifest, uint64_t number);
/* Frees what is known. */
void snapshot_manifest_forget(struct snapshot_manifest *manifest);
/* Appends a line, with its `previous` set, and waits until it is on the disk. False: errno. */
bool snapshot_manifest_append(struct snapshot_manifest *manifest, struct snapshot_line *line);
/* Drops lines before the first one about a segment from NUMBER on, if there are too many octets.
 * NOW_NS: wall clock. False: errno, and everything stays as it was. */
bool snapshot_manifest_trim(struct snapshot_manifest *manifest, uint64_t number, uint64_t now_ns,
                            uint64_t octets_max);

#endif
