/* Linux packet sockets underneath net_af_packet. See packet_socket.h. */
#include "packet/packet_socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
    PAGE_OCTETS = 4096,
    FRAME_MIN_OCTETS = 2048,
    FRAME_MAX_OCTETS = 32768, /* a packet buffer's length has 16 bits */
    FRAME_OVERHEAD = 192,     /* kernel's frame header, Ethernet header, two tags */
    BLOCK_MIN_OCTETS = 65536,
    RING_OCTETS = 32 * 1024 * 1024
};

static bool merges_packets(int descriptor, struct ifreq *request)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GGRO};
    request->ifr_data = (char *)&value;
    return ioctl(descriptor, SIOCETHTOOL, request) == 0 && value.data != 0;
}

bool kernel_interface_find(const char *name, struct kernel_interface *interface,
                           struct error *error)
{
    memset(interface, 0, sizeof *interface);
    interface->ifindex = if_nametoindex(name);
    if (interface->ifindex == 0) {
        error_set(error, "interface %s: %s", name, strerror(errno));
        return false;
    }
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        error_set(error, "interface %s: cannot ask for its properties: %s", name, strerror(errno));
        return false;
    }
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    interface->mtu = ETH_DATA_LEN;
    if (ioctl(descriptor, SIOCGIFMTU, &request) == 0)
        interface->mtu = (uint32_t)request.ifr_mtu;
    interface->link = LINK_ETHERNET;
    if (ioctl(descriptor, SIOCGIFHWADDR, &request) == 0 &&
        (request.ifr_hwaddr.sa_family == ARPHRD_NONE ||
         request.ifr_hwaddr.sa_family == ARPHRD_RAWIP))
        interface->link = LINK_RAW_IP; /* tun devices have no link-layer header */
    interface->merges_packets = merges_packets(descriptor, &request);
    close(descriptor);
    return true;
}

bool kernel_interface_is_up(uint32_t ifindex, bool *up)
{
    struct ifreq request = {0};
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return false;
    bool told =
        if_indextoname(ifindex, request.ifr_name) && ioctl(descriptor, SIOCGIFFLAGS, &request) == 0;
    if (told)
        *up = (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING);
    close(descriptor);
    return told;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The driver locks both of its rings in memory. Root usually may lock any amount; where the
 * limit counts, two rings must fit. */
static uint64_t ring_octets(void)
{
    struct rlimit limit;
    uint64_t octets = RING_OCTETS;
    if (geteuid() != 0 && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 2 < octets)
        octets = limit.rlim_cur / 2;
    return octets;
}

void packet_ring_choose(struct packet_ring *ring, uint32_t mtu)
{
    if (ring->frame_octets == 0) {
        ring->frame_octets = FRAME_MIN_OCTETS;
        while (ring->frame_octets < FRAME_MAX_OCTETS &&
               ring->frame_octets < (uint64_t)mtu + FRAME_OVERHEAD)
            ring->frame_octets *= 2;
    }
    if (ring->block_octets == 0) {
        /* A whole number of pages and of frames: the driver takes the frames for contiguous. */
        uint32_t unit = ring->frame_octets /
                        greatest_common_divisor(ring->frame_octets, PAGE_OCTETS) * PAGE_OCTETS;
        ring->block_octets = unit;
        while (ring->block_octets < BLOCK_MIN_OCTETS)
            ring->block_octets += unit;
    }
    if (ring->frame_count == 0) {
        uint64_t blocks = ring_octets() / ring->block_octets;
        uint32_t frames = ring->block_octets / ring->frame_octets;
        ring->frame_count = (uint32_t)(blocks ? blocks : 1) * frames;
    }
}

static bool is_bound(int descriptor, uint32_t ifindex)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_PACKET)
        return false;
    struct sockaddr_ll address = {0};
    size = sizeof address;
    return getsockname(descriptor, (struct sockaddr *)&address, &size) == 0 &&
           (uint32_t)address.sll_ifindex == ifindex && ntohs(address.sll_protocol) == ETH_P_ALL;
}

