/*
 * spanflow snapshot list, freeze, release and verify: what the ring holds, what is kept from being
 * overwritten, and whether it is what was written.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data.h"
#include "moment.h"
#include "snapshot_calls.h"
#include "snapshot_folder.h"
#include "snapshot_request.h"
#include "table.h"

int snapshot_print_outcome(const struct verb_call *call, const struct extract_outcome *outcome)
{
    if (call->json) {
        json_t *object = json_pack(
            "{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "file", outcome->file, "limited",
            outcome->limited, "packets", (json_int_t)outcome->packets, "octets",
            (json_int_t)outcome->octets, "blocksRead", (json_int_t)outcome->blocks, "blocksSkipped",
            (json_int_t)outcome->skipped, "blocksDamaged", (json_int_t)outcome->damaged,
            "segmentsDamaged", (json_int_t)outcome->segments_damaged, "blocksGone",
            (json_int_t)outcome->gone, "packetsCut", (json_int_t)outcome->cut, "sha256",
            outcome->sha256);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
    } else {
        printf("%s: %llu packets in %llu octets; of the ring's blocks %llu were read, %llu cannot "
               "hold any of them\nSHA-256 %s\n",
               outcome->file, (unsigned long long)outcome->packets,
               (unsigned long long)outcome->octets, (unsigned long long)outcome->blocks,
               (unsigned long long)outcome->skipped, outcome->sha256);
    }
    if (outcome->limited)
        fprintf(stderr, "spanflow: a limit was reached: there are more packets\n");
    if (outcome->cut)
        fprintf(stderr, "spanflow: %llu packets were cut where they could not be anonymised\n",
                (unsigned long long)outcome->cut);
    if (outcome->gone)
        fprintf(stderr, "spanflow: %llu blocks were overwritten before they could be read\n",
                (unsigned long long)outcome->gone);
    if (!outcome->damaged && !outcome->segments_damaged)
        return VERB_DONE;
    fprintf(stderr,
            "spanflow: the answer is not whole (exit status %d): %llu blocks are damaged and were "
            "passed over, %llu segments cannot be read or not whole; the first: %s\n",
            VERB_PARTLY, (unsigned long long)outcome->damaged,
            (unsigned long long)outcome->segments_damaged, outcome->text);
    return VERB_PARTLY;
}

bool snapshot_number_option(const struct verb_call *call, const char *name, uint64_t *number)
{
    const char *given = verb_option(call, name);
    if (!given)
        return true;
    char *rest;
    unsigned long long value = strtoull(given, &rest, 10);
    if (given[0] >= '0' && given[0] <= '9' && !*rest) {
        *number = value;
        return true;
    }
    fprintf(stderr, "spanflow: %s %s: '%.64s' is no number\n", call->verb->name, name, given);
    return false;
}

/* ---- list ---- */

/* "2026-11-28 12:00:00Z" of a date-and-time of any time zone; options take that as well. */
static const char *show_time(const char *time, char text[32])
{
    uint64_t time_ns;
    struct tm parts;
    if (!snapshot_time_read(time, &time_ns))
        return time;
    const time_t seconds = (time_t)(time_ns / 1000000000u);
    gmtime_r(&seconds, &parts);
    strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", &parts);
    return text;
}

static void print_segments(const struct lyd_node *answer)
{
    const struct lyd_node *segment = data_child(answer, "segment");
    struct table table;
    if (!segment) {
        puts("no packets are on disk");
        return;
    }
    table_begin(&table, "segment", "from", "to", "packets", "octets", "", NULL);
    for (; segment; segment = data_next(segment)) {
        char from[32], to[32], packets[16], octets[16], words[64];
        bool writing = strcmp(data_text(segment, "writing"), "true") == 0;
        snprintf(words, sizeof words, "%s%s%s%s",
                 strcmp(data_text(segment, "payload"), "true") == 0 ? "payload " : "",
                 strcmp(data_text(segment, "frozen"), "true") == 0 ? "frozen " : "",
                 data_number(segment, "blocksDamaged") ? "damaged " : "",
                 writing ? "being written" : "");
        table_row(&table, data_text(segment, "number"), show_time(data_text(segment, "from"), from),
                  show_time(data_text(segment, "to"), to),
                  table_short(data_number(segment, "packets"), packets),
                  table_short(data_number(segment, "octets"), octets), words);
    }
    table_end(&table, stdout);
}

static void print_freezes(const struct lyd_node *answer)
{
    const struct lyd_node *freeze = data_child(answer, "freeze");
    struct table table;
    if (!freeze)
        return;
    putchar('\n');
    table_begin(&table, "freeze", "from", "to", "ends", "octets", "", NULL);
    for (; freeze; freeze = data_next(freeze)) {
        char from[32], to[32], ends[32], octets[16];
        table_row(&table, data_text(freeze, "name"), show_time(data_text(freeze, "from"), from),
                  show_time(data_text(freeze, "to"), to),
                  show_time(data_text(freeze, "expires"), ends),
                  table_short(data_number(freeze, "octets"), octets),
                  strcmp(data_text(freeze, "partly"), "true") == 0 ? "holds a part only" : "");
    }
    table_end(&table, stdout);
}

