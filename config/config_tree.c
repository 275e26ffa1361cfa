/*
 * Building, reading and validating the tree. Runs on the control thread before the probe starts;
 * the caller owns the tree.
 */
#include "config_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_modules.h"
#include "config_text.h"
#include "config_tree_error.h"

enum { PATH_TEXT_MAX = 1024 };

static bool new_root(struct config_tree *tree, struct error *error)
{
    if (lyd_new_inner(NULL, tree->module, "spanflow", 0, &tree->root) == LY_SUCCESS)
        return true;
    config_tree_error(tree, NULL, error);
    return false;
}

bool config_tree_open(struct config_tree *tree, struct error *error)
{
    memset(tree, 0, sizeof *tree);
    /* Messages are kept and translated, never printed by the library. */
    ly_log_options(LY_LOSTORE);
    uint16_t options = LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS | LY_CTX_SET_PRIV_PARSED;
    if (ly_ctx_new(NULL, options, &tree->context) != LY_SUCCESS) {
        error_set(error, "the YANG library cannot start: out of memory");
        return false;
    }
    tree->module = config_modules_load(tree->context, true);
    if (!tree->module) {
        config_tree_error(tree, "the built-in module spanflow.yang", error);
        config_tree_close(tree);
        return false;
    }
    if (new_root(tree, error))
        return true;
    config_tree_close(tree);
    return false;
}

void config_tree_close(struct config_tree *tree)
{
    lyd_free_all(tree->root);
    if (tree->context)
        ly_ctx_destroy(tree->context);
    memset(tree, 0, sizeof *tree);
}

/* Whether JSON, which libyang has accepted, is one object and nothing after it: libyang looks no
 * further than the end of the first, and takes the end of the text for the end of a top object. */
static bool one_json_object(const char *text)
{
    unsigned depth = 0;
    bool quoted = false;
    for (; *text; text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && (*text == '{' || *text == '['))
            depth++;
        else if (!quoted && (*text == '}' || *text == ']') && --depth == 0)
            return text[1 + strspn(text + 1, " \t\r\n")] == 0;
    }
    return false;
}

/* Replaces the configuration by TEXT, which is not empty. */
static bool parse(struct config_tree *tree, const char *text, const char *name, struct error *error)
{
    const char *content = text + strspn(text, " \t\r\n");
    LYD_FORMAT format = *content == '<' ? LYD_XML : LYD_JSON;
    uint32_t options = LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE;
    struct lyd_node *data = NULL;
    ly_err_clean(tree->context, NULL);
    if (lyd_parse_data_mem(tree->context, text, format, options, 0, &data) != LY_SUCCESS) {
        config_tree_error(tree, name, error);
        lyd_free_all(data);
        return false;
    }
    if (format == LYD_JSON && !one_json_object(content)) {
        error_set(error, "%s: is not one whole JSON object; text is missing or left over", name);
        lyd_free_all(data);
        return false;
    }
    lyd_free_all(tree->root);
    tree->root = data;
    if (!data)
        return new_root(tree, error);
    if (!data->next && data->schema && data->schema->module == tree->module) {
        config_tree_set_revision(data, NULL);
        return true;
    }
    error_set(error, "%s: holds more than one spanflow:spanflow; give one configuration", name);
    return false;
}

bool config_tree_parse(struct config_tree *tree, const char *text, const char *name,
                       struct error *error)
{
    struct config_text parts;
    char shown[320];
    if (!config_text_take(text, name, false, &parts, error))
        return false;
    /* The lines of what was converted are not those of the file. */
    snprintf(shown, sizeof shown, "%.256s%s", name, parts.converted ? CONFIG_TEXT_OLDER : "");
    bool empty = parts.configuration[strspn(parts.configuration, " \t\r\n")] == '\0';
    bool parsed = !empty && parse(tree, parts.configuration, shown, error);
    if (empty)
        error_set(error, "%s: is empty; give a JSON or XML configuration", name);
    config_text_free(&parts);
    return parsed;
}

void config_tree_set_revision(struct lyd_node *root, const char *revision)
{
    struct lyd_meta *meta = lyd_find_meta(root->meta, NULL, "spanflow:modelRevision");
    if (meta)
        lyd_free_meta_single(meta);
    if (revision)
        check(lyd_new_meta(NULL, root, NULL, "spanflow:modelRevision", revision, 0, NULL) ==
              LY_SUCCESS);
}

/* "/spanflow/cache/maxFlows" to the form that the library wants; the root has the only prefix. */
static char *library_path(const char *path, char text[PATH_TEXT_MAX])
{
    snprintf(text, PATH_TEXT_MAX, "/spanflow:%s", path + 1);
    return text;
}

const struct lysc_node *config_tree_find(const struct config_tree *tree, const char *path)
{
    char text[PATH_TEXT_MAX];
    return lys_find_path(tree->context, NULL, library_path(path, text), 0);
}

/* The complaint about VALUE; one given twice in a leaf-list is named. */
static void value_error(const struct config_tree *tree, const struct lysc_node *node,
                        const char *value, struct error *error)
{
    config_tree_value_error(tree, node, error);
    if (node->nodetype == LYS_LEAFLIST && strncmp(error->text, "given twice", 11) == 0)
        error_set(error, "given twice: \"%.100s\"; remove one", value);
}

/* The key of the entry of LIST below PARENT that an option means: default, or the only one. NULL
 * if there are several and none is the default. */
