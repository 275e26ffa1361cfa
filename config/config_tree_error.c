/*
 * The complaints of libyang in the words of this program: where, what, and what would be right. The
 * texts of libyang name schema internals and differ from version to version, so only its path, line
 * and quoted value are used where the kind of the mistake is known.
 */
#include "config_tree_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT_CONTAINERS "udpExporter, tcpExporter, sctpExporter, fileWriter and jsonWriter"

/* A path holds the name of a destination, which is shown up to a length. */
enum { PATH_OCTETS_MAX = 2048, NAME_SHOWN_MAX = 60 };

/* Copies the path inside the library's location text: the data path if it has one. */
static void find_path(const char *location, char path[PATH_OCTETS_MAX])
{
    path[0] = 0;
    const char *start = location ? strstr(location, "ata location \"") : NULL;
    if (!start && location)
        start = strstr(location, "chema location \"");
    if (!start)
        return;
    start = strchr(start, '"') + 1;
    const char *end = strrchr(start, '"');
    if (!end)
        return;
    const char *module = "/spanflow:";
    if (strncmp(start, module, strlen(module)) == 0) {
        start += strlen(module);
        /* While a list is read the library's path lacks the root. */
        bool root = strncmp(start, "spanflow", 8) == 0 && strchr("/\"", start[8]);
        snprintf(path, PATH_OCTETS_MAX, "%s%.*s", root ? "/" : "/spanflow/", (int)(end - start),
                 start);
        return;
    }
    snprintf(path, PATH_OCTETS_MAX, "%.*s", (int)(end - start), start);
}

static unsigned long find_line(const char *location)
{
    const char *start = location ? strstr(location, "ine number ") : NULL;
    return start ? strtoul(start + 11, NULL, 10) : 0;
}

/* The schema node of a data path; NULL if it has none. */
static const struct lysc_node *find_schema(const struct config_tree *tree, const char *path)
{
    char text[PATH_OCTETS_MAX + 16];
    size_t length = (size_t)snprintf(text, sizeof text, "/spanflow:");
    char quote = 0;
    bool predicate = false;
    for (const char *c = path + 1; *path && *c && length + 1 < sizeof text; c++) {
        if (quote)
            quote = *c == quote ? 0 : quote;
        else if (predicate && (*c == '\'' || *c == '"'))
            quote = *c;
        else if (*c == '[' || *c == ']')
            predicate = *c == '[';
        else if (!predicate)
            text[length++] = *c;
    }
    text[length] = 0;
    return *path ? lys_find_path(tree->context, NULL, text, 0) : NULL;
}

/* The last text in double quotes of MESSAGE, which is the refused value or the unknown name. */
static void find_quoted(const char *message, char *value, size_t size)
{
    value[0] = 0;
    const char *start = strchr(message, '"');
    const char *end = start ? strchr(start + 1, '"') : NULL;
    if (end)
        snprintf(value, size, "%.*s", (int)(end - start - 1), start + 1);
}

static bool has(const char *message, const char *part)
{
    return strstr(message, part) != NULL;
}

/* Says what is wrong with the value of a leaf and what it may hold. */
static void say_value(const struct lysc_node *node, const char *message, char *text, size_t size)
{
    char allowed[256];
    char value[128];
    config_tree_describe_type(node, allowed, sizeof allowed);
    find_quoted(message, value, sizeof value);
    bool quoted = has(message, "non-number-encoded") || has(message, "non-boolean-encoded");
    if (quoted)
        snprintf(text, size, "\"%s\" must stand without quotes in JSON; give %s", value, allowed);
    else
        snprintf(text, size, "\"%s\" is not possible; give %s", value, allowed);
}

/* True for the complaints about a value that does not fit its type. */
static bool about_value(const char *message)
{
    return strncmp(message, "Invalid ", 8) == 0 || strncmp(message, "Unsatisfied ", 12) == 0 ||
           strncmp(message, "Value \"", 7) == 0;
}

