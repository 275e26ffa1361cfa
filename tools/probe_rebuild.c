/* One probe after the other: the old one is taken apart, the new one made, or the old one again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "probe_alerts.h"
#include "probe_apply.h"
#include "probe_control_private.h"
#include "probe_files.h"
#include "probe_lists.h"
#include "probe_mistake.h"
#include "probe_notify.h"
#include "probe_pause.h"
#include "probe_snapshot.h"

struct probe *probe_begin(const struct probe_config *config, struct probe_files *files,
                          struct probe_control *control, struct ledger_carry *carry,
                          struct error *error)
{
    struct probe *probe = probe_create(config, files, carry, error);
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
static struct probe *begin_soon(const struct probe_config *config, struct probe_files *files,
                                struct probe_control *control, struct ledger_carry *carry,
                                struct error *error)
{
    const uint64_t patience_ns = 3000000000, pause_ns = 50000000;
    uint64_t end_ns = clock_monotonic_ns() + patience_ns;
    for (;;) {
        struct probe *probe = probe_begin(config, files, control, carry, error);
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
    probe_apply_take_text(control, control->next_text);
    control->rebuilt++;
    control_answer(control, control->next_id, NULL);
    control->next_id = 0;
    control->next_config = NULL;
    control->next_text = NULL;
}

void probe_apply_drop(struct probe_control *control, const char *tag, const char *message)
{
    control_refuse(control, control->next_id, tag, control->next_path, message);
    probe_config_free(control->next_config);
    free(control->next_text);
    probe_files_free(&control->next_files);
    control->next_config = NULL;
    control->next_text = NULL;
    control->next_id = 0;
}

void probe_rebuild_given_up(struct probe_control *control)
{
    if (control && control->next_config)
        probe_apply_drop(control, "operation-failed", PROBE_ENDING);
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
    struct mistake mistake = {.tag = "operation-failed"};
    char why[sizeof control->next_path], *state = NULL;
    uint64_t since_ns = probe->rebuilding_ns;
    bool observed = probe->source_count > 0;
    snprintf(why, sizeof why, "%s", control->next_path);
    say_problems(probe);
    struct ledger_carry *carry = probe_carry_ledger(probe, &state);
    struct probe_alerts *alerts = probe_alerts_detach(probe);
    struct probe_files files; /* for the old one, should it be made again */
    probe_give_files(probe, &files);
    probe_interim_begin(control, state);
    probe_destroy(probe);
    probe_snapshot_tell_configuration(control->next_text);
    probe = begin_soon(control->next_config, &control->next_files, control, carry, &mistake.error);
    bool taken = probe != NULL;
    if (!taken) {
        fprintf(stderr, "spanflowd: the new configuration cannot be run: %s\n", mistake.error.text);
        mistake_blame(&mistake, control->next_config, why);
        snprintf(control->next_path, sizeof control->next_path, "%.255s", mistake.path);
        probe_snapshot_tell_configuration(control->text);
        probe = begin_soon(control->config, &files, control, carry, error);
    }
    probe_interim_end(control);
    if (probe && observed && probe->source_count > 0)
        tell_unobserved(probe, since_ns, why);
    if (taken)
        probe_lists_follow(probe->lists, files.lists);
    probe_files_free(&files);
    if (probe)
        probe_alerts_attach(probe, alerts);
    else
        probe_alerts_close(alerts);
    if (taken)
        keep_new(control);
    else
        probe_apply_drop(control, mistake.tag, mistake.error.text);
    if (!probe)
        ledger_carry_free(carry);
    return probe;
}
