/* What is refused, and that the line names the option or the leaf and says what to do. */
#include "config_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct refusal {
    char *words[10];  /* after -r a.pcap -e json:- */
    const char *line; /* a part of the complaint */
};

/* Prepends words that alone are fine, so that only the one under test can be refused. */
static const char *refused_after_good(char *const words[])
{
    char *all[16] = {"spanflowd", "-r", "a.pcap", "-e", "json:-"};
    size_t count = 5;
    while (*words && count < 15)
        all[count++] = *words++;
    return refused(all);
}

static void check_all(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *line = refused_after_good(refusals[i].words);
        if (!strstr(line, refusals[i].line))
            fail_msg("'%s' is not in: %s", refusals[i].line, line);
    }
}

static void xdp_sources(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"-i", "xdp:eth0,mode=fast"},
         "mode: \"fast\" is not possible; give auto, native or generic"},
        {{"-i", "xdp:eth0,copy=no"}, "copy: \"no\" is not possible; give auto, zero or copy"},
        {{"-i", "xdp:eth0,pass=maybe"}, "pass: \"maybe\" is not possible; give yes or no"},
        {{"-i", "xdp:eth0,busypoll=2000"}, "busypoll: \"2000\" is not possible; give 0..1000"},
        {{"-i", "xdp:eth0,framesz=9"}, "framesz=9: not a word of xdp:"},
        {{"-i", "xdp:eth0,time=device"}, "time=device: not a word of xdp:"},
        {{"-i", "xdp:a-name-that-is-too-long"}, "is not possible"},
        {{"-i", "xdp:"}, "-i xdp:: names no device"},
        {{"--kernel-flows", "many"}, "--kernel-flows many: \"many\" is not possible"},
        {{"--kernel-after", "1"}, "--kernel-after 1: \"1\" is not possible"},
        {{"--kernel-flows", "64"}, "kernelFlows: only packets of an observation point with xdp"},
        {{"-i", "pcap:eth0"}, "not a source; give dpdk:DEVICE, xdp:INTERFACE or af_packet:"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

static void options(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"--nonsense"}, "--nonsense: unknown option"},
        {{"-q"}, "-q: unknown option"},
        {{"extra"}, "extra: not an option"},
        {{"-t"}, "-t: give -t NAME=SECONDS"},
        {{"--check=1"}, "--check=1: this option has no argument"},
        {{"-t", "active=x"}, "-t active=x: active: \"x\" is not possible; give 0..31536000"},
        {{"-t", "active"}, "is no timeout"},
        {{"-t", "foo=1"}, "\"foo\" is no timeout"},
        {{"--flood", "level1"}, "--flood level1: \"level1\" is nothing that --flood knows"},
        {{"--flood", "level1=maybe"}, "level1: \"maybe\" is not possible; give auto, on or off"},
        {{"--flood", "enter=100"}, "enter: \"100\" is not possible; give 2..99 percent"},
        {{"--flood", "idle=0"}, "idle: \"0\" is not possible; give 1..3600 seconds"},
        {{"--flood", "prefix4=33"}, "prefix4: \"33\" is not possible; give 0..32 bits"},
        {{"-m", "0"}, "-m 0: \"0\" is not possible; give 1..1073741824 flows"},
        {{"-m", "1", "-m", "2"}, "-m: given twice"},
        {{"-w", "0"}, "-w 0:"},
        {{"-m", "2", "-w", "4"}, "fewer flows than workers"},
        {{"--cpus", "x"}, "--cpus x: give numbers of CPUs"},
        {{"--cpus", "3-1"}, "--cpus 3-1: give numbers of CPUs"},
        {{"--cpus", "1024"}, "--cpus 1024: \"1024\" is not possible; give 0..1023"},
        {{"--cpus", "0,1", "-w", "3"}, "give one CPU for each worker"},
        {{"--cpus", "1,1", "-w", "2"}, "--cpus 1,1: given twice"},
        {{"--hash-ports"}, "raise workers (-w)"},
        {{"-i", "dpdk:net_x,descriptors=63"},
         "descriptors: \"63\" is not possible; give 64..32768"},
        {{"-i", "dpdk:net_x,time=nic"}, "time: \"nic\" is not possible; give system or device"},
        {{"-s", "100"}, "-s 100: give 1/N"},
        {{"-s", "1/0"}, "-s 1/0: give 1/N"},
        {{"-s", "1/4294967296"}, "give 1/N"},
        {{"--deduplicate=1001"},
         "--deduplicate 1001: \"1001\" is not possible; give 0..1000 milliseconds"},
        {{"--deduplicate="}, "--deduplicate : \"\" is not possible"},
        {{"--deduplicate", "10"}, "stands behind '=': --deduplicate=10"},
        {{"--deduplicate", "--deduplicate=5"}, "--deduplicate: given twice"},
        {{"--filter", "prt 80"}, "--filter prt 80: filter 'prt 80'"},
        {{"--ignore", "10.0.0.0"}, "--ignore 10.0.0.0: \"10.0.0.0\" is not possible"},
        {{"--local", "::/129"}, "--local ::/129"},
        {{"--key", "mac"}, "--key mac: give vlan or novlan"},
        {{"--decapsulate", "foo"}, "--decapsulate foo: \"foo\" is not possible; give all, gre"},
        {{"--template-refresh", "60"}, "give SECONDS/MESSAGES"},
        {{"--template-refresh", "60/x"}, "--template-refresh 60/x: \"x\" is not possible"},
        {{"-r", "a.pcap"}, "-r a.pcap: given twice"},
        {{"-v", "9"}, "-v 9: -v is the version of -n"},
        {{"-n", "h:1", "-v", "8"}, "-n h:1: version: \"8\" is not possible"},
        {{"-i", "dpdk:"}, "-i dpdk:: names no device"},
        {{"-i", "af_packet:"}, "names no interface"},
        {{"-i", "dpdk:net_x,role=up"}, "role: \"up\" is not possible; give span, tap-a or tap-b"},
        {{"-i", "dpdk:net_x,ifindex=70000"}, "ifindex: \"70000\" is not possible"},
        {{"-i", "dpdk:net_x,name=a,name=b"}, "name= is given twice"},
        {{"-i", "dpdk:net_x", "-i", "dpdk:net_x"}, "-i dpdk:net_x: name: given twice"},
        {{"-i", "dpdk:net_x"}, "capture files cannot be read in one run"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

static void destinations(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"-e", "collector:4739"}, "-e collector:4739: not a destination"},
        {{"-e", "udp://"}, "names no host"},
        {{"-e", "udp://h:0"}, "port: \"0\" is not possible; give 1..65535"},
        {{"-e", "udp://h:x"}, "port: \"x\" is not possible"},
        {{"-e", "udp://::1"}, "stands in brackets"},
        {{"-e", "udp://[::1"}, "[ADDRESS]:PORT"},
        {{"-e", "udp://[::1]99"}, "[ADDRESS]:PORT"},
        {{"-e", "json:"}, "path: \"\" is not possible"},
        {{"-e", "json:x?format=json"}, "format= has no meaning for json:; remove it"},
        {{"-e", "kafka://h"}, "give BROKER:PORT/TOPIC"},
        {{"-e", "kafka:///topic"}, "give BROKER:PORT/TOPIC"},
        {{"-e", "kafka://h/"}, "give BROKER:PORT/TOPIC"},
        {{"-e", "kafka://h:0/t"}, "not a broker; give HOST or HOST:PORT with a port of 1..65535"},
        {{"-e", "kafka://h,/t"}, "broker: \"\" is not possible"},
        {{"-e", "kafka://h,h/t"}, "broker: given twice"},
        {{"-e", "kafka://h/a b"}, "not a topic; give letters, digits"},
        {{"-e", "kafka://h/t?format=xml"},
         "format: \"xml\" is not possible; give one of json, ipfix"},
        {{"-e", "kafka://h/t?acks=0"}, "acks: \"0\" is not possible; give one of all, leader"},
        {{"-e", "kafka://h/t?domain=2"}, "records in JSON have no observation domain"},
        {{"-e", "kafka://h/t?time=us"}, "records in JSON have their times in milliseconds"},
        {{"-e", "kafka://h/t?profile=v5"}, "profiles v5 and fluentd-v9"},
        {{"-e", "kafka://h/t", "-e", "kafka://h/t?format=ipfix&domain=7"},
         "kafkaExporter/topic: 'kafka://h/t' writes another format to it"},
        {{"-e", "kafka://h/t", "-e", "kafka://h/t?elements=vlanId"},
         "kafkaExporter/topic: 'kafka://h/t' writes the same records"},
        {{"-e", "kafka://h/t?cert=c"}, "a certificate and its key belong together"},
        {{"-e", "kafka://h/t?mtu=900"}, "mtu= has no meaning for kafka://; remove it"},
        {{"-e", "udp://h?mtu=511"}, "mtu: \"511\" is not possible; give 512..65535 octets"},
        {{"-e", "udp://h?mtu=65536"}, "mtu: \"65536\""},
        {{"-e", "udp://h?domain=0"}, "domain: \"0\" is not possible; give 1..4294967295"},
        {{"-e", "udp://h?rate=-1"}, "rate: \"-1\""},
        {{"-e", "udp://h?source=host"}, "source: \"host\" is not possible"},
        {{"-e", "udp://h?biflow=maybe"}, "biflow: \"maybe\" is not possible; give one of yes, no"},
        {{"-e", "udp://h?profile=x"}, "profile: \"x\" is not possible; give one of plain, nfdump"},
        {{"-e", "udp://h?colour=red"}, "\"colour\" is unknown"},
        {{"-e", "udp://h?"}, "\"\" is unknown"},
        {{"-e", "udp://h?mtu=600&mtu=700"}, "mtu= is given twice"},
        {{"-e", "udp://h?version=9&biflow=yes"}, "only in profile nfdump"},
        {{"-e", "udp://h?version=9&time=us"}, "version 9 tells flow times in milliseconds only"},
        {{"-e", "json:-"}, "-e json:-: given twice"},
        {{"-e", "json:-?biflow=yes"}, "'json:-' writes it already"},
        {{"-e", "json:a.pcap"}, "captureFile: 'a.pcap' is also to be written"},
        {{"--ledger", "a.pcap"}, "captureFile: 'a.pcap' is also to be written"},
        {{"-e", "json:x", "--ledger", "x"}, "/spanflow/ledgerFile: 'json:x' writes it already"},
        {{"-e", "file:-", "--ledger", "-"}, "writes it already"},
        {{"-e", "udp://192.0.2.1?source=::1"}, "/udpExporter/sourceAddress: '::1' is not of the"},
        {{"-e", "udp://[::1]?source=192.0.2.1"}, "/udpExporter/sourceAddress: '192.0.2.1'"},
        {{"-e", "udp://h", "-e", "udp://h:4739"}, "/udpExporter/observationDomainId"},
        {{"-e", "udp://h", "-n", "h:4739"}, "give another domain"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

static void files_and_groups(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"-e", "file:x?rotate-seconds=0"}, "rotate-seconds: \"0\" is not possible; give 1.."},
        {{"-e", "file:x?rotate-octets=262143"}, "rotate-octets: \"262143\" is not possible"},
        {{"-e", "file:-?rotate-seconds=1"}, "the standard output cannot be several files"},
        {{"-e", "file:-?rotate-octets=300000"}, "the standard output cannot be several files"},
        {{"-e", "file:x?compress=gzip"}, "compress: \"gzip\" is not possible; give none or zstd"},
        {{"-e", "file:x?checksum=md5"}, "checksum: \"md5\" is not possible"},
        {{"-e", "json:x?rotate-seconds=9"}, "rotate-seconds= has no meaning for json:"},
        {{"-e", "file:x?rate=1"}, "rate= has no meaning for file:"},
        {{"-e", "file:x?mtu=1400"}, "mtu= has no meaning for file:"},
        {{"-e", "file:x?source=::1"}, "source= has no meaning for file:"},
        {{"-e", "file:x?version=9"}, "holds IPFIX messages only"},
        {{"-e", "file:x?profile=nfdump&time=ns"}, "nfdump reads flow times in milliseconds only"},
        {{"-e", "json:x?version=9"}, "version= has no meaning for json:"},
        {{"-e", "json:x?domain=2"}, "domain= has no meaning for json:"},
        {{"-e", "json:x?time=us"}, "time= has no meaning for json:"},
        {{"--group", "g"}, "--group g: give NAME=parallel"},
        {{"--group", "g=both"}, "--group g=both: \"both\" is not possible"},
        {{"--group", "g=fallback,wait=3"}, "perhaps ,hold=SECONDS"},
        {{"--group", "g=fallback,hold=2"}, "give 3..86400 seconds"},
        {{"--group", "=fallback"}, "is not possible"},
        {{"--group", "g=balance"}, "deliveryGroup[name='g']: no destination has this group"},
        {{"-e", "json:x?group="}, "group: \"\" is not possible"},
        {{"-e", "json:x?anonymise="}, "anonymise: \"\" is not possible"},
        {{"-e", "json:x?anonymise=k&elements=sourceMacAddress"},
         "sourceMacAddress names a device: leave it out where addresses are anonymised"},
        {{"-e", "json:x?aggregate=server-port"},
         "aggregate: \"server-port\" is not possible; give one of none, client-port"},
        {{"-e", "json:x?aggregate-seconds=10"}, "nothing is aggregated"},
        {{"-e", "json:x?aggregate=none&aggregate-records=10"}, "nothing is aggregated"},
        {{"-e", "json:x?aggregate=client-port&aggregate-seconds=0"},
         "aggregate-seconds: \"0\" is not possible; give 1..86400 seconds"},
        {{"-e", "json:x?aggregate=client-port&aggregate-records=0"},
         "aggregate-records: \"0\" is not possible; give 1..4194304 records"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

static void connections(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"-e", "tcp://"}, "names no host"},
        {{"-e", "tls://h:x"}, "port: \"x\" is not possible"},
        {{"-e", "sctp://::1"}, "stands in brackets"},
        {{"-e", "tcp://h?version=9"}, "version: tcp:// holds IPFIX messages only"},
        {{"-e", "dtls://h?version=9"}, "version: dtls:// holds IPFIX messages only"},
        {{"-e", "tcp://h?mtu=1400"}, "mtu= has no meaning for tcp://"},
        {{"-e", "tls://h?rate=1"}, "rate= has no meaning for tls://"},
        {{"-e", "sctp://h?mtu=1400"}, "mtu= has no meaning for sctp://"},
        {{"-e", "udp://h?cert=c"}, "cert= has no meaning for udp://"},
        {{"-e", "tcp://h?key=k"}, "key= has no meaning for tcp://"},
        {{"-e", "sctp://h?ca=c"}, "ca= has no meaning for sctp://"},
        {{"-e", "json:x?verify=no"}, "verify= has no meaning for json:"},
        {{"-e", "tls://h?cert=c"},
         "/tcpExporter/transportLayerSecurity: a certificate and its key"},
        {{"-e", "dtls://h?key=c"},
         "/udpExporter/transportLayerSecurity: a certificate and its key"},
        {{"-e", "tls://h?ca=c&verify=no"}, "authorities mean nothing where"},
        {{"-e", "tls://h?ca="}, "ca: \"\" is not possible"},
        {{"-e", "tls://h?verify=perhaps"}, "verify: \"perhaps\" is not possible"},
        {{"-e", "tcp://192.0.2.1?source=::1"}, "/tcpExporter/sourceAddress: '::1' is not of the"},
        {{"-e", "tcp://h", "-e", "tcp://h:4739"}, "/tcpExporter/observationDomainId"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

static void profiles_and_elements(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {{"-e", "udp://h?version=5&biflow=yes"}, "no form for both directions in one record"},
        {{"-e", "udp://h?profile=fluentd-v9&biflow=yes"}, "no form for both directions"},
        {{"-e", "udp://h?version=5&profile=nfdump"}, "version=5 goes with profile=v5 only"},
        {{"-e", "udp://h?version=9&profile=v5"}, "profile=v5 needs version=5"},
        {{"-e", "udp://h?version=9&profile=silk"}, "profile=silk needs version=10"},
        {{"-e", "udp://h?version=9&profile=full"}, "profile=full needs version=10"},
        {{"-e", "udp://h?version=10&profile=fluentd-v9"}, "profile=fluentd-v9 needs version=9"},
        {{"-e", "udp://h?profile=fluentd-v9&time=ns"}, "milliseconds only"},
        {{"-e", "udp://h?profile=v5&domain=70000"}, "domain=70000 does not fit"},
        {{"-e", "udp://h?profile=v5", "-s", "1/20000"}, "cannot announce 1/20000: use scale=yes"},
        {{"-e", "udp://h?profile=silk&time=us"}, "SiLK reads flow times in milliseconds only"},
        {{"-e", "json:x?profile=v5"}, "choose another profile for a file"},
        {{"-e", "file:x?profile=fluentd-v9"}, "choose another profile for a file"},
        {{"-e", "tcp://h?profile=v5"}, "go over plain UDP only; choose another profile"},
        {{"-e", "sctp://h?profile=fluentd-v9"}, "go over plain UDP only"},
        {{"-e", "dtls://h?profile=v5"}, "go over plain UDP only"},
        {{"-e", "udp://h?elements="}, "elements: \"\" is not possible"},
        {{"-e", "udp://h?elements=sourceIPAddress"}, "did you mean sourceIPv4Address?"},
        {{"-e", "udp://h?elements=vlanid"}, "/informationElement: \"vlanid\" is no element"},
        {{"-e", "udp://h?elements=vlanId,vlanId"}, "elements: given twice: \"vlanId\""},
        {{"-e", "udp://h?elements=vlanId&profile=full"}, "remove one of them"},
        {{"-e", "udp://h?elements=vlanId&biflow=yes"}, "needs reverse elements"},
        {{"-e", "udp://h?elements=vlanId,reverseVlanId"}, "reverseVlanId tells of the answer"},
        {{"-e", "udp://h?version=9&elements=flowId"}, "flowId cannot be told in NetFlow v9"},
        {{"-e", "udp://h?elements=flowEndSysUpTime"}, "flowEndSysUpTime is for NetFlow v9"},
        {{"-e", "udp://h?elements=flowEndNanoseconds"}, "use time="},
        {{"-e", "json:x?elements=flowEndNanoseconds,flowStartMilliseconds"}, "one unit for all"},
        {{"-e", "json:x?scale=perhaps"}, "scale: \"perhaps\" is not possible"},
    };
    check_all(refusals, sizeof refusals / sizeof refusals[0]);
}

