/*
 * What a configuration stands for: source and collector, entries named default, references that
 * are left out, and what the module's constraints say about several caches.
 */
#include "config_test.h"

#include <stdlib.h>

#include "config_modules.h"
#include "config_tree.h"

#define JSON(content) "{\"spanflow:spanflow\":{" content "}}"

/* The tree of TEXT, expanded and valid; for config_tree_close(). */
static void expand(struct config_tree *tree, const char *text)
{
    struct error error = {""};
    assert_true(config_tree_open(tree, &error));
    if (!config_tree_parse(tree, text, "text", &error) || !config_tree_validate(tree, &error) ||
        !config_tree_expand(tree, &error) || !config_tree_validate(tree, &error))
        fail_msg("%s", error.text);
}

/* The line that refuses TEXT. */
static const char *refusal_of(const char *text)
{
    static struct error error;
    struct config_tree tree;
    struct probe_config *config = NULL;
    error.text[0] = '\0';
    assert_true(config_tree_open(&tree, &error));
    if (config_tree_parse(&tree, text, "text", &error) && config_tree_validate(&tree, &error))
        config = probe_config_from_tree(&tree, &error);
    assert_null(config);
    config_tree_close(&tree);
    assert_true(error.text[0] != '\0');
    return error.text;
}

static struct lyd_node *find(const struct config_tree *tree, const char *path)
{
    struct lyd_node *node = NULL;
    return lyd_find_path(tree->root, path, 0, &node) == LY_SUCCESS ? node : NULL;
}

static const char *value(const struct config_tree *tree, const char *path)
{
    const struct lyd_node *node = find(tree, path);
    return node ? lyd_get_value(node) : "(nothing)";
}

static void two_leaves_are_a_configuration(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    expand(&tree, JSON("\"source\":[\"xdp:eth1,role=tap-a\"],"
                       "\"collector\":[\"udp://192.0.2.1:2055?profile=nfdump\"]"));
    assert_string_equal(value(&tree, "observationPoint[name='eth1']/xdp/interface"), "eth1");
    assert_string_equal(value(&tree, "observationPoint[name='eth1']/selectionProcess"), "default");
    assert_string_equal(value(&tree, "cache[name='default']/exportingProcess"), "default");
    const struct lyd_node *destination =
        find(&tree, "exportingProcess[name='default']/destination"
                    "[name='udp://192.0.2.1:2055?profile=nfdump']/udpExporter/destinationPort");
    assert_non_null(destination);
    assert_true(config_tree_is_made(destination));
    assert_true(config_tree_is_made(find(&tree, "observationPoint[name='eth1']/role")));
    assert_true(
        config_tree_is_made(find(&tree, "selectionProcess[name='default']/cache[.='default']")));
    assert_false(config_tree_is_made(find(&tree, "source[.='xdp:eth1,role=tap-a']")));
    assert_false(config_tree_is_made(tree.root));

    struct probe_config *config = probe_config_from_tree(&tree, &error);
    assert_non_null(config);
    assert_int_equal(config->source_count, 1);
    assert_int_equal(config->sources[0].role, INTERFACE_TAP_A);
    assert_int_equal(config->cache_count, 1);
    assert_string_equal(config->caches[0].name, "default");
    assert_string_equal(config->caches[0].exporter_name, "default");
    assert_int_equal(config->caches[0].exporting.destination_count, 1);
    assert_int_equal(config->caches[0].exporting.destinations[0].port, 2055);
    assert_int_equal(config->caches[0].exporting.destinations[0].profile, PROFILE_NFDUMP);
    probe_config_free(config);
    config_tree_close(&tree);
}

/* The same as with options, whatever the kind. */
static void leaves_are_what_options_are(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    assert_true(config_tree_open(&tree, &error));
    assert_true(config_tree_parse(
        &tree,
        JSON("\"source\":[\"af_packet:eth0,filter=tcp or udp\",\"af_packet:eth1\",\"xdp:eth2\"],"
             "\"collector\":[\"json:-\",\"tcp://h?biflow=yes\"]"),
        "text", &error));
    assert_true(config_tree_validate(&tree, &error));
    struct probe_config *leaves = probe_config_from_tree(&tree, &error);
    struct probe_config *options =
        accepted(WORDS("-i", "af_packet:eth0,filter=tcp or udp", "-i", "af_packet:eth1", "-i",
                       "xdp:eth2", "-e", "json:-", "-e", "tcp://h?biflow=yes"));
    assert_non_null(leaves);
    assert_true(same_config(leaves, options));
    assert_string_equal(leaves->sources[1].device, "net_af_packet1,iface=eth1");
    probe_config_free(leaves);
    probe_config_free(options);
    config_tree_close(&tree);
}

