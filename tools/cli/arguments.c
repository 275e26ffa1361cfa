/* Words into verbs and options. */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

const char usual_socket[] = "/run/spanflow/control.sock";

const struct verb_option common_options[] = {
    {"--control", "PATH", "the local socket of the probe; else /run/spanflow/control.sock"},
    {"--json", NULL, "the answer as JSON"},
    {"--help", NULL, "what the verb does and which words it knows"},
    {0},
};

/* Options with a value that may be left out show it as "[=VALUE]". */
static bool is_optional(const struct verb_option *option)
{
    return option->value && option->value[0] == '[';
}

bool arguments_takes_next(const struct verb_option *option)
{
    return option->value && !is_optional(option);
}

const struct verb_option *arguments_option(const struct verb_option *options, const char *name,
                                           size_t length)
{
    for (; options && options->name; options++)
        if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

/* ---- verbs ---- */

/* The verbs that begin with the word GROUP, as "get, edit, ..."; false if there are none. */
static bool tell_group(const struct verb verbs[], const char *group, char *text, size_t size)
{
    size_t length = strlen(group), used = 0;
    text[0] = 0;
    for (; verbs->name; verbs++) {
        if (strncmp(verbs->name, group, length) != 0 || verbs->name[length] != ' ')
            continue;
        int more =
            snprintf(text + used, size - used, "%s%s", used ? ", " : "", verbs->name + length + 1);
        used += (size_t)more < size - used ? (size_t)more : 0;
    }
    return text[0] != 0;
}

/* Looks for the verb in the first one or two words of CALL. False and ERROR. */
static bool find_verb(const struct verb verbs[], struct verb_call *call, struct error *error)
{
    char both[96], others[256];
    if (call->count == 0) {
        error_set(error, "which verb? see spanflow help");
        return false;
    }
    snprintf(both, sizeof both, "%.40s %.40s", call->words[0],
             call->count > 1 ? call->words[1] : "");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        bool one = strcmp(verb->name, call->words[0]) == 0;
        if (!one && strcmp(verb->name, both) != 0)
            continue;
        call->verb = verb;
        call->words += one ? 1 : 2;
        call->count -= one ? 1 : 2;
        return true;
    }
    if (!tell_group(verbs, call->words[0], others, sizeof others))
        error_set(error, "there is no verb '%s'; see spanflow help", call->words[0]);
    else if (call->count == 1)
        error_set(error, "%s: which of %s?", call->words[0], others);
    else
        error_set(error, "there is no verb '%s'; of %s there are %s", both, call->words[0], others);
    return false;
}

/* ---- options ---- */

/* Keeps VALUE in the place of OPTION. */
static void keep(struct verb_call *call, const struct verb_option *option, const char *value)
{
    if (strcmp(option->name, "--control") == 0)
        call->socket = value;
    else if (strcmp(option->name, "--json") == 0)
        call->json = true;
    else if (call->verb)
        call->values[option - call->verb->options] = value;
}

/* Reads the option at WORDS[*AT], which moves behind it. */
static bool read_option(struct verb_call *call, int count, char *words[], int *at,
                        struct error *error)
{
    const char *word = words[*at];
    size_t length = strcspn(word, "=");
    const char *value = word[length] ? word + length + 1 : NULL;
    const char *name = call->verb ? call->verb->name : "spanflow";
    const struct verb_option *option = arguments_option(common_options, word, length);
    if (!option && call->verb)
        option = arguments_option(call->verb->options, word, length);
    ++*at;
    if (!option) {
        error_set(error, "%s does not know '%.*s'; see spanflow%s%s --help", name, (int)length,
                  word, call->verb ? " " : "", call->verb ? name : "");
        return false;
    }
    if (value && !option->value) {
        error_set(error, "%s %s takes no value", name, option->name);
        return false;
    }
    if (!value && arguments_takes_next(option)) {
        if (*at == count) {
            error_set(error, "%s %s needs a value: %s", name, option->name, option->value);
            return false;
        }
        value = words[(*at)++];
    }
    keep(call, option, value ? value : "");
    return true;
}

/* Words of VERB (NULL: any) that are options: --NAME, and letters that it knows. */
static bool is_option(const struct verb *verb, const char *word)
{
    if (strncmp(word, "--", 2) == 0)
        return true;
    return verb && word[0] == '-' && word[1] && !word[2] &&
           arguments_option(verb->options, word, 2);
}

/* Whether WORD is an option that stands together with the next word. */
static bool has_next(const struct verb *verb, const char *word)
{
    const struct verb_option *option = arguments_option(common_options, word, strlen(word));
    if (!option && verb)
        option = arguments_option(verb->options, word, strlen(word));
    return option && arguments_takes_next(option);
}

/* Finds the verb: among the first words that are neither options nor their values. */
static bool look_for_verb(const struct verb verbs[], int count, char *words[],
                          struct verb_call *call, struct error *error)
{
    char *first[2] = {"", ""};
    struct verb_call named = {.count = 0, .words = first};
    for (int i = 0; i < count && named.count < 2 && strcmp(words[i], "--") != 0; i++) {
        if (!is_option(NULL, words[i]))
            first[named.count++] = words[i];
        else if (has_next(NULL, words[i]))
            i++;
    }
    bool found = find_verb(verbs, &named, error);
    call->verb = named.verb;
    return found;
}

static bool enough_words(const struct verb_call *call, struct error *error)
{
    const struct verb *verb = call->verb;
    if (call->count > verb->words_max)
        error_set(error, "%s does not know '%s'; see spanflow %s --help", verb->name,
                  call->words[verb->words_max], verb->name);
    else if (call->count < verb->words_min)
        error_set(error, "%s needs %s; see spanflow %s --help", verb->name, verb->arguments,
                  verb->name);
    return call->count >= verb->words_min && call->count <= verb->words_max;
}

/* Whether WORDS have NAME before the word "--". */
static bool asks(int count, char *words[], const char *name)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

enum arguments_found arguments_read(const struct verb verbs[], int count, char *words[],
                                    struct verb_call *call, struct error *error)
{
    *call = (struct verb_call){.socket = usual_socket, .words = words};
    bool known = look_for_verb(verbs, count, words, call, error);
    if (count == 0 || asks(count, words, "--help") || asks(count, words, "-h")) {
        /* Of verbs that begin with the same word, if that is all there is. */
        int first = 0;
        while (first < count && is_option(NULL, words[first]))
            first += has_next(NULL, words[first]) ? 2 : 1;
        call->words = words + first;
        call->count = !call->verb && first < count ? 1 : 0;
        return ARGUMENTS_HELP;
    }
    if (asks(count, words, "--version") && !known)
        return ARGUMENTS_VERSION;
    if (!known)
        return ARGUMENTS_WRONG;
    bool all_words = false;
    for (int at = 0; at < count;) {
        if (!all_words && strcmp(words[at], "--") == 0) {
            all_words = true;
            at++;
        } else if (!all_words && is_option(call->verb, words[at])) {
            if (!read_option(call, count, words, &at, error))
                return ARGUMENTS_WRONG;
        } else {
            words[call->count++] = words[at++];
        }
    }
    if (!find_verb(verbs, call, error) || !enough_words(call, error))
        return ARGUMENTS_WRONG;
    return ARGUMENTS_VERB;
}
