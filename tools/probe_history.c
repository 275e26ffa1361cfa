/* Folder and replays. See probe_history.h. */
#include "probe_history.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history/history_folder.h"
#include "history/history_replay.h"
#include "model.h"
#include "probe.h"
#include "probe_control_private.h"
#include "probe_lists.h"

enum { REPLAYS_SHOWN = 16, DOMAINS_APART = 1000000 };
static const uint64_t second_ns = 1000000000;

struct replay_entry {
    uint64_t job;
    char destination[1536];
    uint32_t domain;
    struct history_replay *replay; /* owned; NULL: over */
    struct history_replay_report report;
};

struct probe_history {
    struct history_folder *folder; /* NULL: there is none, or it could not be opened */
    char directory[HISTORY_PATH_MAX];
    bool told_short;
    char told_fault[256];
    uint64_t jobs;                   /* begun so far */
    struct ledger_replays forgotten; /* those that had to make room in what follows */
    uint32_t count;
    struct replay_entry entries[REPLAYS_SHOWN]; /* the oldest first */
};

/* Who may read what is kept; (uint32_t)-1: nobody but us. */
static uint32_t reading_group(void)
{
    const struct group *group = getgrnam("spanflow-ring");
    return group ? group->gr_gid : (uint32_t)-1;
}

static bool make_folder(const char *path, struct error *error)
{
    uint32_t group = reading_group();
    bool made = mkdir(path, 0750) == 0;
    if (!made && errno != EEXIST) {
        error_set(error, "/spanflow/snapshot/directory: %s cannot be made: %s; give another", path,
                  strerror(errno));
        return false;
    }
    if (made && group != (uint32_t)-1 && chown(path, (uid_t)-1, group) == 0)
        chmod(path, 02750);
    return true;
}

bool probe_history_make(const struct probe_config *config, bool writing, struct error *error)
{
    char path[HISTORY_PATH_MAX];
    if (!config->snapshot.history.enabled)
        return true;
    model_history_directory(&config->snapshot, path, sizeof path);
    struct error note = {""}, inner = {""};
    if (!make_folder(config->snapshot.directory, error) || !make_folder(path, error))
        return false;
    struct history_folder *folder =
        history_folder_open(path, reading_group(), writing, &note, &inner);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    if (!folder)
        error_set(error, "/spanflow/snapshot/directory: %s; give another", inner.text);
    history_folder_close(folder);
    return folder != NULL;
}

static struct history_limits limits_of(const struct probe *probe)
{
    const struct flow_history_config *history = &probe->config->snapshot.history;
    /* The times of capture files are no reason to delete what others have kept. */
    uint64_t age_s = probe->config->offline ? UINT32_MAX : history->maximum_age_s;
    return (struct history_limits){history->octets_max, age_s, history->wanted_age_s};
}

/* Opens the folder that the configuration names, or none. */
static void follow_configuration(struct probe *probe)
{
    struct probe_history *history = probe->history;
    char path[HISTORY_PATH_MAX] = "";
    if (probe->config->snapshot.history.enabled)
        model_history_directory(&probe->config->snapshot, path, sizeof path);
    if (strcmp(path, history->directory) == 0)
        return;
    history_folder_close(history->folder);
    history->folder = NULL;
    snprintf(history->directory, sizeof history->directory, "%s", path);
    struct error note = {""}, error = {""};
    if (path[0])
        history->folder = history_folder_open(path, reading_group(), true, &note, &error);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    if (error.text[0])
        fprintf(stderr, "spanflowd: %s\n", error.text);
}

static void tell_short(struct probe *probe, const struct history_report *report, uint64_t now_s)
{
    struct probe_history *history = probe->history;
    uint64_t wanted_s = probe->config->snapshot.history.wanted_age_s;
    uint64_t held_s = now_s > report->oldest_s ? now_s - report->oldest_s : 0;
    uint64_t needed = (report->octets_wanted >> 20) + 1;
    bool was = history->told_short;
    history->told_short = report->is_short;
    if (!report->is_short || was)
        return;
    fprintf(stderr,
            "spanflowd: flow history: records are held for %" PRIu64 " s, %" PRIu64
            " s are wanted: give size=%" PRIu64 " MiB\n",
            held_s, wanted_s, needed);
    struct state_json json = {false};
    json_t *content = json_object();
    state_set_number(&json, content, "held", (uint32_t)held_s);
    state_set_number(&json, content, "wanted", (uint32_t)wanted_s);
    state_set_large(&json, content, "sizeNeeded", needed);
    probe_control_notify(probe->control, "history-short", content);
}