static void doing_it_again_changes_nothing(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    expand(&tree, JSON("\"source\":[\"af_packet:eth0\"],\"collector\":[\"json:-\"]"));
    char *before = config_tree_print(&tree);
    assert_true(config_tree_expand(&tree, &error));
    char *after = config_tree_print(&tree);
    assert_string_equal(before, after);
    free(before);
    free(after);
    config_tree_close(&tree);
}

static void entries_take_the_place(void **state)
{
    (void)state;
    struct config_tree tree;
    expand(&tree, JSON("\"source\":[\"xdp:eth1\",\"af_packet:eth2\"],"
                       "\"collector\":[\"udp://h\",\"json:-\"],"
                       "\"observationPoint\":[{\"name\":\"eth1\",\"role\":\"tap-b\","
                       "\"xdp\":{\"interface\":\"eth1\"}}],"
                       "\"cache\":[{\"name\":\"c\",\"idleTimeout\":3}],"
                       "\"exportingProcess\":[{\"name\":\"out\",\"destination\":["
                       "{\"name\":\"udp://h\",\"udpExporter\":{\"destinationAddress\":\"i\"}}]}]"));
    assert_string_equal(value(&tree, "observationPoint[name='eth1']/role"), "tap-b");
    assert_false(config_tree_is_made(find(&tree, "observationPoint[name='eth1']/role")));
    assert_true(config_tree_is_made(find(&tree, "observationPoint[name='eth2']")));
    assert_string_equal(
        value(&tree, "exportingProcess[name='out']/destination[name='udp://h']/udpExporter/"
                     "destinationAddress"),
        "i");
    assert_true(config_tree_is_made(
        find(&tree, "exportingProcess[name='out']/destination[name='json:-']")));
    /* Where there is one entry only, no other is made beside it. */
    assert_null(find(&tree, "exportingProcess[name='default']"));
    assert_null(find(&tree, "cache[name='default']"));
    assert_string_equal(value(&tree, "cache[name='c']/exportingProcess"), "out");
    assert_true(config_tree_is_made(find(&tree, "cache[name='c']/exportingProcess")));
    assert_string_equal(value(&tree, "selectionProcess[name='default']/cache[.='c']"), "c");
    config_tree_close(&tree);
}

/* Caches and processes that refer to each other, by name or by having the same. */
static void several_caches(void **state)
{
    (void)state;
    struct config_tree tree;
    expand(&tree, JSON("\"source\":[\"xdp:eth1\"],\"collector\":[\"json:-\"],"
                       "\"cache\":[{\"name\":\"long\",\"exportingProcess\":\"archive\"},"
                       "{\"name\":\"short\"},{\"name\":\"default\"}],"
                       "\"exportingProcess\":[{\"name\":\"archive\"},{\"name\":\"short\"}]"));
    assert_string_equal(value(&tree, "cache[name='long']/exportingProcess"), "archive");
    assert_string_equal(value(&tree, "cache[name='short']/exportingProcess"), "short");
    assert_string_equal(value(&tree, "cache[name='default']/exportingProcess"), "default");
    assert_non_null(find(&tree, "exportingProcess[name='default']/destination[name='json:-']"));
    const struct lyd_node *first = lyd_child(find(&tree, "selectionProcess[name='default']"))->next;
    assert_string_equal(lyd_get_value(first), "long");
    assert_string_equal(lyd_get_value(first->next), "short");
    config_tree_close(&tree);
    expand(&tree, JSON("\"source\":[\"xdp:eth1\"],\"collector\":[\"json:-\"],"
                       "\"selectionProcess\":[{\"name\":\"s\",\"cache\":[\"b\",\"default\"]}],"
                       "\"cache\":[{\"name\":\"b\"}],"
                       "\"exportingProcess\":[{\"name\":\"b\"}]"));
    assert_true(config_tree_is_made(find(&tree, "cache[name='default']")));
    assert_string_equal(value(&tree, "observationPoint[name='eth1']/selectionProcess"), "s");
    config_tree_close(&tree);
}