/* Different domains or ports at one collector are different streams. */
static void streams_that_do_not_clash(void **state)
{
    (void)state;
    probe_config_free(accepted(WORDS("-r", "a", "-e", "udp://h", "-e", "udp://h?domain=2", "-e",
                                     "udp://h:1", "-e", "udp://i", "-e", "tcp://h", "-e",
                                     "sctp://h", "-e", "tls://h", "-e", "dtls://h")));
}

static void whole_runs(void **state)
{
    (void)state;
    assert_non_null(strstr(refused(WORDS("-e", "json:-")), "nothing to observe"));
    assert_non_null(strstr(refused(WORDS("-r", "a")), "no destination"));
    assert_non_null(strstr(
        refused(WORDS("-i", "dpdk:net_x,name=1", "-i", "dpdk:net_x,name=2", "--ledger", "-")),
        "/spanflow/observationPoint[name='2']/device: the same"));
    assert_non_null(
        strstr(refused(WORDS("-i", "dpdk:a,ifindex=1", "-i", "dpdk:b,ifindex=1", "--ledger", "-")),
               "/spanflow/observationPoint[name='b']/ifIndex: the same"));
    probe_config_free(accepted(WORDS("-r", "a", "--ledger", "-")));
    assert_non_null(
        strstr(refused(WORDS("-c", "/nonexistent/file")), "/nonexistent/file: No such file"));
}

