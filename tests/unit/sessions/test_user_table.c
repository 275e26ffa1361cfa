/*
 * Who is let in over SSH: keys and passwords of the table, and nobody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netconf/user_table.h"

/* "correct horse" by SHA-256. */
static const char hash[] = "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/";

static ssh_key make_key(char line[512])
{
    ssh_key key = NULL;
    char *base64 = NULL;
    assert_int_equal(ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key), SSH_OK);
    assert_int_equal(ssh_pki_export_pubkey_base64(key, &base64), SSH_OK);
    snprintf(line, 512, "ssh-ed25519 %s someone@somewhere", base64);
    ssh_string_free_char(base64);
    return key;
}

static void test_keys(void **state)
{
    (void)state;
    char own_line[512];
    char other_line[512];
    struct error error;
    ssh_key own = make_key(own_line);
    ssh_key other = make_key(other_line);
    struct user_table *table = user_table_create(false);
    assert_true(user_table_add(table, "anna", NULL, &error));
    assert_true(user_table_add_key(table, own_line, &error));
    assert_true(user_table_add(table, "bert", NULL, &error));
    assert_true(user_table_add_key(table, other_line, &error));
    assert_true(user_table_key_matches(table, "anna", own));
    assert_false(user_table_key_matches(table, "anna", other));
    assert_false(user_table_key_matches(table, "bert", own));
    assert_false(user_table_key_matches(table, "carl", own));
    assert_true(user_table_has(table, "bert"));
    assert_false(user_table_has(table, "ber"));
    static const char *const wrong[] = {"", "ssh-ed25519", "ssh-ed25519 AAAA", "x y z",
                                        "no-such-kind AAAAC3NzaC1lZDI1NTE5AAAAIA=="};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(user_table_add_key(table, wrong[i], &error));
    user_table_release(table);
    ssh_key_free(own);
    ssh_key_free(other);
}

static void test_passwords(void **state)
{
    (void)state;
    struct error error;
    for (int allowed = 0; allowed < 2; allowed++) {
        struct user_table *table = user_table_create(allowed);
        assert_false(user_table_add(table, "x", "plain", &error));
        assert_false(user_table_add(table, "x", "$9$unknown$kind", &error));
        assert_true(user_table_add(table, "anna", hash, &error));
        assert_true(user_table_add(table, "bert", NULL, &error));
        assert_int_equal(user_table_passwords(table), allowed);
        assert_int_equal(user_table_password_matches(table, "anna", "correct horse"), allowed);
        assert_false(user_table_password_matches(table, "anna", "correct horse "));
        assert_false(user_table_password_matches(table, "anna", ""));
        assert_false(user_table_password_matches(table, "bert", ""));
        assert_false(user_table_password_matches(table, "carl", "correct horse"));
        user_table_release(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