static void print_jobs(const struct lyd_node *answer)
{
    const struct lyd_node *job = data_child(answer, "job");
    struct table table;
    if (!job)
        return;
    putchar('\n');
    table_begin(&table, "job", "what", "user", "state", "%", "packets", "octets", NULL);
    for (; job; job = data_next(job)) {
        char octets[16];
        table_row(&table, data_text(job, "job"), data_text(job, "kind"), data_text(job, "user"),
                  data_text(job, "state"), data_text(job, "progress"), data_text(job, "packets"),
                  table_short(data_number(job, "octets"), octets));
    }
    table_end(&table, stdout);
}

int verb_snapshot_list(struct verb_call *call)
{
    struct error error = {""};
    struct snapshot_text text;
    const char *folder = verb_option(call, "--directory");
    if (folder)
        return snapshot_folder_list(call, folder);
    if (!verb_prepare(call, &error))
        return verb_fail(error.text);
    snapshot_text_begin(&text, "list");
    struct lyd_node *answer = snapshot_text_call(&text, "list", call, &error);
    if (!answer)
        return verb_fail(error.text);
    if (call->json) {
        verb_print_json(answer);
    } else {
        print_segments(answer);
        print_freezes(answer);
        print_jobs(answer);
    }
    lyd_free_all(answer);
    return VERB_DONE;
}

/* ---- freeze and release ---- */

int verb_snapshot_freeze(struct verb_call *call)
{
    struct error error = {""};
    struct snapshot_text text;
    char from[MOMENT_TEXT_MAX], to[MOMENT_TEXT_MAX], octets[16], expiry[24];
    uint64_t days = 30;
    const char *reason = verb_option(call, "--reason");
    if (!reason || !reason[0])
        return verb_lacks(call, "--reason TEXT");
    if (!verb_option(call, "--from") || !verb_option(call, "--to"))
        return verb_lacks(call, "--from TIME and --to TIME");
    if (!snapshot_number_option(call, "--days", &days))
        return VERB_USAGE;
    if (!snapshot_window_options(call, from, to, &error)) {
        verb_fail(error.text);
        return VERB_USAGE;
    }
    if (!days || days > 3650)
        return verb_lacks(call, "--days from 1 to 3650");
    snprintf(expiry, sizeof expiry, "%llu", (unsigned long long)days * 86400);
    snapshot_text_begin(&text, "freeze");
    snapshot_text_leaf(&text, "name", call->words[0]);
    snapshot_text_leaf(&text, "from", from);
    snapshot_text_leaf(&text, "to", to);
    snapshot_text_leaf(&text, "expiry", expiry);
    snapshot_text_leaf(&text, "reason", reason);
    struct lyd_node *answer = snapshot_text_call(&text, "freeze", call, &error);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    else if (data_number(answer, "octets") == 0)
        puts("frozen: nothing on disk lies in the window yet; what comes is held");
    else
        printf("frozen: %s octets stay for %llu days, or until snapshot release %s\n",
               table_short(data_number(answer, "octets"), octets), (unsigned long long)days,
               call->words[0]);
    lyd_free_all(answer);
    return VERB_DONE;
}

int verb_snapshot_release(struct verb_call *call)
{
    struct error error = {""};
    struct snapshot_text text;
    const char *reason = verb_option(call, "--reason");
    if (!reason || !reason[0])
        return verb_lacks(call, "--reason TEXT");
    snapshot_text_begin(&text, "release");
    snapshot_text_leaf(&text, "name", call->words[0]);
    snapshot_text_leaf(&text, "reason", reason);
    struct lyd_node *answer = snapshot_text_call(&text, "release", call, &error);
    if (!answer)
        return verb_fail(error.text);
    lyd_free_all(answer);
    return verb_say(call, "released: it may be overwritten");
}

/* ---- verify ---- */

/* The number of the job that ANSWER names, to be freed. */
static char *job_of(const struct lyd_node *answer)
{
    char *job = strdup(data_text(answer, "job"));
    if (job)
        return job;
    fprintf(stderr, "spanflow: no memory\n");
    exit(1);
}

int verb_snapshot_verify(struct verb_call *call)
{
    struct error error = {""};
    struct snapshot_text text;
    const char *reason = verb_option(call, "--reason");
    const char *folder = verb_option(call, "--directory");
    if (folder)
        return snapshot_folder_verify(call, folder);
    if (!reason || !reason[0])
        return verb_lacks(call, "--reason TEXT");
    if (!verb_prepare(call, &error))
        return verb_fail(error.text);
    snapshot_catch_interrupts();
    snapshot_text_begin(&text, "verify");
    snapshot_text_leaf(&text, "reason", reason);
    struct lyd_node *answer = snapshot_text_call(&text, "verify", call, &error);
    if (!answer)
        return verb_fail(error.text);
    char *job = job_of(answer);
    lyd_free_all(answer);
    answer = snapshot_wait(call, job, &error);
    free(job);
    if (!answer)
        return verb_fail(error.text);
    bool good = strcmp(data_text(answer, "state"), "complete") == 0;
    if (call->json)
        verb_print_json(answer);
    else
        printf("%s\n", data_text(answer, "text"));
    lyd_free_all(answer);
    return good ? VERB_DONE : VERB_FAILED;
}
