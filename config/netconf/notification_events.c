/*
 * Notifications that the streams make themselves (RFC 6470, sessions), and what they show of
 * themselves in state (RFC 5277, section 3.4). Under the dispatcher's mutex.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "notifications_internal.h"

/* A notification NAME with the leaves that all about sessions have; NULL without memory. */
static struct lyd_node *session_event(const struct notifications *notifications, const char *name,
                                      const struct operation_caller *caller)
{
    const struct lys_module *module = ly_ctx_get_module_implemented(notifications->settings.context,
                                                                    "ietf-netconf-notifications");
    unsigned char address[sizeof(struct in6_addr)];
    struct lyd_node *event = NULL;
    char session[16];
    snprintf(session, sizeof session, "%u", caller->session);
    if (!module || lyd_new_inner(NULL, module, name, 0, &event) != LY_SUCCESS)
        return NULL;
    const char *from = caller->from ? caller->from : "";
    bool is_address =
        inet_pton(AF_INET, from, address) == 1 || inet_pton(AF_INET6, from, address) == 1;
    if (lyd_new_term(event, NULL, "username", caller->user, 0, NULL) == LY_SUCCESS &&
        lyd_new_term(event, NULL, "session-id", session, 0, NULL) == LY_SUCCESS &&
        (!is_address || lyd_new_term(event, NULL, "source-host", from, 0, NULL) == LY_SUCCESS))
        return event;
    lyd_free_all(event);
    return NULL;
}

void notifications_session_start(struct notifications *notifications, uint64_t now_ns,
                                 const struct operation_caller *caller)
{
    notifications_publish(notifications, now_ns,
                          session_event(notifications, "netconf-session-start", caller));
}

void notifications_session_end(struct notifications *notifications, uint64_t now_ns,
                               const struct operation_caller *caller, const char *reason,
                               uint32_t killed_by)
{
    char killer[16];
    struct lyd_node *event = session_event(notifications, "netconf-session-end", caller);
    if (!event)
        return;
    snprintf(killer, sizeof killer, "%u", killed_by);
    if ((killed_by && lyd_new_term(event, NULL, "killed-by", killer, 0, NULL) != LY_SUCCESS) ||
        lyd_new_term(event, NULL, "termination-reason", reason, 0, NULL) != LY_SUCCESS) {
        lyd_free_all(event);
        return;
    }
    notifications_publish(notifications, now_ns, event);
}

bool notifications_state(const struct notifications *notifications, struct lyd_node **tree)
{
#define STREAM "/nc-notifications:netconf/streams/stream[name='NETCONF']/"
    char *created = NULL;
    uint64_t created_ns = replay_log_created(notifications->log);
    const struct timespec time = {.tv_sec = (time_t)(created_ns / 1000000000),
                                  .tv_nsec = (long)(created_ns % 1000000000)};
    bool replay = notifications->settings.log_octets_max > 0;
    if (ly_time_ts2str(&time, &created) != LY_SUCCESS)
        return false;
    const char *const leaves[][2] = {
        {STREAM "description",
         "Events of the probe and of its NETCONF server; those of the last time can be replayed."},
        {STREAM "replaySupport", replay ? "true" : "false"},
        {STREAM "replayLogCreationTime", created},
    };
#undef STREAM
    bool added = true;
    for (size_t i = 0; added && i < (replay ? 3 : 2); i++) {
        struct lyd_node *made = NULL;
        added = lyd_new_path(*tree, notifications->settings.context, leaves[i][0], leaves[i][1],
                             LYD_NEW_PATH_UPDATE, &made) == LY_SUCCESS;
        if (!*tree)
            *tree = made;
        *tree = lyd_first_sibling(*tree);
    }
    free(created);
    return added;
}
