/* The ledger for programs: one JSON object, in a file or on the standard output. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_text.h"
#include "ledger.h"

/* json_object_set_new() and friends fail on a NULL value and remember it in the result, so that
 * one test at the end is enough: a missing part makes the whole NULL. */
struct builder {
    bool failed;
};

static void set(struct builder *builder, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        builder->failed = true;
}

static void append(struct builder *builder, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        builder->failed = true;
}

static void set_number(struct builder *builder, json_t *object, const char *key, uint64_t number)
{
    set(builder, object, key, json_integer((json_int_t)number));
}

static json_t *pair(struct builder *builder, struct ledger_pair pair)
{
    json_t *object = json_object();
    set_number(builder, object, "packets", pair.packets);
    set_number(builder, object, "octets", pair.octets);
    return object;
}

/* A group: the sum and each reason, those at 0 too, so that a reader sees every name. */
static json_t *group(struct builder *builder, const struct ledger_pair *terms,
                     const char *const *names, unsigned count)
{
    struct ledger_pair sum = {0, 0};
    json_t *reasons = json_object();
    for (unsigned i = 0; i < count; i++) {
        sum.packets += terms[i].packets;
        sum.octets += terms[i].octets;
        set(builder, reasons, names[i], pair(builder, terms[i]));
    }
    json_t *object = pair(builder, sum);
    set(builder, object, "reasons", reasons);
    return object;
}

/* What became of packets that the snapshot ring was offered. */
static json_t *snapshot(struct builder *builder, const struct snapshot_account *account)
{
    json_t *object = json_object();
    set(builder, object, "seen", pair(builder, account->seen));
    set(builder, object, "stored", pair(builder, account->stored));
    set(builder, object, "in_memory", pair(builder, account->in_memory));
    set(builder, object, "cut_off",
        group(builder, account->cut_off, ledger_snapshot_cut_off_names, SNAPSHOT_CUT_OFF_COUNT));
    set(builder, object, "overload", pair(builder, account->overload));
    set(builder, object, "failed",
        group(builder, account->failed, ledger_snapshot_failed_names, SNAPSHOT_FAILED_COUNT));
    return object;
}

/* The packet terms, the same keys for a worker and for the probe. */
static void set_terms(struct builder *builder, json_t *object, const struct ledger_terms *terms)
{
    json_t *metered = pair(builder, terms->metered);
    set_number(builder, metered, "frame_octets", terms->metered_frame.octets);
    set_number(builder, metered, "flows", terms->flows);
    json_t *records = json_object();
    set_number(builder, records, "out", terms->records_out);
    set(builder, object, "observed", pair(builder, terms->observed));
    set(builder, object, "filtered",
        group(builder, terms->filtered, ledger_filtered_names, FILTERED_COUNT));
    set(builder, object, "ignored",
        group(builder, terms->ignored, ledger_ignored_names, IGNORED_COUNT));
    set(builder, object, "dropped",
        group(builder, terms->dropped, ledger_dropped_names, DROPPED_COUNT));
    set(builder, object, "metered", metered);
    set(builder, object, "exported", pair(builder, terms->exported));
    set(builder, object, "cached", pair(builder, terms->cached));
    set(builder, object, "in_kernel", pair(builder, terms->in_kernel));
    set(builder, object, "lost", group(builder, terms->lost, ledger_lost_names, LOST_COUNT));
    set(builder, object, "records", records);
    if (terms->snapshot.seen.packets)
        set(builder, object, "snapshot", snapshot(builder, &terms->snapshot));
}

/* How a collector's transport is doing; files have none. */
static json_t *connection(struct builder *builder, const struct transport_report *report)
{
    json_t *object = json_object();
    set(builder, object, "state", json_string(ledger_transport_states[report->state]));
#define SET_TRANSPORT_COUNTER(name, help) set_number(builder, object, #name, report->name);
    TRANSPORT_COUNTERS(SET_TRANSPORT_COUNTER)
    set(builder, object, "last_error", json_text(report->last_error));
    return object;
}

