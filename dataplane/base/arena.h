/*
 * Memory for tables that live as long as the process: zeroed, aligned to at least 2 MiB when
 * large, in huge pages where the system gives them. Control thread only; nothing on the packet path
 * allocates.
 */
#ifndef SPANFLOW_BASE_ARENA_H
#define SPANFLOW_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum arena_backing {
    ARENA_HUGETLB,     /* reserved huge pages */
    ARENA_TRANSPARENT, /* madvise(MADV_HUGEPAGE): the kernel gives huge pages as it can */
    ARENA_SMALL        /* 4 KiB pages */
};

struct arena {
    void *memory;
    size_t size; /* mapped bytes, rounded up */
    enum arena_backing backing;
};

enum arena_use {
    ARENA_DENSE, /* randomly read by every packet: huge pages wanted */
    ARENA_SPARSE /* touched little by little: small pages, so that only what is used costs memory */
};

/* Maps SIZE zeroed bytes into ARENA. False and ERROR if the system has none. */
bool arena_map(struct arena *arena, size_t size, enum arena_use use, struct error *error);
/* Takes the pages of the first SIZE octets of ARENA now, so that nobody waits for one later. False
 * and ERROR if the machine has too few. */
bool arena_populate(const struct arena *arena, size_t size, struct error *error);
/* Unmaps; a zeroed arena is fine. */
void arena_unmap(struct arena *arena);
/* "reserved huge pages", ...: for the one line at start. */
const char *arena_backing_name(enum arena_backing backing);

#endif
