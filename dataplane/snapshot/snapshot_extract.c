/* One extraction. See snapshot_extract.h. */
#include "snapshot/snapshot_extract.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "snapshot/snapshot_anonymise.h"
#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_extract_private.h"
#include "snapshot/snapshot_json.h"
#include "snapshot/snapshot_output.h"
#include "snapshot/snapshot_tuple.h"

enum {
    PACKETS_BETWEEN_LOOKS = 4096, /* packets after which cancel and rate are looked at */
    PAUSE_NS_MAX = 50000000,
    TUPLE_TEXT_OCTETS = 256,
    DAMAGE_LINES_MAX = 8 /* that are told in the output */
};

struct extraction {
    const struct snapshot_extract_order *order;
    const struct snapshot_extract_settings *settings;
    const struct snapshot_extract_hooks *hooks;
    struct snapshot_query *query;
    struct snapshot_output *output;
    struct snapshot_job_status *status;
    uint64_t begun_ns; /* monotonic */
    uint64_t octets_max;
    uint8_t *copy; /* of a packet, to be anonymised */
    uint32_t damage_lines;
    char damage[DAMAGE_LINES_MAX * 160];
};

const char *snapshot_job_state_name(enum snapshot_job_state state)
{
    static const char *const names[] = {
        [SNAPSHOT_JOB_WAITING] = "waiting",     [SNAPSHOT_JOB_RUNNING] = "running",
        [SNAPSHOT_JOB_COMPLETE] = "complete",   [SNAPSHOT_JOB_LIMITED] = "limited",
        [SNAPSHOT_JOB_CANCELLED] = "cancelled", [SNAPSHOT_JOB_FAILED] = "failed"};
    return names[state];
}

void snapshot_extract_describe(const struct snapshot_extract_order *order, char *tuple_text,
                               size_t tuple_size, struct snapshot_audit_entry *entry)
{
    const struct snapshot_question *question = &order->question;
    entry->user = order->user;
    entry->from = order->from;
    entry->reason = order->reason;
    entry->from_ns = question->from_ns;
    entry->to_ns = question->to_ns;
    entry->filter = question->filter && question->filter[0] != 0 ? question->filter : NULL;
    entry->flow_id = question->flow_id;
    entry->anonymised = order->anonymiser != NULL;
    if (question->tuple) {
        snapshot_tuple_print(question->tuple, tuple_text, tuple_size);
        entry->tuple = tuple_text;
    }
}

/* Remembers what was damaged, for the output and the status. */
static void note_damage(void *context, const char *line)
{
    struct extraction *extraction = context;
    struct snapshot_job_status *status = extraction->status;
    if (status->text[0] == 0)
        snprintf(status->text, sizeof status->text, "%s", line);
    if (extraction->damage_lines++ >= DAMAGE_LINES_MAX)
        return;
    size_t length = strlen(extraction->damage);
    snprintf(extraction->damage + length, sizeof extraction->damage - length, "\ndamaged: %.140s",
             line);
}

static void put_time(FILE *out, const char *name, uint64_t time_ns)
{
    char text[32];
    snapshot_time_text(time_ns, text);
    fprintf(out, "\n%s: %s", name, text);
}

/* What the first block says before anything is known of the outcome; freed by the caller. */
static char *question_text(const struct snapshot_extract_order *order, uint64_t job)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    const struct snapshot_question *question = &order->question;
    fprintf(out, "extract of kept packets\nuser: %s\nfrom: %s\nreason: %s", order->user,
            order->from ? order->from : "", order->reason);
    put_time(out, "asked", clock_wall_ns());
    if (job != 0)
        fprintf(out, "\njob: %llu", (unsigned long long)job);
    if (question->from_ns != 0)
        put_time(out, "begin", question->from_ns);
    if (question->to_ns != 0)
        put_time(out, "end", question->to_ns);
    if (order->anonymiser) {
        /* A filter or a conversation names the very addresses that are not to be known. */
        fputs("\naddresses: replaced; the filter is in the audit log of the probe", out);
    } else {
        if (question->filter && question->filter[0] != 0)
            fprintf(out, "\nfilter: %s", question->filter);
        if (question->tuple) {
            char tuple[TUPLE_TEXT_OCTETS];
            snapshot_tuple_print(question->tuple, tuple, sizeof tuple);
            fprintf(out, "\nconversation: %s", tuple);
        }
    }
    if (question->flow_id != 0)
        fprintf(out, "\nflow: %llu", (unsigned long long)question->flow_id);
    fclose(out);
    return text;
}

