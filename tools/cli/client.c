/* The session: one operation after the other. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netconf/context.h"

static const char base_namespace[] = "urn:ietf:params:xml:ns:netconf:base:1.0";
static const int get_wait_ms = 120000;
static const int close_wait_ms = 2000;
static const int progress_ms = 2000;

bool client_prepare(struct client *client, const char *socket, struct error *error)
{
    memset(client, 0, sizeof *client);
    client->socket = socket;
    client->stream.socket = -1;
    client->context = netconf_context_create(error);
    return client->context != NULL;
}

static bool connect_to_probe(struct client *client, struct error *error)
{
    if (client->stream.socket >= 0)
        return true;
    if (!message_open(&client->stream, client->socket, error))
        return false;
    if (client->greet)
        client->greet(client->whom);
    return true;
}

void client_greet(struct client *client, void (*greet)(void *whom), void *whom)
{
    client->greet = greet;
    client->whom = whom;
}

bool client_open(struct client *client, const char *socket, struct error *error)
{
    if (client_prepare(client, socket, error) && connect_to_probe(client, error))
        return true;
    client_close(client);
    return false;
}

void client_close(struct client *client)
{
    struct error ignored;
    if (client->stream.socket >= 0)
        client_do(client, "<close-session/>", close_wait_ms, &ignored);
    message_close(&client->stream);
    if (client->context)
        ly_ctx_destroy(client->context);
    client->context = NULL;
}

FILE *client_text(char **text, size_t *length)
{
    FILE *file = open_memstream(text, length);
    if (file)
        return file;
    fprintf(stderr, "spanflow: no memory\n");
    exit(1);
}

void client_write_escaped(FILE *file, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

/* The operation inside <rpc>, with every module's prefix known in it. */
static char *wrap(struct client *client, const char *operation)
{
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<rpc xmlns=\"%s\" message-id=\"%u\">%s</rpc>", base_namespace,
            ++client->message_id, operation);
    fclose(file);
    return text;
}

/* What the opaque node NODE says as its child NAME, or NULL. */
static const char *opaque_child(const struct lyd_node *node, const char *name)
{
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (!child->schema && strcmp(((const struct lyd_node_opaq *)child)->name.name, name) == 0)
            return lyd_get_value(child);
    return NULL;
}

/* PATH, an XPath expression whose every name has a prefix, as people write it: the prefix stands
 * only where it is another one than before. SHORTER has room for all of PATH. */
static void shorten(const char *path, char *shorter)
{
    const char *prefix = "";
    size_t prefix_length = 0;
    char quote = 0;
    while (*path) {
        char octet = *path++;
        *shorter++ = octet;
        if (quote || octet == '\'' || octet == '"')
            quote = !quote ? octet : quote == octet ? 0 : quote;
        else if (octet == '/' || octet == '[') {
            size_t length = strcspn(path, ":/[]='\"");
            if (path[length] != ':')
                continue;
            if (length == prefix_length && strncmp(path, prefix, length) == 0) {
                path += length + 1;
            } else {
                prefix = path;
                prefix_length = length;
            }
        }
    }
    *shorter = 0;
}

/* The first <rpc-error> of a reply as one line; false if there is none. */
static bool tell_refusal(const struct lyd_node *reply, struct error *error)
{
    for (const struct lyd_node *child = lyd_child(reply); child; child = child->next) {
        if (child->schema ||
            strcmp(((const struct lyd_node_opaq *)child)->name.name, "rpc-error") != 0)
            continue;
        const char *message = opaque_child(child, "error-message");
        const char *path = opaque_child(child, "error-path");
        const char *tag = opaque_child(child, "error-tag");
        if (!message)
            message = tag ? tag : "refused";
        char *place = path && path[0] ? strdup(path) : NULL;
        if (place)
            shorten(path, place);
        if (place && !strstr(message, place))
            error_set(error, "%s: %s", place, message);
        else
            error_set(error, "%s", message);
        free(place);
        return true;
    }
    return false;
}

/* The last name in PATH, which is libyang's ("Schema location \"/m:a/b\", line number 1."), without
 * its prefix. */
static bool find_leaf(const char *path, char *leaf, size_t size)
{
    const char *last = path ? strrchr(path, '/') : NULL;
    if (!last)
        return false;
    size_t length = strcspn(++last, "\"[ ,.");
    const char *colon = memchr(last, ':', length);
    if (colon) {
        length -= (size_t)(colon + 1 - last);
        last = colon + 1;
    }
    snprintf(leaf, size, "%.*s", (int)length, last);
    return length > 0;
}

bool client_blame(struct client *client)
{
    client->wrong_words = true;
    return false;
}

