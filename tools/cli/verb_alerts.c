/*
 * spanflow alerts and applications: what rules and lists have found, the rules with their hits, and
 * reading their files again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/severity.h"
#include "data.h"
#include "table.h"
#include "verbs.h"

static const char model[] = "urn:spanflow:params:xml:ns:yang:spanflow";
static const char rules_path[] = "/sf:spanflow/sf:state/sf:applications";
enum { CALL_MS = 60000 };

/* ---- alerts ---- */

static void write_option(const struct verb_call *call, FILE *file, const char *option,
                         const char *leaf)
{
    const char *value = verb_option(call, option);
    if (!value)
        return;
    fprintf(file, "<%s>", leaf);
    client_write_escaped(file, value);
    fprintf(file, "</%s>", leaf);
}

static const char *show_end(const struct lyd_node *alert, const char *address, const char *port,
                            char text[80])
{
    const char *host = data_text(alert, address);
    snprintf(text, 80, strchr(host, ':') ? "[%.50s]:%s" : "%.50s:%s", host, data_text(alert, port));
    return text;
}

static void print_alerts(const struct lyd_node *answer)
{
    const struct lyd_node *alert = data_child(answer, "alert");
    struct table table;
    if (!alert) {
        puts("there are no alerts");
        return;
    }
    table_begin(&table, "severity", "kind", "name", "from", "to", "flows", "last (UTC)", "flow",
                "frozen as", NULL);
    for (; alert; alert = data_next(alert)) {
        char from[80], to[80], last[32];
        snprintf(last, sizeof last, "%.19s", data_text(alert, "last"));
        table_row(&table, data_text(alert, "severity"), data_text(alert, "kind"),
                  data_text(alert, "name"), show_end(alert, "sourceAddress", "sourcePort", from),
                  show_end(alert, "destinationAddress", "destinationPort", to),
                  data_text(alert, "count"), last, data_text(alert, "flowId"),
                  data_text(alert, "freeze"));
    }
    table_end(&table, stdout);
    if (data_number(answer, "more"))
        printf("there are %s more; give --limit\n", data_text(answer, "more"));
}

static bool is_severity(const char *word)
{
#define SEVERITY_IS(symbol, name, help) || strcmp(word, name) == 0
    return false SEVERITIES(SEVERITY_IS);
}

int verb_alerts(struct verb_call *call)
{
    const char *severity = verb_option(call, "--severity");
    const char *limit = verb_option(call, "--limit");
    if (severity && !is_severity(severity))
        return verb_refuse(call, severity);
    if (limit && verb_number(limit) == 0)
        return verb_refuse(call, limit);
    struct error error = {""};
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<alerts xmlns=\"%s\">", model);
    write_option(call, file, "--limit", "limit");
    write_option(call, file, "--severity", "severity");
    fputs("</alerts>", file);
    fclose(file);
    struct lyd_node *answer = client_call(&call->client, text, CALL_MS, &error);
    free(text);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    else
        print_alerts(answer);
    lyd_free_all(answer);
    return VERB_DONE;
}

/* ---- applications ---- */

static void print_rules(const struct lyd_node *part)
{
    const struct lyd_node *rule = data_child(part, "rule");
    struct table table;
    unsigned count = 0;
    if (!rule) {
        puts("applications are not looked for");
        return;
    }
    table_begin(&table, "number", "name", "severity", "", "flows", "title", NULL);
    for (; rule; rule = data_next(rule), count++)
        table_row(&table, data_text(rule, "number"), data_text(rule, "name"),
                  data_text(rule, "severity"),
                  strcmp(data_text(rule, "freeze"), "true") == 0 ? "freeze" : "",
                  data_text(rule, "hits"), data_text(rule, "title"));
    table_end(&table, stdout);
    printf("%u applications, %s rules, read at %.19s UTC\n", count, data_text(part, "matches"),
           data_text(part, "loaded"));
}

static int list(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *tree = NULL;
    if (!client_get(&call->client, CLIENT_OPERATIONAL, rules_path, false, &tree, &error))
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(tree);
    else
        print_rules(data_child(data_child(tree, "state"), "applications"));
    lyd_free_all(tree);
    return VERB_DONE;
}

static int reload(struct verb_call *call)
{
    struct error error = {""};
    char text[128];
    snprintf(text, sizeof text, "<applications-reload xmlns=\"%s\"/>", model);
    struct lyd_node *answer = client_call(&call->client, text, CALL_MS, &error);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    else
        printf("%s applications, %s rules are looked for from now on\n",
               data_text(answer, "applications"), data_text(answer, "rules"));
    lyd_free_all(answer);
    return VERB_DONE;
}

int verb_applications(struct verb_call *call)
{
    if (call->count == 0)
        return list(call);
    return strcmp(call->words[0], "reload") == 0 ? reload(call) : verb_refuse(call, call->words[0]);
}
