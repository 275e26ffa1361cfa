/* From a frame with a configuration to a probe that runs by it. */
#include "probe_apply.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert_answer.h"
#include "file_check.h"
#include "model.h"
#include "probe_alerts.h"
#include "probe_change.h"
#include "probe_control_private.h"
#include "probe_exchange.h"
#include "probe_lists.h"
#include "probe_notify.h"
#include "probe_pause.h"
#include "probe_snapshot.h"
#include "probe_source_change.h"

#define ROOT "/spanflow:spanflow"

/* What is wrong, for CONTROL_ERROR. */
struct mistake {
    const char *tag;
    char path[1024];
    struct error error;
};

/* Splits "input:3: /spanflow/cache/maxFlows: text" into path and text. */
static void split(struct mistake *mistake)
{
    const char *path = strstr(mistake->error.text, "/spanflow");
    /* Behind the name of the input at most: files have such paths, too. */
    while (path && path != mistake->error.text && path[-1] != ' ')
        path = strstr(path + 1, "/spanflow");
    const char *end = path ? strstr(path, ": ") : NULL;
    if (!end || mistake->path[0])
        return;
    snprintf(mistake->path, sizeof mistake->path, ROOT "%.*s", (int)(end - path - 9), path + 9);
    memmove(mistake->error.text, end + 2, strlen(end + 2) + 1);
}

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
        split(mistake);
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
    for (uint32_t c = 0; c < config->cache_count; c++)
        flows += config->caches[c].flows_max;
    uint64_t needed = flows * record_octets;
    if (!probe_snapshot_fits(config, &mistake->error))
        return refuse(mistake, "resource-denied", ROOT "/snapshot/memorySize");
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (needed < machine)
        return true;
    error_set(&mistake->error, "tables for %llu flows need %llu MiB, this machine has %llu",
              (unsigned long long)flows, (unsigned long long)(needed >> 20),
              (unsigned long long)(machine >> 20));
    return refuse(mistake, "resource-denied", ROOT "/cache/maxFlows");
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

static void take_text(struct probe_control *control, char *text)
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
    take_text(control, control->next_text);
    control_answer(control, control->next_id, NULL);
    probe_config_free(control->next_config);
    control->next_config = NULL;
    control->next_text = NULL;
}

/* ---- files read again ---- */

static void finish_rules(struct probe *probe)
{
    struct probe_control *control = probe->control;
    const struct application_rules *rules = application_set_rules(probe->rules.set);
    control_answer_text(control, control->reload_id,
                        alert_reload_answer(rules->application_count, rules->match_count));
    fprintf(stderr, "spanflowd: rules were read again: %u applications, %u rules\n",
            rules->application_count, rules->match_count);
}

static void finish_lists(struct probe *probe)
{
    struct probe_control *control = probe->control;
    struct state_lists facts;
    probe_lists_facts(probe->lists, NULL, &facts);
    control_answer_text(control, control->reload_id, state_lists_answer(&facts));
    fputs("spanflowd: lists were read again\n", stderr);
    probe_lists_tell(probe->lists);
}

static void finish_reload(struct probe *probe)
{
    (probe->control->reloads_lists ? finish_lists : finish_rules)(probe);
    probe->control->reload_id = 0;
}

/* Whether nothing else is under way; else request ID is refused. */
static bool is_free(struct probe *probe, uint32_t id)
{
    if (!probe->rebuilding && !probe->change && !probe->control->wish && !probe_stops_asked())
        return true;
    control_refuse(probe->control, id, "in-use", "",
                   probe_stops_asked() ? "the daemon is ending"
                                       : "another configuration is being applied");
    return false;
}

