/*
 * Reads a request as the library will, and turns what libyang says against it into a reply. The
 * reply's element is the request's with another name, so it has all its attributes (RFC 6241,
 * section 4.2). Called by the session's connection; no state.
 */
#include "rpc_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_tree.h"
#include "data_view.h"
#include "error_path.h"
#include "rpc_error.h"
#include "xml_depth.h"
#include "xml_text.h"

/* The library takes the square of the number of equal ones: some seconds. */
enum { CHILDREN_MAX = 4096 };

/* The element of the request as it is written. */
struct start_tag {
    const char *name; /* with its prefix */
    int name_length;
    const char *attributes;
    int attributes_length;
};

/* Behind comments and instructions before the first element, which *TEXT then is at. */
static bool skip_prolog(const char **text)
{
    for (;;) {
        *text += strspn(*text, " \t\r\n");
        const char *end = strncmp(*text, "<!--", 4) == 0 ? "-->"
                          : strncmp(*text, "<?", 2) == 0 ? "?>"
                                                         : NULL;
        if (!end)
            return **text == '<';
        const char *found = strstr(*text + 2, end);
        if (!found)
            return false;
        *text = found + strlen(end);
    }
}

static bool find_start_tag(const char *text, struct start_tag *tag)
{
    if (!skip_prolog(&text))
        return false;
    tag->name = text + 1;
    tag->name_length = (int)strcspn(tag->name, " \t\r\n/>");
    tag->attributes = tag->name + tag->name_length;
    const char *end = tag->attributes;
    while (*end && *end != '>') {
        const char *close = *end == '"' || *end == '\'' ? strchr(end + 1, *end) : end;
        if (!close)
            return false;
        end = close + 1;
    }
    if (!*end)
        return false;
    tag->attributes_length = (int)(end - tag->attributes);
    if (tag->attributes_length && end[-1] == '/')
        tag->attributes_length--;
    return true;
}

/* TEXT as a tree without schema; NULL if it is not well-formed. To be freed. */
static struct lyd_node *parse_opaque(const struct ly_ctx *context, const char *text)
{
    struct lyd_node *tree = NULL;
    if (lyd_parse_data_mem(context, text, LYD_XML, LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0, &tree) !=
        LY_SUCCESS)
        return NULL;
    return tree;
}

/* Whether TAG alone is a well-formed <rpc>, and if so, whether it has *A_NUMBER. */
static bool is_rpc(const struct ly_ctx *context, const struct start_tag *tag, bool *a_number)
{
    char *text = NULL;
    struct view_attribute attribute;
    *a_number = false;
    if (asprintf(&text, "<%.*s%.*s/>", tag->name_length, tag->name, tag->attributes_length,
                 tag->attributes) < 0)
        return false;
    struct lyd_node *tree = parse_opaque(context, text);
    bool good = tree && strcmp(view_name(tree), "rpc") == 0 && view_space(tree) &&
                strcmp(view_space(tree), NAMESPACE_NETCONF) == 0;
    for (unsigned i = 0; good && view_attribute(tree, i, &attribute); i++)
        *a_number |= !attribute.space && strcmp(attribute.name, "message-id") == 0;
    lyd_free_all(tree);
    free(text);
    return good;
}

/* What libyang says, and what it is called. The word in quotes, if wanted, is the element or
 * attribute that is meant; otherwise the path has it. */
static const struct refusal_row {
    const char *text, *tag;
    bool quoted, attribute;
} refusal_rows[] = {
    {"No module with namespace", "unknown-namespace", false, false},
    {"not found in the \"", "operation-not-supported", true, false},
    {"not found as a child of", "unknown-element", true, false},
    {"Unexpected child element", "unknown-element", true, false},
    {"for metadata", "unknown-attribute", true, true},
    {"inside an inner node", "bad-element", false, false},
    {"Annotation definition for attribute", "unknown-attribute", true, true},
    {"Missing the operation", "missing-element", false, false},
    {"Mandatory choice", "missing-element", false, false},
    {"Mandatory", "missing-element", true, false},
    {"When condition", "unknown-element", false, false},
    {"Data for both cases", "bad-element", false, false},
    {"Duplicate instance", "bad-element", true, false},
    {"Failed to resolve prefix", "invalid-value", false, false},
    {"Storing value failed", "invalid-value", false, false},
    {"is out of type", "invalid-value", false, false},
    {"nsatisfied", "invalid-value", false, false},
    {"nvalid", "invalid-value", false, false},
    {NULL, "operation-failed", false, false},
};

