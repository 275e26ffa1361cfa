/* The argument of -e (and -n): where records go, and words after a question mark. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "options.h"

#define NOT_IN_THIS_BUILD "not in this build"

enum {
    KIND_UDP = 1 << 0,
    KIND_FILE = 1 << 1,
    KIND_JSON = 1 << 2,
    KIND_TCP = 1 << 3,
    KIND_TLS = 1 << 4,
    KIND_DTLS = 1 << 5,
    KIND_SCTP = 1 << 6,
    KIND_KAFKA = 1 << 7,
    KIND_DATAGRAM = KIND_UDP | KIND_DTLS,
    KIND_SECURE = KIND_TLS | KIND_DTLS,
    KIND_ENCRYPTED = KIND_SECURE | KIND_KAFKA,
    KIND_COLLECTOR = KIND_UDP | KIND_TCP | KIND_TLS | KIND_DTLS | KIND_SCTP,
    KIND_IPFIX = KIND_COLLECTOR | KIND_FILE | KIND_KAFKA,
    KIND_ALL = KIND_IPFIX | KIND_JSON
};

#define SECURITY "transportLayerSecurity"

/* The leaf of a kind is the container of its transport. */
const struct option_word option_destination_kinds[] = {
    {.word = "udp://HOST:PORT",
     .leaf = "udpExporter",
     .kinds = KIND_UDP,
     .help = "messages to a collector; an IPv6 address stands in brackets; the port may be left "
             "out: 4739 for IPFIX, 2055 for NetFlow"},
    {.word = "file:PATH",
     .leaf = "fileWriter",
     .kinds = KIND_FILE,
     .help = "a file of IPFIX messages (RFC 5655), or a row of files; - is the standard output"},
    {.word = "json:PATH",
     .leaf = "jsonWriter",
     .kinds = KIND_JSON,
     .help = "one JSON object per record and line; - is the standard output"},
    {.word = "tcp://HOST:PORT",
     .leaf = "tcpExporter",
     .kinds = KIND_TCP,
     .help = "IPFIX over a connection that is made again when it ends; port 4739 if left out"},
    {.word = "tls://HOST:PORT",
     .leaf = "tcpExporter",
     .kinds = KIND_TLS,
     .help = "the same, encrypted, the collector verified; port 4740 if left out"},
    {.word = "dtls://HOST:PORT",
     .leaf = "udpExporter",
     .kinds = KIND_DTLS,
     .help = "IPFIX in encrypted datagrams, the collector verified; port 4740 if left out"},
    {.word = "sctp://HOST:PORT",
     .leaf = "sctpExporter",
     .kinds = KIND_SCTP,
     .help = "IPFIX over SCTP, if the kernel has it; port 4739 if left out"},
    {.word = "kafka://BROKER:PORT,.../TOPIC",
     .leaf = "kafkaExporter",
     .kinds = KIND_KAFKA,
     .help = "records to a topic of Kafka, one JSON object or one IPFIX message in a message; port "
             "9092 if left out"},
    {0},
};

static const struct option_spelling truth_spellings[] = {{"yes", "true"}, {"no", "false"}, {0}};
static const struct option_spelling compression_spellings[] = {
    {"none", "none"}, {"zstd", "zstd"},     {"gzip", "gzip"},
    {"lz4", "lz4"},   {"snappy", "snappy"}, {0}};
static const struct option_spelling aggregation_spellings[] = {
    {"none", "none"}, {"client-port", "clientPort"}, {0}};
static const struct option_spelling format_spellings[] = {
    {"json", "json"}, {"ipfix", "ipfix"}, {0}};
static const struct option_spelling acknowledgement_spellings[] = {
    {"all", "all"}, {"leader", "leader"}, {0}};
static const struct option_spelling time_spellings[] = {
    {"ms", "milliseconds"}, {"us", "microseconds"}, {"ns", "nanoseconds"}, {0}};
static const struct option_spelling profile_spellings[] = {{"plain", "plain"},
                                                           {"nfdump", "nfdump"},
                                                           {"silk", "silk"},
                                                           {"fluentd-v9", "fluentd-v9"},
                                                           {"v5", "v5"},
                                                           {"full", "full"},
                                                           {0}};
static const struct option_spelling version_spellings[] = {
    {"5", "5"}, {"9", "9"}, {"10", "10"}, {0}};

