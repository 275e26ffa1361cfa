/* Sums of ledgers. */
#include "ledger_carry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Caches that are told of, and those that ended and may come back. */
enum { CARRIED_MAX = 64 };

/* The account of one cache. */
struct carried {
    char cache[64];
    struct ledger ledger;
    char *names[LEDGER_ROWS_MAX]; /* owned */
};

struct ledger_carry {
    uint32_t count;
    struct carried *caches[CARRIED_MAX]; /* owned; the first is the probe's, NULL: nothing of it */
};

/* NULL is fine. */
static void forget(struct carried *carried)
{
    for (uint32_t d = 0; carried && d < LEDGER_ROWS_MAX; d++)
        free(carried->names[d]);
    free(carried);
}

void ledger_carry_free(struct ledger_carry *carry)
{
    for (uint32_t c = 0; carry && c < carry->count; c++)
        forget(carry->caches[c]);
    free(carry);
}

/* NULL without memory. */
static struct carried *keep(const struct ledger *ledger, const char *cache)
{
    struct carried *carried = calloc(1, sizeof *carried);
    bool good = carried != NULL;
    if (!good)
        return NULL;
    snprintf(carried->cache, sizeof carried->cache, "%s", cache);
    carried->ledger = *ledger;
    carried->ledger.other_count = 0;
    for (uint32_t d = 0; good && d < ledger->destination_count; d++) {
        carried->names[d] = strdup(ledger->places[d].name);
        carried->ledger.places[d].name = carried->names[d];
        good = carried->names[d] != NULL;
    }
    if (good)
        return carried;
    forget(carried);
    return NULL;
}

struct ledger_carry *ledger_carry_make(const struct ledger *ledger, const char *const caches[])
{
    struct ledger_carry *carry = calloc(1, sizeof *carry);
    bool good = carry != NULL;
    for (uint32_t c = 0; good && c <= ledger->other_count; c++) {
        carry->caches[c] = keep(c == 0 ? ledger : ledger->others[c - 1], caches[c]);
        carry->count++;
        good = carry->caches[c] != NULL;
    }
    if (good)
        return carry;
    ledger_carry_free(carry);
    return NULL;
}

/* The place of CACHE, which is not the first; behind the last: it has none. */
static uint32_t place_of(const struct ledger_carry *carry, const char *cache)
{
    uint32_t c = 1;
    while (c < carry->count && strcmp(carry->caches[c]->cache, cache) != 0)
        c++;
    return c;
}

/* FRESH takes the place of what is kept of its cache. */
static void put(struct ledger_carry *carry, struct carried *fresh)
{
    uint32_t c = place_of(carry, fresh->cache);
    if (c == CARRIED_MAX) { /* the one that was put first makes room */
        forget(carry->caches[1]);
        c--;
        for (uint32_t i = 1; i < c; i++)
            carry->caches[i] = carry->caches[i + 1];
    } else if (c < carry->count) {
        forget(carry->caches[c]);
    } else {
        carry->count++;
    }
    carry->caches[c] = fresh;
}

bool ledger_carry_put(struct ledger_carry **carry, const char *cache, const struct ledger *ledger)
{
    struct carried *fresh = keep(ledger, cache);
    if (!*carry && (*carry = calloc(1, sizeof **carry)))
        (*carry)->count = 1;
    if (!*carry || !fresh) {
        forget(fresh);
        return false;
    }
    put(*carry, fresh);
    return true;
}

void ledger_carry_inherit(struct ledger_carry *carry, struct ledger_carry *earlier)
{
    uint32_t kept = 1;
    for (uint32_t c = 1; earlier && c < earlier->count; c++) {
        struct carried *carried = earlier->caches[c];
        if (place_of(carry, carried->cache) < carry->count || carry->count == CARRIED_MAX)
            earlier->caches[kept++] = carried;
        else
            put(carry, carried);
    }
    if (earlier)
        earlier->count = kept;
}

/* Structs that hold nothing but counters of 64 bits. */
static void add_words(void *sum, const void *term, size_t size)
{
    uint64_t *to = sum;
    const uint64_t *from = term;
    check(size % sizeof *to == 0);
    for (size_t i = 0; i < size / sizeof *to; i++)
        to[i] += from[i];
}

