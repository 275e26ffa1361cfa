/* The world that the tests of the datastores run in. One test program, one thread. */
#include "datastore_test.h"

#include <ftw.h>
#include <unistd.h>

#include "netconf/defaults.h"
#include "netconf/rpc_error.h"

#define YUMA "/usr/share/yuma/modules/"

static struct rpc_error last_error;

struct ly_ctx *test_store_context(void)
{
    static struct ly_ctx *context;
    static const char *const features[] = {"candidate",         "validate", "confirmed-commit",
                                           "rollback-on-error", "xpath",    "writable-running",
                                           "startup",           NULL};
    static const char *const nmda[] = {"origin", "with-defaults", NULL};
    static const char *const others[] = {"ietf-netconf-with-defaults", "ietf-origin",
                                         "ietf-netconf-notifications", "test-store"};
    if (context || access(YUMA "ietf", R_OK) != 0)
        return context;
    ly_log_options(LY_LOSTORE);
    assert_int_equal(ly_ctx_new(YUMA "ietf:" YUMA "ietf-derived:" YUMA "netconfcentral:"
                                     "/usr/share/yang/modules/libyang:" TEST_FOLDER,
                                0, &context),
                     LY_SUCCESS);
    assert_non_null(
        ly_ctx_load_module(context, "ietf-netconf", NULL, (const char **)(uintptr_t)features));
    assert_non_null(
        ly_ctx_load_module(context, "ietf-netconf-nmda", NULL, (const char **)(uintptr_t)nmda));
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        assert_non_null(ly_ctx_load_module(context, others[i], NULL, NULL));
    assert_true(defaults_load(context));
    return context;
}

const char *test_text(const struct lyd_node *tree)
{
    static char *texts[8];
    static unsigned next;
    char **text = &texts[next++ % 8];
    free(*text);
    *text = NULL;
    if (!tree)
        return "{}";
    assert_int_equal(lyd_print_mem(text, tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK),
                     LY_SUCCESS);
    return *text ? *text : "{}";
}

struct lyd_node *test_tree(struct ly_ctx *context, const char *text)
{
    struct lyd_node *tree = NULL;
    if (lyd_parse_data_mem(context, text, LYD_JSON, LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0, &tree) !=
        LY_SUCCESS)
        fail_msg("%s: %s", text, ly_errmsg(context));
    return tree;
}

struct lyd_node *test_parse(struct ly_ctx *context, const char *body, struct lyd_node **operation)
{
    static const char head[] = "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
                               "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
                               "xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\" "
                               "xmlns:t=\"urn:example:test-store\" message-id=\"1\">";
    struct lyd_node *envelope = NULL;
    struct ly_in *in = NULL;
    char *text = NULL;
    *operation = NULL;
    assert_true(asprintf(&text, "%s%s</rpc>", head, body) > 0);
    assert_int_equal(ly_in_new_memory(text, &in), LY_SUCCESS);
    LY_ERR result =
        lyd_parse_op(context, NULL, in, LYD_XML, LYD_TYPE_RPC_NETCONF, &envelope, operation);
    if (result == LY_SUCCESS)
        result = lyd_validate_op(*operation, NULL, LYD_TYPE_RPC_YANG, NULL);
    if (result != LY_SUCCESS)
        fail_msg("%s: %s", body, ly_errmsg(context));
    ly_in_free(in, 0);
    lyd_free_all(envelope);
    free(text);
    return *operation;
}

static bool play_apply(void *context, const struct lyd_node *config, bool test,
                       struct rpc_error *error)
{
    struct test_world *world = context;
    const char *text = test_text(config);
    world->applies += test ? 0 : 1;
    void (*meanwhile)(void) = test ? NULL : world->meanwhile;
    if (meanwhile) {
        world->meanwhile = NULL;
        meanwhile();
    }
    if (world->refuse && strstr(text, world->refuse)) {
        rpc_error_set(error, "application", "resource-denied", "the daemon cannot do that");
        if (error)
            strcpy(error->path, "/test-store:top/text");
        return false;
    }
    if (!test) {
        free(world->applied);
        world->applied = strdup(text);
    }
    return true;
}

static bool play_state(void *context, const char *const *sections, struct lyd_node **state,
                       struct rpc_error *error)
{
    struct test_world *world = context;
    (void)error;
    strcpy(world->sections, sections ? "" : "all");
    for (; sections && *sections; sections++)
        strcat(strcat(world->sections, *sections), " ");
    *state = test_tree(world->context,
                       "{\"test-store:top\":{\"state\":{\"uptime\":7,\"port\":[{\"name\":\"a\","
                       "\"packets\":\"1\"},{\"name\":\"b\",\"packets\":\"2\"}]}}}");
    return true;
}

