/*
 * The cost of XPath expressions: a recursive descent through the grammar of XPath 1.0, section 3,
 * that adds and multiplies instead of evaluating. See xpath_cost.h.
 */
#include "xpath_cost.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
    LENGTH_MAX = 65536,
    NESTED_MAX = 32,
    BELOW = 16,      /* nodes of a path downwards, all nodes that it may begin at reckoned in */
    ROOT_STEPS = 2,  /* of a path from the root whose end may hold about all there is */
    COMPARISON = 4,  /* of two texts, in visits */
    EXPRESSION = 256 /* of a regular expression with a text */
};

struct reader {
    const char *at;
    struct xpath_data data;
    unsigned nested;
    bool too_much; /* more nested than is read */
};

/* A part of the expression. */
struct part {
    uint64_t cost; /* of evaluating it once */
    uint64_t size; /* nodes of the set that it is; 0: it is none */
    uint64_t text; /* of making it a text: of a node that is all of its leaves */
};

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t product(uint64_t a, uint64_t b)
{
    return a && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static struct part read_expression(struct reader *reader);

static void skip_blanks(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(struct reader *reader, const char *token)
{
    skip_blanks(reader);
    if (strncmp(reader->at, token, strlen(token)) != 0)
        return false;
    reader->at += strlen(token);
    return true;
}

static size_t name_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || (text[length] && strchr("_-.", text[length])) ||
           (unsigned char)text[length] >= 0x80 ||
           (text[length] == ':' && text[length + 1] != ':' && length))
        length++;
    return isdigit((unsigned char)text[0]) || text[0] == '-' || text[0] == '.' ? 0 : length;
}

static const char *const down_axes[] = {"child", "self", "attribute", NULL};

static bool is_one_of(const char *name, size_t length, const char *const *names)
{
    while (*names && (strlen(*names) != length || strncmp(name, *names, length) != 0))
        names++;
    return *names != NULL;
}

/* Predicates behind a step or an expression: what they cost for each node. */
static uint64_t read_predicates(struct reader *reader)
{
    uint64_t cost = 0;
    while (take(reader, "[")) {
        cost = sum(cost, read_expression(reader).cost);
        if (!take(reader, "]"))
            break;
    }
    return cost;
}

/* One step of a path, without predicates; *WIDE becomes true if it looks at more than children,
 * *UP if it goes to the parent. False if there is none. */
static bool read_step(struct reader *reader, bool *wide, bool *up)
{
    if (take(reader, "..")) {
        *up = true;
        return true;
    }
    if (take(reader, ".") || take(reader, "@*"))
        return true;
    take(reader, "@");
    skip_blanks(reader);
    size_t length = name_length(reader->at);
    const char *behind = reader->at + length + strspn(reader->at + length, " \t\r\n");
    if (length && strncmp(behind, "::", 2) == 0) {
        *wide |= !is_one_of(reader->at, length, down_axes);
        reader->at = behind + 2;
        skip_blanks(reader);
        length = name_length(reader->at);
    }
    if (!length && !take(reader, "*"))
        return false;
    reader->at += length;
    if (length && reader->at[-1] == ':' && take(reader, "*"))
        return true;
    if (take(reader, "(")) /* node(), text() */
        take(reader, ")");
    return true;
}

/* What a path is like. */
struct way {
    bool absolute, searches, wide, up;
};

/* How many nodes a step finds. Downwards it is few: the nodes below a node are below no other, so
 * that from wherever one begins it cannot be more than all. */
static uint64_t found_by(const struct reader *reader, const struct way *way)
{
    bool far = way->absolute || way->up;
    return way->wide || (way->searches && far) ? reader->data.nodes
           : far                               ? reader->data.siblings
           : way->searches                     ? BELOW
                                               : 1;
}

/* Steps, the first of them behind START, "/" or "//" or nothing, on SET nodes to begin with. */
static struct part read_steps(struct reader *reader, const char *start, uint64_t set)
{
    struct way way = {.absolute = *start != '\0', .searches = strcmp(start, "//") == 0};
    struct part path = {.cost = set};
    bool far = false, open_end = way.absolute;
    for (unsigned step = 1;; step++) {
        skip_blanks(reader);
        const char *name = reader->at;
        if (!read_step(reader, &way.wide, &way.up))
            break;
        open_end = (way.absolute && step <= ROOT_STEPS) || (way.up && strchr(".*", *name)) ||
                   (way.absolute && *name == '*');
        uint64_t found = found_by(reader, &way);
        path.cost = sum(path.cost, way.wide ? product(found, set) : found);
        path.cost = sum(path.cost, product(found, read_predicates(reader)));
        far |= way.wide || way.searches;
        way.absolute |= way.wide; /* from here on it is anywhere */
        way.wide = false;
        set = found;
        if (take(reader, "//"))
            way.searches = true;
        else if (!take(reader, "/"))
            break;
    }
    path.size = far ? reader->data.nodes : way.absolute || way.up ? reader->data.siblings : BELOW;
    path.text = open_end ? reader->data.nodes : 1;
    return path;
}

