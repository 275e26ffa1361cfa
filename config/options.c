/*
 * The table of options and the loop that walks the arguments. Called once at the start, on the
 * control thread; arguments stay owned by main().
 */
#include "options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "command_line.h"
#include "model.h"

typedef bool option_apply(struct option_state *state, const struct option_description *option,
                          const char *argument, struct error *error);

static option_apply apply_leaf, apply_timeouts, apply_floods, apply_sampling, apply_key;
static option_apply apply_tunnels, apply_cpus, apply_refresh, apply_filter, apply_group;
static option_apply apply_spool, keep;

/* The leaf paths that more than one line needs. */
#define CACHE     "/spanflow/cache/"
#define FLOOD     CACHE "floodPolicy/"
#define SELECTION "/spanflow/selectionProcess/"
#define EXPORTING "/spanflow/exportingProcess/"
#define SPOOL     EXPORTING "spool/"
#define KEY       "/spanflow/flowKey/"

#define KEEP(member) .apply = keep, .kept = offsetof(struct option_state, member)

const struct option_description option_table[] = {
    {.letter = 'c',
     .argument = "FILE",
     KEEP(file),
     .help =
         "read the configuration FILE, JSON (RFC 7951) or XML after the module spanflow.yang; "
         "- is the standard input; it takes the place of the stored configuration, unless other "
         "options add to it or override it"},
    {.letter = 'i',
     .argument = "SOURCE",
     .repeats = true,
     .apply = option_source_apply,
     .help = "observe the packets that a device receives, see SOURCES"},
    {.letter = 'r',
     .argument = "FILE",
     .repeats = true,
     .leaf = "/spanflow/captureFile",
     .apply = apply_leaf,
     .help = "read packets from a pcap or pcapng file; - is the standard input; the packet time is "
             "the clock and every flow is exported at the end"},
    {.letter = 'e',
     .argument = "DESTINATION",
     .repeats = true,
     .apply = option_destination_apply,
     .help = "export flow records, see DESTINATIONS"},
    {.letter = 'n',
     .argument = "HOST:PORT",
     KEEP(collector),
     .help = "short for -e udp://HOST:PORT"},
    {.letter = 'v',
     .argument = "VERSION",
     KEEP(version),
     .help =
         "the version of the messages to the collector of -n: 5 or 9 for NetFlow, 10 for IPFIX"},
    {.letter = 't',
     .argument = "NAME=SECONDS,...",
     .repeats = true,
     .apply = apply_timeouts,
     .help = "timeouts, see TIMEOUTS"},
    {.letter = 'm',
     .argument = "MAXFLOWS",
     .leaf = CACHE "maxFlows",
     .apply = apply_leaf,
     .help = "the number of flow records held at a time"},
    {.name = "flood",
     .argument = "NAME=VALUE,...",
     .repeats = true,
     .apply = apply_floods,
     .help = "what to do when new flows come faster than they can be held, see FLOODS"},
    {.name = "kernel-flows",
     .argument = "FLOWS",
     .leaf = CACHE "kernelFlows",
     .apply = apply_leaf,
     .help = "with xdp: the number of known flows whose packets the kernel counts itself"},
    {.name = "kernel-after",
     .argument = "PACKETS",
     .leaf = CACHE "kernelAfterPackets",
     .apply = apply_leaf,
     .help = "a flow is handed to the kernel when it has so many packets"},
    {.letter = 'w',
     .argument = "WORKERS",
     .leaf = "/spanflow/workers",
     .apply = apply_leaf,
     .help = "the number of worker threads"},
    {.name = "cpus",
     .argument = "LIST",
     .leaf = "/spanflow/workerCpu",
     .apply = apply_cpus,
     .help = "the CPU of each worker in turn, such as 2-5,8"},
    {.name = "hash-ports",
     .leaf = "/spanflow/hashPorts",
     .value = "true",
     .apply = apply_leaf,
     .help = "spread packets over workers by their ports, too"},
    {.letter = 's',
     .argument = "1/N",
     .leaf = SELECTION "sampCountBased/packetSpace",
     .apply = apply_sampling,
     .help = "meter every N-th packet only"},
    {.name = "filter",
     .argument = "EXPRESSION",
     .leaf = SELECTION "filter",
     .apply = apply_filter,
     .help = "meter only packets that match the expression, see pcap-filter(7)"},
    {.name = "ignore",
     .argument = "PREFIX",
     .repeats = true,
     .leaf = SELECTION "ignorePrefix",
     .apply = apply_leaf,
     .help = "do not meter packets from or to addresses in the prefix"},
    {.name = "deduplicate",
     .argument = "MILLISECONDS",
     .leaf = SELECTION "duplicateWindow",
     .value = "10",
     .apply = apply_leaf,
     .help = "do not meter a packet again that was seen on another port so shortly before (10 "
             "without the argument)"},
    {.name = "local",
     .argument = "PREFIX",
     .repeats = true,
     .leaf = "/spanflow/localNetwork",
     .apply = apply_leaf,
     .help = "addresses in the prefix are local; this decides the direction of flows"},
    {.name = "key",
     .argument = "vlan|novlan",
     .leaf = KEY "vlanInKey",
     .apply = apply_key,
     .help = "whether the two outermost VLAN ids tell flows apart"},
    {.name = "decapsulate",
     .argument = "LIST|all",
     .repeats = true,
     .leaf = KEY "decapsulate",
     .apply = apply_tunnels,
     .help = "meter the innermost packet inside these tunnels, in a list with commas"},
    {.name = "no-fragment-table",
     .leaf = KEY "fragmentTable",
     .value = "false",
     .apply = apply_leaf,
     .help = "later fragments make flows of their own with ports 0"},
    {.name = "group",
     .argument = "NAME=MODE",
     .repeats = true,
     .apply = apply_group,
     .help =
         "how destinations with group=NAME share the records: parallel (each gets every record), "
         "balance (one gets all records of a flow) or fallback (the first that is there); "
         "MODE,hold=SECONDS: how long one that was away must be there again (default 10)"},
    {.name = "template-refresh",
     .argument = "SECONDS/MESSAGES",
     .apply = apply_refresh,
     .help = "send templates again over UDP after so many seconds or messages, 0 = not by this "
             "measure"},
    {.name = "ledger",
     .argument = "FILE",
     .leaf = "/spanflow/ledgerFile",
     .apply = apply_leaf,
     .help = "write the account of every packet as JSON on exit and on SIGUSR1; - is the standard "
             "output"},
    {.name = "applications",
     .argument = "auto|on|off",
     .leaf = "/spanflow/applications/identify",
     .apply = apply_leaf,
     .help = "whether applications are looked for in payload (default auto: if a destination's "
             "profile tells them, that is nfdump, silk or full, or with --application-rules)"},
    {.name = "application-rules",
     .argument = "FILE",
     .leaf = "/spanflow/applications/ruleFile",
     .apply = apply_leaf,
     .help = "rules of one's own for finding applications (repeat)"},
    {.name = "list",
     .argument = "KIND:FILE,WORDS",
     .repeats = true,
     .apply = option_list_apply,
     .help = "mark, count and tell flows that are in a list, see LISTS"},
    {.name = "brands",
     .argument = "FILE|default",
     .leaf = "/spanflow/brands",
     .apply = apply_leaf,
     .help = "tell the brands of servers' names by a file of domains and brands; default is the "
             "one that comes with the probe"},
    {.name = "alerts",
     .argument = "NAME=VALUE,...",
     .apply = option_alerts_apply,
     .help = "what becomes of flows whose rule or list has a severity, see ALERTS"},
    {.name = "names",
     .argument = "TYPE=off|keyed-hash|clear,...",
     .repeats = true,
     .apply = option_names_apply,
     .help = "tell names that packets of a flow show, see NAMES; TYPE all: every one (default "
             "off)"},
    {.name = "state",
     .argument = "DIRECTORY",
     .leaf = "/spanflow/stateDirectory",
     .apply = apply_leaf,
     .help = "keep sequence numbers, source ports and interface numbers here, so that collectors "
             "over UDP see no restart; not with -r"},
    {.name = "spool",
     .argument = "DIRECTORY,max=OCTETS",
     .apply = apply_spool,
     .help = "keep records here while a destination (not over UDP) is away, the oldest "
             "make room; DIRECTORY,max=OCTETS,replay=RECORDS/S: how fast they are sent when it is "
             "back (default 20000); not with -r"},
    {.name = "snapshot",
     .argument = "DIRECTORY,NAME=VALUE,...",
     .apply = option_snapshot_apply,
     .help = "keep packets in memory and in this folder, see SNAPSHOTS"},
    {.name = "store",
     .argument = "DIRECTORY",
     KEEP(store),
     .help =
         "the folder of the stored configuration, with which a run without other options starts "
         "(default " STORE_DIRECTORY ")"},
    {.name = "control",
     .argument = "PATH",
     KEEP(control),
     .help = "the local socket of the management (default " CONTROL_SOCKET
             "); with -i, -e and other options there is none unless this is given, and what is "
             "changed over it is not stored"},
    {.name = "check",
     KEEP(check),
     .help = "check the options and the configuration, then exit with 0 or 2"},
    {.name = "help", .letter = 'h', KEEP(help), .help = "show this text"},
    {.name = "version", KEEP(show_version), .help = "show the version"},
};
const size_t option_count = sizeof option_table / sizeof option_table[0];

