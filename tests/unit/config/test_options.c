/* Every option and every word of -i and -e, as seen in the configuration that comes out. */
#include "config_test.h"
#include "element/element.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "options.h"
#include "parse/parse.h"

static void defaults(void **state)
{
    (void)state;
    struct probe_config *config = accepted(WORDS("-r", "a.pcap", "-e", "udp://collector"));
    const struct exporting_process_config *exporting = &config->caches[0].exporting;
    const struct destination_config *udp = &exporting->destinations[0];
    assert_true(config->offline && exporting->offline);
    assert_int_equal(config->caches[0].active_timeout_ns, 60000000000);
    assert_int_equal(config->caches[0].idle_timeout_ns, 15000000000);
    assert_int_equal(config->caches[0].tcp_linger_ns, 2000000000);
    assert_int_equal(config->caches[0].flows_max, 1048576);
    assert_int_equal(config->workers, 1);
    assert_int_equal(config->sampling_interval, 1);
    assert_int_equal(exporting->sampling_interval, 1);
    assert_true(config->vlan_in_key && config->fragment_table);
    assert_int_equal(config->tunnels, 0);
    assert_int_equal(exporting->template_refresh_s, 60);
    assert_int_equal(exporting->template_refresh_messages, 4096);
    assert_int_equal(exporting->statistics_interval_s, 60);
    assert_int_equal(exporting->destination_count, 1);
    assert_int_equal(udp->kind, DESTINATION_UDP);
    assert_string_equal(udp->host, "collector");
    assert_int_equal(udp->port, 4739);
    assert_int_equal(udp->version, 10);
    assert_int_equal(udp->profile, PROFILE_PLAIN);
    assert_int_equal(udp->time_unit, TIME_MILLISECONDS);
    assert_int_equal(udp->domain, 1);
    assert_int_equal(udp->mtu, 1400);
    assert_false(udp->biflow || udp->rate_set);
    probe_config_free(config);
}

static void timeouts_and_cache(void **state)
{
    (void)state;
    struct probe_config *config =
        accepted(WORDS("-r", "a", "-e", "json:-", "-t", "active=0,idle=7", "-ttcp-linger=9", "-m",
                       "4096", "-w", "1", "--key=novlan", "--no-fragment-table", "--decapsulate",
                       "gre,vxlan", "--decapsulate", "etherip", "--template-refresh", "5/70"));
    assert_int_equal(config->caches[0].active_timeout_ns, 0);
    assert_int_equal(config->caches[0].idle_timeout_ns, 7000000000);
    assert_int_equal(config->caches[0].tcp_linger_ns, 9000000000);
    assert_int_equal(config->caches[0].flows_max, 4096);
    assert_false(config->vlan_in_key);
    assert_false(config->fragment_table);
    assert_int_equal(config->tunnels, TUNNEL_GRE | TUNNEL_VXLAN | TUNNEL_ETHERIP);
    assert_int_equal(config->caches[0].exporting.template_refresh_s, 5);
    assert_int_equal(config->caches[0].exporting.template_refresh_messages, 70);
    probe_config_free(config);
    config = accepted(WORDS("-r", "a", "-e", "json:-", "--decapsulate", "all"));
    assert_int_equal(config->tunnels, TUNNEL_ALL);
    probe_config_free(config);
}

