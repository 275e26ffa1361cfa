/*
 * A compiled set of application rules: Hyperscan databases, one for each transport and for
 * expressions that are anchored at the payload's start or not, and what the ports tell. Immutable
 * once made, so that all workers share it; scanning is in application_scan.h.
 */
#ifndef SPANFLOW_APP_APPLICATION_SET_H
#define SPANFLOW_APP_APPLICATION_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "app/application_rules.h"
#include "base/error.h"

struct application_set;

/* Compiles RULES, which the set takes over (they are zeroed, on failure too); WHERE names them in
 * errors. Takes most of a second, unless the folder STORE (may be NULL) has the result of another
 * time; otherwise it is kept there if that is possible. NULL and ERROR (file, line, reason).
 * Control thread. */
struct application_set *application_set_create(struct application_rules *rules, const char *where,
                                               const char *store, struct error *error);
/* No worker may use it any more. NULL is fine. Control thread. */
void application_set_destroy(struct application_set *set);

/* What was compiled; owned by the set. Any thread. */
const struct application_rules *application_set_rules(const struct application_set *set);
/* Number of the application that lives at one of the ports, the second if the first says nothing;
 * 0: none. Any thread. */
uint16_t application_set_guess(const struct application_set *set, bool tcp, uint16_t first_port,
                               uint16_t second_port);

#endif