static bool apply_leaf(struct option_state *state, const struct option_description *option,
                       const char *argument, struct error *error)
{
    const char *value = argument ? argument : option->value;
    return config_tree_set(state->tree, option->leaf, value, error);
}

static bool apply_filter(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error)
{
    return model_check_filter(argument, error) && apply_leaf(state, option, argument, error);
}

const struct option_word option_timeout_words[] = {
    {.word = "active=SECONDS",
     .leaf = CACHE "activeTimeout",
     .help = "cut and export a flow that lasts longer; 0 = never"},
    {.word = "idle=SECONDS",
     .leaf = CACHE "idleTimeout",
     .help = "a flow without a packet for this time is over; 0 = never"},
    {.word = "tcp-linger=SECONDS",
     .leaf = CACHE "tcpLinger",
     .help = "how long a finished connection takes last segments; 0 = not at all"},
    {0},
};

bool option_word_is(const struct option_word *word, const char *name, size_t length)
{
    return strcspn(word->word, "=:,") == length && strncmp(word->word, name, length) == 0;
}

const struct option_word option_flood_words[] = {
    {.word = "level1=auto|on|off",
     .leaf = FLOOD "level1",
     .help = "whether one-packet flows end early when the records run short; auto is on for "
             "devices and off for capture files"},
    {.word = "enter=PERCENT",
     .leaf = FLOOD "enterOccupancy",
     .help = "level 1 begins above this share of the records in use"},
    {.word = "hysteresis=PERCENT",
     .leaf = FLOOD "occupancyHysteresis",
     .help = "level 1 ends when for 5 s the share has been less by this difference"},
    {.word = "idle=SECONDS",
     .leaf = FLOOD "shortIdleTimeout",
     .help = "the idle timeout of one-packet flows at level 1"},
    {.word = "level2=FLOWS",
     .leaf = FLOOD "level2",
     .help = "count first packets of new flows by address prefix where more than this number begin "
             "in a second; 0 = never"},
    {.word = "prefix4=BITS",
     .leaf = FLOOD "ipv4PrefixLength",
     .help = "how many bits of IPv4 addresses level 2 keeps"},
    {.word = "prefix6=BITS",
     .leaf = FLOOD "ipv6PrefixLength",
     .help = "how many bits of IPv6 addresses level 2 keeps"},
    {0},
};

