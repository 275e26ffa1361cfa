/* What the NETCONF process tells of itself beside its standard state: counters, and the confirmed
 * commit that waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "netconf_counters.h"
#include "server_internal.h"

#define STATE_PATH "/spanflow:spanflow/state/netconf"

static struct netconf_counters count(const struct server *server)
{
    const struct session_totals *totals = sessions_totals(server->netconf->sessions);
    struct notification_counters notifications;
    notifications_count(server->notifications, &notifications);
    return (struct netconf_counters){.failed_logins = totals->failed_logins,
                                     .refused_sessions = totals->refused_sessions,
                                     .refused_messages = totals->refused_messages,
                                     .bad_hellos = totals->in_bad_hellos,
                                     .slow_readers = totals->slow_readers,
                                     .dropped_subscribers = notifications.dropped_subscribers,
                                     .unlogged_events = notifications.log_failures,
                                     .log_damages = notifications.log_damaged,
                                     .events_no_room = events_lost(server->events),
                                     .audit_failures = audit_failures(server->audit)};
}

static bool add_counter(struct lyd_node *netconf, const char *name, const char *meaning,
                        uint64_t value)
{
    char number[24];
    struct lyd_node *entry = NULL;
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    return lyd_new_list(netconf, NULL, "counter", 0, &entry, name) == LY_SUCCESS &&
           lyd_new_term(entry, NULL, "value", number, 0, NULL) == LY_SUCCESS &&
           lyd_new_term(entry, NULL, "meaning", meaning, 0, NULL) == LY_SUCCESS;
}

/* The confirmed commit that waits; its time is told by the wall clock of now. */
static bool add_unconfirmed(const struct server *server, struct lyd_node *netconf)
{
    uint64_t until_ns, now_ns = clock_monotonic_ns();
    uint32_t session;
    const char *user;
    char *until = NULL, number[16];
    struct lyd_node *commit = NULL;
    if (!datastore_unconfirmed(server->netconf->datastore, &until_ns, &session, &user))
        return true;
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    snprintf(number, sizeof number, "%u", session);
    bool good = ly_time_time2str((time_t)((server_wall_ns() + left_ns) / 1000000000), NULL,
                                 &until) == LY_SUCCESS &&
                lyd_new_inner(netconf, NULL, "confirmedCommit", 0, &commit) == LY_SUCCESS &&
                lyd_new_term(commit, NULL, "until", until, 0, NULL) == LY_SUCCESS &&
                lyd_new_term(commit, NULL, "user", user, 0, NULL) == LY_SUCCESS &&
                (!session || lyd_new_term(commit, NULL, "session", number, 0, NULL) == LY_SUCCESS);
    free(until);
    return good;
}

static bool is_wanted(const char *const *sections)
{
    if (!sections)
        return true;
    while (*sections && strcmp(*sections, "netconf") != 0)
        sections++;
    return *sections != NULL;
}

bool server_state(struct server *server, const char *const *sections, struct lyd_node **tree)
{
    struct lyd_node *top = NULL, *netconf = NULL;
    if (!is_wanted(sections))
        return true;
    struct netconf_counters counters = count(server);
    bool good = lyd_new_path2(NULL, server->netconf->context, STATE_PATH, NULL, 0, 0, 0, &top,
                              &netconf) == LY_SUCCESS;
#define ADD_COUNTER(name, help) good = good && add_counter(netconf, #name, help, counters.name);
    NETCONF_COUNTERS(ADD_COUNTER)
    good = good && add_unconfirmed(server, netconf) &&
           lyd_insert_sibling(*tree, top, tree) == LY_SUCCESS;
    if (!good)
        lyd_free_all(top);
    return good;
}
