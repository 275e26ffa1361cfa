/*
 * The stream NETCONF: publishing, replay, subscribers. Made by the main function of
 * spanflow-netconf; the dispatcher's mutex is held around every call.
 */
#include "notifications.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notifications_internal.h"
#include "rpc_error.h"

/* Records that one step reads for one subscriber, and how long one may let its queue be full. */
enum { STEP_RECORDS = 64 };
static const uint64_t stall_limit_ns = 60000000000;

static const char log_folder[] = "notifications";

struct notifications *notifications_open(const struct notification_settings *settings,
                                         struct error *error)
{
    char path[4096];
    struct notifications *made = calloc(1, sizeof *made);
    if (!made) {
        error_set(error, "no memory for notifications");
        return NULL;
    }
    made->settings = *settings;
    made->settings.folder = NULL;
    made->now_ns = settings->now_ns;
    if (settings->folder)
        snprintf(path, sizeof path, "%s/%s", settings->folder, log_folder);
    made->log = replay_log_open(settings->folder ? path : NULL, settings->log_octets_max,
                                settings->now_ns, error);
    if (made->log)
        return made;
    free(made);
    return NULL;
}

void notifications_close(struct notifications *notifications)
{
    if (!notifications)
        return;
    for (size_t i = 0; i < notifications->subscription_count; i++)
        subscription_free(notifications->subscriptions[i]);
    replay_log_close(notifications->log);
    free(notifications);
}

void notifications_set_log_size(struct notifications *notifications, uint64_t octets_max)
{
    notifications->settings.log_octets_max = octets_max;
    replay_log_set_bound(notifications->log, octets_max);
}

/* Ends the subscription at INDEX; the last one takes its place. */
static void end_subscription(struct notifications *notifications, size_t index)
{
    subscription_free(notifications->subscriptions[index]);
    notifications->subscriptions[index] =
        notifications->subscriptions[--notifications->subscription_count];
}

/* Ends the subscription at INDEX because its client does not read. */
static void drop_subscription(struct notifications *notifications, size_t index)
{
    const struct notification_settings *settings = &notifications->settings;
    uint32_t session = notifications->subscriptions[index]->caller.session;
    notifications->counters.dropped_subscribers++;
    end_subscription(notifications, index);
    if (settings->drop)
        settings->drop(settings->send_context, session);
}

/* Sends EVENT if the subscriber may see it and wants it. */
static enum notification_result deliver(struct notifications *notifications,
                                        const struct subscription *subscription, uint64_t time_ns,
                                        const struct lyd_node *event)
{
    const struct notification_settings *settings = &notifications->settings;
    if (time_ns < subscription->start_ns || time_ns > subscription->stop_ns ||
        !access_check_notification(settings->access, &subscription->caller, event) ||
        !subscription_passes(subscription, event))
        return NOTIFICATION_SENT;
    enum notification_result result =
        settings->send(settings->send_context, subscription->caller.session, time_ns, event);
    notifications->counters.sent += result == NOTIFICATION_SENT;
    return result;
}

void notifications_publish(struct notifications *notifications, uint64_t now_ns,
                           struct lyd_node *event)
{
    char *text = NULL;
    while (event && lyd_parent(event))
        event = (struct lyd_node *)lyd_parent(event);
    if (!event)
        return;
    notifications->now_ns = now_ns;
    notifications->counters.events++;
    if (notifications->settings.log_octets_max &&
        (lyd_print_mem(&text, event, LYD_JSON, LYD_PRINT_SHRINK) != LY_SUCCESS ||
         !replay_log_append(notifications->log, now_ns, text)))
        notifications->counters.log_failures++;
    free(text);
    for (size_t i = notifications->subscription_count; i-- > 0;) {
        const struct subscription *subscription = notifications->subscriptions[i];
        if (!subscription->live)
            continue;
        enum notification_result result = deliver(notifications, subscription, now_ns, event);
        if (result == NOTIFICATION_FULL)
            drop_subscription(notifications, i);
        else if (result == NOTIFICATION_GONE)
            end_subscription(notifications, i);
    }
    lyd_free_all(event);
}

/* The event that a record of the log holds; NULL if it is of no module that is loaded now. */
static struct lyd_node *event_of(const struct notifications *notifications, const char *text)
{
    struct lyd_node *tree = NULL;
    struct ly_in *input = NULL;
    if (ly_in_new_memory(text, &input) != LY_SUCCESS)
        return NULL;
    if (lyd_parse_op(notifications->settings.context, NULL, input, LYD_JSON, LYD_TYPE_NOTIF_YANG,
                     &tree, NULL) != LY_SUCCESS)
        tree = NULL;
    ly_in_free(input, 0);
    return tree;
}

/* Sends replayComplete or notificationComplete, NAME. */
static enum notification_result send_mark(struct notifications *notifications,
                                          const struct subscription *subscription, const char *name)
{
    const struct notification_settings *settings = &notifications->settings;
    struct lyd_node *mark = NULL;
    const struct lys_module *module =
        ly_ctx_get_module_implemented(settings->context, "nc-notifications");
    if (!module || lyd_new_inner(NULL, module, name, 0, &mark) != LY_SUCCESS)
        return NOTIFICATION_FULL;
    enum notification_result result = settings->send(
        settings->send_context, subscription->caller.session, notifications->now_ns, mark);
    notifications->counters.sent += result == NOTIFICATION_SENT;
    lyd_free_all(mark);
    return result;
}

