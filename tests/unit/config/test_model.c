/*
 * The module and the model: every leaf has an effect, files and options give the same
 * configuration, what the package installs is accepted.
 */
#include "config_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config_tree.h"

#define COLLECTOR(container, more)                                                                 \
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","       \
    "\"destination\":["                                                                            \
    "{\"name\":\"d\",\"" container "\":{\"destinationAddress\":\"h\"" more "}}]}]}}"
#define TOPIC(more)                                                                                \
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","       \
    "\"destination\":["                                                                            \
    "{\"name\":\"d\",\"kafkaExporter\":{\"broker\":[\"h\"],\"topic\":\"t\"" more "}}]}]}}"
#define SECURITY(more) ",\"transportLayerSecurity\":{" more "}"
#define FILES          "\"certificate\":\"c\",\"privateKey\":\"k\",\"certificationAuthority\":\"a\""
#define WATCHED(kind)                                                                              \
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"ledgerFile\":\"l\",\"list\":[{"             \
    "\"name\":\"w\",\"kind\":\"" kind "\",\"file\":\"f\"}]}}"

/* Valid configurations that together hold every node of the module. */
static const char *const bases[] = {
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","
    "\"destination\":["
    "{\"name\":\"d\",\"udpExporter\":{\"destinationAddress\":\"h\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","
    "\"destination\":["
    "{\"name\":\"d\",\"profile\":\"nfdump\",\"udpExporter\":{\"destinationAddress\":\"h\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"observationPoint\":[{\"name\":\"o\",\"device\":\"x\"}],"
    "\"exportingProcess\":[{\"name\":\"p\",\"destination\":[{\"name\":\"d\",\"fileWriter\":{"
    "\"file\":\"f\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"observationPoint\":[{\"name\":\"o\",\"device\":\"x\"}],"
    "\"exportingProcess\":[{\"name\":\"p\",\"destination\":[{\"name\":\"d\",\"jsonWriter\":{"
    "\"file\":\"j\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","
    "\"deliveryGroup\":[{\"name\":\"g\"}],"
    "\"destination\":[{\"name\":\"d\",\"group\":\"g\",\"jsonWriter\":{\"file\":\"j\"}},"
    "{\"name\":\"e\",\"group\":\"g\",\"jsonWriter\":{\"file\":\"k\"}},"
    "{\"name\":\"f\",\"group\":\"other\",\"jsonWriter\":{\"file\":\"l\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"exportingProcess\":[{\"name\":\"p\","
    "\"destination\":["
    "{\"name\":\"d\",\"jsonWriter\":{\"file\":\"j\"},"
    "\"recordAggregation\":{\"method\":\"clientPort\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"observationPoint\":[{\"name\":\"o\",\"device\":\"x\"}],"
    "\"exportingProcess\":[{\"name\":\"p\",\"destination\":[{\"name\":\"d\",\"tcpExporter\":{"
    "\"destinationAddress\":\"192.0.2.1\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"cache\":[{\"name\":\"c\",\"floodPolicy\":{"
    "\"enterOccupancy\":99,\"occupancyHysteresis\":1}}],\"exportingProcess\":[{\"name\":\"p\","
    "\"destination\":["
    "{\"name\":\"d\",\"jsonWriter\":{\"file\":\"j\"}}]}]}}",
    "{\"spanflow:spanflow\":{\"observationPoint\":[{\"name\":\"o\",\"xdp\":{\"interface\":\"x\"}}],"
    "\"ledgerFile\":\"l\"}}",
    COLLECTOR("tcpExporter", ""),
    COLLECTOR("sctpExporter", ""),
    COLLECTOR("tcpExporter", SECURITY("")),
    COLLECTOR("udpExporter", SECURITY("")),
    COLLECTOR("tcpExporter", SECURITY(FILES)),
    COLLECTOR("udpExporter", SECURITY(FILES)),
    TOPIC(SECURITY("")),
    TOPIC(SECURITY(FILES)),
    TOPIC(",\"format\":\"ipfix\""),
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"workers\":2,\"ledgerFile\":\"l\"}}",
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"collector\":[\"udp://h\"],"
    "\"selectionProcess\":[{\"name\":\"s\"}],\"cache\":[{\"name\":\"c\"}]}}",
    "{\"spanflow:spanflow\":{\"source\":[\"xdp:x\"],\"ledgerFile\":\"l\"}}",
    WATCHED("hosts"),
    WATCHED("networks"),
    "{\"spanflow:spanflow\":{\"captureFile\":[\"a\"],\"ledgerFile\":\"l\",\"snapshot\":{"
    "\"maximumAge\":315360000,\"cutoffClass\":[{\"name\":\"k\"}],"
    "\"flowHistory\":{\"maximumAge\":3153600000}}}}",
};
enum { BASES = sizeof bases / sizeof bases[0] };

