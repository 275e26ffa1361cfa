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
#include "config_tree_error.h"

enum { CONFIG_FILE_OCTETS_MAX = 16 << 20, PATH_TEXT_MAX = 256 };

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
    if (lys_parse_mem(tree->context, spanflow_yang, LYS_IN_YANG,
                      (struct lys_module **)&tree->module) != LY_SUCCESS) {
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

/* The whole file as text, to be freed; NULL and ERROR if it cannot be read or is too large. */
static char *read_file(const char *path, struct error *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(CONFIG_FILE_OCTETS_MAX + 1);
    size_t length = text ? fread(text, 1, CONFIG_FILE_OCTETS_MAX + 1, file) : 0;
    int failure = text ? (ferror(file) ? errno : 0) : ENOMEM;
    if (file != stdin)
        fclose(file);
    if (failure) {
        error_set(error, "%s: %s", path, strerror(failure));
    } else if (length > CONFIG_FILE_OCTETS_MAX) {
        error_set(error, "%s: larger than 16 MiB, which no configuration is", path);
    } else if (memchr(text, 0, length)) {
        error_set(error, "%s: holds a zero byte; give a JSON or XML configuration", path);
    } else {
        text[length] = 0;
        return text;
    }
    free(text);
    return NULL;
}

bool config_tree_load(struct config_tree *tree, const char *path, struct error *error)
{
    char *text = read_file(path, error);
    if (!text)
        return false;
    bool loaded = config_tree_parse(tree, text, path, error);
    free(text);
    return loaded;
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

bool config_tree_parse(struct config_tree *tree, const char *text, const char *name,
                       struct error *error)
{
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    const char *content = text + strspn(text, " \t\r\n");
    if (!*content) {
        error_set(error, "%s: is empty; give a JSON or XML configuration", name);
        return false;
    }
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
    if (!data->next && data->schema && data->schema->module == tree->module)
        return true;
    error_set(error, "%s: holds more than one spanflow:spanflow; give one configuration", name);
    return false;
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

bool config_tree_set(struct config_tree *tree, const char *path, const char *value,
                     struct error *error)
{
    char text[PATH_TEXT_MAX];
    library_path(path, text);
    const struct lysc_node *node = config_tree_find(tree, path);
    check(node);
    /* A value given twice in a leaf-list is a mistake, a leaf given again is an override. */
    uint32_t options = node->nodetype == LYS_LEAFLIST ? 0 : LYD_NEW_PATH_UPDATE;
    ly_err_clean(tree->context, NULL);
    if (lyd_new_path(tree->root, NULL, text, value, options, NULL) == LY_SUCCESS)
        return true;
    value_error(tree, node, value, error);
    return false;
}

/* The node that holds the list PATH, made if it is not there. */
static struct lyd_node *list_parent(struct config_tree *tree, const char *path)
{
    char text[PATH_TEXT_MAX];
    struct lyd_node *parent = NULL;
    *strrchr(library_path(path, text), '/') = 0;
    if (lyd_new_path(tree->root, NULL, text, NULL, LYD_NEW_PATH_UPDATE, NULL) != LY_SUCCESS ||
        lyd_find_path(tree->root, text, 0, &parent) != LY_SUCCESS)
        return NULL;
    return parent;
}

bool config_tree_add(struct config_tree *tree, const char *path, const char *key,
                     struct lyd_node **entry, struct error *error)
{
    const struct lysc_node *node = config_tree_find(tree, path);
    check(node && node->nodetype == LYS_LIST);
    ly_err_clean(tree->context, NULL);
    struct lyd_node *parent = list_parent(tree, path);
    for (struct lyd_node *child = lyd_child(parent); child; child = child->next) {
        if (child->schema == node && strcmp(lyd_get_value(lyd_child(child)), key) == 0) {
            error_set(error, "given twice; each %s needs a name of its own", node->name);
            return false;
        }
    }
    if (parent && lyd_new_list(parent, NULL, node->name, 0, entry, key) == LY_SUCCESS)
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
