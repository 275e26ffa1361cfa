/* The kernel's interfaces by rtnetlink and ethtool. See xdp_interface.h. */
#include "packet/xdp_interface.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what it is ---- */

struct link_request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr attribute;
    char name[IF_NAMESIZE];
};

/* The attribute after ATTRIBUTE; *LEFT octets remain from it on. The kernel aligns them to 4. */
static struct rtattr *next_attribute(struct rtattr *attribute, int *left)
{
    size_t length = RTA_ALIGN((size_t)attribute->rta_len);
    *left -= (int)length;
    return (struct rtattr *)(void *)((char *)attribute + length);
}

static uint32_t word(const struct rtattr *attribute)
{
    uint32_t value = 0;
    if (RTA_PAYLOAD(attribute) >= sizeof value)
        memcpy(&value, RTA_DATA(attribute), sizeof value);
    return value;
}

static void read_counters(struct xdp_interface *interface, const struct rtattr *attribute)
{
    struct rtnl_link_stats64 counters = {.rx_packets = 0};
    size_t size = RTA_PAYLOAD(attribute);
    memcpy(&counters, RTA_DATA(attribute), size < sizeof counters ? size : sizeof counters);
    interface->missed = counters.rx_missed_errors;
}

static void read_program(struct xdp_interface *interface, struct rtattr *nest)
{
    int left = (int)RTA_PAYLOAD(nest);
    for (struct rtattr *a = RTA_DATA(nest); RTA_OK(a, left); a = next_attribute(a, &left))
        if (a->rta_type == IFLA_XDP_PROG_ID)
            interface->program = word(a);
}

static void read_attribute(struct xdp_interface *interface, struct rtattr *attribute)
{
    switch (attribute->rta_type & NLA_TYPE_MASK) {
    case IFLA_IFNAME:
        snprintf(interface->name, sizeof interface->name, "%s", (char *)RTA_DATA(attribute));
        break;
    case IFLA_MTU:
        interface->mtu = word(attribute);
        break;
    case IFLA_ADDRESS:
        if (RTA_PAYLOAD(attribute) == sizeof interface->address)
            memcpy(interface->address, RTA_DATA(attribute), sizeof interface->address);
        break;
    case IFLA_NUM_RX_QUEUES:
        interface->receive_queues_max = word(attribute);
        break;
    case IFLA_CARRIER_DOWN_COUNT:
        interface->carrier_losses = word(attribute);
        break;
    case IFLA_STATS64:
        read_counters(interface, attribute);
        break;
    case IFLA_XDP:
        read_program(interface, attribute);
        break;
    default:
        break;
    }
}

/* The kernel answers with the link, or with an error. */
static int read_answer(struct xdp_interface *interface, struct nlmsghdr *header, size_t size)
{
    if (!NLMSG_OK(header, size))
        return EPROTO;
    if (header->nlmsg_type == NLMSG_ERROR)
        return -((struct nlmsgerr *)NLMSG_DATA(header))->error;
    if (header->nlmsg_type != RTM_NEWLINK)
        return EPROTO;
    const struct ifinfomsg *link = NLMSG_DATA(header);
    *interface = (struct xdp_interface){.ifindex = (uint32_t)link->ifi_index,
                                        .kind = link->ifi_type,
                                        .up = (link->ifi_flags & (IFF_UP | IFF_RUNNING)) ==
                                              (IFF_UP | IFF_RUNNING)};
    int left = (int)IFLA_PAYLOAD(header);
    for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(header)); RTA_OK(a, left);
         a = next_attribute(a, &left))
        read_attribute(interface, a);
    return 0;
}