const struct option_word option_destination_words[] = {
    {.word = "version=5|9|10",
     .leaf = "ipfixVersion",
     .spellings = version_spellings,
     .kinds = KIND_UDP,
     .help = "udp: 5 or 9 for NetFlow, 10 for IPFIX (default: the profile's, else 10)"},
    {.word = "profile=plain|nfdump|silk|fluentd-v9|v5|full",
     .leaf = "profile",
     .spellings = profile_spellings,
     .kinds = KIND_ALL,
     .common = true,
     .help = "the choice of information elements (default plain)"},
    {.word = "elements=NAME,...",
     .leaf = "informationElement",
     .kinds = KIND_ALL,
     .common = true,
     .list = true,
     .help = "a list of information elements instead of a profile"},
    {.word = "biflow=yes|no",
     .leaf = "biflow",
     .spellings = truth_spellings,
     .kinds = KIND_ALL,
     .common = true,
     .help = "both directions of a flow in one record (default no)"},
    {.word = "scale=yes|no",
     .leaf = "scaleCounters",
     .spellings = truth_spellings,
     .kinds = KIND_ALL,
     .common = true,
     .help = "counters times the sampling interval, which is not announced then (default no)"},
    {.word = "rate=RECORDS",
     .leaf = "recordRateLimit",
     .kinds = KIND_DATAGRAM,
     .help = "udp, dtls: the bound of records sent in a second; 0 = none"},
    {.word = "domain=N",
     .leaf = "observationDomainId",
     .kinds = KIND_IPFIX,
     .help = "all but json: the observation domain id"},
    {.word = "source=ADDRESS",
     .leaf = "sourceAddress",
     .kinds = KIND_COLLECTOR,
     .help = "collectors: the local address to send from"},
    {.word = "mtu=OCTETS",
     .leaf = "maxPacketSize",
     .kinds = KIND_DATAGRAM,
     .help = "udp, dtls: the bound of a whole IP packet"},
    {.word = "time=ms|us|ns",
     .leaf = "timeUnit",
     .spellings = time_spellings,
     .kinds = KIND_IPFIX,
     .help = "all but json: the unit of flow times (default ms)"},
    {.word = "rotate-seconds=SECONDS",
     .leaf = "rotationTime",
     .kinds = KIND_FILE,
     .help = "file: another file at each multiple of this time; names get the time and a number"},
    {.word = "rotate-octets=OCTETS",
     .leaf = "rotationSize",
     .kinds = KIND_FILE,
     .help = "file: another file when so many octets of messages are reached, 262144 at least"},
    {.word = "checksum=yes|no",
     .leaf = "messageChecksum",
     .spellings = truth_spellings,
     .kinds = KIND_FILE,
     .help = "file: each message carries its MD5 digest (default no)"},
    {.word = "compress=none|zstd|gzip|snappy|lz4",
     .leaf = "compression",
     .spellings = compression_spellings,
     .kinds = KIND_FILE | KIND_KAFKA,
     .help = "file: packed in frames of Zstandard; kafka: packed by librdkafka (default none)"},
    {.word = "cert=FILE",
     .leaf = SECURITY "/certificate",
     .kinds = KIND_ENCRYPTED,
     .help = "tls, dtls, kafka: the probe's own certificate, PEM"},
    {.word = "key=FILE",
     .leaf = SECURITY "/privateKey",
     .kinds = KIND_ENCRYPTED,
     .help = "tls, dtls, kafka: the key of that certificate, PEM"},
    {.word = "ca=FILE",
     .leaf = SECURITY "/certificationAuthority",
     .kinds = KIND_ENCRYPTED,
     .help = "tls, dtls, kafka: who may have issued the collector's certificate, PEM (default: "
             "whom the "
             "system trusts)"},
    {.word = "verify=yes|no",
     .leaf = SECURITY "/verifyCollector",
     .spellings = truth_spellings,
     .kinds = KIND_ENCRYPTED,
     .help = "tls, dtls, kafka: whether the collector must prove who it is (default yes)"},
    {.word = "group=NAME",
     .leaf = "group",
     .kinds = KIND_ALL,
     .common = true,
     .help = "the group with which the destination shares the records, see --group"},
    {.word = "anonymise=KEYFILE",
     .leaf = "anonymisationKeyFile",
     .kinds = KIND_ALL,
     .common = true,
     .help = "addresses become others that keep their prefixes (Crypto-PAn), by the key in a file "
             "of mode 0600"},
    {.word = "aggregate=none|client-port",
     .leaf = "recordAggregation/method",
     .spellings = aggregation_spellings,
     .kinds = KIND_ALL,
     .common = true,
     .help = "records that differ in the client's port alone become one (default none)"},
    {.word = "aggregate-seconds=SECONDS",
     .leaf = "recordAggregation/timeout",
     .kinds = KIND_ALL,
     .common = true,
     .help = "how long a record waits for others to become one with, 60 if left out"},
    {.word = "aggregate-records=RECORDS",
     .leaf = "recordAggregation/tableSize",
     .kinds = KIND_ALL,
     .common = true,
     .help = "the bound of the records that wait, 65536 if left out"},
    {.word = "format=json|ipfix",
     .leaf = "format",
     .spellings = format_spellings,
     .kinds = KIND_KAFKA,
     .help = "kafka: what a message is: a record, or an IPFIX message (default json)"},
    {.word = "acks=all|leader",
     .leaf = "acknowledgements",
     .spellings = acknowledgement_spellings,
     .kinds = KIND_KAFKA,
     .help = "kafka: who must have acknowledged a record before it counts as sent (default all)"},
    {0},
};
enum { QUERY_WORDS = sizeof option_destination_words / sizeof option_destination_words[0] - 1 };

