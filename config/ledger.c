/* Sums of the copied counters, and the three identities over them. */
#include "ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"

enum { SECONDS_OF_HOUR = 3600 };

double ledger_spool_hours(const struct spool_account *spool, uint64_t octets)
{
    return spool->octets_per_s ? (double)octets / (double)spool->octets_per_s / SECONDS_OF_HOUR : 0;
}

#define TERM_NAME(name, text, help) text,
const char *const ledger_filtered_names[] = {LEDGER_FILTERED(TERM_NAME)};
const char *const ledger_ignored_names[] = {LEDGER_IGNORED(TERM_NAME)};
const char *const ledger_dropped_names[] = {LEDGER_DROPPED(TERM_NAME)};
const char *const ledger_lost_names[] = {LEDGER_LOST(TERM_NAME)};
const char *const ledger_destination_lost_names[] = {LEDGER_DESTINATION_LOST(TERM_NAME)};
const char *const ledger_snapshot_cut_off_names[] = {LEDGER_SNAPSHOT_CUT_OFF(TERM_NAME)};
const char *const ledger_snapshot_failed_names[] = {LEDGER_SNAPSHOT_FAILED(TERM_NAME)};

const char *const ledger_mode_names[] = {
    [EXPORT_PARALLEL] = "parallel", [EXPORT_BALANCE] = "balance", [EXPORT_FALLBACK] = "fallback"};
#define STATE_NAME(name, text) text,
const char *const ledger_transport_states[] = {TRANSPORT_STATES(STATE_NAME)};

static void add(struct ledger_pair *sum, const struct ledger_pair *term)
{
    sum->packets += term->packets;
    sum->octets += term->octets;
}

static void add_all(struct ledger_pair *sums, const struct ledger_pair *terms, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        add(&sums[i], &terms[i]);
}

static struct ledger_pair total(const struct ledger_pair *terms, unsigned count)
{
    struct ledger_pair sum = {0, 0};
    for (unsigned i = 0; i < count; i++)
        add(&sum, &terms[i]);
    return sum;
}

static void make_terms(struct ledger_terms *terms, const struct ledger_account *account,
                       const struct exporter_counters *exporter, uint32_t ring)
{
    const struct worker_ledger *worker = account->worker;
    add_all(terms->filtered, worker->filtered, FILTERED_COUNT);
    add_all(terms->ignored, worker->ignored, IGNORED_COUNT);
    add_all(terms->dropped, worker->dropped, DROPPED_COUNT);
    add_all(terms->lost, worker->lost, LOST_COUNT);
    for (uint32_t s = 0; s < account->source_count; s++) {
        add(&terms->observed, &account->sources[s].observed);
        add_all(terms->dropped, account->sources[s].dropped, DROPPED_COUNT);
        add(&terms->filtered[FILTERED_HOST], &account->sources[s].host);
    }
    add(&terms->observed, &worker->counted);
    terms->metered = worker->metered;
    terms->metered_frame = worker->metered_frame;
    terms->cached = account->cached;
    terms->in_kernel = account->in_kernel;
    terms->flows = worker->flows;
    terms->records_out = worker->records_out;
    terms->exported = exporter->exported[ring];
    terms->records_taken = exporter->records[ring];
    if (account->snapshot)
        terms->snapshot = *account->snapshot;
}

static void add_terms(struct ledger_terms *sum, const struct ledger_terms *terms)
{
    add(&sum->observed, &terms->observed);
    add_all(sum->filtered, terms->filtered, FILTERED_COUNT);
    add_all(sum->ignored, terms->ignored, IGNORED_COUNT);
    add_all(sum->dropped, terms->dropped, DROPPED_COUNT);
    add(&sum->metered, &terms->metered);
    add(&sum->metered_frame, &terms->metered_frame);
    add(&sum->exported, &terms->exported);
    add(&sum->cached, &terms->cached);
    add(&sum->in_kernel, &terms->in_kernel);
    add_all(sum->lost, terms->lost, LOST_COUNT);
    sum->flows += terms->flows;
    sum->records_out += terms->records_out;
    sum->records_taken += terms->records_taken;
    snapshot_account_add(&sum->snapshot, &terms->snapshot);
}

