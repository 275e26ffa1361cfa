/*
 * A session of libnetconf2's client, for tests of the NETCONF process with a client that is neither
 * Python's nor our own:
 *
 *     netconf2_client local PATH
 *     netconf2_client ssh PORT USER PRIVATE-KEY                  the public one is beside it
 *     netconf2_client tls PORT CERTIFICATE PRIVATE-KEY AUTHORITY
 *     netconf2_client call-home-ssh, call-home-tls, as above: waits on the port
 *
 * Says `connected` with the session's number, after `waiting` where it waits for a call. Reads a
 * request a line, an operation and its parameters as NAME=TEXT, separated by tabs, and answers each
 * by a line of the same form: `ok`, `data` XML, `error` TAG PATH MESSAGE, `unsent` if the library
 * refuses to send it, `closed`. The request `take` waits for a notification. At the end of its
 * input the session is closed in order.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libyang/libyang.h>

#include <nc_client.h>

enum { FIELDS_MAX = 32, WAIT_MS = 30000 };

/* The modules that the client needs before it can ask for others; spanflow's are not among them. */
static const char search_path[] = "/usr/share/yuma/modules/ietf:/usr/share/yuma/modules/"
                                  "ietf-derived:/usr/share/yuma/modules/netconfcentral";

struct request {
    const char *fields[FIELDS_MAX];
    size_t count;
};

/* The text of the parameter NAME, NULL without it. Points into the request. */
static const char *parameter(const struct request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 1; i < request->count; i++)
        if (strncmp(request->fields[i], name, length) == 0 && request->fields[i][length] == '=')
            return request->fields[i] + length + 1;
    return NULL;
}

/* The place of the parameter's text among COUNT WORDS plus one, 0 if it is not given. Another text
 * than these is a mistake in the test. */
static unsigned choice(const struct request *request, const char *name, const char *const *words,
                       size_t count)
{
    const char *text = parameter(request, name);
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (unsigned)i + 1;
    if (text) {
        fprintf(stderr, "netconf2_client: %s=%s is no choice\n", name, text);
        exit(2);
    }
    return 0;
}

#define CHOICE(request, name, words) choice(request, name, words, sizeof(words) / sizeof(*(words)))

static const char *const datastores[] = {"config", "url", "running", "startup", "candidate"};
static const char *const defaults[] = {"report-all", "report-all-tagged", "trim", "explicit"};
static const char *const operations[] = {"merge", "replace", "none"};
static const char *const tests[] = {"test-then-set", "set", "test-only"};
static const char *const error_options[] = {"stop-on-error", "continue-on-error",
                                            "rollback-on-error"};

