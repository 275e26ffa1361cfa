/* spanflow lists: the lists that flows are compared with, their hits, and reading them again. */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "table.h"
#include "verbs.h"

static const char model[] = "urn:spanflow:params:xml:ns:yang:spanflow";
static const char lists_path[] = "/sf:spanflow/sf:state/sf:lists";
enum { CALL_MS = 120000 };

static void print_lists(const struct lyd_node *part)
{
    const struct lyd_node *list = data_child(part, "list");
    struct table table;
    char memory[16];
    unsigned count = 0;
    if (list) {
        table_begin(&table, "name", "kind", "severity", "entries", "hits", "label", NULL);
        for (; list; list = data_next(list), count++)
            table_row(&table, data_text(list, "name"), data_text(list, "kind"),
                      data_text(list, "severity"), data_text(list, "entries"),
                      data_text(list, "hits"), data_text(list, "label"));
        table_end(&table, stdout);
    }
    if (data_number(part, "brandDomains"))
        printf("brands of %s domains are known\n", data_text(part, "brandDomains"));
    if (count || data_number(part, "brandDomains"))
        printf("read at %.19s UTC, %s octets of memory\n", data_text(part, "loaded"),
               table_short(data_number(part, "memory"), memory));
    else
        puts("flows are compared with no lists");
}

static int show(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *tree = NULL;
    if (!client_get(&call->client, CLIENT_OPERATIONAL, lists_path, false, &tree, &error))
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(tree);
    else
        print_lists(data_child(data_child(tree, "state"), "lists"));
    lyd_free_all(tree);
    return VERB_DONE;
}

static int reload(struct verb_call *call)
{
    struct error error = {""};
    char text[128];
    snprintf(text, sizeof text, "<lists-reload xmlns=\"%s\"/>", model);
    struct lyd_node *answer = client_call(&call->client, text, CALL_MS, &error);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    for (const struct lyd_node *list = call->json ? NULL : data_child(answer, "list"); list;
         list = data_next(list))
        printf("%s: %s entries are in force from now on\n", data_text(list, "name"),
               data_text(list, "entries"));
    lyd_free_all(answer);
    return VERB_DONE;
}

int verb_lists(struct verb_call *call)
{
    if (call->count == 0)
        return show(call);
    return strcmp(call->words[0], "reload") == 0 ? reload(call) : verb_refuse(call, call->words[0]);
}
