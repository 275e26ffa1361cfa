/*
 * Watch lists, compiled: hosts, networks and domains that flows are compared with. Made whole by
 * one thread (watch_file.h reads the files), then immutable and shared by all workers; another set
 * takes its place when lists change.
 *
 * A set has a row for each list, the gravest first, and lookups give the set of rows as bits: the
 * lowest bit is the gravest list that matches. What an address or a name has in common with several
 * lists is kept as a number of a table of such sets, so that an entry costs two octets.
 */
#ifndef SPANFLOW_DETECT_WATCH_SET_H
#define SPANFLOW_DETECT_WATCH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/severity.h"
#include "flow/flow_key.h"

enum { WATCH_LISTS_MAX = 64, WATCH_TEXT_OCTETS = 64 /* of names and labels, with the NUL */ };

enum watch_kind { WATCH_HOSTS, WATCH_NETWORKS, WATCH_DOMAINS };

struct watch_list {
    char name[WATCH_TEXT_OCTETS];
    char label[WATCH_TEXT_OCTETS];
    enum watch_kind kind;
    enum severity severity;
    uint32_t number;  /* watch_number() of its name */
    uint64_t entries; /* lines that name one */
};

struct watch_set;
struct watch_builder;

/* What flow records call the list NAME: the same in every run, and never 0. */
uint32_t watch_number(const char *name);

/* ---- making; one thread ---- */

/* Begins a set of COUNT LISTS, of which name, label, kind and severity count. NULL and ERROR if
 * memory is short or two of them cannot be told apart. */
struct watch_builder *watch_builder_create(const struct watch_list *lists, uint32_t count,
                                           struct error *error);
/* NULL is fine. */
void watch_builder_destroy(struct watch_builder *builder);
/* Adds one entry, OCTETS of TEXT, to list I of those that were given. False and ERROR, which says
 * what is wrong with it and not where. */
bool watch_builder_add(struct watch_builder *builder, uint32_t i, const char *text, uint32_t octets,
                       struct error *error);
/* Compiles what was added. NULL and ERROR if memory is short. The builder is done with. */
struct watch_set *watch_builder_finish(struct watch_builder *builder, struct error *error);
/* NULL is fine. */
void watch_set_destroy(struct watch_set *set);

/* ---- telling; any thread ---- */

/* How many lists, and so rows, there are. */
uint32_t watch_set_count(const struct watch_set *set);
/* The list of ROW; owned by SET. */
const struct watch_list *watch_set_list(const struct watch_set *set, uint32_t row);
/* Octets of memory that the set takes. */
size_t watch_set_memory(const struct watch_set *set);
/* Whether it has names of domains at all. */
bool watch_set_has_domains(const struct watch_set *set);

/* ---- looking up; any thread ---- */

/* Asks the processor to fetch what watch_flow() will read of KEY's addresses. */
void watch_prefetch(const struct watch_set *set, const struct flow_key *key);
/* The rows of the lists that the two addresses of KEY are in, by side. */
void watch_flow(const struct watch_set *set, const struct flow_key *key, uint64_t sides[2]);
/* The rows of the lists that a name is in, or a domain that it is below; TEXT as a packet shows it.
 */
uint64_t watch_domain(const struct watch_set *set, const uint8_t *text, uint32_t octets);

#endif
