/*
 * The ledger of a running or ended probe: asks workers and exporters for one consistent cut, puts
 * the copies together, writes them where the configuration wants them. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "ledger.h"
#include "ledger_carry.h"
#include "probe.h"
#include "probe_change.h"
#include "probe_control.h"
#include "probe_exchange.h"
#include "probe_history.h"
#include "probe_kernel.h"
#include "probe_ports.h"
#include "probe_snapshot.h"

/* The copies of every worker, in order. */
struct account_set {
    const struct worker_account *accounts[EXPORT_RINGS_MAX];
    struct snapshot_account snapshots[EXPORT_RINGS_MAX];
};

/* The ledgers of all caches; that of the first is the probe's. */
struct ledger_set {
    struct ledger ledgers[CACHES_MAX];
};

/* What worker W of SET has for cache C. Parser, sources and what else comes before the
 * caches are told with the first. */
static struct ledger_account account_of(const struct account_set *set, uint32_t w, uint32_t c)
{
    const struct worker_account *account = set->accounts[w];
    struct ledger_account copy = {.worker = &account->ledger,
                                  .sources = account->source,
                                  .source_count = account->source_count,
                                  .cached = account->cached,
                                  .in_kernel = account->in_kernel,
                                  .kernel = &account->kernel,
                                  .parser = &account->parser,
                                  .duplicates = &account->duplicates,
                                  .applications = &account->applications,
                                  .names = &account->names,
                                  .cache = &account->cache,
                                  .snapshot = &set->snapshots[w]};
    if (c == 0)
        return copy;
    const struct worker_cache_account *other = &account->others[c - 1];
    copy.worker = &other->ledger;
    copy.cached = other->cached;
    copy.cache = &other->cache;
    copy.in_kernel = (struct ledger_pair){0, 0};
    copy.kernel = NULL;
    copy.snapshot = NULL;
    return copy;
}

static void add_devices(const struct probe *probe, struct ledger *ledger)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        if (source->drops_not_visible)
            ledger_add_blind_source(ledger, source->name);
        if (source->link.known)
            ledger_add_link(ledger, source->name, source->link.up, source->link.losses);
    }
}

/* Adds to LEDGER what the workers of METERING counted for its cache C, whose account the exporting
 * process has as that of old rings. */
static void add_workers(struct ledger *ledger, const struct metering *metering,
                        const struct account_set *set, uint32_t c,
                        const struct exporter_counters *exported)
{
    static struct exporter_counters counters;
    static struct ledger earlier;
    static struct ledger_account copies[EXPORT_RINGS_MAX];
    memset(&counters, 0, sizeof counters);
    memcpy(counters.exported, exported->old_exported, sizeof counters.exported);
    memcpy(counters.records, exported->old_records, sizeof counters.records);
    for (uint32_t w = 0; w < metering->worker_count; w++) {
        copies[w] = account_of(set, w, c);
        copies[w].snapshot = NULL; /* see metering_carry_snapshot() */
    }
    ledger_make(&earlier, copies, metering->worker_count, &counters);
    ledger_add_workers(ledger, &earlier);
}

/* The whole account of a cache whose exporting process has ended, for one that has its name some
 * day. */
static void carry_cache(struct probe *probe, const struct metering *metering,
                        const struct account_set *set, uint32_t b,
                        const struct exporter_counters *exported)
{
    static struct ledger ledger;
    static struct exporter_counters rest;
    memcpy(&rest, exported, sizeof rest);
    memset(rest.exported, 0, sizeof rest.exported);
    memset(rest.records, 0, sizeof rest.records);
    ledger_make(&ledger, NULL, 0, &rest);
    add_workers(&ledger, metering, set, b, exported);
    ledger_add_workers(&ledger, metering->exchanged[b]);
    ledger_carry_add(probe->carry, b, metering->names[b], &ledger);
    if (!ledger_carry_put(&probe->carry, metering->names[b], &ledger))
        fprintf(stderr, "spanflowd: no memory to keep the account of cache %s\n",
                metering->names[b]);
}

void metering_carry(struct probe *probe, struct metering *metering,
                    const struct exporter_counters counters[])
{
    static struct worker_account accounts[EXPORT_RINGS_MAX];
    static struct account_set set;
    for (uint32_t w = 0; w < metering->worker_count; w++) {
        worker_account_now(metering->workers[w], &accounts[w]);
        set.accounts[w] = &accounts[w];
    }
    for (uint32_t b = 0; b < metering->cache_count; b++) {
        if (metering->successor[b] >= 0)
            add_workers(probe->exchanged[metering->successor[b]], metering, &set, b, &counters[b]);
        else
            carry_cache(probe, metering, &set, b, &counters[b]);
    }
}

void metering_carry_snapshot(struct probe *probe)
{
    struct ledger *ledger = probe->exchanged[0];
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        struct snapshot_account account = probe_snapshot_take_before(probe, w);
        snapshot_account_add(&ledger->workers[w].snapshot, &account);
        snapshot_account_add(&ledger->probe.snapshot, &account);
        if (account.seen.packets && ledger->worker_count <= w)
            ledger->worker_count = w + 1;
    }
}

