/* The option --list: a kind of list, its file, and words. See options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "options.h"

enum { LIST_NAME_OCTETS = 64 };

const struct option_word option_list_kinds[] = {
    {.word = "hosts:FILE", .help = "addresses of IPv4 and IPv6, one on a line"},
    {.word = "networks:FILE", .help = "address prefixes, such as 192.0.2.0/24"},
    {.word = "domains:FILE", .help = "names of domains; each stands for the names below it, too"},
    {0},
};

const struct option_word option_list_words[] = {
    {.word = "name=NAME",
     .help = "the name of the list; else that of the file, without its ending"},
    {.word = "label=TEXT",
     .leaf = "label",
     .help = "what flows that are in it are called; else the name"},
    {.word = "severity=WORD",
     .leaf = "severity",
     .help = "how grave that is: info, low, medium (default), high or critical"},
    {0},
};

/* The name of the file at PATH without folder and ending. */
static void name_of_file(const char *path, char name[LIST_NAME_OCTETS])
{
    const char *slash = strrchr(path, '/');
    const char *from = slash ? slash + 1 : path;
    size_t length = strcspn(from[0] ? from + 1 : from, ".") + (from[0] != 0);
    snprintf(name, LIST_NAME_OCTETS, "%.*s", (int)length, from);
}

/* One word of WORDS, WORD=VALUE, into *NAME or the leaf of ENTRY (NULL: names only). */
static bool apply_word(struct option_state *state, struct lyd_node *entry, char *text,
                       const char **name, struct error *error)
{
    char *value = strchr(text, '=');
    const struct option_word *word = option_list_words;
    while (word->word && !(value && option_word_is(word, text, (size_t)(value - text))))
        word++;
    if (!word->word) {
        error_set(error, "\"%.64s\" is no word of a list; give name=, label= or severity=", text);
        return false;
    }
    if (!word->leaf)
        *name = value + 1;
    struct error inner = {""};
    if (!word->leaf || !entry ||
        config_tree_set_below(state->tree, entry, word->leaf, value + 1, &inner))
        return true;
    error_set(error, "%s: %s", word->leaf, inner.text);
    return false;
}

/* All words of WORDS, which stay as they are. */
static bool apply_words(struct option_state *state, struct lyd_node *entry, const char *words,
                        char name[LIST_NAME_OCTETS], struct error *error)
{
    char *copy = strdup(words), *rest = copy;
    bool good = true;
    check(copy);
    while (good && rest) {
        const char *given = NULL;
        good = apply_word(state, entry, strsep(&rest, ","), &given, error);
        if (given)
            snprintf(name, LIST_NAME_OCTETS, "%s", given);
    }
    free(copy);
    return good;
}

static bool add_list(struct option_state *state, const char *kind, const char *file,
                     const char *words, struct error *error)
{
    struct lyd_node *entry = NULL;
    struct error inner = {""};
    char name[LIST_NAME_OCTETS];
    name_of_file(file, name);
    if (words && !apply_words(state, NULL, words, name, error))
        return false;
    if (!config_tree_add(state->tree, "/spanflow/list", name, &entry, &inner)) {
        error_set(error, "name: %s", inner.text);
        return false;
    }
    return config_tree_set_below(state->tree, entry, "kind", kind, error) &&
           config_tree_set_below(state->tree, entry, "file", file, error) &&
           (!words || apply_words(state, entry, words, name, error));
}

bool option_list_apply(struct option_state *state, const struct option_description *option,
                       const char *argument, struct error *error)
{
    char *kind = strdup(argument);
    check(kind);
    char *file = strchr(kind, ':');
    char *words = file ? strchr(file, ',') : NULL;
    bool good = file && file[1] && file[1] != ',';
    (void)option;
    if (file)
        *file++ = 0;
    if (words)
        *words++ = 0;
    if (good)
        good = add_list(state, kind, file, words, error);
    else
        error_set(error, "give a kind, a colon and a file, such as hosts:/etc/spanflow/bad.list");
    free(kind);
    return good;
}
