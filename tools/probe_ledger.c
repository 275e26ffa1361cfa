/*
 * The ledger of a running or ended probe: asks worker and exporter for one consistent cut, puts the
 * copies together, writes them where the configuration wants them. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ledger.h"
#include "probe.h"

/* The copies of every worker, in order. */
struct account_set {
    const struct worker_account *accounts[EXPORT_RINGS_MAX];
};

static struct ledger *make_ledger(const struct probe *probe, const struct account_set *set,
                                  const struct exporter_counters *exported)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    struct ledger_account *copies = calloc(probe->worker_count, sizeof *copies);
    if (ledger && copies) {
        for (uint32_t w = 0; w < probe->worker_count; w++) {
            const struct worker_account *account = set->accounts[w];
            copies[w] = (struct ledger_account){.worker = &account->ledger,
                                                .sources = account->source,
                                                .source_count = account->source_count,
                                                .cached = account->cached,
                                                .in_kernel = account->in_kernel,
                                                .kernel = &account->kernel,
                                                .parser = &account->parser,
                                                .duplicates = &account->duplicates,
                                                .applications = &account->applications,
                                                .cache = &account->cache};
        }
        ledger_make(ledger, copies, probe->worker_count, exported, &probe->config->exporting);
        for (uint32_t s = 0; s < probe->source_count; s++) {
            const struct packet_source *source = probe->sources[s];
            if (source->drops_not_visible)
                ledger_add_blind_source(ledger, source->name);
            if (source->link.known)
                ledger_add_link(ledger, source->name, source->link.up, source->link.losses);
        }
    } else {
        free(ledger);
        ledger = NULL;
    }
    free(copies);
    return ledger;
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

static void request_cut(struct probe *probe)
{
    probe->cut_pending = true;
    probe->cuts++;
    for (uint32_t w = 0; w < probe->worker_count; w++)
        worker_request_cut(probe->workers[w], probe->cuts);
}

/* True when every worker has made its copy for the cut. */
static bool collect_cut(const struct probe *probe, struct account_set *set)
{
    for (uint32_t w = 0; w < probe->worker_count; w++) {
        set->accounts[w] = worker_cut(probe->workers[w], probe->cuts);
        if (!set->accounts[w])
            return false;
    }
    return true;
}

void probe_answer_ledger_requests(struct probe *probe)
{
    if (!probe->cut_pending) {
        uint32_t asked = probe_ledgers_asked();
        if (asked == probe->ledgers_answered)
            return;
        /* Up to now, that is, and not up to the last second. */
        if (atomic_load(&probe->workers_running) > 0 && !probe_kernel_turn(probe))
            return;
        probe->ledgers_answered = asked;
        request_cut(probe);
    }
    struct account_set set;
    struct exporter_counters *exported = malloc(sizeof *exported);
    if (exported && collect_cut(probe, &set) &&
        exporting_process_cut(probe->exporter, probe->cuts, exported)) {
        struct ledger *ledger = make_ledger(probe, &set, exported);
        if (ledger)
            publish(probe, ledger, probe->config->ledger_path[0] == 0);
        free(ledger);
        probe->cut_pending = false;
    }
    free(exported);
}

void probe_answer_late_ledger_requests(struct probe *probe)
{
    /* A worker that has ended only answers a cut. */
    for (uint32_t w = 0; w < probe->worker_count; w++)
        worker_step(probe->workers[w], 0);
    probe_answer_ledger_requests(probe);
}

/* What the sources gave, and what the programs say that they counted in the kernel: the workers
 * have observed both. */
static void add_given(const struct probe *probe, struct ledger *ledger)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        ledger_add_given(ledger, &probe->sources[s]->ledger.observed);
        if (!probe->kernel_table || !probe->config->sources[s].interface[0])
            continue;
        struct ledger_pair counted = source_xdp_counted(probe->sources[s]);
        ledger_add_given(ledger, &counted);
    }
}

bool probe_write_final_ledger(struct probe *probe)
{
    struct account_set set;
    struct worker_account *accounts = calloc(probe->worker_count, sizeof *accounts);
    struct exporter_counters *exported = malloc(sizeof *exported);
    struct ledger *ledger = NULL;
    bool good = false;
    if (accounts && exported) {
        for (uint32_t w = 0; w < probe->worker_count; w++) {
            worker_account_now(probe->workers[w], &accounts[w]);
            set.accounts[w] = &accounts[w];
        }
        exporting_process_counters(probe->exporter, exported);
        ledger = make_ledger(probe, &set, exported);
    }
    if (ledger && (probe->distribution || probe->kernel_table))
        add_given(probe, ledger);
    if (ledger)
        good = publish(probe, ledger, true);
    else
        fprintf(stderr, "spanflowd: no memory for the final ledger\n");
    free(ledger);
    free(accounts);
    free(exported);
    return good;
}