static void add_diagnostics(struct ledger *ledger, const struct ledger_account *account)
{
#define ADD_PARSER_COUNTER(name, help) ledger->parser.name += account->parser->name;
#define ADD_CACHE_COUNTER(name, help)  ledger->cache.name += account->cache->name;
    if (account->parser) {
        PARSER_COUNTERS(ADD_PARSER_COUNTER)
    }
#define ADD_DUPLICATE_COUNTER(name, help) ledger->duplicates.name += account->duplicates->name;
    if (account->duplicates) {
        DUPLICATE_COUNTERS(ADD_DUPLICATE_COUNTER)
    }
#define ADD_APPLICATION_COUNTER(name, help)                                                        \
    ledger->applications.name += account->applications->name;
    if (account->applications) {
        APPLICATION_COUNTERS(ADD_APPLICATION_COUNTER)
    }
#define ADD_NAME_COUNTER(name, help) ledger->names.name += account->names->name;
    if (account->names) {
        NAME_FINDER_COUNTERS(ADD_NAME_COUNTER)
        NAME_WORKSPACE_COUNTERS(ADD_NAME_COUNTER)
    }
    add(&ledger->counted, &account->worker->counted);
#define ADD_KERNEL_COUNTER(name, help) ledger->kernel.name += account->kernel->name;
    if (account->kernel) {
        KERNEL_COUNTERS(ADD_KERNEL_COUNTER)
    }
    if (!account->cache)
        return;
    FLOW_CACHE_COUNTERS(ADD_CACHE_COUNTER)
    for (unsigned reason = 0; reason <= FLOW_END_RESOURCES; reason++)
        ledger->cache.ended[reason] += account->cache->ended[reason];
#define ADD_FLOOD_COUNTER(name, help) ledger->cache.flood.name += account->cache->flood.name;
    FLOOD_COUNTERS(ADD_FLOOD_COUNTER)
    if (account->cache->flood.level > ledger->cache.flood.level)
        ledger->cache.flood.level = account->cache->flood.level;
    if (account->cache->sweep_late_ns_max > ledger->cache.sweep_late_ns_max)
        ledger->cache.sweep_late_ns_max = account->cache->sweep_late_ns_max;
}

void ledger_make(struct ledger *ledger, const struct ledger_account *accounts,
                 uint32_t worker_count, const struct exporter_counters *exporter)
{
    check(worker_count <= LEDGER_WORKERS_MAX);
    check(exporter->destination_count <= EXPORT_ROWS_MAX);
    memset(ledger, 0, sizeof *ledger);
    ledger->worker_count = worker_count;
    for (uint32_t w = 0; w < worker_count; w++) {
        make_terms(&ledger->workers[w], &accounts[w], exporter, w);
        add_terms(&ledger->probe, &ledger->workers[w]);
        add_diagnostics(ledger, &accounts[w]);
    }
    ledger->destination_count = exporter->destination_count;
    for (uint32_t d = 0; d < exporter->destination_count; d++) {
        ledger->places[d] = exporter->place[d];
        ledger->destinations[d] = exporter->destination[d];
    }
    ledger->misplaced = exporter->misplaced;
    ledger->group_count = exporter->group_count;
    memcpy(ledger->groups, exporter->groups, sizeof ledger->groups);
}

void ledger_add_cache(struct ledger *ledger, const struct ledger *other)
{
    check(ledger->other_count < LEDGER_CACHES_MAX - 1 && ledger->cache_name && other->cache_name);
    ledger->others[ledger->other_count++] = other;
}

uint64_t ledger_group_records(const struct ledger *ledger, uint32_t group)
{
    uint64_t records = 0;
    for (uint32_t d = 0; d < ledger->destination_count; d++)
        if (ledger->places[d].group == group + 1)
            records += ledger->destinations[d].records - ledger->places[d].since_records;
    return records;
}

void ledger_add_given(struct ledger *ledger, const struct ledger_pair *observed)
{
    ledger->given_known = true;
    add(&ledger->given, observed);
}

void ledger_add_blind_source(struct ledger *ledger, const char *name)
{
    check(ledger->blind_count < LEDGER_BLIND_MAX);
    ledger->blind[ledger->blind_count++] = name;
}

void ledger_add_link(struct ledger *ledger, const char *name, bool up, uint64_t losses)
{
    check(ledger->link_count < LEDGER_BLIND_MAX);
    ledger->links[ledger->link_count++] = (struct ledger_link){name, up, losses};
}

/* Compares the two sides of an identity; the first difference found is told. */
static bool equal(const char *whose, const char *identity, const char *unit, uint64_t left,
                  uint64_t right, struct error *problem)
{
    if (left == right)
        return true;
    error_set(problem, "%.200s: %s: %" PRIu64 " and %" PRIu64 " %s, %" PRIu64 " %s", whose,
              identity, left, right, unit, left > right ? left - right : right - left,
              left > right ? "missing" : "too many");
    return false;
}

static bool equal_pairs(const char *whose, const char *identity, struct ledger_pair left,
                        struct ledger_pair right, struct error *problem)
{
    return equal(whose, identity, "packets", left.packets, right.packets, problem) &&
           equal(whose, identity, "octets", left.octets, right.octets, problem);
}

