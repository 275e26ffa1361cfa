/*
 * Walks the arguments twice: first for the options that are about the run itself (-c, --help),
 * then, on top of the file of -c, for those that are leaves.
 */
#include "command_line.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "model.h"
#include "options.h"

enum { OPTIONS_MAX = 64 };

/* One option as found in the arguments. */
struct occurrence {
    const struct option_description *option;
    const char *argument;
    char shown[32]; /* "-t" or "--filter", cut */
};

static const struct option_description *find_letter(char letter)
{
    for (size_t i = 0; i < option_count; i++)
        if (letter && option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

static const struct option_description *find_name(const char *name, size_t length)
{
    for (size_t i = 0; i < option_count; i++) {
        const char *candidate = option_table[i].name;
        if (candidate && strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return &option_table[i];
    }
    return NULL;
}

/* TEXT is no option; perhaps it was meant as the value of BEFORE, which needs the equals sign. */
static void refuse_word(const char *text, const char *before, struct error *error)
{
    const struct option_description *option = NULL;
    if (strncmp(before, "--", 2) == 0)
        option = find_name(before + 2, strlen(before + 2));
    if (option && option->argument)
        error_set(error, "%.200s: not an option; a value of %s stands behind '=': %s=%.200s", text,
                  before, before, text);
    else
        error_set(error, "%.200s: not an option; see spanflowd --help", text);
}

/*
 * Reads the option at argv[*index] and moves *INDEX behind it and its argument. Forms: -t VALUE,
 * -tVALUE, --name VALUE, --name=VALUE. An argument may begin with a hyphen. One that may be left
 * out can only follow the equals sign.
 */
static bool next_option(int argc, char *const argv[], int *index, struct occurrence *found,
                        struct error *error)
{
    const char *text = argv[(*index)++];
    const char *attached = NULL;
    if (strncmp(text, "--", 2) == 0 && text[2]) {
        size_t length = strcspn(text + 2, "=");
        found->option = find_name(text + 2, length);
        attached = text[2 + length] ? text + 3 + length : NULL;
        snprintf(found->shown, sizeof found->shown, "--%.*s", (int)length, text + 2);
    } else if (text[0] == '-' && text[1] && text[1] != '-') {
        found->option = find_letter(text[1]);
        attached = text[2] ? text + 2 : NULL;
        snprintf(found->shown, sizeof found->shown, "-%c", text[1]);
    } else {
        refuse_word(text, *index > 2 ? argv[*index - 2] : "", error);
        return false;
    }
    if (!found->option) {
        error_set(error, "%.200s: unknown option; see spanflowd --help", text);
        return false;
    }
    found->argument = attached;
    if (!found->option->argument && attached) {
        error_set(error, "%.200s: this option has no argument", text);
        return false;
    }
    bool wanted = found->option->argument && !found->option->value && !attached;
    if (wanted && *index == argc) {
        error_set(error, "%s: give %s %s", text, text, found->option->argument);
        return false;
    }
    if (wanted)
        found->argument = argv[(*index)++];
    return true;
}

/* Runs one option and puts its name before a complaint. */
static bool apply(struct option_state *state, const struct occurrence *found, struct error *error)
{
    struct error inner = {""};
    if (found->option->apply(state, found->option, found->argument, &inner))
        return true;
    error_set(error, "%s%s%.200s: %s", found->shown, found->argument ? " " : "",
              found->argument ? found->argument : "", inner.text);
    return false;
}

/* One walk over all arguments: KEPT tells which kind of option is applied in it. */
static bool walk(struct option_state *state, int argc, char *const argv[], bool kept,
                 struct error *error)
{
    bool seen[OPTIONS_MAX] = {false};
    check(option_count <= OPTIONS_MAX);
    for (int index = 1; index < argc;) {
        struct occurrence found = {0};
        if (!next_option(argc, argv, &index, &found, error))
            return false;
        size_t row = (size_t)(found.option - option_table);
        if (seen[row] && !found.option->repeats) {
            error_set(error, "%s: given twice; give it once", found.shown);
            return false;
        }
        seen[row] = true;
        if (option_is_kept(found.option) == kept && !apply(state, &found, error))
            return false;
    }
    return true;
}

static bool apply_collector(struct option_state *state, struct error *error)
{
    struct error inner = {""};
    if (state->version && !state->collector) {
        error_set(error, "-v %.200s: -v is the version of -n; with -e write ?version=%.8s",
                  state->version, state->version);
        return false;
    }
    if (!state->collector ||
        option_collector_apply(state, state->collector, state->version, &inner))
        return true;
    error_set(error, "-n %.200s: %s", state->collector, inner.text);
    return false;
}

static bool build(struct option_state *state, int argc, char *const argv[],
                  struct probe_config **config, struct error *error)
{
    if (state->file && !config_tree_load(state->tree, state->file, error))
        return false;
    if (!walk(state, argc, argv, false, error) || !apply_collector(state, error) ||
        !config_tree_validate(state->tree, error))
        return false;
    *config = probe_config_from_tree(state->tree, error);
    return *config != NULL;
}

static void print_checked(const struct probe_config *config)
{
    printf("configuration OK: %s %u, destinations %u\n",
           config->offline ? "capture files" : "observation points",
           config->offline ? config->file_count : config->source_count,
           config->exporting.destination_count);
}

enum command_line_result config_from_command_line(int argc, char *const argv[],
                                                  struct probe_config **config, struct error *error)
{
    struct config_tree tree = {0};
    struct option_state state = {.tree = &tree};
    *config = NULL;
    if (!walk(&state, argc, argv, true, error))
        return COMMAND_LINE_REFUSED;
    if (state.show_version) {
        printf("spanflowd %s\n", SPANFLOW_VERSION);
        return COMMAND_LINE_DONE;
    }
    if (!config_tree_open(&tree, error))
        return COMMAND_LINE_REFUSED;
    if (state.help) {
        options_print_help(stdout, &tree);
        config_tree_close(&tree);
        return COMMAND_LINE_DONE;
    }
    bool built = build(&state, argc, argv, config, error);
    config_tree_close(&tree);
    if (!built)
        return COMMAND_LINE_REFUSED;
    if (!state.check)
        return COMMAND_LINE_RUN;
    print_checked(*config);
    probe_config_free(*config);
    *config = NULL;
    return COMMAND_LINE_DONE;
}
