/* From a frame with a configuration to a probe that runs by it. */
#include "probe_apply.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_check.h"
#include "list_load.h"
#include "model.h"
#include "probe_alerts.h"
#include "probe_change.h"
#include "probe_control_private.h"
#include "probe_exchange.h"
#include "probe_files.h"
#include "probe_folders.h"
#include "probe_lists.h"
#include "probe_mistake.h"
#include "probe_moves.h"
#include "probe_snapshot.h"
#include "probe_source_change.h"

#define ROOT "/spanflow:spanflow"

/* ---- reading ---- */

static struct probe_config *read_configuration(const struct control_frame *frame, char **text,
                                               struct mistake *mistake)
{
    struct config_tree tree;
    struct probe_config *config = NULL;
    mistake->tag = "operation-failed";
    if (!config_tree_open(&tree, &mistake->error))
        return NULL;
    mistake->tag = "invalid-value";
    if (config_tree_parse(&tree, frame->body, "configuration", &mistake->error) &&
        (*text = config_tree_print(&tree)) && config_tree_validate(&tree, &mistake->error))
        config = probe_config_from_tree(&tree, &mistake->error);
    config_tree_close(&tree);
    if (config && !*text) {
        probe_config_free(config);
        config = NULL;
        error_set(&mistake->error, "the daemon's memory is short");
    }
    if (!config)
        mistake_split(mistake);
    return config;
}

/* ---- checks that need no change ---- */

static bool refuse(struct mistake *mistake, const char *tag, const char *path)
{
    mistake->tag = tag;
    snprintf(mistake->path, sizeof mistake->path, "%s", path);
    return false;
}

static bool sources_are_there(const struct probe_config *config, struct mistake *mistake)
{
    char path[128];
    for (uint32_t s = 0; s < config->source_count; s++) {
        const struct source_config *source = &config->sources[s];
        if (!source->interface[0] || if_nametoindex(source->interface))
            continue;
        error_set(&mistake->error, "there is no interface %s", source->interface);
        snprintf(path, sizeof path, ROOT "/observationPoint[name='%s']/xdp/interface",
                 source->name);
        return refuse(mistake, "invalid-value", path);
    }
    return true;
}

/* Before the probe is taken apart for it. */
static bool devices_are_possible(const struct probe_config *config, struct mistake *mistake)
{
    char path[128];
    uint32_t wrong;
    if (probe_sources_possible(config, &wrong, &mistake->error))
        return true;
    snprintf(path, sizeof path, ROOT "/observationPoint[name='%s']/device",
             config->sources[wrong].name);
    return refuse(mistake, "operation-failed", path);
}

static bool cpus_are_there(const struct probe_config *config, struct mistake *mistake)
{
    char path[64];
    long count = sysconf(_SC_NPROCESSORS_CONF);
    for (uint32_t w = 0; w < config->worker_cpu_count; w++) {
        if (config->worker_cpus[w] < count)
            continue;
        error_set(&mistake->error, "this machine has no CPU %u", config->worker_cpus[w]);
        snprintf(path, sizeof path, ROOT "/workerCpu[.='%u']", config->worker_cpus[w]);
        return refuse(mistake, "invalid-value", path);
    }
    return true;
}

static bool memory_is_there(const struct probe_config *config, struct mistake *mistake)
{
    const struct flow_names *names = &config->names.wanted;
    const uint64_t line = 64; /* of the tables four, at least, and of the pool of names one */
    const uint64_t record_octets = names->clear | names->hashed ? 5 * line : 4 * line;
    uint64_t flows = 0;
    const struct cache_config *largest = &config->caches[0];
    char path[128];
    for (uint32_t c = 0; c < config->cache_count; c++) {
        flows += config->caches[c].flows_max;
        if (config->caches[c].flows_max > largest->flows_max)
            largest = &config->caches[c];
    }
    uint64_t needed = flows * record_octets;
    if (!probe_snapshot_fits(config, &mistake->error))
        return refuse(mistake, "resource-denied", ROOT "/snapshot/memorySize");
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (needed < machine)
        return true;
    error_set(&mistake->error, "tables for %llu flows need %llu MiB, this machine has %llu",
              (unsigned long long)flows, (unsigned long long)(needed >> 20),
              (unsigned long long)(machine >> 20));
    snprintf(path, sizeof path, ROOT "/cache[name='%s']/maxFlows", largest->name);
    return refuse(mistake, "resource-denied", path);
}

