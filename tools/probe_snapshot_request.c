/*
 * The operations on the ring: queries become jobs of the extractor, verifications run on a thread
 * of their own, one at a time. Numbers of extractions are even, those of verifications odd.
 *
 * Jobs are of the user who started them: others see in lists that there are such, and no more.
 */
#include <linux/ioprio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "anonymise/crypto_pan.h"
#include "probe_control_private.h"
#include "probe_history.h"
#include "probe_snapshot_private.h"
#include "snapshot_request.h"

enum { SEGMENTS_MAX = 4096 };
static const uint64_t second_ns = 1000000000;

static uint64_t extract_number(uint64_t job)
{
    return job * 2;
}

static bool is_check(uint64_t number)
{
    return number % 2;
}

/* ---- refusing and writing down ---- */

struct answer {
    struct probe_control *control;
    uint32_t id;
};

static void refuse(const struct answer *to, const char *tag, const char *message)
{
    control_refuse(to->control, to->id, tag, "", message);
}

static void send(const struct answer *to, const struct snapshot_request *request,
                 struct state_json *json, json_t *output)
{
    control_answer_text(to->control, to->id, snapshot_answer(json, request->kind, output));
}

/* What is about to happen, in the log of queries. False and a refusal: it must not happen. */
static bool write_down(const struct answer *to, const struct snapshot_place *place,
                       const struct snapshot_request *request, const char *event, const char *text)
{
    struct error error = {""};
    struct snapshot_audit_entry entry = {.event = event,
                                         .user = request->user,
                                         .from = request->from,
                                         .reason = request->reason[0] ? request->reason : NULL,
                                         .from_ns = request->from_ns,
                                         .to_ns = request->to_ns,
                                         .text = text};
    if (snapshot_extractor_note(place->extractor, &entry, &error))
        return true;
    refuse(to, "operation-failed", error.text);
    return false;
}

/* ---- jobs ---- */

static uint32_t percent_of(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 100 : part >= whole ? 100 : (uint32_t)(part * 100 / whole);
}

static void fill_extract(struct state_json *json, json_t *object,
                         const struct snapshot_job_status *status)
{
    struct snapshot_job_facts facts = {
        .id = extract_number(status->id),
        .user = status->user,
        .state = snapshot_job_state_name(status->state),
        .percent = status->state == SNAPSHOT_JOB_WAITING
                       ? 0
                       : percent_of(status->counts.octets_read, status->counts.octets_wanted),
        .packets = status->packets,
        .octets = status->octets,
        .counts = &status->counts,
        .packets_cut = status->packets_cut,
        .file = status->name,
        .sha256 = status->sha256,
        .text = status->text};
    snapshot_job_fill(json, object, &facts);
}

static void fill_check(struct state_json *json, json_t *object, const struct snapshot_check *check)
{
    bool ended = atomic_load(&check->ended);
    enum snapshot_verdict verdict = ended ? check->found.verdict : SNAPSHOT_VERIFIED;
    uint64_t done = atomic_load(&check->done_octets);
    char text[900] = "";
    if (ended && check->text)
        snprintf(text, sizeof text, "%s%s%s", check->text, check->first[0] ? "; first: " : "",
                 check->first);
    struct snapshot_job_facts facts = {.id = check->id,
                                       .verifies = true,
                                       .user = check->user,
                                       .state = !ended                         ? "running"
                                                : verdict == SNAPSHOT_VERIFIED ? "complete"
                                                : verdict == SNAPSHOT_STOPPED  ? "cancelled"
                                                                               : "failed",
                                       .percent = ended ? 100 : percent_of(done, check->octets),
                                       .packets = ended ? check->found.good : 0,
                                       .octets = done,
                                       .file = "",
                                       .sha256 = "",
                                       .text = text};
    snapshot_job_fill(json, object, &facts);
}

