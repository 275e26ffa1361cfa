/*
 * Brands by domain: what people call the service behind a server's name. A brand list is text, a
 * domain and a brand on each line; a domain stands for the names below it, and the longest one that
 * fits tells the brand. Made whole by one thread, then immutable and shared.
 */
#ifndef SPANFLOW_DETECT_BRAND_SET_H
#define SPANFLOW_DETECT_BRAND_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { BRAND_OCTETS = 32 /* with the closing NUL */, BRANDS_MAX = 4096 };

struct brand {
    uint32_t number; /* watch_number() of the name: what flow records call it */
    char name[BRAND_OCTETS];
};

struct brand_set;

/* Reads the file PATH, or the list that comes with the probe if PATH is NULL. NULL and ERROR, with
 * file and line of what is wrong. */
struct brand_set *brand_set_load(const char *path, struct error *error);
/* NULL is fine. */
void brand_set_destroy(struct brand_set *set);

/* How many brands there are. Any thread, as the next three. */
uint32_t brand_set_count(const struct brand_set *set);
/* One of them; owned by SET. */
const struct brand *brand_set_brand(const struct brand_set *set, uint32_t i);
/* How many domains have one. */
uint32_t brand_set_domains(const struct brand_set *set);
/* Octets of memory. */
size_t brand_set_memory(const struct brand_set *set);

/* The number of the brand of a name as a packet shows it, 0 if none is known. Any thread. */
uint32_t brand_set_find(const struct brand_set *set, const uint8_t *text, uint32_t octets);

/* The list that comes with the probe. */
extern const char brand_list_shipped[];

#endif