static void look_after(struct probe *probe)
{
    struct probe_history *history = probe->history;
    struct history_limits limits = limits_of(probe);
    struct history_report report;
    uint64_t now_s = (probe->config->offline ? probe_time_ns(probe) : clock_wall_ns()) / second_ns;
    history_folder_keep(history->folder, &limits, now_s);
    history_folder_tell(history->folder, &report);
    tell_short(probe, &report, now_s);
    if (strcmp(report.fault, history->told_fault) != 0 && report.fault[0])
        fprintf(stderr, "spanflowd: flow history: %s: %s\n", history->directory, report.fault);
    snprintf(history->told_fault, sizeof history->told_fault, "%s", report.fault);
}

/* Frees what is over; its numbers stay. */
static void look_at_replay(struct replay_entry *entry)
{
    if (!entry->replay)
        return;
    history_replay_tell(entry->replay, &entry->report);
    if (entry->report.phase != REPLAY_DONE && entry->report.phase != REPLAY_FAILED)
        return;
    history_replay_destroy(entry->replay);
    entry->replay = NULL;
    fprintf(stderr,
            "spanflowd: replay %" PRIu64 " to %s: %" PRIu64 " of %" PRIu64 " records sent%s%s\n",
            entry->job, entry->destination, entry->report.sent, entry->report.found,
            entry->report.problem[0] ? "; " : "", entry->report.problem);
}

void probe_history_turn(struct probe *probe)
{
    if (!probe->history && !probe->config->snapshot.history.enabled)
        return;
    if (!probe->history && !(probe->history = calloc(1, sizeof *probe->history)))
        return;
    follow_configuration(probe);
    if (probe->history->folder)
        look_after(probe);
    for (uint32_t i = 0; i < probe->history->count; i++)
        look_at_replay(&probe->history->entries[i]);
}

void probe_history_close(struct probe_history *history)
{
    if (!history)
        return;
    for (uint32_t i = 0; i < history->count; i++)
        history_replay_destroy(history->entries[i].replay);
    history_folder_close(history->folder);
    free(history);
}

/* ---- operations ---- */

static void add_replay(struct ledger_replays *sum, const struct replay_entry *entry)
{
    sum->count++;
    sum->found += entry->report.found;
    sum->sent += entry->report.sent;
    sum->lost += entry->report.lost;
}

/* A free place for one more replay; NULL: all are at work. */
static struct replay_entry *make_place(struct probe_history *history)
{
    uint32_t over = 0;
    while (history->count == REPLAYS_SHOWN && over < REPLAYS_SHOWN && history->entries[over].replay)
        over++;
    if (over == REPLAYS_SHOWN)
        return NULL;
    if (history->count == REPLAYS_SHOWN) {
        add_replay(&history->forgotten, &history->entries[over]);
        memmove(&history->entries[over], &history->entries[over + 1],
                (REPLAYS_SHOWN - over - 1) * sizeof history->entries[0]);
        history->count--;
    }
    struct replay_entry *entry = &history->entries[history->count];
    memset(entry, 0, sizeof *entry);
    return entry;
}

/* The exporting process that has the destination NAME; *TO becomes that. */
static const struct exporting_process_config *find_destination(const struct probe_config *config,
                                                               const char *name,
                                                               const struct destination_config **to)
{
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t d = 0; d < exporting->destination_count; d++)
            if (strcmp(exporting->destinations[d].name, name) == 0) {
                *to = &exporting->destinations[d];
                return exporting;
            }
    }
    return NULL;
}

/* What a replay to TO is to be. Its port, group and persistent numbers are not those of TO. */
static void describe(const struct probe *probe, const struct snapshot_request *request,
                     const struct exporting_process_config *exporting,
                     const struct destination_config *to, struct history_replay_config *config)
{
    /* Export times are rounded up, so the newest messages may be of a second to come. */
    uint64_t to_s = request->to_ns ? request->to_ns / second_ns : UINT32_MAX;
    memset(config, 0, sizeof *config);
    snprintf(config->directory, sizeof config->directory, "%s", probe->history->directory);
    config->from_s = (uint32_t)(request->from_ns / second_ns);
    config->to_s = (uint32_t)(to_s < UINT32_MAX ? to_s : UINT32_MAX);
    config->destination = *to;
    config->destination.domain = request->domain ? request->domain : to->domain + DOMAINS_APART;
    config->destination.source_port = 0;
    config->destination.group = 0;
    config->destination.rate = request->rate;
    config->destination.rate_set = destination_is_datagram(to->kind);
    config->destination.aggregates = true;
    config->template_refresh_s = exporting->template_refresh_s;
    config->template_refresh_messages = exporting->template_refresh_messages;
    config->queue_octets_max = exporting->queue_octets_max;
    config->applications = probe->rules.names;
    config->marks = probe_lists_marks(probe->lists);
    config->destination.lists = config->marks && config->marks->list_count;
    config->destination.brands = config->marks && config->marks->brand_count;
    config->names = probe->config->names.wanted;
}