#define TCP_SECURITY "/spanflow/exportingProcess/destination/tcpExporter/transportLayerSecurity/"
#define UDP_SECURITY "/spanflow/exportingProcess/destination/udpExporter/transportLayerSecurity/"
#define KAFKA        "/spanflow/exportingProcess/destination/kafkaExporter/"

/* Other values for leaves whose type does not tell one. A new leaf of such a type needs a line. */
static const char *const other_values[][2] = {
    {"/spanflow/source", "xdp:other"},
    {"/spanflow/collector", "json:other"},
    {"/spanflow/selectionProcess/name", "other"},
    {"/spanflow/cache/name", "other"},
    {"/spanflow/exportingProcess/name", "other"},
    {"/spanflow/observationPoint/name", "other"},
    {"/spanflow/observationPoint/device", "other"},
    {"/spanflow/observationPoint/xdp/interface", "other"},
    {"/spanflow/observationPoint/filter", "tcp"},
    {"/spanflow/captureFile", "b"},
    {"/spanflow/localNetwork", "192.0.2.0/24"},
    {"/spanflow/selectionProcess/filter", "udp"},
    {"/spanflow/selectionProcess/ignorePrefix", "2001:db8::/32"},
    {"/spanflow/exportingProcess/destination/name", "other"},
    {"/spanflow/exportingProcess/destination/informationElement", "sourceIPv6Address"},
    {"/spanflow/exportingProcess/destination/udpExporter/destinationAddress", "192.0.2.1"},
    {"/spanflow/exportingProcess/destination/udpExporter/sourceAddress", "::1"},
    {"/spanflow/exportingProcess/destination/tcpExporter/destinationAddress", "192.0.2.1"},
    {"/spanflow/exportingProcess/destination/tcpExporter/sourceAddress", "::1"},
    {"/spanflow/exportingProcess/destination/sctpExporter/destinationAddress", "192.0.2.1"},
    {"/spanflow/exportingProcess/destination/sctpExporter/sourceAddress", "::1"},
    {KAFKA "broker", "other"},
    {KAFKA "topic", "other"},
    {KAFKA "transportLayerSecurity/certificate", "other"},
    {KAFKA "transportLayerSecurity/privateKey", "other"},
    {KAFKA "transportLayerSecurity/certificationAuthority", "other"},
    {TCP_SECURITY "certificate", "other"},
    {TCP_SECURITY "privateKey", "other"},
    {TCP_SECURITY "certificationAuthority", "other"},
    {UDP_SECURITY "certificate", "other"},
    {UDP_SECURITY "privateKey", "other"},
    {UDP_SECURITY "certificationAuthority", "other"},
    {"/spanflow/exportingProcess/destination/fileWriter/file", "other"},
    {"/spanflow/exportingProcess/destination/jsonWriter/file", "other"},
    {"/spanflow/ledgerFile", "other"},
    {"/spanflow/applications/ruleFile", "other"},
    {"/spanflow/applications/compiledRules", "other"},
    {"/spanflow/list/name", "other"},
    {"/spanflow/list/file", "other"},
    {"/spanflow/list/label", "other"},
    {"/spanflow/brands", "other"},
    {"/spanflow/names/hashKey", "other"},
    {"/spanflow/stateDirectory", "other"},
    {"/spanflow/exportingProcess/spool/directory", "other"},
    {"/spanflow/exportingProcess/destination/group", "other"},
    {"/spanflow/exportingProcess/destination/anonymisationKeyFile", "other"},
    {"/spanflow/exportingProcess/deliveryGroup/name", "other"},
    {"/spanflow/snapshot/directory", "other"},
    {"/spanflow/snapshot/snapLength", "64"},
    {"/spanflow/snapshot/notice", "other"},
    {"/spanflow/snapshot/cutoffClass/name", "other"},
    {"/spanflow/snapshot/cutoffClass/prefix", "192.0.2.0/24"},
    {"/spanflow/snapshot/cutoffClass/application", "other"},
};

