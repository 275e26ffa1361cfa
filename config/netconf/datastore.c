/*
 * The trees of the datastores, their locks and what the end of a session does to them. The trees
 * are owned here; see datastore.h for threads.
 */
#include "datastore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "datastore_internal.h"
#include "defaults.h"
#include "rpc_error.h"
#include "store_revision.h"

struct lyd_node *datastore_copy(const struct lyd_node *tree)
{
    struct lyd_node *copy = NULL;
    if (tree)
        check(lyd_dup_siblings(tree, NULL, LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &copy) ==
              LY_SUCCESS);
    return copy;
}

struct lyd_node *datastore_diff(const struct lyd_node *old, const struct lyd_node *new)
{
    struct lyd_node *diff = NULL;
    if (old || new)
        check(lyd_diff_siblings(old, new, 0, &diff) == LY_SUCCESS);
    return diff;
}

void datastore_config_free(struct datastore_config *config)
{
    lyd_free_all(config->plain);
    lyd_free_all(config->complete);
    *config = (struct datastore_config){NULL, NULL};
}

bool datastore_complete(const struct datastore *datastore, const struct lyd_node *tree,
                        struct datastore_config *config, struct rpc_error *error)
{
    config->complete = datastore_copy(tree);
    config->plain = NULL;
    ly_err_clean((struct ly_ctx *)datastore->context, NULL);
    if (lyd_validate_all(&config->complete, datastore->context, LYD_VALIDATE_NO_STATE, NULL) !=
        LY_SUCCESS) {
        rpc_error_from_library(datastore->context, "operation-failed", error);
        if (error && strcmp(error->tag, "data-missing") == 0)
            datastore_locate(datastore, config->complete, error);
        datastore_config_free(config);
        return false;
    }
    config->plain = datastore_copy(config->complete);
    defaults_strip(&config->plain);
    return true;
}

bool datastore_apply(const struct datastore *datastore, const struct lyd_node *config, bool test,
                     struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    return !hooks->apply || hooks->apply(hooks->context, config, test, error);
}

void datastore_set_running(struct datastore *datastore, struct datastore_config *config,
                           bool keep_candidate)
{
    lyd_free_all(datastore->running);
    lyd_free_all(datastore->complete);
    datastore->running = config->plain;
    datastore->complete = config->complete;
    *config = (struct datastore_config){NULL, NULL};
    if (!keep_candidate) {
        lyd_free_all(datastore->candidate);
        datastore->candidate = datastore_copy(datastore->running);
    }
    if (datastore->hooks.running)
        datastore->hooks.running(datastore->hooks.context, datastore->complete);
}

char *datastore_print(const struct lyd_node *tree)
{
    char *text = NULL;
    if (!tree)
        return strdup("{}\n");
    lyd_print_mem(&text, tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_WD_EXPLICIT);
    if (text && store_revision_note(&text))
        return text;
    free(text);
    return NULL;
}

bool datastore_write(struct datastore *datastore, const struct lyd_node *tree, const char *user,
                     const char *comment, struct rpc_error *error)
{
    if (!datastore->store && !datastore->hooks.keep)
        return true;
    struct store_version version = {.time = time(NULL)};
    struct error problem = {""};
    snprintf(version.user, sizeof version.user, "%s", user);
    snprintf(version.comment, sizeof version.comment, "%s", comment ? comment : "");
    char *text = datastore_print(tree);
    if (!text)
        return rpc_error_memory(error);
    if (!datastore->store) {
        bool kept = datastore->hooks.keep(datastore->hooks.context, text, error);
        free(text);
        return kept;
    }
    bool written = store_write(datastore->store, text, &version, &problem);
    free(text);
    return written ? true
                   : rpc_error_set(error, "application", "operation-failed", "%s", problem.text);
}

