/* The ring's files without a probe: what the probe's own queries do, on the main thread. */
#include "snapshot_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_extract.h"
#include "snapshot/snapshot_manifest.h"
#include "snapshot/snapshot_segment.h"
#include "snapshot_calls.h"
#include "snapshot_request.h"
#include "table.h"

/* ---- list ---- */

/* Those that are not finished have a hidden name. */
static int is_segment(const struct dirent *entry)
{
    return strncmp(entry->d_name + (entry->d_name[0] == '.'), "snapshot-", 9) == 0;
}

static int is_of_ring(const struct dirent *entry)
{
    return is_segment(entry) || strcmp(entry->d_name, "manifest.jsonl") == 0 ||
           strcmp(entry->d_name, "ring.pub") == 0;
}

/* Whether FOLDER is, or is a copy of, a ring's; false and ERROR. Nothing must seem empty because it
 * was looked for in the wrong place. */
static bool is_ring(const char *folder, struct error *error)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_of_ring, NULL);
    if (count < 0)
        error_set(error, "%s: %s", folder, strerror(errno));
    else if (count == 0)
        error_set(error, "%s: no snapshot ring is there: neither segments nor a manifest", folder);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return count > 0;
}

/* Adds what segment NAME says to LIST; false after a line if it cannot be read. */
static bool list_segment(struct state_json *json, json_t *list, int folder, const char *name)
{
    struct error error = {""};
    struct snapshot_segment *segment = snapshot_segment_open(folder, name, &error);
    if (!segment) {
        fprintf(stderr, "spanflow: %s\n", error.text);
        return false;
    }
    struct snapshot_listed listed = {.facts = *snapshot_segment_facts(segment)};
    snprintf(listed.name, sizeof listed.name, "%.63s", name);
    state_append(json, list, snapshot_segment_object(json, &listed));
    snapshot_segment_close(segment);
    return true;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}

static void print_list(const json_t *list)
{
    struct table table;
    size_t index;
    json_t *segment;
    table_begin(&table, "file", "from", "to", "packets", "octets", "", NULL);
    json_array_foreach(list, index, segment)
    {
        char packets[16], octets[16];
        table_row(&table, text_of(segment, "name"), text_of(segment, "from"),
                  text_of(segment, "to"),
                  table_short(strtoull(text_of(segment, "packets"), NULL, 10), packets),
                  table_short(strtoull(text_of(segment, "octets"), NULL, 10), octets),
                  json_is_true(json_object_get(segment, "payload")) ? "payload" : "");
    }
    table_end(&table, stdout);
}

int snapshot_folder_list(const struct verb_call *call, const char *folder)
{
    struct state_json json = {false};
    struct dirent **names = NULL;
    struct error error = {""};
    if (!is_ring(folder, &error))
        return verb_fail(error.text);
    int count = scandir(folder, &names, is_segment, alphasort);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (count < 0 || descriptor < 0) {
        fprintf(stderr, "spanflow: %s: %s\n", folder, strerror(errno));
        free(names);
        return VERB_FAILED;
    }
    json_t *list = json_array();
    bool good = true;
    for (int i = 0; i < count; i++) {
        good &= list_segment(&json, list, descriptor, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    close(descriptor);
    if (call->json) {
        json_t *object = json_pack("{s:O}", "segment", list);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
    } else {
        print_list(list);
    }
    json_decref(list);
    return good ? VERB_DONE : VERB_FAILED;
}

/* ---- verify ---- */

static void tell_break(void *context, enum snapshot_verdict verdict, const char *line)
{
    (void)context;
    fprintf(stderr, "spanflow: %s: %s\n", snapshot_verdict_name(verdict), line);
}

int snapshot_folder_verify(const struct verb_call *call, const char *folder)
{
    struct snapshot_verification found;
    struct error error = {""};
    if (!is_ring(folder, &error))
        return verb_fail(error.text);
    snapshot_verify(folder, verb_option(call, "--key"), tell_break, NULL, NULL, NULL, &found);
    char *text = snapshot_verification_text(&found);
    if (call->json) {
        json_t *object =
            json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "verified",
                      found.verdict == SNAPSHOT_VERIFIED, "text", text, "segments",
                      (json_int_t)found.good, "overwritten", (json_int_t)found.overwritten,
                      "expired", (json_int_t)found.expired, "missing", (json_int_t)found.missing,
                      "changed", (json_int_t)found.changed, "unknown", (json_int_t)found.unknown);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
    } else {
        puts(text);
    }
    free(text);
    return found.verdict == SNAPSHOT_VERIFIED ? VERB_DONE : VERB_FAILED;
}

/* ---- extract ---- */

static bool show(void *context, const struct snapshot_job_status *status)
{
    (void)context;
    uint64_t wanted = status->counts.octets_wanted;
    snapshot_show_progress("reading",
                           wanted ? (unsigned)(status->counts.octets_read * 100 / wanted) : 100,
                           status->octets);
    return snapshot_interrupted != 0;
}

int snapshot_folder_extract(const struct verb_call *call, const char *folder,
                            const struct snapshot_question *question)
{
    struct error error = {""}, inner = {""};
    const struct passwd *user = getpwuid(getuid());
    struct snapshot_sources sources = {.directory = folder};
    struct snapshot_extract_settings settings = {.software = "spanflow " SPANFLOW_VERSION};
    struct snapshot_extract_order order = {.question = *question,
                                           .user = user ? user->pw_name : "unknown",
                                           .from = "offline",
                                           .reason = verb_option(call, "--reason")};
    struct snapshot_job_status status;
    const char *file = verb_option(call, "-o");
    if (verb_option(call, "--anonymise"))
        return verb_fail("--anonymise needs a probe");
    if (!snapshot_number_option(call, "--packets", &order.packets_max) ||
        !snapshot_number_option(call, "--octets", &order.octets_max))
        return VERB_USAGE;
    if (!is_ring(folder, &error))
        return verb_fail(error.text);
    struct snapshot_audit *audit = snapshot_audit_open(folder, &inner);
    if (!audit)
        fprintf(stderr, "spanflow: this query is not written down: %s\n", inner.text);
    enum snapshot_job_state state =
        snapshot_extract_run(&sources, &order, &settings, audit, file, show, NULL, &status, &error);
    snapshot_audit_close(audit);
    snapshot_end_progress();
    if (state != SNAPSHOT_JOB_COMPLETE && state != SNAPSHOT_JOB_LIMITED)
        return verb_fail(error.text[0] ? error.text : "interrupted");
    struct extract_outcome outcome = {.file = file,
                                      .limited = state == SNAPSHOT_JOB_LIMITED,
                                      .packets = status.packets,
                                      .octets = status.octets,
                                      .blocks = status.counts.blocks_read,
                                      .skipped = status.counts.blocks_skipped,
                                      .damaged = status.counts.blocks_damaged,
                                      .segments_damaged =
                                          status.counts.segments_bad + status.counts.segments_cut,
                                      .gone = status.counts.blocks_gone,
                                      .cut = status.packets_cut,
                                      .sha256 = status.sha256,
                                      .text = status.text};
    return snapshot_print_outcome(call, &outcome);
}
