/*
 * What accepted and called connections over TCP have in common.
 */
#ifndef SPANFLOW_NETCONF_TRANSPORT_SOCKET_H
#define SPANFLOW_NETCONF_TRANSPORT_SOCKET_H

#include <sys/socket.h>

#include "transport_settings.h"

/* The numeric address of a peer. An IPv4 address in IPv6 is shown as the former. */
void transport_socket_name(const struct sockaddr *address, socklen_t size, char name[64]);

/* The server's side on the connected socket FD, which it owns: TLS or SSH as ENDPOINT says, SSH
 * with the host key and users of SETTINGS, in which ENDPOINT is. NULL if memory is short; FD is
 * closed. */
struct stream *transport_socket_stream(int fd, const char *from,
                                       const struct transport_settings *settings,
                                       const struct endpoint *endpoint);

#endif