/* The job that REQUEST names, if it is the caller's own; a refusal else. */
static bool find_job(const struct answer *to, const struct probe_snapshot *snapshot,
                     const struct snapshot_request *request, struct snapshot_job_status *status)
{
    const struct snapshot_check *check = &snapshot->check;
    const char *owner = NULL;
    memset(status, 0, sizeof *status);
    if (is_check(request->job))
        owner = check->id == request->job ? check->user : NULL;
    else if (snapshot_extractor_status(snapshot->place->extractor, request->job / 2, status))
        owner = status->user;
    if (!owner)
        refuse(to, "data-missing", "there is no job of this number any more");
    else if (!request->root && strcmp(owner, request->user) != 0)
        refuse(to, "access-denied", "the job is another user's");
    return owner && (request->root || strcmp(owner, request->user) == 0);
}

static void show_job(const struct answer *to, const struct probe_snapshot *snapshot,
                     const struct snapshot_request *request)
{
    struct snapshot_job_status status;
    struct state_json json = {false};
    if (!find_job(to, snapshot, request, &status))
        return;
    json_t *output = json_object();
    if (is_check(request->job))
        fill_check(&json, output, &snapshot->check);
    else
        fill_extract(&json, output, &status);
    send(to, request, &json, output);
}

static void read_job(const struct answer *to, const struct probe_snapshot *snapshot,
                     const struct snapshot_request *request)
{
    struct snapshot_job_status status;
    struct state_json json = {false};
    struct error error = {""};
    if (!find_job(to, snapshot, request, &status))
        return;
    if (is_check(request->job)) {
        refuse(to, "invalid-value", "job: a verification has no file");
        return;
    }
    uint8_t *data = malloc(request->size);
    int64_t octets =
        data ? snapshot_extractor_read(snapshot->place->extractor, status.id, request->user,
                                       request->from, request->offset, data, request->size, &error)
             : -1;
    char *text = octets >= 0 ? snapshot_base64(data, (size_t)octets) : NULL;
    free(data);
    if (octets < 0) {
        refuse(to, "operation-failed", data ? error.text : "the daemon's memory is short");
    } else {
        json_t *output = json_object();
        json.failed |= text == NULL;
        state_set(&json, output, "data", json_string(text ? text : ""));
        send(to, request, &json, output);
    }
    free(text);
}

static void cancel_job(const struct answer *to, struct probe_snapshot *snapshot,
                       const struct snapshot_request *request)
{
    struct snapshot_job_status status;
    if (!find_job(to, snapshot, request, &status))
        return;
    if (is_check(request->job))
        atomic_store(&snapshot->check.stop, true);
    else
        snapshot_extractor_cancel(snapshot->place->extractor, status.id);
    control_answer(to->control, to->id, NULL);
}

/* ---- extraction ---- */

static void pan_ipv4(void *context, uint8_t address[4])
{
    crypto_pan_ipv4(context, address);
}

static void pan_ipv6(void *context, uint8_t address[16])
{
    crypto_pan_ipv6(context, address);
}

static void pan_release(void *context)
{
    crypto_pan_destroy(context);
}

/* With a key for this one extract, which nobody knows and nothing keeps. */
static bool make_anonymiser(struct snapshot_anonymiser *anonymiser, struct error *error)
{
    uint8_t key[CRYPTO_PAN_KEY_OCTETS];
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
        error_set(error, "the kernel gave no random key");
        return false;
    }
    struct crypto_pan *pan = crypto_pan_create(key, error);
    explicit_bzero(key, sizeof key);
    *anonymiser = (struct snapshot_anonymiser){
        .context = pan, .ipv4 = pan_ipv4, .ipv6 = pan_ipv6, .release = pan_release};
    return pan != NULL;
}

