/* Reads rule files. See application_rules.h. */
#include "app/application_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/plain_text.h"

enum { LINE_OCTETS_MAX = 2048, WORDS_MAX = 24 };

struct reader {
    struct application_rules *rules;
    const char *where;
    struct error *error;
    uint32_t line;
    uint32_t current; /* index of the application; UINT32_MAX: none yet */
};

/* Says what is wrong with the line, and with which VALUE (may be NULL). Always false. */
static bool refuse(const struct reader *reader, const char *what, const char *value)
{
    error_set(reader->error, "%s:%u: %s%s%s", reader->where, reader->line, what, value ? ": " : "",
              value ? value : "");
    return false;
}

/* ---- words ---- */

/* A number of 0..MAX at TEXT that ends at END (NULL: at the NUL). */
static bool read_number(const char *text, const char *end, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;
    const char *at = text;
    for (; at != end && *at >= '0' && *at <= '9' && value <= max; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *number = (uint32_t)value;
    return at != text && value <= max && (end ? at == end : *at == 0);
}

static bool is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    return length > 0 && text[length] == 0 && length < APPLICATION_NAME_OCTETS;
}

/* Takes LINE apart at blanks into WORDS; returns their number, WORDS_MAX + 1 if there are more. */
static unsigned split(char *line, char *words[WORDS_MAX])
{
    unsigned count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (count == WORDS_MAX)
            return WORDS_MAX + 1;
        words[count++] = word;
    }
    return count;
}

/* Room for one more element of SIZE behind COUNT of them, in powers of two. */
static bool grow(void **array, uint32_t count, size_t size)
{
    if (count & (count - 1) || (count == 0 && *array))
        return true;
    void *more = realloc(*array, (count ? 2u * count : 1u) * size);
    if (more)
        *array = more;
    return more != NULL;
}

static bool read_transports(const char *word, uint8_t *transports)
{
    *transports = strcmp(word, "tcp") == 0   ? APPLICATION_TCP
                  : strcmp(word, "udp") == 0 ? APPLICATION_UDP
                  : strcmp(word, "any") == 0 ? APPLICATION_TCP | APPLICATION_UDP
                                             : 0;
    return *transports != 0;
}

/* ---- lines ---- */

static struct application *find(const struct application_rules *rules, const char *name)
{
    for (uint32_t i = 0; i < rules->application_count; i++)
        if (strcmp(rules->applications[i].name, name) == 0)
            return &rules->applications[i];
    return NULL;
}

static bool number_is_free(const struct application_rules *rules, uint32_t number)
{
    for (uint32_t i = 0; i < rules->application_count; i++)
        if (rules->applications[i].number == number)
            return false;
    return true;
}

/* application NAME NUMBER "TITLE", or application NAME for one that is known. */
static bool read_application(struct reader *reader, char *text)
{
    struct application_rules *rules = reader->rules;
    char *title = strchr(text, '"'), *words[WORDS_MAX];
    size_t title_length = 0;
    if (title) {
        *title++ = 0;
        char *end = strchr(title, '"');
        if (!end || end[1 + strspn(end + 1, " \t")])
            return refuse(reader, "a title is one text in quotes at the end of the line", NULL);
        *end = 0;
        title_length = strlen(title);
    }
    unsigned count = split(text, words);
    if (count == 0 || !is_name(words[0]))
        return refuse(reader, "an application has a name of small letters, digits, - and .",
                      count ? words[0] : NULL);
    struct application *known = find(rules, words[0]);
    if (count == 1 && !title && known) {
        reader->current = (uint32_t)(known - rules->applications);
        return true;
    }
    uint32_t number;
    if (known)
        return refuse(reader, "this application has a number already", words[0]);
    if (count != 2 || !title || title_length == 0 || title_length >= APPLICATION_TITLE_OCTETS)
        return refuse(reader,
                      "give application NAME NUMBER \"TITLE\", a title of at most 55 octets", NULL);
    if (!plain_text_is(title))
        return refuse(reader, "a title is printable text of UTF-8", title);
    if (!read_number(words[1], NULL, APPLICATION_NUMBER_MAX, &number) || number == 0)
        return refuse(reader, "numbers are 1 to 16383", words[1]);
    if (!number_is_free(rules, number))
        return refuse(reader, "another application has this number", words[1]);
    if (rules->application_count == APPLICATIONS_MAX)
        return refuse(reader, "there are at most 4096 applications", NULL);
    if (!grow((void **)&rules->applications, rules->application_count, sizeof(struct application)))
        return refuse(reader, "not enough memory", NULL);
    struct application *made = &rules->applications[rules->application_count++];
    *made = (struct application){.number = (uint16_t)number, .line = reader->line};
    memcpy(made->name, words[0], strlen(words[0]) + 1);
    memcpy(made->title, title, title_length + 1);
    reader->current = rules->application_count - 1;
    return true;
}

