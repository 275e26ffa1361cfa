/* Files of lists: comments, blanks, line ends, and every refusal with its file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/watch_file.h"

/* What was taken, each entry and its rest in brackets. */
struct taken {
    char text[4096];
    unsigned count;
};

static bool take(void *context, const struct watch_line *line, struct error *error)
{
    struct taken *taken = context;
    size_t used = strlen(taken->text);
    if (line->octets == 3 && memcmp(line->entry, "bad", 3) == 0) {
        error_set(error, "not liked");
        return false;
    }
    if (used < 2000)
        snprintf(taken->text + used, sizeof taken->text - used, "<%.*s|%.*s>", (int)line->octets,
                 line->entry, (int)line->rest_octets, line->rest);
    taken->count++;
    return true;
}

static bool read_text(const char *text, struct taken *taken, struct error *error)
{
    memset(taken, 0, sizeof *taken);
    error->text[0] = 0;
    return watch_text_read(text, strlen(text), "own", take, taken, error);
}

static void comments_and_blanks_mean_nothing(void **state)
{
    struct taken taken;
    struct error error;
    (void)state;
    assert_true(
        read_text("# one\n\n a \n\tb\t# two\r\nc#d\r\n#e\n   # f\ng  h i  # j\nk", &taken, &error));
    assert_string_equal(taken.text, "<a|><b|><c#d|><g|h i><k|>");
    assert_true(read_text("", &taken, &error));
    assert_true(read_text("\n", &taken, &error));
    assert_true(read_text(" ", &taken, &error));
    assert_int_equal(taken.count, 0);
    assert_true(read_text("x y#z", &taken, &error));
    assert_string_equal(taken.text, "<x|y#z>");
}

static void refusals_name_file_and_line(void **state)
{
    struct taken taken;
    struct error error;
    char text[3000];
    (void)state;
    assert_false(read_text("a\n# x\nbad # y\nb\n", &taken, &error));
    assert_string_equal(error.text, "own:3: bad: not liked");
    assert_false(watch_text_read("a\nb\0c\n", 6, "own", take, &taken, &error));
    assert_non_null(strstr(error.text, "own:2: b: an octet of 0"));
    memset(text, 'x', sizeof text);
    memcpy(text, "a\nb\n", 4);
    text[sizeof text - 1] = 0;
    assert_false(read_text(text, &taken, &error));
    assert_non_null(strstr(error.text, "own:3: xxxx"));
    assert_non_null(strstr(error.text, "more than 1024 octets"));
}

static void write_file(const char *path, const char *text, size_t octets)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, octets, file), octets);
    assert_int_equal(fclose(file), 0);
}

static void files_are_read_in_pieces(void **state)
{
    char path[] = "/tmp/watch_file_XXXXXX";
    struct taken taken = {.count = 0};
    struct error error = {""};
    const unsigned lines = 100000; /* more than one piece */
    char *text = malloc(lines * 16u), *at = text;
    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i < lines; i++)
        at += sprintf(at, "entry%u\n", i);
    close(mkstemp(path));
    write_file(path, text, (size_t)(at - text));
    assert_true(watch_file_read(path, take, &taken, &error));
    assert_int_equal(taken.count, lines);
    at += sprintf(at, "bad");
    write_file(path, text, (size_t)(at - text));
    assert_false(watch_file_read(path, take, &taken, &error));
    assert_non_null(strstr(error.text, ":100001: bad: not liked"));
    assert_non_null(strstr(error.text, path));
    unlink(path);
    free(text);
}

static void what_is_no_file_is_refused(void **state)
{
    char path[] = "/tmp/watch_file_XXXXXX";
    struct taken taken = {.count = 0};
    struct error error = {""};
    (void)state;
    assert_false(watch_file_read("/tmp", take, &taken, &error));
    assert_string_equal(error.text, "/tmp: not a file");
    close(mkstemp(path));
    unlink(path);
    assert_false(watch_file_read(path, take, &taken, &error));
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(watch_file_read(path, take, &taken, &error));
    assert_non_null(strstr(error.text, "not a file"));
    unlink(path);
}

/* ---- entries of each kind ---- */

/* What is said of ENTRY in a list of KIND; "" if it is taken. */
static const char *said_of(enum watch_kind kind, const char *entry)
{
    static struct error error;
    struct watch_list list = {.name = "own", .label = "own", .kind = kind};
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    assert_non_null(builder);
    error.text[0] = 0;
    bool good = watch_builder_add(builder, 0, entry, (uint32_t)strlen(entry), &error);
    assert_int_equal(good, error.text[0] == 0);
    watch_builder_destroy(builder);
    return error.text;
}

static void entries_are_of_their_kind(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "192.0.2.1",   "0.0.0.0", "255.255.255.255", "192.0.2.1/32",
        "2001:db8::1", "::",      "2001:db8::1/128", "::ffff:192.0.2.1"};
    static const char *const networks[] = {"192.0.2.0/24", "10.0.0.0/8",     "0.0.0.0/0",
                                           "::/0",         "2001:db8::/127", "192.0.2.1"};
    static const char *const neither[] = {"",
                                          "192.0.2",
                                          "192.0.2.1/",
                                          "192.0.2/24",
                                          "192.0.2.1/33",
                                          "192.0.2.1/-1",
                                          "192.0.2.1/024x",
                                          "2001:db8::/129",
                                          "example.com",
                                          "1.2.3.4.5",
                                          "192.0.2.0/24/24",
                                          "fe80::1%eth0",
                                          "300.1.1.1",
                                          "/24"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_string_equal(said_of(WATCH_HOSTS, hosts[i]), "");
        assert_string_equal(said_of(WATCH_NETWORKS, hosts[i]), "");
    }
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        assert_string_equal(said_of(WATCH_NETWORKS, networks[i]), "");
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
        assert_non_null(strstr(said_of(WATCH_HOSTS, neither[i]), "no address"));
        assert_non_null(strstr(said_of(WATCH_NETWORKS, neither[i]), "no network"));
    }
    assert_non_null(strstr(said_of(WATCH_HOSTS, "192.0.2.0/24"), "list of hosts"));
    assert_non_null(strstr(said_of(WATCH_DOMAINS, "192.0.2.1"), "an address"));
    assert_string_equal(said_of(WATCH_DOMAINS, "example.com"), "");
}

static void one_word_stands_on_a_line(void **state)
{
    char path[] = "/tmp/watch_file_XXXXXX";
    struct error error = {""};
    struct watch_list list = {.name = "own", .label = "own", .kind = WATCH_HOSTS};
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    (void)state;
    close(mkstemp(path));
    write_file(path, "192.0.2.1\n192.0.2.2 malware\n", 28);
    assert_false(watch_file_add(builder, 0, path, &error));
    assert_non_null(strstr(error.text, ":2: 192.0.2.2: more than one word"));
    write_file(path, "192.0.2.1\n192.0.2.2 # malware\n", 30);
    assert_true(watch_file_add(builder, 0, path, &error));
    watch_builder_destroy(builder);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_blanks_mean_nothing),
        cmocka_unit_test(refusals_name_file_and_line),
        cmocka_unit_test(files_are_read_in_pieces),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(entries_are_of_their_kind),
        cmocka_unit_test(one_word_stands_on_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