static const char *const nodes_alone[] = {"count",      "not",           "boolean", "name",
                                          "local-name", "namespace-uri", NULL};
static const char *const expressions[] = {"re-match", NULL};
static const char *const sets[] = {"current", "deref", NULL};

/* Behind the bracket that is open. */
static struct part read_arguments(struct reader *reader, const char *name, size_t length)
{
    struct part call = {.cost = 1};
    bool texts = !is_one_of(name, length, nodes_alone);
    while (!take(reader, ")")) {
        const char *before = reader->at;
        struct part argument = read_expression(reader);
        call.cost = sum(call.cost, sum(argument.cost, texts ? argument.text : 0));
        if (!take(reader, ",") && reader->at == before)
            break;
    }
    if (is_one_of(name, length, expressions))
        call.cost = sum(call.cost, EXPRESSION);
    call.size = is_one_of(name, length, sets) ? 1 : 0;
    return call;
}

/* A path, a literal, a number, a call or brackets. */
static struct part read_path(struct reader *reader)
{
    struct part part = {.cost = 1};
    skip_blanks(reader);
    const char *name = reader->at;
    size_t length = name_length(name);
    const char *behind = name + length + strspn(name + length, " \t\r\n");
    if (*name == '"' || *name == '\'') {
        const char *end = strchr(name + 1, *name);
        reader->at = end ? end + 1 : name + strlen(name);
        return part;
    }
    if (isdigit((unsigned char)*name) || (*name == '.' && isdigit((unsigned char)name[1]))) {
        reader->at += strspn(name, "0123456789.");
        return part;
    }
    if (take(reader, "//"))
        return read_steps(reader, "//", 1);
    if (take(reader, "/"))
        return read_steps(reader, "/", 1);
    if (take(reader, "(")) {
        part = read_expression(reader);
        take(reader, ")");
    } else if (length && *behind == '(') {
        reader->at = behind + 1;
        part = read_arguments(reader, name, length);
    } else {
        return read_steps(reader, "", 1);
    }
    part.cost = sum(part.cost, product(part.size, read_predicates(reader)));
    const char *more = take(reader, "//") ? "//" : take(reader, "/") ? "/" : NULL;
    if (!more)
        return part;
    struct part rest = read_steps(reader, more, part.size);
    return (struct part){.cost = sum(part.cost, rest.cost), .size = rest.size};
}

/* The operator that is next; 0: none, 'c' one that compares, 'o' another. */
static char read_operator(struct reader *reader)
{
    static const char *const comparing[] = {"!=", "<=", ">=", "=", "<", ">"};
    static const char *const others[] = {"|", "+", "-", "*", "and", "or", "div", "mod"};
    for (size_t i = 0; i < sizeof comparing / sizeof comparing[0]; i++)
        if (take(reader, comparing[i]))
            return 'c';
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (take(reader, others[i]))
            return 'o';
    return 0;
}

/* Two parts that are compared: each node of one with each of the other. */
static uint64_t comparison(const struct part *left, const struct part *right)
{
    uint64_t pairs = product(left->size ? left->size : 1, right->size ? right->size : 1);
    return sum(product(COMPARISON, pairs), sum(left->text, right->text));
}

static struct part read_expression(struct reader *reader)
{
    struct part whole = {.cost = 0}, last;
    if (++reader->nested > NESTED_MAX) {
        reader->too_much = true;
        reader->at += strlen(reader->at);
    }
    take(reader, "-");
    last = read_path(reader);
    whole = last;
    for (char sign; (sign = read_operator(reader)) != 0;) {
        take(reader, "-");
        struct part next = read_path(reader);
        whole.cost = sum(whole.cost, next.cost);
        if (sign == 'c')
            whole.cost = sum(whole.cost, comparison(&last, &next));
        whole.size = sign == 'c' ? 0 : whole.size > next.size ? whole.size : next.size;
        last = next;
    }
    reader->nested--;
    return whole;
}

uint64_t xpath_cost(const char *text, const struct xpath_data *data)
{
    struct reader reader = {.at = text, .data = *data};
    if (strlen(text) > LENGTH_MAX)
        return UINT64_MAX;
    struct part part = read_expression(&reader);
    skip_blanks(&reader);
    return reader.too_much || *reader.at ? UINT64_MAX : sum(part.cost, data->nodes);
}