/* Hours with two places, which is as exact as the rate is. */
static void set_hours(struct builder *builder, json_t *object, const char *key, double hours)
{
    if (hours > 1e9)
        hours = 1e9;
    set(builder, object, key, json_real((double)(uint64_t)(hours * 100 + 0.5) / 100));
}

/* What waits for a destination that is away. */
static json_t *spool(struct builder *builder, const struct destination_counters *counters)
{
    const struct spool_account *account = &counters->spool;
    json_t *object = json_object();
    uint64_t left =
        account->octets_max > account->octets ? account->octets_max - account->octets : 0;
    set_number(builder, object, "records", account->records);
    set_number(builder, object, "octets", account->octets);
    set_number(builder, object, "octets_max", account->octets_max);
    set_number(builder, object, "files", account->files);
    set_number(builder, object, "oldest", account->oldest_s);
    set_number(builder, object, "oldest_age_s", account->oldest_age_s);
    set_number(builder, object, "octets_per_s", account->octets_per_s);
    if (account->octets_per_s) {
        set_hours(builder, object, "hours_held", ledger_spool_hours(account, account->octets));
        set_hours(builder, object, "hours_left", ledger_spool_hours(account, left));
    }
    set(builder, object, "failing", json_boolean(account->failing));
    return object;
}

/* What an earlier run had left in the spool. */
static json_t *recovered(struct builder *builder, const struct destination_counters *counters)
{
    json_t *object = json_object();
    set_number(builder, object, "records", counters->recovered);
    set_number(builder, object, "sent", counters->recovered_sent);
    set_number(builder, object, "queued", counters->recovered_queued);
    set_number(builder, object, "spooled", counters->recovered_spooled);
    set_number(builder, object, "lost", counters->recovered_lost);
    return object;
}

static json_t *destination(struct builder *builder, const char *name,
                           const struct destination_counters *counters)
{
    json_t *object = json_object();
    json_t *lost = json_object();
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
        set_number(builder, lost, ledger_destination_lost_names[i], counters->lost[i]);
    set(builder, object, "name", json_text(name));
    set_number(builder, object, "records", counters->records);
    set_number(builder, object, "sent", counters->sent);
    set_number(builder, object, "queued", counters->queued);
    set_number(builder, object, "spooled", counters->spooled);
    set(builder, object, "lost", lost);
    set_number(builder, object, "data_records", counters->data_records);
    set_number(builder, object, "messages", counters->messages);
    set_number(builder, object, "octets", counters->octets);
    if (counters->spool.on)
        set(builder, object, "spool", spool(builder, counters));
    if (counters->recovered)
        set(builder, object, "recovered", recovered(builder, counters));
    if (counters->connection.state != TRANSPORT_STATE_NONE)
        set(builder, object, "connection", connection(builder, &counters->connection));
    return object;
}

static json_t *links(struct builder *builder, const struct ledger *ledger)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < ledger->link_count; i++) {
        json_t *link = json_object();
        set(builder, link, "name", json_text(ledger->links[i].name));
        set(builder, link, "up", json_boolean(ledger->links[i].up));
        set_number(builder, link, "losses", ledger->links[i].losses);
        append(builder, array, link);
    }
    return array;
}

