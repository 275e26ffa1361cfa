/* A thread that reads files and steps an exporting process. See history_replay.h. */
#include "history/history_replay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "flow/record_ring.h"
#include "history/history_reader.h"
#include "history/history_record.h"

enum { RING_LINES = 16384, NICE = 15, RECORDS_PER_TURN = 256 };
static const uint64_t second_ns = 1000000000u, pause_max_ns = 20000000u;

struct history_replay {
    struct history_replay_config config;
    struct history_list list;
    struct history_interfaces interfaces;
    struct exporting_process_config *exporting;
    struct export_applications applications; /* rows are owned */
    struct export_application *application_rows;
    struct export_marks marks; /* likewise */
    struct export_list *list_rows;
    struct export_brand *brand_rows;
    struct exporting_process *process;
    struct record_ring *ring;
    struct history_record record;
    struct history_lines lines;
    uint64_t earliest_ns; /* first packet of all records found */
    uint64_t newest_s;    /* export time of the newest record read so far */
    pthread_t thread;
    bool started;
    atomic_bool cancelled;
    pthread_mutex_t lock; /* of the report */
    struct history_replay_report report;
};

/* ---- reading ---- */

typedef void (*record_function)(struct history_replay *replay);

static void note_problem(struct history_replay *replay, const char *line, bool damage)
{
    pthread_mutex_lock(&replay->lock);
    snprintf(replay->report.problem, sizeof replay->report.problem, "%s", line);
    replay->report.damaged += damage;
    pthread_mutex_unlock(&replay->lock);
}

/* Calls TAKE for each record of FILE that was asked for. */
static void read_file(struct history_replay *replay, const struct history_file *file,
                      record_function take, bool tell)
{
    char path[HISTORY_PATH_MAX + 300];
    struct error error;
    snprintf(path, sizeof path, "%s/%s", replay->config.directory, file->name);
    struct history_reader *reader = history_reader_open(path, &error);
    if (!reader) {
        if (tell)
            note_problem(replay, error.text, true);
        return;
    }
    enum history_next next = HISTORY_END;
    while (!atomic_load_explicit(&replay->cancelled, memory_order_relaxed) &&
           (next = history_reader_next(reader, &replay->record, &error)) == HISTORY_RECORD)
        if (replay->record.export_s >= replay->config.from_s &&
            replay->record.export_s <= replay->config.to_s)
            take(replay);
    if (next == HISTORY_END && history_reader_is_torn(reader) && !file->open) {
        error_set(&error, "%s: the file was cut: it ends inside a message", path);
        next = HISTORY_DAMAGED;
    }
    if (next == HISTORY_DAMAGED && tell)
        note_problem(replay, error.text, true);
    history_reader_close(reader);
}

static void read_all(struct history_replay *replay, record_function take, bool tell)
{
    for (uint32_t i = 0; i < replay->list.count; i++)
        read_file(replay, &replay->list.files[i], take, tell);
}

/* First turn: how many there are, from which interfaces, since when. */
static void find_record(struct history_replay *replay)
{
    uint64_t first_ns = history_first_ns(&replay->record);
    if (replay->report.found == 0 || first_ns < replay->earliest_ns)
        replay->earliest_ns = first_ns;
    history_note_interfaces(&replay->interfaces, &replay->record);
    pthread_mutex_lock(&replay->lock);
    replay->report.found++;
    pthread_mutex_unlock(&replay->lock);
}

/* ---- sending ---- */

static void tell_progress(struct history_replay *replay)
{
    struct exporter_counters *counters = malloc(sizeof *counters);
    if (!counters)
        return;
    exporting_process_counters(replay->process, counters);
    const struct destination_counters *row = &counters->destination[0];
    const char *line = exporting_process_next_problem(replay->process);
    pthread_mutex_lock(&replay->lock);
    replay->report.records = row->records;
    replay->report.sent = row->sent;
    replay->report.lost = 0;
    for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
        replay->report.lost += row->lost[reason];
    if (line)
        snprintf(replay->report.problem, sizeof replay->report.problem, "%s", line);
    pthread_mutex_unlock(&replay->lock);
    free(counters);
}

static void pause_until(uint64_t until_ns)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (until_ns <= now_ns)
        return;
    uint64_t rest_ns = until_ns - now_ns < pause_max_ns ? until_ns - now_ns : pause_max_ns;
    struct timespec rest = {.tv_nsec = (long)rest_ns};
    nanosleep(&rest, NULL);
}

