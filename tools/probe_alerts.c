/* Alerts of a probe. See probe_alerts.h. */
#include "probe_alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alert_answer.h"
#include "alert_table.h"
#include "probe.h"
#include "probe_control_private.h"
#include "probe_snapshot.h"
#include "worker/worker_alert.h"

static const uint64_t second_ns = 1000000000, minute_ns = 60000000000;
enum { ALERTS_PER_TURN = 4 * ALERT_RING_SLOTS }; /* of each worker: other duties wait */
enum { FREEZES_TRIED = 20 };                     /* in a second: each looks through all segments */
static const char freeze_prefix[] = "alert-";

struct probe_alerts {
    struct alert_table *table;
    struct state_alerts counters;    /* held and replaced are filled in when they are asked for */
    uint64_t lost_before;            /* of workers that are gone, as the hits below */
    uint64_t minute_began_ns;        /* monotonic: of the rate */
    uint32_t told;                   /* in that minute */
    uint64_t not_told;               /* since the last notification */
    struct snapshot_freeze covering; /* the newest that held a finding, as it was a moment ago */
    uint64_t covering_ns;            /* monotonic: when */
    uint64_t tries_began_ns;         /* monotonic: of the second in which freezes were tried */
    uint32_t tries;
    uint64_t rule_loads;
    uint64_t hits_before[APPLICATION_NUMBER_MAX + 1]; /* by number */
    uint64_t hits[APPLICATION_NUMBER_MAX + 1];        /* for state */
};

bool probe_alerts_open(struct probe *probe, struct error *error)
{
    struct probe_alerts *alerts = calloc(1, sizeof *alerts);
    if (!alerts) {
        error_set(error, "no memory for alerts");
        return false;
    }
    alerts->table = alert_table_create(probe->config->alerts.held_max, error);
    probe->alerts = alerts;
    return alerts->table != NULL;
}

void probe_alerts_close(struct probe_alerts *alerts)
{
    if (!alerts)
        return;
    alert_table_destroy(alerts->table);
    free(alerts);
}

/* ---- freezes ---- */

/* alert-TIME-NAME, of characters that a freeze may have. */
static void name_freeze(const struct alert *alert, char name[ALERT_FREEZE_OCTETS])
{
    static const char possible[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    time_t seconds = (time_t)(alert->time_ns / second_ns);
    struct tm parts;
    char when[32] = "";
    if (gmtime_r(&seconds, &parts))
        strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &parts);
    int length = snprintf(name, ALERT_FREEZE_OCTETS, "%s%s-%s", freeze_prefix, when, alert->name);
    for (int i = 0; i < length && name[i]; i++)
        if (!strchr(possible, name[i]))
            name[i] = '_';
}

/* Whether WINDOW holds the packet of ALERT, and half of what is to be held behind it. */
static bool covers(const struct snapshot_freeze *window, const struct alerts_config *config,
                   const struct alert *alert)
{
    uint64_t half_ns = config->after_s * (second_ns / 2);
    return window->from_ns <= alert->time_ns && alert->time_ns + half_ns <= window->to_ns;
}

/* Whether another freeze may be tried in this second. */
static bool may_try(struct probe_alerts *alerts, uint64_t now_ns)
{
    if (now_ns - alerts->tries_began_ns >= second_ns) {
        alerts->tries_began_ns = now_ns;
        alerts->tries = 0;
    }
    return alerts->tries++ < FREEZES_TRIED;
}

/* Of the freezes that alerts made, COUNT in LIST: how many there are now. One that covers ALERT is
 * *FOUND. */
static uint32_t count_freezes(const struct alerts_config *config, const struct alert *alert,
                              const struct snapshot_freeze *list, size_t count,
                              const struct snapshot_freeze **found)
{
    uint64_t now_ns = clock_wall_ns();
    uint32_t held = 0;
    *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(list[i].name, freeze_prefix, sizeof freeze_prefix - 1) != 0 ||
            list[i].expires_ns <= now_ns)
            continue;
        held++;
        if (covers(&list[i], config, alert))
            *found = &list[i];
    }
    return held;
}

