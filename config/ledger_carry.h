/*
 * A ledger that goes on over probes: when a configuration makes a probe be taken apart and made
 * anew, what the earlier one counted is kept and added to what the next one counts. The identities
 * hold for each of them, and so for the sum; a destination is due only what came while it was
 * configured.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_LEDGER_CARRY_H
#define SPANFLOW_CONFIG_LEDGER_CARRY_H

#include "ledger.h"

struct ledger_carry;

/* Keeps the final LEDGER of a probe, earlier ones included, and those of its other caches; CACHES
 * are the names of all. Nothing of it is referred to later. NULL if memory is short. */
struct ledger_carry *ledger_carry_make(const struct ledger *ledger, const char *const caches[]);
void ledger_carry_free(struct ledger_carry *carry);
/* Keeps LEDGER as the account of the cache CACHE, which is not the first one, in the place of what
 * was kept of it; *CARRY may be NULL and is made then. What is kept of the cache that was put first
 * makes room if there is none. False if memory is short. */
bool ledger_carry_put(struct ledger_carry **carry, const char *cache, const struct ledger *ledger);

/* What EARLIER (may be NULL) keeps of caches that CARRY has nothing of, the first ones aside,
 * belongs to CARRY from now on. */
void ledger_carry_inherit(struct ledger_carry *carry, struct ledger_carry *earlier);

/* Whether a destination called NAME has had records; CARRY may be NULL. */
bool ledger_carry_knows(const struct ledger_carry *carry, const char *name);

/* Adds to LEDGER, the account of cache INDEX with the name CACHE, what was kept of the cache of
 * that name; the first is the account of the probe whatever its name. LEDGER then refers to names
 * in CARRY. Destinations are matched by name; those that are gone get rows at the end. CARRY may be
 * NULL. */
void ledger_carry_add(const struct ledger_carry *carry, uint32_t index, const char *cache,
                      struct ledger *ledger);

/* Adds to LEDGER, the account of a cache, what other workers counted for it whose records went to
 * the same exporting process: of EARLIER the terms of workers and the diagnostics, not what it says
 * of destinations. */
void ledger_add_workers(struct ledger *ledger, const struct ledger *earlier);

#endif