/* What is stored, or KEPT, as a tree without defaults; NULL when nothing is. */
static bool read_stored(struct datastore *datastore, const char *kept, struct lyd_node **tree,
                        bool *exists, struct rpc_error *error)
{
    struct error problem = {""};
    char *text = NULL;
    *tree = NULL;
    *exists = false;
    if (!datastore->store && kept && !(text = strdup(kept)))
        return rpc_error_memory(error);
    if (datastore->store && !store_read(datastore->store, &text, &problem))
        return rpc_error_set(error, "application", "operation-failed", "%s", problem.text);
    if (!text)
        return true;
    if (!store_revision_convert(&text, &problem)) {
        free(text);
        return rpc_error_set(error, "application", "operation-failed", "%s", problem.text);
    }
    ly_err_clean((struct ly_ctx *)datastore->context, NULL);
    uint32_t options = LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE;
    LY_ERR result = lyd_parse_data_mem(datastore->context, text, LYD_JSON, options, 0, tree);
    free(text);
    if (result != LY_SUCCESS)
        return rpc_error_from_library(datastore->context, "operation-failed", error);
    defaults_strip(tree);
    *exists = true;
    return true;
}

/* INITIAL, and of STORED the modules that INITIAL does not have. */
static struct lyd_node *with_other_modules(const struct lyd_node *initial,
                                           const struct lyd_node *stored)
{
    struct lyd_node *tree = datastore_copy(initial);
    for (const struct lyd_node *node = stored; node; node = node->next) {
        const struct lyd_node *top = initial;
        while (top && top->schema->module != node->schema->module)
            top = top->next;
        struct lyd_node *copy = NULL;
        if (top)
            continue;
        check(lyd_dup_single(node, NULL, LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &copy) ==
              LY_SUCCESS);
        check(lyd_insert_sibling(tree, copy, &tree) == LY_SUCCESS);
    }
    return tree;
}

/* Makes STARTING running, which the daemon runs already as RUNS unless they differ, and a new
 * version unless STORED is the same; STORED is NULL when nothing is stored. */
static bool start_with(struct datastore *datastore, const struct lyd_node *starting,
                       const struct lyd_node *runs, const struct lyd_node *stored,
                       struct rpc_error *error)
{
    struct datastore_config config;
    if (!datastore_complete(datastore, starting, &config, error))
        return false;
    struct lyd_node *difference = datastore_diff(runs, config.plain);
    struct lyd_node *news = datastore_diff(stored, config.plain);
    bool done = (!difference || datastore_apply(datastore, config.complete, false, error)) &&
                ((stored && !news) || datastore_write(datastore, config.plain, "spanflowd",
                                                      "configuration given at the start", error));
    lyd_free_all(difference);
    lyd_free_all(news);
    if (done)
        datastore_set_running(datastore, &config, false);
    datastore_config_free(&config);
    return done;
}

static bool start(struct datastore *datastore, const struct datastore_settings *settings,
                  struct rpc_error *error)
{
    struct lyd_node *stored = NULL, *initial = datastore_copy(settings->initial);
    bool exists = false;
    defaults_strip(&initial);
    bool done = read_stored(datastore, settings->kept, &stored, &exists, error);
    if (done) {
        struct lyd_node *runs = with_other_modules(initial, stored);
        bool keep = exists && !settings->replace;
        done = start_with(datastore, keep ? stored : runs, runs, stored, error);
        lyd_free_all(runs);
    }
    lyd_free_all(initial);
    lyd_free_all(stored);
    struct store_version waited;
    if (done && datastore->store && store_unconfirmed(datastore->store, &waited)) {
        store_forget_unconfirmed(datastore->store, NULL);
        datastore_tell_confirmed(datastore, NULL, "cancel", 0);
    }
    return done;
}

struct datastore *datastore_open(const struct datastore_settings *settings, struct rpc_error *error)
{
    struct datastore *datastore = calloc(1, sizeof *datastore);
    struct error problem = {""};
    if (!datastore) {
        rpc_error_memory(error);
        return NULL;
    }
    datastore->context = settings->context;
    datastore->hooks = settings->hooks;
    datastore->now_ns = settings->now_ns;
    if (settings->folder) {
        datastore->store = store_open(settings->folder, &problem);
        if (!datastore->store)
            rpc_error_set(error, "application", "operation-failed", "%s", problem.text);
    }
    if ((!settings->folder || datastore->store) && start(datastore, settings, error))
        return datastore;
    datastore_close(datastore);
    return NULL;
}

