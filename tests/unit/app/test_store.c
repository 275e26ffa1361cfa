/* Compiled rules on disk: used again, made anew if damaged, never taken from a folder of others. */
#include "app_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/application_set_private.h"
#include "app/application_store.h"

static const char one[] = "application a 1 \"A\"\n match any either /^abc/\n";
static const char two[] = "application a 1 \"A\"\n match any either /^abd/\n";

static char folder[] = "/tmp/spanflow_store_XXXXXX";

/* Files in the folder; PATH: the last of them. */
static unsigned files(char path[PATH_MAX])
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.') {
            snprintf(path, PATH_MAX, "%s/%s", folder, entry->d_name);
            count++;
        }
    closedir(directory);
    return count;
}

/* Whether the folder has compiled rules for TEXT that can be used. */
static bool kept(const char *text)
{
    struct application_set *set = app_test_set(text, NULL);
    for (unsigned i = 0; i < TRANSPORTS * ANCHORAGES; i++) {
        hs_free_database(set->databases[i / ANCHORAGES][i % ANCHORAGES]);
        set->databases[i / ANCHORAGES][i % ANCHORAGES] = NULL;
    }
    bool good = application_store_load(set, folder);
    assert_true((set->databases[TRANSPORT_TCP][ANCHORED] != NULL) == good);
    application_set_destroy(set);
    return good;
}

static void rules_are_kept_for_the_next_run(void **state)
{
    char path[PATH_MAX];
    (void)state;
    assert_false(kept(one));
    application_set_destroy(app_test_set(one, folder));
    assert_int_equal(files(path), 1);
    assert_true(kept(one));
    assert_false(kept(two));
    application_set_destroy(app_test_set(two, folder));
    assert_int_equal(files(path), 2);
    assert_true(kept(one) && kept(two));
}

static void damaged_files_are_made_anew(void **state)
{
    char path[PATH_MAX];
    struct stat facts;
    (void)state;
    application_set_destroy(app_test_set(one, folder));
    assert_int_equal(files(path), 1);
    assert_int_equal(stat(path, &facts), 0);
    for (off_t at = 0; at < facts.st_size; at += facts.st_size / 40 + 1) { /* a bit turned */
        int fd = open(path, O_RDWR);
        uint8_t octet;
        assert_int_equal(pread(fd, &octet, 1, at), 1);
        octet ^= 4;
        assert_int_equal(pwrite(fd, &octet, 1, at), 1);
        close(fd);
        assert_false(kept(one));
        application_set_destroy(app_test_set(one, folder));
        assert_true(kept(one));
    }
    for (off_t size = 0; size < facts.st_size; size += facts.st_size / 10 + 1) { /* cut off */
        assert_int_equal(truncate(path, size), 0);
        assert_false(kept(one));
        application_set_destroy(app_test_set(one, folder));
        assert_true(kept(one));
    }
}

static void folders_of_others_are_not_used(void **state)
{
    char path[PATH_MAX];
    (void)state;
    application_set_destroy(app_test_set(one, folder));
    assert_true(kept(one));
    assert_int_equal(chmod(folder, 0777), 0);
    assert_false(kept(one));
    application_set_destroy(app_test_set(two, folder));
    assert_int_equal(files(path), 1);
    assert_int_equal(chmod(folder, 0700), 0);
    application_set_destroy(app_test_set(one, "/proc/no/such/folder"));
}

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[PATH_MAX];
    (void)state;
    while (files(path))
        unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_are_kept_for_the_next_run, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(damaged_files_are_made_anew, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folders_of_others_are_not_used, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("application store", tests, NULL, NULL);
}
