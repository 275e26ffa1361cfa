/*
 * Content of <config> and of filters from anybody, on a candidate that has data of every kind. The
 * first byte says what is done with the rest: m, r or n edit with that default-operation, c goes on
 * after errors, v validates it, f is a subtree filter. A refused edit leaves every byte of
 * candidate as it was. Without the modules of libyuma-base there is nothing to run.
 */
#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "netconf/datastore.h"
#include "netconf/defaults.h"
#include "netconf/rpc_check.h"
#include "netconf/xml_blank.h"

#define YUMA "/usr/share/yuma/modules/"
#define DATA                                                                                       \
    "{\"test-store:flag\":true,\"test-store:zone\":[{\"id\":\"a\"},{\"id\":\"b\"}],"               \
    "\"test-store:top\":{\"number\":7,\"text\":\"t\",\"tag\":[\"a\",\"b\",\"c\"],\"plain\":[1,2]," \
    "\"item\":[{\"name\":\"x\",\"size\":3},{\"name\":\"y\"}],\"step\":[{\"id\":\"a\",\"sub\":1},"  \
    "{\"id\":\"b\",\"sub\":2}],\"present\":{\"a\":\"b\"},\"two\":{\"x\":\"y\"}}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const forms[][3] = {
    {"m", "<edit-config><target><candidate/></target><config>", "</config></edit-config>"},
    {"r",
     "<edit-config><target><candidate/></target><default-operation>replace"
     "</default-operation><config>",
     "</config></edit-config>"},
    {"n",
     "<edit-config><target><candidate/></target><default-operation>none"
     "</default-operation><config>",
     "</config></edit-config>"},
    {"c",
     "<edit-config><target><candidate/></target><error-option>continue-on-error"
     "</error-option><config>",
     "</config></edit-config>"},
    {"v", "<validate><source><config>", "</config></source></validate>"},
    {"o", "", ""},
    {"f", "<get-config><source><candidate/></source><filter>", "</filter></get-config>"},
};

static struct netconf_server server;

static bool open_server(void)
{
    static const char *const features[] = {"candidate", "validate", "rollback-on-error", "xpath",
                                           NULL};
    struct rpc_error error = {0};
    struct lyd_node *tree = NULL;
    if (server.datastore)
        return true;
    if (access(YUMA "ietf", R_OK) != 0)
        return false;
    ly_log_options(LY_LOSTORE_LAST);
    check(ly_ctx_new(YUMA "ietf:/usr/share/yang/modules/libyang:" TEST_FOLDER, 0,
                     &server.context) == LY_SUCCESS);
    check(ly_ctx_load_module(server.context, "ietf-netconf", NULL,
                             (const char **)(uintptr_t)features));
    check(ly_ctx_load_module(server.context, "ietf-netconf-with-defaults", NULL, NULL));
    check(defaults_load(server.context));
    check(ly_ctx_load_module(server.context, "test-store", NULL, NULL));
    check(lyd_parse_data_mem(server.context, DATA, LYD_JSON, LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0,
                             &tree) == LY_SUCCESS);
    struct datastore_settings settings = {.context = server.context, .initial = tree};
    server.datastore = datastore_open(&settings, &error);
    check(server.datastore);
    lyd_free_all(tree);
    return true;
}

static char *candidate_text(void)
{
    char *text = NULL;
    const struct lyd_node *tree = datastore_tree(server.datastore, DATASTORE_CANDIDATE);
    if (tree)
        check(lyd_print_mem(&text, tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS) == LY_SUCCESS);
    return text ? text : strdup("");
}

/* What libyang does not take, RESULT, is refused before, by a reply that can be read. */
static void look_before(const char *message, LY_ERR result)
{
    struct lyd_node *tree = NULL;
    char *reply = rpc_check(server.context, message, strlen(message), true);
    check(result == LY_SUCCESS || reply);
    if (reply)
        check(lyd_parse_data_mem(server.context, reply, LYD_XML, LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0,
                                 &tree) == LY_SUCCESS);
    lyd_free_all(tree);
    free(reply);
}

/* The operation of FORM around TEXT; NULL when libyang does not take it. *TREE is to be freed. */
static struct lyd_node *parse(const char *const form[3], const char *text, struct lyd_node **tree)
{
    static const char head[] = "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
                               "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
                               "xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\" "
                               "xmlns:t=\"urn:example:test-store\" message-id=\"1\">";
    struct lyd_node *operation = NULL, *envelope = NULL;
    struct ly_in *in = NULL;
    char *whole = NULL;
    check(asprintf(&whole, "%s%s%s%s</rpc>", head, form[1], text, form[2]) > 0);
    xml_blank_namespaces(whole, strlen(whole)); /* as the connection does */
    check(ly_in_new_memory(whole, &in) == LY_SUCCESS);
    LY_ERR result = lyd_parse_op(server.context, NULL, in, LYD_XML, LYD_TYPE_RPC_NETCONF, &envelope,
                                 &operation);
    ly_in_free(in, 0);
    look_before(whole, result);
    free(whole);
    lyd_free_all(envelope);
    *tree = operation;
    return result == LY_SUCCESS ? operation : NULL;
}

static void run(const struct lyd_node *operation, bool goes_on)
{
    struct operation_caller caller = {.user = "fuzz", .session = 1, .from = "local"};
    struct rpc_error error = {0};
    struct lyd_node *output = NULL;
    const struct operation_row *row = datastore_operations;
    while (row->module && strcmp(row->name, operation->schema->name) != 0)
        row++;
    if (!row->module)
        return;
    char *before = candidate_text();
    bool done = row->run(&server, &caller, operation, &output, &error);
    char *after = candidate_text();
    check(done || error.tag);
    check(done || goes_on || strcmp(before, after) == 0);
    check(datastore_discard(server.datastore, &caller, NULL));
    check(!datastore_modified(server.datastore));
    rpc_error_clear(&error);
    lyd_free_all(output);
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || !open_server())
        return 0;
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct lyd_node *tree = NULL;
        if (data[0] != (uint8_t)forms[i][0][0])
            continue;
        char *text = strndup((const char *)data + 1, size - 1);
        check(text);
        struct lyd_node *operation = parse(forms[i], text, &tree);
        if (operation)
            run(operation, data[0] == 'c');
        lyd_free_all(tree);
        free(text);
    }
    return 0;
}