/* What the first block says of the outcome. */
static void result_text(const struct extraction *extraction, enum snapshot_job_state state,
                        char *text, size_t size)
{
    const struct snapshot_job_status *status = extraction->status;
    const struct snapshot_query_counts *counts = &status->counts;
    int length = snprintf(
        text, size,
        "outcome: %s\npackets: %llu\npackets cut: %llu\nblocks held: %llu\nblocks "
        "read: %llu\nblocks damaged: %llu\nblocks overwritten meanwhile: "
        "%llu\nsegments unreadable: %llu\nsegments without index or end: %llu\npackets out of "
        "order: "
        "%llu%s",
        snapshot_job_state_name(state), (unsigned long long)status->packets,
        (unsigned long long)status->packets_cut, (unsigned long long)counts->blocks,
        (unsigned long long)counts->blocks_read, (unsigned long long)counts->blocks_damaged,
        (unsigned long long)counts->blocks_gone, (unsigned long long)counts->segments_bad,
        (unsigned long long)counts->segments_cut, (unsigned long long)counts->packets_late,
        extraction->damage);
    if (extraction->damage_lines > DAMAGE_LINES_MAX && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, "\nand %u more",
                 extraction->damage_lines - DAMAGE_LINES_MAX);
}

/* Tells how far it is and waits as long as the rate asks for. True: stop. */
static bool look_around(struct extraction *extraction)
{
    struct snapshot_job_status *status = extraction->status;
    const struct snapshot_extract_hooks *hooks = extraction->hooks;
    for (;;) {
        status->counts = *snapshot_query_counts(extraction->query);
        status->octets = snapshot_output_octets(extraction->output);
        if (hooks->progress && hooks->progress(hooks->context, status))
            return true;
        uint64_t rate = atomic_load_explicit(hooks->octets_per_second, memory_order_relaxed);
        uint64_t spent_ns = clock_monotonic_ns() - extraction->begun_ns;
        uint64_t due_ns =
            rate == 0
                ? 0
                : (uint64_t)((unsigned __int128)status->counts.octets_read * 1000000000u / rate);
        if (due_ns <= spent_ns)
            return false;
        uint64_t pause_ns = due_ns - spent_ns < PAUSE_NS_MAX ? due_ns - spent_ns : PAUSE_NS_MAX;
        struct timespec pause = {.tv_nsec = (long)pause_ns};
        nanosleep(&pause, NULL);
    }
}

/* Writes one packet. False and ERROR if the disk does not take it. */
static bool put_packet(struct extraction *extraction, struct snapshot_kept *packet,
                       struct error *error)
{
    struct snapshot_query_interface interface =
        snapshot_query_interface(extraction->query, packet->interface);
    if (extraction->order->anonymiser) {
        memcpy(extraction->copy, packet->data, packet->captured_length);
        uint32_t length = snapshot_anonymise(extraction->order->anonymiser, extraction->copy,
                                             packet->captured_length, interface.link_type);
        extraction->status->packets_cut += length < packet->captured_length;
        packet->data = extraction->copy;
        packet->captured_length = length;
    }
    extraction->status->packets++;
    return snapshot_output_packet(extraction->output, packet, &interface, error);
}

static bool limit_reached(const struct extraction *extraction)
{
    uint64_t packets_max = extraction->order->packets_max;
    return (packets_max != 0 && extraction->status->packets >= packets_max) ||
           (extraction->octets_max != 0 &&
            snapshot_output_octets(extraction->output) >= extraction->octets_max);
}

