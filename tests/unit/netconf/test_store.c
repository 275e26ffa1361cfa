/*
 * What is on disk: versions, restarts, and a process that is killed before and after each of its
 * system calls. The last is done with ptrace, so that nothing in the store knows of it.
 */
#include "datastore_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define T(content) "{\"test-store:top\":{" content "}}"
#define OLD        T("\"number\":7")
#define NEW        T("\"number\":7,\"text\":\"a\"")

static struct test_world world;

static void open_folder(const char *folder, const char *initial, bool replace)
{
    memset(&world, 0, sizeof world);
    test_world_open(&world, folder, initial, replace);
}

static void expect(const char *body, const char *result)
{
    const char *got = test_run(&world, 1, body);
    if (strcmp(got, result) != 0)
        fail_msg("%s: %s (%s), not %s", body, got, test_error()->message, result);
}

/* The content of DIR/running.json as test_text() gives it. */
static const char *stored(const char *folder)
{
    char path[256], text[4096] = "";
    snprintf(path, sizeof path, "%s/running.json", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return "nothing";
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    struct lyd_node *tree = test_tree(test_store_context(), text);
    const char *result = test_text(tree);
    lyd_free_all(tree);
    return result;
}

static void first_start_stores_what_it_got(void **state)
{
    char *folder = test_folder();
    (void)state;
    open_folder(folder, OLD, false);
    assert_string_equal(stored(folder), OLD);
    assert_int_equal(world.applies, 0);
    test_world_close(&world);
    open_folder(folder, T("\"number\":9"), false); /* the stored one wins */
    expect(COPY_RUNNING, OLD);
    assert_int_equal(world.applies, 1);
    assert_non_null(strstr(world.applied, "\"number\":7"));
    test_world_close(&world);
    open_folder(folder, T("\"number\":9"), true); /* unless it is replaced */
    expect(COPY_RUNNING, T("\"number\":9"));
    assert_int_equal(world.applies, 0);
    assert_string_equal(stored(folder), T("\"number\":9"));
    test_world_close(&world);
    test_folder_remove(folder);
}

static void replacing_keeps_other_modules(void **state)
{
    char *folder = test_folder();
    (void)state;
    open_folder(folder, "{\"test-store:flag\":true}", false);
    test_world_close(&world);
    open_folder(folder, NULL, true);
    expect(COPY_RUNNING, "{\"test-store:flag\":true}");
    test_world_close(&world);
    test_folder_remove(folder);
}

static void versions_are_kept(void **state)
{
    char *folder = test_folder(), body[256], *text = NULL;
    struct store_version versions[STORE_VERSIONS];
    struct error error = {""};
    (void)state;
    open_folder(folder, OLD, false);
    for (unsigned i = 0; i < STORE_VERSIONS + 5; i++) {
        snprintf(body, sizeof body, EDIT(TOP("<text>%u</text>")), i);
        expect(body, "ok");
        expect(COMMIT, "ok");
    }
    struct store *store = datastore_store(world.server.datastore);
    assert_int_equal(store_list(store, versions), STORE_VERSIONS);
    assert_int_equal(versions[0].number, STORE_VERSIONS + 6);
    assert_int_equal(versions[STORE_VERSIONS - 1].number, 7);
    assert_string_equal(versions[0].user, "tester");
    assert_true(versions[0].time > 1600000000);
    assert_true(store_read_version(store, 7, &text, &error));
    assert_non_null(strstr(text, "\"text\": \"5\""));
    free(text);
    assert_false(store_read_version(store, 6, &text, &error));
    assert_non_null(strstr(error.text, "no such version"));
    test_world_close(&world);
    test_folder_remove(folder);
}

static void names_that_are_no_text(void **state)
{
    char *folder = test_folder();
    struct store_version version = {.user = "gr\xc3"}, versions[STORE_VERSIONS];
    struct error error = {""};
    (void)state;
    struct store *store = store_open(folder, &error);
    assert_non_null(store);
    assert_true(store_write(store, "{}", &version, &error));
    assert_int_equal(store_list(store, versions), 1);
    assert_string_equal(versions[0].user, "gr");
    store_close(store);
    test_folder_remove(folder);
}

static void nothing_new_is_no_version(void **state)
{
    char *folder = test_folder();
    struct store_version versions[STORE_VERSIONS];
    (void)state;
    open_folder(folder, OLD, false);
    expect(COMMIT, "ok");
    assert_int_equal(store_list(datastore_store(world.server.datastore), versions), 1);
    test_world_close(&world);
    test_folder_remove(folder);
}

static void unconfirmed_ends_with_the_process(void **state)
{
    char *folder = test_folder();
    struct store_version waited;
    (void)state;
    open_folder(folder, OLD, false);
    expect(EDIT(TOP("<text>a</text>")), "ok");
    expect("<commit><confirmed/><persist>x</persist></commit>", "ok");
    expect(COPY_RUNNING, NEW);
    assert_string_equal(stored(folder), OLD);
    assert_true(store_unconfirmed(datastore_store(world.server.datastore), &waited));
    assert_string_equal(waited.user, "tester");
    assert_int_equal(waited.number, 1);
    test_world_close(&world);
    open_folder(folder, NEW, false); /* the daemon went on with it */
    expect(COPY_RUNNING, OLD);
    assert_int_equal(world.applies, 1);
    assert_null(strstr(world.applied, "\"text\""));
    assert_string_equal(world.events, "cancel ");
    assert_false(store_unconfirmed(datastore_store(world.server.datastore), &waited));
    test_world_close(&world);
    test_folder_remove(folder);
}

static void a_store_that_cannot_be_written(void **state)
{
    char *folder = test_folder(), path[256];
    (void)state;
    open_folder(folder, OLD, false);
    /* A folder in the file's place: nothing can be renamed onto it. */
    snprintf(path, sizeof path, "%s/running.json", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(EDIT(TOP("<text>a</text>")), "ok");
    expect(COMMIT, "operation-failed ");
    assert_non_null(strstr(test_error()->message, "cannot be stored"));
    expect(COPY_RUNNING, OLD);
    assert_null(strstr(world.applied, "\"text\"")); /* the daemon went back */
    assert_int_equal(world.applies, 2);
    test_world_close(&world);
    test_folder_remove(folder);
}

static void an_invalid_stored_configuration(void **state)
{
    char *folder = test_folder(), path[256];
    struct rpc_error error = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/running.json", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(T("\"even\":3"), file);
    fclose(file);
    struct datastore_settings settings = {.context = test_store_context(), .folder = folder};
    assert_null(datastore_open(&settings, &error));
    assert_string_equal(error.path, "/test-store:top/even");
    assert_string_equal(stored(folder), T("\"even\":3"));
    test_folder_remove(folder);
}