/* Sends what is in the log, STEP_RECORDS of it. *MORE: there is more to do at once. */
static enum notification_result catch_up(struct notifications *notifications,
                                         struct subscription *subscription, bool *more)
{
    struct replay_record record;
    for (int i = 0; i < STEP_RECORDS; i++) {
        struct replay_position before = subscription->position;
        enum replay_result found =
            replay_log_read(notifications->log, &subscription->position, &record);
        if (found == REPLAY_FAILED)
            return NOTIFICATION_FULL;
        enum notification_result result = NOTIFICATION_SENT;
        if (found == REPLAY_END) {
            if (subscription->replay)
                result = send_mark(notifications, subscription, "replayComplete");
            subscription->live = result == NOTIFICATION_SENT;
            return result;
        }
        struct lyd_node *event = event_of(notifications, record.text);
        if (event)
            result = deliver(notifications, subscription, record.time_ns, event);
        free(record.text);
        lyd_free_all(event);
        if (result == NOTIFICATION_FULL)
            subscription->position = before;
        if (result != NOTIFICATION_SENT)
            return result;
    }
    *more = true;
    return NOTIFICATION_SENT;
}

/* Everything that the subscription at INDEX has to do now. */
static void step_subscription(struct notifications *notifications, size_t index, bool *more)
{
    struct subscription *subscription = notifications->subscriptions[index];
    enum notification_result result = NOTIFICATION_SENT;
    if (!subscription->live)
        result = catch_up(notifications, subscription, more);
    if (result == NOTIFICATION_SENT && subscription->live &&
        notifications->now_ns >= subscription->stop_ns) {
        result = send_mark(notifications, subscription, "notificationComplete");
        if (result == NOTIFICATION_SENT)
            result = NOTIFICATION_GONE;
    }
    if (result == NOTIFICATION_GONE)
        end_subscription(notifications, index);
    else if (result == NOTIFICATION_SENT)
        subscription->stalled_ns = 0;
    else if (!subscription->stalled_ns || subscription->stalled_ns > notifications->now_ns)
        subscription->stalled_ns = notifications->now_ns;
    else if (notifications->now_ns - subscription->stalled_ns >= stall_limit_ns)
        drop_subscription(notifications, index);
}

void notifications_tick(struct notifications *notifications, uint64_t now_ns)
{
    notifications->now_ns = now_ns;
}

bool notifications_step(struct notifications *notifications, uint64_t now_ns)
{
    bool more = false;
    notifications->now_ns = now_ns;
    for (size_t i = notifications->subscription_count; i-- > 0;)
        step_subscription(notifications, i, &more);
    return more;
}

uint64_t notifications_deadline(const struct notifications *notifications)
{
    uint64_t deadline = UINT64_MAX;
    for (size_t i = 0; i < notifications->subscription_count; i++) {
        const struct subscription *subscription = notifications->subscriptions[i];
        uint64_t own = subscription->stalled_ns ? subscription->stalled_ns + stall_limit_ns
                       : subscription->live     ? subscription->stop_ns
                                                : 0;
        if (own < deadline)
            deadline = own;
    }
    return deadline;
}

bool notifications_subscribed(const struct notifications *notifications, uint32_t session)
{
    for (size_t i = 0; i < notifications->subscription_count; i++) {
        if (notifications->subscriptions[i]->caller.session == session)
            return true;
    }
    return false;
}

void notifications_session_ended(struct notifications *notifications, uint32_t session)
{
    for (size_t i = notifications->subscription_count; i-- > 0;) {
        if (notifications->subscriptions[i]->caller.session == session)
            end_subscription(notifications, i);
    }
}

void notifications_count(const struct notifications *notifications,
                         struct notification_counters *counters)
{
    *counters = notifications->counters;
    counters->log_octets = replay_log_octets(notifications->log);
    counters->log_damaged = replay_log_damaged(notifications->log);
    counters->subscriptions = (uint32_t)notifications->subscription_count;
}

static bool create_subscription(struct netconf_server *server,
                                const struct operation_caller *caller, const struct lyd_node *rpc,
                                struct lyd_node **output, struct rpc_error *error)
{
    struct notifications *notifications = server->notifications;
    *output = NULL;
    if (notifications_subscribed(notifications, caller->session))
        return rpc_error_set(error, "protocol", "operation-failed",
                             "this session has a subscription already; open another session");
    if (notifications->subscription_count == SUBSCRIPTIONS_MAX)
        return rpc_error_set(error, "protocol", "resource-denied",
                             "there are %d subscriptions already; try again later",
                             (int)SUBSCRIPTIONS_MAX);
    struct subscription *made = subscription_create(notifications, caller, rpc, error);
    if (!made)
        return false;
    /* Without a replay it begins with what comes from now on; the log keeps that until the reply is
     * on its way. */
    if (!made->replay)
        made->position = replay_log_end(notifications->log);
    notifications->subscriptions[notifications->subscription_count++] = made;
    return true;
}

const struct operation_row notification_operations[] = {
    {"notifications", "create-subscription", false, create_subscription},
    {NULL, NULL, false, NULL},
};