/* Freezes the window around the newest finding of ROW. */
static bool freeze(struct probe *probe, struct alert_row *row, struct error *error)
{
    const struct alerts_config *config = &probe->config->alerts;
    const uint64_t time_ns = row->newest.time_ns, before_ns = config->before_s * second_ns;
    struct snapshot_freeze window = {.from_ns = time_ns > before_ns ? time_ns - before_ns : 0,
                                     .to_ns = time_ns + config->after_s * second_ns,
                                     .expires_ns = clock_wall_ns() + config->expiry_s * second_ns};
    char reason[256];
    name_freeze(&row->newest, window.name);
    alert_text(row, reason, sizeof reason);
    if (!probe_snapshot_freeze(probe, &window, reason, error))
        return false;
    memcpy(row->freeze, window.name, sizeof row->freeze);
    return true;
}

/* Looks for a freeze that holds the newest finding of ROW, or makes one. False and ERROR. */
static bool find_or_freeze(struct probe *probe, struct alert_row *row, uint64_t now_ns,
                           struct error *error)
{
    static struct snapshot_freeze list[SNAPSHOT_FREEZES_MAX];
    const struct alerts_config *config = &probe->config->alerts;
    struct probe_alerts *alerts = probe->alerts;
    const struct snapshot_freeze *found;
    if (!may_try(alerts, now_ns)) {
        error_set(error, "too many want to be frozen in a second");
        return false;
    }
    size_t count = probe_snapshot_freezes(probe, list, SNAPSHOT_FREEZES_MAX);
    uint32_t held = count_freezes(config, &row->newest, list, count, &found);
    if (found) {
        alerts->covering = *found;
        alerts->covering_ns = now_ns;
        memcpy(row->freeze, found->name, sizeof row->freeze);
        alerts->counters.freeze_covered++;
        return true;
    }
    if (held >= config->freezes_max) {
        error_set(error, "there are %u freezes of alerts; release one", held);
        return false;
    }
    bool frozen = freeze(probe, row, error);
    alerts->counters.frozen += frozen;
    return frozen;
}

/* Sees to it that packets around ROW are held, if they are to be and are not yet. */
static void freeze_if_wanted(struct probe *probe, struct alert_row *row)
{
    const struct alerts_config *config = &probe->config->alerts;
    struct probe_alerts *alerts = probe->alerts;
    const struct alert *alert = &row->newest;
    struct error error = {""};
    uint64_t now_ns = clock_monotonic_ns();
    bool wanted =
        alert->severity >= config->freeze_minimum || (alert->freeze && config->freeze_by_rule);
    if (!wanted || row->freeze[0])
        return;
    if (now_ns - alerts->covering_ns < second_ns / 10 && covers(&alerts->covering, config, alert)) {
        memcpy(row->freeze, alerts->covering.name, sizeof row->freeze);
        alerts->counters.freeze_covered++;
    } else if (!find_or_freeze(probe, row, now_ns, &error) &&
               alerts->counters.freeze_refused++ == 0) {
        fprintf(stderr, "spanflowd: an alert (%s) does not freeze its packets: %s\n", alert->name,
                error.text);
    }
}

/* ---- telling ---- */

/* Whether the bound of the rate permits one more. */
static bool may_tell(struct probe *probe, uint64_t now_ns)
{
    struct probe_alerts *alerts = probe->alerts;
    if (alerts->minute_began_ns == 0 || now_ns - alerts->minute_began_ns >= minute_ns) {
        alerts->minute_began_ns = now_ns;
        alerts->told = 0;
    }
    return alerts->told < probe->config->alerts.notifications_per_minute;
}

static void notify(struct probe *probe, const struct alert_row *row)
{
    struct state_json json = {false};
    struct probe_alerts *alerts = probe->alerts;
    json_t *content = alert_object(&json, row);
    state_set_large(&json, content, "notTold", alerts->not_told);
    probe_control_notify(probe->control, "alert", content);
}

/* Tells of ROW if it is new, or if there is more to say and a minute has passed. */
static void tell(struct probe *probe, struct alert_row *row)
{
    struct probe_alerts *alerts = probe->alerts;
    uint64_t now_ns = clock_monotonic_ns();
    char text[256];
    if (row->told_ns && now_ns - row->told_ns < minute_ns)
        return;
    row->told_ns = now_ns;
    if (!may_tell(probe, now_ns)) {
        alerts->counters.not_notified++;
        alerts->not_told++;
        return;
    }
    notify(probe, row);
    alert_text(row, text, sizeof text);
    fprintf(stderr, "spanflowd: alert: %s%s%s\n", text, row->freeze[0] ? ", frozen as " : "",
            row->freeze);
    row->told_count = row->count;
    alerts->not_told = 0;
    alerts->told++;
    alerts->counters.notified++;
}

