/* spanflow status: one page that says whether all is well, and if not, where. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data.h"
#include "table.h"
#include "verbs.h"

/* "3 d 4 h", "12 min" or "40 s" between now and TIME, as RFC 3339 has it; "" if it cannot be read.
 */
static const char *tell_distance(const char *time_text, char text[32])
{
    struct tm then = {0};
    const char *rest = strptime(time_text, "%Y-%m-%dT%H:%M:%S", &then);
    text[0] = 0;
    if (!rest)
        return text;
    rest += strspn(rest, ".0123456789");
    long zone = 0;
    int hours, minutes;
    char sign;
    if (sscanf(rest, "%c%d:%d", &sign, &hours, &minutes) == 3)
        zone = (sign == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
    long age = labs((long)(time(NULL) - (timegm(&then) - zone)));
    if (age >= 86400)
        snprintf(text, 32, "%ld d %ld h", age / 86400, age % 86400 / 3600);
    else if (age >= 3600)
        snprintf(text, 32, "%ld h %ld min", age / 3600, age % 3600 / 60);
    else
        snprintf(text, 32, age >= 60 ? "%ld min" : "%ld s", age >= 60 ? age / 60 : age);
    return text;
}

static void print_term(const char *name, uint64_t packets, uint64_t octets)
{
    char short_packets[16], short_octets[16];
    printf("  %-10s %10s packets  %10s octets\n", name, table_short(packets, short_packets),
           table_short(octets, short_octets));
}

static void print_pair(const struct lyd_node *ledger, const char *name, const char *shown)
{
    const struct lyd_node *pair = data_child(ledger, name);
    print_term(shown, data_number(pair, "packets"), data_number(pair, "octets"));
}

static void print_reasons(const struct lyd_node *ledger, const char *name)
{
    uint64_t packets = data_sum(ledger, name, "packets");
    print_term(name, packets, data_sum(ledger, name, "octets"));
    const struct lyd_node *entry = packets ? data_child(ledger, name) : NULL;
    for (; entry; entry = data_next(entry))
        if (data_number(entry, "packets"))
            printf("             %s: %s\n", data_text(entry, "reason"),
                   data_text(entry, "packets"));
}

static void print_probe(const struct lyd_node *state)
{
    const struct lyd_node *probe = data_child(state, "probe");
    const struct lyd_node *ledger = data_child(state, "ledger");
    char age[32];
    printf("spanflow %s, up %s, %s configuration\n", data_text(probe, "version"),
           tell_distance(data_text(probe, "startTime"), age), data_text(probe, "runMode"));
    if (strcmp(data_text(probe, "rebuilding"), "true") == 0)
        puts("BEING MADE ANEW for another configuration: nothing is observed until that is done");
    if (data_number(probe, "unobservedTime"))
        printf("nothing was observed for %.3f s in all, while it was made anew\n",
               (double)data_number(probe, "unobservedTime") / 1e9);
    if (strcmp(data_text(ledger, "balanced"), "true") == 0)
        puts("the books balance");
    else if (ledger)
        printf("THE BOOKS DO NOT BALANCE: %s\n", data_text(ledger, "problem"));
    print_pair(ledger, "observed", "observed");
    print_pair(ledger, "metered", "metered");
    print_reasons(ledger, "filtered");
    print_reasons(ledger, "ignored");
    print_reasons(ledger, "dropped");
    print_pair(ledger, "exported", "exported");
    print_pair(ledger, "cached", "cached");
    if (data_number(data_child(ledger, "inKernel"), "packets"))
        print_pair(ledger, "inKernel", "in kernel");
    print_reasons(ledger, "lost");
}

static void print_ports(const struct lyd_node *state)
{
    const struct lyd_node *port = data_child(state, "port");
    struct table table;
    if (!port)
        return;
    putchar('\n');
    table_begin(&table, "source", "device", "link", "observed", "dropped", NULL);
    for (; port; port = data_next(port)) {
        char observed[16], dropped[16];
        bool blind = strcmp(data_text(port, "dropsVisible"), "false") == 0;
        table_row(&table, data_text(port, "name"), data_text(port, "device"),
                  data_text(port, "link")[0] ? data_text(port, "link") : "-",
                  table_short(data_number(data_child(port, "observed"), "packets"), observed),
                  blind ? "not told" : table_short(data_sum(port, "dropped", "packets"), dropped));
    }
    table_end(&table, stdout);
}

static void print_caches(const struct lyd_node *state)
{
    const struct lyd_node *cache = data_child(state, "cache");
    struct table table;
    if (!cache)
        return;
    putchar('\n');
    table_begin(&table, "cache", "flows", "of", "peak", "level", "memory", NULL);
    for (; cache; cache = data_next(cache)) {
        char memory[32];
        snprintf(memory, sizeof memory, "%llu MiB",
                 (unsigned long long)(data_number(cache, "memory") >> 20));
        table_row(&table, data_text(cache, "name"), data_text(cache, "flows"),
                  data_text(cache, "maxFlows"), data_text(cache, "flowsPeak"),
                  data_text(cache, "admissionLevel"), memory);
    }
    table_end(&table, stdout);
}

static void add_destination(struct table *table, const struct lyd_node *destination)
{
    const struct lyd_node *connection = data_child(destination, "connection");
    char records[16], sent[16], waiting[16], lost[16];
    const char *state = data_text(connection, "state");
    table_row(table, data_text(destination, "name"), state[0] ? state : "-",
              table_short(data_number(destination, "records"), records),
              table_short(data_number(destination, "sent"), sent),
              table_short(data_number(destination, "queued") + data_number(destination, "spooled"),
                          waiting),
              table_short(data_sum(destination, "lost", "records"), lost),
              data_text(connection, "lastError"));
}

static void print_destinations(const struct lyd_node *state)
{
    const struct lyd_node *process = data_child(state, "exportingProcess");
    struct table table;
    if (!process)
        return;
    putchar('\n');
    table_begin(&table, "destination", "session", "records", "sent", "waiting", "lost", "trouble",
                NULL);
    for (; process; process = data_next(process)) {
        const struct lyd_node *destination = data_child(process, "destination");
        for (; destination; destination = data_next(destination))
            add_destination(&table, destination);
    }
    table_end(&table, stdout);
}

static void print_alerts(const struct lyd_node *state)
{
    const struct lyd_node *alerts = data_child(state, "alerts");
    if (data_number(alerts, "held"))
        printf("\n%s alerts are held; spanflow alerts shows them\n", data_text(alerts, "held"));
}

/* The commit that waits, and what the NETCONF process has counted, if anything. */
static void print_netconf(const struct lyd_node *state)
{
    const struct lyd_node *netconf = data_child(state, "netconf");
    const struct lyd_node *commit = data_child(netconf, "confirmedCommit");
    const struct lyd_node *counter = data_child(netconf, "counter");
    char left[32];
    bool any = false;
    if (commit)
        printf("\na commit of %s is taken back at %s (in %s) unless it is confirmed%s%s\n",
               data_text(commit, "user"), data_text(commit, "until"),
               tell_distance(data_text(commit, "until"), left),
               data_child(commit, "session") ? " by session " : "", data_text(commit, "session"));
    for (; counter; counter = data_next(counter)) {
        if (data_number(counter, "value") == 0)
            continue;
        printf("%s  %s: %s, %s\n", any ? "" : "\nNETCONF\n", data_text(counter, "name"),
               data_text(counter, "value"), data_text(counter, "meaning"));
        any = true;
    }
}

/* How long packets are held, what they take, and what is wrong. */
static void print_snapshot(const struct lyd_node *state)
{
    const struct lyd_node *ring = data_child(state, "snapshot");
    char age[32], held[16], of[16], packets[16], kept[16];
    if (strcmp(data_text(ring, "enabled"), "true") != 0)
        return;
    const char *oldest = data_text(ring, "oldest");
    uint64_t lost = data_sum(ring, "notKept", "packets");
    printf("\nsnapshot ring %s%s: oldest packet %s%s, %s packets in %s of %s octets\n",
           data_text(ring, "directory"),
           strcmp(data_text(ring, "payload"), "true") == 0 ? ", with payload" : "",
           oldest[0] ? tell_distance(oldest, age) : "-", oldest[0] ? " old" : "",
           table_short(data_number(ring, "packets"), packets),
           table_short(data_number(ring, "diskHeld"), held),
           table_short(data_number(ring, "diskReserved"), of));
    if (lost)
        printf("  %s packets were not kept\n", table_short(lost, kept));
    const struct lyd_node *entry = lost ? data_child(ring, "notKept") : NULL;
    for (; entry; entry = data_next(entry))
        if (data_number(entry, "packets"))
            printf("             %s: %s\n", data_text(entry, "reason"),
                   data_text(entry, "packets"));
    if (data_text(ring, "fault")[0])
        printf("  IT IS NOT WRITTEN: %s\n", data_text(ring, "fault"));
    if (strcmp(data_text(ring, "short"), "true") == 0)
        printf("  LESS IS HELD THAN WANTED: diskSize would have to be %llu MiB\n",
               (unsigned long long)(data_number(ring, "diskWanted") + (1 << 20) - 1) >> 20);
}

/* The records that are kept beside it. */
static void print_history(const struct lyd_node *state)
{
    const struct lyd_node *history = data_child(data_child(state, "snapshot"), "flowHistory");
    char age[32], octets[16];
    if (!history)
        return;
    const char *oldest = data_text(history, "oldest");
    printf("\nflow history: oldest record %s%s, %s octets in %s files\n",
           oldest[0] ? tell_distance(oldest, age) : "-", oldest[0] ? " old" : "",
           table_short(data_number(history, "octets"), octets), data_text(history, "files"));
    if (data_text(history, "fault")[0])
        printf("  IT IS NOT KEPT: %s\n", data_text(history, "fault"));
    if (strcmp(data_text(history, "short"), "true") == 0)
        printf("  LESS IS HELD THAN WANTED: size would have to be %llu MiB\n",
               (unsigned long long)(data_number(history, "sizeWanted") >> 20) + 1);
}

/* The node below which everything is; NULL if the probe told nothing. */
static const struct lyd_node *state_of(const struct lyd_node *data)
{
    while (data && strcmp(LYD_NAME(data), "spanflow") != 0)
        data = data->next;
    return data_child(data, "state");
}

int verb_status(struct verb_call *call)
{
    struct error error = {""};
    struct lyd_node *data;
    if (!client_get(&call->client, CLIENT_OPERATIONAL, "/sf:spanflow/sf:state", false, &data,
                    &error))
        return verb_fail(error.text);
    const struct lyd_node *state = state_of(data);
    if (!state) {
        lyd_free_all(data);
        return verb_fail("the probe shows no state to this user; its groups are in nacm");
    }
    if (call->json) {
        verb_print_json(data);
    } else {
        print_probe(state);
        print_ports(state);
        print_caches(state);
        print_destinations(state);
        print_snapshot(state);
        print_history(state);
        print_alerts(state);
        print_netconf(state);
    }
    lyd_free_all(data);
    return VERB_DONE;
}