/* One step of the exporting process, after which it may take a pause. Returns whether all is sent,
 * if that is wanted. */
static bool step_once(struct history_replay *replay, bool drain)
{
    uint64_t now_ns = clock_monotonic_ns(), next_ns = now_ns;
    uint64_t export_ns = replay->newest_s * second_ns;
    if (drain) {
        if (exporting_process_drain(replay->process, now_ns, export_ns, &next_ns))
            return true;
    } else if (exporting_process_step(replay->process, now_ns, export_ns, &next_ns) ==
               EXPORTING_BUSY) {
        next_ns = now_ns;
    }
    tell_progress(replay);
    pause_until(next_ns);
    return false;
}

/* Whether the ring and the destination have room for a record; else makes some. */
static bool wait_for_room(struct history_replay *replay)
{
    while (record_ring_free_lines(replay->ring) < FLOW_ELEMENT_LINES_MAX ||
           !exporting_process_accepts(replay->process)) {
        if (atomic_load_explicit(&replay->cancelled, memory_order_relaxed))
            return false;
        step_once(replay, false);
    }
    return true;
}

/* Second turn: the record goes onto the ring, as a worker would put it there. */
static void send_record(struct history_replay *replay)
{
    const struct history_lines *lines = &replay->lines;
    if (!wait_for_room(replay))
        return;
    history_restore(&replay->record, &replay->interfaces, &replay->lines);
    history_keep_names(&replay->lines, &replay->config.names);
    if (replay->record.export_s > replay->newest_s)
        replay->newest_s = replay->record.export_s;
    uint32_t octets = lines->extra.name_octets;
    uint8_t *to = record_ring_reserve(replay->ring, flow_record_lines(flow_state(&lines->hot)) +
                                                        flow_name_lines(octets));
    memcpy(to, &lines->hot, FLOW_LINE);
    to += FLOW_LINE;
    if (replay->record.ipv6) {
        memcpy(to, &lines->hot6, FLOW_LINE);
        to += FLOW_LINE;
    }
    memcpy(to, &lines->cold, FLOW_LINE);
    to += FLOW_LINE;
    if (flow_state(&lines->hot) & FLOW_STATE_EXTRA) {
        memcpy(to, &lines->extra, FLOW_LINE);
        memcpy(to + FLOW_LINE, lines->names, octets);
    }
    record_ring_publish(replay->ring);
    if (record_ring_used_lines(replay->ring) >= RECORDS_PER_TURN * FLOW_ELEMENT_LINES_MAX)
        step_once(replay, false);
}

static void set_phase(struct history_replay *replay, enum history_replay_phase phase)
{
    pthread_mutex_lock(&replay->lock);
    replay->report.phase = phase;
    pthread_mutex_unlock(&replay->lock);
}

/* An exporting process as of a run on capture files: it loses nothing to speed, and the times of
 * its messages are those of the records. */
static bool open_process(struct history_replay *replay, struct error *error)
{
    struct exporting_process_config *exporting = replay->exporting;
    exporting->destination_count = 1;
    exporting->destinations[0] = replay->config.destination;
    exporting->interface_count = replay->interfaces.count;
    memcpy(exporting->interfaces, replay->interfaces.rows, sizeof exporting->interfaces);
    exporting->template_refresh_s = replay->config.template_refresh_s;
    exporting->template_refresh_messages = replay->config.template_refresh_messages;
    exporting->queue_octets_max = replay->config.queue_octets_max;
    exporting->applications = replay->config.applications;
    exporting->marks = replay->config.marks;
    exporting->sampling_interval = 1;
    exporting->offline = true;
    replay->ring = record_ring_create(RING_LINES, error);
    if (!replay->ring)
        return false;
    replay->process = exporting_process_create(exporting, &replay->ring, 1, error);
    if (!replay->process)
        return false;
    const struct metering_counts counts = {.start_ns = replay->earliest_ns};
    replay->newest_s = replay->earliest_ns / second_ns + 1;
    exporting_process_tell_metering(replay->process, &counts, replay->newest_s * second_ns);
    return true;
}