/* Applies one NAME=VALUE of TABLE; MISTAKE says what is possible. */
static bool apply_word(struct option_state *state, const struct option_word *table, char *text,
                       const char *mistake, struct error *error)
{
    char *value = strchr(text, '=');
    if (value)
        *value++ = 0;
    for (const struct option_word *word = table; value && word->word; word++) {
        struct error inner = {""};
        if (!option_word_is(word, text, strlen(text)))
            continue;
        if (config_tree_set(state->tree, word->leaf, value, &inner))
            return true;
        error_set(error, "%s: %s", text, inner.text);
        return false;
    }
    error_set(error, "\"%.64s\" is %s", text, mistake);
    return false;
}

/* Calls EACH for every part of LIST between commas. */
static bool for_each_word(struct option_state *state, const char *list,
                          bool (*each)(struct option_state *, char *, struct error *),
                          struct error *error)
{
    char *copy = strdup(list);
    check(copy);
    bool applied = true;
    char *rest = copy;
    while (applied && rest)
        applied = each(state, strsep(&rest, ","), error);
    free(copy);
    return applied;
}

bool option_words_apply(struct option_state *state, const struct option_word *table,
                        const char *list, const char *mistake, struct error *error)
{
    char *copy = strdup(list);
    check(copy);
    bool applied = true;
    char *rest = copy;
    while (applied && rest)
        applied = apply_word(state, table, strsep(&rest, ","), mistake, error);
    free(copy);
    return applied;
}