static bool read_label(struct reader *reader, char *text)
{
    char *words[WORDS_MAX];
    uint32_t number;
    if (split(text, words) != 1 || !read_number(words[0], NULL, UINT16_MAX, &number))
        return refuse(reader, "a label is one number of 0 to 65535", NULL);
    reader->rules->applications[reader->current].label = (uint16_t)number;
    return true;
}

/* severity WORD [freeze] */
static bool read_severity(struct reader *reader, char *text)
{
    char *words[WORDS_MAX];
    struct application *to = &reader->rules->applications[reader->current];
    unsigned count = split(text, words);
    enum severity severity = SEVERITY_NONE;
    bool known = count > 0 && (strcmp(words[0], "none") == 0 || severity_find(words[0], &severity));
    bool freeze = count == 2 && severity != SEVERITY_NONE && strcmp(words[1], "freeze") == 0;
    if (!known)
        return refuse(reader, "a severity is info, low, medium, high, critical or none",
                      count ? words[0] : NULL);
    if (count != 1 + (unsigned)freeze)
        return refuse(reader, "behind a severity only freeze may stand", words[1]);
    to->severity = (uint8_t)severity;
    to->freeze = freeze;
    return true;
}

static bool read_ports(struct reader *reader, char *text)
{
    char *words[WORDS_MAX];
    struct application *to = &reader->rules->applications[reader->current];
    unsigned count = split(text, words);
    uint8_t transports;
    if (count < 2 || !read_transports(words[0], &transports))
        return refuse(reader, "give port tcp|udp|any NUMBER ...", NULL);
    for (unsigned i = 1; i < count; i++) {
        uint32_t number;
        if (!read_number(words[i], NULL, UINT16_MAX, &number) || number == 0)
            return refuse(reader, "not a port", words[i]);
        if (to->port_count == APPLICATION_PORTS_MAX)
            return refuse(reader, "an application has at most 8 ports", NULL);
        to->ports[to->port_count++] = (struct application_port){transports, (uint16_t)number};
    }
    return true;
}

static bool read_match_ports(struct application_match *match, const char *text)
{
    match->port_count = 0;
    while (true) {
        const char *end = text + strcspn(text, ",");
        uint32_t number;
        if (!read_number(text, end, UINT16_MAX, &number) ||
            match->port_count == APPLICATION_MATCH_PORTS_MAX)
            return false;
        match->ports[match->port_count++] = (uint16_t)number;
        if (!*end)
            return true;
        text = end + 1;
    }
}

static bool read_length(struct application_match *match, const char *text)
{
    const char *dots = strstr(text, "..");
    uint32_t low, high = UINT16_MAX;
    if (!read_number(text, dots, UINT16_MAX, &low))
        return false;
    if (!dots)
        high = low;
    else if (dots[2] && !read_number(dots + 2, NULL, UINT16_MAX, &high))
        return false;
    match->length_min = (uint16_t)low;
    match->length_max = (uint16_t)high;
    return low <= high;
}

static bool read_option(struct reader *reader, struct application_match *match, const char *word)
{
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value - word) : strlen(word);
    uint32_t number = 0;
    bool good = false;
    value = value ? value + 1 : "";
#define IS(name) (length == sizeof(name) - 1 && memcmp(word, name, length) == 0)
    if (strcmp(word, "both") == 0)
        good = match->both = true;
    else if (IS("priority") && (good = read_number(value, NULL, 99, &number)))
        match->priority = (uint8_t)number;
    else if (IS("hits") &&
             (good = read_number(value, NULL, APPLICATION_HITS_MAX, &number) && number > 0))
        match->hits = (uint8_t)number;
    else if (IS("check"))
        good = (match->confirm = application_check_find(value)) != NULL;
    else if (IS("port"))
        good = read_match_ports(match, value);
    else if (IS("length"))
        good = read_length(match, value);
#undef IS
    return good || refuse(reader, "not an option of a match, or not a value for it", word);
}

/* The expression between the first and the last slash of TEXT, and the flag behind it. */
static bool read_expression(struct reader *reader, struct application_match *match, char *text)
{
    char *last = strrchr(text, '/');
    const char *flags = last + 1;
    if (last == text || last == text + 1)
        return refuse(reader, "an expression stands between slashes", NULL);
    match->caseless = flags[0] == 'i';
    flags += match->caseless;
    if (flags[strspn(flags, " \t")])
        return refuse(reader, "behind the expression only i may stand", flags);
    *last = 0;
    match->expression = strdup(text + 1);
    return match->expression || refuse(reader, "not enough memory", NULL);
}

