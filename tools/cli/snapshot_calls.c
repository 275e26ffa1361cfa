/* Operations on the ring. */
#include "snapshot_calls.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data.h"
#include "moment.h"
#include "snapshot_request.h"
#include "table.h"

static const int call_wait_ms = 60000;
enum { POLL_FIRST_MS = 20, POLL_MAX_MS = 500 };
static const char model[] = "urn:spanflow:params:xml:ns:yang:spanflow";

volatile sig_atomic_t snapshot_interrupted;

static void interrupt(int number)
{
    snapshot_interrupted = number;
}

void snapshot_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void snapshot_text_begin(struct snapshot_text *text, const char *name)
{
    *text = (struct snapshot_text){.text = NULL};
    text->file = client_text(&text->text, &text->length);
    fprintf(text->file, "<snapshot-%s xmlns=\"%s\">", name, model);
}

void snapshot_text_leaf(struct snapshot_text *text, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(text->file, "<%s>", name);
    client_write_escaped(text->file, value);
    fprintf(text->file, "</%s>", name);
}

struct lyd_node *snapshot_text_call(struct snapshot_text *text, const char *name,
                                    struct verb_call *call, struct error *error)
{
    fprintf(text->file, "</snapshot-%s>", name);
    fclose(text->file);
    struct lyd_node *answer = client_call(&call->client, text->text, call_wait_ms, error);
    free(text->text);
    return answer;
}

static struct lyd_node *ask_job(struct verb_call *call, const char *job, struct error *error)
{
    struct snapshot_text text;
    snapshot_text_begin(&text, "job");
    snapshot_text_leaf(&text, "job", job);
    return snapshot_text_call(&text, "job", call, error);
}

void snapshot_cancel(struct verb_call *call, const char *job)
{
    struct snapshot_text text;
    struct error ignored = {""};
    snapshot_text_begin(&text, "cancel");
    snapshot_text_leaf(&text, "job", job);
    lyd_free_all(snapshot_text_call(&text, "cancel", call, &ignored));
}

void snapshot_show_progress(const char *what, unsigned percent, uint64_t octets)
{
    char size[16];
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rspanflow: %s: %u %%, %s octets  ", what, percent,
                table_short(octets, size));
}

void snapshot_end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static bool is_under_way(const char *state)
{
    return strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
}

struct lyd_node *snapshot_wait(struct verb_call *call, const char *job, struct error *error)
{
    int pause_ms = POLL_FIRST_MS;
    for (;;) {
        struct lyd_node *answer = ask_job(call, job, error);
        if (!answer)
            return NULL;
        const char *state = data_text(answer, "state");
        if (!is_under_way(state)) {
            snapshot_end_progress();
            return answer;
        }
        snapshot_show_progress(strcmp(state, "waiting") == 0 ? "waiting" : "reading the ring",
                               (unsigned)data_number(answer, "progress"),
                               data_number(answer, "octets"));
        lyd_free_all(answer);
        if (snapshot_interrupted) {
            snapshot_end_progress();
            snapshot_cancel(call, job);
            error_set(error, "interrupted; the job is cancelled");
            return NULL;
        }
        poll(NULL, 0, pause_ms);
        pause_ms = pause_ms * 2 < POLL_MAX_MS ? pause_ms * 2 : POLL_MAX_MS;
    }
}

bool snapshot_time_option(const struct verb_call *call, const char *name, bool end, char *moment,
                          struct error *error)
{
    const char *given = verb_option(call, name);
    struct error inner = {""};
    moment[0] = 0;
    if (!given || moment_read(given, time(NULL), end, moment, &inner))
        return true;
    error_set(error, "%s %s: %s", call->verb->name, name, inner.text);
    return false;
}

bool snapshot_window_options(const struct verb_call *call, char *from, char *to,
                             struct error *error)
{
    uint64_t from_ns, to_ns;
    if (!snapshot_time_option(call, "--from", false, from, error) ||
        !snapshot_time_option(call, "--to", true, to, error))
        return false;
    if (!from[0] || !to[0] || !snapshot_time_read(from, &from_ns) ||
        !snapshot_time_read(to, &to_ns) || from_ns <= to_ns)
        return true;
    error_set(error, "%s: --to is before --from", call->verb->name);
    return false;
}
