/* The argument of -i: a kind of device, the device, and words after commas. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "model.h"
#include "options.h"

const struct option_word option_source_kinds[] = {
    {.word = "dpdk:ADDRESS", .help = "a device by its PCI address, such as dpdk:0000:03:00.0"},
    {.word = "dpdk:DRIVER,WORDS",
     .help = "a virtual device, such as dpdk:net_pcap0,rx_pcap=x.pcap"},
    {.word = "af_packet:INTERFACE",
     .help = "a network interface through the kernel; short for "
             "dpdk:net_af_packet0,iface=INTERFACE"},
    {.word = "xdp:INTERFACE",
     .help = "a network interface through an XDP program and AF_XDP sockets; its packets do not "
             "reach the host (see pass=)"},
    {.word = "DEVICE",
     .help = "without a prefix: dpdk: if it is a PCI address bound to a driver for DPDK, else xdp: "
             "of that device's interface, or of the interface of that name"},
    {0},
};

#define AF_PACKET_DRIVER "net_af_packet"
enum { SOURCE_DPDK = 1, SOURCE_XDP = 2, SOURCE_BOTH = 3 };

/* Our own words. Of dpdk: all others belong to the driver. */
static const struct option_spelling pass_spellings[] = {{"yes", "pass"}, {"no", "take"}, {0}};
const struct option_word option_source_words[] = {
    {.word = "name=NAME",
     .kinds = SOURCE_BOTH,
     .help = "the name in flow records; else the interface, or the device"},
    {.word = "ifindex=N",
     .kinds = SOURCE_BOTH,
     .leaf = "ifIndex",
     .help = "the interface index in flow records"},
    {.word = "role=ROLE",
     .kinds = SOURCE_BOTH,
     .leaf = "role",
     .help = "span (default), tap-a or tap-b"},
    {.word = "descriptors=N",
     .kinds = SOURCE_BOTH,
     .leaf = "receiveDescriptors",
     .help = "the length of each receive queue, in packets"},
    {.word = "time=CLOCK",
     .kinds = SOURCE_DPDK,
     .leaf = "timeSource",
     .help =
         "system (default), or device: times of arrival from the device, if its clock is right"},
    {.word = "mode=MODE",
     .kinds = SOURCE_XDP,
     .leaf = "xdp/mode",
     .help = "of xdp: auto (default), native: the program runs in the driver, or generic"},
    {.word = "copy=HOW",
     .kinds = SOURCE_XDP,
     .leaf = "xdp/copy",
     .help = "of xdp: auto (default), zero: the device writes to the probe's memory, or copy"},
    {.word = "pass=yes|no",
     .kinds = SOURCE_XDP,
     .spellings = pass_spellings,
     .leaf = "xdp/hostTraffic",
     .help = "of xdp: whether packets to the host itself and to groups are left to it, and not "
             "metered (default no)"},
    {.word = "busypoll=MICROSECONDS",
     .kinds = SOURCE_XDP,
     .leaf = "xdp/busyPolling",
     .help = "of xdp: the reading thread polls the driver for so long at a time and never sleeps"},
    {.word = "filter=EXPRESSION",
     .kinds = SOURCE_BOTH,
     .leaf = "filter",
     .help = "meter only what matches; must be the last word, because the rest of the argument, "
             "commas too, is the expression"},
    {0},
};
enum { OWN_WORDS = 10, OWN_NAME = 0, OWN_FILTER = 9 };
static_assert(sizeof option_source_words / sizeof option_source_words[0] == OWN_WORDS + 1, "");

struct source_words {
    unsigned kind;              /* SOURCE_DPDK or SOURCE_XDP */
    const char *own[OWN_WORDS]; /* values, NULL if not given */
    char *device;               /* the driver's part, commas between its words */
    size_t size;                /* room of device */
    const char *interface;      /* value of iface=, inside the copied argument */
};