static struct lyd_node *parse_operation(struct client *client, const char *text,
                                        struct error *error)
{
    struct ly_in *in = NULL;
    struct lyd_node *envelope = NULL, *operation = NULL;
    ly_in_new_memory(text, &in);
    LY_ERR failed = lyd_parse_op(client->context, NULL, in, LYD_XML, LYD_TYPE_RPC_NETCONF,
                                 &envelope, &operation);
    ly_in_free(in, 0);
    lyd_free_all(envelope);
    if (failed == LY_SUCCESS)
        return operation;
    char leaf[64];
    bool named = find_leaf(ly_errpath(client->context), leaf, sizeof leaf);
    error_set(error, "%s%s%s", named ? leaf : "", named ? ": " : "",
              ly_errmsg(client->context) ? ly_errmsg(client->context)
                                         : "the operation cannot be formed");
    lyd_free_all(operation);
    client_blame(client);
    return NULL;
}

/* Adds the answer TEXT to OPERATION. */
static bool parse_reply(struct client *client, const char *text, struct lyd_node *operation,
                        struct error *error)
{
    struct ly_in *in = NULL;
    struct lyd_node *envelope = NULL;
    ly_in_new_memory(text, &in);
    LY_ERR failed = lyd_parse_op(client->context, operation, in, LYD_XML, LYD_TYPE_REPLY_NETCONF,
                                 &envelope, NULL);
    ly_in_free(in, 0);
    bool refused = envelope && tell_refusal(envelope, error);
    lyd_free_all(envelope);
    if (failed != LY_SUCCESS && !refused)
        error_set(error, "the probe's answer cannot be read: %s", ly_errmsg(client->context));
    return failed == LY_SUCCESS && !refused;
}

/* Says every two seconds that the probe is still at work, if somebody looks. */
static void show_progress(const struct client *client, int wait_ms)
{
    if (!client->doing || !isatty(STDERR_FILENO))
        return;
    int waited_ms = 0;
    while (waited_ms < wait_ms && !message_waits(&client->stream, progress_ms)) {
        waited_ms += progress_ms;
        fprintf(stderr, "\rspanflow: %s, %d s ", client->doing, waited_ms / 1000);
    }
    if (waited_ms)
        fputc('\n', stderr);
}

struct lyd_node *client_call(struct client *client, const char *operation, int wait_ms,
                             struct error *error)
{
    char *request = wrap(client, operation);
    struct lyd_node *tree = parse_operation(client, request, error);
    char *reply = NULL;
    if (tree && connect_to_probe(client, error) && message_send(&client->stream, request, error)) {
        show_progress(client, wait_ms);
        reply = message_receive(&client->stream, wait_ms, error);
    }
    free(request);
    if (tree)
        lyd_free_siblings(lyd_child(tree)); /* the input, some of whose names outputs have too */
    if (reply && parse_reply(client, reply, tree, error)) {
        free(reply);
        return tree;
    }
    free(reply);
    lyd_free_all(tree);
    return NULL;
}

bool client_do(struct client *client, const char *operation, int wait_ms, struct error *error)
{
    struct lyd_node *answer = client_call(client, operation, wait_ms, error);
    lyd_free_all(answer);
    return answer != NULL;
}

/* An attribute for each module's prefix. */
static void write_prefixes(FILE *file, const struct ly_ctx *context)
{
    uint32_t index = 0;
    for (const struct lys_module *module; (module = ly_ctx_get_module_iter(context, &index));)
        if (module->implemented)
            fprintf(file, " xmlns:%s=\"%s\"", module->prefix, module->ns);
}

bool client_get(struct client *client, enum client_datastore datastore, const char *xpath,
                bool defaults, struct lyd_node **data, struct error *error)
{
    static const char *const names[] = {"running", "candidate", "operational"};
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file,
            "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\" "
            "xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\">"
            "<datastore>ds:%s</datastore>",
            names[datastore]);
    if (xpath && xpath[0]) {
        fputs("<xpath-filter", file);
        write_prefixes(file, client->context);
        fputs(">", file);
        client_write_escaped(file, xpath);
        fputs("</xpath-filter>", file);
    }
    fprintf(file, "<with-defaults>%s</with-defaults></get-data>",
            defaults ? "report-all" : "explicit");
    fclose(file);
    struct lyd_node *answer = client_call(client, text, get_wait_ms, error);
    free(text);
    *data = NULL;
    if (!answer)
        return false;
    struct lyd_node *output = lyd_child(answer);
    while (output && strcmp(LYD_NAME(output), "data") != 0)
        output = output->next;
    if (output && ((struct lyd_node_any *)output)->value_type == LYD_ANYDATA_DATATREE) {
        /* Taken out, so that it outlives the answer. */
        *data = ((struct lyd_node_any *)output)->value.tree;
        ((struct lyd_node_any *)output)->value.tree = NULL;
    }
    lyd_free_all(answer);
    return true;
}