/* The first word in double quotes in TEXT, without a prefix if it is a NAME. */
static void copy_quoted(const char *text, bool name, char *word, size_t size)
{
    const char *start = strchr(text, '"');
    const char *end = start ? strchr(start + 1, '"') : NULL;
    if (!end)
        return;
    const char *colon = name ? memchr(start, ':', (size_t)(end - start)) : NULL;
    start = colon ? colon : start;
    snprintf(word, size, "%.*s", (int)(end - start - 1), start + 1);
}

/* The last name of PATH, without its predicates. */
static void copy_last(const char *path, char *word, size_t size)
{
    const char *last = path;
    for (const char *at = path; *at && *at != '['; at++)
        last = *at == '/' || *at == ':' ? at + 1 : last;
    snprintf(word, size, "%.*s", (int)strcspn(last, "["), last);
}

/* Of parameters that other modules add the library tells the path in the schema. */
static void leave_out_input(char *path)
{
    char *found = strstr(path, "/input/");
    if (found && !memchr(path + 1, '/', (size_t)(found - path - 1)))
        memmove(found, found + strlen("/input"), strlen(found + strlen("/input")) + 1);
}

/* Adds to the message of ERROR what the leaf at its path may hold. What the library said before is
 * gone then. */
static void say_what_may_be(const struct ly_ctx *context, struct rpc_error *error)
{
    char said[sizeof error->message];
    const struct lysc_node *leaf =
        error->path[0] == '/' ? lys_find_path(context, NULL, error->path, 0) : NULL;
    memcpy(said, error->message, sizeof said);
    if (leaf && strcmp(error->tag, "invalid-value") == 0)
        config_tree_value_text(leaf, said, error->message, sizeof error->message);
}

/* What libyang said last, as ERROR. */
static void classify(const struct ly_ctx *context, bool new_base, struct rpc_error *error)
{
    const struct ly_err_item *item = ly_err_last(context);
    const char *message = item ? item->msg : "the request cannot be parsed";
    /* Of some octets the XML parser says nothing. */
    bool no_xml = !item || item->vecode == LYVE_SYNTAX || item->vecode == LYVE_SYNTAX_XML;
    if (no_xml && !strstr(message, "child element") && !strstr(message, "inside an inner node")) {
        rpc_error_set(error, "rpc", new_base ? "malformed-message" : "operation-failed", "%s",
                      message);
        return;
    }
    const struct refusal_row *row = refusal_rows;
    while (row->text && !strstr(message, row->text))
        row++;
    /* All that the library says of an XPath expression that is none: other types have a reason. */
    if (strcmp(row->text ? row->text : "", "Storing value failed") == 0)
        message = "not a well-formed XPath expression; look at its brackets and operators";
    rpc_error_set(error, "protocol", row->tag, "%s", message);
    rpc_error_location(item ? item->path : NULL, error->path, sizeof error->path);
    leave_out_input(error->path);
    if (!row->text)
        return;
    if (strcmp(row->tag, "unknown-namespace") == 0)
        copy_quoted(message, false, error->bad_namespace, sizeof error->bad_namespace);
    const char *behind = strstr(message, "for metadata");
    if (row->attribute)
        copy_quoted(behind ? behind : message, true, error->bad_attribute,
                    sizeof error->bad_attribute);
    else if (row->quoted)
        copy_quoted(message, true, error->bad_element, sizeof error->bad_element);
    if (!error->bad_element[0])
        copy_last(error->path, error->bad_element, sizeof error->bad_element);
    if (!error->bad_element[0])
        strcpy(error->bad_element, "rpc");
    say_what_may_be(context, error);
}