/* Writes TEXT to a file of its own and gives its name to -c. */
static const char *refused_file(const char *text)
{
    char path[] = "/tmp/spanflow_config_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    const char *line = refused(WORDS("-c", path, "--ledger", "-"));
    unlink(path);
    return line;
}

#define JSON(content) "{\"spanflow:spanflow\":{" content "}}"
#define DESTINATION(content)                                                                       \
    JSON("\"exportingProcess\":[{\"name\":\"p\",\"destination\":[{\"name\":\"a\"" content "}]}]")
#define XML(content)                                                                               \
    "<spanflow xmlns=\"urn:spanflow:params:xml:ns:yang:spanflow\">" content "</spanflow>"

struct refused_text {
    const char *text;
    const char *line; /* a part of the complaint */
};

static void check_texts(const struct refused_text *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *line = refused_file(refusals[i].text);
        if (!strstr(line, refusals[i].line))
            fail_msg("'%s' is not in: %s", refusals[i].line, line);
    }
}

static void files(void **state)
{
    (void)state;
    static const struct refused_text refusals[] = {
        {"", "is empty"},
        {"hello", ":1: "},
        {"[]", ":1: "},
        {"{\"cache\":{}}", "namespace"},
        {"{\"a:b\":{}}", "unknown name \"a\""},
        {"{\"spanflow:spanflow\":{", ":1: "},
        {"{\"spanflow:spanflow\":{},\"spanflow:spanflow\":{}}", "more than one"},
        {"{}", "nothing to observe"},
        {"{\"spanflow:spanflow\":", "is not one whole JSON object"},
        {JSON("\"captureFile\":[\"}\\\"\"]") " more", "is not one whole JSON object"},
        {JSON("") "{}", "is not one whole JSON object"},
        {JSON("\n\"cache\":[{\"name\":\"c\",\"idleTimeout\":-1}]"),
         ":2: /spanflow/cache[name='c']/idleTimeout: \"-1\""},
        {JSON("\"cache\":[{\"name\":\"c\",\"idleTimeout\":\"1\"}]"),
         "/idleTimeout: \"1\" must stand without"},
        {JSON("\"cache\":[{\"name\":\"c\",\"idleTimeout\":1,\"idleTimeout\":2}]"),
         "/idleTimeout: given twice"},
        {JSON("\"cache\":[{\"name\":\"c\",\"colour\":1}]"),
         "/spanflow/cache[name='c']: unknown name \"colour\""},
        {JSON("\"cache\":[{}]"), "/spanflow/cache: an entry has no \"name\""},
        {JSON("\"captureFile\":[\"\"]"), "/spanflow/captureFile: \"\" is not possible"},
        {JSON("\"localNetwork\":[\"10.0.0.1/8\",\"10.0.0.0/8\"]"), "given twice"},
    };
    check_texts(refusals, sizeof refusals / sizeof refusals[0]);
}