/* A part of the line for each text. */
struct refused_text {
    const char *text;
    const char *line;
};

static void check_refusals(const struct refused_text *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *line = refusal_of(rows[i].text);
        if (!strstr(line, rows[i].line))
            fail_msg("'%s' is not in: %s", rows[i].line, line);
    }
}

#define SOURCE "\"source\":[\"xdp:eth1\"],"
#define OUT    "\"ledgerFile\":\"l\""

static void conflicts_name_the_leaf(void **state)
{
    (void)state;
    static const struct refused_text rows[] = {
        {JSON("\"source\":[\"pcap:x\"]," OUT), "/spanflow/source[.='pcap:x']: not a source"},
        {JSON("\"source\":[\"xdp:eth1,mode=fast\"]," OUT),
         "/spanflow/source[.='xdp:eth1,mode=fast']: mode: \"fast\" is not possible"},
        {JSON(SOURCE "\"collector\":[\"ftp://x\"]"),
         "/spanflow/collector[.='ftp://x']: not a destination"},
        {JSON(SOURCE "\"collector\":[\"udp://h?profile=best\"]"), "profile: \"best\""},
        {JSON("\"source\":[\"xdp:eth1,name=a\",\"xdp:eth2,name=a\"]," OUT),
         "/spanflow/source[.='xdp:eth2,name=a']: the source of the name 'a' is another device"},
        {JSON("\"source\":[\"xdp:eth1,name=a\"],\"observationPoint\":[{\"name\":\"a\","
              "\"device\":\"eth1\"}]," OUT),
         "/spanflow/source[.='xdp:eth1,name=a']: the observationPoint 'a' is another device"},
        {JSON("\"source\":[\"xdp:eth1,role=tap-a\"],\"observationPoint\":[{\"name\":\"eth1\","
              "\"xdp\":{\"interface\":\"eth2\"}}]," OUT),
         "/spanflow/source[.='xdp:eth1,role=tap-a']: the observationPoint of that name is another"},
        {JSON("\"source\":[\"xdp:eth1\",\"xdp:eth1,name=b\"]," OUT),
         "/spanflow/observationPoint[name='b']/xdp/interface: the same as that of 'eth1'"},
        {JSON("\"source\":[\"af_packet:eth1\",\"af_packet:eth1,name=b\"]," OUT),
         "/spanflow/observationPoint[name='b']/device: the same as that of 'eth1'"},
        {JSON(SOURCE "\"captureFile\":[\"a\"]," OUT), "cannot be read in one run"},
        {JSON(SOURCE "\"collector\":[\"udp://h\",\"udp://h:4739\"]"),
         "[name='udp://h:4739']/udpExporter/observationDomainId: the collector and domain of"},
        {JSON(SOURCE "\"selectionProcess\":[{\"name\":\"s\",\"duplicateWindow\":5}]," OUT),
         "/spanflow/selectionProcess[name='s']/duplicateWindow: copies are looked for on another"},
        {JSON("\"observationPoint\":[{\"name\":\"a\",\"device\":\"b\",\"selectionProcess\":\"x\"}]"
              "," OUT),
         "/observationPoint[name='a']/selectionProcess: there is no selectionProcess"},
    };
    check_refusals(rows, sizeof rows / sizeof rows[0]);
}