/* A memif has a role too, of another kind: which end of the connection it is. */
static bool is_memif_role(const struct source_words *words, const char *text)
{
    static const char *const roles[] = {"role=server", "role=client"};
    if (strncmp(words->device, "net_memif", 9) != 0)
        return false;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcspn(text, ",") == strlen(roles[i]) &&
            strncmp(text, roles[i], strlen(roles[i])) == 0)
            return true;
    return false;
}

/* Index of TEXT, a word with its value, among our own; OWN_WORDS if it is the driver's. */
static size_t own_index(const struct source_words *words, const char *text)
{
    size_t length = strcspn(text, "=,");
    size_t i = 0;
    if (is_memif_role(words, text))
        return OWN_WORDS;
    while (text[length] == '=' && i < OWN_WORDS &&
           (!(option_source_words[i].kinds & words->kind) ||
            !option_word_is(&option_source_words[i], text, length)))
        i++;
    return text[length] == '=' ? i : OWN_WORDS;
}

/* Splits TEXT (changed) at commas into WORDS. */
static bool split(char *text, struct source_words *words, struct error *error)
{
    char *rest = text;
    while (rest) {
        size_t own = own_index(words, rest);
        char *word = own == OWN_FILTER ? rest : strsep(&rest, ",");
        if (own == OWN_FILTER)
            rest = NULL;
        if (own == OWN_WORDS) {
            size_t used = strlen(words->device);
            snprintf(words->device + used, words->size - used, "%s%s", used ? "," : "", word);
            if (strncmp(word, "iface=", 6) == 0)
                words->interface = word + 6;
            continue;
        }
        if (words->own[own]) {
            error_set(error, "%.*s= is given twice; give it once", (int)strcspn(word, "="), word);
            return false;
        }
        words->own[own] = strchr(word, '=') + 1;
    }
    if (words->kind == SOURCE_XDP && strchr(words->device, ',')) {
        error_set(error, "%s: not a word of xdp:; see spanflowd --help",
                  strchr(words->device, ',') + 1);
        return false;
    }
    if (words->device[0] && words->device[0] != ',')
        return true;
    error_set(error, "names no device; see spanflowd --help");
    return false;
}

/* What the leaf holds for what was written; NULL and ERROR if there is no such spelling. */
static const char *value_of(const struct option_word *word, const char *written,
                            struct error *error)
{
    const struct option_spelling *spelling = word->spellings;
    while (spelling && spelling->word && strcmp(spelling->word, written) != 0)
        spelling++;
    if (spelling && !spelling->word)
        error_set(error, "\"%s\" is not possible; give yes or no", written);
    return spelling ? spelling->value : written;
}

/* Adds the observation point; the driver's part begins with the name of the device. */
static bool add(struct config_tree *tree, struct source_words *words, struct lyd_node **added,
                struct error *error)
{
    char name[64];
    size_t first = strcspn(words->device, ",");
    if (words->own[OWN_NAME])
        snprintf(name, sizeof name, "%.63s", words->own[OWN_NAME]);
    else if (words->interface && words->interface[0])
        snprintf(name, sizeof name, "%.63s", words->interface);
    else
        snprintf(name, sizeof name, "%.*s", (int)(first < 63 ? first : 63), words->device);

    struct lyd_node *entry = NULL;
    struct error refused = {""};
    if (!config_tree_add(tree, "/spanflow/observationPoint", name, &entry, &refused)) {
        error_set(error, "name: %s", refused.text);
        return false;
    }
    *added = entry;
    for (size_t i = 0; i < OWN_WORDS; i++) {
        const struct option_word *word = &option_source_words[i];
        struct error inner = {""};
        if (!word->leaf || !words->own[i])
            continue;
        if (i == OWN_FILTER && !model_check_filter(words->own[i], error))
            return false;
        const char *value = value_of(word, words->own[i], &inner);
        if (!value || !config_tree_set_below(tree, entry, word->leaf, value, &inner)) {
            error_set(error, "%.*s: %s", (int)strcspn(word->word, "="), word->word, inner.text);
            return false;
        }
    }
    return config_tree_set_below(
        tree, entry, words->kind == SOURCE_XDP ? "xdp/interface" : "device", words->device, error);
}

