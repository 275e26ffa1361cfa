/*
 * Which configuration a run has and whether it is stored: the stored one, that of -c, options; what
 * stands beside it in a file; files of an older revision of the module.
 */
#include "config_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_modules.h"
#include "config_text.h"
#include "config_tree.h"
#include "parse/parse.h"

#define JSON(content) "{\"spanflow:spanflow\":{" content "}}"
#define LIVE          "\"source\":[\"xdp:eth1\"],\"collector\":[\"udp://h\"]"

static char folder[64];
static char stored[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spanflow_store_XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(stored, sizeof stored, "%s/" CONFIG_STORE_FILE, folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(stored);
    return rmdir(folder);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* What a command line that must be accepted makes of the run; for run_options_free(). */
static struct run_options run_of(char *const words[])
{
    struct probe_config *config = NULL;
    struct run_options run;
    struct error error = {""};
    int count = 0;
    while (words[count])
        count++;
    if (config_from_command_line(count, words, &config, &run, &error) != COMMAND_LINE_RUN)
        fail_msg("refused: %s", error.text);
    probe_config_free(config);
    return run;
}

static void nothing_is_stored(void **state)
{
    (void)state;
    struct run_options run = run_of(WORDS("--store", folder));
    assert_true(run.managed && run.unconfigured);
    assert_false(run.volatile_run || run.replaces_stored);
    run_options_free(&run);
    const char *line = refused(WORDS("--store", folder, "--check"));
    assert_non_null(strstr(line, "no options, and no configuration is stored in /tmp/"));
    assert_non_null(strstr(line, "-i, -e"));
    assert_non_null(strstr(refused(WORDS("--store", folder, "-w", "2")), "nothing to observe"));
    assert_non_null(strstr(refused(WORDS("--store", "/dev/null/x")), "/dev/null/x/running.json: "));
    assert_non_null(strstr(refused(WORDS("--store", "")), "--store: give a path of 1..1023"));
    assert_non_null(strstr(refused(WORDS("-r", "a", "--control", "")), "--control: give a path"));
}

/* What a commit that removes the last source leaves. */
static void stored_without_source_waits(void **state)
{
    (void)state;
    write_text(stored, "{\"spanflow:spanflow\":{\"collector\":[\"json:-\"]}}");
    struct run_options run = run_of(WORDS("--store", folder));
    assert_false(run.volatile_run || run.unconfigured);
    run_options_free(&run);
    assert_non_null(strstr(refused(WORDS("-c", stored)), "nothing to observe"));
    assert_int_equal(unlink(stored), 0);
}

static void stored_configuration_runs(void **state)
{
    (void)state;
    write_text(stored, "{\"other:a\":{\"b\":[\"},\"]},\n\"spanflow:spanflow\":{\"@\":{"
                       "\"spanflow:modelRevision\":\"" CONFIG_REVISION "\"}," LIVE "},\n"
                       "\"ietf-netconf-acm:nacm\":{\"enable-nacm\":true},\"x:y\":[1,{}]}");
    struct run_options run = run_of(WORDS("--store", folder, "--control", "/tmp/socket"));
    assert_false(run.volatile_run || run.replaces_stored);
    assert_true(run.managed);
    assert_string_equal(run.store, folder);
    assert_string_equal(run.control, "/tmp/socket");
    assert_non_null(strstr(run.configuration, "\"xdp:eth1\""));
    assert_null(strstr(run.configuration, "modelRevision"));
    assert_null(strstr(run.configuration, "observationPoint"));
    assert_string_equal(run.access, "{\"ietf-netconf-acm:nacm\":{\"enable-nacm\":true}}");
    run_options_free(&run);
    write_text(stored, "{\n\n\"spanflow:spanflow\":{\"workers\":\n0}}");
    assert_non_null(strstr(refused(WORDS("--store", folder)),
                           "running.json:4: /spanflow/workers: \"0\" is not possible"));
}

static void any_other_option_makes_it_volatile(void **state)
{
    (void)state;
    write_text(stored, "not even JSON");
    struct run_options run = run_of(WORDS("--store", folder, "-i", "xdp:eth1", "-e", "udp://h"));
    assert_true(run.volatile_run);
    assert_false(run.managed || run.replaces_stored);
    assert_non_null(strstr(run.configuration, "observationPoint"));
    run_options_free(&run);
    run = run_of(WORDS("-i", "xdp:eth1", "-n", "h:1", "--control", "/tmp/socket"));
    assert_true(run.volatile_run && run.managed);
    run_options_free(&run);
    run = run_of(WORDS("-r", "a", "-e", "json:-", "--control", "/tmp/socket"));
    assert_true(run.volatile_run);
    assert_false(run.managed);
    run_options_free(&run);
}

static void a_file_takes_the_place_of_the_stored(void **state)
{
    (void)state;
    char path[160];
    snprintf(path, sizeof path, "%s.json", folder);
    write_text(path,
               "{\"ietf-netconf-acm:nacm\":{\"groups\":{}},\"spanflow:spanflow\":{" LIVE "}}");
    struct run_options run = run_of(WORDS("-c", path, "--store", folder));
    assert_true(run.replaces_stored && run.managed);
    assert_false(run.volatile_run);
    assert_string_equal(run.access, "{\"ietf-netconf-acm:nacm\":{\"groups\":{}}}");
    run_options_free(&run);
    run = run_of(WORDS("-c", path, "-t", "idle=1"));
    assert_true(run.volatile_run);
    assert_false(run.replaces_stored || run.managed);
    run_options_free(&run);
    write_text(path, JSON("\"captureFile\":[\"a\"],\"ledgerFile\":\"l\""));
    run = run_of(WORDS("-c", path));
    assert_true(run.volatile_run);
    assert_false(run.replaces_stored || run.managed);
    run_options_free(&run);
    /* In a file of the user's own, what is unknown is a mistake. */
    write_text(path, "{\"other:a\":{},\"spanflow:spanflow\":{" LIVE "}}");
    assert_non_null(strstr(refused(WORDS("-c", path)), "unknown name \"other\""));
    unlink(path);
}

static const char older[] =
    JSON("\"captureFile\":[\"a\"],"
         "\"selectionProcess\":{\"sampCountBased\":{\"packetSpace\":9}},"
         "\"cache\":{\"idleTimeout\":7,\"vlanInKey\":false,\"decapsulate\":[\"gre\"]},"
         "\"exportingProcess\":{\"statisticsTimeout\":3,"
         "\"destination\":[{\"name\":\"d\",\"jsonWriter\":{\"file\":\"f\"}}]}");

static void older_files_are_converted(void **state)
{
    (void)state;
    char text[1024];
    write_text(stored, older);
    struct probe_config *config = accepted(WORDS("-c", stored));
    assert_int_equal(config->sampling_interval, 10);
    assert_int_equal(config->caches[0].idle_timeout_ns, 7000000000);
    assert_int_equal(config->caches[0].exporting.statistics_interval_s, 3);
    assert_int_equal(config->caches[0].exporting.destination_count, 1);
    assert_int_equal(config->tunnels, TUNNEL_GRE);
    assert_false(config->vlan_in_key);
    assert_true(config->fragment_table);
    probe_config_free(config);
    config = accepted(WORDS("--store", folder));
    assert_string_equal(config->caches[0].name, "default");
    probe_config_free(config);
    read_text(stored, text, sizeof text);
    assert_string_equal(text, older);
    /* What does not fit is refused whole, by its path in this revision. */
    write_text(stored, JSON("\"cache\":{\"idleTimeout\":7,\"colour\":1}"));
    assert_non_null(strstr(refused(WORDS("--store", folder)),
                           "(older revision):1: /spanflow/cache[name='default']: unknown name"));
}

static void unknown_revisions_are_refused(void **state)
{
    (void)state;
    char text[1024];
    static const char newer[] = "{\"spanflow:spanflow\":{\"@\":{\"spanflow:modelRevision\":"
                                "\"2031-01-01\"},\"colour\":1}}";
    write_text(stored, newer);
    assert_non_null(strstr(refused(WORDS("--store", folder)),
                           "running.json: /spanflow: written for revision \"2031-01-01\""));
    assert_non_null(strstr(refused(WORDS("-c", stored)), "2031-01-01"));
    read_text(stored, text, sizeof text);
    assert_string_equal(text, newer);
}

/* The note of the revision is written and read back, and is no part of the configuration. */
static void revision_is_noted(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    assert_true(config_tree_open(&tree, &error));
    assert_true(config_tree_parse(&tree, JSON(LIVE), "text", &error));
    char *plain = config_tree_print(&tree);
    config_tree_set_revision(tree.root, CONFIG_REVISION);
    char *noted = config_tree_print(&tree);
    assert_non_null(strstr(noted, "\"spanflow:modelRevision\": \"" CONFIG_REVISION "\""));
    assert_true(config_tree_parse(&tree, noted, "noted", &error));
    char *again = config_tree_print(&tree);
    assert_string_equal(plain, again);
    free(plain);
    free(noted);
    free(again);
    config_tree_close(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_stored, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(stored_without_source_waits, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(stored_configuration_runs, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(any_other_option_makes_it_volatile, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_takes_the_place_of_the_stored, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(older_files_are_converted, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(unknown_revisions_are_refused, make_folder, remove_folder),
        cmocka_unit_test(revision_is_noted),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
