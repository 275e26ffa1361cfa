/* --names TYPE=off|keyed-hash|clear,...: the leaves of the container names. */
#include <stdio.h>
#include <string.h>

#include "flow/flow_names.h"
#include "options.h"

#define NAMES "/spanflow/names/"

#define WORD(symbol, key, side, octets, help_) {.word = key "=", .leaf = NAMES key, .help = help_},
const struct option_word option_name_words[] = {
    NAME_TYPES(WORD){
        .word = "hashKey=FILE",
        .leaf = NAMES "hashKey",
        .help = "32 hexadecimal digits, the secret of keyed-hash; made if it is not there"},
    {0},
};

/* Every type at once. */
static bool apply_to_all(struct option_state *state, const char *value, struct error *error)
{
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
        if (!config_tree_set(state->tree, option_name_words[type].leaf, value, error))
            return false;
    return true;
}

static bool apply_word(struct option_state *state, const char *word, struct error *error)
{
    struct error inner = {""};
    const char *value = strchr(word, '=');
    size_t length = value ? (size_t)(value - word) : 0;
    bool good = false, known = length == 3 && strncmp(word, "all", length) == 0;
    if (known)
        good = apply_to_all(state, value + 1, &inner);
    for (const struct option_word *row = option_name_words; value && !known && row->word; row++) {
        known = option_word_is(row, word, length);
        if (known)
            good = config_tree_set(state->tree, row->leaf, value + 1, &inner);
    }
    if (!known)
        error_set(error,
                  "\"%.64s\" is no name; give all= or a type, as in NAMES of --help, with "
                  "off, keyed-hash or clear",
                  word);
    else if (!good)
        error_set(error, "%.64s: %s", word, inner.text);
    return good;
}

bool option_names_apply(struct option_state *state, const struct option_description *option,
                        const char *argument, struct error *error)
{
    char words[1536];
    (void)option;
    if ((size_t)snprintf(words, sizeof words, "%s", argument) >= sizeof words) {
        error_set(error, "too long; repeat the option instead");
        return false;
    }
    char *rest = words;
    bool applied = true;
    while (applied && rest)
        applied = apply_word(state, strsep(&rest, ","), error);
    return applied;
}