/* The length of a kind's scheme, "udp://" or "file:". */
static size_t scheme_length(const struct option_word *kind)
{
    return strcspn(kind->word, ":") + (strstr(kind->word, "://") ? 3 : 1);
}

/* A destination on its way into the tree. */
struct destination {
    struct config_tree *tree;
    struct lyd_node *entry;
    const struct option_word *kind;
    bool seen[QUERY_WORDS];
};

/* Sets a leaf of the transport, or a common one, and names WORD in a complaint. */
static bool set(struct destination *destination, const char *leaf, bool common, const char *word,
                const char *value, struct error *error)
{
    char path[96];
    struct error inner = {""};
    snprintf(path, sizeof path, "%s%s%s", common ? "" : destination->kind->leaf, common ? "" : "/",
             leaf);
    if (config_tree_set_below(destination->tree, destination->entry, path, value, &inner))
        return true;
    error_set(error, "%s: %s", word, inner.text);
    return false;
}

/* The leaf's value for what the user wrote; NULL and ERROR if there is none. */
static const char *translate(const struct option_word *word, const char *name, const char *written,
                             struct error *error)
{
    if (!word->spellings)
        return written;
    char known[96] = "";
    for (const struct option_spelling *spelling = word->spellings; spelling->word; spelling++) {
        if (strcmp(spelling->word, written) == 0) {
            if (!spelling->value)
                error_set(error, "%s=%s is " NOT_IN_THIS_BUILD, name, written);
            return spelling->value;
        }
        if (!spelling->value)
            continue;
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", length ? ", " : "", spelling->word);
    }
    error_set(error, "%s: \"%.64s\" is not possible; give one of %s", name, written, known);
    return NULL;
}

/* Each value between commas becomes an entry of the leaf-list. */
static bool apply_list(struct destination *destination, const struct option_word *word,
                       const char *name, char *values, struct error *error)
{
    for (char *value = strsep(&values, ","); value; value = strsep(&values, ","))
        if (!set(destination, word->leaf, word->common, name, value, error))
            return false;
    return true;
}

