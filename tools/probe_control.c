/* The NETCONF process's life, its frames, and who waits for a cut of the ledger. */
#include "probe_control.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alert_answer.h"
#include "model.h"
#include "probe_alerts.h"
#include "probe_control_private.h"
#include "probe_pause.h"
#include "probe_snapshot.h"
#include "snapshot_request.h"
#include "state.h"

enum { PAUSE_MAX_S = 60, FRAMES_PER_TURN = 16 };
static const uint64_t second_ns = 1000000000;

/* ---- answers ---- */

static void say(const char *text)
{
    fprintf(stderr, "spanflowd: NETCONF: %s\n", text);
}

void control_answer(struct probe_control *control, uint32_t id, const char *body)
{
    size_t length = body ? strlen(body) : 0;
    if (id && control->channel &&
        !control_channel_send(control->channel, CONTROL_OK, id, body, length))
        control_refuse(control, id, "too-big", "", "the answer is too large; ask for less");
}

void control_refuse(struct probe_control *control, uint32_t id, const char *tag, const char *path,
                    const char *message)
{
    struct control_refusal refusal;
    control_refusal_set(&refusal, tag, path, message);
    char *body = control_refusal_json(&refusal);
    if (id && control->channel && body)
        control_channel_send(control->channel, CONTROL_ERROR, id, body, strlen(body));
    free(body);
}

void control_answer_text(struct probe_control *control, uint32_t id, char *text)
{
    if (text)
        control_answer(control, id, text);
    else
        control_refuse(control, id, "resource-denied", "", "the daemon's memory is short");
    free(text);
}

struct control_request *control_place(struct probe_control *control, uint32_t id)
{
    for (unsigned i = 0; i < CONTROL_REQUESTS_MAX; i++)
        if (control->requests[i].kind == REQUEST_NONE) {
            control->requests[i].id = id;
            return &control->requests[i];
        }
    control_refuse(control, id, "resource-denied", "", "too many requests wait for their answers");
    return NULL;
}

void probe_control_notify(struct probe_control *control, const char *name, json_t *content)
{
    char key[64];
    json_t *event = json_object();
    snprintf(key, sizeof key, "spanflow:%s", name);
    json_object_set_new(event, key, content);
    json_t *frame = json_object();
    json_object_set_new(frame, "time", json_integer((json_int_t)clock_wall_ns()));
    json_object_set_new(frame, "event", event);
    char *text = control ? json_dumps(frame, JSON_COMPACT) : NULL;
    json_decref(frame);
    if (text) {
        probe_events_put(&control->events, text);
        probe_events_send(&control->events, control->channel);
    } else if (control) {
        control->events.lost++;
    }
}

/* ---- the process ---- */

static char *hello(const struct probe_control *control)
{
    json_t *object = json_pack("{s:b,s:b,s:s,s:s,s:s}", "volatile", control->is_volatile,
                               "replaces", control->replaces, "store", control->store, "socket",
                               control->socket, "version", SPANFLOW_VERSION);
    json_t *configuration = json_loads(control->text, 0, NULL);
    json_t *access = control->access ? json_loads(control->access, 0, NULL) : NULL;
    json_object_update_missing(configuration, access);
    json_decref(access);
    json_object_set_new(object, "configuration", configuration);
    if (control->kept)
        json_object_set(object, "kept", control->kept);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static bool start_process(struct probe_control *control, struct error *error)
{
    control->started_ns = clock_monotonic_ns();
    int fd = probe_child_start(&control->child, error);
    control->channel = fd >= 0 ? control_channel_create(fd, error) : NULL;
    char *text = control->channel ? hello(control) : NULL;
    if (text)
        control_channel_send(control->channel, CONTROL_HELLO, 0, text, strlen(text));
    free(text);
    probe_events_send(&control->events, control->channel);
    return control->channel != NULL;
}

/* The process is gone or must go, for WHY: it is started again after a pause that grows while it
 * does not live for a minute. Nobody waits for an answer any more. */
static void lose_process(struct probe_control *control, const char *why)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool lasted = now_ns - control->started_ns >= PAUSE_MAX_S * second_ns;
    char line[640], ended[64] = "";
    struct error reason = {""};
    error_set(&reason, "%s", why);
    control_channel_destroy(control->channel);
    control->channel = NULL;
    control->lost.text[0] = 0;
    probe_walk_forget(control);
    probe_events_again(&control->events);
    control->restarts++;
    control->next_id = 0; /* the next process counts its requests anew */
    control->reload_id = 0;
    probe_apply_forget(control);
    memset(control->requests, 0, sizeof control->requests);
    control->pause_s = lasted || control->pause_s == 0 ? 1 : control->pause_s * 2;
    if (control->pause_s > PAUSE_MAX_S)
        control->pause_s = PAUSE_MAX_S;
    /* One that broke the rules is often gone a moment later, for that reason. */
    bool known = probe_child_ended(&control->child, ended, sizeof ended) &&
                 strncmp(reason.text, "closed", 6) == 0;
    snprintf(line, sizeof line, "spanflow-netconf is gone (%s): started again in %u s",
             known ? ended : reason.text, control->pause_s);
    say(line);
    control->started_ns = now_ns + control->pause_s * second_ns;
}