static void caches_that_do_not_fit(void **state)
{
    (void)state;
    static const struct refused_text rows[] = {
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\",\"exportingProcess\":\"x\"}]," OUT),
         "/spanflow/cache[name='a']/exportingProcess: there is no exportingProcess of this name"},
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\",\"exportingProcess\":\"x\"},"
                     "{\"name\":\"b\",\"exportingProcess\":\"x\"}],"
                     "\"exportingProcess\":[{\"name\":\"x\"}]," OUT),
         "/spanflow/exportingProcess[name='x']: no cache has this exporting process, or several"},
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\",\"exportingProcess\":\"default\"},"
                     "{\"name\":\"b\",\"exportingProcess\":\"default\"}]," OUT),
         "/spanflow/cache[name='a']/exportingProcess: an exporting process serves one cache"},
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
                     "\"exportingProcess\":[{\"name\":\"a\"}]," OUT),
         "/spanflow/cache[name='b']: this cache has no exporting process"},
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\"}],"
                     "\"exportingProcess\":[{\"name\":\"a\"},{\"name\":\"b\"}]," OUT),
         "/spanflow/exportingProcess[name='b']: no cache has this exporting process"},
        {JSON(SOURCE "\"selectionProcess\":[{\"name\":\"s\",\"cache\":[\"x\"]}]," OUT),
         "/cache[.='x']: there is no cache of this name"},
        {JSON(SOURCE "\"selectionProcess\":[{\"name\":\"s\",\"cache\":[\"a\"]}],"
                     "\"cache\":[{\"name\":\"a\"},{\"name\":\"default\"}],"
                     "\"exportingProcess\":[{\"name\":\"a\"}]," OUT),
         "/spanflow/cache[name='default']: no packets reach this cache"},
        {JSON(SOURCE "\"cache\":[{\"name\":\"a\",\"kernelFlows\":64},{\"name\":\"default\"}],"
                     "\"exportingProcess\":[{\"name\":\"a\"}]," OUT),
         "/spanflow/cache[name='a']/kernelFlows: the kernel counts the flows of one cache"},
        {JSON(SOURCE "\"workers\":3,\"cache\":[{\"name\":\"a\",\"maxFlows\":2}]," OUT),
         "/spanflow/workers: fewer flows than workers"},
        {JSON(SOURCE "\"selectionProcess\":[{\"name\":\"a\"},{\"name\":\"b\"}]," OUT),
         "/spanflow/selectionProcess[name='b']: too many entries; give at most 1"},
        {JSON(SOURCE "\"collector\":[\"json:-\"],"
                     "\"cache\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
                     "\"exportingProcess\":[{\"name\":\"a\"},{\"name\":\"b\"}]"),
         "/spanflow/collector[.='json:-']: there are several exporting processes"},
        {JSON(SOURCE
              "\"collector\":[\"json:-\"],\"cache\":[{\"name\":\"a\"},{\"name\":\"default\"}],"
              "\"exportingProcess\":[{\"name\":\"a\",\"destination\":[{\"name\":\"d\","
              "\"jsonWriter\":{\"file\":\"-\"}}]}]"),
         "writes it already"},
    };
    check_refusals(rows, sizeof rows / sizeof rows[0]);
}

/* Options mean the entry default, or the only one, and never guess among others. */
static void options_find_their_entry(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    assert_true(config_tree_open(&tree, &error));
    assert_true(config_tree_set(&tree, "/spanflow/cache/idleTimeout", "9", &error));
    assert_string_equal(value(&tree, "cache[name='default']/idleTimeout"), "9");
    assert_true(config_tree_parse(&tree, JSON("\"cache\":[{\"name\":\"it's\"}]"), "text", &error));
    assert_true(config_tree_set(&tree, "/spanflow/cache/idleTimeout", "9", &error));
    assert_string_equal(value(&tree, "cache[name=\"it's\"]/idleTimeout"), "9");
    assert_null(find(&tree, "cache[name='default']"));
    assert_true(config_tree_parse(&tree,
                                  JSON("\"cache\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
                                       "\"exportingProcess\":[{\"name\":\"a\"},"
                                       "{\"name\":\"b\"}]"),
                                  "text", &error));
    assert_false(config_tree_set(&tree, "/spanflow/cache/idleTimeout", "9", &error));
    assert_non_null(strstr(error.text, "/spanflow/cache: there are several"));
    struct lyd_node *entry = NULL;
    assert_false(
        config_tree_add(&tree, "/spanflow/exportingProcess/destination", "d", &entry, &error));
    config_tree_close(&tree);
}

#define NETCONF(content) JSON(SOURCE OUT ",\"netconf\":{" content "}")
#define TLS                                                                                        \
    "\"certificate\":\"c\",\"privateKey\":\"k\",\"certificationAuthority\":\"a\",\"certToName\":[" \
    "{"                                                                                            \
    "\"id\":1,\"user\":\"u\",\"fingerprint\":\"" DIGITS "\"}]"
#define OCTETS4 "0a:1b:2C:3D"
#define DIGITS                                                                                     \
    OCTETS4 ":" OCTETS4 ":" OCTETS4 ":" OCTETS4 ":" OCTETS4 ":" OCTETS4 ":" OCTETS4 ":" OCTETS4