static bool apply_word(struct destination *destination, char *text, struct error *error)
{
    char *value = strchr(text, '=');
    size_t i = 0;
    if (value)
        *value++ = 0;
    while (i < QUERY_WORDS && !option_word_is(&option_destination_words[i], text, strlen(text)))
        i++;
    if (i == QUERY_WORDS || !value) {
        error_set(error, "\"%.64s\" is unknown; give NAME=VALUE, see spanflowd --help", text);
        return false;
    }
    const struct option_word *word = &option_destination_words[i];
    if (!word->leaf) {
        error_set(error, "%s= is " NOT_IN_THIS_BUILD, text);
        return false;
    }
    /* All of these carry IPFIX alone: to say so is right, to want anything else is not. */
    if (strcmp(text, "version") == 0 && destination->kind->kinds & (KIND_IPFIX & ~KIND_UDP)) {
        if (strcmp(value, "10") == 0)
            return true;
        error_set(error, "version: %.*s holds IPFIX messages only; remove it",
                  (int)scheme_length(destination->kind), destination->kind->word);
        return false;
    }
    if (!(word->kinds & destination->kind->kinds)) {
        error_set(error, "%s= has no meaning for %.*s; remove it", text,
                  (int)scheme_length(destination->kind), destination->kind->word);
        return false;
    }
    if (destination->seen[i]) {
        error_set(error, "%s= is given twice; give it once", text);
        return false;
    }
    destination->seen[i] = true;
    if (word->list)
        return apply_list(destination, word, text, value, error);
    const char *translated = translate(word, text, value, error);
    return translated && set(destination, word->leaf, word->common, text, translated, error);
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static bool apply_host(struct destination *destination, char *text, struct error *error)
{
    char *host = text;
    char *port = NULL;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':')) {
            error_set(error, "give an IPv6 address as [ADDRESS]:PORT");
            return false;
        }
        host = text + 1;
        port = end[1] ? end + 2 : NULL;
        *end = 0;
    } else {
        port = strchr(text, ':');
        if (port && strchr(port + 1, ':')) {
            error_set(error, "an IPv6 address stands in brackets, [ADDRESS]:PORT");
            return false;
        }
        if (port)
            *port++ = 0;
    }
    if (!*host) {
        error_set(error, "names no host; give HOST:PORT");
        return false;
    }
    return set(destination, "destinationAddress", false, "host", host, error) &&
           (!port || set(destination, "destinationPort", false, "port", port, error));
}

/* BROKER[:PORT],.../TOPIC. */
static bool apply_topic(struct destination *destination, char *text, struct error *error)
{
    char *topic = strchr(text, '/');
    if (!topic || topic == text || !topic[1]) {
        error_set(error, "names no broker and topic; give BROKER:PORT/TOPIC");
        return false;
    }
    *topic++ = 0;
    for (char *broker = strsep(&text, ","); broker; broker = strsep(&text, ","))
        if (!set(destination, "broker", false, "broker", broker, error))
            return false;
    return set(destination, "topic", false, "topic", topic, error);
}

/* Reads TEXT (changed) behind the scheme into the tree under NAME. */
static bool add(struct destination *destination, const char *name, char *text, struct error *error)
{
    char *query = strchr(text, '?');
    if (query)
        *query++ = 0;
    if (!config_tree_add(destination->tree, "/spanflow/exportingProcess/destination", name,
                         &destination->entry, error))
        return false;
    if (destination->kind->kinds & KIND_COLLECTOR) {
        if (!apply_host(destination, text, error))
            return false;
        if (destination->kind->kinds & KIND_SECURE &&
            !set(destination, SECURITY, false, "security", NULL, error))
            return false;
    } else if (destination->kind->kinds & KIND_KAFKA) {
        if (!apply_topic(destination, text, error))
            return false;
    } else if (!set(destination, "file", false, "path", text, error)) {
        return false;
    }
    while (query)
        if (!apply_word(destination, strsep(&query, "&"), error))
            return false;
    return true;
}

bool option_destination_add(struct config_tree *tree, const char *argument, struct lyd_node **entry,
                            struct error *error)
{
    struct destination destination = {.tree = tree};
    for (const struct option_word *kind = option_destination_kinds; kind->word; kind++)
        if (strncmp(argument, kind->word, scheme_length(kind)) == 0)
            destination.kind = kind;
    if (!destination.kind) {
        error_set(error, "not a destination; give udp://HOST:PORT, tcp://HOST:PORT, "
                         "file:PATH or json:PATH");
        return false;
    }
    size_t scheme = scheme_length(destination.kind);
    if (!destination.kind->leaf) {
        error_set(error, "%.*s is " NOT_IN_THIS_BUILD, (int)scheme, argument);
        return false;
    }
    char *text = strdup(argument + scheme);
    check(text);
    bool added = add(&destination, argument, text, error);
    free(text);
    if (entry)
        *entry = destination.entry;
    return added;
}

bool option_destination_apply(struct option_state *state, const struct option_description *option,
                              const char *argument, struct error *error)
{
    (void)option;
    return option_destination_add(state->tree, argument, NULL, error);
}

bool option_collector_apply(struct option_state *state, const char *collector, const char *version,
                            struct error *error)
{
    size_t size = strlen(collector) + (version ? strlen(version) : 0) + 32;
    char *argument = malloc(size);
    check(argument);
    snprintf(argument, size, "udp://%s%s%s", collector, version ? "?version=" : "",
             version ? version : "");
    bool applied = option_destination_apply(state, NULL, argument, error);
    free(argument);
    return applied;
}
