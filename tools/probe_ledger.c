/*
 * The ledger of a running or ended probe: asks worker and exporter for one consistent cut, puts the
 * copies together, writes them where the configuration wants them. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ledger.h"
#include "probe.h"

static struct ledger *make_ledger(const struct probe *probe, const struct worker_account *account,
                                  const struct exporter_counters *exported)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        return NULL;
    struct ledger_account copy = {.worker = &account->ledger,
                                  .sources = account->source,
                                  .source_count = account->source_count,
                                  .cached = account->cached,
                                  .in_kernel = account->in_kernel};
    ledger_make(ledger, &copy, 1, exported, &probe->config->exporting);
    for (uint32_t s = 0; s < probe->source_count; s++)
        if (probe->sources[s]->drops_not_visible)
            ledger_add_blind_source(ledger, probe->sources[s]->name);
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

void probe_answer_ledger_requests(struct probe *probe)
{
    if (!probe->cut_pending) {
        uint32_t asked = probe_ledgers_asked();
        if (asked == probe->ledgers_answered)
            return;
        probe->ledgers_answered = asked;
        probe->cut_pending = true;
        worker_request_cut(probe->worker, ++probe->cuts);
    }
    const struct worker_account *account = worker_cut(probe->worker, probe->cuts);
    struct exporter_counters *exported = malloc(sizeof *exported);
    if (account && exported && exporting_process_cut(probe->exporter, probe->cuts, exported)) {
        struct ledger *ledger = make_ledger(probe, account, exported);
        if (ledger)
            publish(probe, ledger, probe->config->ledger_path[0] == 0);
        free(ledger);
        probe->cut_pending = false;
    }
    free(exported);
}

void probe_answer_late_ledger_requests(struct probe *probe)
{
    worker_step(probe->worker, 0); /* a worker that has ended only answers a cut */
    probe_answer_ledger_requests(probe);
}

bool probe_write_final_ledger(struct probe *probe)
{
    struct worker_account *account = malloc(sizeof *account);
    struct exporter_counters *exported = malloc(sizeof *exported);
    struct ledger *ledger = NULL;
    bool good = false;
    if (account && exported) {
        worker_account_now(probe->worker, account);
        exporting_process_counters(probe->exporter, exported);
        ledger = make_ledger(probe, account, exported);
    }
    if (ledger)
        good = publish(probe, ledger, true);
    else
        fprintf(stderr, "spanflowd: no memory for the final ledger\n");
    free(ledger);
    free(account);
    free(exported);
    return good;
}