static bool can_be_run(const struct probe_config *config, const struct plan *plan,
                       struct mistake *mistake)
{
    if (config->offline) {
        error_set(&mistake->error, "a running probe does not read capture files; remove them");
        return refuse(mistake, "operation-not-supported", ROOT "/captureFile");
    }
    return sources_are_there(config, mistake) && cpus_are_there(config, mistake) &&
           memory_is_there(config, mistake) &&
           (!(plan->actions & PLAN_REBUILD) || devices_are_possible(config, mistake));
}

/* ---- applying ---- */

void probe_apply_take_text(struct probe_control *control, char *text)
{
    free(control->text);
    control->text = text;
    control->applied++;
    probe_snapshot_tell_configuration(text);
}

static void begin_rebuild(struct probe *probe)
{
    probe->rebuilding = true;
    probe->rebuilding_ns = clock_monotonic_ns();
    fprintf(stderr, "spanflowd: a new configuration (%s) needs the probe to be made anew\n",
            probe->control->next_path);
}

void probe_apply_adopt(struct probe_control *control)
{
    if (!control || !control->next_config || control->adopted)
        return;
    plan_adopt(control->config, control->next_config);
    control->adopted = true; /* once more would change back what the two have exchanged */
}

/* What is in force now is what is told from now on. */
static void finish_change(struct probe *probe)
{
    struct probe_control *control = probe->control;
    probe_apply_adopt(control);
    control->adopted = false;
    probe_apply_take_text(control, control->next_text);
    control_answer(control, control->next_id, NULL);
    control->next_id = 0;
    probe_config_free(control->next_config);
    control->next_config = NULL;
    control->next_text = NULL;
}

void probe_apply_refuse_end(struct probe_control *control, uint32_t id)
{
    control_refuse(control, id, "operation-failed", "", PROBE_ENDING);
}

/* Whether nothing else is under way; else request ID is refused. */
static bool is_free(struct probe *probe, uint32_t id)
{
    if (!probe->rebuilding && !probe->change && !probe->control->wish && !probe_stops_asked())
        return true;
    if (probe_stops_asked())
        probe_apply_refuse_end(probe->control, id);
    else
        control_refuse(probe->control, id, "in-use", "", "another configuration is being applied");
    return false;
}

/* ---- wishes ---- */

/* A configuration that is to run, or files that are to be read again. */
struct probe_wish {
    uint32_t id; /* of the request */
    bool test;   /* it is only to be checked */
    bool again;  /* nothing but files read again */
    struct plan plan;
    struct probe_config *config; /* NULL: that which runs */
    char *text;
    struct probe_files_job *job; /* reads its files; NULL: it has the same or is not begun */
    struct probe_files files;    /* that were read, for a probe that is made anew */
    struct probe_moves *moves;   /* before it can be prepared, and then no job; NULL: none */
    bool refused;                /* what it moved comes back, then the mistake is told */
    struct mistake mistake;
    struct probe_change *change; /* NULL: none is needed, or the probe is made anew */
};

static void free_wish(struct probe_wish *wish)
{
    struct error error;
    if (wish->job)
        probe_files_end(wish->job, &wish->files, &error);
    probe_files_free(&wish->files);
    probe_change_free(wish->change);
    probe_moves_free(wish->moves);
    probe_config_free(wish->config);
    free(wish->text);
    free(wish);
}

