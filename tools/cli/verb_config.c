/*
 * The verbs that read the configuration and change it. A change is made in the candidate, looked
 * at, and committed; nothing changes what runs but config commit and config rollback.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_tree.h"
#include "path.h"
#include "verbs.h"

enum { FILE_OCTETS_MAX = 16 << 20 };
static const int edit_wait_ms = 60000;

/* ---- reading ---- */

/* Takes the nodes that a system made out of a tree of the operational datastore that has state as
 * well: what is left is configuration. */
static void drop_state(struct lyd_node **tree)
{
    struct lyd_node *next;
    for (struct lyd_node *node = *tree; node; node = next) {
        next = node->next;
        if (node->schema && (node->schema->flags & LYS_CONFIG_R)) {
            if (node == *tree)
                *tree = next;
            lyd_free_tree(node);
        } else if (node->schema && (node->schema->nodetype & LYD_NODE_INNER)) {
            struct lyd_node *child = lyd_child(node);
            drop_state(&child);
        }
    }
}

/* A leaf alone is its value, anything else JSON. */
static int print_part(const struct verb_call *call, struct lyd_node *data, const struct path *path)
{
    if (!call->json && path->schema->nodetype == LYS_LEAF) {
        struct lyd_node *leaf = NULL;
        if (lyd_find_path(data, path->data, 0, &leaf) == LY_SUCCESS) {
            puts(lyd_get_value(leaf));
            return VERB_DONE;
        }
    }
    verb_print_json(data);
    return VERB_DONE;
}

int verb_config_get(struct verb_call *call)
{
    enum client_datastore datastore = CLIENT_RUNNING;
    bool expanded = verb_option(call, "--expanded") != NULL;
    bool defaults = verb_option(call, "--defaults") != NULL;
    if (verb_option(call, "--candidate") != NULL)
        datastore = CLIENT_CANDIDATE;
    if (expanded && datastore == CLIENT_CANDIDATE)
        return verb_refuse(call, "--expanded together with --candidate");
    struct error error = {""};
    struct path path;
    call->client.wrong_words =
        !path_read(call->client.context, call->count ? call->words[0] : "", &path, &error) ||
        path.schema->flags & LYS_CONFIG_R;
    if (call->client.wrong_words)
        return verb_fail(error.text[0]
                             ? error.text
                             : "that is state, no configuration; see spanflow status --json");
    struct lyd_node *data;
    if (!client_get(&call->client, expanded ? CLIENT_OPERATIONAL : datastore, path.xpath,
                    defaults || path.schema->nodetype == LYS_LEAF, &data, &error))
        return verb_fail(error.text);
    if (expanded)
        drop_state(&data);
    int code = VERB_DONE;
    if (data)
        code = print_part(call, data, &path);
    else if (call->json)
        puts("{}");
    else
        code = verb_fail(expanded ? "nothing is set there"
                                  : "nothing is set there; --expanded tells what holds then");
    lyd_free_all(data);
    return code;
}

/* ---- the candidate ---- */

/* Sends DATA (XML of top nodes) as an edit of the candidate. */
static bool send_edit(struct verb_call *call, const char *data, struct error *error)
{
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<edit-config><target><candidate/></target><config>%s</config></edit-config>",
            data);
    fclose(file);
    bool good = client_do(&call->client, text, edit_wait_ms, error);
    free(text);
    return good;
}

/* REPLACE: each top node in the place of the one that there is. What the tree does not name, such
 * as the rules of access in a file without them, stays. */
static bool send_tree(struct verb_call *call, struct lyd_node *tree, bool replace,
                      struct error *error)
{
    char *data = NULL;
    for (struct lyd_node *top = tree; replace && top; top = top->next)
        lyd_new_meta(call->client.context, top, NULL, "ietf-netconf:operation", "replace", 0, NULL);
    lyd_print_mem(&data, tree, LYD_XML, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK);
    bool good = data && send_edit(call, data, error);
    if (!data)
        error_set(error, "there is nothing in the edit");
    free(data);
    return good;
}

/* What libyang says is wrong with NODE, without its path. */
static void tell_library(const struct verb_call *call, const struct lysc_node *node,
                         const char *typed, struct error *error)
{
    char text[400];
    const char *said = ly_errmsg(call->client.context);
    config_tree_value_text(node, said ? said : "not possible", text, sizeof text);
    error_set(error, "%s: %s", typed, text);
}

/* Says that the last node of PATH in TREE, MADE if that made it, is to be deleted. */
static bool mark_deleted(const struct ly_ctx *context, const struct lyd_node *tree,
                         struct lyd_node *made, const struct path *path)
{
    struct lyd_node *last = NULL;
    if (lyd_find_path(tree, path->data, 0, &last) != LY_SUCCESS)
        last = made;
    if (!last->schema) /* a leaf without its value */
        return lyd_new_attr(last, NULL, "ietf-netconf:operation", "delete", NULL) == LY_SUCCESS;
    return lyd_new_meta(context, last, NULL, "ietf-netconf:operation", "delete", 0, NULL) ==
           LY_SUCCESS;
}