void probe_reload(struct probe *probe, uint32_t id)
{
    struct probe_control *control = probe->control;
    struct error error = {""};
    if (!is_free(probe, id))
        return;
    if (!probe->rules.set) {
        control_refuse(control, id, "operation-failed", ROOT "/applications/identify",
                       "applications are not looked for");
        return;
    }
    struct probe_change *change =
        probe_change_prepare(probe, probe->config, PLAN_RULES, NULL, &error);
    if (!change) {
        control_refuse(control, id, "operation-failed", ROOT "/applications/ruleFile", error.text);
        fprintf(stderr, "spanflowd: rules were read again and are not used: %s\n", error.text);
        return;
    }
    control->reload_id = id;
    control->reloads_lists = false;
    probe_change_submit(probe, change);
}

/* ---- wishes ---- */

/* A configuration that is to run, or lists that are to be read again. */
struct probe_wish {
    uint32_t id; /* of the request */
    bool test;   /* it is only to be checked */
    bool again;  /* nothing but lists read again */
    struct plan plan;
    struct probe_config *config; /* NULL: that which runs */
    char *text;
    struct probe_lists_job *job; /* reads its lists; NULL: it has the same or is not begun */
    struct probe_change *change; /* NULL: none is needed, or the probe is made anew */
};

static void free_wish(struct probe_wish *wish)
{
    struct probe_lists *lists = NULL;
    struct error error;
    if (wish->job)
        probe_lists_end(wish->job, &lists, &error);
    probe_lists_free(lists);
    probe_change_free(wish->change);
    probe_config_free(wish->config);
    free(wish->text);
    free(wish);
}

static void apply(struct probe *probe, struct probe_wish *wish)
{
    struct probe_control *control = probe->control;
    struct probe_change *change = wish->change;
    control->next_config = wish->config;
    control->next_text = wish->text;
    control->next_id = wish->id;
    snprintf(control->next_path, sizeof control->next_path, "%s",
             wish->plan.path ? wish->plan.path : "");
    wish->config = NULL;
    wish->text = NULL;
    wish->change = NULL;
    if (wish->plan.actions & PLAN_REBUILD)
        begin_rebuild(probe);
    else if (change)
        probe_change_submit(probe, change);
    else
        finish_change(probe);
}

/* Reads and checks a wish, as far as it can be done without changing anything. */
static bool understand(struct probe *probe, const struct control_frame *frame,
                       struct probe_wish *wish, struct mistake *mistake)
{
    wish->config = read_configuration(frame, &wish->text, mistake);
    if (!wish->config)
        return false;
    wish->plan = plan_make(probe->config, wish->config);
    if (wish->plan.actions & PLAN_EXCHANGE && !probe_exchange_is_possible(probe, wish->config))
        wish->plan.actions |= PLAN_REBUILD;
    if (!probe_source_change_is_possible(probe, wish->config, wish->plan.actions))
        wish->plan.actions |= PLAN_REBUILD;
    if (!can_be_run(wish->config, &wish->plan, mistake))
        return false;
    if (strcmp(probe->config->ledger_path, wish->config->ledger_path) != 0 &&
        !config_check_ledger(wish->config, &mistake->error)) {
        mistake->tag = "invalid-value";
        split(mistake);
        return false;
    }
    if (wish->plan.actions != PLAN_NOTHING &&
        !config_check_files(wish->config, false, &mistake->error))
        return refuse(mistake, "invalid-value", wish->plan.path);
    return true;
}

/* Takes what the thread has read, and prepares the change. */
static bool prepare(struct probe *probe, struct probe_wish *wish, struct mistake *mistake)
{
    struct probe_lists *lists = NULL;
    bool good = true;
    if (wish->job) {
        good = probe_lists_end(wish->job, &lists, &mistake->error);
        wish->job = NULL;
    }
    unsigned apart = PLAN_REBUILD | (wish->test ? PLAN_SOURCES : 0u); /* a test opens nothing */
    if (good && (wish->plan.actions == PLAN_NOTHING || wish->plan.actions & apart)) {
        probe_lists_free(lists); /* the probe that is made anew reads its own */
        return true;
    }
    if (good)
        wish->change = probe_change_prepare(probe, wish->config ? wish->config : probe->config,
                                            wish->plan.actions, lists, &mistake->error);
    if (wish->change && (wish->test || probe_change_confirm(wish->change, &mistake->error)))
        return true;
    mistake->tag = "operation-failed";
    split(mistake);
    if (!mistake->path[0] && wish->plan.path)
        snprintf(mistake->path, sizeof mistake->path, "%s", wish->plan.path);
    return false;
}