static void floods(void **state)
{
    (void)state;
    struct probe_config *config = accepted(WORDS("-r", "a", "-e", "json:-"));
    assert_false(config->caches[0].flood.level1); /* nothing is short with capture files */
    assert_int_equal(config->caches[0].flood.new_flows_per_s, 0);
    assert_false(config->caches[0].exporting.destinations[0].aggregates);
    probe_config_free(config);
    config = accepted(WORDS("-i", "dpdk:net_x", "-e", "json:-"));
    assert_true(config->caches[0].flood.level1);
    assert_int_equal(config->caches[0].flood.enter_percent, 85);
    assert_int_equal(config->caches[0].flood.leave_percent, 70);
    assert_int_equal(config->caches[0].flood.short_idle_ns, 1000000000);
    assert_int_equal(config->caches[0].flood.new_flows_per_s, 0);
    probe_config_free(config);
    config = accepted(WORDS("-r", "a", "-e", "json:-", "-e", "udp://h", "--flood",
                            "level1=on,enter=30,hysteresis=20", "--flood",
                            "idle=3,level2=5000,prefix4=16,prefix6=64"));
    assert_true(config->caches[0].flood.level1);
    assert_int_equal(config->caches[0].flood.enter_percent, 30);
    assert_int_equal(config->caches[0].flood.leave_percent, 10);
    assert_int_equal(config->caches[0].flood.short_idle_ns, 3000000000);
    assert_int_equal(config->caches[0].flood.new_flows_per_s, 5000);
    assert_int_equal(config->caches[0].flood.ipv4_prefix_length, 16);
    assert_int_equal(config->caches[0].flood.ipv6_prefix_length, 64);
    assert_true(config->caches[0].exporting.destinations[0].aggregates);
    assert_true(config->caches[0].exporting.destinations[1].aggregates);
    probe_config_free(config);
    config = accepted(WORDS("-i", "dpdk:net_x", "-e", "json:-", "--flood", "level1=off"));
    assert_false(config->caches[0].flood.level1);
    probe_config_free(config);
}

static void duplicates(void **state)
{
    (void)state;
    static const struct {
        char *option;
        uint64_t window_ns;
    } given[] = {{"--deduplicate", 10000000},
                 {"--deduplicate=25", 25000000},
                 {"--deduplicate=0", 0},
                 {NULL, 0}};
    for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
        struct probe_config *config =
            accepted(WORDS("-r", "a", "-r", "b", "-e", "json:-", "--key", "vlan", given[i].option));
        assert_int_equal(config->duplicate_window_ns, given[i].window_ns);
        probe_config_free(config);
    }
    /* Two devices are two ports; one file may have several interfaces; one device has one port. */
    probe_config_free(
        accepted(WORDS("-i", "af_packet:a", "-i", "af_packet:b", "-e", "json:-", "--deduplicate")));
    probe_config_free(accepted(WORDS("-r", "a", "-e", "json:-", "--deduplicate")));
    probe_config_free(accepted(WORDS("-i", "af_packet:a", "-e", "json:-", "--deduplicate=0")));
    char *one[] = {"spanflowd", "-i", "af_packet:a", "-e", "json:-", "--deduplicate", NULL};
    assert_non_null(strstr(refused(one), "duplicateWindow"));
    assert_non_null(strstr(refused(one), "there is only one: add another, or give 0"));
}

static void selection(void **state)
{
    (void)state;
    struct probe_config *config = accepted(
        WORDS("-r", "a", "-r", "-", "--ledger", "l.json", "-s", "1/100", "--filter", "tcp or udp",
              "--ignore", "10.1.2.3/8", "--ignore", "2001:DB8::7/32", "--local", "192.0.2.1/32"));
    assert_int_equal(config->file_count, 2);
    assert_string_equal(config->files[0], "a");
    assert_string_equal(config->files[1], "-");
    assert_string_equal(config->ledger_path, "l.json");
    assert_int_equal(config->sampling_interval, 100);
    assert_int_equal(config->caches[0].exporting.sampling_interval, 100);
    assert_string_equal(config->filter, "tcp or udp");
    assert_int_equal(config->ignore_count, 2);
    static const uint8_t ten[16] = {10};
    static const uint8_t documentation[16] = {0x20, 0x01, 0x0d, 0xb8};
    static const uint8_t host[16] = {192, 0, 2, 1};
    assert_int_equal(config->ignore[0].family, 4);
    assert_int_equal(config->ignore[0].length, 8);
    assert_memory_equal(config->ignore[0].address, ten, 16);
    assert_int_equal(config->ignore[1].family, 6);
    assert_int_equal(config->ignore[1].length, 32);
    assert_memory_equal(config->ignore[1].address, documentation, 16);
    assert_int_equal(config->local_count, 1);
    assert_memory_equal(config->local[0].address, host, 16);
    probe_config_free(config);
}

