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
    if (is_one_of(name, length, sets)) {
        call.size = 1;
        call.text = reader->data.nodes; /* what is around the whole, perhaps */
    }
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
    rest.cost = sum(part.cost, rest.cost);
    rest.text = part.text > rest.text ? part.text : rest.text;
    return rest;
}

/* The operator that is next; 0: none, 'c' one that compares, '|' of sets, 'n' of numbers, 'b' of
 * what is true or not. */
static char read_operator(struct reader *reader)
{
    static const struct {
        const char *token;
        char kind;
    } operators[] = {{"!=", 'c'},  {"<=", 'c'}, {">=", 'c'},  {"=", 'c'},  {"<", 'c'},
                     {">", 'c'},   {"|", '|'},  {"+", 'n'},   {"-", 'n'},  {"*", 'n'},
                     {"and", 'b'}, {"or", 'b'}, {"div", 'n'}, {"mod", 'n'}};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (take(reader, operators[i].token))
            return operators[i].kind;
    return 0;
}

/* Two parts that are compared: each node of one with each of the other. */
static uint64_t comparison(const struct part *left, const struct part *right)
{
    uint64_t pairs = product(left->size ? left->size : 1, right->size ? right->size : 1);
    return sum(product(COMPARISON, pairs), sum(left->text, right->text));
}

/* A path; behind a minus it is made a number of, by way of its text. */
static struct part read_signed(struct reader *reader)
{
    bool number = take(reader, "-");
    struct part part = read_path(reader);
    return number ? (struct part){.cost = sum(part.cost, part.text)} : part;
}

/* LEFT and RIGHT with an operator between them, by its kind. */
static struct part join(const struct part *left, const struct part *right, char kind)
{
    struct part both = {.cost = sum(left->cost, right->cost)};
    if (kind == 'c') {
        both.cost = sum(both.cost, comparison(left, right));
    } else if (kind == 'n') {
        both.cost = sum(both.cost, sum(left->text, right->text));
    } else if (kind == '|') {
        both.size = sum(left->size, right->size);
        both.text = sum(left->text, right->text);
    }
    return both;
}

/* Sets are joined before anything else is done with them; of the rest the order makes no
 * difference. */
static struct part read_union(struct reader *reader, char *next)
{
    struct part whole = read_signed(reader);
    while ((*next = read_operator(reader)) == '|') {
        struct part more = read_signed(reader);
        whole = join(&whole, &more, '|');
    }
    return whole;
}

static struct part read_expression(struct reader *reader)
{
    if (++reader->nested > NESTED_MAX) {
        reader->too_much = true;
        reader->at += strlen(reader->at);
    }
    char kind, following;
    struct part last = read_union(reader, &kind), whole = last;
    while (kind) {
        struct part next = read_union(reader, &following);
        struct part joined = join(&last, &next, kind);
        uint64_t added = joined.cost - last.cost;
        whole = (struct part){.cost = sum(whole.cost, added)};
        last = next;
        kind = following;
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