static void extract(const struct answer *to, struct probe_snapshot *snapshot,
                    const struct snapshot_request *request)
{
    struct error error = {""};
    struct snapshot_anonymiser anonymiser;
    struct state_json json = {false};
    struct snapshot_extract_order order = {
        .question = {.from_ns = request->from_ns,
                     .to_ns = request->to_ns,
                     .filter = request->filter[0] ? request->filter : NULL,
                     .tuple = request->with_tuple ? &request->tuple : NULL,
                     .flow_id = request->flow_id},
        .user = request->user,
        .from = request->from,
        .reason = request->reason,
        .packets_max = request->packets_max,
        .octets_max = request->octets_max,
        .anonymiser = request->anonymise ? &anonymiser : NULL};
    bool good = !request->anonymise || make_anonymiser(&anonymiser, &error);
    uint64_t job = good ? snapshot_extractor_start(snapshot->place->extractor, &order, &error) : 0;
    if (!job) {
        refuse(to, "invalid-value", error.text);
        return;
    }
    json_t *output = json_object();
    state_set_large(&json, output, "job", extract_number(job));
    send(to, request, &json, output);
}

/* ---- verification ---- */

static void keep_first(void *context, enum snapshot_verdict verdict, const char *line)
{
    struct snapshot_check *check = context;
    (void)verdict;
    if (!check->first[0])
        snprintf(check->first, sizeof check->first, "%s", line);
}

/* Reads all segments, as something that can wait for everything else. */
static void *run_check(void *argument)
{
    struct snapshot_check *check = argument;
    pid_t self = (pid_t)syscall(SYS_gettid);
    setpriority(PRIO_PROCESS, (id_t)self, 19);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
    snapshot_verify(check->directory, NULL, keep_first, check, &check->stop, &check->done_octets,
                    &check->found);
    check->text = snapshot_verification_text(&check->found);
    atomic_store(&check->ended, true);
    return NULL;
}

void snapshot_check_stop(struct probe_snapshot *snapshot)
{
    if (!snapshot->check.threaded)
        return;
    atomic_store(&snapshot->check.stop, true);
    pthread_join(snapshot->check.thread, NULL);
    snapshot->check.threaded = false;
}

static void verify(const struct answer *to, struct probe_snapshot *snapshot,
                   const struct snapshot_request *request)
{
    struct snapshot_check *check = &snapshot->check;
    struct snapshot_place *place = snapshot->place;
    struct snapshot_store *store = place->writer ? snapshot_writer_store(place->writer) : NULL;
    struct snapshot_store_state state;
    struct state_json json = {false};
    if (!store) {
        refuse(to, "operation-failed", "nothing is on disk that could be verified");
        return;
    }
    if (check->threaded && !atomic_load(&check->ended)) {
        refuse(to, "in-use", "another verification is at work");
        return;
    }
    if (!write_down(to, place, request, "verify", NULL))
        return;
    snapshot_check_stop(snapshot);
    free(check->text);
    memset(check, 0, sizeof *check);
    check->id = snapshot->checks++ * 2 + 1;
    memcpy(check->user, request->user, sizeof check->user);
    memcpy(check->directory, place->directory, sizeof check->directory);
    snapshot_store_tell(store, clock_wall_ns(), &state);
    check->octets = state.octets_held;
    check->threaded = pthread_create(&check->thread, NULL, run_check, check) == 0;
    if (!check->threaded) {
        check->id = 0;
        refuse(to, "resource-denied", "no thread can be started");
        return;
    }
    json_t *output = json_object();
    state_set_large(&json, output, "job", check->id);
    send(to, request, &json, output);
}

/* ---- freezes ---- */

/* The store, or a refusal. */
static struct snapshot_store *find_store(const struct answer *to,
                                         const struct snapshot_place *place)
{
    struct snapshot_store *store = place->writer ? snapshot_writer_store(place->writer) : NULL;
    if (!store)
        refuse(to, "operation-failed",
               place->writer ? place->trouble : "diskSize is 0: memory cannot be frozen");
    return store;
}