static void start_again_if_due(struct probe_control *control)
{
    struct error error = {""};
    /* Not while a configuration is being applied: what would be told to run may soon not. */
    if (control->channel || control->next_config || clock_monotonic_ns() < control->started_ns)
        return;
    probe_child_kill(&control->child); /* one that lost its channel and stayed */
    if (start_process(control, &error))
        return;
    say(error.text);
    control->started_ns = clock_monotonic_ns() + control->pause_s * second_ns;
}

static bool make_folders(struct probe_control *control, struct error *error)
{
    char *path = strdup(control->socket);
    bool made =
        path && probe_child_folder(&control->child, dirname(path), error) &&
        (control->is_volatile || probe_child_folder(&control->child, control->store, error));
    if (!path)
        error_set(error, "NETCONF: out of memory");
    free(path);
    return made;
}

struct probe_control *probe_control_open(struct probe_config *config,
                                         const struct run_options *options, struct error *error)
{
    struct probe_control *control = calloc(1, sizeof *control);
    if (!control) {
        error_set(error, "NETCONF: out of memory");
        probe_config_free(config);
        return NULL;
    }
    control->config = config;
    control->text = strdup(options->configuration);
    control->access = options->access ? strdup(options->access) : NULL;
    control->socket = strdup(options->control);
    control->store = strdup(options->store);
    control->is_volatile = options->volatile_run;
    control->replaces = options->replaces_stored;
    control->start_wall_ns = clock_wall_ns();
    if (!control->text || !control->socket || !control->store)
        error_set(error, "NETCONF: out of memory");
    else if (probe_child_find(&control->child, error) && make_folders(control, error) &&
             start_process(control, error))
        return control;
    probe_control_close(control);
    return NULL;
}

void probe_control_close(struct probe_control *control)
{
    if (!control)
        return;
    probe_walk_end(control);
    control_channel_destroy(control->channel);
    probe_child_end(&control->child);
    probe_config_free(control->config);
    probe_config_free(control->next_config);
    probe_files_free(&control->next_files);
    free(control->text);
    free(control->access);
    free(control->next_text);
    json_decref(control->kept);
    probe_events_clear(&control->events);
    free(control->socket);
    free(control->store);
    free(control);
}

/* ---- frames ---- */

static void begin_state(struct probe_control *control, const struct control_frame *frame)
{
    struct error mistake = {""};
    unsigned sections = state_sections_read(frame->body, frame->length, &mistake);
    if (!sections) {
        control_refuse(control, frame->id, "invalid-value", "", mistake.text);
        return;
    }
    struct control_request *place = control_place(control, frame->id);
    if (place)
        *place =
            (struct control_request){.kind = REQUEST_STATE, .id = frame->id, .sections = sections};
}

/* What a volatile run has in the place of a store. */
static void keep(struct probe_control *control, const struct control_frame *frame)
{
    json_t *kept = json_loadb(frame->body, frame->length, 0, NULL);
    if (!control->is_volatile || !json_is_object(kept)) {
        json_decref(kept);
        control_refuse(control, frame->id, "invalid-value", "",
                       control->is_volatile ? "what is to be kept is no JSON object"
                                            : "this run has a store, where it belongs");
        return;
    }
    json_decref(control->kept);
    control->kept = kept;
    control_answer(control, frame->id, NULL);
}

static void take_receipt(struct probe_control *control, const struct control_frame *frame)
{
    json_t *receipt = json_loadb(frame->body, frame->length, 0, NULL);
    json_int_t count = json_integer_value(json_object_get(receipt, "events"));
    probe_events_taken(&control->events, count > 0 ? (uint64_t)count : 0);
    json_decref(receipt);
}

