/* The argument of -i: a kind of device, the device, and words after commas. */
#include <assert.h>
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
    {.word = "xdp:INTERFACE"},
    {0},
};

/* Our own words; all others belong to the driver. */
const struct option_word option_source_words[] = {
    {.word = "name=NAME", .help = "the name in flow records; else the interface, or the device"},
    {.word = "ifindex=N", .leaf = "ifIndex", .help = "the interface index in flow records"},
    {.word = "role=ROLE", .leaf = "role", .help = "span (default), tap-a or tap-b"},
    {.word = "descriptors=N",
     .leaf = "receiveDescriptors",
     .help = "the length of each receive queue, in packets"},
    {.word = "time=CLOCK",
     .leaf = "timeSource",
     .help =
         "system (default), or device: times of arrival from the device, if its clock is right"},
    {.word = "filter=EXPRESSION",
     .leaf = "filter",
     .help = "meter only what matches; must be the last word, because the rest of the argument, "
             "commas too, is the expression"},
    {0},
};
enum { OWN_WORDS = 6, OWN_NAME = 0, OWN_FILTER = 5 };
static_assert(sizeof option_source_words / sizeof option_source_words[0] == OWN_WORDS + 1, "");

struct source_words {
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
           !option_word_is(&option_source_words[i], text, length))
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
    if (words->device[0] && words->device[0] != ',')
        return true;
    error_set(error, "names no device; see spanflowd --help");
    return false;
}

/* Adds the observation point; the driver's part begins with the name of the device. */
static bool add(struct option_state *state, struct source_words *words, struct error *error)
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
    if (!config_tree_add(state->tree, "/spanflow/observationPoint", name, &entry, &refused)) {
        error_set(error, "name: %s", refused.text);
        return false;
    }
    for (size_t i = 0; i < OWN_WORDS; i++) {
        const struct option_word *word = &option_source_words[i];
        struct error inner = {""};
        if (!word->leaf || !words->own[i])
            continue;
        if (i == OWN_FILTER && !model_check_filter(words->own[i], error))
            return false;
        if (!config_tree_set_below(state->tree, entry, word->leaf, words->own[i], &inner)) {
            error_set(error, "%.*s: %s", (int)strcspn(word->word, "="), word->word, inner.text);
            return false;
        }
    }
    return config_tree_set_below(state->tree, entry, "device", words->device, error);
}

bool option_source_apply(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error)
{
    (void)option;
    const char *colon = strchr(argument, ':');
    size_t kind = colon ? (size_t)(colon - argument) : 0;
    bool dpdk = kind == 4 && memcmp(argument, "dpdk", kind) == 0;
    bool packet = kind == 9 && memcmp(argument, "af_packet", kind) == 0;
    if (kind == 3 && memcmp(argument, "xdp", kind) == 0) {
        error_set(error, "xdp: is not in this build");
        return false;
    }
    if (!dpdk && !packet) {
        error_set(error, "not a source; give dpdk:DEVICE or af_packet:INTERFACE");
        return false;
    }
    size_t size = strlen(argument) + 64;
    char *text = malloc(size);
    struct source_words words = {.device = calloc(1, size), .size = size};
    check(text && words.device);
    if (packet)
        snprintf(text, size, "net_af_packet%u,iface=%s", state->af_packet_count++, colon + 1);
    else
        snprintf(text, size, "%s", colon + 1);
    bool added = split(text, &words, error);
    if (added && packet && (!words.interface || !words.interface[0])) {
        error_set(error, "names no interface; give af_packet:INTERFACE");
        added = false;
    }
    added = added && add(state, &words, error);
    free(text);
    free(words.device);
    return added;
}