/* All that can fail is behind WISH, which is freed: it is done, or the request is answered. */
static void conclude(struct probe *probe, struct probe_wish *wish, bool good,
                     const struct mistake *mistake)
{
    struct probe_control *control = probe->control;
    if (good && wish->again && !wish->test) {
        control->reload_id = wish->id;
        control->reloads_lists = true;
        probe_change_submit(probe, wish->change);
        wish->change = NULL;
    } else if (good && !wish->test) {
        apply(probe, wish);
    } else if (good) {
        control_answer(control, wish->id, NULL);
    } else {
        control_refuse(control, wish->id, mistake->tag, mistake->path, mistake->error.text);
        if (wish->again)
            fprintf(stderr, "spanflowd: lists were read again and are not used: %s\n",
                    mistake->error.text);
    }
    free_wish(wish);
}

/* Goes on with WISH as far as can be without waiting for its lists to be read. */
static void pursue(struct probe *probe, struct probe_wish *wish, struct mistake *mistake)
{
    if (wish->plan.actions & PLAN_LISTS) {
        const struct probe_config *config = wish->config ? wish->config : probe->config;
        wish->job = probe_lists_begin(&config->lists, probe->lists, &mistake->error);
        if (wish->job)
            probe->control->wish = wish;
        else
            conclude(probe, wish, false, mistake);
        return;
    }
    conclude(probe, wish, prepare(probe, wish, mistake), mistake);
}

void probe_reload_lists(struct probe *probe, uint32_t id)
{
    struct mistake mistake = {.tag = "resource-denied"};
    if (!is_free(probe, id))
        return;
    if (!probe->config->lists.count && !probe->config->lists.brands[0]) {
        control_refuse(probe->control, id, "operation-failed", ROOT "/list",
                       "there are no lists to be read again");
        return;
    }
    struct probe_wish *wish = calloc(1, sizeof *wish);
    if (!wish) {
        control_refuse(probe->control, id, mistake.tag, "", "the daemon's memory is short");
        return;
    }
    wish->id = id;
    wish->again = true;
    wish->plan.actions = PLAN_LISTS;
    wish->plan.path = ROOT "/list";
    pursue(probe, wish, &mistake);
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

static void drop_new(struct probe_control *control, const char *tag, const char *message)
{
    control_refuse(control, control->next_id, tag, control->next_path, message);
    probe_config_free(control->next_config);
    free(control->next_text);
    control->next_config = NULL;
    control->next_text = NULL;
}

/* A source could not be had, and everything is as it was. */
static void refuse_change(struct probe_control *control, struct mistake *mistake)
{
    split(mistake);
    fprintf(stderr, "spanflowd: the new configuration cannot be run: %s\n", mistake->error.text);
    snprintf(control->next_path, sizeof control->next_path, "%.255s", mistake->path);
    drop_new(control, mistake->tag, mistake->error.text);
}

void probe_apply_turn(struct probe *probe)
{
    struct probe_control *control = probe->control;
    struct mistake mistake = {.tag = "operation-failed"};
    struct probe_wish *wish = control->wish;
    if (probe_stops_asked())
        probe_apply_end(probe);
    else if (wish && probe_lists_ready(wish->job)) {
        control->wish = NULL;
        conclude(probe, wish, prepare(probe, wish, &mistake), &mistake);
    }
    if (!probe->change || !probe_change_finish(probe, &mistake.error))
        return;
    if (mistake.error.text[0])
        refuse_change(control, &mistake);
    else if (control->next_config)
        finish_change(probe);
    else
        finish_reload(probe);
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
    if (!control->wish)
        return;
    control_refuse(control, control->wish->id, "in-use", "", "the daemon is ending");
    free_wish(control->wish);
    control->wish = NULL;
}

/* ---- one probe after the other ---- */

struct probe *probe_begin(const struct probe_config *config, struct probe_control *control,
                          struct ledger_carry *carry, struct error *error)
{
    struct probe *probe = probe_create(config, carry, error);
    if (!probe)
        return NULL;
    probe->control = control;
    probe->watch = control ? probe_watch_create() : NULL;
    return probe;
}

static void say_problems(struct probe *probe)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct error line;
        if (packet_source_tell_problem(probe->sources[s], &line))
            fprintf(stderr, "spanflowd: %s\n", line.text);
    }
    probe_say_problems(probe);
}

