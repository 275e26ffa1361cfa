/*
 * Configurations from anybody: a file of -c as it is, or, when the input begins with a hyphen, one
 * argument of the command line on each line. Options that read files or print are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "command_line.h"
#include "config_tree.h"
#include "model.h"

enum { ARGUMENTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_left_out(const char *argument)
{
    return strncmp(argument, "-c", 2) == 0 || strncmp(argument, "-h", 2) == 0 ||
           strncmp(argument, "--help", 6) == 0 || strncmp(argument, "--version", 9) == 0 ||
           strncmp(argument, "--check", 7) == 0 || strncmp(argument, "--store", 7) == 0;
}

static void run_arguments(char *text)
{
    char *arguments[ARGUMENTS_MAX + 1] = {"spanflowd"};
    int count = 1;
    struct probe_config *config = NULL;
    struct error error = {""};
    char *rest = text;
    while (rest && count < ARGUMENTS_MAX) {
        arguments[count] = strsep(&rest, "\n");
        if (is_left_out(arguments[count]))
            return;
        count++;
    }
    struct run_options run;
    enum command_line_result result =
        config_from_command_line(count, arguments, &config, &run, &error);
    check(result == (config ? COMMAND_LINE_RUN : COMMAND_LINE_REFUSED));
    check(config || error.text[0]);
    probe_config_free(config);
    run_options_free(&run);
}

static void run_file(const char *text)
{
    /* To load the module takes longer than anything else here: once is enough. */
    static struct config_tree tree;
    struct error error = {""};
    struct probe_config *config = NULL;
    if (!tree.root)
        check(config_tree_open(&tree, &error));
    if (config_tree_parse(&tree, text, "input", &error) && config_tree_validate(&tree, &error))
        config = probe_config_from_tree(&tree, &error);
    check(config || error.text[0]);
    check(!strpbrk(error.text, "\r\n"));
    probe_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    check(text);
    memcpy(text, data, size);
    text[size] = 0;
    if (*text == '-')
        run_arguments(text);
    else
        run_file(text);
    free(text);
    return 0;
}
