/*
 * The verbs that make a candidate run, keep it or take it back, and those on the configurations of
 * the past. A session of this program ends with the verb, so a commit that wants confirmation is
 * kept alive by a word (persist), the same each time unless one is given.
 */
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "table.h"
#include "verbs.h"

static const int apply_wait_ms = 600000; /* a rebuilt probe drains its destinations first */
static const char own_namespace[] = "urn:spanflow:params:xml:ns:yang:spanflow-netconf";
static const char usual_word[] = "spanflow";
static const char usual_seconds[] = "600";
static const char doing[] = "the probe applies the configuration";

static void write_leaf(FILE *file, const char *name, const char *namespace, const char *value)
{
    if (!value)
        return;
    fprintf(file, "<%s", name);
    if (namespace)
        fprintf(file, " xmlns=\"%s\"", namespace);
    fputs(">", file);
    client_write_escaped(file, value);
    fprintf(file, "</%s>", name);
}

/* <commit> with what is not NULL. */
static bool send_commit(struct verb_call *call, const char *seconds, const char *persist,
                        const char *persist_id, const char *comment, struct error *error)
{
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fputs("<commit>", file);
    if (seconds)
        fputs("<confirmed/>", file);
    write_leaf(file, "confirm-timeout", NULL, seconds);
    write_leaf(file, "persist", NULL, persist);
    write_leaf(file, "persist-id", NULL, persist_id);
    write_leaf(file, "comment", own_namespace, comment);
    fputs("</commit>", file);
    fclose(file);
    call->client.doing = doing;
    bool good = client_do(&call->client, text, apply_wait_ms, error);
    free(text);
    return good;
}

/* Puts in the place of what the probe says on a confirmed commit that waits, or that none does,
 * what a user of this program can do. */
static void translate(struct error *error)
{
    if (strstr(error->text, "a confirmed commit waits"))
        error_set(error, "a commit that is not confirmed yet runs: config confirm keeps it, config "
                         "cancel takes it back");
    else if (strstr(error->text, "has no persist"))
        error_set(error,
                  "the commit that waits is another session's (spanflow status tells whose): "
                  "only that can keep it, and takes it back when it ends");
    else if (strstr(error->text, "has changes that are not committed"))
        error_set(error, "somebody has edited what is not committed yet (config diff shows it): "
                         "config commit or config discard first");
    else if (strstr(error->text, "no confirmed commit waits"))
        error_set(error, "no commit waits for being confirmed");
    else if (strstr(error->text, "persist-id of the commit that waits"))
        error_set(error, "the commit that waits has another word: give it by --persist");
}

/* A confirmed commit; one that waits already is prolonged. */
static bool commit_for_now(struct verb_call *call, const char *seconds, const char *word,
                           const char *comment, struct error *error)
{
    if (send_commit(call, seconds, word, NULL, comment, error))
        return true;
    return strstr(error->text, "a confirmed commit waits") &&
           send_commit(call, seconds, word, word, comment, error);
}

static bool is_seconds(const char *text)
{
    return text[0] && strlen(text) < 9 && text[strspn(text, "0123456789")] == 0 &&
           strtoul(text, NULL, 10) > 0;
}

int verb_config_commit(struct verb_call *call)
{
    struct error error = {""};
    const char *seconds = verb_option(call, "--confirmed");
    const char *persist = verb_option(call, "--persist");
    const char *comment = verb_option(call, "--comment");
    if (persist && !seconds)
        return verb_refuse(call, "--persist without --confirmed");
    if (seconds && seconds[0] && !is_seconds(seconds))
        return verb_refuse(call, seconds);
    if (seconds && !seconds[0])
        seconds = usual_seconds;
    bool good = seconds
                    ? commit_for_now(call, seconds, persist ? persist : usual_word, comment, &error)
                    : send_commit(call, NULL, NULL, NULL, comment, &error);
    if (!good) {
        translate(&error);
        return verb_fail(error.text);
    }
    char text[512] = "the candidate is the running configuration now";
    if (seconds)
        snprintf(text, sizeof text,
                 "running for %s s; keep it with: spanflow config confirm%s%.256s", seconds,
                 persist ? " --persist " : "", persist ? persist : "");
    return verb_say(call, text);
}

int verb_config_confirm(struct verb_call *call)
{
    struct error error = {""};
    const char *persist = verb_option(call, "--persist");
    const char *comment = verb_option(call, "--comment");
    if (send_commit(call, NULL, NULL, persist ? persist : usual_word, comment, &error))
        return verb_say(call, "the running configuration stays");
    translate(&error);
    return verb_fail(error.text);
}

int verb_config_cancel(struct verb_call *call)
{
    struct error error = {""};
    const char *persist = verb_option(call, "--persist");
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fputs("<cancel-commit>", file);
    write_leaf(file, "persist-id", NULL, persist ? persist : usual_word);
    fputs("</cancel-commit>", file);
    fclose(file);
    call->client.doing = doing;
    bool good = client_do(&call->client, text, apply_wait_ms, &error);
    free(text);
    if (good)
        return verb_say(call, "the configuration before runs again");
    translate(&error);
    return verb_fail(error.text);
}

/* ---- differences ---- */