static struct nc_rpc *make_get(const struct request *request)
{
    return nc_rpc_get(parameter(request, "filter"), CHOICE(request, "defaults", defaults),
                      NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_get_config(const struct request *request)
{
    return nc_rpc_getconfig(CHOICE(request, "source", datastores), parameter(request, "filter"),
                            CHOICE(request, "defaults", defaults), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_edit_config(const struct request *request)
{
    return nc_rpc_edit(CHOICE(request, "target", datastores),
                       CHOICE(request, "default", operations), CHOICE(request, "test", tests),
                       CHOICE(request, "error", error_options), parameter(request, "config"),
                       NC_PARAMTYPE_CONST);
}

/* The source of an operation that takes a datastore or a configuration as it is. */
static NC_DATASTORE source_of(const struct request *request)
{
    return parameter(request, "config") ? NC_DATASTORE_CONFIG
                                        : CHOICE(request, "source", datastores);
}

static struct nc_rpc *make_copy_config(const struct request *request)
{
    return nc_rpc_copy(CHOICE(request, "target", datastores), NULL, source_of(request),
                       parameter(request, "config"), NC_WD_UNKNOWN, NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_delete_config(const struct request *request)
{
    return nc_rpc_delete(CHOICE(request, "target", datastores), NULL, NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_validate(const struct request *request)
{
    return nc_rpc_validate(source_of(request), parameter(request, "config"), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_lock(const struct request *request)
{
    return nc_rpc_lock(CHOICE(request, "target", datastores));
}

static struct nc_rpc *make_unlock(const struct request *request)
{
    return nc_rpc_unlock(CHOICE(request, "target", datastores));
}

static struct nc_rpc *make_commit(const struct request *request)
{
    const char *timeout = parameter(request, "timeout");
    return nc_rpc_commit(
        parameter(request, "confirmed") != NULL, timeout ? (uint32_t)strtoul(timeout, NULL, 10) : 0,
        parameter(request, "persist"), parameter(request, "persist-id"), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_cancel_commit(const struct request *request)
{
    return nc_rpc_cancel(parameter(request, "persist-id"), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_discard_changes(const struct request *request)
{
    (void)request;
    return nc_rpc_discard();
}

static struct nc_rpc *make_kill_session(const struct request *request)
{
    const char *session = parameter(request, "session");
    return nc_rpc_kill(session ? (uint32_t)strtoul(session, NULL, 10) : 0);
}

static struct nc_rpc *make_get_schema(const struct request *request)
{
    return nc_rpc_getschema(parameter(request, "identifier"), parameter(request, "version"),
                            parameter(request, "format"), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_create_subscription(const struct request *request)
{
    return nc_rpc_subscribe(parameter(request, "stream"), parameter(request, "filter"),
                            parameter(request, "start"), parameter(request, "stop"),
                            NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_get_data(const struct request *request)
{
    const char *depth = parameter(request, "depth");
    char *origins[] = {(char *)(uintptr_t)parameter(request, "origin")};
    return nc_rpc_getdata(parameter(request, "datastore"), parameter(request, "filter"),
                          parameter(request, "config-filter"), origins[0] ? origins : NULL,
                          origins[0] ? 1 : 0, parameter(request, "negated") != NULL,
                          depth ? (uint16_t)strtoul(depth, NULL, 10) : 0,
                          parameter(request, "with-origin") != NULL,
                          CHOICE(request, "defaults", defaults), NC_PARAMTYPE_DUP_AND_FREE);
}

static struct nc_rpc *make_edit_data(const struct request *request)
{
    return nc_rpc_editdata(parameter(request, "datastore"), CHOICE(request, "default", operations),
                           parameter(request, "config"), NC_PARAMTYPE_CONST);
}

static struct nc_rpc *make_rpc(const struct request *request)
{
    return nc_rpc_act_generic_xml(parameter(request, "xml"), NC_PARAMTYPE_CONST);
}

static const struct operation {
    const char *name;
    struct nc_rpc *(*make)(const struct request *request);
} operation_table[] = {
    {"get", make_get},
    {"get-config", make_get_config},
    {"edit-config", make_edit_config},
    {"copy-config", make_copy_config},
    {"delete-config", make_delete_config},
    {"validate", make_validate},
    {"lock", make_lock},
    {"unlock", make_unlock},
    {"commit", make_commit},
    {"cancel-commit", make_cancel_commit},
    {"discard-changes", make_discard_changes},
    {"kill-session", make_kill_session},
    {"get-schema", make_get_schema},
    {"create-subscription", make_create_subscription},
    {"get-data", make_get_data},
    {"edit-data", make_edit_data},
    {"rpc", make_rpc},
};

static struct nc_rpc *make(const struct request *request)
{
    for (size_t i = 0; i < sizeof operation_table / sizeof *operation_table; i++)
        if (strcmp(operation_table[i].name, request->fields[0]) == 0)
            return operation_table[i].make(request);
    fprintf(stderr, "netconf2_client: no operation %s\n", request->fields[0]);
    exit(2);
}

/* ---- answers ---- */

/* TEXT with blanks in the place of what ends lines and fields. */
static void put_text(const char *text)
{
    for (; text && *text; text++)
        putchar(strchr("\n\r\t", *text) ? ' ' : *text);
}

static void put_tree(const char *kind, const struct lyd_node *tree)
{
    char *text = NULL;
    lyd_print_mem(&text, tree, LYD_XML,
                  LYD_PRINT_SHRINK | LYD_PRINT_WITHSIBLINGS | LYD_PRINT_WD_IMPL_TAG);
    printf("%s\t", kind);
    put_text(text);
    free(text);
}

/* The first rpc-error of the reply ENVELOPE, NULL if it is none. */
static const struct lyd_node *error_of(const struct lyd_node *envelope)
{
    for (const struct lyd_node *node = lyd_child(envelope); node; node = node->next)
        if (strcmp(LYD_NAME(node), "rpc-error") == 0)
            return node;
    return NULL;
}

static void put_error(const struct lyd_node *error)
{
    static const char *const parts[] = {"error-tag", "error-path", "error-message"};
    printf("error");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        putchar('\t');
        for (const struct lyd_node *node = lyd_child(error); node; node = node->next)
            if (strcmp(LYD_NAME(node), parts[i]) == 0)
                put_text(lyd_get_value(node));
    }
}

static void put_reply(NC_MSG_TYPE type, const struct lyd_node *envelope,
                      const struct lyd_node *data)
{
    const struct lyd_node *error = envelope ? error_of(envelope) : NULL;
    if (type != NC_MSG_REPLY)
        printf("closed\t%d", (int)type);
    else if (error)
        put_error(error);
    else if (data)
        put_tree("data", lyd_child(data));
    else
        printf("ok");
}

static void ask(struct nc_session *session, const struct request *request)
{
    struct nc_rpc *rpc = make(request);
    struct lyd_node *envelope = NULL, *data = NULL;
    uint64_t number = 0;
    if (!rpc || nc_send_rpc(session, rpc, WAIT_MS, &number) != NC_MSG_RPC) {
        printf(nc_session_get_status(session) == NC_STATUS_RUNNING ? "unsent" : "closed");
    } else {
        NC_MSG_TYPE type;
        do /* what was subscribed to may come first; the library keeps it for `take` */
            type = nc_recv_reply(session, rpc, number, WAIT_MS, &envelope, &data);
        while (type == NC_MSG_NOTIF);
        put_reply(type, envelope, data);
    }
    lyd_free_tree(envelope);
    lyd_free_tree(data);
    nc_rpc_free(rpc);
}

static void take(struct nc_session *session)
{
    struct lyd_node *envelope = NULL, *data = NULL;
    NC_MSG_TYPE type = nc_recv_notif(session, WAIT_MS, &envelope, &data);
    if (type == NC_MSG_NOTIF)
        put_tree("notification", data);
    else
        printf("closed\t%d", (int)type);
    lyd_free_tree(envelope);
    lyd_free_all(data);
}

static void serve(struct nc_session *session)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        struct request request = {0};
        line[strcspn(line, "\n")] = 0;
        for (char *rest = line, *field;
             request.count < FIELDS_MAX && (field = strsep(&rest, "\t"));)
            request.fields[request.count++] = field;
        if (strcmp(request.fields[0], "take") == 0)
            take(session);
        else
            ask(session, &request);
        putchar('\n');
        fflush(stdout);
    }
    free(line);
}

/* ---- connections ---- */

static int any_host_key(const char *host, ssh_session session, void *unused)
{
    (void)host, (void)session, (void)unused;
    return 0;
}

static struct nc_session *connect_local(char *const *words, struct ly_ctx *context)
{
    return nc_connect_unix(words[0], context);
}

static uint16_t port_of(const char *word)
{
    return (uint16_t)strtoul(word, NULL, 10);
}

static struct nc_session *connect_ssh(char *const *words, struct ly_ctx *context)
{
    char public[4096];
    snprintf(public, sizeof public, "%s.pub", words[2]);
    nc_client_ssh_set_auth_hostkey_check_clb(any_host_key, NULL);
    nc_client_ssh_set_auth_pref(NC_SSH_AUTH_PASSWORD, -1);
    nc_client_ssh_set_auth_pref(NC_SSH_AUTH_INTERACTIVE, -1);
    if (nc_client_ssh_set_username(words[1]) || nc_client_ssh_add_keypair(public, words[2]))
        return NULL;
    return nc_connect_ssh("127.0.0.1", port_of(words[0]), context);
}

static struct nc_session *connect_tls(char *const *words, struct ly_ctx *context)
{
    if (nc_client_tls_set_cert_key_paths(words[1], words[2]) ||
        nc_client_tls_set_trusted_ca_paths(words[3], NULL))
        return NULL;
    return nc_connect_tls("localhost", port_of(words[0]), context);
}

/* The session of the first call, NULL if none comes. */
static struct nc_session *called(int bound, struct ly_ctx *context)
{
    struct nc_session *session = NULL;
    if (bound)
        return NULL;
    puts("waiting");
    fflush(stdout);
    return nc_accept_callhome(WAIT_MS, context, &session) == 1 ? session : NULL;
}

static struct nc_session *called_ssh(char *const *words, struct ly_ctx *context)
{
    char public[4096];
    snprintf(public, sizeof public, "%s.pub", words[2]);
    nc_client_ssh_ch_set_auth_hostkey_check_clb(any_host_key, NULL);
    nc_client_ssh_ch_set_auth_pref(NC_SSH_AUTH_PASSWORD, -1);
    nc_client_ssh_ch_set_auth_pref(NC_SSH_AUTH_INTERACTIVE, -1);
    if (nc_client_ssh_ch_set_username(words[1]) || nc_client_ssh_ch_add_keypair(public, words[2]))
        return NULL;
    return called(nc_client_ssh_ch_add_bind_listen("127.0.0.1", port_of(words[0])), context);
}

static struct nc_session *called_tls(char *const *words, struct ly_ctx *context)
{
    if (nc_client_tls_ch_set_cert_key_paths(words[1], words[2]) ||
        nc_client_tls_ch_set_trusted_ca_paths(words[3], NULL))
        return NULL;
    return called(nc_client_tls_ch_add_bind_listen("127.0.0.1", port_of(words[0])), context);
}

static const struct connection {
    const char *name;
    int words;
    struct nc_session *(*connect)(char *const *words, struct ly_ctx *context);
} connections[] = {
    {"local", 1, connect_local},      {"ssh", 3, connect_ssh},          {"tls", 4, connect_tls},
    {"call-home-ssh", 3, called_ssh}, {"call-home-tls", 4, called_tls},
};

static void put_log(const struct nc_session *session, NC_VERB_LEVEL level, const char *message)
{
    (void)session;
    fprintf(stderr, "netconf2_client: %s%s\n", level == NC_VERB_ERROR ? "" : "(warning) ", message);
}

int main(int count, char **words)
{
    const struct connection *connection = NULL;
    for (size_t i = 0; i < sizeof connections / sizeof *connections; i++)
        if (count > 1 && strcmp(words[1], connections[i].name) == 0)
            connection = &connections[i];
    if (!connection || count != 2 + connection->words) {
        fprintf(stderr,
                "usage: netconf2_client KIND WORDS; see the comment that opens its source\n");
        return 2;
    }
    nc_client_init();
    nc_verbosity(NC_VERB_ERROR);
    nc_set_print_clb_session(put_log);
    struct ly_ctx *context = NULL;
    if (ly_ctx_new(search_path, LY_CTX_DISABLE_SEARCHDIR_CWD, &context))
        return 1;
    struct nc_session *session = connection->connect(words + 2, context);
    if (session) {
        printf("connected\t%u\n", nc_session_get_id(session));
        fflush(stdout);
        serve(session);
        nc_session_free(session, NULL);
    }
    ly_ctx_destroy(context);
    nc_client_destroy();
    return session ? 0 : 1;
}
