/*
 * Addresses of collectors. See address.h.
 */
#include "transport/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void address_describe(const struct destination_config *destination, char *text, size_t size)
{
    static const char *const schemes[] = {[DESTINATION_UDP] = "udp",
                                          [DESTINATION_TCP] = "tcp",
                                          [DESTINATION_TLS] = "tls",
                                          [DESTINATION_DTLS] = "dtls",
                                          [DESTINATION_SCTP] = "sctp"};
    bool colon = strchr(destination->host, ':') != NULL;
    snprintf(text, size, colon ? "%s://[%s]:%u" : "%s://%s:%u", schemes[destination->kind],
             destination->host, destination->port);
}

void address_of_socket(int socket, bool peer, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t octets = sizeof address;
    char host[64] = "", service[8] = "";
    memset(&address, 0, sizeof address);
    struct sockaddr *at = (struct sockaddr *)&address;
    int status = peer ? getpeername(socket, at, &octets) : getsockname(socket, at, &octets);
    if (status == 0)
        status = getnameinfo(at, octets, host, sizeof host, service, sizeof service,
                             NI_NUMERICHOST | NI_NUMERICSERV);
    if (status != 0)
        text[0] = 0;
    else
        snprintf(text, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
}

struct addrinfo *address_find(const struct destination_config *destination, int type,
                              struct error *error)
{
    char service[8], where[300];
    snprintf(service, sizeof service, "%u", destination->port);
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(destination->host, service, &hints, &found);
    if (status == 0)
        return found;
    address_describe(destination, where, sizeof where);
    error_set(error, "%s: cannot find the host: %s", where, gai_strerror(status));
    return NULL;
}

int address_bind(int socket, int family, const char *source, uint16_t port, struct error *error)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *found;
    int status = getaddrinfo(source[0] ? source : NULL, service, &hints, &found);
    if (status != 0) {
        error_set(error, "source=%s is not an address of the collector's family: %s", source,
                  gai_strerror(status));
        return -1;
    }
    status = bind(socket, found->ai_addr, found->ai_addrlen);
    if (status != 0)
        error_set(error, "cannot send from source=%s: %s", source, strerror(errno));
    freeaddrinfo(found);
    return status;
}

int address_forbid_fragments(int socket, int family, struct error *error)
{
    int discover = IP_PMTUDISC_DO, discover6 = IPV6_PMTUDISC_DO, on = 1, status;
    if (family == AF_INET)
        status = setsockopt(socket, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover) |
                 setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    else
        status = setsockopt(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover6, sizeof discover6) |
                 setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    if (status != 0)
        error_set(error, "cannot set the socket's options: %s", strerror(errno));
    return status;
}

uint32_t address_path_octets(int socket, int family)
{
    bool ipv4 = family == AF_INET;
    int headers = UDP_HEADER_OCTETS + (ipv4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS);
    int mtu = 0;
    socklen_t length = sizeof mtu;
    if (getsockopt(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU : IPV6_MTU, &mtu,
                   &length) != 0 ||
        mtu <= headers)
        return 0;
    return (uint32_t)(mtu - headers);
}