static void begin_replay(struct probe *probe, const struct snapshot_request *request, uint32_t id)
{
    struct probe_control *control = probe->control;
    const struct destination_config *to = NULL;
    const struct exporting_process_config *exporting =
        find_destination(probe->config, request->destination, &to);
    struct replay_entry *entry = make_place(probe->history);
    struct history_replay_config *config = malloc(sizeof *config);
    struct error error = {""};
    if (!exporting)
        control_refuse(control, id, "invalid-value", "", "destination: there is none of that name");
    else if (!entry || !config)
        control_refuse(control, id, "resource-denied", "",
                       "too many replays are at work; wait or cancel one");
    else {
        describe(probe, request, exporting, to, config);
        entry->replay = history_replay_start(config, &error);
        if (!entry->replay) {
            control_refuse(control, id, "operation-failed", "", error.text);
        } else {
            probe->history->count++;
            entry->job = ++probe->history->jobs;
            entry->domain = config->destination.domain;
            snprintf(entry->destination, sizeof entry->destination, "%s", to->name);
            struct state_json json = {false};
            json_t *output = json_object();
            state_set_large(&json, output, "job", entry->job);
            control_answer_text(control, id, snapshot_answer(&json, SNAPSHOT_REPLAY, output));
        }
    }
    free(config);
}

static void cancel_replay(struct probe *probe, const struct snapshot_request *request, uint32_t id)
{
    for (uint32_t i = 0; i < probe->history->count; i++) {
        struct replay_entry *entry = &probe->history->entries[i];
        if (entry->job != request->job)
            continue;
        if (entry->replay)
            history_replay_cancel(entry->replay);
        control_answer(probe->control, id, NULL);
        return;
    }
    control_refuse(probe->control, id, "invalid-value", "", "job: there is no such replay");
}

void probe_history_request(struct probe *probe, const struct snapshot_request *request, uint32_t id)
{
    bool enabled = probe->config->snapshot.history.enabled;
    if (enabled) /* it may have come to be a moment ago */
        probe_history_turn(probe);
    if (!enabled || !probe->history || !probe->history->folder)
        control_refuse(probe->control, id, "operation-failed", "",
                       "no flow history is kept; see snapshot/flowHistory/enabled");
    else if (request->kind == SNAPSHOT_REPLAY)
        begin_replay(probe, request, id);
    else
        cancel_replay(probe, request, id);
}

/* ---- state ---- */

struct ledger_replays probe_history_replays(struct probe *probe)
{
    struct probe_history *history = probe->history;
    struct ledger_replays sum = {0};
    if (!history)
        return sum;
    sum = history->forgotten;
    for (uint32_t i = 0; i < history->count; i++) {
        look_at_replay(&history->entries[i]);
        add_replay(&sum, &history->entries[i]);
    }
    return sum;
}

static json_t *replay_object(struct state_json *json, const struct replay_entry *entry)
{
    static const char *const phases[] = {[REPLAY_READING] = "reading",
                                         [REPLAY_SENDING] = "sending",
                                         [REPLAY_DONE] = "complete",
                                         [REPLAY_FAILED] = "failed"};
    json_t *object = json_object();
    state_set_large(json, object, "job", entry->job);
    state_set_text(json, object, "destination", entry->destination);
    state_set_number(json, object, "domain", entry->domain);
    state_set_text(json, object, "state", phases[entry->report.phase]);
    state_set_large(json, object, "found", entry->report.found);
    state_set_large(json, object, "sent", entry->report.sent);
    state_set_large(json, object, "lost", entry->report.lost);
    state_set_large(json, object, "filesDamaged", entry->report.damaged);
    if (entry->report.problem[0])
        state_set_text(json, object, "text", entry->report.problem);
    return object;
}

json_t *probe_history_state(struct probe *probe, struct state_json *json)
{
    struct probe_history *history = probe->history;
    if (!history || (!history->folder && history->count == 0))
        return NULL;
    struct history_report report = {0};
    json_t *object = json_object(), *replays = json_array();
    if (history->folder)
        history_folder_tell(history->folder, &report);
    if (report.oldest_s)
        state_set_time(json, object, "oldest", report.oldest_s * second_ns);
    state_set_large(json, object, "octets", report.octets);
    state_set_large(json, object, "files", report.files);
    state_set_large(json, object, "filesOverwritten", report.removed_full);
    state_set_large(json, object, "filesExpired", report.removed_old);
    state_set_truth(json, object, "short", report.is_short);
    state_set_large(json, object, "sizeWanted", report.octets_wanted);
    if (report.fault[0])
        state_set_text(json, object, "fault", report.fault);
    for (uint32_t i = 0; i < history->count; i++) {
        look_at_replay(&history->entries[i]);
        state_append(json, replays, replay_object(json, &history->entries[i]));
    }
    state_set(json, object, "replay", replays);
    return object;
}