static void send_all(struct history_replay *replay)
{
    struct error error;
    if (!open_process(replay, &error)) {
        note_problem(replay, error.text, false);
        set_phase(replay, REPLAY_FAILED);
        return;
    }
    set_phase(replay, REPLAY_SENDING);
    read_all(replay, send_record, true);
    while (!atomic_load_explicit(&replay->cancelled, memory_order_relaxed) &&
           !step_once(replay, true))
        ;
    if (atomic_load_explicit(&replay->cancelled, memory_order_relaxed))
        exporting_process_abandon(replay->process);
    tell_progress(replay);
    bool failed = atomic_load_explicit(&replay->cancelled, memory_order_relaxed) ||
                  exporting_process_failed(replay->process);
    set_phase(replay, failed ? REPLAY_FAILED : REPLAY_DONE);
}

static void *replay_thread(void *argument)
{
    struct history_replay *replay = argument;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    read_all(replay, find_record, false);
    if (replay->report.found)
        send_all(replay);
    else
        set_phase(replay, REPLAY_DONE);
    return NULL;
}

/* ---- the control thread ---- */

/* The rules that the names come from may be exchanged while records are sent. */
static bool copy_applications(struct history_replay *replay, struct error *error)
{
    const struct export_applications *from = replay->config.applications;
    if (!from)
        return true;
    replay->application_rows = calloc(from->count + 1u, sizeof *replay->application_rows);
    if (!replay->application_rows) {
        error_set(error, "not enough memory for a replay");
        return false;
    }
    memcpy(replay->application_rows, from->rows, from->count * sizeof *from->rows);
    replay->applications = *from;
    replay->applications.rows = replay->application_rows;
    replay->config.applications = &replay->applications;
    return true;
}

/* As may lists and brands. */
static bool copy_marks(struct history_replay *replay, struct error *error)
{
    const struct export_marks *from = replay->config.marks;
    if (!from)
        return true;
    replay->list_rows = calloc(from->list_count + 1u, sizeof *replay->list_rows);
    replay->brand_rows = calloc(from->brand_count + 1u, sizeof *replay->brand_rows);
    if (!replay->list_rows || !replay->brand_rows) {
        error_set(error, "not enough memory for a replay");
        return false;
    }
    if (from->list_count)
        memcpy(replay->list_rows, from->lists, from->list_count * sizeof *from->lists);
    if (from->brand_count)
        memcpy(replay->brand_rows, from->brands, from->brand_count * sizeof *from->brands);
    replay->marks = *from;
    replay->marks.lists = replay->list_rows;
    replay->marks.brands = replay->brand_rows;
    replay->config.marks = &replay->marks;
    return true;
}

static bool start_thread(struct history_replay *replay, struct error *error)
{
    int failure = pthread_create(&replay->thread, NULL, replay_thread, replay);
    if (failure)
        error_set(error, "a replay cannot have a thread: %s", strerror(failure));
    replay->started = failure == 0;
    return replay->started;
}

struct history_replay *history_replay_start(const struct history_replay_config *config,
                                            struct error *error)
{
    struct history_replay *replay = calloc(1, sizeof *replay);
    if (replay)
        replay->exporting = calloc(1, sizeof *replay->exporting);
    if (!replay || !replay->exporting) {
        free(replay);
        error_set(error, "not enough memory for a replay");
        return NULL;
    }
    replay->config = *config;
    pthread_mutex_init(&replay->lock, NULL);
    if (!destination_has_collector(config->destination.kind))
        error_set(error, "%s: records are sent again to collectors only, not to files",
                  config->destination.name);
    else if (copy_applications(replay, error) && copy_marks(replay, error) &&
             history_list_make(config->directory, config->from_s, config->to_s, &replay->list,
                               error) &&
             start_thread(replay, error))
        return replay;
    history_replay_destroy(replay);
    return NULL;
}

void history_replay_tell(struct history_replay *replay, struct history_replay_report *report)
{
    pthread_mutex_lock(&replay->lock);
    *report = replay->report;
    pthread_mutex_unlock(&replay->lock);
}

void history_replay_cancel(struct history_replay *replay)
{
    atomic_store(&replay->cancelled, true);
}

void history_replay_destroy(struct history_replay *replay)
{
    if (!replay)
        return;
    history_replay_cancel(replay);
    if (replay->started)
        pthread_join(replay->thread, NULL);
    if (replay->process)
        exporting_process_destroy(replay->process);
    record_ring_destroy(replay->ring);
    history_list_free(&replay->list);
    pthread_mutex_destroy(&replay->lock);
    free(replay->application_rows);
    free(replay->list_rows);
    free(replay->brand_rows);
    free(replay->exporting);
    free(replay);
}