bool option_folder_apply(struct option_state *state, const char *leaf,
                         const struct option_word *table, const char *argument, const char *mistake,
                         struct error *error)
{
    char *directory = strdup(argument);
    check(directory);
    char *words = strchr(directory, ',');
    if (words)
        *words++ = 0;
    bool applied = config_tree_set(state->tree, leaf, directory, error) &&
                   (!words || option_words_apply(state, table, words, mistake, error));
    free(directory);
    return applied;
}

static bool apply_timeouts(struct option_state *state, const struct option_description *option,
                           const char *argument, struct error *error)
{
    (void)option;
    return option_words_apply(state, option_timeout_words, argument,
                              "no timeout; give active=, idle= or tcp-linger= with seconds", error);
}

static bool apply_floods(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error)
{
    (void)option;
    return option_words_apply(
        state, option_flood_words, argument,
        "nothing that --flood knows; give level1=, enter=, hysteresis=, idle=, level2=, "
        "prefix4= or prefix6=",
        error);
}

static bool apply_tunnel(struct option_state *state, char *word, struct error *error)
{
    return config_tree_set(state->tree, KEY "decapsulate", word, error);
}

static bool apply_tunnels(struct option_state *state, const struct option_description *option,
                          const char *argument, struct error *error)
{
    (void)option;
    return for_each_word(state, argument, apply_tunnel, error);
}

/* A whole decimal number and nothing else. */
static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end = NULL;
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 19)
        return false;
    *number = strtoull(text, &end, 10);
    return *number <= max;
}

/* N, or FIRST-LAST. */
static bool apply_cpu_range(struct option_state *state, char *word, struct error *error)
{
    uint64_t first = 0;
    uint64_t last = 0;
    char *end = strchr(word, '-');
    if (end)
        *end++ = 0;
    if (!read_number(word, UINT16_MAX, &first) ||
        !read_number(end ? end : word, UINT16_MAX, &last) || last < first) {
        error_set(error, "give numbers of CPUs, such as 2-5,8");
        return false;
    }
    for (uint64_t cpu = first; cpu <= last; cpu++) {
        char value[24];
        snprintf(value, sizeof value, "%lu", (unsigned long)cpu);
        if (!config_tree_set(state->tree, "/spanflow/workerCpu", value, error))
            return false;
    }
    return true;
}

static bool apply_cpus(struct option_state *state, const struct option_description *option,
                       const char *argument, struct error *error)
{
    (void)option;
    return for_each_word(state, argument, apply_cpu_range, error);
}