/* What is no term of the ledger but explains it. */
static json_t *diagnostics(struct builder *builder, const struct ledger *ledger)
{
    json_t *object = json_object();
    json_t *ended = json_object();
    json_t *flood = json_object();
    json_t *applications = json_object();
    json_t *names = json_object();
    const uint64_t *counts = ledger->cache.ended;
#define SET_PARSER_COUNTER(name, help) set_number(builder, object, #name, ledger->parser.name);
#define SET_DUPLICATE_COUNTER(name, help)                                                          \
    set_number(builder, object, #name, ledger->duplicates.name);
#define SET_APPLICATION_COUNTER(name, help)                                                        \
    set_number(builder, applications, #name, ledger->applications.name);
#define SET_NAME_COUNTER(name, help)  set_number(builder, names, #name, ledger->names.name);
#define SET_CACHE_COUNTER(name, help) set_number(builder, object, #name, ledger->cache.name);
#define SET_ENDED(reason, name)       set_number(builder, ended, name, counts[reason]);
#define SET_FLOOD_COUNTER(name, help) set_number(builder, flood, #name, ledger->cache.flood.name);
    PARSER_COUNTERS(SET_PARSER_COUNTER)
    DUPLICATE_COUNTERS(SET_DUPLICATE_COUNTER)
    FLOW_CACHE_COUNTERS(SET_CACHE_COUNTER)
    FLOW_END_NAMES(SET_ENDED)
    set_number(builder, object, "sweep_late_ns_max", ledger->cache.sweep_late_ns_max);
    set(builder, object, "ended", ended);
    if (ledger->link_count)
        set(builder, object, "links", links(builder, ledger));
    set_number(builder, flood, "level", ledger->cache.flood.level);
    FLOOD_COUNTERS(SET_FLOOD_COUNTER)
    set(builder, object, "flood", flood);
    APPLICATION_COUNTERS(SET_APPLICATION_COUNTER)
    set(builder, object, "applications", applications);
    NAME_FINDER_COUNTERS(SET_NAME_COUNTER)
    NAME_WORKSPACE_COUNTERS(SET_NAME_COUNTER)
    set(builder, object, "names", names);
    if (ledger->kernel.epochs == 0)
        return object;
#define SET_KERNEL_COUNTER(name, help) set_number(builder, kernel, #name, ledger->kernel.name);
    json_t *kernel = json_object();
    KERNEL_COUNTERS(SET_KERNEL_COUNTER)
    set_number(builder, kernel, "counted_packets", ledger->counted.packets);
    set_number(builder, kernel, "counted_octets", ledger->counted.octets);
    set(builder, object, "kernel", kernel);
    return object;
}

static json_t *groups(struct builder *builder, const struct ledger *ledger)
{
    json_t *array = json_array();
    for (uint32_t g = 0; g < ledger->group_count; g++) {
        json_t *object = json_object();
        set(builder, object, "name", json_text(ledger->groups[g].name));
        set(builder, object, "mode", json_text(ledger_mode_names[ledger->groups[g].mode]));
        set_number(builder, object, "records", ledger_group_records(ledger, g));
        append(builder, array, object);
    }
    return array;
}

/* Destinations, and their groups if there are any. */
static void set_destinations(struct builder *builder, json_t *object, const struct ledger *ledger)
{
    json_t *destinations = json_array();
    for (uint32_t d = 0; d < ledger->destination_count; d++) {
        const struct destination_place *place = &ledger->places[d];
        json_t *row = destination(builder, place->name, &ledger->destinations[d]);
        uint32_t group = place->group;
        if (place->removed)
            set(builder, row, "removed", json_true());
        if (group)
            set(builder, row, "group", json_text(ledger->groups[group - 1].name));
        append(builder, destinations, row);
    }
    set(builder, object, "destinations", destinations);
    if (ledger->group_count)
        set(builder, object, "groups", groups(builder, ledger));
}

/* Outside of the balance. */
static json_t *replays(struct builder *builder, const struct ledger_replays *replays)
{
    json_t *object = json_object();
    set_number(builder, object, "count", replays->count);
    set_number(builder, object, "found", replays->found);
    set_number(builder, object, "sent", replays->sent);
    set_number(builder, object, "lost", replays->lost);
    return object;
}

static json_t *cache(struct builder *builder, const struct ledger *ledger)
{
    json_t *object = json_object();
    set(builder, object, "name", json_text(ledger->cache_name));
    set_terms(builder, object, &ledger->probe);
    set_destinations(builder, object, ledger);
    set(builder, object, "balanced", json_boolean(ledger_cache_balanced(ledger, NULL)));
    return object;
}

/* All of them, the first one's account once more. */
static json_t *caches(struct builder *builder, const struct ledger *ledger)
{
    json_t *array = json_array();
    append(builder, array, cache(builder, ledger));
    for (uint32_t c = 0; c < ledger->other_count; c++)
        append(builder, array, cache(builder, ledger->others[c]));
    return array;
}

static json_t *build(struct builder *builder, const struct ledger *ledger)
{
    json_t *root = json_object();
    json_t *workers = json_array();
    set_terms(builder, root, &ledger->probe);
    for (uint32_t w = 0; w < ledger->worker_count; w++) {
        json_t *worker = json_object();
        set_terms(builder, worker, &ledger->workers[w]);
        append(builder, workers, worker);
    }
    set_destinations(builder, root, ledger);
    if (ledger->replays.count)
        set(builder, root, "replays", replays(builder, &ledger->replays));
    if (ledger->other_count)
        set(builder, root, "caches", caches(builder, ledger));
    set(builder, root, "workers", workers);
    set(builder, root, "diagnostics", diagnostics(builder, ledger));
    if (ledger->blind_count) {
        json_t *blind = json_array();
        for (uint32_t i = 0; i < ledger->blind_count; i++)
            append(builder, blind, json_text(ledger->blind[i]));
        set(builder, root, "drops_not_visible", blind);
    }
    set(builder, root, "balanced", json_boolean(ledger_balanced(ledger, NULL)));
    return root;
}

char *ledger_json(const struct ledger *ledger)
{
    struct builder builder = {false};
    json_t *root = build(&builder, ledger);
    char *text = builder.failed ? NULL : json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    size_t length = text ? strlen(text) : 0;
    char *whole = text ? realloc(text, length + 2) : NULL;
    if (!whole) {
        free(text);
        return NULL;
    }
    memcpy(whole + length, "\n", 2);
    return whole;
}

/* Writes TEXT and closes FILE, unless it is the standard output. */
static bool put(FILE *file, const char *text)
{
    bool written = fputs(text, file) >= 0;
    bool flushed = fflush(file) == 0;
    int failure = errno;
    bool closed = file == stdout || fclose(file) == 0;
    if (!written || !flushed)
        errno = failure;
    return written && flushed && closed;
}

/* Writes TEXT to a new file beside PATH and renames it into place. */
static bool replace(const char *path, const char *text)
{
    size_t size = strlen(path) + 16;
    char *temporary = malloc(size);
    if (!temporary)
        return false;
    snprintf(temporary, size, "%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    bool done = false;
    if (file) {
        /* mkstemp() hides the file from others; a ledger is read by other users as any file. */
        mode_t mask = umask(0);
        umask(mask);
        fchmod(descriptor, 0666 & ~mask);
        done = put(file, text) && rename(temporary, path) == 0;
    } else if (descriptor >= 0) {
        close(descriptor);
    }
    int failure = errno;
    if (!done && descriptor >= 0)
        unlink(temporary);
    free(temporary);
    errno = failure;
    return done;
}

/* A link is followed, and what is no regular file (a pipe, a terminal) is written as it is. */
static bool write_path(const char *path, const char *text)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return replace(path, text);
    if (!S_ISREG(status.st_mode)) {
        FILE *file = fopen(path, "we");
        return file && put(file, text);
    }
    char *real = realpath(path, NULL);
    bool done = real && replace(real, text);
    int failure = errno;
    free(real);
    errno = failure;
    return done;
}

bool ledger_write(const struct ledger *ledger, const char *path, struct error *error)
{
    char *text = ledger_json(ledger);
    if (!text) {
        error_set(error, "--ledger %s: out of memory", path);
        return false;
    }
    bool done = strcmp(path, "-") == 0 ? put(stdout, text) : write_path(path, text);
    if (!done)
        error_set(error, "--ledger %s: %s", path, strerror(errno));
    free(text);
    return done;
}