/* A socket of the old one may be given back by the kernel a little later than it was closed. */
static struct probe *begin_soon(const struct probe_config *config, struct probe_control *control,
                                struct ledger_carry *carry, struct error *error)
{
    const uint64_t patience_ns = 3000000000, pause_ns = 50000000;
    uint64_t end_ns = clock_monotonic_ns() + patience_ns;
    for (;;) {
        struct probe *probe = probe_begin(config, control, carry, error);
        uint64_t now_ns = clock_monotonic_ns();
        if (probe || now_ns > end_ns || !strstr(error->text, strerror(EBUSY)))
            return probe;
        probe_pause(now_ns + pause_ns);
    }
}

/* The new one runs: its configuration is what is told from now on. */
static void keep_new(struct probe_control *control)
{
    probe_config_free(control->config);
    control->config = control->next_config;
    take_text(control, control->next_text);
    control->rebuilt++;
    control_answer(control, control->next_id, NULL);
    control->next_config = NULL;
    control->next_text = NULL;
}

void probe_rebuild_given_up(struct probe_control *control)
{
    if (control && control->next_config)
        drop_new(control, "in-use", "the daemon is ending");
}

/* Nothing was observed since SINCE_NS until the sources of PROBE were there; WHY is a leaf's path.
 */
static void tell_unobserved(struct probe *probe, uint64_t since_ns, const char *why)
{
    uint64_t time_ns = probe->observing_ns - since_ns;
    probe->control->unobserved_ns += time_ns;
    fprintf(stderr,
            "spanflowd: nothing was observed for %.3f s while the probe was made anew (%s)\n",
            (double)time_ns / 1e9, why);
}

struct probe *probe_rebuild(struct probe *probe, struct error *error)
{
    struct probe_control *control = probe->control;
    struct error mistake = {""};
    char why[sizeof control->next_path], *state = NULL;
    uint64_t since_ns = probe->rebuilding_ns;
    bool observed = probe->source_count > 0;
    snprintf(why, sizeof why, "%s", control->next_path);
    say_problems(probe);
    struct ledger_carry *carry = probe_carry_ledger(probe, &state);
    struct probe_alerts *alerts = probe_alerts_detach(probe);
    struct probe_lists *lists = probe->lists;
    probe->lists = NULL; /* freed when nobody has them any more */
    probe_interim_begin(control, state);
    probe_destroy(probe);
    probe_snapshot_tell_configuration(control->next_text);
    probe = begin_soon(control->next_config, control, carry, &mistake);
    bool taken = probe != NULL;
    if (!taken) {
        fprintf(stderr, "spanflowd: the new configuration cannot be run: %s\n", mistake.text);
        probe_snapshot_tell_configuration(control->text);
        probe = begin_soon(control->config, control, carry, error);
    }
    probe_interim_end(control);
    if (probe && observed && probe->source_count > 0)
        tell_unobserved(probe, since_ns, why);
    if (probe)
        probe_lists_follow(probe->lists, lists);
    probe_lists_free(lists);
    if (probe)
        probe_alerts_attach(probe, alerts);
    else
        probe_alerts_close(alerts);
    if (taken)
        keep_new(control);
    else
        drop_new(control, "operation-failed", mistake.text);
    if (!probe)
        ledger_carry_free(carry);
    return probe;
}
