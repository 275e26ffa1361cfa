/*
 * The words of a command line: verbs of one and two words, options before and behind them, values
 * that must, may or must not be there, and what is said of wrong ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"

static const struct verb_option show_options[] = {
    {"--limit", "NUMBER", ""}, {"--confirmed", "[=SECONDS]", ""}, {"--all", NULL, ""}, {0}};
static const struct verb verbs[] = {{"show", "[WORD ...]", "", false, 0, 3, NULL, show_options, ""},
                                    {"config get", "[PATH]", "", false, 0, 1, NULL, NULL, ""},
                                    {"config edit", "PATH", "", false, 1, 1, NULL, NULL, ""},
                                    {0}};

enum { WORDS_MAX = 12 };

/* Reads LINE, words between blanks. */
static enum arguments_found read_line(const char *line, struct verb_call *call, struct error *error)
{
    static char text[256];
    static char *words[WORDS_MAX];
    int count = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    return arguments_read(verbs, count, words, call, error);
}

static const char *value(const struct verb_call *call, const char *name)
{
    const struct verb_option *option = arguments_option(show_options, name, strlen(name));
    assert_non_null(option);
    return call->values[option - show_options];
}

static void verbs_and_words_are_found(void **state)
{
    (void)state;
    struct verb_call call;
    struct error error;
    assert_int_equal(read_line("--control /x --json config get a/b", &call, &error),
                     ARGUMENTS_VERB);
    assert_string_equal(call.verb->name, "config get");
    assert_string_equal(call.socket, "/x");
    assert_true(call.json);
    assert_int_equal(call.count, 1);
    assert_string_equal(call.words[0], "a/b");
    assert_int_equal(read_line("config --control=/y edit p", &call, &error), ARGUMENTS_VERB);
    assert_string_equal(call.verb->name, "config edit");
    assert_string_equal(call.socket, "/y");
    assert_false(call.json);
}

static void options_have_their_values(void **state)
{
    (void)state;
    struct verb_call call;
    struct error error;
    assert_int_equal(read_line("show a --limit 5 b --confirmed c", &call, &error), ARGUMENTS_VERB);
    assert_string_equal(value(&call, "--limit"), "5");
    assert_string_equal(value(&call, "--confirmed"), "");
    assert_null(value(&call, "--all"));
    assert_int_equal(call.count, 3);
    assert_string_equal(call.words[2], "c");
    assert_int_equal(read_line("show --all --confirmed=7 --limit=--all", &call, &error),
                     ARGUMENTS_VERB);
    assert_string_equal(value(&call, "--confirmed"), "7");
    assert_string_equal(value(&call, "--limit"), "--all");
    assert_string_equal(value(&call, "--all"), "");
    assert_int_equal(read_line("show -- --all", &call, &error), ARGUMENTS_VERB);
    assert_string_equal(call.words[0], "--all");
    assert_null(value(&call, "--all"));
}

static void wrong_words_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"nothing", "there is no verb 'nothing'"},
        {"config", "config: which of get, edit?"},
        {"config put", "there is no verb 'config put'; of config there are get, edit"},
        {"--json", "which verb?"},
        {"show --what", "show does not know '--what'"},
        {"show --limit", "--limit needs a value: NUMBER"},
        {"show --all=3", "--all takes no value"},
        {"show a b c d", "show does not know 'd'"},
        {"config edit", "config edit needs PATH"},
        {"config get --limit 3", "config get does not know '--limit'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verb_call call;
        struct error error = {""};
        assert_int_equal(read_line(cases[i].line, &call, &error), ARGUMENTS_WRONG);
        if (!strstr(error.text, cases[i].said))
            fail_msg("%s: %s", cases[i].line, error.text);
    }
}

static void help_is_found_everywhere(void **state)
{
    (void)state;
    struct verb_call call;
    struct error error;
    assert_int_equal(read_line("", &call, &error), ARGUMENTS_HELP);
    assert_int_equal(read_line("show x y z too many --help", &call, &error), ARGUMENTS_HELP);
    assert_string_equal(call.verb->name, "show");
    assert_int_equal(read_line("--control /x config -h", &call, &error), ARGUMENTS_HELP);
    assert_null(call.verb);
    assert_int_equal(call.count, 1);
    assert_string_equal(call.words[0], "config");
    assert_int_equal(read_line("--version", &call, &error), ARGUMENTS_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs_and_words_are_found),
        cmocka_unit_test(options_have_their_values),
        cmocka_unit_test(wrong_words_are_told),
        cmocka_unit_test(help_is_found_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