/* Diagnostics: sums, and of peaks and gauges the newest stays or the greatest is taken. */
static void add_diagnostics(struct ledger *ledger, const struct ledger *carried)
{
    struct flood_counters now = ledger->cache.flood;
    uint64_t late_ns = ledger->cache.sweep_late_ns_max;
    uint64_t held = ledger->kernel.held;
    add_words(&ledger->parser, &carried->parser, sizeof ledger->parser);
    add_words(&ledger->duplicates, &carried->duplicates, sizeof ledger->duplicates);
    add_words(&ledger->applications, &carried->applications, sizeof ledger->applications);
    add_words(&ledger->names, &carried->names, sizeof ledger->names);
    add_words(&ledger->kernel, &carried->kernel, sizeof ledger->kernel);
    add_words(&ledger->counted, &carried->counted, sizeof ledger->counted);
    add_words(&ledger->cache, &carried->cache, sizeof ledger->cache);
    ledger->kernel.held = held;
    ledger->cache.flood.level = now.level;
    ledger->cache.flood.occupancy = now.occupancy;
    ledger->cache.flood.capacity = now.capacity;
    ledger->cache.flood.occupancy_peak = now.occupancy_peak > carried->cache.flood.occupancy_peak
                                             ? now.occupancy_peak
                                             : carried->cache.flood.occupancy_peak;
    ledger->cache.sweep_late_ns_max =
        late_ns > carried->cache.sweep_late_ns_max ? late_ns : carried->cache.sweep_late_ns_max;
}

/* The counters of one destination: everything up to the diagnostics is a sum. */
static void add_destination(struct destination_counters *sum,
                            const struct destination_counters *term)
{
    uint64_t first = sum->first_loss_ns, last = sum->last_loss_ns;
    add_words(sum, term, offsetof(struct destination_counters, spool));
    sum->first_loss_ns = term->first_loss_ns ? term->first_loss_ns : first;
    sum->last_loss_ns = last ? last : term->last_loss_ns;
    /* Waiting is told by who runs now: what an earlier one left was sent, spooled or lost. */
#define ADD_REPORT(name, help) sum->connection.name += term->connection.name;
    TRANSPORT_COUNTERS(ADD_REPORT)
}

/* The row of the destination NAME, from 0 to COUNT; COUNT if there is none. */
static uint32_t find_row(const struct ledger *ledger, uint32_t count, const char *name)
{
    uint32_t d = 0;
    while (d < count && strcmp(ledger->places[d].name, name) != 0)
        d++;
    return d;
}

bool ledger_carry_knows(const struct ledger_carry *carry, const char *name)
{
    for (uint32_t c = 0; carry && c < carry->count; c++) {
        if (!carry->caches[c])
            continue;
        const struct ledger *ledger = &carry->caches[c]->ledger;
        uint32_t d = find_row(ledger, ledger->destination_count, name);
        if (d < ledger->destination_count && ledger->destinations[d].sent > 0)
            return true;
    }
    return false;
}

static void add_destinations(struct ledger *ledger, const struct ledger *carried,
                             const struct ledger_terms *earlier)
{
    uint32_t configured = ledger->destination_count;
    for (uint32_t d = 0; d < configured; d++)
        ledger->places[d].since_total += earlier->records_out;
    for (uint32_t c = 0; c < carried->destination_count; c++) {
        uint32_t d = find_row(ledger, configured, carried->places[c].name);
        if (d == configured) {
            d = ledger->destination_count;
            if (d == LEDGER_ROWS_MAX)
                continue;
            ledger->destination_count++;
            memset(&ledger->destinations[d], 0, sizeof ledger->destinations[d]);
            ledger->places[d] =
                (struct destination_place){.name = carried->places[c].name, .removed = true};
        }
        ledger->places[d].since_records += carried->destinations[c].records;
        add_destination(&ledger->destinations[d], &carried->destinations[c]);
    }
}

/* What was kept of a cache; NULL: nothing. */
static const struct ledger *find_cache(const struct ledger_carry *carry, uint32_t index,
                                       const char *cache)
{
    if (!carry || index == 0)
        return carry && carry->caches[0] ? &carry->caches[0]->ledger : NULL;
    uint32_t c = place_of(carry, cache);
    return c < carry->count ? &carry->caches[c]->ledger : NULL;
}

void ledger_add_workers(struct ledger *ledger, const struct ledger *earlier)
{
    uint32_t count = earlier->worker_count;
    for (uint32_t w = ledger->worker_count; w < count; w++)
        memset(&ledger->workers[w], 0, sizeof ledger->workers[w]);
    if (count > ledger->worker_count)
        ledger->worker_count = count;
    for (uint32_t w = 0; w < count; w++)
        add_words(&ledger->workers[w], &earlier->workers[w], sizeof ledger->workers[w]);
    add_words(&ledger->probe, &earlier->probe, sizeof ledger->probe);
    add_diagnostics(ledger, earlier);
}

void ledger_carry_add(const struct ledger_carry *carry, uint32_t index, const char *cache,
                      struct ledger *ledger)
{
    const struct ledger *carried = find_cache(carry, index, cache);
    if (!carried)
        return;
    ledger_add_workers(ledger, carried);
    add_destinations(ledger, carried, &carried->probe);
    ledger->misplaced += carried->misplaced;
    add_words(&ledger->replays, &carried->replays, sizeof ledger->replays);
    const struct ledger_pair *given =
        carried->given_known ? &carried->given : &carried->probe.observed;
    add_words(&ledger->given_carried, given, sizeof *given);
    if (carried->given_known)
        add_words(&ledger->given_carried, &carried->given_carried, sizeof *given);
}