/* The other value for the leaf PATH, NULL if the list has none. */
static const char *other_value(const char *path)
{
    for (size_t i = 0; i < sizeof other_values / sizeof other_values[0]; i++)
        if (strcmp(other_values[i][0], path) == 0)
            return other_values[i][1];
    return NULL;
}

static struct probe_config *read_base(struct config_tree *tree, const char *base)
{
    struct error error = {""};
    assert_true(config_tree_open(tree, &error));
    if (!config_tree_parse(tree, base, "base", &error) || !config_tree_validate(tree, &error))
        fail_msg("%s", error.text);
    struct probe_config *config = probe_config_from_tree(tree, &error);
    if (!config)
        fail_msg("%s", error.text);
    return config;
}

/* The key that the bases give to the entries of LIST; "" if it is none. */
static const char *key_of(const char *list)
{
    static const char *const keys[][2] = {{"observationPoint", "o"},
                                          {"selectionProcess", "s"},
                                          {"cache", "c"},
                                          {"exportingProcess", "p"},
                                          {"destination", "d"},
                                          {"deliveryGroup", "g"},
                                          {"cutoffClass", "k"},
                                          {"list", "w"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i][0], list) == 0)
            return keys[i][1];
    return "";
}

/* Reads BASE with its entry of the list of the key leaf PATH under the name VALUE. False if it has
 * no such entry. */
static bool rename_entry(struct config_tree *tree, const char *base, const char *path,
                         const char *value)
{
    char list[256];
    char old[64];
    char changed[1024];
    struct error error;
    snprintf(list, sizeof list, "%.*s", (int)(strlen(path) - strlen("/name")), path);
    snprintf(old, sizeof old, "\"name\":\"%s\"", key_of(strrchr(list, '/') + 1));
    const char *at = strstr(base, old);
    if (!at)
        return false;
    snprintf(changed, sizeof changed, "%.*s\"name\":\"%s\"%s", (int)(at - base), base, value,
             at + strlen(old));
    return config_tree_parse(tree, changed, "changed", &error);
}

/* Puts the predicates of the bases into a schema path and the module's name before it. */
static void data_path(const char *path, char *text, size_t size)
{
    char *rest = NULL;
    char copy[256];
    size_t length = 0;
    snprintf(copy, sizeof copy, "%s", path + 1);
    for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        const char *key = rest && *rest ? key_of(part) : "";
        length += (size_t)snprintf(text + length, size - length, "/%s%s%s%s%s",
                                   length ? "" : "spanflow:", part, *key ? "[name='" : "", key,
                                   *key ? "']" : "");
        assert_true(length < size);
    }
}

/* Sets the leaf PATH to VALUE in a copy of BASE. Compares the outcome: 1 changed, 0 the same, -1
 * the value is refused or the leaf does not fit into this base. */
static int effect(const char *base, const char *path, const char *value)
{
    struct config_tree tree;
    char text[512];
    struct error error;
    int result = -1;
    struct probe_config *before = read_base(&tree, base);
    data_path(path, text, sizeof text);
    /* A key is changed in the text of the base: the library does not rename entries. */
    bool key = strlen(path) > 5 && strcmp(path + strlen(path) - 5, "/name") == 0;
    bool set = !key && lyd_new_path(tree.root, NULL, text, value, LYD_NEW_PATH_UPDATE, NULL) == 0;
    if (key)
        set = rename_entry(&tree, base, path, value);
    struct probe_config *after = NULL;
    if (set && config_tree_validate(&tree, &error))
        after = probe_config_from_tree(&tree, &error);
    if (after)
        result = same_config(before, after) ? 0 : 1;
    probe_config_free(before);
    probe_config_free(after);
    config_tree_close(&tree);
    return result;
}

/* True when VALUE makes a difference in at least one base. */
static bool effect_anywhere(const char *path, const char *value)
{
    for (unsigned b = 0; b < BASES; b++)
        if (effect(bases[b], path, value) == 1)
            return true;
    return false;
}