static uint64_t frozen_octets(struct snapshot_store *store, const char *name)
{
    static struct snapshot_freeze freezes[SNAPSHOT_FREEZES_MAX];
    size_t count = snapshot_store_freezes(store, freezes, SNAPSHOT_FREEZES_MAX);
    for (size_t i = 0; i < count && i < SNAPSHOT_FREEZES_MAX; i++)
        if (strcmp(freezes[i].name, name) == 0)
            return freezes[i].octets;
    return 0;
}

static void freeze(const struct answer *to, const struct snapshot_place *place,
                   const struct snapshot_request *request)
{
    struct error error = {""};
    struct state_json json = {false};
    struct snapshot_store *store = find_store(to, place);
    struct snapshot_freeze window = {.from_ns = request->from_ns, .to_ns = request->to_ns};
    uint64_t now_ns = clock_wall_ns();
    window.expires_ns = now_ns + request->expiry_s * second_ns;
    memcpy(window.name, request->name, sizeof window.name);
    if (!store || !write_down(to, place, request, "freeze", request->name))
        return;
    if (!snapshot_store_freeze(store, &window, now_ns, &error)) {
        refuse(to, "operation-failed", error.text);
        return;
    }
    json_t *output = json_object();
    state_set_large(&json, output, "octets", frozen_octets(store, window.name));
    send(to, request, &json, output);
}

static void release(const struct answer *to, const struct snapshot_place *place,
                    const struct snapshot_request *request)
{
    struct error error = {""};
    struct snapshot_store *store = find_store(to, place);
    if (!store || !write_down(to, place, request, "release", request->name))
        return;
    if (snapshot_store_unfreeze(store, request->name, &error))
        control_answer(to->control, to->id, NULL);
    else
        refuse(to, "data-missing", error.text);
}

/* The store of PROBE's ring; NULL and a line in ERROR if there is none. */
static struct snapshot_store *store_of(const struct probe *probe, struct error *error)
{
    const struct snapshot_place *place = probe->snapshot->place;
    struct snapshot_store *store =
        place && place->writer ? snapshot_writer_store(place->writer) : NULL;
    if (!place)
        error_set(error, "no packets are kept; see /spanflow/snapshot/enabled");
    else if (!store || !place->extractor)
        error_set(error, "%s",
                  place->writer ? place->trouble : "diskSize is 0: memory cannot be frozen");
    return place && place->extractor ? store : NULL;
}

bool probe_snapshot_freeze(struct probe *probe, const struct snapshot_freeze *window,
                           const char *reason, struct error *error)
{
    struct snapshot_store *store = store_of(probe, error);
    const struct snapshot_audit_entry entry = {.event = "freeze",
                                               .user = "spanflowd",
                                               .from = "alert",
                                               .reason = reason,
                                               .from_ns = window->from_ns,
                                               .to_ns = window->to_ns,
                                               .text = window->name};
    return store && snapshot_extractor_note(probe->snapshot->place->extractor, &entry, error) &&
           snapshot_store_freeze(store, window, clock_wall_ns(), error);
}

size_t probe_snapshot_freezes(struct probe *probe, struct snapshot_freeze *list, size_t max)
{
    struct error ignored;
    struct snapshot_store *store = store_of(probe, &ignored);
    size_t count = store ? snapshot_store_freezes(store, list, max) : 0;
    return count < max ? count : max;
}

/* ---- list ---- */

static void list_store(struct state_json *json, json_t *output, struct snapshot_store *store)
{
    static struct snapshot_listed listed[SEGMENTS_MAX];
    static struct snapshot_freeze freezes[SNAPSHOT_FREEZES_MAX];
    json_t *segments = json_array(), *windows = json_array();
    size_t count = snapshot_store_list(store, 0, UINT64_MAX, listed, SEGMENTS_MAX);
    for (size_t i = 0; i < count && i < SEGMENTS_MAX; i++)
        state_append(json, segments, snapshot_segment_object(json, &listed[i]));
    count = snapshot_store_freezes(store, freezes, SNAPSHOT_FREEZES_MAX);
    for (size_t i = 0; i < count && i < SNAPSHOT_FREEZES_MAX; i++)
        state_append(json, windows, snapshot_freeze_object(json, &freezes[i]));
    state_set(json, output, "segment", segments);
    state_set(json, output, "freeze", windows);
}

