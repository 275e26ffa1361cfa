/*
 * Connected TCP sockets: options, names, and the stream above.
 */
#include "transport_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* A peer that vanished without a word is noticed after a minute and a half of silence. */
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 10, KEEPALIVE_PROBES = 3 };

void transport_socket_name(const struct sockaddr *address, socklen_t size, char name[64])
{
    static const char mapped[] = "::ffff:";
    char text[NI_MAXHOST];
    if (getnameinfo(address, size, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(text, sizeof(text), "(unknown)");
    const char *begin = text;
    if (strncmp(text, mapped, sizeof(mapped) - 1) == 0 && strchr(text, '.'))
        begin += sizeof(mapped) - 1;
    snprintf(name, 64, "%.63s", begin);
}

struct stream *transport_socket_stream(int fd, const char *from,
                                       const struct transport_settings *settings,
                                       const struct endpoint *endpoint)
{
    const int on = 1;
    const int idle = KEEPALIVE_IDLE_S;
    const int interval = KEEPALIVE_INTERVAL_S;
    const int probes = KEEPALIVE_PROBES;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct stream *stream = endpoint->tls
                                ? stream_tls_create(fd, from, endpoint->tls)
                                : stream_ssh_create(fd, from, settings->host_key, settings->users);
    if (stream) {
        stream->origin.kind = endpoint->kind;
        snprintf(stream->origin.entry, sizeof(stream->origin.entry), "%s", endpoint->name);
    }
    return stream;
}