static void one_process_only(void **state)
{
    char *folder = test_folder();
    struct error error = {""};
    (void)state;
    struct store *store = store_open(folder, &error);
    assert_non_null(store);
    assert_null(store_open(folder, &error));
    assert_non_null(strstr(error.text, "another process"));
    store_close(store);
    test_folder_remove(folder);
}

/* What a child does under the eyes of ptrace, between the two operations PREPARE and FINISH. */
struct crash {
    const char *prepare; /* an operation before it may be killed; NULL for none */
    const char *finish;
    const char *after; /* what is stored once FINISH was answered */
};

/* In the child: never returns. PIPE gets a byte once FINISH was answered with ok. */
static void run_child(const struct crash *crash, const char *folder, int pipe)
{
    open_folder(folder, OLD, false);
    expect(EDIT(TOP("<text>a</text>")), "ok");
    if (crash->prepare)
        expect(crash->prepare, "ok");
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(3);
    raise(SIGSTOP);
    bool done = strcmp(test_run(&world, 1, crash->finish), "ok") == 0;
    if (done && write(pipe, "", 1) != 1)
        done = false;
    _exit(done ? 0 : 1);
}

/* Lets CHILD go on to its stop number LAST and kills it there; false if it ended before. The
 * letters of its calls to fsync and rename are added to CALLS. */
static bool kill_at(pid_t child, unsigned last, char *calls, size_t size)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status))
        fail_msg("the child ended with %x before it was traced", (unsigned)status);
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD), 0);
    for (unsigned stop = 0; stop < last; stop++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        struct __ptrace_syscall_info info = {0};
        assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) > 0);
        size_t length = strlen(calls);
        if (length + 2 < size && info.op == PTRACE_SYSCALL_INFO_ENTRY)
            calls[length] = info.entry.nr == SYS_fsync                                        ? 'f'
                            : info.entry.nr == SYS_renameat || info.entry.nr == SYS_renameat2 ? 'r'
                                                                                              : 0;
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return true;
}