/* EXPORTED is an array with an entry for each cache. NULL if memory is short; to be freed. */
static struct ledger_set *make_ledgers(struct probe *probe, const struct account_set *set,
                                       const struct account_set *before,
                                       const struct exporter_counters *exported)
{
    struct ledger_set *ledgers = calloc(1, sizeof *ledgers);
    struct ledger_account *copies = calloc(probe->metering->worker_count, sizeof *copies);
    for (uint32_t c = 0; ledgers && copies && c < probe->metering->cache_count; c++) {
        const struct cache_config *cache = &probe->config->caches[c];
        struct ledger *ledger = &ledgers->ledgers[c];
        for (uint32_t w = 0; w < probe->metering->worker_count; w++)
            copies[w] = account_of(set, w, c);
        ledger_make(ledger, copies, probe->metering->worker_count, &exported[c]);
        for (uint32_t b = 0; before && probe->before && b < probe->before->cache_count; b++)
            if (probe->before->successor[b] == (int)c)
                add_workers(ledger, probe->before, before, b, &exported[c]);
        if (probe->exchanged[c])
            ledger_add_workers(ledger, probe->exchanged[c]);
        if (probe->metering->cache_count > 1)
            ledger->cache_name = cache->name;
        if (c > 0)
            ledger_add_cache(&ledgers->ledgers[0], ledger);
    }
    if (ledgers && copies) {
        add_devices(probe, &ledgers->ledgers[0]);
        ledgers->ledgers[0].replays = probe_history_replays(probe);
        for (uint32_t c = 0; c < probe->metering->cache_count; c++)
            ledger_carry_add(probe->carry, c, probe->config->caches[c].name, &ledgers->ledgers[c]);
    } else {
        free(ledgers);
        ledgers = NULL;
    }
    free(copies);
    return ledgers;
}

/* Writes the ledger; true if it could be written and is balanced. */
static bool publish(const struct probe *probe, const struct ledger *ledger, bool summary)
{
    struct error error = {""};
    bool good = true;
    if (probe->config->ledger_path[0] &&
        !ledger_write(ledger, probe->config->ledger_path, &error)) {
        fprintf(stderr, "spanflowd: %s\n", error.text);
        good = false;
    }
    if (summary)
        ledger_print(ledger, stderr);
    if (!ledger_balanced(ledger, &error)) {
        fprintf(stderr, "spanflowd: the ledger is not balanced: %s\n", error.text);
        good = false;
    }
    return good;
}

/* Wants descriptions of the exporting processes as well. Without memory they are not told. */
static void ask_exporters(struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        probe->exporting->descriptions[c] = calloc(1, sizeof *probe->exporting->descriptions[c]);
        if (probe->exporting->descriptions[c])
            exporting_process_ask_description(probe->exporting->exporters[c],
                                              probe->exporting->descriptions[c]);
    }
}

static bool exporters_answered(const struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        if (!exporting_process_has_described(probe->exporting->exporters[c]))
            return false;
    return true;
}

static void forget_exporters(struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        free(probe->exporting->descriptions[c]);
        probe->exporting->descriptions[c] = NULL;
    }
}

static void request_cut(struct probe *probe)
{
    probe->cut_pending = true;
    probe->cuts++;
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        worker_request_cut(probe->metering->workers[w], probe->cuts);
    for (uint32_t w = 0; probe->before && w < probe->before->worker_count; w++)
        worker_request_cut(probe->before->workers[w], probe->cuts);
}

/* True when every worker has made its copy for the cut. */
static bool collect_cut(const struct probe *probe, struct account_set *set)
{
    for (uint32_t w = 0; w < probe->metering->worker_count; w++) {
        set->accounts[w] = worker_cut(probe->metering->workers[w], probe->cuts);
        if (!set->accounts[w] || !probe_snapshot_account(probe, w, probe->cuts, &set->snapshots[w]))
            return false;
    }
    return true;
}

/* The same for workers whose place others have taken. */
static bool collect_before(const struct probe *probe, struct account_set *set)
{
    for (uint32_t w = 0; probe->before && w < probe->before->worker_count; w++) {
        set->accounts[w] = worker_cut(probe->before->workers[w], probe->cuts);
        if (!set->accounts[w])
            return false;
    }
    return true;
}

/* True when every exporting process has made its copy. */
static bool collect_exported(const struct probe *probe, struct exporter_counters *exported)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        if (!exporting_process_cut(probe->exporting->exporters[c], probe->cuts, &exported[c]))
            return false;
    return true;
}