static void sources(void **state)
{
    (void)state;
    struct probe_config *config = accepted(
        WORDS("-i", "dpdk:0000:03:00.0", "-i", "dpdk:net_pcap0,rx_pcap=x.pcap,role=tap-b,name=b",
              "-i", "af_packet:eth0,ifindex=7,framesz=4096", "-i",
              "af_packet:eth1,filter=port 53 and ether[0] & 1 = 0", "-e", "json:-"));
    const struct source_config *source = config->sources;
    assert_false(config->offline || config->caches[0].exporting.offline);
    assert_int_equal(config->source_count, 4);
    assert_string_equal(source[0].name, "0000:03:00.0");
    assert_string_equal(source[0].device, "0000:03:00.0");
    assert_int_equal(source[0].role, INTERFACE_SPAN);
    assert_string_equal(source[1].name, "b");
    assert_string_equal(source[1].device, "net_pcap0,rx_pcap=x.pcap");
    assert_int_equal(source[1].role, INTERFACE_TAP_B);
    assert_string_equal(source[2].name, "eth0");
    assert_string_equal(source[2].device, "net_af_packet0,iface=eth0,framesz=4096");
    assert_int_equal(source[2].ifindex, 7);
    assert_string_equal(source[3].device, "net_af_packet1,iface=eth1");
    assert_string_equal(source[3].filter, "port 53 and ether[0] & 1 = 0");
    probe_config_free(config);
}

/* The same words are ours or the driver's, as the kind of source decides. */
static void xdp_sources(void **state)
{
    (void)state;
    struct probe_config *config = accepted(WORDS(
        "-i", "xdp:eth0", "-i",
        "xdp:eth1,mode=native,copy=zero,pass=yes,busypoll=20,descriptors=512,name=b,role=tap-b",
        "-i", "eth2,mode=generic,copy=copy,filter=port 53 or port 54", "-i",
        "dpdk:net_null0,copy=1,mode=x", "-i", "ffff:ff:1f.7,name=pci", "-e", "json:-"));
    const struct source_config *source = config->sources;
    assert_int_equal(config->source_count, 5);
    assert_string_equal(source[0].interface, "eth0");
    assert_string_equal(source[0].name, "eth0");
    assert_string_equal(source[0].device, "");
    assert_int_equal(source[0].xdp.attach, XDP_ATTACH_AUTO);
    assert_int_equal(source[0].xdp.frames, XDP_FRAMES_AUTO);
    assert_false(source[0].xdp.pass_host);
    assert_int_equal(source[0].xdp.receive_descriptors, 4096);
    assert_string_equal(source[1].interface, "eth1");
    assert_string_equal(source[1].name, "b");
    assert_int_equal(source[1].role, INTERFACE_TAP_B);
    assert_int_equal(source[1].xdp.attach, XDP_ATTACH_NATIVE);
    assert_int_equal(source[1].xdp.frames, XDP_FRAMES_ZERO_COPY);
    assert_true(source[1].xdp.pass_host);
    assert_int_equal(source[1].xdp.busy_poll_us, 20);
    assert_int_equal(source[1].xdp.receive_descriptors, 512);
    assert_string_equal(source[2].interface, "eth2");
    assert_int_equal(source[2].xdp.attach, XDP_ATTACH_GENERIC);
    assert_int_equal(source[2].xdp.frames, XDP_FRAMES_COPIED);
    assert_string_equal(source[2].filter, "port 53 or port 54");
    assert_string_equal(source[3].interface, "");
    assert_string_equal(source[3].device, "net_null0,copy=1,mode=x");
    /* No interface of the kernel belongs to it, so it is DPDK's. */
    assert_string_equal(source[4].device, "ffff:ff:1f.7");
    probe_config_free(config);
}