static void say_count(const struct lysc_node *node, char *text, size_t size)
{
    uint32_t max = 0;
    if (node && node->nodetype == LYS_LEAFLIST)
        max = ((const struct lysc_node_leaflist *)node)->max;
    else if (node && node->nodetype == LYS_LIST)
        max = ((const struct lysc_node_list *)node)->max;
    if (max)
        snprintf(text, size, "too many entries; give at most %u", max);
    else
        snprintf(text, size, "too many entries; remove some");
}

static void say(const struct lysc_node *node, const char *message, char *text, size_t size)
{
    char name[128];
    find_quoted(message, name, sizeof name);
    bool leaf = node && (node->nodetype & (LYS_LEAF | LYS_LEAFLIST));
    if (has(message, "not found as a child") || has(message, "No module named"))
        snprintf(text, size, "unknown name \"%s\"; see the list of leaves in the manual", name);
    else if (has(message, "missing its key"))
        snprintf(text, size, "an entry has no \"%s\"; give one", name);
    else if (has(message, "Mandatory choice") && strcmp(name, "packetSource") == 0)
        snprintf(text, size, "has no device and no xdp; give one of them");
    else if (has(message, "Mandatory choice"))
        snprintf(text, size, "is missing; give one of " TRANSPORT_CONTAINERS);
    else if (has(message, "Mandatory node"))
        snprintf(text, size, "is missing; give a value");
    else if (has(message, "Duplicate instance") || has(message, "already exists"))
        snprintf(text, size, "given twice; remove one");
    else if (has(message, "Data for both cases") && has(message, "\"xdp\""))
        snprintf(text, size, "an observation point has one of device and xdp");
    else if (has(message, "Data for both cases"))
        snprintf(text, size, "a destination has one of " TRANSPORT_CONTAINERS);
    else if (has(message, "Too many"))
        say_count(node, text, size);
    else if (leaf && about_value(message))
        say_value(node, message, text, size);
    else
        snprintf(text, size, "%s", message);
}

/* Cuts what stands in quotes in PATH, so that the leaf behind it is always shown. */
static void shorten_names(char *path)
{
    for (char *start = strchr(path, '\''); start; start = strchr(start, '\'')) {
        char *end = strchr(++start, '\'');
        if (!end)
            return;
        if (end - start > NAME_SHOWN_MAX) {
            memcpy(start + NAME_SHOWN_MAX - 3, "...", 3);
            memmove(start + NAME_SHOWN_MAX, end, strlen(end) + 1);
            end = start + NAME_SHOWN_MAX;
        }
        start = end + 1;
    }
}

/* The first complaint of the library, NULL if it left none. */
static const struct ly_err_item *first_error(const struct config_tree *tree)
{
    const struct ly_err_item *item = ly_err_first(tree->context);
    while (item && item->level != LY_LLERR)
        item = item->next;
    return item && item->msg ? item : NULL;
}

void config_tree_error(const struct config_tree *tree, const char *name, struct error *error)
{
    char where[320] = "";
    char path[PATH_OCTETS_MAX];
    char text[512];
    const struct ly_err_item *item = first_error(tree);
    if (!item) {
        error_set(error, "%s%sout of memory", name ? name : "", name ? ": " : "");
        return;
    }
    find_path(item->path, path);
    unsigned long line = find_line(item->path);
    if (name && line)
        snprintf(where, sizeof where, "%s:%lu: ", name, line);
    else if (name)
        snprintf(where, sizeof where, "%s: ", name);
    say(find_schema(tree, path), item->msg, text, sizeof text);
    /* A choice is not part of the data: what lacks it is the node around it. */
    if (strstr(item->msg, "Mandatory choice") && strrchr(path, '/'))
        *strrchr(path, '/') = 0;
    shorten_names(path);
    error_set(error, "%s%s%s%s", where, path, path[0] ? ": " : "", text);
}

void config_tree_value_error(const struct config_tree *tree, const struct lysc_node *node,
                             struct error *error)
{
    char text[512];
    const struct ly_err_item *item = first_error(tree);
    say(node, item ? item->msg : "out of memory", text, sizeof text);
    error_set(error, "%s", text);
}