/* The line for NODE, to which OPERATION was done. */
static void print_change(const struct lyd_node *node, const char *operation)
{
    char path[PATH_TEXT_MAX];
    bool leaf = (node->schema->nodetype & LYD_NODE_TERM) != 0;
    const char *value = leaf ? lyd_get_value(node) : "";
    path_show(node, path, sizeof path);
    if (strcmp(operation, "replace") == 0 && node->schema->nodetype == LYS_LEAF) {
        const struct lyd_meta *old = lyd_find_meta(node->meta, NULL, "yang:orig-value");
        printf("  %s: %s -> %s\n", path, old ? lyd_get_meta_value(old) : "?", value);
        return;
    }
    const char *mark = "+";
    if (strcmp(operation, "delete") == 0)
        mark = "-";
    else if (strcmp(operation, "replace") == 0)
        mark = "moved";
    printf("%s %s%s%s\n", mark, path, leaf ? ": " : "", value);
}

/* Whether NODE itself is a setting: leaves but keys, entries of lists, containers with a presence.
 */
static bool is_setting(const struct lyd_node *node)
{
    const struct lysc_node *schema = node->schema;
    if (schema->nodetype == LYS_CONTAINER)
        return (schema->flags & LYS_PRESENCE) != 0;
    return !lysc_is_key(schema);
}

/* One line for each setting of DIFF that was made, changed or removed. INHERITED: what was done to
 * the node above it. */
static void print_diff(const struct lyd_node *diff, const char *inherited, unsigned *lines)
{
    for (; diff; diff = diff->next) {
        const struct lyd_meta *meta = lyd_find_meta(diff->meta, NULL, "yang:operation");
        const char *operation = meta ? lyd_get_meta_value(meta) : inherited;
        if (is_setting(diff) && strcmp(operation, "none") != 0) {
            print_change(diff, operation);
            ++*lines;
        }
        if (diff->schema->nodetype & LYD_NODE_INNER)
            print_diff(lyd_child(diff), operation, lines);
    }
}

int verb_config_diff(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *running = NULL, *candidate = NULL, *diff = NULL;
    bool good = client_get(&call->client, CLIENT_RUNNING, NULL, false, &running, &error) &&
                client_get(&call->client, CLIENT_CANDIDATE, NULL, false, &candidate, &error);
    if (good && lyd_diff_siblings(running, candidate, 0, &diff) != LY_SUCCESS) {
        error_set(&error, "the two cannot be compared: %s", ly_errmsg(call->client.context));
        good = false;
    }
    unsigned lines = 0;
    if (good && call->json)
        verb_print_json(diff);
    else if (good)
        print_diff(diff, "none", &lines);
    if (good && !call->json && lines == 0)
        puts("no difference");
    lyd_free_all(diff);
    lyd_free_all(running);
    lyd_free_all(candidate);
    return good ? VERB_DONE : verb_fail(error.text);
}

/* ---- versions ---- */

/* The list of stored versions, newest first, as a tree of the operational datastore. */
static bool get_versions(struct verb_call *call, struct lyd_node **data, struct error *error)
{
    return client_get(&call->client, CLIENT_OPERATIONAL, "/sfn:versions", false, data, error);
}

static const char *leaf_below(const struct lyd_node *node, const char *name)
{
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (strcmp(LYD_NAME(child), name) == 0)
            return lyd_get_value(child);
    return "";
}

int verb_config_history(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *data;
    if (!get_versions(call, &data, &error))
        return verb_fail(error.text);
    if (call->json) {
        verb_print_json(data);
    } else {
        struct table table;
        table_begin(&table, "version", "time", "user", "comment", NULL);
        for (const struct lyd_node *row = lyd_child(data); row; row = row->next)
            if (row->schema->nodetype == LYS_LIST)
                table_row(&table, leaf_below(row, "number"), leaf_below(row, "time"),
                          leaf_below(row, "user"), leaf_below(row, "comment"));
        table_end(&table, stdout);
    }
    lyd_free_all(data);
    return VERB_DONE;
}

/* The number of the version before the newest; 0 if there is none. */
static unsigned long version_before(const struct lyd_node *data)
{
    unsigned long newest = 0, before = 0;
    for (const struct lyd_node *row = lyd_child(data); row; row = row->next) {
        unsigned long number = strtoul(leaf_below(row, "number"), NULL, 10);
        if (number > newest) {
            before = newest;
            newest = number;
        } else if (number > before) {
            before = number;
        }
    }
    return before;
}

static bool load_version(struct verb_call *call, unsigned long version, struct error *error)
{
    char text[256];
    snprintf(text, sizeof text, "<load-version xmlns=\"%s\"><version>%lu</version></load-version>",
             own_namespace, version);
    return client_do(&call->client, text, apply_wait_ms, error);
}

/* Nobody's changes that are not committed get lost: with them there is no lock. It goes with our
 * session, and so does what could not be committed. */
static bool lock_candidate(struct verb_call *call, struct error *error)
{
    return client_do(&call->client, "<lock><target><candidate/></target></lock>", apply_wait_ms,
                     error);
}

int verb_config_rollback(struct verb_call *call)
{
    struct error error = {""};
    unsigned long version = 0;
    if (call->count == 1) {
        version = verb_number(call->words[0]);
        if (version == 0 || version > UINT32_MAX)
            return verb_refuse(call, call->words[0]);
    } else {
        struct lyd_node *data;
        if (!get_versions(call, &data, &error))
            return verb_fail(error.text);
        version = version_before(data);
        lyd_free_all(data);
        if (version == 0)
            return verb_fail("there is no earlier configuration");
    }
    char comment[64];
    snprintf(comment, sizeof comment, "version %lu again", version);
    if (!lock_candidate(call, &error) || !load_version(call, version, &error) ||
        !send_commit(call, NULL, NULL, NULL, comment, &error)) {
        translate(&error);
        return verb_fail(error.text);
    }
    snprintf(comment, sizeof comment, "version %lu runs again", version);
    return verb_say(call, comment);
}