void probe_answer_ledger_requests(struct probe *probe)
{
    if (!probe->cut_pending) {
        uint32_t asked = probe_ledgers_asked();
        probe->cut_for_signal = asked != probe->ledgers_answered;
        bool asked_by_control = probe_control_wants_cut(probe->control);
        if (!probe->cut_for_signal && !asked_by_control)
            return;
        if (probe_change_exchanges_rings(probe))
            return;
        /* Up to now, that is, and not up to the last second. */
        if (!probe_kernel_turn(probe))
            return;
        probe->ledgers_answered = asked;
        probe_control_cut_asked(probe->control);
        request_cut(probe);
        if (asked_by_control)
            ask_exporters(probe);
    }
    static struct account_set set, before;
    struct exporter_counters *exported = calloc(probe->metering->cache_count, sizeof *exported);
    if (exported && collect_cut(probe, &set) && collect_before(probe, &before) &&
        collect_exported(probe, exported) && exporters_answered(probe)) {
        struct ledger_set *ledgers = make_ledgers(probe, &set, &before, exported);
        if (ledgers && probe->cut_for_signal)
            publish(probe, &ledgers->ledgers[0], probe->config->ledger_path[0] == 0);
        probe_control_cut_made(probe, ledgers ? &ledgers->ledgers[0] : NULL, set.accounts);
        free(ledgers);
        forget_exporters(probe);
        probe->cut_pending = false;
    }
    free(exported);
}

void probe_answer_late_ledger_requests(struct probe *probe)
{
    /* A worker that has ended only answers a cut. */
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        worker_step(probe->metering->workers[w], 0);
    for (uint32_t w = 0; probe->before && w < probe->before->worker_count; w++)
        worker_step(probe->before->workers[w], 0);
    probe_answer_ledger_requests(probe);
}

/* What the sources gave, and what the programs say that they counted in the kernel: the workers
 * have observed both. */
static void add_given(const struct probe *probe, struct ledger *ledger)
{
    probe_ports_add_given(probe, ledger);
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct source_ledger source = probe_source_ledger(probe, s);
        ledger_add_given(ledger, &source.observed);
        if (!probe->config->sources[s].interface[0])
            continue;
        struct ledger_pair counted = source_xdp_counted(probe->sources[s]);
        ledger_add_given(ledger, &counted);
    }
}

/* Rings of workers whose places nobody has taken, where a run ends in the middle of an exchange. */
static void add_other_snapshots(const struct probe *probe, struct ledger *ledger)
{
    for (uint32_t w = probe->metering->worker_count; w < EXPORT_RINGS_MAX; w++) {
        struct snapshot_account account;
        if (!probe_snapshot_account(probe, w, 0, &account) || account.seen.packets == 0)
            continue;
        for (; ledger->worker_count <= w; ledger->worker_count++)
            memset(&ledger->workers[ledger->worker_count], 0, sizeof ledger->workers[0]);
        snapshot_account_add(&ledger->workers[w].snapshot, &account);
        snapshot_account_add(&ledger->probe.snapshot, &account);
    }
}

/* The account of a probe whose threads have ended; NULL if memory is short. STATE as in
 * probe_carry_ledger(), or NULL. */
static struct ledger_set *final_ledgers(struct probe *probe, char **state)
{
    struct account_set set;
    struct worker_account *accounts = calloc(probe->metering->worker_count, sizeof *accounts);
    struct exporter_counters *exported = calloc(probe->metering->cache_count, sizeof *exported);
    struct ledger_set *ledgers = NULL;
    if (accounts && exported) {
        for (uint32_t w = 0; w < probe->metering->worker_count; w++) {
            worker_account_now(probe->metering->workers[w], &accounts[w]);
            set.accounts[w] = &accounts[w];
            probe_snapshot_account(probe, w, 0, &set.snapshots[w]);
        }
        for (uint32_t c = 0; c < probe->metering->cache_count; c++)
            exporting_process_counters(probe->exporting->exporters[c], &exported[c]);
        ledgers = make_ledgers(probe, &set, NULL, exported);
        if (ledgers)
            add_other_snapshots(probe, &ledgers->ledgers[0]);
    }
    if (ledgers && (probe->metering->distribution || probe->metering->takes_over ||
                    probe->sources_changed || probe->metering->kernel))
        add_given(probe, &ledgers->ledgers[0]);
    if (ledgers && state)
        *state = probe_control_last_state(probe, &ledgers->ledgers[0], set.accounts);
    if (!ledgers)
        fprintf(stderr, "spanflowd: no memory for the final ledger\n");
    free(accounts);
    free(exported);
    return ledgers;
}

bool probe_write_final_ledger(struct probe *probe)
{
    struct ledger_set *ledgers = final_ledgers(probe, NULL);
    bool good = ledgers && publish(probe, &ledgers->ledgers[0], true);
    free(ledgers);
    return good;
}

struct ledger_carry *probe_carry_ledger(struct probe *probe, char **state)
{
    struct error error = {""};
    struct ledger_set *ledgers = final_ledgers(probe, state);
    const char *names[CACHES_MAX];
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        names[c] = probe->config->caches[c].name;
    struct ledger_carry *carry = ledgers ? ledger_carry_make(&ledgers->ledgers[0], names) : NULL;
    if (ledgers && !ledger_balanced(&ledgers->ledgers[0], &error))
        fprintf(stderr, "spanflowd: the ledger is not balanced: %s\n", error.text);
    free(ledgers);
    return carry;
}
