/* The operation create-subscription of RFC 5277, and the filter of a subscription. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data_view.h"
#include "notifications_internal.h"
#include "operation_input.h"
#include "rpc_error.h"
#include "xpath_cost.h"

static const char stream_name[] = "NETCONF";

/* Sets ERROR and names ELEMENT in it. */
static bool refuse(struct rpc_error *error, const char *tag, const char *element, const char *text)
{
    rpc_error_set(error, "protocol", tag, "%s", text);
    if (error)
        strncpy(error->bad_element, element, sizeof error->bad_element - 1);
    return false;
}

/* TEXT, a date-and-time, in nanoseconds since 1970; times that do not fit are the nearest. */
static uint64_t time_of(const char *text)
{
    const int64_t seconds_max = INT64_MAX / 1000000000 - 1;
    struct timespec time;
    if (ly_time_str2ts(text, &time) != LY_SUCCESS || time.tv_sec < 0)
        return 0;
    int64_t seconds = time.tv_sec < seconds_max ? time.tv_sec : seconds_max;
    return (uint64_t)seconds * 1000000000 + (uint64_t)time.tv_nsec;
}

static bool read_times(const struct notifications *notifications, const struct lyd_node *rpc,
                       struct subscription *made, struct rpc_error *error)
{
    const char *start = view_child_value(rpc, "startTime");
    const char *stop = view_child_value(rpc, "stopTime");
    made->stop_ns = stop ? time_of(stop) : UINT64_MAX;
    made->replay = start != NULL;
    if (!start)
        return !stop || refuse(error, "missing-element", "startTime",
                               "stopTime goes only with startTime; give both or none");
    made->start_ns = time_of(start);
    if (made->start_ns > notifications->now_ns)
        return refuse(error, "bad-element", "startTime",
                      "startTime is in the future; a replay starts in the past");
    if (made->stop_ns < made->start_ns)
        return refuse(error, "bad-element", "stopTime", "stopTime is earlier than startTime");
    if (!notifications->settings.log_octets_max)
        return refuse(error, "operation-failed", "startTime",
                      "there is no log to replay; subscribe without startTime");
    return true;
}

static bool read_filter(struct subscription *made, struct rpc_error *error)
{
    const struct lyd_node *element = view_child(made->request, "filter");
    if (!input_filter(made->request, &made->filter, error))
        return false;
    if (element && made->filter.is_subtree && !made->filter.subtree &&
        ((const struct lyd_node_any *)element)->value_type != LYD_ANYDATA_DATATREE)
        return refuse(error, "bad-element", "filter", "the filter holds text; give elements");
    if (!made->filter.xpath)
        return true;
    /* An expression that is none shows on any data. */
    struct lyd_node *data = NULL;
    struct ly_set *set = NULL;
    if (lyd_dup_single(made->request, NULL, 0, &data) != LY_SUCCESS)
        return rpc_error_memory(error);
    LY_ERR result = lyd_find_xpath(data, made->filter.xpath, &set);
    ly_set_free(set, NULL);
    lyd_free_all(data);
    if (result != LY_SUCCESS)
        return refuse(error, "invalid-value", "filter",
                      "the XPath expression of the filter cannot be evaluated; it selects nodes of "
                      "notifications and has prefixes of modules");
    /* As of an event that has many nodes; those that have more do not pass. */
    const struct xpath_data many = {.nodes = 256, .siblings = 64};
    if (xpath_cost(made->filter.xpath, &many) > XPATH_COST_MAX)
        return refuse(error, "resource-denied", "filter",
                      "the XPath expression searches in searches; say with fewer of them what is "
                      "wanted");
    return true;
}

struct subscription *subscription_create(const struct notifications *notifications,
                                         const struct operation_caller *caller,
                                         const struct lyd_node *rpc, struct rpc_error *error)
{
    const char *stream = view_child_value(rpc, "stream");
    if (stream && strcmp(stream, stream_name) != 0) {
        refuse(error, "invalid-value", "stream",
               "there is no such stream; the only one is NETCONF");
        return NULL;
    }
    struct subscription *made = calloc(1, sizeof *made);
    if (!made) {
        rpc_error_memory(error);
        return NULL;
    }
    made->caller = *caller;
    made->caller.user = strdup(caller->user);
    made->caller.from = strdup(caller->from ? caller->from : "");
    if (!made->caller.user || !made->caller.from ||
        lyd_dup_single(rpc, NULL, LYD_DUP_RECURSIVE, &made->request) != LY_SUCCESS)
        rpc_error_memory(error);
    else if (read_times(notifications, rpc, made, error) && read_filter(made, error))
        return made;
    subscription_free(made);
    return NULL;
}

void subscription_free(struct subscription *subscription)
{
    if (!subscription)
        return;
    lyd_free_all(subscription->request);
    free((char *)subscription->caller.user);
    free((char *)subscription->caller.from);
    free(subscription);
}

bool subscription_passes(const struct subscription *subscription, const struct lyd_node *event)
{
    struct lyd_node *copy = NULL;
    if (!subscription->filter.is_subtree && !subscription->filter.xpath)
        return true;
    if (lyd_dup_single(event, NULL, LYD_DUP_RECURSIVE, &copy) != LY_SUCCESS)
        return false;
    bool passes = filter_apply(&subscription->filter, &copy, NULL) && copy;
    lyd_free_all(copy);
    return passes;
}