int xdp_interface_read(struct xdp_interface *interface, const char *name)
{
    struct link_request request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof request.link),
                                              .nlmsg_type = RTM_GETLINK,
                                              .nlmsg_flags = NLM_F_REQUEST},
                                   .link = {.ifi_index = name ? 0 : (int)interface->ifindex}};
    if (name) {
        if (strlen(name) >= IF_NAMESIZE || name[0] == '\0')
            return ENODEV;
        snprintf(request.name, sizeof request.name, "%s", name);
        request.attribute.rta_type = IFLA_IFNAME;
        request.attribute.rta_len = (unsigned short)RTA_LENGTH(strlen(name) + 1);
        request.header.nlmsg_len += RTA_SPACE(strlen(name) + 1);
    }
    int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (route < 0)
        return errno;
    _Alignas(struct nlmsghdr) char answer[32768];
    int failed = 0;
    ssize_t size = -1;
    if (send(route, &request, request.header.nlmsg_len, 0) < 0 ||
        (size = recv(route, answer, sizeof answer, 0)) < 0)
        failed = errno;
    else
        failed = read_answer(interface, (struct nlmsghdr *)(void *)answer, (size_t)size);
    close(route);
    return failed;
}

/* ---- its settings ---- */

static bool ethtool(const struct xdp_interface *interface, void *command)
{
    struct ifreq request = {.ifr_data = command};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface->name);
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = handle >= 0 && ioctl(handle, SIOCETHTOOL, &request) == 0;
    if (handle >= 0)
        close(handle);
    return good;
}

uint32_t xdp_interface_queues(const struct xdp_interface *interface)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    if (!ethtool(interface, &channels))
        return 0;
    return channels.rx_count + channels.combined_count;
}

int xdp_interface_observe(const struct xdp_interface *interface)
{
    static const unsigned short kinds[] = {PACKET_MR_PROMISC, PACKET_MR_ALLMULTI};
    int handle = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    for (unsigned i = 0; handle >= 0 && i < 2; i++) {
        struct packet_mreq wanted = {.mr_ifindex = (int)interface->ifindex, .mr_type = kinds[i]};
        if (setsockopt(handle, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wanted, sizeof wanted) == 0)
            continue;
        int failed = errno;
        close(handle);
        errno = failed;
        return -1;
    }
    return handle;
}

bool xdp_interface_keep_tags(const struct xdp_interface *interface, bool keep, bool *changed)
{
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
    *changed = false;
    if (!ethtool(interface, &flags))
        return true; /* without offloads nothing takes tags out */
    bool kept = !(flags.data & ETH_FLAG_RXVLAN);
    if (kept == keep)
        return true;
    flags.cmd = ETHTOOL_SFLAGS;
    flags.data = keep ? flags.data & ~(uint32_t)ETH_FLAG_RXVLAN : flags.data | ETH_FLAG_RXVLAN;
    *changed = ethtool(interface, &flags);
    return *changed;
}

/* ---- what this process may do ---- */

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif

static bool has_capability(const struct __user_cap_data_struct sets[2], unsigned capability)
{
    return sets[capability / 32].effective >> capability % 32 & 1;
}

static bool read_capabilities(struct __user_cap_data_struct sets[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, sets) == 0;
}

bool xdp_interface_permitted(const char *name, struct error *error)
{
    static const struct {
        unsigned capability;
        unsigned instead; /* an older capability that holds it */
        const char *text;
    } needed[] = {
        {CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF (to load its program)"},
        {CAP_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN (to attach it)"},
        {CAP_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW (to open its sockets)"},
    };
    struct __user_cap_data_struct sets[2];
    char missing[160] = "";
    if (!read_capabilities(sets))
        return true; /* then the kernel says it at the deed */
    for (unsigned i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        size_t used = strlen(missing);
        if (!has_capability(sets, needed[i].capability) && !has_capability(sets, needed[i].instead))
            snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "",
                     needed[i].text);
    }
    if (missing[0])
        error_set(error, "xdp:%s: needs %s; run as root, or give it to the process", name, missing);
    return missing[0] == '\0';
}

bool xdp_interface_trusted(void)
{
    struct __user_cap_data_struct sets[2];
    return !read_capabilities(sets) || has_capability(sets, CAP_PERFMON) ||
           has_capability(sets, CAP_SYS_ADMIN);
}