/* A configuration that makes a probe anew says it at the start of that. */
static void warn(const struct probe *probe, const struct probe_wish *wish)
{
    const char *untold = model_names_untold(wish->config);
    if (untold && !model_names_untold(probe->config))
        fprintf(stderr, "spanflowd: warning: %s\n", untold);
}

static void apply(struct probe *probe, struct probe_wish *wish)
{
    struct probe_control *control = probe->control;
    struct probe_change *change = wish->change;
    if (!(wish->plan.actions & PLAN_REBUILD))
        warn(probe, wish);
    control->next_config = wish->config;
    control->next_text = wish->text;
    control->next_id = wish->id;
    snprintf(control->next_path, sizeof control->next_path, "%s",
             wish->plan.path ? wish->plan.path : "");
    wish->config = NULL;
    wish->text = NULL;
    wish->change = NULL;
    if (wish->plan.actions & PLAN_REBUILD) {
        control->next_files = wish->files;
        memset(&wish->files, 0, sizeof wish->files);
        begin_rebuild(probe);
    } else if (change)
        probe_change_submit(probe, change);
    else
        finish_change(probe);
}

/* Whether nothing passes from one exporting process to another that cannot while packets flow. */
static bool plan_moves(const struct probe *probe, struct probe_wish *wish, const int before[])
{
    bool possible = false;
    if (probe_folders_are_possible(probe, wish->config, before))
        wish->moves = probe_moves_plan(probe, wish->config, before, &possible);
    if (!wish->moves || !(wish->plan.actions & (PLAN_LISTS | PLAN_RULES | PLAN_SOURCES)))
        return possible;
    probe_moves_free(wish->moves);
    wish->moves = NULL;
    return false;
}

/* Reads and checks a wish, as far as it can be done without changing anything. */
static bool understand(struct probe *probe, const struct control_frame *frame,
                       struct probe_wish *wish, struct mistake *mistake)
{
    int before[CACHES_MAX];
    wish->config = read_configuration(frame, &wish->text, mistake);
    if (!wish->config)
        return false;
    wish->plan = plan_make(probe->config, wish->config);
    if (wish->plan.actions & PLAN_EXCHANGE && !probe_exchange_is_possible(probe, wish->config))
        wish->plan.actions |= PLAN_REBUILD;
    if (!probe_source_change_is_possible(probe, wish->config, wish->plan.actions))
        wish->plan.actions |= PLAN_REBUILD;
    probe_exchange_match(probe, wish->config, wish->plan.actions & PLAN_EXCHANGE, before);
    if (!(wish->plan.actions & PLAN_REBUILD) && !plan_moves(probe, wish, before))
        wish->plan.actions |= PLAN_REBUILD;
    if (!can_be_run(wish->config, &wish->plan, mistake))
        return false;
    if (strcmp(probe->config->ledger_path, wish->config->ledger_path) != 0 &&
        !config_check_ledger(wish->config, &mistake->error)) {
        mistake->tag = "invalid-value";
        mistake_split(mistake);
        return false;
    }
    if (wish->plan.actions == PLAN_NOTHING ||
        (config_check_files(wish->config, &mistake->error) &&
         probe_moves_check(probe, wish->config, before, &mistake->error)))
        return true;
    mistake->tag = "invalid-value";
    mistake_blame(mistake, wish->config, wish->plan.path);
    return false;
}

/* Takes what the thread has read, and prepares the change. */
static bool prepare(struct probe *probe, struct probe_wish *wish, struct mistake *mistake)
{
    const struct probe_config *config = wish->config ? wish->config : probe->config;
    bool good = true;
    mistake->tag = "operation-failed";
    if (wish->job) {
        mistake->tag = "invalid-value";
        good = probe_files_end(wish->job, &wish->files, &mistake->error);
        wish->job = NULL;
    }
    bool later = wish->plan.actions & PLAN_REBUILD ||
                 (wish->test && (wish->moves || wish->plan.actions & PLAN_SOURCES));
    if (good && (wish->plan.actions == PLAN_NOTHING || later))
        return true;
    probe->moves = wish->moves;
    if (good)
        wish->change =
            probe_change_prepare(probe, config, wish->plan.actions, &wish->files, &mistake->error);
    probe->moves = NULL;
    if (wish->change && (wish->test || (probe_change_store(wish->change, config, &mistake->error) &&
                                        probe_change_confirm(wish->change, &mistake->error))))
        return true;
    if (good)
        mistake->tag = "operation-failed";
    mistake_blame(mistake, wish->config, wish->plan.path);
    return false;
}