/* A memif's own role is the driver's word; ours can stand beside it. */
static void memif_roles(void **state)
{
    (void)state;
    struct probe_config *config =
        accepted(WORDS("-i", "dpdk:net_memif0,role=server,socket=/run/a,role=tap-a", "-i",
                       "dpdk:net_memif1,role=client", "-e", "json:-"));
    const struct source_config *source = config->sources;
    assert_string_equal(source[0].device, "net_memif0,role=server,socket=/run/a");
    assert_int_equal(source[0].role, INTERFACE_TAP_A);
    assert_string_equal(source[1].device, "net_memif1,role=client");
    assert_int_equal(source[1].role, INTERFACE_SPAN);
    probe_config_free(config);
    assert_non_null(strstr(refused(WORDS("-i", "dpdk:net_memif0,role=servers", "-e", "json:-")),
                           "role: \"servers\" is not possible"));
    assert_non_null(strstr(refused(WORDS("-i", "dpdk:net_ring0,role=server", "-e", "json:-")),
                           "role: \"server\" is not possible"));
}

/* Everything behind filter= is the expression: a comma in it never becomes a word. */
static void filter_takes_the_rest(void **state)
{
    (void)state;
    assert_non_null(
        strstr(refused(WORDS("-i", "dpdk:net_x0,filter=tcp,role=tap-a", "-e", "json:-")),
               "pcap-filter(7)"));
}

static void destinations(void **state)
{
    (void)state;
    struct probe_config *config = accepted(WORDS(
        "-r", "a", "-e",
        "udp://[2001:DB8::1]:99?version=9&profile=nfdump&biflow=yes&rate=0&domain=5&"
        "source=::1&mtu=512",
        "-e", "udp://192.0.2.1?profile=nfdump", "-e", "file:f.ipfix?domain=3&time=ns", "-e",
        "json:-?profile=nfdump&biflow=no", "-e", "udp://h?time=us", "-n", "h:9995", "-v", "9"));
    const struct destination_config *destination = config->caches[0].exporting.destinations;
    assert_int_equal(config->caches[0].exporting.destination_count, 6);
    assert_string_equal(destination[0].host, "2001:db8::1");
    assert_int_equal(destination[0].port, 99);
    assert_int_equal(destination[0].version, 9);
    assert_int_equal(destination[0].profile, PROFILE_NFDUMP);
    assert_true(destination[0].biflow && destination[0].rate_set);
    assert_int_equal(destination[0].rate, 0);
    assert_int_equal(destination[0].domain, 5);
    assert_string_equal(destination[0].source_address, "::1");
    assert_int_equal(destination[0].mtu, 512);
    assert_string_equal(destination[1].name, "udp://192.0.2.1?profile=nfdump");
    assert_int_equal(destination[1].version, 9);
    assert_int_equal(destination[1].port, 2055);
    assert_int_equal(destination[2].kind, DESTINATION_FILE);
    assert_string_equal(destination[2].path, "f.ipfix");
    assert_int_equal(destination[2].domain, 3);
    assert_int_equal(destination[2].time_unit, TIME_NANOSECONDS);
    assert_int_equal(destination[2].version, 10);
    assert_false(destination[2].rotation_s || destination[2].rotation_octets);
    assert_false(destination[2].checksum || destination[2].zstd);
    assert_int_equal(destination[3].kind, DESTINATION_JSON);
    assert_string_equal(destination[3].path, "-");
    assert_int_equal(destination[3].profile, PROFILE_NFDUMP);
    assert_int_equal(destination[4].time_unit, TIME_MICROSECONDS);
    assert_string_equal(destination[5].name, "udp://h:9995?version=9");
    assert_int_equal(destination[5].port, 9995);
    assert_int_equal(destination[5].version, 9);
    probe_config_free(config);
}