static void management(void **state)
{
    (void)state;
    static const struct refused_text rows[] = {
        {NETCONF("\"sshServer\":[{\"name\":\"s\",\"address\":\"h\"}]"), "give an IPv4 or IPv6"},
        {NETCONF("\"sshServer\":[{\"name\":\"s\",\"port\":0}]"), "/port: \"0\" is not possible"},
        {NETCONF("\"tlsServer\":[{\"name\":\"s\"}]"), "/certificate: is missing"},
        {NETCONF("\"callHome\":[{\"name\":\"s\"}]"), "/address: is missing"},
        {NETCONF("\"callHome\":[{\"name\":\"s\",\"address\":\"h\",\"transport\":\"tls\"}]"),
         "TLS needs certificate"},
        {NETCONF("\"callHome\":[{\"name\":\"s\",\"address\":\"h\"," TLS "}]"),
         "certificates mean nothing over SSH"},
        {NETCONF("\"user\":[{\"name\":\"u v\"}]"), "not a user name"},
        {NETCONF("\"user\":[{\"name\":\"u\",\"password\":\"secret\"}]"), "not a hash"},
        {NETCONF("\"user\":[{\"name\":\"u\",\"authorizedKey\":[\"ssh-dss AAAA\"]}]"),
         "not a public key"},
        {NETCONF("\"passwordLogin\":1"), "true or false"},
        {NETCONF("\"notifications\":{\"logSize\":1}"), "give 65536..1073741824 octets"},
        {NETCONF("\"hostKey\":\"\""), "/hostKey: \"\" is not possible"},
    };
    struct config_tree tree;
    check_refusals(rows, sizeof rows / sizeof rows[0]);
    expand(&tree, NETCONF("\"sshServer\":[{\"name\":\"s\"}],\"tlsServer\":[{\"name\":\"t\"," TLS
                          "}],\"callHome\":[{\"name\":\"h\",\"address\":\"192.0.2.1\"},{\"name\":"
                          "\"i\",\"address\":\"h\",\"transport\":\"tls\"," TLS "}],"
                          "\"hostKey\":\"k\",\"passwordLogin\":true,\"user\":[{\"name\":\"u\","
                          "\"authorizedKey\":[\"ssh-ed25519 AAAAC3Nz a@b\"],"
                          "\"password\":\"$6$salt$abcdef./\"}],\"auditLog\":\"a\""));
    assert_string_equal(value(&tree, "netconf/sshServer[name='s']/port"), "830");
    assert_string_equal(value(&tree, "netconf/tlsServer[name='t']/port"), "6513");
    assert_string_equal(value(&tree, "netconf/notifications/logSize"), "16777216");
    config_tree_close(&tree);
}

/* Whether the compiled NODE itself has the mark of RFC 8341. */
static bool denies_all(const struct lysc_node *node)
{
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(node->exts); i++)
        if (strcmp(node->exts[i].def->name, "default-deny-all") == 0)
            return true;
    return false;
}

static void users_and_keys_are_marked(void **state)
{
    (void)state;
    static const char *const marked[] = {"/spanflow/netconf/user", "/spanflow/netconf/hostKey",
                                         "/spanflow/netconf/tlsServer/privateKey",
                                         "/spanflow/netconf/callHome/privateKey"};
    struct config_tree tree;
    struct error error = {""};
    assert_true(config_tree_open(&tree, &error));
    assert_string_equal(tree.module->revision, CONFIG_REVISION);
    for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++)
        if (!denies_all(config_tree_find(&tree, marked[i])))
            fail_msg("%s is open", marked[i]);
    assert_false(denies_all(config_tree_find(&tree, "/spanflow/netconf/auditLog")));
    config_tree_close(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_leaves_are_a_configuration),
        cmocka_unit_test(leaves_are_what_options_are),
        cmocka_unit_test(doing_it_again_changes_nothing),
        cmocka_unit_test(entries_take_the_place),
        cmocka_unit_test(several_caches),
        cmocka_unit_test(conflicts_name_the_leaf),
        cmocka_unit_test(caches_that_do_not_fit),
        cmocka_unit_test(options_find_their_entry),
        cmocka_unit_test(management),
        cmocka_unit_test(users_and_keys_are_marked),
    };
    return cmocka_run_group_tests_name("expand", tests, NULL, NULL);
}
