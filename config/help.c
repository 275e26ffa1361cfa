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

static void print_words(FILE *file, const char *title, const struct option_word *words)
{
    fprintf(file, "\n%s\n", title);
    for (; words->word; words++)
        print_entry(file, words->word, words->help);
}

void option_head(const struct option_description *option, char *text, size_t size)
{
    char letter[8] = "";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c%s", option->letter, option->name ? ", " : "");
    snprintf(text, size, "%s%s%s%s%s", letter, option->name ? "--" : "",
             option->name ? option->name : "", option->argument ? " " : "",
             option->argument ? option->argument : "");
}

void options_print_help(FILE *file)
{
    fprintf(file, "usage: spanflowd -i SOURCE | -r FILE | -c FILE  [-e DESTINATION] [OPTION]...\n"
                  "Meters packets and exports flow records as NetFlow version 9 or IPFIX.\n\n"
                  "OPTIONS\n");
    for (size_t i = 0; i < option_count; i++) {
        char head[96];
        if (!option_table[i].help)
            continue;
        option_head(&option_table[i], head, sizeof head);
        print_entry(file, head, option_table[i].help);
    }
    print_words(file, "SOURCES: KIND:DEVICE[,WORD]...", option_source_words);
    print_words(file, "DESTINATIONS: 'KIND[?WORD&WORD...]'", option_destination_words);
    print_words(file, "TIMEOUTS", option_timeout_words);
    fprintf(file, "\nExit status: 0 done, every packet accounted for; 1 something failed while "
                  "running; 2 bad\narguments or configuration.\n");
}