static bool edit_path(struct verb_call *call, const char *typed, const char *value, bool deleted,
                      struct error *error)
{
    struct path path;
    struct lyd_node *tree = NULL, *node = NULL;
    if (!path_read(call->client.context, typed, &path, error))
        return client_blame(&call->client);
    if (path.schema->flags & LYS_CONFIG_R) {
        error_set(error, "%s is state, which cannot be edited", typed);
        return client_blame(&call->client);
    }
    if (path.whole_list || (deleted && path.schema->nodetype == LYS_LEAFLIST && !value)) {
        error_set(error, "%s is a list: name the entry as well", typed);
        return client_blame(&call->client);
    }
    if ((path.schema->nodetype & (LYS_LEAF | LYS_LEAFLIST)) && !value && !deleted) {
        error_set(error, "%s has a value: give its value as well", typed);
        return client_blame(&call->client);
    }
    if (lyd_new_path2(NULL, call->client.context, path.data, value, 0, LYD_ANYDATA_STRING,
                      LYD_NEW_PATH_UPDATE | (deleted ? LYD_NEW_PATH_OPAQ : 0), &tree,
                      &node) != LY_SUCCESS) {
        tell_library(call, path.schema, typed, error);
        return client_blame(&call->client);
    }
    bool good = !deleted || mark_deleted(call->client.context, tree, node, &path);
    if (good)
        good = send_tree(call, tree, false, error);
    else
        tell_library(call, path.schema, typed, error);
    lyd_free_all(tree);
    return good;
}

/* The text of a file, to be freed. */
static char *read_file(const char *path, struct error *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = file ? malloc(FILE_OCTETS_MAX + 1) : NULL;
    if (!text) {
        error_set(error, "%s: %s", path, file ? "no memory" : strerror(errno));
        if (file && file != stdin)
            fclose(file);
        return NULL;
    }
    size_t length = fread(text, 1, FILE_OCTETS_MAX + 1, file);
    bool whole = !ferror(file);
    if (!whole)
        error_set(error, "%s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    if (!whole) {
        free(text);
        return NULL;
    }
    if (length <= FILE_OCTETS_MAX) {
        text[length] = 0;
        return text;
    }
    error_set(error, "%s: larger than 16 MiB, which no configuration is", path);
    free(text);
    return NULL;
}

static bool edit_file(struct verb_call *call, const char *name, bool replace, struct error *error)
{
    char *text = read_file(name, error);
    struct lyd_node *tree = NULL;
    if (!text)
        return false;
    LYD_FORMAT format = text[strspn(text, " \t\r\n")] == '<' ? LYD_XML : LYD_JSON;
    bool good = lyd_parse_data_mem(call->client.context, text, format,
                                   LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0,
                                   &tree) == LY_SUCCESS;
    free(text);
    if (!good) {
        const char *where = ly_errpath(call->client.context);
        error_set(error, "%s: %s%s%s", name, where ? where : "", where ? ": " : "",
                  ly_errmsg(call->client.context) ? ly_errmsg(call->client.context) : "unreadable");
    }
    good = good && send_tree(call, tree, replace, error);
    lyd_free_all(tree);
    return good;
}

int verb_config_edit(struct verb_call *call)
{
    struct error error = {""};
    bool deleted = verb_option(call, "--delete") != NULL;
    bool replace = verb_option(call, "--replace") != NULL;
    const char *file = verb_option(call, "--file");
    if (file && (call->count || deleted))
        return verb_refuse(call, deleted ? "--file together with --delete" : call->words[0]);
    if (!file && replace)
        return verb_refuse(call, "--replace without --file");
    if (!file && (call->count == 0 || !call->words[0][0]))
        return verb_lacks(call, "PATH, or --file");
    bool good = file ? edit_file(call, file, replace, &error)
                     : edit_path(call, call->words[0], call->count > 1 ? call->words[1] : NULL,
                                 deleted, &error);
    if (!good && strstr(error.text, "does not exist, so it cannot be deleted"))
        error_set(&error, "%s is not set, so there is nothing to delete", call->words[0]);
    if (!good)
        return verb_fail(error.text);
    if (call->json)
        puts("{}");
    return VERB_DONE;
}

static int simple(struct verb_call *call, const char *operation, const char *outcome)
{
    struct error error = {""};
    return client_do(&call->client, operation, edit_wait_ms, &error) ? verb_say(call, outcome)
                                                                     : verb_fail(error.text);
}

int verb_config_validate(struct verb_call *call)
{
    return simple(call, "<validate><source><candidate/></source></validate>",
                  "the candidate is valid");
}

int verb_config_discard(struct verb_call *call)
{
    return simple(call, "<discard-changes/>", "the candidate is like the running configuration");
}
