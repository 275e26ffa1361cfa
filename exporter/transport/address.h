/*
 * Where a collector is: names to addresses, the local address to send from, and how a destination
 * is called in lines for the user. Control thread, except that binding is done at each connection.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_ADDRESS_H
#define SPANFLOW_EXPORTER_TRANSPORT_ADDRESS_H

#include <netdb.h>
#include <stddef.h>

#include "base/error.h"
#include "exporting_process.h"

enum { IPV4_HEADER_OCTETS = 20, IPV6_HEADER_OCTETS = 40, UDP_HEADER_OCTETS = 8 };

/* Writes "udp://HOST:PORT", the address in brackets if it is IPv6, into TEXT. */
void address_describe(const struct destination_config *destination, char *text, size_t size);

/* Writes address and port of SOCKET's own end, or of the PEER's, into TEXT: "192.0.2.1:4739",
 * "[2001:db8::1]:4739", or "" if there is none. Any thread. */
void address_of_socket(int socket, bool peer, char *text, size_t size);

/* The addresses of DESTINATION's host for sockets of TYPE, to be freed by freeaddrinfo(). Waits for
 * the name service. NULL and ERROR if there are none. */
struct addrinfo *address_find(const struct destination_config *destination, int type,
                              struct error *error);

/* Binds SOCKET of FAMILY to the local address SOURCE ("": any) and PORT (0: any). 0, or -1 and
 * ERROR. */
int address_bind(int socket, int family, const char *source, uint16_t port, struct error *error);

/* Sets the don't-fragment bit of a datagram socket and switches its error queue on. 0, or -1 and
 * ERROR. */
int address_forbid_fragments(int socket, int family, struct error *error);

/* The longest UDP payload that the path of a connected datagram socket of FAMILY permits now; 0 if
 * the kernel does not say. */
uint32_t address_path_octets(int socket, int family);

#endif
