/* What the module says about a leaf, in words: for messages and for the generated manual. */
#include <libyang/plugins_types.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config_tree.h"

/* Of a kind that no setting has. */
static const char unknown_type[] = "a value of its type";

struct text {
    char *bytes;
    size_t size;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written =
        vsnprintf(text->bytes + text->length, text->size - text->length, format, arguments);
    va_end(arguments);
    if (written > 0)
        text->length += (size_t)written;
    if (text->length >= text->size)
        text->length = text->size - 1;
}

static void append_range(struct text *text, const struct lysc_range *range)
{
    for (LY_ARRAY_COUNT_TYPE i = 0; range && i < LY_ARRAY_COUNT(range->parts); i++) {
        unsigned long low = range->parts[i].min_u64;
        unsigned long high = range->parts[i].max_u64;
        append(text, low == high ? "%s%lu" : "%s%lu..%lu", i ? " or " : "", low, high);
    }
}

static void append_enum(struct text *text, const struct lysc_type_enum *type)
{
    LY_ARRAY_COUNT_TYPE count = LY_ARRAY_COUNT(type->enums);
    for (LY_ARRAY_COUNT_TYPE i = 0; i < count; i++)
        append(text, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", type->enums[i].name);
}

/* Types of RFC 6991 by the name that the module uses; the compiled form no longer tells. */
static const struct {
    const char *name;
    const char *words;
} named_types[] = {
    {"inet:ip-prefix", "an address prefix such as 192.0.2.0/24 or 2001:db8::/32"},
    {"inet:ip-address", "an IPv4 or IPv6 address"},
    {"inet:host", "an IPv4 or IPv6 address or the name of a host"},
    {"filter-expression", "a filter expression, see pcap-filter(7)"},
    {"file-name", "the path of a file"},
};

static bool append_named(struct text *text, const struct lysc_node *node)
{
    const struct lysp_node *parsed = node->priv;
    if (!parsed)
        return false;
    const char *name = node->nodetype == LYS_LEAF
                           ? ((const struct lysp_node_leaf *)parsed)->type.name
                           : ((const struct lysp_node_leaflist *)parsed)->type.name;
    for (size_t i = 0; i < sizeof named_types / sizeof named_types[0]; i++) {
        if (strcmp(named_types[i].name, name) == 0) {
            append(text, "%s", named_types[i].words);
            return true;
        }
    }
    return false;
}

/* The largest value of an integer type without a range of its own. */
static unsigned long type_max(LY_DATA_TYPE type)
{
    return type == LY_TYPE_UINT8    ? UINT8_MAX
           : type == LY_TYPE_UINT16 ? UINT16_MAX
           : type == LY_TYPE_UINT32 ? UINT32_MAX
                                    : UINT64_MAX;
}

/* "../../cache/name": the list is what is meant. */
static void append_reference(struct text *text, const struct lysc_type_leafref *type)
{
    const char *path = lyxp_get_expr(type->path);
    const char *list = path ? strrchr(path, '/') : NULL;
    size_t length = 0;
    while (list && list > path && list[-1] != '/') {
        list--;
        length++;
    }
    append(text, "the name of an entry of %.*s", (int)length, list ? list : "");
}

/* A type that is no union. */
static void append_plain_type(struct text *text, const struct lysc_type *type)
{
    const struct lysc_type_num *number = (const struct lysc_type_num *)type;
    const struct lysc_type_str *string = (const struct lysc_type_str *)type;
    switch (type->basetype) {
    case LY_TYPE_UINT8:
    case LY_TYPE_UINT16:
    case LY_TYPE_UINT32:
    case LY_TYPE_UINT64:
        if (number->range)
            append_range(text, number->range);
        else
            append(text, "0..%lu", type_max(type->basetype));
        break;
    case LY_TYPE_BOOL:
        append(text, "true or false");
        break;
    case LY_TYPE_ENUM:
        append_enum(text, (const struct lysc_type_enum *)type);
        break;
    case LY_TYPE_LEAFREF:
        append_reference(text, (const struct lysc_type_leafref *)type);
        break;
    case LY_TYPE_STRING:
        append(text, "text");
        if (string->length) {
            append(text, " of ");
            append_range(text, string->length);
            append(text, " characters");
        }
        break;
    default:
        append(text, "%s", unknown_type);
        break;
    }
}

/* Unions of RFC 6991 by their first type, where the name that the module uses is not kept. */
static const char *union_words(const struct lysc_type_union *type)
{
    const char *first = type->types[0]->plugin->id;
    bool address = strstr(first, "ipv4-address") != NULL;
    return strstr(first, "ipv4-prefix")                  ? named_types[0].words
           : address && LY_ARRAY_COUNT(type->types) == 2 ? named_types[1].words
           : address                                     ? named_types[2].words
                                                         : NULL;
}

static void append_type(struct text *text, const struct lysc_type *type)
{
    const struct lysc_type_union *parts = (const struct lysc_type_union *)type;
    if (type->basetype != LY_TYPE_UNION) {
        append_plain_type(text, type);
        return;
    }
    const char *words = union_words(parts);
    if (words) {
        append(text, "%s", words);
        return;
    }
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(parts->types); i++) {
        append(text, "%s", i ? ", or " : "");
        append_plain_type(text, parts->types[i]);
    }
}

void config_tree_describe_type(const struct lysc_node *node, char *text, size_t size)
{
    struct text buffer = {text, size, 0};
    text[0] = 0;
    const struct lysc_node_leaf *leaf = (const struct lysc_node_leaf *)node;
    const struct lysc_node_leaflist *list = (const struct lysc_node_leaflist *)node;
    bool single = node->nodetype == LYS_LEAF;
    const char *units = single ? leaf->units : list->units;
    if (!append_named(&buffer, node))
        append_type(&buffer, single ? leaf->type : list->type);
    if (units)
        append(&buffer, " %s", units);
}

void config_tree_value_text(const struct lysc_node *node, const char *said, char *text, size_t size)
{
    static const char *const general[] = {"Invalid ", "Unsatisfied ", "Value \""};
    char wanted[200];
    bool own = true;
    for (size_t i = 0; i < sizeof general / sizeof general[0]; i++)
        own = own && strncmp(said, general[i], strlen(general[i])) != 0;
    size_t length = strlen(said);
    length -= length && said[length - 1] == '.';
    if (own || !node || !(node->nodetype & (LYS_LEAF | LYS_LEAFLIST))) {
        snprintf(text, size, "%.*s", (int)length, said);
        return;
    }
    config_tree_describe_type(node, wanted, sizeof wanted);
    bool known = strcmp(wanted, unknown_type) != 0;
    snprintf(text, size, "%.*s%s%s", (int)length, said, known ? "; give " : "",
             known ? wanted : "");
}

const char *config_tree_default(const struct lysc_node *node)
{
    if (node->nodetype != LYS_LEAF)
        return NULL;
    const struct lysc_node_leaf *leaf = (const struct lysc_node_leaf *)node;
    return leaf->dflt ? lyd_value_get_canonical(node->module->ctx, leaf->dflt) : NULL;
}

void config_tree_schema_path(const struct lysc_node *node, char *path, size_t size)
{
    char text[512];
    if (!lysc_path(node, LYSC_PATH_DATA, text, sizeof text))
        text[0] = 0;
    const char *module = "/spanflow:";
    const char *rest = strncmp(text, module, strlen(module)) == 0 ? text + strlen(module) - 1 : "";
    snprintf(path, size, "/%s", *rest ? rest + 1 : "");
}
