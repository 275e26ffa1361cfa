/* What the tests of the configuration share: a command line in, a configuration or a line out. */
#ifndef SPANFLOW_TESTS_CONFIG_TEST_H
#define SPANFLOW_TESTS_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "command_line.h"
#include "model.h"

/* Words of a command line, ended by NULL, without the program's name. */
#define WORDS(...) ((char *[]){"spanflowd", __VA_ARGS__, NULL})

/* The configuration of a command line that must be accepted; for probe_config_free(). */
static inline struct probe_config *accepted(char *const words[])
{
    struct probe_config *config = NULL;
    struct error error = {""};
    int count = 0;
    while (words[count])
        count++;
    struct run_options run;
    enum command_line_result result = config_from_command_line(count, words, &config, &run, &error);
    run_options_free(&run);
    if (result != COMMAND_LINE_RUN)
        fail_msg("refused: %s", error.text);
    assert_non_null(config);
    return config;
}

/* The line that refuses a command line; it must be refused. */
static inline const char *refused(char *const words[])
{
    static struct error error;
    struct probe_config *config = NULL;
    int count = 0;
    while (words[count])
        count++;
    error.text[0] = 0;
    struct run_options run;
    enum command_line_result result = config_from_command_line(count, words, &config, &run, &error);
    run_options_free(&run);
    assert_int_equal(result, COMMAND_LINE_REFUSED);
    assert_null(config);
    assert_true(error.text[0] != 0);
    assert_null(strpbrk(error.text, "\r\n"));
    return error.text;
}

/* Same values; the list of files is compared by content. */
static inline bool same_config(const struct probe_config *a, const struct probe_config *b)
{
    struct probe_config x = *a;
    struct probe_config y = *b;
    if (x.file_count != y.file_count)
        return false;
    for (uint32_t i = 0; i < x.file_count; i++)
        if (strcmp(x.files[i], y.files[i]) != 0)
            return false;
    x.files = NULL;
    y.files = NULL;
    return memcmp(&x, &y, sizeof x) == 0;
}

#endif