/* Every value of an enumeration but the default must have an effect of its own. */
static void check_enum(const char *path, const struct lysc_type *type, const char *usual)
{
    const struct lysc_type_enum *list = (const struct lysc_type_enum *)type;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(list->enums); i++) {
        const char *value = list->enums[i].name;
        if (usual && strcmp(usual, value) == 0)
            continue;
        if (!effect_anywhere(path, value))
            fail_msg("%s: %s changes nothing", path, value);
    }
}

/* The bounds of a number must be taken and the values behind them refused. */
static void check_number(const char *path, const struct lysc_type *type, const char *usual)
{
    const struct lysc_range *range = ((const struct lysc_type_num *)type)->range;
    char value[32];
    unsigned long low = range ? range->parts[0].min_u64 : 0;
    if (usual && strtoul(usual, NULL, 10) == low)
        low++;
    snprintf(value, sizeof value, "%lu", low);
    if (!effect_anywhere(path, value))
        fail_msg("%s: %s changes nothing", path, value);
    if (!range)
        return;
    unsigned long high = range->parts[LY_ARRAY_COUNT(range->parts) - 1].max_u64;
    snprintf(value, sizeof value, "%lu", high);
    if (!effect_anywhere(path, value))
        fail_msg("%s: %s changes nothing", path, value);
    snprintf(value, sizeof value, "%lu", high + 1);
    for (unsigned b = 0; b < BASES; b++)
        assert_int_equal(effect(bases[b], path, value), -1);
}

static void check_leaf(const struct lysc_node *node)
{
    char path[256];
    const char *usual = config_tree_default(node);
    const struct lysc_type *type = node->nodetype == LYS_LEAF
                                       ? ((const struct lysc_node_leaf *)node)->type
                                       : ((const struct lysc_node_leaflist *)node)->type;
    config_tree_schema_path(node, path, sizeof path);
    assert_non_null(node->dsc);
    switch (type->basetype) {
    case LY_TYPE_ENUM:
        check_enum(path, type, usual);
        break;
    case LY_TYPE_BOOL:
        if (!effect_anywhere(path, usual && strcmp(usual, "true") == 0 ? "false" : "true"))
            fail_msg("%s changes nothing", path);
        break;
    case LY_TYPE_UINT8:
    case LY_TYPE_UINT16:
    case LY_TYPE_UINT32:
    case LY_TYPE_UINT64:
        check_number(path, type, usual);
        break;
    case LY_TYPE_LEAFREF: /* what it may name is told by the tests of the whole configuration */
        for (unsigned b = 0; b < BASES; b++)
            assert_int_equal(effect(bases[b], path, "missing"), -1);
        break;
    default:
        if (!other_value(path))
            fail_msg("%s: this test has no other value for it", path);
        if (!effect_anywhere(path, other_value(path)))
            fail_msg("%s changes nothing", path);
        break;
    }
}

static LY_ERR visit(struct lysc_node *node, void *data, ly_bool *stop)
{
    /* Others than the probe's configuration act on the container netconf. */
    if (node->nodetype == LYS_CONTAINER && strcmp(node->name, "netconf") == 0)
        *stop = true;
    if (node->nodetype & (LYS_LEAF | LYS_LEAFLIST) && node->flags & LYS_CONFIG_W) {
        check_leaf(node);
        ++*(unsigned *)data;
    }
    return LY_SUCCESS;
}

static void every_leaf_has_an_effect(void **state)
{
    (void)state;
    struct config_tree tree;
    struct error error = {""};
    unsigned leaves = 0;
    assert_true(config_tree_open(&tree, &error));
    assert_int_equal(lysc_module_dfs_full(tree.module, visit, &leaves), LY_SUCCESS);
    assert_true(leaves > 30);
    config_tree_close(&tree);
}

