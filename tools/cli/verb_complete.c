/*
 * spanflow complete WORD...: what may stand in the place of the last word, a line each. Called by
 * the shell's completion. Keys of lists are asked of the probe, if one answers; all else needs
 * none.
 */
#include <string.h>

#include "arguments.h"
#include "netconf/context.h"
#include "path.h"

static bool begins(const char *word, const char *begun)
{
    return strncmp(word, begun, strlen(begun)) == 0;
}

/* Prints the next word of each verb that goes on from BEFORE (words with blanks between). */
static void complete_verb(const char *before, const char *begun)
{
    char last[32] = "";
    size_t length = strlen(before);
    for (const struct verb *verb = verb_table; verb->name; verb++) {
        const char *rest = verb->name + length;
        if (strncmp(verb->name, before, length) != 0 || (length && *rest++ != ' '))
            continue;
        size_t word = strcspn(rest, " ");
        if (!begins(rest, begun) || (strlen(last) == word && strncmp(last, rest, word) == 0))
            continue;
        printf("%.*s\n", (int)word, rest);
        snprintf(last, sizeof last, "%.*s", (int)word, rest);
    }
}

static void complete_options(const struct verb_option *options, const char *begun)
{
    for (; options && options->name; options++)
        if (begins(options->name, begun))
            puts(options->name);
}

static void complete_words(const char *words, const char *begun)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        if (begins(words, begun))
            printf("%.*s\n", (int)length, words);
        words += length + (words[length] == ' ');
    }
}

/* Keys are those of the candidate and of what runs, expanded. */
static void complete_path(const char *socket, const char *begun)
{
    struct error error = {""};
    struct client client;
    struct lyd_node *data = NULL;
    if (client_open(&client, socket, &error)) {
        struct lyd_node *edited = NULL;
        client_get(&client, CLIENT_OPERATIONAL, "/sf:spanflow | /nacm:nacm", false, &data, &error);
        client_get(&client, CLIENT_CANDIDATE, NULL, false, &edited, &error);
        if (edited)
            lyd_merge_siblings(&data, edited, LYD_MERGE_DESTRUCT);
        path_complete(client.context, begun, data);
        lyd_free_all(data);
        client_close(&client);
        return;
    }
    struct ly_ctx *context = netconf_context_create(&error);
    if (!context)
        return;
    path_complete(context, begun, NULL);
    ly_ctx_destroy(context);
}

static void complete_value(const char *path, const char *begun)
{
    struct error error = {""};
    struct ly_ctx *context = netconf_context_create(&error);
    if (!context)
        return;
    path_complete_value(context, path, begun);
    ly_ctx_destroy(context);
}

/* What was typed before the last word. */
struct typed {
    char verb[96];    /* the first one or two words */
    const char *word; /* the first one behind the verb */
    const char *socket;
    const struct verb *row;
    bool in_value; /* the last word is an option's value */
    int words;     /* behind the verb */
};

static void take_word(struct typed *typed, const char *word)
{
    size_t used = strlen(typed->verb);
    if (typed->row) {
        if (typed->words++ == 0)
            typed->word = word;
        return;
    }
    snprintf(typed->verb + used, sizeof typed->verb - used, "%s%.40s", used ? " " : "", word);
    for (const struct verb *row = verb_table; row->name && !typed->row; row++)
        if (strcmp(row->name, typed->verb) == 0)
            typed->row = row;
}

static void read_typed(const struct verb_call *call, struct typed *typed)
{
    for (int i = 0; i + 1 < call->count; i++) {
        const char *word = call->words[i];
        size_t length = strcspn(word, "=");
        if (strncmp(word, "--", 2) != 0) {
            take_word(typed, word);
            continue;
        }
        const struct verb_option *option = arguments_option(common_options, word, length);
        if (!option && typed->row)
            option = arguments_option(typed->row->options, word, length);
        if (!option || word[length] || !arguments_takes_next(option))
            continue;
        typed->in_value = i + 2 == call->count;
        i++;
        if (strcmp(option->name, "--control") == 0 && !typed->in_value)
            typed->socket = call->words[i];
    }
}

int verb_complete(struct verb_call *call)
{
    struct typed typed = {.socket = usual_socket};
    const char *begun = call->count ? call->words[call->count - 1] : "";
    read_typed(call, &typed);
    if (typed.in_value)
        return VERB_DONE;
    if (begun[0] == '-') {
        complete_options(typed.row ? typed.row->options : NULL, begun);
        complete_options(common_options, begun);
    } else if (!typed.row) {
        complete_verb(typed.verb, begun);
    } else if (strcmp(typed.row->name, "help") == 0) {
        complete_verb(typed.word ? typed.word : "", begun);
    } else if (strcmp(typed.row->name, "config get") == 0 ||
               strcmp(typed.row->name, "config edit") == 0) {
        if (typed.words == 0)
            complete_path(typed.socket, begun);
        else if (typed.words == 1 && typed.row->words_max == 2)
            complete_value(typed.word, begun);
    } else {
        complete_words(typed.row->words, begun);
    }
    return VERB_DONE;
}
