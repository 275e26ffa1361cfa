/*
 * The library writes notifications into the session's socket pair, which its connection's thread
 * always empties; what waits for the client is looked at first.
 */
#include "session_notify.h"

#include <nc_server.h>
#include <stdlib.h>
#include <time.h>

#include "session_pump.h"
#include "sessions.h"

/* Another thread may be writing a reply to the same session. */
enum { WRITE_TIMEOUT_MS = 1000 };

enum notify_result server_send_notification(struct netconf_server *server, uint32_t session_id,
                                            uint64_t time_ns, const struct lyd_node *notification)
{
    struct session *session = sessions_hold(server->sessions, session_id);
    if (!session)
        return NOTIFY_GONE;
    enum notify_result result = NOTIFY_FULL;
    char *time_text = NULL;
    struct lyd_node *copy = NULL;
    struct timespec when = {.tv_sec = (time_t)(time_ns / 1000000000),
                            .tv_nsec = (long)(time_ns % 1000000000)};
    if (session->waiting <= NOTIFICATIONS_MAX &&
        lyd_dup_single(notification, NULL, LYD_DUP_RECURSIVE, &copy) == LY_SUCCESS &&
        ly_time_ts2str(&when, &time_text) == LY_SUCCESS) {
        struct nc_server_notif *made = nc_server_notif_new(copy, time_text, NC_PARAMTYPE_FREE);
        if (made) {
            /* The library sends to sessions only that are said to have a subscription. */
            if (nc_session_get_notif_status(session->netconf) == 0)
                nc_session_inc_notif_status(session->netconf);
            copy = NULL;
            time_text = NULL;
            NC_MSG_TYPE sent = nc_server_notif_send(session->netconf, made, WRITE_TIMEOUT_MS);
            nc_server_notif_free(made);
            result = sent == NC_MSG_NOTIF        ? NOTIFY_SENT
                     : sent == NC_MSG_WOULDBLOCK ? NOTIFY_FULL
                                                 : NOTIFY_GONE;
        }
    }
    if (result == NOTIFY_SENT) {
        session->counters.out_notifications++;
        sessions_totals(server->sessions)->counters.out_notifications++;
    }
    lyd_free_all(copy);
    free(time_text);
    sessions_release(session);
    return result;
}

void server_drop_subscriber(struct netconf_server *server, uint32_t session_id)
{
    struct session *session = sessions_hold(server->sessions, session_id);
    if (!session)
        return;
    sessions_totals(server->sessions)->slow_readers++;
    sessions_end(session, SESSION_DROPPED, 0);
    sessions_release(session);
}
