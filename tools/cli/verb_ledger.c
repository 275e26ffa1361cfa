/* spanflow ledger: every term and every reason, and whether the sums agree. */
#include <string.h>

#include "data.h"
#include "table.h"
#include "verbs.h"

static const int ledger_wait_ms = 60000;

static void add_pair(struct table *table, const struct lyd_node *ledger, const char *name)
{
    const struct lyd_node *pair = data_child(ledger, name);
    if (pair)
        table_row(table, name, "", data_text(pair, "packets"), data_text(pair, "octets"));
}

static void add_reasons(struct table *table, const struct lyd_node *ledger, const char *name)
{
    for (const struct lyd_node *entry = data_child(ledger, name); entry; entry = data_next(entry))
        if (data_number(entry, "packets"))
            table_row(table, name, data_text(entry, "reason"), data_text(entry, "packets"),
                      data_text(entry, "octets"));
}

/* The account of the snapshot ring, if it has seen anything. */
static void add_ring(struct table *table, const struct lyd_node *ring)
{
    static const char *const terms[][2] = {
        {"seen", "ring: seen"}, {"stored", "ring: stored"}, {"inMemory", "ring: in memory"}};
    if (data_number(data_child(ring, "seen"), "packets") == 0)
        return;
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        const struct lyd_node *pair = data_child(ring, terms[i][0]);
        table_row(table, terms[i][1], "", data_text(pair, "packets"), data_text(pair, "octets"));
    }
    const struct lyd_node *entry = data_child(ring, "notKept");
    for (; entry; entry = data_next(entry))
        if (data_number(entry, "packets"))
            table_row(table, "ring: not kept", data_text(entry, "reason"),
                      data_text(entry, "packets"), data_text(entry, "octets"));
}

static void print_ledger(const struct lyd_node *ledger)
{
    static const char *const lists[] = {"filtered", "ignored", "dropped"};
    struct table table;
    table_begin(&table, "term", "reason", "packets", "octets", NULL);
    add_pair(&table, ledger, "observed");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        add_reasons(&table, ledger, lists[i]);
    add_pair(&table, ledger, "metered");
    add_pair(&table, ledger, "exported");
    add_pair(&table, ledger, "cached");
    add_pair(&table, ledger, "inKernel");
    add_reasons(&table, ledger, "lost");
    add_ring(&table, data_child(ledger, "snapshot"));
    table_end(&table, stdout);
    printf("%s flow records begun, %s left the cache\n",
           data_text(data_child(ledger, "metered"), "flows"), data_text(ledger, "recordsOut"));
    const struct lyd_node *replays = data_child(ledger, "replays");
    if (data_number(replays, "count"))
        printf("%s replays, outside of the books: %s records found, %s sent, %s lost\n",
               data_text(replays, "count"), data_text(replays, "found"), data_text(replays, "sent"),
               data_text(replays, "lost"));
    if (strcmp(data_text(ledger, "balanced"), "true") == 0)
        puts("the books balance");
    else
        printf("THE BOOKS DO NOT BALANCE: %s\n", data_text(ledger, "problem"));
}

int verb_ledger(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *answer =
        client_call(&call->client, "<ledger xmlns=\"urn:spanflow:params:xml:ns:yang:spanflow\"/>",
                    ledger_wait_ms, &error);
    if (!answer)
        return verb_fail(error.text);
    const struct lyd_node *ledger = data_child(answer, "ledger");
    bool balanced = strcmp(data_text(ledger, "balanced"), "true") == 0;
    if (call->json)
        verb_print_json(answer);
    else
        print_ledger(ledger);
    lyd_free_all(answer);
    return balanced ? VERB_DONE : VERB_FAILED;
}