static bool play_expand(void *context, const struct lyd_node *config, struct lyd_node **implied,
                        struct rpc_error *error)
{
    struct test_world *world = context;
    (void)config;
    (void)error;
    *implied =
        test_tree(world->context, "{\"test-store:top\":{\"item\":[{\"name\":\"default\",\"colour\":"
                                  "\"grey\"}]}}");
    return true;
}

static bool play_may_write(void *context, const struct operation_caller *caller,
                           const struct lyd_node *diff, struct rpc_error *error)
{
    struct test_world *world = context;
    (void)caller;
    if (world->deny_write && strstr(test_text(diff), world->deny_write))
        return rpc_error_at(error, diff, "application", "access-denied", "not yours");
    return true;
}

static void hide(struct lyd_node **tree, struct lyd_node *parent, const char *name)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        if (strcmp(node->schema->name, name) != 0) {
            hide(tree, node, name);
            continue;
        }
        if (*tree == node)
            *tree = next;
        lyd_free_tree(node);
    }
}

static void play_filter(void *context, const struct operation_caller *caller,
                        struct lyd_node **tree)
{
    struct test_world *world = context;
    (void)caller;
    if (world->hide)
        hide(tree, NULL, world->hide);
}

static void play_audit(void *context, const struct operation_caller *caller,
                       enum datastore_name name, const char *operation, const struct lyd_node *diff)
{
    struct test_world *world = context;
    (void)caller;
    (void)name;
    assert_non_null(operation);
    assert_non_null(diff);
    world->audits++;
}

static void play_notify(void *context, struct lyd_node *notification)
{
    struct test_world *world = context;
    struct lyd_node *event = NULL;
    char *events = world->events;
    snprintf(world->event, sizeof world->event, "%s", test_text(notification));
    if (lyd_find_path(notification, "confirm-event", 0, &event) == LY_SUCCESS)
        snprintf(events + strlen(events), sizeof world->events - strlen(events), "%s ",
                 lyd_get_value(event));
    else
        snprintf(events + strlen(events), sizeof world->events - strlen(events), "change ");
    lyd_free_all(notification);
}

void test_world_open(struct test_world *world, const char *folder, const char *initial,
                     bool replace)
{
    struct rpc_error error = {0};
    world->context = test_store_context();
    struct lyd_node *tree = initial ? test_tree(world->context, initial) : NULL;
    struct datastore_settings settings = {.context = world->context,
                                          .hooks = {.context = world,
                                                    .apply = play_apply,
                                                    .state = play_state,
                                                    .expand = play_expand,
                                                    .may_write = play_may_write,
                                                    .filter_read = play_filter,
                                                    .audit = play_audit,
                                                    .notify = play_notify},
                                          .folder = folder,
                                          .initial = tree,
                                          .replace = replace};
    world->server = (struct netconf_server){.context = world->context};
    world->server.datastore = datastore_open(&settings, &error);
    lyd_free_all(tree);
    if (!world->server.datastore)
        fail_msg("not opened: %s %s", error.tag, error.message);
}

void test_world_close(struct test_world *world)
{
    datastore_close(world->server.datastore);
    world->server.datastore = NULL;
    free(world->applied);
    world->applied = NULL;
    rpc_error_clear(&last_error);
}

const struct rpc_error *test_error(void)
{
    return &last_error;
}

static void print_errors(const struct rpc_error *error, char *text, size_t size)
{
    size_t length = 0;
    for (; error && length < size; error = error->next)
        length += (size_t)snprintf(text + length, size - length, "%s%s %s", length ? "; " : "",
                                   error->tag, error->path);
}

const char *test_run(struct test_world *world, uint32_t session, const char *body)
{
    static char text[65536];
    struct lyd_node *operation = NULL, *output = NULL;
    struct lyd_node *tree = test_parse(world->context, body, &operation);
    struct operation_caller caller = {
        .user = "tester", .session = session, .local = true, .from = "127.0.0.1"};
    const struct operation_row *row = datastore_operations;
    while (row->module && (strcmp(row->name, operation->schema->name) != 0 ||
                           strcmp(row->module, operation->schema->module->name) != 0))
        row++;
    assert_non_null(row->module);
    rpc_error_clear(&last_error);
    bool done = row->run(&world->server, &caller, operation, &output, &last_error);
    strcpy(text, "ok");
    if (!done) {
        assert_null(output);
        assert_non_null(last_error.tag);
        assert_true(last_error.message[0]);
        print_errors(&last_error, text, sizeof text);
    } else if (output) {
        const struct lyd_node_any *data = (const struct lyd_node_any *)lyd_child(output);
        while (data && strcmp(data->schema->name, "data") != 0)
            data = (const struct lyd_node_any *)data->next;
        assert_non_null(data);
        snprintf(text, sizeof text, "%s", test_text(data->value.tree));
    }
    lyd_free_all(output);
    lyd_free_all(tree);
    return text;
}

char *test_folder(void)
{
    char *folder = strdup("/tmp/spanflow-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void test_folder_remove(char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
}