static const struct lyd_node *meant_entry(const struct lyd_node *parent,
                                          const struct lysc_node *list, bool *several)
{
    const struct lyd_node *only = NULL;
    uint32_t count = 0;
    for (const struct lyd_node *child = lyd_child(parent); child; child = child->next) {
        if (child->schema != list)
            continue;
        if (strcmp(lyd_get_value(lyd_child(child)), CONFIG_DEFAULT_NAME) == 0)
            return child;
        only = child;
        count++;
    }
    *several = count > 1;
    return count == 1 ? only : NULL;
}

/* Makes of PATH the path of data: lists right below the root get the key of the entry that an
 * option means; the last part of the path gets none. */
static bool data_path(const struct config_tree *tree, const char *path, char text[PATH_TEXT_MAX],
                      struct error *error)
{
    char part[PATH_TEXT_MAX];
    const char *root_end = strchr(path + 1, '/');
    const char *end = root_end ? strchr(root_end + 1, '/') : NULL;
    library_path(path, text);
    if (!end)
        return true;
    snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
    const struct lysc_node *node = config_tree_find(tree, part);
    check(node);
    if (node->nodetype != LYS_LIST)
        return true;
    bool several = false;
    const struct lyd_node *entry = meant_entry(tree->root, node, &several);
    if (several) {
        error_set(error,
                  "%s: there are several and none is named " CONFIG_DEFAULT_NAME
                  "; say it in the configuration of one of them",
                  part);
        return false;
    }
    if (entry)
        lyd_path(entry, LYD_PATH_STD, part, sizeof part);
    else
        snprintf(part, sizeof part, "/spanflow:%.*s[name='" CONFIG_DEFAULT_NAME "']",
                 (int)(end - path - 1), path + 1);
    snprintf(text, PATH_TEXT_MAX, "%s%s", part, end);
    return true;
}

bool config_tree_set(struct config_tree *tree, const char *path, const char *value,
                     struct error *error)
{
    char text[PATH_TEXT_MAX];
    const struct lysc_node *node = config_tree_find(tree, path);
    check(node);
    if (!data_path(tree, path, text, error))
        return false;
    /* A value given twice in a leaf-list is a mistake, a leaf given again is an override. */
    uint32_t options = node->nodetype == LYS_LEAFLIST ? 0 : LYD_NEW_PATH_UPDATE;
    ly_err_clean(tree->context, NULL);
    if (lyd_new_path(tree->root, NULL, text, value, options, NULL) == LY_SUCCESS)
        return true;
    value_error(tree, node, value, error);
    return false;
}

/* The node that holds the list PATH, made if it is not there. */
static struct lyd_node *list_parent(struct config_tree *tree, const char *path, struct error *error)
{
    char text[PATH_TEXT_MAX];
    struct lyd_node *parent = NULL;
    if (!data_path(tree, path, text, error))
        return NULL;
    *strrchr(text, '/') = 0;
    check(lyd_new_path(tree->root, NULL, text, NULL, LYD_NEW_PATH_UPDATE, NULL) == LY_SUCCESS &&
          lyd_find_path(tree->root, text, 0, &parent) == LY_SUCCESS);
    return parent;
}

bool config_tree_add(struct config_tree *tree, const char *path, const char *key,
                     struct lyd_node **entry, struct error *error)
{
    const struct lysc_node *node = config_tree_find(tree, path);
    check(node && node->nodetype == LYS_LIST);
    ly_err_clean(tree->context, NULL);
    struct lyd_node *parent = list_parent(tree, path, error);
    if (!parent)
        return false;
    for (struct lyd_node *child = lyd_child(parent); child; child = child->next) {
        if (child->schema == node && strcmp(lyd_get_value(lyd_child(child)), key) == 0) {
            error_set(error, "given twice; each %s needs a name of its own", node->name);
            return false;
        }
    }
    if (lyd_new_list(parent, NULL, node->name, 0, entry, key) == LY_SUCCESS)
        return true;
    config_tree_value_error(tree, lysc_node_child(node), error);
    return false;
}

bool config_tree_set_below(struct config_tree *tree, struct lyd_node *entry, const char *path,
                           const char *value, struct error *error)
{
    ly_err_clean(tree->context, NULL);
    const struct lysc_node *node = lys_find_path(NULL, entry->schema, path, 0);
    check(node);
    uint32_t options = node->nodetype == LYS_LEAFLIST ? 0 : LYD_NEW_PATH_UPDATE;
    if (lyd_new_path(entry, NULL, path, value, options, NULL) == LY_SUCCESS)
        return true;
    value_error(tree, node, value, error);
    return false;
}

bool config_tree_validate(struct config_tree *tree, struct error *error)
{
    ly_err_clean(tree->context, NULL);
    if (lyd_validate_all(&tree->root, tree->context, LYD_VALIDATE_NO_STATE, NULL) == LY_SUCCESS)
        return true;
    config_tree_error(tree, NULL, error);
    return false;
}

const char *config_tree_value(const struct lyd_node *node, const char *path)
{
    struct lyd_node *match = NULL;
    if (lyd_find_path(node, path, 0, &match) != LY_SUCCESS)
        return NULL;
    return lyd_get_value(match);
}

bool config_tree_copy(const struct config_tree *tree, struct config_tree *copy)
{
    *copy = (struct config_tree){.context = tree->context, .module = tree->module};
    return lyd_dup_single(tree->root, NULL, LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &copy->root) ==
           LY_SUCCESS;
}

char *config_tree_print(const struct config_tree *tree)
{
    char *text = NULL;
    uint32_t options = LYD_PRINT_WITHSIBLINGS | LYD_PRINT_WD_EXPLICIT | LYD_PRINT_KEEPEMPTYCONT;
    if (lyd_print_mem(&text, tree->root, LYD_JSON, options) != LY_SUCCESS)
        return NULL;
    return text;
}