static bool snapshot_balanced(const struct snapshot_account *account, const char *whose,
                              struct error *problem)
{
    return equal_pairs(whose, "snapshot seen = stored + in_memory + cut_off + overload + failed",
                       account->seen, snapshot_account_sum(account), problem);
}

static bool terms_balanced(const struct ledger_terms *terms, const char *whose,
                           struct error *problem)
{
    struct ledger_pair selected[] = {
        terms->metered_frame,
        total(terms->filtered, FILTERED_COUNT),
        total(terms->ignored, IGNORED_COUNT),
        total(terms->dropped, DROPPED_COUNT),
    };
    struct ledger_pair kept[] = {
        terms->exported,
        terms->cached,
        terms->in_kernel,
        total(terms->lost, LOST_COUNT),
    };
    return equal_pairs(whose, "observed = metered + filtered + ignored + dropped", terms->observed,
                       total(selected, 4), problem) &&
           equal(whose, "metered, counted by frames and by IP headers", "packets",
                 terms->metered_frame.packets, terms->metered.packets, problem) &&
           equal_pairs(whose, "metered = exported + cached + in_kernel + lost", terms->metered,
                       total(kept, 4), problem) &&
           equal(whose, "records out = records taken by the exporting process", "records",
                 terms->records_out, terms->records_taken, problem) &&
           snapshot_balanced(&terms->snapshot, whose, problem);
}

/* Whether each record goes to one destination of its group. */
static bool is_shared(const struct ledger *ledger, uint32_t destination)
{
    uint32_t group = ledger->places[destination].group;
    return group && ledger->groups[group - 1].mode != EXPORT_PARALLEL;
}

/* Records that came since the group is as it is; all its members began together. */
static uint64_t group_wants(const struct ledger *ledger, uint32_t group)
{
    for (uint32_t d = 0; d < ledger->destination_count; d++)
        if (ledger->places[d].group == group + 1)
            return ledger->probe.records_out - ledger->places[d].since_total;
    return 0;
}

static bool destination_balanced(const struct ledger *ledger, uint32_t d, struct error *problem)
{
    const struct destination_counters *counters = &ledger->destinations[d];
    const struct destination_place *place = &ledger->places[d];
    const char *name = place->name;
    uint64_t lost = 0;
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
        lost += counters->lost[i];
    /* Since the last change of the configuration. */
    uint64_t wanted = place->removed ? 0 : ledger->probe.records_out - place->since_total;
    if (!is_shared(ledger, d) && !equal(name, "records out = records", "records", wanted,
                                        counters->records - place->since_records, problem))
        return false;
    return equal(name, "records = sent + queued + spooled + lost", "records", counters->records,
                 counters->sent + counters->queued + counters->spooled + lost, problem) &&
           equal(name, "recovered = sent + queued + spooled + lost", "records of an earlier run",
                 counters->recovered,
                 counters->recovered_sent + counters->recovered_queued +
                     counters->recovered_spooled + counters->recovered_lost,
                 problem);
}

bool ledger_cache_balanced(const struct ledger *ledger, struct error *problem)
{
    for (uint32_t w = 0; w < ledger->worker_count; w++) {
        char whose[32];
        snprintf(whose, sizeof whose, "worker %u", w);
        if (!terms_balanced(&ledger->workers[w], whose, problem))
            return false;
    }
    if (!terms_balanced(&ledger->probe, "probe", problem))
        return false;
    struct ledger_pair given = ledger->given;
    add(&given, &ledger->given_carried);
    if (ledger->given_known &&
        !equal_pairs("distribution", "given by the sources = observed by the workers", given,
                     ledger->probe.observed, problem))
        return false;
    for (uint32_t d = 0; d < ledger->destination_count; d++)
        if (!destination_balanced(ledger, d, problem))
            return false;
    for (uint32_t g = 0; g < ledger->group_count; g++)
        if (ledger->groups[g].mode != EXPORT_PARALLEL &&
            !equal(ledger->groups[g].name, "records out = records of the group", "records",
                   group_wants(ledger, g), ledger_group_records(ledger, g), problem))
            return false;
    return equal("exporting process", "records out = records, at changes before", "records", 0,
                 ledger->misplaced, problem);
}

bool ledger_balanced(const struct ledger *ledger, struct error *problem)
{
    if (!ledger_cache_balanced(ledger, problem))
        return false;
    for (uint32_t c = 0; c < ledger->other_count; c++) {
        const struct ledger *other = ledger->others[c];
        struct error inner = {""};
        if (ledger_cache_balanced(other, &inner))
            continue;
        error_set(problem, "cache %.64s: %.400s", other->cache_name, inner.text);
        return false;
    }
    return true;
}