static void entries_in_files(void **state)
{
    (void)state;
    static const struct refused_text refusals[] = {
        {JSON("\"observationPoint\":[{\"name\":\"a\"}]"), "has no device and no xdp"},
        {JSON("\"observationPoint\":[{\"name\":\"a\",\"xdp\":{}}]"), "/xdp/interface: is missing"},
        {JSON("\"observationPoint\":[{\"name\":\"a\",\"device\":\"b\",\"xdp\":{\"interface\":\"c\"}"
              "}]"),
         "an observation point has one of device and xdp"},
        {JSON("\"observationPoint\":[{\"name\":\"a\",\"xdp\":{\"interface\":\"c\"},"
              "\"timeSource\":\"device\"}]"),
         "[name='a']/timeSource: AF_XDP sockets bring no time"},
        {JSON("\"observationPoint\":[{\"device\":\"a\"}]"), "an entry has no \"name\""},
        {JSON("\"captureFile\":[\"a\"],\"selectionProcess\":[{\"name\":\"s\",\"filter\":\"prt "
              "1\"}]"),
         "/spanflow/selectionProcess[name='s']/filter: filter 'prt"},
        {JSON("\"observationPoint\":[{\"name\":\"a\",\"device\":\"b\",\"filter\":\"prt 1\"}]"),
         "/spanflow/observationPoint[name='a']/filter: filter 'prt"},
        {DESTINATION(""),
         "/spanflow/exportingProcess/destination: is missing; give one of udpExporter"},
        {DESTINATION(",\"profile\":\"x\""),
         "[name='a']/profile: \"x\" is not possible; give plain"},
        {DESTINATION(",\"udpExporter\":{\"destinationPort\":1}"),
         "udpExporter/destinationAddress: is missing"},
        {DESTINATION(",\"udpExporter\":{\"destinationAddress\":\"h\",\"ipfixVersion\":9,"
                     "\"transportLayerSecurity\":{}}"),
         "/udpExporter/ipfixVersion: only IPFIX goes over DTLS"},
        {DESTINATION(",\"fileWriter\":{\"file\":\"x\"},\"jsonWriter\":{\"file\":\"y\"}"),
         "has one of udpExporter, tcpExporter"},
        {DESTINATION("},{\"name\":\"a\""), "destination[name='a']: given twice"},
        {"<spanflow><cache/></spanflow>", "namespace"},
        {XML("<cache><name>c</name><idleTimeout>x</idleTimeout></cache>"),
         "/cache[name='c']/idleTimeout: \"x\""},
        {XML("<cache>"), ":1: "},
    };
    check_texts(refusals, sizeof refusals / sizeof refusals[0]);
}

/* The leaf and the limit stand in the line however long the name of the destination is. */
static void too_many_elements(void **state)
{
    (void)state;
    char text[400] = "udp://h?elements=e0";
    for (unsigned i = 1; i < 49; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ",e%u", i);
    char *many[] = {"-e", text, NULL};
    const char *line = refused_after_good(many);
    assert_non_null(strstr(line, "...']/informationElement"));
    assert_non_null(strstr(line, ": too many entries; give at most 48"));
    char *unknown[] = {"-e", "udp://h?elements=vlanid", NULL};
    line = refused_after_good(unknown);
    assert_ptr_equal(strstr(line, "/spanflow/"), line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_elements),
        cmocka_unit_test(xdp_sources),
        cmocka_unit_test(options),
        cmocka_unit_test(destinations),
        cmocka_unit_test(files_and_groups),
        cmocka_unit_test(connections),
        cmocka_unit_test(profiles_and_elements),
        cmocka_unit_test(streams_that_do_not_clash),
        cmocka_unit_test(whole_runs),
        cmocka_unit_test(files),
        cmocka_unit_test(entries_in_files),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