static bool apply_sampling(struct option_state *state, const struct option_description *option,
                           const char *argument, struct error *error)
{
    uint64_t interval = 0;
    char space[24];
    if (strncmp(argument, "1/", 2) != 0 || !read_number(argument + 2, UINT32_MAX, &interval) ||
        interval == 0) {
        error_set(error, "give 1/N with N from 1 to 4294967295");
        return false;
    }
    snprintf(space, sizeof space, "%lu", (unsigned long)(interval - 1));
    return config_tree_set(state->tree, option->leaf, space, error);
}

static bool apply_key(struct option_state *state, const struct option_description *option,
                      const char *argument, struct error *error)
{
    bool vlan = strcmp(argument, "vlan") == 0;
    if (vlan || strcmp(argument, "novlan") == 0)
        return config_tree_set(state->tree, option->leaf, vlan ? "true" : "false", error);
    error_set(error, "give vlan or novlan");
    return false;
}

static bool apply_refresh(struct option_state *state, const struct option_description *option,
                          const char *argument, struct error *error)
{
    (void)option;
    char seconds[24] = "";
    const char *messages = strchr(argument, '/');
    if (!messages || (size_t)(messages - argument) >= sizeof seconds) {
        error_set(error, "give SECONDS/MESSAGES, such as 60/4096");
        return false;
    }
    memcpy(seconds, argument, (size_t)(messages - argument));
    return config_tree_set(state->tree, EXPORTING "templateRefreshTimeout", seconds, error) &&
           config_tree_set(state->tree, EXPORTING "templateRefreshPacket", messages + 1, error);
}

/* NAME=MODE or NAME=MODE,hold=SECONDS. */
static bool apply_group(struct option_state *state, const struct option_description *option,
                        const char *argument, struct error *error)
{
    (void)option;
    static const char *const modes[][2] = {
        {"parallel", "parallel"}, {"balance", "loadBalancing"}, {"fallback", "fallback"}};
    char name[64] = "";
    struct lyd_node *entry = NULL;
    const char *mode = strchr(argument, '=');
    const char *mode_value = NULL;
    if (!mode || (size_t)(mode - argument) >= sizeof name) {
        error_set(error, "give NAME=parallel, NAME=balance or NAME=fallback");
        return false;
    }
    memcpy(name, argument, (size_t)(mode++ - argument));
    size_t length = strcspn(mode, ",");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strlen(modes[i][0]) == length && strncmp(mode, modes[i][0], length) == 0)
            mode_value = modes[i][1];
    const char *hold = mode[length] ? mode + length + 1 : NULL;
    if (!mode_value || (hold && strncmp(hold, "hold=", 5) != 0)) {
        error_set(error,
                  "\"%.64s\" is not possible; give parallel, balance or fallback, and "
                  "perhaps ,hold=SECONDS",
                  mode);
        return false;
    }
    return config_tree_add(state->tree, EXPORTING "deliveryGroup", name, &entry, error) &&
           config_tree_set_below(state->tree, entry, "exportMode", mode_value, error) &&
           (!hold || config_tree_set_below(state->tree, entry, "holdTime", hold + 5, error));
}

static const struct option_word option_spool_words[] = {
    {.word = "max=OCTETS", .leaf = SPOOL "maxSize", .help = "the bound of the files"},
    {.word = "replay=RECORDS/S", .leaf = SPOOL "replayRate", .help = "how fast they are sent"},
    {0},
};

static bool apply_spool(struct option_state *state, const struct option_description *option,
                        const char *argument, struct error *error)
{
    (void)option;
    return option_folder_apply(state, SPOOL "directory", option_spool_words, argument,
                               "nothing that --spool knows; give max= or replay=", error);
}

static bool keep(struct option_state *state, const struct option_description *option,
                 const char *argument, struct error *error)
{
    (void)error;
    char *kept = (char *)state + option->kept;
    if (option->argument)
        memcpy(kept, &argument, sizeof argument);
    else
        memcpy(kept, &(bool){true}, sizeof(bool));
    return true;
}

bool option_is_kept(const struct option_description *option)
{
    return option->apply == keep;
}