void datastore_close(struct datastore *datastore)
{
    if (!datastore)
        return;
    lyd_free_all(datastore->running);
    lyd_free_all(datastore->complete);
    lyd_free_all(datastore->candidate);
    lyd_free_all(datastore->pending.base);
    free(datastore->pending.persist);
    store_close(datastore->store);
    free(datastore);
}

const struct lyd_node *datastore_tree(const struct datastore *datastore, enum datastore_name name)
{
    return name == DATASTORE_RUNNING ? datastore->complete : datastore->candidate;
}

bool datastore_modified(const struct datastore *datastore)
{
    struct lyd_node *diff = datastore_diff(datastore->running, datastore->candidate);
    bool modified = diff != NULL;
    lyd_free_all(diff);
    return modified;
}

struct store *datastore_store(struct datastore *datastore)
{
    return datastore->store;
}

uint32_t datastore_locked_by(const struct datastore *datastore, enum datastore_name name,
                             int64_t *since)
{
    if (since)
        *since = datastore->locks[name].since;
    return datastore->locks[name].session;
}

bool datastore_may_change(const struct datastore *datastore, const struct operation_caller *caller,
                          enum datastore_name name, struct rpc_error *error)
{
    uint32_t session = datastore->locks[name].session;
    if (datastore->applying.on && datastore->applying.session)
        return rpc_error_set(error, "application", "in-use",
                             "session %u commits a configuration just now; try again when it is "
                             "done",
                             datastore->applying.session);
    if (datastore_busy(datastore))
        return rpc_error_set(error, "application", "in-use",
                             "the server goes back to a configuration just now; try again when "
                             "it is done");
    if (!session || session == caller->session)
        return true;
    return rpc_error_set(error, "application", "in-use",
                         "%s is locked by session %u; wait until it unlocks",
                         name == DATASTORE_RUNNING ? "running" : "candidate", session);
}

bool datastore_busy(const struct datastore *datastore)
{
    const struct datastore_pending *pending = &datastore->pending;
    return datastore->applying.on ||
           (pending->waits && (pending->ending || datastore->now_ns >= pending->until_ns));
}

void datastore_applying(struct datastore *datastore, const struct operation_caller *caller)
{
    check(!datastore->applying.on);
    datastore->applying =
        (struct datastore_applying){.on = true, .session = caller ? caller->session : 0};
}

void datastore_applied(struct datastore *datastore)
{
    struct datastore_applying before = datastore->applying;
    datastore->applying = (struct datastore_applying){.on = false};
    for (unsigned i = 0; i < before.ended_count; i++)
        datastore_session_ended(datastore, before.ended[i]);
}

bool datastore_hold(struct datastore *datastore)
{
    bool free = !datastore->applying.on;
    if (free)
        datastore_applying(datastore, NULL);
    return free;
}

void datastore_release(struct datastore *datastore)
{
    datastore_applied(datastore);
}

static void set_candidate(struct datastore *datastore, const struct operation_caller *caller,
                          const char *operation, struct lyd_node *tree, const struct lyd_node *diff)
{
    lyd_free_all(datastore->candidate);
    datastore->candidate = tree;
    if (diff)
        datastore_tell_change(datastore, caller, DATASTORE_CANDIDATE, operation, diff);
}

bool datastore_set_candidate(struct datastore *datastore, const struct operation_caller *caller,
                             const char *operation, struct lyd_node *tree, struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    if (!datastore_may_change(datastore, caller, DATASTORE_CANDIDATE, error)) {
        lyd_free_all(tree);
        return false;
    }
    defaults_strip(&tree);
    struct lyd_node *diff = datastore_diff(datastore->candidate, tree);
    bool permitted =
        !diff || !hooks->may_write || hooks->may_write(hooks->context, caller, diff, error);
    if (permitted && diff)
        set_candidate(datastore, caller, operation, tree, diff);
    else
        lyd_free_all(tree);
    lyd_free_all(diff);
    return permitted;
}

