/* Compiling the paths of access rules, and comparing them with nodes. Owned by access_rules.c. */
#include "access_path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Where the text is read, and what went wrong. */
struct reader {
    const struct ly_ctx *context;
    const char *at;
    bool no_memory;
};

static void skip_blanks(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(struct reader *reader, char expected)
{
    skip_blanks(reader);
    if (*reader->at != expected)
        return false;
    reader->at++;
    return true;
}

/* An identifier of YANG (RFC 7950, section 6.2) at the reader; its length, 0 for none. */
static size_t identifier(const struct reader *reader)
{
    const char *at = reader->at;
    if (!isalpha((unsigned char)*at) && *at != '_')
        return 0;
    while (isalnum((unsigned char)*at) || *at == '_' || *at == '-' || *at == '.')
        at++;
    return (size_t)(at - reader->at);
}

/* [prefix:]name as a child of PARENT (NULL: at the top). Without a prefix the module is that of
 * PARENT. NULL if the schema has none. */
static const struct lysc_node *take_name(struct reader *reader, const struct lysc_node *parent)
{
    const struct lys_module *module = parent ? parent->module : NULL;
    skip_blanks(reader);
    size_t length = identifier(reader);
    const char *name = reader->at;
    reader->at += length;
    if (length && *reader->at == ':') {
        char *text = strndup(name, length);
        reader->no_memory = !text;
        module = text ? ly_ctx_get_module_implemented(reader->context, text) : NULL;
        free(text);
        reader->at++;
        length = identifier(reader);
        name = reader->at;
        reader->at += length;
    }
    if (!length || !module)
        return NULL;
    return lys_find_child(parent, module, name, length, 0, 0);
}

/* 'text' or "text" as the canonical value that SCHEMA would have; NULL if it cannot have it. */
static char *take_value(struct reader *reader, const struct lysc_node *schema)
{
    skip_blanks(reader);
    char quote = *reader->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(reader->at + 1, quote) : NULL;
    if (!end)
        return NULL;
    const char *text = reader->at + 1;
    size_t length = (size_t)(end - text);
    reader->at = end + 1;
    const char *canonical = NULL;
    LY_ERR result =
        lyd_value_validate(reader->context, schema, text, length, NULL, NULL, &canonical);
    /* Leafrefs and the like cannot be resolved without data; their form is right all the same. */
    if (result != LY_SUCCESS && result != LY_EINCOMPLETE)
        return NULL;
    char *value = canonical ? strdup(canonical) : strndup(text, length);
    reader->no_memory = !value;
    lydict_remove(reader->context, canonical);
    return value;
}

static bool take_user(struct reader *reader)
{
    skip_blanks(reader);
    if (strncmp(reader->at, "$USER", 5) != 0)
        return false;
    reader->at += 5;
    return true;
}

/* What stands between the brackets behind STEP: a position, or a key or "." and its value. */
static bool take_predicate(struct reader *reader, struct access_step *step)
{
    struct access_predicate *grown =
        realloc(step->predicates, (step->predicate_count + 1) * sizeof *grown);
    reader->no_memory = !grown;
    if (!grown)
        return false;
    step->predicates = grown;
    struct access_predicate *predicate = &grown[step->predicate_count++];
    memset(predicate, 0, sizeof *predicate);
    skip_blanks(reader);
    if (isdigit((unsigned char)*reader->at)) {
        char *end;
        unsigned long position = strtoul(reader->at, &end, 10);
        reader->at = end;
        predicate->position = (uint32_t)position;
        /* Only entries without keys are told apart by their place (RFC 7950, section 9.13). */
        bool keyless = step->schema->nodetype == LYS_LIST && (step->schema->flags & LYS_KEYLESS);
        return keyless && step->predicate_count == 1 && position > 0 && position <= UINT32_MAX &&
               take(reader, ']');
    }
    const struct lysc_node *compared = step->schema;
    if (*reader->at == '.') {
        reader->at++;
    } else {
        compared = predicate->key = take_name(reader, step->schema);
        if (!compared || !lysc_is_key(compared))
            return false;
    }
    if (!(compared->nodetype & (LYS_LEAF | LYS_LEAFLIST)) || !take(reader, '='))
        return false;
    predicate->user = take_user(reader);
    if (!predicate->user)
        predicate->value = take_value(reader, compared);
    return (predicate->user || predicate->value) && take(reader, ']');
}

static bool take_step(struct reader *reader, struct access_path *path)
{
    const struct lysc_node *parent =
        path->step_count ? path->steps[path->step_count - 1].schema : NULL;
    if (path->step_count == ACCESS_PATH_STEPS_MAX || !take(reader, '/'))
        return false;
    struct access_step *step = &path->steps[path->step_count++];
    step->schema = take_name(reader, parent);
    if (!step->schema)
        return false;
    while (take(reader, '[')) {
        if (!take_predicate(reader, step))
            return false;
    }
    return true;
}

bool access_path_compile(struct access_path *path, const struct ly_ctx *context, const char *text)
{
    struct reader reader = {context, text, false};
    memset(path, 0, sizeof *path);
    if (take(&reader, '/') && (skip_blanks(&reader), !*reader.at)) {
        path->all = true;
        return true;
    }
    path->steps = calloc(ACCESS_PATH_STEPS_MAX, sizeof *path->steps);
    if (!path->steps)
        return false;
    reader.at = text;
    do {
        path->never = !take_step(&reader, path);
        skip_blanks(&reader);
    } while (!path->never && *reader.at);
    return !reader.no_memory;
}

void access_path_free(struct access_path *path)
{
    for (size_t i = 0; i < path->step_count; i++) {
        for (size_t j = 0; j < path->steps[i].predicate_count; j++)
            free(path->steps[i].predicates[j].value);
        free(path->steps[i].predicates);
    }
    free(path->steps);
    memset(path, 0, sizeof *path);
}

static bool value_matches(const struct access_predicate *predicate, const struct lyd_node *node,
                          const char *user)
{
    return strcmp(lyd_get_value(node), predicate->user ? user : predicate->value) == 0;
}

static bool predicate_matches(const struct access_predicate *predicate, const struct lyd_node *node,
                              const char *user)
{
    if (predicate->position)
        return lyd_list_pos(node) == predicate->position;
    if (!predicate->key)
        return value_matches(predicate, node, user);
    for (const struct lyd_node *key = lyd_child(node); key; key = key->next) {
        if (key->schema == predicate->key)
            return value_matches(predicate, key, user);
        if (!key->schema || !lysc_is_key(key->schema))
            break;
    }
    return false;
}

bool access_path_matches(const struct access_path *path, const struct lyd_node *node,
                         const char *user)
{
    if (path->all || path->never)
        return path->all;
    size_t depth = 0;
    for (const struct lyd_node *up = node; up; up = lyd_parent(up))
        depth++;
    if (depth < path->step_count)
        return false;
    for (; depth > path->step_count; depth--)
        node = lyd_parent(node);
    for (size_t i = path->step_count; i-- > 0; node = lyd_parent(node)) {
        const struct access_step *step = &path->steps[i];
        if (node->schema != step->schema)
            return false;
        for (size_t j = 0; j < step->predicate_count; j++) {
            if (!predicate_matches(&step->predicates[j], node, user))
                return false;
        }
    }
    return true;
}