static void groups(void **state)
{
    (void)state;
    struct probe_config *config =
        accepted(WORDS("-r", "a", "-e", "json:1?group=b", "-e", "json:2", "-e", "json:3?group=a",
                       "-e", "udp://h?group=b", "-e", "json:4?group=c", "--group",
                       "a=fallback,hold=7", "--group", "b=balance"));
    const struct exporting_process_config *exporting = &config->caches[0].exporting;
    assert_int_equal(exporting->group_count, 2);
    assert_int_equal(exporting->groups[0].mode, EXPORT_FALLBACK);
    assert_int_equal(exporting->groups[0].hold_s, 7);
    assert_int_equal(exporting->groups[1].mode, EXPORT_BALANCE);
    assert_int_equal(exporting->groups[1].hold_s, 10);
    static const uint32_t wanted[] = {2, 0, 1, 2, 0};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(exporting->destinations[i].group, wanted[i]);
    probe_config_free(config);
}

static void changed_records(void **state)
{
    (void)state;
    struct probe_config *config = accepted(
        WORDS("-r", "a", "-e", "json:1?anonymise=/k&aggregate=client-port", "-e", "json:2", "-e",
              "json:3?aggregate=client-port&aggregate-seconds=7&aggregate-records=8"));
    const struct destination_config *d = config->caches[0].exporting.destinations;
    assert_string_equal(d[0].anonymisation_key, "/k");
    assert_int_equal(d[0].client_port_records, 65536);
    assert_int_equal(d[0].client_port_window_s, 60);
    assert_string_equal(d[1].anonymisation_key, "");
    assert_int_equal(d[1].client_port_records, 0);
    assert_int_equal(d[2].client_port_records, 8);
    assert_int_equal(d[2].client_port_window_s, 7);
    probe_config_free(config);
}

static void rows_of_files(void **state)
{
    (void)state;
    struct probe_config *config = accepted(
        WORDS("-r", "a", "-e", "file:f?rotate-seconds=300&rotate-octets=9000000000&checksum=yes"));
    const struct destination_config *destination = config->caches[0].exporting.destinations;
    assert_int_equal(destination->rotation_s, 300);
    assert_int_equal(destination->rotation_octets, 9000000000);
    assert_true(destination->checksum && !destination->zstd);
    probe_config_free(config);
}

static void connections(void **state)
{
    (void)state;
    struct probe_config *config =
        accepted(WORDS("-r", "a", "-e", "tcp://h?version=10&source=192.0.2.1&domain=2&time=us",
                       "-e", "tls://[::1]?cert=c&key=k&ca=a", "-e",
                       "dtls://h:99?verify=no&mtu=600&rate=7", "-e", "sctp://h:5"));
    const struct destination_config *d = config->caches[0].exporting.destinations;
    assert_int_equal(d[0].kind, DESTINATION_TCP);
    assert_int_equal(d[0].version, 10);
    assert_int_equal(d[0].port, 4739);
    assert_int_equal(d[0].domain, 2);
    assert_int_equal(d[0].time_unit, TIME_MICROSECONDS);
    assert_string_equal(d[0].source_address, "192.0.2.1");
    assert_int_equal(d[1].kind, DESTINATION_TLS);
    assert_int_equal(d[1].port, 4740);
    assert_string_equal(d[1].certificate, "c");
    assert_string_equal(d[1].private_key, "k");
    assert_string_equal(d[1].authority, "a");
    assert_false(d[1].unverified);
    assert_int_equal(d[2].kind, DESTINATION_DTLS);
    assert_true(d[2].unverified && d[2].rate_set);
    assert_int_equal(d[2].mtu, 600);
    assert_int_equal(d[2].version, 10);
    assert_int_equal(d[3].kind, DESTINATION_SCTP);
    assert_int_equal(d[3].port, 5);
    probe_config_free(config);
}

