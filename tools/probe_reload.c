/* What is said when files of rules or lists were read again (probe_apply.c) and are in force. */
#include <stdio.h>

#include "alert_answer.h"
#include "probe.h"
#include "probe_control_private.h"
#include "probe_lists.h"

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

void probe_reload_finish(struct probe *probe)
{
    if (probe->control->reloads_lists)
        finish_lists(probe);
    else
        finish_rules(probe);
    probe->control->reload_id = 0;
}
