/*
 * Walks the arguments twice: first for the options that are about the run itself (-c, --help),
 * then, on top of the file of -c, for those that are leaves.
 */
#include "command_line.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_text.h"
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

/* Whether OPTION says where a configuration is and how to run it, and nothing of what is in it. */
static bool is_about_the_run(const struct option_description *option)
{
    static const size_t kept[] = {
        offsetof(struct option_state, file), offsetof(struct option_state, store),
        offsetof(struct option_state, control), offsetof(struct option_state, check)};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (option_is_kept(option) && option->kept == kept[i])
            return true;
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
        state->is_volatile |= !is_about_the_run(found.option);
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

/* Copies PATH to TEXT; NAME is the option. */
static bool copy_path(const char *name, const char *path, char *text, size_t size,
                      struct error *error)
{
    size_t length = strlen(path);
    if (length == 0 || length >= size) {
        error_set(error, "%s: give a path of 1..%zu octets", name, size - 1);
        return false;
    }
    memcpy(text, path, length + 1);
    return true;
}

static bool describe_run(const struct option_state *state, struct run_options *run,
                         struct error *error)
{
    run->volatile_run = state->is_volatile;
    run->replaces_stored = state->file && !state->is_volatile;
    run->managed = !state->is_volatile || state->control;
    run->managed_by_option = state->control != NULL;
    return copy_path("--store", state->store ? state->store : STORE_DIRECTORY, run->store,
                     sizeof run->store, error) &&
           copy_path("--control", state->control ? state->control : CONTROL_SOCKET, run->control,
                     sizeof run->control, error);
}

/* Reads the file of -c, or the stored configuration if nothing else was given. */
static bool load(const struct option_state *state, struct run_options *run, struct error *error)
{
    struct config_text parts = {0};
    char name[1280];
    bool there = true;
    if (!state->file && run->volatile_run)
        return true;
    if (state->file) {
        snprintf(name, sizeof name, "%.1024s", state->file);
        char *text = config_text_read(state->file, error);
        there = text && config_text_take(text, state->file, false, &parts, error);
        free(text);
        if (!there)
            return false;
    } else {
        snprintf(name, sizeof name, "%s/" CONFIG_STORE_FILE, run->store);
        if (!config_text_take_stored(run->store, &parts, &there, error))
            return false;
    }
    /* One that is served waits for its first configuration. */
    run->unconfigured = !there && !state->check;
    if (run->unconfigured)
        return true;
    if (!there) {
        error_set(error, NOTHING_STORED, run->store);
        return false;
    }
    if (parts.converted) /* its lines are not those of the file */
        snprintf(name + strlen(name), sizeof name - strlen(name), CONFIG_TEXT_OLDER);
    bool loaded = config_tree_parse(state->tree, parts.configuration, name, error);
    run->access = parts.access;
    parts.access = NULL;
    config_text_free(&parts);
    return loaded;
}

/* Reading capture files ends by itself: there is nothing to manage and nothing to store. */
static void leave_alone(struct run_options *run)
{
    run->volatile_run = true;
    run->managed = false;
    run->managed_by_option = false;
    run->replaces_stored = false;
}

static bool build(struct option_state *state, int argc, char *const argv[],
                  struct probe_config **config, struct run_options *run, struct error *error)
{
    if (!describe_run(state, run, error) || !load(state, run, error) ||
        !walk(state, argc, argv, false, error) || !apply_collector(state, error))
        return false;
    run->configuration = config_tree_print(state->tree);
    check(run->configuration);
    if (!config_tree_validate(state->tree, error))
        return false;
    *config = probe_config_from_tree(state->tree, error);
    bool stored = !state->file && !run->volatile_run;
    if (*config && !stored && !model_check_observes(*config, error)) {
        probe_config_free(*config);
        *config = NULL;
    }
    if (*config && (*config)->offline)
        leave_alone(run);
    return *config != NULL;
}

void config_print_checked(const struct probe_config *config)
{
    uint32_t destinations = 0;
    for (uint32_t c = 0; c < config->cache_count; c++)
        destinations += config->caches[c].exporting.destination_count;
    printf("configuration OK: %s %u, destinations %u\n",
           config->offline ? "capture files" : "observation points",
           config->offline ? config->file_count : config->source_count, destinations);
}

enum command_line_result config_from_command_line(int argc, char *const argv[],
                                                  struct probe_config **config,
                                                  struct run_options *run, struct error *error)
{
    struct config_tree tree = {0};
    struct option_state state = {.tree = &tree};
    *config = NULL;
    memset(run, 0, sizeof *run);
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
    bool built = build(&state, argc, argv, config, run, error);
    config_tree_close(&tree);
    if (!built)
        return COMMAND_LINE_REFUSED;
    return state.check ? COMMAND_LINE_CHECK : COMMAND_LINE_RUN;
}

void run_options_free(struct run_options *run)
{
    free(run->configuration);
    free(run->access);
    memset(run, 0, sizeof *run);
}