static void topics(void **state)
{
    (void)state;
    struct probe_config *config =
        accepted(WORDS("-r", "a", "-e", "kafka://h:1,[::1]:2,g/flows.v-1_x", "-e",
                       "kafka://h/t?format=ipfix&domain=3&time=ns&acks=leader&compress=lz4", "-e",
                       "kafka://h/u?ca=a&cert=c&key=k", "-e", "kafka://h/v?verify=no"));
    const struct destination_config *d = config->caches[0].exporting.destinations;
    assert_int_equal(d[0].kind, DESTINATION_KAFKA);
    assert_string_equal(d[0].brokers, "h:1,[::1]:2,g");
    assert_string_equal(d[0].topic, "flows.v-1_x");
    assert_int_equal(d[0].format, KAFKA_JSON);
    assert_false(d[0].leader_alone || d[0].encrypted);
    assert_string_equal(d[0].compression, "none");
    assert_true(destination_is_json(&d[0]) && !destination_is_partitioned(&d[0]));
    assert_int_equal(d[1].format, KAFKA_IPFIX);
    assert_int_equal(d[1].domain, 3);
    assert_int_equal(d[1].time_unit, TIME_NANOSECONDS);
    assert_int_equal(d[1].version, 10);
    assert_true(d[1].leader_alone);
    assert_string_equal(d[1].compression, "lz4");
    assert_true(!destination_is_json(&d[1]) && destination_is_partitioned(&d[1]));
    assert_true(d[2].encrypted && !d[2].unverified);
    assert_string_equal(d[2].authority, "a");
    assert_string_equal(d[2].certificate, "c");
    assert_string_equal(d[2].private_key, "k");
    assert_true(d[3].encrypted && d[3].unverified);
    probe_config_free(config);
}

/* Each profile brings its version and port; version 5 is a profile of its own. */
static void profiles_bring_their_version(void **state)
{
    (void)state;
    static const struct {
        char *word;
        enum export_profile profile;
        unsigned version;
        uint16_t port;
    } cases[] = {{"udp://h?profile=silk", PROFILE_SILK, 10, 4739},
                 {"udp://h?profile=full", PROFILE_FULL, 10, 4739},
                 {"udp://h?profile=fluentd-v9", PROFILE_FLUENTD_V9, 9, 2055},
                 {"udp://h?profile=v5", PROFILE_V5, 5, 2055},
                 {"udp://h?version=5", PROFILE_V5, 5, 2055},
                 {"udp://h?elements=flowId,octetDeltaCount", PROFILE_ELEMENTS, 10, 4739},
                 {"udp://h?elements=vlanId&version=9", PROFILE_ELEMENTS, 9, 2055}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct probe_config *config = accepted(WORDS("-r", "a", "-e", cases[i].word));
        const struct destination_config *d = &config->caches[0].exporting.destinations[0];
        assert_int_equal(d->profile, cases[i].profile);
        assert_int_equal(d->version, cases[i].version);
        assert_int_equal(d->port, cases[i].port);
        assert_false(d->scale);
        probe_config_free(config);
    }
    struct probe_config *config = accepted(
        WORDS("-r", "a", "-e", "json:x?elements=flowEndNanoseconds,flowId&scale=yes", "-s", "1/4"));
    const struct destination_config *d = &config->caches[0].exporting.destinations[0];
    assert_int_equal(d->element_count, 2);
    assert_int_equal(d->elements[0], ELEMENT_FLOW_END_NANOSECONDS);
    assert_int_equal(d->elements[1], ELEMENT_FLOW_ID);
    assert_int_equal(d->time_unit, TIME_NANOSECONDS);
    assert_true(d->scale);
    probe_config_free(config);
    config = accepted(WORDS("-r", "a", "-n", "h:9", "-v", "5"));
    assert_int_equal(config->caches[0].exporting.destinations[0].profile, PROFILE_V5);
    probe_config_free(config);
}

/* A path that is longer than a short name keeps its whole text as the destination's name. */
static void long_names_stay_whole(void **state)
{
    (void)state;
    char argument[1000] = "json:/";
    memset(argument + 6, 'x', 900);
    struct probe_config *config = accepted(WORDS("-r", "a", "-e", argument));
    assert_string_equal(config->caches[0].exporting.destinations[0].name, argument);
    assert_string_equal(config->caches[0].exporting.destinations[0].path, argument + 5);
    probe_config_free(config);
}