/* All that can fail is behind WISH, which is freed: it is done, or the request is answered. */
static void conclude(struct probe *probe, struct probe_wish *wish, bool good,
                     const struct mistake *mistake)
{
    struct probe_control *control = probe->control;
    if (good && wish->again && !wish->test) {
        control->reload_id = wish->id;
        control->reloads_lists = wish->plan.actions & PLAN_LISTS;
        probe_change_submit(probe, wish->change);
        wish->change = NULL;
    } else if (good && !wish->test) {
        apply(probe, wish);
    } else if (good) {
        control_answer(control, wish->id, NULL);
    } else {
        control_refuse(control, wish->id, mistake->tag, mistake->path, mistake->error.text);
        if (wish->again)
            fprintf(stderr, "spanflowd: %s were read again and are not used: %s\n",
                    wish->plan.actions & PLAN_LISTS ? "lists" : "rules", mistake->error.text);
    }
    free_wish(wish);
}

/* Goes on with WISH, for which no files need be read, as far as can be without waiting for what it
 * moves. */
static void pursue_read(struct probe *probe, struct probe_wish *wish, struct mistake *mistake)
{
    bool moves = wish->moves && !wish->test;
    mistake->tag = "operation-failed";
    if (moves && probe_moves_begin(probe, wish->moves, &mistake->error))
        probe->control->wish = wish;
    else
        conclude(probe, wish, !moves && prepare(probe, wish, mistake), mistake);
}

/* What WISH moves has left its places. If it cannot be done, whoever asked is told when all is
 * back: another configuration is not refused then. */
static void pursue_moved(struct probe *probe, struct probe_wish *wish)
{
    wish->mistake = (struct mistake){.tag = "operation-failed"};
    if (!wish->test && prepare(probe, wish, &wish->mistake)) {
        probe->control->wish = NULL;
        conclude(probe, wish, true, &wish->mistake);
        return;
    }
    probe_change_free(wish->change);
    wish->change = NULL;
    wish->refused = true;
    probe_moves_undo(probe, wish->moves);
}

/* Goes on with WISH, which waits, if there is something to be done. */
static void pursue_waiting(struct probe *probe, struct probe_wish *wish)
{
    struct mistake mistake = {.tag = "operation-failed"};
    if (wish->refused && !probe->change) {
        probe->control->wish = NULL;
        conclude(probe, wish, false, &wish->mistake);
    } else if (!wish->refused && wish->moves && probe_moves_left(probe, wish->moves)) {
        pursue_moved(probe, wish);
    } else if (wish->job && probe_files_ready(wish->job)) {
        probe->control->wish = NULL;
        conclude(probe, wish, prepare(probe, wish, &mistake), &mistake);
    }
}

/* Goes on with WISH as far as can be without waiting for its files to be read. */
static void pursue(struct probe *probe, struct probe_wish *wish, struct mistake *mistake)
{
    bool anew = wish->plan.actions & PLAN_REBUILD;
    const struct probe_files_wish files = {
        .config = wish->config ? wish->config : probe->config,
        .actions = anew ? PLAN_RULES | PLAN_LISTS : wish->plan.actions & (PLAN_RULES | PLAN_LISTS),
        .rules_before = anew ? NULL : &probe->rules,
        .lists_before = anew ? NULL : probe->lists};
    if (!files.actions) {
        pursue_read(probe, wish, mistake);
        return;
    }
    wish->job = probe_files_begin(&files, &mistake->error);
    if (wish->job)
        probe->control->wish = wish;
    else
        conclude(probe, wish, false, mistake);
}