static void take(struct probe *probe, const struct alert *alert)
{
    struct alert_row *row = alert_table_add(probe->alerts->table, alert);
    probe->alerts->counters.raised++;
    freeze_if_wanted(probe, row);
    tell(probe, row);
}

static void take_all(struct probe *probe, const struct metering *metering)
{
    struct alert alert;
    for (uint32_t w = 0; w < metering->worker_count; w++)
        for (uint32_t i = 0; i < ALERTS_PER_TURN && worker_take_alert(metering->workers[w], &alert);
             i++)
            take(probe, &alert);
}

void probe_alerts_turn(struct probe *probe)
{
    alert_table_resize(probe->alerts->table, probe->config->alerts.held_max);
    take_all(probe, probe->metering);
    if (probe->before)
        take_all(probe, probe->before);
}

/* ---- workers that come and go ---- */

/* Of METERING, which may be NULL, as the next. */
static uint64_t lost_by(const struct metering *metering)
{
    uint64_t lost = 0;
    for (uint32_t w = 0; metering && w < metering->worker_count; w++)
        lost += worker_alerts_lost(metering->workers[w]);
    return lost;
}

static uint64_t hits_by(const struct metering *metering, uint16_t number)
{
    uint64_t hits = 0;
    for (uint32_t w = 0; metering && w < metering->worker_count; w++)
        hits += worker_application_hits(metering->workers[w], number);
    return hits;
}

void probe_alerts_leave(struct probe *probe, const struct metering *metering)
{
    struct probe_alerts *alerts = probe->alerts;
    take_all(probe, metering);
    alerts->lost_before += lost_by(metering);
    for (uint32_t number = 0; number <= APPLICATION_NUMBER_MAX; number++)
        alerts->hits_before[number] += hits_by(metering, (uint16_t)number);
}

struct probe_alerts *probe_alerts_detach(struct probe *probe)
{
    struct probe_alerts *alerts = probe->alerts;
    probe_alerts_leave(probe, probe->metering);
    if (probe->before)
        probe_alerts_leave(probe, probe->before);
    probe->alerts = NULL;
    return alerts;
}

void probe_alerts_attach(struct probe *probe, struct probe_alerts *alerts)
{
    alerts->rule_loads += probe->alerts->rule_loads;
    probe_alerts_close(probe->alerts);
    probe->alerts = alerts;
}

void probe_alerts_count_rules(struct probe *probe)
{
    probe->alerts->rule_loads++;
}

/* ---- operations and state ---- */

void probe_alerts_request(struct probe *probe, const struct control_frame *frame)
{
    struct alert_request request;
    struct error mistake = {""};
    const char *tag = "";
    if (!alert_request_read(&request, frame->body, frame->length, &tag, &mistake)) {
        control_refuse(probe->control, frame->id, tag, "", mistake.text);
    } else if (request.kind == ALERT_REQUEST_LIST) {
        probe_alerts_turn(probe);
        control_answer_text(probe->control, frame->id,
                            alert_list_answer(probe->alerts->table, &request));
    } else {
        probe_reload(probe, frame->id);
    }
}

void probe_alerts_facts(struct probe *probe, struct state_alerts *facts, struct state_rules *rules)
{
    struct probe_alerts *alerts = probe->alerts;
    const struct application_rules *known =
        probe->rules.set ? application_set_rules(probe->rules.set) : NULL;
    *facts = alerts->counters;
    facts->held = alert_table_count(alerts->table);
    facts->replaced = alert_table_replaced(alerts->table);
    facts->lost = alerts->lost_before + lost_by(probe->metering) + lost_by(probe->before);
    for (uint32_t i = 0; known && i < known->application_count; i++) {
        uint16_t number = known->applications[i].number;
        alerts->hits[number] = alerts->hits_before[number] + hits_by(probe->metering, number) +
                               hits_by(probe->before, number);
    }
    *rules = (struct state_rules){.rules = known,
                                  .loaded_ns = probe->rules.loaded_ns,
                                  .loads = alerts->rule_loads,
                                  .hits = alerts->hits};
}