static bool add_match(struct reader *reader, struct application_match *match, char *expression)
{
    struct application_rules *rules = reader->rules;
    if (rules->match_count == APPLICATION_MATCHES_MAX)
        return refuse(reader, "there are at most 16384 matches", NULL);
    if (!grow((void **)&rules->matches, rules->match_count, sizeof *match))
        return refuse(reader, "not enough memory", NULL);
    if (expression && !read_expression(reader, match, expression))
        return false;
    rules->matches[rules->match_count++] = *match;
    return true;
}

static bool read_match(struct reader *reader, char *text)
{
    struct application_match match = {.hits = 1,
                                      .priority = 50,
                                      .length_max = UINT16_MAX,
                                      .file = (uint16_t)(reader->rules->file_count - 1),
                                      .line = reader->line};
    char *expression = strchr(text, '/'), *words[WORDS_MAX], copy[LINE_OCTETS_MAX];
    match.application = (uint16_t)reader->current;
    size_t options = expression ? (size_t)(expression - text) : strlen(text);
    memcpy(copy, text, options);
    copy[options] = 0;
    unsigned count = split(copy, words);
    if (count < 2 || count > WORDS_MAX || !read_transports(words[0], &match.transports))
        return refuse(
            reader, "give match tcp|udp|any client|server|either [OPTION ...] /EXPRESSION/", NULL);
    match.sides = strcmp(words[1], "client") == 0   ? APPLICATION_CLIENT
                  : strcmp(words[1], "server") == 0 ? APPLICATION_SERVER
                  : strcmp(words[1], "either") == 0 ? APPLICATION_CLIENT | APPLICATION_SERVER
                                                    : 0;
    if (!match.sides)
        return refuse(reader, "who sends it: client, server or either", words[1]);
    for (unsigned i = 2; i < count; i++)
        if (!read_option(reader, &match, words[i]))
            return false;
    if (!expression && (!match.port_count || !match.confirm))
        return refuse(reader, "a match without an expression has port= and check=", NULL);
    return add_match(reader, &match, expression);
}

static bool read_line(struct reader *reader, char *line)
{
    static const struct {
        const char *word;
        bool (*read)(struct reader *reader, char *text);
    } kinds[] = {{"application", read_application},
                 {"label", read_label},
                 {"port", read_ports},
                 {"severity", read_severity},
                 {"match", read_match}};
    line += strspn(line, " \t");
    size_t length = strcspn(line, " \t");
    if (!*line || *line == '#')
        return true;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].word) != length || memcmp(line, kinds[i].word, length) != 0)
            continue;
        if (i > 0 && reader->current == UINT32_MAX)
            return refuse(reader, "an application line must come first", NULL);
        return kinds[i].read(reader, line + length);
    }
    line[length] = 0;
    return refuse(reader, "a line begins with application, label, port, severity or match", line);
}

/* Notes what is read from now on. */
static bool begin_file(struct reader *reader)
{
    struct application_rules *rules = reader->rules;
    char *name = strdup(reader->where);
    bool good = name && rules->file_count < UINT16_MAX &&
                grow((void **)&rules->files, rules->file_count, sizeof *rules->files);
    if (good) {
        rules->files[rules->file_count++] = name;
        return true;
    }
    free(name);
    return refuse(reader, "not enough memory", NULL);
}

bool application_rules_read(struct application_rules *rules, const char *text, size_t octets,
                            const char *where, struct error *error)
{
    struct reader reader = {.rules = rules, .where = where, .error = error, .current = UINT32_MAX};
    if (!begin_file(&reader))
        return false;
    for (size_t at = 0; at < octets;) {
        char line[LINE_OCTETS_MAX];
        const char *end = memchr(text + at, '\n', octets - at);
        size_t length = end ? (size_t)(end - (text + at)) : octets - at;
        reader.line++;
        if (length >= sizeof line || memchr(text + at, 0, length))
            return refuse(&reader, "a line has less than 2048 octets, none of them NUL", NULL);
        memcpy(line, text + at, length);
        if (length && line[length - 1] == '\r')
            length--;
        line[length] = 0;
        at += (end ? (size_t)(end - (text + at)) : octets - at) + 1;
        if (!read_line(&reader, line))
            return false;
    }
    return true;
}

void application_rules_free(struct application_rules *rules)
{
    for (uint32_t i = 0; i < rules->match_count; i++)
        free(rules->matches[i].expression);
    for (uint32_t i = 0; i < rules->file_count; i++)
        free(rules->files[i]);
    free(rules->files);
    free(rules->matches);
    free(rules->applications);
    *rules = (struct application_rules){0};
}