/* The manual page without its markup: escaped hyphens, font changes and the quotes of macros. */
static char *read_manual(void)
{
    FILE *file = fopen(SOURCE_ROOT "/docs/man/spanflowd.8", "re");
    assert_non_null(file);
    char *text = calloc(1, 1 << 18);
    assert_non_null(text);
    size_t length = fread(text, 1, (1 << 18) - 1, file);
    fclose(file);
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && text[i + 1] == 'f')
            i += 2;
        else if (text[i] != '\\' && text[i] != '"')
            text[kept++] = text[i];
    }
    text[kept] = 0;
    return text;
}

static void check_words(const char *manual, const struct option_word *words)
{
    for (; words->word; words++) {
        char name[64];
        if (!words->help)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(words->word, "=:") + 1, words->word);
        if (!strstr(manual, name))
            fail_msg("the manual page lacks %s", name);
    }
}

static void manual_page_has_every_option(void **state)
{
    (void)state;
    char *manual = read_manual();
    for (size_t i = 0; i < option_count; i++) {
        const struct option_description *option = &option_table[i];
        char name[64];
        if (option->letter)
            snprintf(name, sizeof name, "-%c", option->letter);
        else
            snprintf(name, sizeof name, "--%s", option->name);
        if (option->help && !strstr(manual, name))
            fail_msg("the manual page lacks %s", name);
        if (!option->help && strstr(manual, name))
            fail_msg("the manual page has %s, which is not in this build", name);
    }
    check_words(manual, option_source_kinds);
    check_words(manual, option_source_words);
    check_words(manual, option_destination_kinds);
    check_words(manual, option_destination_words);
    check_words(manual, option_timeout_words);
    check_words(manual, option_flood_words);
    check_words(manual, option_alert_words);
    check_words(manual, option_snapshot_words);
    free(manual);
}

static enum command_line_result answer(char *const words[], char *text, size_t size)
{
    struct probe_config *config = NULL;
    struct error error = {""};
    int count = 0;
    while (words[count])
        count++;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int keep = dup(1);
    assert_true(dup2(fileno(file), 1) == 1);
    struct run_options run;
    enum command_line_result result = config_from_command_line(count, words, &config, &run, &error);
    run_options_free(&run);
    fflush(stdout);
    assert_true(dup2(keep, 1) == 1);
    close(keep);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
    assert_int_equal(config != NULL, result == COMMAND_LINE_CHECK);
    probe_config_free(config);
    return result;
}

static void answers(void **state)
{
    (void)state;
    char text[16384];
    assert_int_equal(answer(WORDS("--help"), text, sizeof text), COMMAND_LINE_DONE);
    for (size_t i = 0; i < option_count; i++) {
        char head[96];
        option_head(&option_table[i], head, sizeof head);
        assert_int_equal(strstr(text, head) != NULL, option_table[i].help != NULL);
    }
    assert_int_equal(answer(WORDS("-h"), text, sizeof text), COMMAND_LINE_DONE);
    assert_int_equal(answer(WORDS("--version"), text, sizeof text), COMMAND_LINE_DONE);
    assert_memory_equal(text, "spanflowd ", 10);
    assert_int_equal(answer(WORDS("--check", "-r", "a", "-e", "json:-"), text, sizeof text),
                     COMMAND_LINE_CHECK);
    assert_int_equal(answer(WORDS("--check", "-r", "a"), text, sizeof text), COMMAND_LINE_REFUSED);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(timeouts_and_cache),
        cmocka_unit_test(floods),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(selection),
        cmocka_unit_test(sources),
        cmocka_unit_test(xdp_sources),
        cmocka_unit_test(memif_roles),
        cmocka_unit_test(filter_takes_the_rest),
        cmocka_unit_test(destinations),
        cmocka_unit_test(changed_records),
        cmocka_unit_test(rows_of_files),
        cmocka_unit_test(groups),
        cmocka_unit_test(connections),
        cmocka_unit_test(topics),
        cmocka_unit_test(profiles_bring_their_version),
        cmocka_unit_test(long_names_stay_whole),
        cmocka_unit_test(manual_page_has_every_option),
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