int packet_socket_find(uint32_t ifindex)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return -1;
    int found = -1;
    for (struct dirent *entry; found < 0 && (entry = readdir(directory));) {
        char *end;
        long descriptor = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && is_bound((int)descriptor, ifindex))
            found = (int)descriptor;
    }
    closedir(directory);
    return found;
}

/* Where the ring of the socket with inode number INODE is mapped; 0 if nowhere. */
static uint64_t find_mapping(uint64_t inode, uint64_t *octets)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return 0;
    char line[512];
    uint64_t start = 0;
    while (start == 0 && fgets(line, sizeof line, maps)) {
        /* first-last permissions offset device inode name */
        char *at = line;
        uint64_t first = strtoull(at, &at, 16);
        uint64_t last = *at == '-' ? strtoull(at + 1, &at, 16) : 0;
        for (int words = 0; words < 3; words++) {
            at += strspn(at, " ");
            at += strcspn(at, " ");
        }
        if (strtoull(at, NULL, 10) == inode && strstr(at, "socket:")) {
            start = first;
            *octets = last - first;
        }
    }
    fclose(maps);
    return start;
}

static bool set_option(int descriptor, int option, const void *value, socklen_t size)
{
    return setsockopt(descriptor, SOL_PACKET, option, value, size) == 0;
}

/* A packet socket with a receive ring as the driver expects it, bound to nothing yet. */
static int open_ring_socket(const struct packet_ring *ring)
{
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    int version = TPACKET_V2;
    int yes = 1;
    struct tpacket_req request = {
        .tp_block_size = ring->block_octets,
        .tp_block_nr = ring->frame_count / (ring->block_octets / ring->frame_octets),
        .tp_frame_size = ring->frame_octets,
        .tp_frame_nr = ring->frame_count,
    };
    bool good = set_option(descriptor, PACKET_VERSION, &version, sizeof version) &&
                set_option(descriptor, PACKET_RX_RING, &request, sizeof request);
    if (!good) {
        close(descriptor);
        return -1;
    }
    set_option(descriptor, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
    return descriptor;
}

static bool bind_socket(int descriptor, uint32_t ifindex)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)ifindex};
    struct packet_mreq membership = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
    return bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
           set_option(descriptor, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership);
}

bool packet_socket_replace(int descriptor, uint32_t ifindex, const struct packet_ring *ring)
{
    struct stat status;
    uint64_t octets = 0;
    uint64_t ring_size = (uint64_t)ring->frame_count * ring->frame_octets;
    if (fstat(descriptor, &status) != 0)
        return false;
    uint64_t start = find_mapping((uint64_t)status.st_ino, &octets);
    /* The driver maps its receive ring and behind it a transmit ring of the same size. */
    if (start == 0 || octets != 2 * ring_size)
        return false;
    int fresh = open_ring_socket(ring);
    if (fresh < 0)
        return false;
    /* Proves that the ring can be mapped before the driver's own is given up. */
    void *trial = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, fresh, 0);
    if (trial == MAP_FAILED || !bind_socket(fresh, ifindex)) {
        if (trial != MAP_FAILED)
            munmap(trial, ring_size);
        close(fresh);
        return false;
    }
    void *place = (void *)(uintptr_t)start;
    void *moved = mremap(trial, ring_size, ring_size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (moved == MAP_FAILED) {
        munmap(trial, ring_size);
        close(fresh);
        return false;
    }
    /* Nothing is ever sent: the transmit ring's place stays reserved but empty. */
    void *rest = mmap((uint8_t *)place + ring_size, ring_size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    bool replaced = rest != MAP_FAILED && dup3(fresh, descriptor, O_CLOEXEC) >= 0;
    close(fresh);
    return replaced;
}

bool packet_socket_is_orphan(int descriptor)
{
    struct sockaddr_ll address = {0};
    socklen_t size = sizeof address;
    /* The kernel puts -1 there when it takes the interface away. */
    return getsockname(descriptor, (struct sockaddr *)&address, &size) == 0 &&
           address.sll_ifindex == -1;
}

uint32_t packet_socket_drops(int descriptor)
{
    struct tpacket_stats statistics = {0};
    socklen_t size = sizeof statistics;
    if (getsockopt(descriptor, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0)
        return 0;
    return statistics.tp_drops;
}
