/* Takes device words apart. See dpdk_device.h. */
#include "packet/dpdk_device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "packet/source_file.h"

enum { IFINDEX_MAX = 65535, RING_FRAME_OVERHEAD = 128 };

/* Copies the value of driver word KEY. False if the word is not there. */
static bool find_word(const char *words, const char *key, char *value, size_t size)
{
    size_t length = strlen(key);
    for (const char *at = strchr(words, ','); at; at = strchr(at, ',')) {
        at++;
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            snprintf(value, size, "%.*s", (int)strcspn(at + length + 1, ","), at + length + 1);
            return true;
        }
    }
    return false;
}

static uint32_t find_number(const char *words, const char *key)
{
    char value[32];
    return find_word(words, key, value, sizeof value) ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

/* Matches TEXT with PATTERN, where h stands for a hexadecimal digit. */
static bool matches(const char *text, const char *pattern)
{
    if (strlen(text) != strlen(pattern))
        return false;
    for (size_t i = 0; pattern[i]; i++)
        if (pattern[i] == 'h' ? !isxdigit((unsigned char)text[i]) : text[i] != pattern[i])
            return false;
    return true;
}

/* A number from 1 to 65535 that stays the same for the same name (FNV-1a). */
static uint32_t derive_ifindex(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return 1 + hash % IFINDEX_MAX;
}

static bool is_driver(const struct dpdk_device *device, const char *driver)
{
    return strncmp(device->name, driver, strlen(driver)) == 0;
}

/* Sizes the rings of net_af_packet and writes them into the driver words. */
static bool prepare_af_packet(struct dpdk_device *device, const struct kernel_interface *interface,
                              struct error *error)
{
    struct packet_ring *ring = &device->ring;
    ring->frame_octets = find_number(device->words, "framesz");
    ring->frame_count = find_number(device->words, "framecnt");
    ring->block_octets = find_number(device->words, "blocksz");
    struct packet_ring given = *ring;
    packet_ring_choose(ring, interface->mtu);
    size_t used = strlen(device->words);
    int added = snprintf(device->words + used, sizeof device->words - used, "%s",
                         given.frame_octets && given.frame_count && given.block_octets ? "" : ",");
    used += (size_t)added;
    const struct {
        const char *key;
        uint32_t given;
        uint32_t chosen;
    } words[] = {
        {"framesz", given.frame_octets, ring->frame_octets},
        {"framecnt", given.frame_count, ring->frame_count},
        {"blocksz", given.block_octets, ring->block_octets},
    };
    const char *comma = "";
    for (size_t i = 0; i < sizeof words / sizeof words[0] && used < sizeof device->words; i++) {
        if (words[i].given)
            continue;
        used += (size_t)snprintf(device->words + used, sizeof device->words - used, "%s%s=%u",
                                 comma, words[i].key, words[i].chosen);
        comma = ",";
    }
    if (used >= sizeof device->words) {
        error_set(error, "dpdk:%s: too many words", device->name);
        return false;
    }
    if (ring->frame_octets < interface->mtu + RING_FRAME_OVERHEAD)
        device->cut_above = ring->frame_octets - RING_FRAME_OVERHEAD;
    return true;
}

/* Looks into the file that net_pcap will read: its link type, and for endless play how many
 * packets the driver will put into the pool. */
static bool prepare_capture(struct dpdk_device *device, char *path, struct error *error)
{
    struct packet_source *file = source_file_open(&path, 1, error);
    if (!file)
        return false;
    static struct packet_batch batch;
    while (file->ops->receive(file, &batch) == RECEIVE_PACKETS) {
        if (device->preloaded == 0)
            device->link = batch.link[0];
        for (uint32_t i = 0; i < batch.count; i++)
            if (batch.captured_length[i] > device->frame_octets_max)
                device->frame_octets_max = batch.captured_length[i];
        device->preloaded += batch.count;
        file->ops->release(file, &batch);
        if (!device->infinite)
            break;
    }
    file->ops->close(file);
    if (!device->infinite)
        device->preloaded = 0;
    return true;
}

static bool prepare_virtual(struct dpdk_device *device, struct error *error)
{
    char value[512];
    device->af_packet = is_driver(device, "net_af_packet") || is_driver(device, "eth_af_packet");
    device->infinite = find_number(device->words, "infinite_rx") == 1;
    if (find_word(device->words, "rx_pcap", value, sizeof value))
        return prepare_capture(device, value, error);
    const char *key = is_driver(device, "net_pcap") ? "rx_iface" : "iface";
    bool named = find_word(device->words, key, value, sizeof value) ||
                 find_word(device->words, "rx_iface_in", value, sizeof value) ||
                 find_word(device->words, "iface", value, sizeof value);
    /* net_tap makes the interface that it names. */
    if (!named || is_driver(device, "net_tap")) {
        if (device->af_packet)
            error_set(error, "dpdk:%s: name the interface: %s,iface=NAME", device->words,
                      device->name);
        return !device->af_packet;
    }
    struct kernel_interface interface;
    if (!kernel_interface_find(value, &interface, error))
        return false;
    if (interface.ifindex <= IFINDEX_MAX)
        device->ifindex = interface.ifindex;
    device->link = interface.link;
    device->merges_packets = interface.merges_packets;
    return !device->af_packet || prepare_af_packet(device, &interface, error);
}

bool dpdk_device_parse(struct dpdk_device *device, const char *words, struct error *error)
{
    memset(device, 0, sizeof *device);
    size_t name_length = strcspn(words, ",");
    if (name_length == 0 || name_length >= 64 || strlen(words) >= sizeof device->words) {
        error_set(error, "dpdk:%.100s: expected a PCI address or a virtual device", words);
        return false;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)name_length, words);
    bool without_domain = matches(name, "hh:hh.h");
    device->pci = without_domain || matches(name, "hhhh:hh:hh.h");
    snprintf(device->name, sizeof device->name, "%s%s", without_domain ? "0000:" : "", name);
    snprintf(device->words, sizeof device->words, "%s%s", without_domain ? "0000:" : "", words);
    device->link = LINK_ETHERNET;
    device->ifindex = derive_ifindex(device->name);
    return device->pci || prepare_virtual(device, error);
}

/* True if the socket file PATH is there and no process listens on it. Memif's sockets are of
 * another kind than ours here, so that nobody is really called: DPDK 22.11 ends the process of a
 * listener whose caller hangs up without a word. */
static bool is_abandoned(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >=
        sizeof address.sun_path)
        return false;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return false;
    int result = connect(descriptor, (const struct sockaddr *)&address, sizeof address);
    bool refused = result != 0 && errno == ECONNREFUSED;
    close(descriptor);
    return refused;
}

void dpdk_device_remove_leftover(const struct dpdk_device *device)
{
    char path[256];
    char word[16];
    if (is_driver(device, "net_memif") && find_word(device->words, "role", word, sizeof word) &&
        strcmp(word, "server") == 0 &&
        find_word(device->words, "socket-abstract", word, sizeof word) && strcmp(word, "no") == 0 &&
        find_word(device->words, "socket", path, sizeof path) && is_abandoned(path))
        unlink(path);
}
