/*
 * Commits: candidate becomes running, for good or until a confirmation is due (RFC 6241, sections
 * 8.3 and 8.4). First the daemon, then the store, then the trees: what fails leaves all three as
 * they were. While the daemon works nothing here changes, though others may read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "datastore.h"
#include "datastore_internal.h"
#include "rpc_error.h"

static const uint64_t SECOND_NS = 1000000000;

static void forget_pending(struct datastore *datastore)
{
    lyd_free_all(datastore->pending.base);
    free(datastore->pending.persist);
    datastore->pending = (struct datastore_pending){.waits = false};
}

static bool refuse_id(struct rpc_error *error, const char *message)
{
    rpc_error_set(error, "protocol", "invalid-value", "%s", message);
    if (error)
        snprintf(error->bad_element, sizeof error->bad_element, "persist-id");
    return false;
}

/* Whether CALLER with PERSIST_ID may confirm, extend or cancel the commit that waits. */
static bool may_follow(const struct datastore *datastore, const struct operation_caller *caller,
                       const char *persist_id, struct rpc_error *error)
{
    const struct datastore_pending *pending = &datastore->pending;
    if (!pending->waits)
        return persist_id ? refuse_id(error, "no confirmed commit waits; leave out persist-id")
                          : true;
    if (pending->persist && !persist_id)
        return refuse_id(error, "a confirmed commit waits that needs its persist-id; give it");
    if (pending->persist && strcmp(pending->persist, persist_id) != 0)
        return refuse_id(error, "this is not the persist-id of the commit that waits");
    if (!pending->persist && persist_id)
        return refuse_id(error, "the commit that waits has no persist; leave out persist-id");
    if (!pending->persist && pending->session != caller->session)
        return rpc_error_set(error, "application", "in-use",
                             "session %u has a confirmed commit that waits; wait for its end",
                             pending->session);
    return true;
}

static void start_or_extend(struct datastore *datastore, const struct operation_caller *caller,
                            const struct commit_request *request)
{
    struct datastore_pending *pending = &datastore->pending;
    const char *event = pending->waits ? "extend" : "start";
    if (!pending->waits)
        pending->base = datastore_copy(datastore->running);
    pending->waits = true;
    pending->until_ns = datastore->now_ns + request->timeout_s * SECOND_NS;
    if (request->persist) {
        char *persist = strdup(request->persist);
        check(persist);
        free(pending->persist);
        pending->persist = persist;
    }
    pending->session = pending->persist ? 0 : caller->session;
    snprintf(pending->user, sizeof pending->user, "%s", caller->user);
    if (request->comment)
        snprintf(pending->comment, sizeof pending->comment, "%s", request->comment);
    datastore_tell_confirmed(datastore, caller, event, request->timeout_s);
}

/* Puts CONFIG on disk: for good, or aside until it is confirmed. */
static bool store_config(struct datastore *datastore, const struct operation_caller *caller,
                         const struct commit_request *request,
                         const struct datastore_config *config, struct rpc_error *error)
{
    const char *comment = request->comment ? request->comment : datastore->pending.comment;
    if (!request->confirmed)
        return datastore_write(datastore, config->plain, caller->user, comment, error);
    if (!datastore->store)
        return true;
    struct store_version version = {.time = time(NULL)};
    struct error problem = {""};
    snprintf(version.user, sizeof version.user, "%s", caller->user);
    char *text = datastore_print(config->plain);
    bool written = text && store_write_unconfirmed(datastore->store, text, &version, &problem);
    free(text);
    return written ? true
                   : rpc_error_set(error, "application", "operation-failed", "%s", problem.text);
}

/* Everything that can fail, for the change DIFF to CONFIG; on failure nothing has changed. */
static bool make_real(struct datastore *datastore, const struct operation_caller *caller,
                      const struct commit_request *request, const struct datastore_config *config,
                      const struct lyd_node *diff, struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    if (diff && hooks->may_write && !hooks->may_write(hooks->context, caller, diff, error))
        return false;
    if (diff && !datastore_apply(datastore, config->complete, false, error))
        return false;
    bool unchanged = !diff && !request->confirmed && !datastore->pending.waits;
    if (unchanged || store_config(datastore, caller, request, config, error))
        return true;
    if (diff && !datastore_apply(datastore, datastore->complete, false, NULL) && hooks->differs)
        hooks->differs(hooks->context);
    return false;
}