/* ---- what stands before the words ---- */

static bool starts_with(const char *argument, const char *prefix)
{
    return strncmp(argument, prefix, strlen(prefix)) == 0;
}

/* 0000:03:00.0, as the kernel names a PCI device. */
static bool is_pci_address(const char *device)
{
    unsigned place[4];
    int end = 0;
    return sscanf(device, "%4x:%2x:%2x.%1x%n", &place[0], &place[1], &place[2], &place[3], &end) ==
               4 &&
           device[end] == '\0';
}

/* The interface of a PCI device that the kernel drives. False: a driver for DPDK has it, or none.
 */
static bool find_interface(const char *address, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%.16s/net", address);
    DIR *folder = opendir(path);
    bool found = false;
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        found = entry->d_name[0] != '.';
        snprintf(name, size, "%.31s", entry->d_name);
    }
    if (folder)
        closedir(folder);
    return found;
}

/* The least number that no af_packet device of TREE has. */
static unsigned free_number(const struct config_tree *tree)
{
    uint64_t taken = 0;
    for (const struct lyd_node *child = lyd_child(tree->root); child; child = child->next) {
        const char *device = strcmp(child->schema->name, "observationPoint") == 0
                                 ? config_tree_value(child, "device")
                                 : NULL;
        unsigned number = 64;
        if (device && sscanf(device, AF_PACKET_DRIVER "%2u,", &number) == 1 && number < 64)
            taken |= UINT64_C(1) << number;
    }
    return (unsigned)__builtin_ctzll(~taken); /* there are fewer observation points than bits */
}

/* Makes TEXT the device with its words, and tells by which way it is observed. */
static unsigned take_kind(const struct config_tree *used, const char *argument, char *text,
                          size_t size)
{
    char device[64];
    char interface[64];
    if (starts_with(argument, "dpdk:") || starts_with(argument, "xdp:")) {
        snprintf(text, size, "%s", strchr(argument, ':') + 1);
        return argument[0] == 'd' ? SOURCE_DPDK : SOURCE_XDP;
    }
    if (starts_with(argument, "af_packet:")) {
        snprintf(text, size, AF_PACKET_DRIVER "%u,iface=%s", free_number(used),
                 strchr(argument, ':') + 1);
        return SOURCE_DPDK;
    }
    size_t length = strcspn(argument, ",");
    snprintf(device, sizeof device, "%.*s", (int)(length < 63 ? length : 63), argument);
    snprintf(text, size, "%s", argument);
    if (is_pci_address(device)) {
        if (!find_interface(device, interface, sizeof interface))
            return SOURCE_DPDK;
        snprintf(text, size, "%s%s", interface, argument + length);
        return SOURCE_XDP;
    }
    return device[0] && !strchr(device, ':') ? SOURCE_XDP : 0;
}

bool option_source_add(struct config_tree *tree, const struct config_tree *used,
                       const char *argument, struct lyd_node **entry, struct error *error)
{
    struct lyd_node *made = NULL;
    size_t size = strlen(argument) + 128;
    char *text = malloc(size);
    struct source_words words = {.device = calloc(1, size), .size = size};
    check(text && words.device);
    words.kind = take_kind(used, argument, text, size);
    bool packet = starts_with(argument, "af_packet:");
    bool added = words.kind != 0;
    if (!added)
        error_set(error, "not a source; give dpdk:DEVICE, xdp:INTERFACE or af_packet:INTERFACE");
    added = added && split(text, &words, error);
    if (added && packet && (!words.interface || !words.interface[0])) {
        error_set(error, "names no interface; give af_packet:INTERFACE");
        added = false;
    }
    added = added && add(tree, &words, &made, error);
    free(text);
    free(words.device);
    if (entry)
        *entry = made;
    return added;
}

bool option_source_apply(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error)
{
    (void)option;
    return option_source_add(state->tree, state->tree, argument, NULL, error);
}
