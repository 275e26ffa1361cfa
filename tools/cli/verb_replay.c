/* spanflow replay: flow records of the history once more to a collector that was away. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "moment.h"
#include "snapshot_calls.h"

static const char model[] = "urn:spanflow:params:xml:ns:yang:spanflow";
static const char state_path[] = "/sf:spanflow/sf:state/sf:snapshot/sf:flowHistory/sf:replay";
enum { CALL_MS = 60000, PAUSE_MS = 500 };

static void write_leaf(FILE *file, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    fprintf(file, "<%s>", name);
    client_write_escaped(file, value);
    fprintf(file, "</%s>", name);
}

/* Starts it; its number, to be freed, or NULL and ERROR. */
static char *start(struct verb_call *call, const char *from, const char *to, struct error *error)
{
    char *text;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<replay xmlns=\"%s\">", model);
    write_leaf(file, "from", from);
    write_leaf(file, "to", to);
    write_leaf(file, "destination", verb_option(call, "--destination"));
    write_leaf(file, "domain", verb_option(call, "--domain"));
    write_leaf(file, "rate", verb_option(call, "--rate"));
    write_leaf(file, "reason", verb_option(call, "--reason"));
    fputs("</replay>", file);
    fclose(file);
    struct lyd_node *answer = client_call(&call->client, text, CALL_MS, error);
    char *job = answer ? strdup(data_text(answer, "job")) : NULL;
    lyd_free_all(answer);
    free(text);
    return job;
}

static void cancel(struct verb_call *call, const char *job)
{
    char *text;
    size_t length;
    struct error ignored = {""};
    FILE *file = client_text(&text, &length);
    fprintf(file, "<replay-cancel xmlns=\"%s\">", model);
    write_leaf(file, "job", job);
    fputs("</replay-cancel>", file);
    fclose(file);
    client_do(&call->client, text, CALL_MS, &ignored);
    free(text);
}

/* The replay JOB in TREE, which is state; NULL: it is not there any more. */
static const struct lyd_node *find_replay(const struct lyd_node *tree, const char *job)
{
    const struct lyd_node *node = data_child(data_child(tree, "state"), "snapshot");
    node = data_child(data_child(node, "flowHistory"), "replay");
    while (node && strcmp(data_text(node, "job"), job) != 0)
        node = data_next(node);
    return node;
}

static void show_progress(const struct lyd_node *entry)
{
    if (!isatty(STDERR_FILENO))
        return;
    bool reading = strcmp(data_text(entry, "state"), "reading") == 0;
    fprintf(stderr,
            reading ? "\rspanflow: %s records found  " : "\rspanflow: %s of %s records sent  ",
            data_text(entry, reading ? "found" : "sent"), data_text(entry, "found"));
}

/* Prints what became of it; the exit code. */
static int tell_outcome(const struct verb_call *call, const struct lyd_node *tree,
                        const struct lyd_node *entry)
{
    const char *text = data_text(entry, "text");
    snapshot_end_progress();
    if (call->json)
        verb_print_json(tree);
    else
        printf("%s: %s of %s records sent in observation domain %s, %s lost\n",
               data_text(entry, "destination"), data_text(entry, "sent"), data_text(entry, "found"),
               data_text(entry, "domain"), data_text(entry, "lost"));
    bool whole = data_number(entry, "filesDamaged") == 0;
    if (!whole)
        fprintf(stderr,
                "spanflow: the answer is not whole (exit status %d): %s files are damaged and were "
                "not read to their end\n",
                VERB_PARTLY, data_text(entry, "filesDamaged"));
    if (text[0])
        fprintf(stderr, "spanflow: %s\n", text);
    bool complete = strcmp(data_text(entry, "state"), "complete") == 0;
    if (!complete || data_number(entry, "lost"))
        return VERB_FAILED;
    return whole ? VERB_DONE : VERB_PARTLY;
}

static int wait_for_end(struct verb_call *call, const char *job)
{
    bool cancelled = false;
    for (;;) {
        struct lyd_node *tree = NULL;
        struct error error = {""};
        if (!client_get(&call->client, CLIENT_OPERATIONAL, state_path, false, &tree, &error))
            return verb_fail(error.text);
        const struct lyd_node *entry = find_replay(tree, job);
        const char *state = data_text(entry, "state");
        int code = -1;
        if (!entry)
            code = verb_fail("the probe does not know of the replay any more");
        else if (strcmp(state, "complete") == 0 || strcmp(state, "failed") == 0)
            code = tell_outcome(call, tree, entry);
        else
            show_progress(entry);
        lyd_free_all(tree);
        if (code >= 0)
            return code;
        if (snapshot_interrupted && !cancelled)
            cancel(call, job);
        cancelled = snapshot_interrupted != 0;
        poll(NULL, 0, PAUSE_MS);
    }
}

int verb_replay(struct verb_call *call)
{
    char from[MOMENT_TEXT_MAX], to[MOMENT_TEXT_MAX];
    struct error error = {""};
    static const char *const needed[][2] = {{"--from", "--from TIME"},
                                            {"--destination", "--destination NAME"},
                                            {"--reason", "--reason TEXT"}};
    for (unsigned i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!verb_option(call, needed[i][0]) || !verb_option(call, needed[i][0])[0])
            return verb_lacks(call, needed[i][1]);
    if (!snapshot_window_options(call, from, to, &error)) {
        verb_fail(error.text);
        return VERB_USAGE;
    }
    if (!verb_prepare(call, &error))
        return verb_fail(error.text);
    snapshot_catch_interrupts();
    char *job = start(call, from, to, &error);
    int code = job ? wait_for_end(call, job) : verb_fail(error.text);
    free(job);
    return code;
}