bool datastore_commit(struct datastore *datastore, const struct operation_caller *caller,
                      const struct commit_request *request, struct rpc_error *error)
{
    struct datastore_config config;
    if (!datastore_may_change(datastore, caller, DATASTORE_RUNNING, error) ||
        !datastore_may_change(datastore, caller, DATASTORE_CANDIDATE, error) ||
        !may_follow(datastore, caller, request->persist_id, error) ||
        !datastore_complete(datastore, datastore->candidate, &config, error))
        return false;
    struct lyd_node *diff = datastore_diff(datastore->running, config.plain);
    datastore_applying(datastore, caller);
    bool done = make_real(datastore, caller, request, &config, diff, error);
    if (done) {
        bool waited = datastore->pending.waits;
        if (request->confirmed)
            start_or_extend(datastore, caller, request);
        else
            forget_pending(datastore);
        datastore_set_running(datastore, &config, false);
        if (diff)
            datastore_tell_change(datastore, caller, DATASTORE_RUNNING, "commit", diff);
        if (waited && !request->confirmed)
            datastore_tell_confirmed(datastore, caller, "complete", 0);
    }
    datastore_applied(datastore);
    lyd_free_all(diff);
    datastore_config_free(&config);
    return done;
}

bool datastore_revert(struct datastore *datastore, const struct operation_caller *caller,
                      const char *event, const char *operation, struct rpc_error *error)
{
    struct datastore_config config;
    check(datastore->pending.waits);
    datastore_applying(datastore, caller);
    bool done = datastore_complete(datastore, datastore->pending.base, &config, error);
    struct lyd_node *diff = done ? datastore_diff(datastore->running, config.plain) : NULL;
    if (done && diff)
        done = datastore_apply(datastore, config.complete, false, error);
    if (done) {
        bool keep = datastore_modified(datastore);
        forget_pending(datastore);
        if (datastore->store)
            store_forget_unconfirmed(datastore->store, NULL);
        datastore_set_running(datastore, &config, keep);
        if (diff)
            datastore_tell_change(datastore, caller, DATASTORE_RUNNING, operation, diff);
        datastore_tell_confirmed(datastore, caller, event, 0);
    } else if (datastore->pending.ending) {
        /* The daemon cannot go back now (it may be starting anew): tried again each second. */
        datastore->pending.until_ns = datastore->now_ns + SECOND_NS;
    }
    datastore_applied(datastore);
    lyd_free_all(diff);
    datastore_config_free(&config);
    return done;
}

bool datastore_cancel_commit(struct datastore *datastore, const struct operation_caller *caller,
                             const char *persist_id, struct rpc_error *error)
{
    if (!datastore->pending.waits)
        return rpc_error_set(error, "application", "operation-failed",
                             "no confirmed commit waits that could be cancelled");
    if (!may_follow(datastore, caller, persist_id, error) ||
        !datastore_may_change(datastore, caller, DATASTORE_RUNNING, error))
        return false;
    return datastore_revert(datastore, caller, "cancel", "cancel-commit", error);
}

void datastore_set_time(struct datastore *datastore, uint64_t now_ns)
{
    datastore->now_ns = now_ns;
}

void datastore_tick(struct datastore *datastore, uint64_t now_ns)
{
    struct datastore_pending *pending = &datastore->pending;
    datastore->now_ns = now_ns;
    if (datastore->applying.on || !pending->waits || now_ns < pending->until_ns)
        return;
    if (!pending->ending) {
        pending->ending = "timeout";
        pending->operation = "confirm-timeout";
    }
    datastore_revert(datastore, NULL, pending->ending, pending->operation, NULL);
}

uint64_t datastore_deadline(const struct datastore *datastore)
{
    /* Whoever applies a configuration calls for the next look at the time. */
    return datastore->pending.waits && !datastore->applying.on ? datastore->pending.until_ns
                                                               : UINT64_MAX;
}

bool datastore_unconfirmed(const struct datastore *datastore, uint64_t *until_ns, uint32_t *session,
                           const char **user)
{
    if (user)
        *user = datastore->pending.user;
    if (until_ns)
        *until_ns = datastore->pending.until_ns;
    if (session)
        *session = datastore->pending.session;
    return datastore->pending.waits;
}