/* A file of its own with TEXT; PATH is a template for mkstemp(). */
static void write_file(char *path, const char *text)
{
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static const char everything_json[] =
    "\xef\xbb\xbf {\"spanflow:spanflow\":{"
    "\"observationPoint\":[{\"name\":\"eth0\",\"device\":\"net_af_packet0,iface=eth0\","
    "\"ifIndex\":7,\"role\":\"tap-a\",\"filter\":\"tcp\",\"receiveDescriptors\":512,"
    "\"timeSource\":\"device\"}],\"workers\":3,\"workerCpu\":[4,5,1],\"hashPorts\":true,"
    "\"localNetwork\":[\"10.0.0.0/8\"],"
    "\"selectionProcess\":[{\"name\":\"default\",\"sampCountBased\":{\"packetSpace\":9},\"filter\":"
    "\"ip\","
    "\"ignorePrefix\":[\"192.0.2.0/24\"]}],"
    "\"flowKey\":{\"vlanInKey\":false,\"fragmentTable\":false,\"decapsulate\":[\"gre\"]},"
    "\"cache\":[{\"name\":\"default\",\"maxFlows\":100,\"activeTimeout\":1,"
    "\"idleTimeout\":2,\"tcpLinger\":3,"
    "\"floodPolicy\":{\"level1\":\"on\",\"level2\":1000}}],"
    "\"exportingProcess\":[{\"name\":\"default\",\"templateRefreshTimeout\":4,"
    "\"templateRefreshPacket\":5,"
    "\"destination\":[{\"name\":\"udp://h:1?profile=nfdump&biflow=yes&rate=6&domain=7&mtu=800\","
    "\"profile\":\"nfdump\",\"biflow\":true,\"udpExporter\":{\"destinationAddress\":\"h\","
    "\"destinationPort\":1,\"recordRateLimit\":\"6\",\"observationDomainId\":7,"
    "\"maxPacketSize\":800}}]}],"
    "\"ledgerFile\":\"l\"}}";

static const char everything_xml[] =
    "\n<spanflow xmlns=\"urn:spanflow:params:xml:ns:yang:spanflow\">"
    "<observationPoint><name>eth0</name><device>net_af_packet0,iface=eth0</device>"
    "<ifIndex>7</ifIndex><role>tap-a</role><filter>tcp</filter>"
    "<receiveDescriptors>512</receiveDescriptors><timeSource>device</timeSource>"
    "</observationPoint><workers>3</workers><workerCpu>4</workerCpu><workerCpu>5</workerCpu>"
    "<workerCpu>1</workerCpu><hashPorts>true</hashPorts>"
    "<localNetwork>10.0.0.0/8</localNetwork>"
    "<selectionProcess><name>default</name><sampCountBased><packetSpace>9</packetSpace></"
    "sampCountBased>"
    "<filter>ip</filter><ignorePrefix>192.0.2.0/24</ignorePrefix></selectionProcess>"
    "<flowKey><vlanInKey>false</vlanInKey><fragmentTable>false</fragmentTable>"
    "<decapsulate>gre</decapsulate></flowKey><cache><name>default</name><maxFlows>100</maxFlows>"
    "<activeTimeout>1</activeTimeout><idleTimeout>2</idleTimeout>"
    "<tcpLinger>3</tcpLinger><floodPolicy><level1>on</level1><level2>1000</level2>"
    "</floodPolicy></cache>"
    "<exportingProcess><name>default</name><templateRefreshTimeout>4</templateRefreshTimeout>"
    "<templateRefreshPacket>5</templateRefreshPacket><destination>"
    "<name>udp://h:1?profile=nfdump&amp;biflow=yes&amp;rate=6&amp;domain=7&amp;mtu=800</name>"
    "<profile>nfdump</profile><biflow>true</biflow><udpExporter>"
    "<destinationAddress>h</destinationAddress><destinationPort>1</destinationPort>"
    "<recordRateLimit>6</recordRateLimit><observationDomainId>7</observationDomainId>"
    "<maxPacketSize>800</maxPacketSize></udpExporter></destination></exportingProcess>"
    "<ledgerFile>l</ledgerFile></spanflow>";

static void files_and_options_are_the_same(void **state)
{
    (void)state;
    char json[] = "/tmp/spanflow_model_XXXXXX";
    char xml[] = "/tmp/spanflow_model_XXXXXX";
    write_file(json, everything_json);
    write_file(xml, everything_xml);
    struct probe_config *options = accepted(WORDS(
        "-i", "af_packet:eth0,ifindex=7,role=tap-a,descriptors=512,time=device,filter=tcp", "-w",
        "3", "--cpus", "4-5,1", "--hash-ports", "--local", "10.0.0.0/8", "-s", "1/10", "--filter",
        "ip", "--ignore", "192.0.2.0/24", "-m", "100", "-t", "active=1,idle=2,tcp-linger=3",
        "--key", "novlan", "--no-fragment-table", "--decapsulate", "gre", "--flood",
        "level1=on,level2=1000", "--template-refresh", "4/5", "-e",
        "udp://h:1?profile=nfdump&biflow=yes&rate=6&domain=7&mtu=800", "--ledger", "l"));
    struct probe_config *from_json = accepted(WORDS("-c", json));
    struct probe_config *from_xml = accepted(WORDS("-c", xml));
    assert_true(same_config(options, from_json));
    assert_true(same_config(options, from_xml));
    probe_config_free(options);
    probe_config_free(from_json);
    probe_config_free(from_xml);
    unlink(json);
    unlink(xml);
}

static void options_add_to_a_file_and_override_it(void **state)
{
    (void)state;
    char path[] = "/tmp/spanflow_model_XXXXXX";
    write_file(path, everything_json);
    struct probe_config *config = accepted(WORDS("-t", "idle=9", "-e", "json:-", "-c", path,
                                                 "--ledger", "other", "--local", "2001:db8::/32"));
    assert_int_equal(config->caches[0].idle_timeout_ns, 9000000000);
    assert_int_equal(config->caches[0].active_timeout_ns, 1000000000);
    assert_int_equal(config->caches[0].exporting.destination_count, 2);
    assert_int_equal(config->local_count, 2);
    assert_string_equal(config->ledger_path, "other");
    probe_config_free(config);
    unlink(path);
}

/* The limits of the fixed arrays are those of the module. */
static void limits_agree(void **state)
{
    (void)state;
    char *words[2 * (PREFIXES_MAX + 2) + 6] = {"spanflowd", "-r", "a", "-e", "json:-"};
    static char prefixes[PREFIXES_MAX + 1][24];
    size_t count = 5;
    for (unsigned i = 0; i < PREFIXES_MAX; i++) {
        snprintf(prefixes[i], sizeof prefixes[i], "10.%u.%u.0/24", i / 256, i % 256);
        words[count++] = "--local";
        words[count++] = prefixes[i];
    }
    words[count] = NULL;
    struct probe_config *config = accepted(words);
    assert_int_equal(config->local_count, PREFIXES_MAX);
    probe_config_free(config);
    words[count++] = "--local";
    words[count++] = "11.0.0.0/8";
    words[count] = NULL;
    assert_non_null(strstr(refused(words), "/spanflow/localNetwork"));
}

static void texts_keep_to_their_room(void **state)
{
    (void)state;
    /* 20 characters of 3 octets fit the module and not the 31 octets of the record. */
    char source[128] = "dpdk:net_x,name=";
    for (int i = 0; i < 20; i++)
        strcat(source, "\xe2\x82\xac");
    assert_non_null(strstr(refused(WORDS("-i", source, "-e", "json:-")),
                           "/spanflow/observationPoint/name: longer than 31 octets"));
    char path[1200] = "json:";
    memset(path + 5, 'x', 1024);
    assert_non_null(strstr(refused(WORDS("-r", "a", "-e", path)), "path: "));
}

static void packaged_configuration_is_accepted(void **state)
{
    (void)state;
    probe_config_free(accepted(WORDS("-c", SOURCE_ROOT "/packaging/spanflow.json")));
}

static void documented_examples_are_accepted(void **state)
{
    (void)state;
    static char page[8192];
    unsigned examples = 0;
    FILE *file = fopen(SOURCE_ROOT "/docs/configuration.md", "re");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = 0;
    fclose(file);
    for (char *start = strstr(page, "```json\n"); start; examples++) {
        char path[] = "/tmp/spanflow_model_XXXXXX";
        char *end = strstr(start + 8, "```");
        if (!end)
            fail_msg("an example has no end");
        else
            *end = 0;
        write_file(path, start + 8);
        probe_config_free(accepted(WORDS("-c", path)));
        unlink(path);
        start = end ? strstr(end + 1, "```json\n") : NULL;
    }
    assert_int_equal(examples, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_leaf_has_an_effect),
        cmocka_unit_test(files_and_options_are_the_same),
        cmocka_unit_test(options_add_to_a_file_and_override_it),
        cmocka_unit_test(limits_agree),
        cmocka_unit_test(texts_keep_to_their_room),
        cmocka_unit_test(packaged_configuration_is_accepted),
        cmocka_unit_test(documented_examples_are_accepted),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