bool datastore_validate(struct datastore *datastore, const struct lyd_node *tree,
                        struct rpc_error *error)
{
    struct datastore_config config;
    if (!datastore_complete(datastore, tree, &config, error))
        return false;
    bool valid = datastore_apply(datastore, config.complete, true, error);
    datastore_config_free(&config);
    return valid;
}

static void discard(struct datastore *datastore, const struct operation_caller *caller,
                    const char *operation)
{
    struct lyd_node *diff = datastore_diff(datastore->candidate, datastore->running);
    set_candidate(datastore, caller, operation, datastore_copy(datastore->running), diff);
    lyd_free_all(diff);
}

bool datastore_discard(struct datastore *datastore, const struct operation_caller *caller,
                       struct rpc_error *error)
{
    if (!datastore_may_change(datastore, caller, DATASTORE_CANDIDATE, error))
        return false;
    discard(datastore, caller, "discard-changes");
    return true;
}

/* lock-denied with the session that is in the way. */
static bool deny_lock(struct rpc_error *error, uint32_t session, const char *why)
{
    rpc_error_set(error, "protocol", "lock-denied", "%s", why);
    if (error) {
        error->has_session = true;
        error->session = session;
    }
    return false;
}

bool datastore_lock(struct datastore *datastore, const struct operation_caller *caller,
                    enum datastore_name name, struct rpc_error *error)
{
    struct datastore_lock *lock = &datastore->locks[name];
    if (datastore_busy(datastore))
        return deny_lock(error, datastore->applying.session,
                         "a configuration is being applied just now; try again when it is done");
    if (lock->session == caller->session)
        return deny_lock(error, lock->session, "this session has the lock already");
    if (lock->session)
        return deny_lock(error, lock->session, "another session has the lock");
    if (name == DATASTORE_CANDIDATE && datastore_modified(datastore))
        return deny_lock(error, 0,
                         "candidate has changes that are not committed; commit them or "
                         "discard-changes first");
    if (name == DATASTORE_RUNNING && datastore->pending.waits &&
        datastore->pending.session != caller->session)
        return deny_lock(error, datastore->pending.session,
                         "a confirmed commit waits for its confirmation");
    *lock = (struct datastore_lock){.session = caller->session, .since = time(NULL)};
    return true;
}

bool datastore_unlock(struct datastore *datastore, const struct operation_caller *caller,
                      enum datastore_name name, struct rpc_error *error)
{
    struct datastore_lock *lock = &datastore->locks[name];
    if (!lock->session)
        return rpc_error_set(error, "application", "operation-failed", "it is not locked");
    if (lock->session != caller->session)
        return rpc_error_set(error, "application", "operation-failed",
                             "session %u has the lock, and only it can unlock", lock->session);
    lock->session = 0;
    return true;
}

/* Remembers that SESSION is over, if anything of it is here. */
static void note_end(struct datastore *datastore, uint32_t session)
{
    struct datastore_applying *applying = &datastore->applying;
    bool concerned = applying->session == session ||
                     (datastore->pending.waits && datastore->pending.session == session);
    for (unsigned i = 0; i < DATASTORE_LOCKABLE; i++)
        concerned = concerned || datastore->locks[i].session == session;
    if (!concerned)
        return;
    check(applying->ended_count < DATASTORE_ENDED_MAX);
    applying->ended[applying->ended_count++] = session;
}

void datastore_session_ended(struct datastore *datastore, uint32_t session)
{
    if (datastore->applying.on) {
        note_end(datastore, session);
        return;
    }
    struct datastore_pending *pending = &datastore->pending;
    if (pending->waits && pending->session == session && !pending->ending) {
        pending->ending = "cancel";
        pending->operation = "session-end";
        pending->until_ns = datastore->now_ns;
    }
    if (datastore->locks[DATASTORE_CANDIDATE].session == session)
        discard(datastore, NULL, "session-end");
    for (unsigned i = 0; i < DATASTORE_LOCKABLE; i++)
        if (datastore->locks[i].session == session)
            datastore->locks[i].session = 0;
}