static void handle(struct probe *probe, const struct control_frame *frame)
{
    switch (frame->type) {
    case CONTROL_APPLY:
        /* From the first change on what is stored is the last word, also for a child to come. */
        if (!(frame->flags & CONTROL_TEST))
            probe->control->replaces = false;
        probe_apply(probe, frame);
        break;
    case CONTROL_STATE:
        begin_state(probe->control, frame);
        break;
    case CONTROL_KEEP:
        keep(probe->control, frame);
        break;
    case CONTROL_TAKEN:
        take_receipt(probe->control, frame);
        break;
    default: /* the channel gives no others than CONTROL_RPC */
        if (snapshot_request_is(frame->body, frame->length))
            probe_snapshot_request(probe, frame);
        else if (alert_request_is(frame->body, frame->length))
            probe_alerts_request(probe, frame);
        else if (state_lists_reload_is(frame->body, frame->length))
            probe_reload_lists(probe, frame->id);
        else
            probe_walk_begin(probe, frame);
        break;
    }
}

void probe_control_turn(struct probe *probe)
{
    struct probe_control *control = probe->control;
    if (!control)
        return;
    if (control->lost.text[0])
        lose_process(control, control->lost.text);
    start_again_if_due(control);
    if (control->channel)
        control_channel_flush(control->channel);
    probe_events_send(&control->events, control->channel);
    for (unsigned i = 0; i < FRAMES_PER_TURN && control->channel; i++) {
        struct control_frame frame;
        struct error error = {""};
        enum control_receive result = control_channel_receive(control->channel, &frame, &error);
        if (result == CONTROL_RECEIVE_NOTHING)
            break;
        if (result == CONTROL_RECEIVE_GONE) {
            lose_process(control, error.text);
            break;
        }
        handle(probe, &frame);
        control_frame_clear(&frame);
    }
    probe_apply_turn(probe);
    probe_walk_turn(probe);
}

void probe_control_nap(struct probe_control *control, uint64_t until_ns)
{
    if (!control || !control->channel) {
        probe_pause(until_ns);
        return;
    }
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec left = {.tv_sec = (time_t)(left_ns / second_ns),
                            .tv_nsec = (long)(left_ns % second_ns)};
    struct pollfd ready = {.fd = control_channel_fd(control->channel),
                           .events = control_channel_events(control->channel)};
    ppoll(&ready, 1, &left, NULL);
}

void probe_control_probe_ended(struct probe *probe)
{
    struct probe_control *control = probe->control;
    if (!control)
        return;
    probe_apply_probe_ended(probe);
    probe_walk_end(control);
    for (unsigned i = 0; i < CONTROL_REQUESTS_MAX; i++) {
        if (control->requests[i].kind != REQUEST_NONE)
            control_refuse(control, control->requests[i].id, "operation-failed", "",
                           "the probe is being taken apart; ask again");
        control->requests[i].kind = REQUEST_NONE;
    }
}

char *probe_control_last_state(struct probe *probe, const struct ledger *ledger,
                               const struct worker_account *const accounts[])
{
    return probe->control ? probe_state(probe, STATE_ALL, ledger, accounts) : NULL;
}

/* ---- cuts ---- */

static bool waits_for_cut(const struct control_request *request)
{
    return request->kind == REQUEST_STATE || request->kind == REQUEST_LEDGER;
}

bool probe_control_wants_cut(struct probe_control *control)
{
    for (unsigned i = 0; control && i < CONTROL_REQUESTS_MAX; i++)
        if (waits_for_cut(&control->requests[i]) && !control->requests[i].asked)
            return true;
    return false;
}

void probe_control_cut_asked(struct probe_control *control)
{
    for (unsigned i = 0; control && i < CONTROL_REQUESTS_MAX; i++)
        control->requests[i].asked = waits_for_cut(&control->requests[i]);
}

void probe_control_cut_made(struct probe *probe, const struct ledger *ledger,
                            const struct worker_account *const accounts[])
{
    struct probe_control *control = probe->control;
    for (unsigned i = 0; control && i < CONTROL_REQUESTS_MAX; i++) {
        struct control_request *request = &control->requests[i];
        if (!waits_for_cut(request) || !request->asked)
            continue;
        char *text = NULL;
        if (ledger && request->kind == REQUEST_STATE)
            text = probe_state(probe, request->sections, ledger, accounts);
        else if (ledger)
            text = state_ledger_answer(ledger);
        request->kind = REQUEST_NONE;
        control_answer_text(control, request->id, text);
    }
}