/* All packets into the output. */
static enum snapshot_job_state copy_packets(struct extraction *extraction, struct error *error)
{
    struct snapshot_kept packet;
    for (uint32_t since_look = 0;;) {
        switch (snapshot_query_next(extraction->query, &packet)) {
        case SNAPSHOT_QUERY_END:
            look_around(extraction);
            return SNAPSHOT_JOB_COMPLETE;
        case SNAPSHOT_QUERY_PACKET:
            if (limit_reached(extraction))
                return SNAPSHOT_JOB_LIMITED;
            if (!put_packet(extraction, &packet, error))
                return SNAPSHOT_JOB_FAILED;
            if (++since_look < PACKETS_BETWEEN_LOOKS)
                break;
            /* fall through */
        case SNAPSHOT_QUERY_BLOCK:
            since_look = 0;
            if (look_around(extraction))
                return SNAPSHOT_JOB_CANCELLED;
            break;
        }
    }
}

/* The smaller one, where 0 is no limit. */
static uint64_t limit_of(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Query and output are there or ERROR says why not. */
static bool begin(struct extraction *extraction, const struct snapshot_sources *sources,
                  const char *path, struct error *error)
{
    const struct snapshot_extract_order *order = extraction->order;
    extraction->query =
        snapshot_query_open(sources, &order->question, note_damage, extraction, error);
    if (!extraction->query)
        return false;
    char *question = question_text(order, extraction->status->id);
    if (order->anonymiser)
        extraction->copy = malloc(SNAPSHOT_BLOCK_OCTETS);
    if (!question || (order->anonymiser && !extraction->copy)) {
        free(question);
        error_set(error, "extraction: no memory");
        return false;
    }
    const struct snapshot_output_head head = {.software = extraction->settings->software,
                                              .question = question,
                                              .notice = extraction->settings->notice};
    extraction->output = snapshot_output_create(path, &head, error);
    free(question);
    return extraction->output != NULL;
}

/* The line that has to be in the audit log before the output may be had. */
static bool log_outcome(const struct extraction *extraction, enum snapshot_job_state state,
                        struct snapshot_audit *audit, const char *output, const char *text,
                        struct error *error)
{
    char tuple[TUPLE_TEXT_OCTETS];
    const struct snapshot_job_status *status = extraction->status;
    bool kept = state == SNAPSHOT_JOB_COMPLETE || state == SNAPSHOT_JOB_LIMITED;
    struct snapshot_audit_entry entry = {.event = "extract",
                                         .job = status->id,
                                         .with_counts = true,
                                         .packets = status->packets,
                                         .octets = status->octets,
                                         .damaged = status->counts.blocks_damaged,
                                         .outcome = snapshot_job_state_name(state),
                                         .text = text && text[0] != 0 ? text : NULL,
                                         .output = kept ? output : NULL,
                                         .sha256 = kept ? status->sha256 : NULL};
    snapshot_extract_describe(extraction->order, tuple, sizeof tuple, &entry);
    return !audit || snapshot_audit_append(audit, &entry, error);
}

/* Finishes a complete output: hash, audit log, name. */
static enum snapshot_job_state finish(struct extraction *extraction, enum snapshot_job_state state,
                                      struct snapshot_audit *audit, const char *output,
                                      struct error *error)
{
    char result[2048];
    result_text(extraction, state, result, sizeof result);
    bool good =
        snapshot_output_finish(extraction->output, result, extraction->status->sha256, error);
    extraction->status->octets = snapshot_output_octets(extraction->output);
    if (good)
        good = log_outcome(extraction, state, audit, output, extraction->status->text, error) &&
               snapshot_output_publish(extraction->output, error);
    return good ? state : SNAPSHOT_JOB_FAILED;
}

/* Everything between the first line in the audit log and the last. */
static enum snapshot_job_state work(struct extraction *extraction,
                                    const struct snapshot_sources *sources,
                                    struct snapshot_audit *audit, const char *path,
                                    const char *output, struct error *error)
{
    struct snapshot_job_status *status = extraction->status;
    enum snapshot_job_state state = SNAPSHOT_JOB_FAILED;
    if (begin(extraction, sources, path, error)) {
        status->state = SNAPSHOT_JOB_RUNNING;
        state = copy_packets(extraction, error);
        status->counts = *snapshot_query_counts(extraction->query);
    }
    snapshot_query_close(extraction->query);
    if (extraction->hooks->released)
        extraction->hooks->released(extraction->hooks->context);
    if (state == SNAPSHOT_JOB_COMPLETE || state == SNAPSHOT_JOB_LIMITED)
        state = finish(extraction, state, audit, output, error);
    snapshot_output_close(extraction->output);
    return state;
}

enum snapshot_job_state snapshot_extract_job(const struct snapshot_sources *sources,
                                             const struct snapshot_extract_order *order,
                                             const struct snapshot_extract_settings *settings,
                                             const struct snapshot_extract_hooks *hooks,
                                             struct snapshot_audit *audit, const char *path,
                                             const char *output, struct snapshot_job_status *status,
                                             struct error *error)
{
    char tuple[TUPLE_TEXT_OCTETS];
    struct error line = {""};
    struct extraction extraction = {.order = order,
                                    .settings = settings,
                                    .hooks = hooks,
                                    .status = status,
                                    .begun_ns = clock_monotonic_ns(),
                                    .octets_max =
                                        limit_of(order->octets_max, settings->octets_max)};
    status->started_ns = clock_wall_ns();
    struct snapshot_audit_entry entry = {.event = "extract-begin", .job = status->id};
    snapshot_extract_describe(order, tuple, sizeof tuple, &entry);
    enum snapshot_job_state state = SNAPSHOT_JOB_FAILED;
    if (!audit || snapshot_audit_append(audit, &entry, &line))
        state = work(&extraction, sources, audit, path, output, &line);
    else if (hooks->released)
        hooks->released(hooks->context);
    if (state == SNAPSHOT_JOB_FAILED || state == SNAPSHOT_JOB_CANCELLED)
        log_outcome(&extraction, state, audit, NULL, line.text, NULL);
    free(extraction.copy);
    if (state == SNAPSHOT_JOB_FAILED) {
        snprintf(status->text, sizeof status->text, "%s", line.text);
        error_set(error, "%s", line.text);
    }
    status->ended_ns = clock_wall_ns();
    status->state = state;
    return state;
}

bool snapshot_extract_check(const struct snapshot_extract_order *order, struct error *error)
{
    const char *reason = order->reason ? order->reason : "";
    const char *user = order->user ? order->user : "";
    const char *from = order->from ? order->from : "";
    if (user[0] == 0 || reason[0] == 0)
        error_set(error, "extraction: who asks and why must be said: give a reason");
    else if (strlen(reason) >= SNAPSHOT_REASON_OCTETS_MAX)
        error_set(error, "extraction: the reason is longer than %d octets",
                  SNAPSHOT_REASON_OCTETS_MAX - 1);
    else if (strlen(user) >= SNAPSHOT_WHO_OCTETS_MAX || strlen(from) >= SNAPSHOT_WHO_OCTETS_MAX)
        error_set(error, "extraction: the name of who asks is longer than %d octets",
                  SNAPSHOT_WHO_OCTETS_MAX - 1);
    else
        return true;
    return false;
}

enum snapshot_job_state snapshot_extract_run(const struct snapshot_sources *sources,
                                             const struct snapshot_extract_order *order,
                                             const struct snapshot_extract_settings *settings,
                                             struct snapshot_audit *audit, const char *path,
                                             snapshot_progress_function progress, void *context,
                                             struct snapshot_job_status *status,
                                             struct error *error)
{
    const _Atomic uint64_t rate = settings->octets_per_second;
    const struct snapshot_extract_hooks hooks = {
        .octets_per_second = &rate, .progress = progress, .context = context};
    memset(status, 0, sizeof *status);
    snprintf(status->user, sizeof status->user, "%s", order->user ? order->user : "");
    status->state = SNAPSHOT_JOB_FAILED;
    if (snapshot_extract_check(order, error))
        snapshot_extract_job(sources, order, settings, &hooks, audit, path, path, status, error);
    if (order->anonymiser && order->anonymiser->release)
        order->anonymiser->release(order->anonymiser->context);
    return status->state;
}
