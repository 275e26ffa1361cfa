/*
 * Stands in for the NETCONF process in tests of the daemon: joins the control channel to a UNIX
 * socket, octet by octet, for one client at a time. The socket is the one that the daemon's hello
 * names, with ".test" behind it; the hello is kept and given to each client first. What the daemon
 * sends while there is no client is dropped.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control_channel.h"

enum { PIECE = 65536 };

static bool read_all(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, (char *)to + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = send(fd, (const char *)from + done, size - done, MSG_NOSIGNAL);
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static void fail(const char *what)
{
    fprintf(stderr, "control_client: %s: %s\n", what, strerror(errno));
    exit(3);
}

/* The whole hello with its header. */
static char *take_hello(size_t *size)
{
    struct control_header header;
    if (!read_all(CONTROL_CHILD_FD, &header, sizeof header) || header.type != CONTROL_HELLO)
        fail("no hello");
    *size = sizeof header + header.length;
    char *hello = calloc(1, *size + 1);
    if (!hello)
        fail("no memory");
    memcpy(hello, &header, sizeof header);
    if (!read_all(CONTROL_CHILD_FD, hello + sizeof header, header.length))
        fail("half a hello");
    return hello;
}

static int listen_beside(const char *json)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *start = strstr(json, "\"socket\":\"");
    if (!start)
        fail("no socket in the hello");
    start += strlen("\"socket\":\"");
    snprintf(address.sun_path, sizeof address.sun_path, "%.*s.test", (int)strcspn(start, "\""),
             start);
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4) != 0)
        fail(address.sun_path);
    return fd;
}

/* Moves what has come at FROM to TO. False at the end of FROM. */
static bool move(int from, int to)
{
    static char piece[PIECE];
    ssize_t got = read(from, piece, sizeof piece);
    if (got > 0 && to >= 0)
        write_all(to, piece, (size_t)got);
    return got > 0;
}

int main(void)
{
    size_t size;
    char *hello = take_hello(&size);
    int listener = listen_beside(hello + sizeof(struct control_header));
    int client = -1;
    for (;;) {
        struct pollfd ready[] = {{CONTROL_CHILD_FD, POLLIN, 0},
                                 {client >= 0 ? client : listener, POLLIN, 0}};
        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[0].revents && !move(CONTROL_CHILD_FD, client))
            break;
        if (ready[1].revents && client < 0) {
            client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (client >= 0)
                write_all(client, hello, size);
        } else if (ready[1].revents && !move(client, CONTROL_CHILD_FD)) {
            close(client);
            client = -1;
        }
    }
    free(hello);
    return 0;
}