/* The highest version has the configuration EXPECTED. */
static void expect_newest(const char *expected)
{
    struct store *store = datastore_store(world.server.datastore);
    struct store_version versions[STORE_VERSIONS];
    struct error error;
    char *text = NULL;
    assert_true(store_list(store, versions) > 0);
    assert_true(store_read_version(store, versions[0].number, &text, &error));
    struct lyd_node *tree = test_tree(test_store_context(), text);
    assert_string_equal(test_text(tree), expected);
    lyd_free_all(tree);
    free(text);
}

/* Kills a child at its stop number LAST and looks at what is left. False if it was not killed. */
static bool crash_once(const struct crash *crash, unsigned last, char *calls, size_t size)
{
    char *folder = test_folder(), answered = 1;
    int ends[2];
    calls[0] = 0;
    memset(calls, 0, size);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_child(crash, folder, ends[1]);
    close(ends[1]);
    bool killed = kill_at(child, last, calls, size);
    bool was_answered = read(ends[0], &answered, 1) == 1;
    close(ends[0]);
    const char *left = stored(folder);
    bool is_old = strcmp(left, OLD) == 0, is_new = strcmp(left, crash->after) == 0;
    if (!(is_new || (is_old && !was_answered)))
        fail_msg("killed at stop %u (answered: %d): %s is stored", last, was_answered, left);
    /* The next start goes on from there, whatever the daemon runs, and can store again. */
    char *expected = strdup(left);
    open_folder(folder, NEW, false);
    expect(COPY_RUNNING, expected);
    expect_newest(expected);
    expect(EDIT(TOP("<text>next</text>")), "ok");
    expect(COMMIT, "ok");
    assert_string_equal(stored(folder), T("\"number\":7,\"text\":\"next\""));
    test_world_close(&world);
    free(expected);
    test_folder_remove(folder);
    return killed;
}

static void crash_everywhere(const struct crash *crash, const char *order)
{
    enum { STOPS_MAX = 2000 };
    char calls[64];
    unsigned stop = 1;
    while (crash_once(crash, stop, calls, sizeof calls) && stop < STOPS_MAX)
        stop++;
    assert_in_range(stop, 10, STOPS_MAX - 1);
    /* Content is on disk before it gets its name, and the name before the answer. */
    if (strncmp(calls, order, strlen(order)) != 0)
        fail_msg("fsync and rename came as %s, not %s", calls, order);
}

static void killed_while_committing(void **state)
{
    (void)state;
    crash_everywhere(&(struct crash){NULL, COMMIT, NEW}, "frffrf");
}

static void killed_while_starting_a_confirmed_commit(void **state)
{
    (void)state;
    crash_everywhere(&(struct crash){NULL, "<commit><confirmed/></commit>", OLD}, "frf");
}

static void killed_while_confirming(void **state)
{
    (void)state;
    crash_everywhere(&(struct crash){"<commit><confirmed/></commit>", COMMIT, NEW}, "frffrf");
}

static int needs_modules(void **state)
{
    (void)state;
    if (test_store_context())
        return 0;
    print_message("libyuma-base is not installed\n");
    exit(77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_start_stores_what_it_got),
        cmocka_unit_test(replacing_keeps_other_modules),
        cmocka_unit_test(versions_are_kept),
        cmocka_unit_test(names_that_are_no_text),
        cmocka_unit_test(nothing_new_is_no_version),
        cmocka_unit_test(unconfirmed_ends_with_the_process),
        cmocka_unit_test(a_store_that_cannot_be_written),
        cmocka_unit_test(an_invalid_stored_configuration),
        cmocka_unit_test(one_process_only),
        cmocka_unit_test(killed_while_committing),
        cmocka_unit_test(killed_while_starting_a_confirmed_commit),
        cmocka_unit_test(killed_while_confirming),
    };
    return cmocka_run_group_tests_name("store", tests, needs_modules, NULL);
}