/* What is wrong with TEXT, which begins with an <rpc>, in *ERROR; true if nothing is. */
static bool examine(const struct ly_ctx *context, const char *text, bool new_base,
                    struct rpc_error *error)
{
    struct lyd_node *envelope = NULL, *operation = NULL;
    struct ly_in *input = NULL;
    if (ly_in_new_memory(text, &input) != LY_SUCCESS)
        return true;
    ly_err_clean((struct ly_ctx *)context, NULL);
    LY_ERR result =
        lyd_parse_op(context, NULL, input, LYD_XML, LYD_TYPE_RPC_NETCONF, &envelope, &operation);
    ly_in_free(input, 0);
    struct lyd_node *top = operation;
    while (top && lyd_parent(top))
        top = (struct lyd_node *)lyd_parent(top);
    if (result == LY_SUCCESS)
        result = lyd_validate_op(top, NULL, LYD_TYPE_RPC_YANG, NULL);
    if (result != LY_SUCCESS)
        classify(context, new_base, error);
    lyd_free_all(envelope);
    lyd_free_all(operation);
    return result == LY_SUCCESS;
}

/* The elements of an rpc-error in their order; INFO are those of error-info. */
struct reply_element {
    const char *name, *attributes, *text;
    bool info;
};

/* Those ELEMENTS that have a text, COUNT at most, with the prefix of TAG. */
static void put_elements(FILE *file, const struct start_tag *tag,
                         const struct reply_element *elements, size_t count)
{
    bool in_info = false;
    const char *colon = memchr(tag->name, ':', (size_t)tag->name_length);
    int prefix = colon ? (int)(colon - tag->name) + 1 : 0;
    fprintf(file, "<%.*srpc-error>", prefix, tag->name);
    for (size_t i = 0; i < count; i++) {
        if (!elements[i].text || !elements[i].text[0])
            continue;
        if (elements[i].info && !in_info)
            fprintf(file, "<%.*serror-info>", prefix, tag->name);
        in_info = elements[i].info;
        fprintf(file, "<%.*s%s%s>", prefix, tag->name, elements[i].name, elements[i].attributes);
        xml_text_put(file, elements[i].text);
        fprintf(file, "</%.*s%s>", prefix, tag->name, elements[i].name);
    }
    if (in_info)
        fprintf(file, "</%.*serror-info>", prefix, tag->name);
    fprintf(file, "</%.*srpc-error>", prefix, tag->name);
}

/* The reply to TAG with ERROR; NULL without memory. */
static char *print_reply(const struct ly_ctx *context, const struct start_tag *tag,
                         const struct rpc_error *error)
{
    struct error_path path = error_path_make(context, error->path);
    const struct reply_element elements[] = {
        {"error-type", "", error->type, false},
        {"error-tag", "", error->tag, false},
        {"error-severity", "", "error", false},
        {"error-path", path.attributes ? path.attributes : "", path.text, false},
        {"error-message", " xml:lang=\"en\"", error->message, false},
        {"bad-attribute", "", error->bad_attribute, true},
        {"bad-element", "", error->bad_element, true},
        {"bad-namespace", "", error->bad_namespace, true},
    };
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    if (!file) {
        error_path_clear(&path);
        return NULL;
    }
    fprintf(file, "<%.*s-reply%.*s>", tag->name_length, tag->name, tag->attributes_length,
            tag->attributes);
    put_elements(file, tag, elements, sizeof elements / sizeof *elements);
    fprintf(file, "</%.*s-reply>", tag->name_length, tag->name);
    error_path_clear(&path);
    if (fclose(file) == 0)
        return text;
    free(text);
    return NULL;
}

char *rpc_check(const struct ly_ctx *context, const char *text, size_t length, bool new_base)
{
    char *copy = strndup(text, length), *reply = NULL;
    struct start_tag tag;
    struct rpc_error error = {0};
    bool numbered = false;
    if (!copy)
        return NULL;
    if (find_start_tag(copy, &tag) && is_rpc(context, &tag, &numbered)) {
        bool good = numbered;
        if (!numbered) {
            rpc_error_set(&error, "rpc", "missing-attribute",
                          "rpc: the attribute message-id is missing; give one");
            strcpy(error.bad_attribute, "message-id");
            strcpy(error.bad_element, "rpc");
        } else if (xml_shape(text, length).widest > CHILDREN_MAX) {
            good = rpc_error_set(&error, "protocol", "too-big",
                                 "an element has more than %d others in it; send them in several "
                                 "requests",
                                 CHILDREN_MAX);
        } else {
            good = examine(context, copy, new_base, &error);
        }
        reply = good ? NULL : print_reply(context, &tag, &error);
    }
    ly_err_clean((struct ly_ctx *)context, NULL);
    free(copy);
    return reply;
}
