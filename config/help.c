/* The help text, made from the table of options. */
#include <string.h>

#include "options.h"

enum { HELP_COLUMN = 26, HELP_WIDTH = 79 };

/* Prints TEXT from column HELP_COLUMN on, broken between words. */
static void print_wrapped(FILE *file, const char *text)
{
    int column = HELP_COLUMN;
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            fprintf(file, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += fprintf(file, "%s%.*s", column > HELP_COLUMN ? " " : "", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', file);
}

static void print_entry(FILE *file, const char *head, const char *text)
{
    int column = fprintf(file, "  %s", head);
    if (column + 2 > HELP_COLUMN)
        fprintf(file, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(file, "%*s", HELP_COLUMN - column, "");
    print_wrapped(file, text);
}

/* Prints an entry and, from the leaf at PATH, the default if it is a number, and the words that a
 * list may hold. */
static void print_with_leaf(FILE *file, const struct config_tree *tree, const char *head,
                            const char *help, const char *path)
{
    char text[768];
    char words[384] = "";
    const struct lysc_node *node = path ? config_tree_find(tree, path) : NULL;
    const char *usual = node ? config_tree_default(node) : NULL;
    bool number = usual && strspn(usual, "0123456789") == strlen(usual);
    if (node && node->nodetype == LYS_LEAFLIST &&
        ((const struct lysc_node_leaflist *)node)->type->basetype == LY_TYPE_ENUM)
        config_tree_describe_type(node, words, sizeof words);
    snprintf(text, sizeof text, "%s%s%s%s%s%s", help, words[0] ? ": " : "", words,
             number ? " (default " : "", number ? usual : "", number ? ")" : "");
    print_entry(file, head, text);
}

/* ENTRY: the list that the leaves of WORDS belong to, with a slash; "" for whole paths. */
static void print_words(FILE *file, const struct config_tree *tree, const struct option_word *words,
                        const char *entry)
{
    for (; words->word; words++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", entry, words->leaf ? words->leaf : "");
        if (words->help)
            print_with_leaf(file, tree, words->word, words->help, words->leaf ? path : NULL);
    }
}

void option_head(const struct option_description *option, char *text, size_t size)
{
    char letter[8] = "";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c%s", option->letter, option->name ? ", " : "");
    bool optional = option->argument && option->value;
    snprintf(text, size, "%s%s%s%s%s%s", letter, option->name ? "--" : "",
             option->name ? option->name : "",
             optional           ? "[="
             : option->argument ? " "
                                : "",
             option->argument ? option->argument : "", optional ? "]" : "");
}

void options_print_help(FILE *file, const struct config_tree *tree)
{
    fprintf(file, "usage: spanflowd [-i SOURCE | -r FILE | -c FILE] [-e DESTINATION] [OPTION]...\n"
                  "Meters packets and exports flow records as NetFlow version 9 or IPFIX.\n\n"
                  "OPTIONS\n");
    for (size_t i = 0; i < option_count; i++) {
        const struct option_description *option = &option_table[i];
        char head[96];
        if (!option->help)
            continue;
        option_head(option, head, sizeof head);
        /* The leaf of -s counts what is left out, not N. */
        print_with_leaf(file, tree, head, option->help,
                        option->letter == 's' ? NULL : option->leaf);
    }
    fprintf(file, "\nSOURCES: KIND:DEVICE[,WORD]...\n");
    print_words(file, tree, option_source_kinds, "");
    print_words(file, tree, option_source_words, "/spanflow/observationPoint/");
    fprintf(file, "\nDESTINATIONS: 'KIND[?WORD&WORD...]'\n");
    print_words(file, tree, option_destination_kinds, "");
    print_words(file, tree, option_destination_words,
                "/spanflow/exportingProcess/destination/udpExporter/");
    fprintf(file, "\nTIMEOUTS\n");
    print_words(file, tree, option_timeout_words, "");
    fprintf(file, "\nFLOODS\n");
    print_words(file, tree, option_flood_words, "");
    fprintf(file, "\nLISTS: KIND:FILE[,WORD]...\n");
    print_words(file, tree, option_list_kinds, "");
    print_words(file, tree, option_list_words, "/spanflow/list/");
    fprintf(file, "\nALERTS\n");
    print_words(file, tree, option_alert_words, "");
    fprintf(file, "\nSNAPSHOTS\n");
    print_words(file, tree, option_snapshot_words, "");
    fprintf(file, "\nNAMES: TYPE=off|keyed-hash|clear\n");
    print_words(file, tree, option_name_words, "");
    fprintf(file, "\nExit status: 0 done, every packet accounted for; 1 something failed while "
                  "running; 2 bad\narguments or configuration.\n");
}