static void list_jobs(struct state_json *json, json_t *output,
                      const struct probe_snapshot *snapshot)
{
    struct snapshot_job_status *jobs = calloc(SNAPSHOT_JOBS_MAX, sizeof *jobs);
    json_t *list = json_array();
    uint32_t count = jobs ? snapshot_extractor_list(snapshot->place->extractor, jobs) : 0;
    json->failed |= jobs == NULL;
    for (uint32_t i = 0; i < count; i++) {
        json_t *job = json_object();
        fill_extract(json, job, &jobs[i]);
        state_append(json, list, job);
    }
    if (snapshot->check.id) {
        json_t *job = json_object();
        fill_check(json, job, &snapshot->check);
        state_append(json, list, job);
    }
    state_set(json, output, "job", list);
    free(jobs);
}

static void list(const struct answer *to, struct probe *probe,
                 const struct snapshot_request *request)
{
    const struct snapshot_place *place = probe->snapshot->place;
    struct snapshot_store *store = place->writer ? snapshot_writer_store(place->writer) : NULL;
    struct state_json json = {false};
    struct state_snapshot facts;
    json_t *output = json_object();
    probe_snapshot_facts(probe, &facts);
    if (facts.oldest_ns)
        state_set_time(&json, output, "oldest", facts.oldest_ns);
    if (facts.newest_ns)
        state_set_time(&json, output, "newest", facts.newest_ns);
    if (store)
        list_store(&json, output, store);
    list_jobs(&json, output, probe->snapshot);
    send(to, request, &json, output);
}

/* ---- all ---- */

static void act(const struct answer *to, struct probe *probe,
                const struct snapshot_request *request)
{
    struct probe_snapshot *snapshot = probe->snapshot;
    switch (request->kind) {
    case SNAPSHOT_LIST:
        list(to, probe, request);
        break;
    case SNAPSHOT_EXTRACT:
        extract(to, snapshot, request);
        break;
    case SNAPSHOT_JOB:
        show_job(to, snapshot, request);
        break;
    case SNAPSHOT_READ:
        read_job(to, snapshot, request);
        break;
    case SNAPSHOT_CANCEL:
        cancel_job(to, snapshot, request);
        break;
    case SNAPSHOT_FREEZE:
        freeze(to, snapshot->place, request);
        break;
    case SNAPSHOT_RELEASE:
        release(to, snapshot->place, request);
        break;
    case SNAPSHOT_VERIFY:
        verify(to, snapshot, request);
        break;
    default: /* of the flow history */
        break;
    }
}

void probe_snapshot_request(struct probe *probe, const struct control_frame *frame)
{
    static struct snapshot_request request;
    const struct snapshot_place *place = probe->snapshot->place;
    struct answer to = {probe->control, frame->id};
    struct error mistake = {""};
    const char *tag = "";
    char line[600];
    if (!snapshot_request_read(&request, frame->body, frame->length, &tag, &mistake)) {
        refuse(&to, tag, mistake.text);
    } else if (request.kind == SNAPSHOT_REPLAY || request.kind == SNAPSHOT_REPLAY_CANCEL) {
        probe_history_request(probe, &request, frame->id);
    } else if (!place) {
        refuse(&to, "operation-failed", "no packets are kept; see /spanflow/snapshot/enabled");
    } else if (!place->extractor) {
        snprintf(line, sizeof line, "the ring's folder cannot be used now: %s", place->trouble);
        refuse(&to, "operation-failed", line);
    } else {
        act(&to, probe, &request);
    }
}