/* Files of the configuration that runs, read again: ACTION of enum plan_action, about PATH. */
static void read_again(struct probe *probe, uint32_t id, unsigned action, const char *path)
{
    struct mistake mistake = {.tag = "resource-denied"};
    struct probe_wish *wish = calloc(1, sizeof *wish);
    if (!wish) {
        control_refuse(probe->control, id, mistake.tag, "", "the daemon's memory is short");
        return;
    }
    wish->id = id;
    wish->again = true;
    wish->plan.actions = action;
    wish->plan.path = path;
    pursue(probe, wish, &mistake);
}

void probe_reload(struct probe *probe, uint32_t id)
{
    if (!is_free(probe, id))
        return;
    if (probe->rules.set)
        read_again(probe, id, PLAN_RULES, ROOT "/applications/ruleFile");
    else
        control_refuse(probe->control, id, "operation-failed", ROOT "/applications/identify",
                       "applications are not looked for");
}

void probe_reload_lists(struct probe *probe, uint32_t id)
{
    if (!is_free(probe, id))
        return;
    if (config_has_lists(&probe->config->lists))
        read_again(probe, id, PLAN_LISTS, ROOT "/list");
    else
        control_refuse(probe->control, id, "operation-failed", ROOT "/list",
                       "there are no lists to be read again");
}

void probe_apply(struct probe *probe, const struct control_frame *frame)
{
    struct mistake mistake = {.tag = "resource-denied"};
    if (!is_free(probe, frame->id))
        return;
    struct probe_wish *wish = calloc(1, sizeof *wish);
    if (!wish) {
        control_refuse(probe->control, frame->id, mistake.tag, "", "the daemon's memory is short");
        return;
    }
    wish->id = frame->id;
    wish->test = frame->flags & CONTROL_TEST;
    if (understand(probe, frame, wish, &mistake))
        pursue(probe, wish, &mistake);
    else
        conclude(probe, wish, false, &mistake);
}

/* A source could not be had, and everything is as it was. */
static void refuse_change(struct probe_control *control, struct mistake *mistake)
{
    mistake_split(mistake);
    fprintf(stderr, "spanflowd: the new configuration cannot be run: %s\n", mistake->error.text);
    snprintf(control->next_path, sizeof control->next_path, "%.255s", mistake->path);
    probe_apply_drop(control, mistake->tag, mistake->error.text);
}

void probe_apply_turn(struct probe *probe)
{
    struct probe_control *control = probe->control;
    struct mistake mistake = {.tag = "operation-failed"};
    if (probe_stops_asked())
        probe_apply_end(probe);
    else if (control->wish)
        pursue_waiting(probe, control->wish);
    if (!probe->change || !probe_change_finish(probe, &mistake.error))
        return;
    if (mistake.error.text[0])
        refuse_change(control, &mistake);
    else if (control->next_config)
        finish_change(probe);
    else if (!control->moving)
        probe_reload_finish(probe);
    control->moving = false;
}

void probe_apply_forget(struct probe_control *control)
{
    if (!control->wish)
        return;
    control->wish->id = 0;
    control->wish->test = true; /* nobody knows that it was wanted */
}

void probe_apply_end(struct probe *probe)
{
    struct probe_control *control = probe->control;
    struct probe_wish *wish = control->wish;
    control->wish = NULL;
    if (!wish)
        return;
    probe_apply_refuse_end(control, wish->id); /* before the wait for whoever reads its files */
    free_wish(wish);
}

void probe_apply_probe_ended(struct probe *probe)
{
    struct probe_control *control = probe->control;
    probe_apply_end(probe);
    if (!probe->change)
        return;
    probe_apply_refuse_end(control, control->reload_id ? control->reload_id : control->next_id);
    control->reload_id = control->next_id = 0;
}
