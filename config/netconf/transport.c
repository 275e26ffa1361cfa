/*
 * The accepting thread, and the switch from one configuration to the next.
 */
#include "transport.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "call_home.h"
#include "log.h"
#include "transport_settings.h"
#include "transport_socket.h"

enum {
    ACCEPT_PAUSE_MS = 100, /* when descriptors have run out */
    USERS_PAUSE_MS = 100,  /* when sessions are to end and an operation runs */
};

struct transport {
    struct sessions *sessions;
    struct front *front;
    char *folder;
    struct calls_home *calls;
    pthread_t thread;
    int wake;             /* an eventfd for the thread */
    pthread_mutex_t lock; /* what follows */
    struct transport_settings *settings;
    int local_fd; /* -1 without */
    char local_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    bool users_changed;
    bool stopping;
};

struct transport_settings *transport_present(struct transport *transport)
{
    pthread_mutex_lock(&transport->lock);
    struct transport_settings *settings = transport_settings_share(transport->settings);
    pthread_mutex_unlock(&transport->lock);
    return settings;
}

/* One connection of the listening socket FD. False when there is none. */
static bool accept_one(struct transport *transport, int fd,
                       const struct transport_settings *settings, const struct endpoint *endpoint)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    int connected = accept4(fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connected < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            poll(NULL, 0, ACCEPT_PAUSE_MS);
        return errno == EINTR || errno == ECONNABORTED;
    }
    struct stream *stream;
    if (!endpoint) {
        stream = stream_local_create(connected, TRANSPORT_LOCAL_GROUP);
    } else {
        char name[64];
        transport_socket_name((struct sockaddr *)&from, size, name);
        stream = transport_socket_stream(connected, name, settings, endpoint);
    }
    if (stream)
        front_accept(transport->front, stream);
    return true;
}

/* The local socket comes first, and no socket more often than the others. */
static void accept_all(struct transport *transport, struct pollfd *ready, size_t count,
                       const struct transport_settings *settings)
{
    for (size_t i = 1; i < count; i++) {
        if (ready[i].revents & POLLIN)
            accept_one(transport, ready[i].fd, settings,
                       i == 1 ? NULL : &settings->endpoints[i - 2]);
    }
}

/* Whether the settings in use would let SESSION in again: the entry is there by which it came, and
 * its key, password or certificate still means its user. */
static bool is_permitted(void *context, const struct session *session)
{
    if (session->transport == SESSION_LOCAL)
        return true;
    struct transport_settings *settings = transport_present(context);
    const struct session_origin *origin = &session->origin;
    bool permitted = false;
    for (size_t i = 0; i < settings->endpoint_count && !permitted; i++) {
        const struct endpoint *it = &settings->endpoints[i];
        if ((int)it->kind != origin->kind || strcmp(it->name, origin->entry) != 0 ||
            (session->transport == SESSION_TLS) != (it->tls != NULL))
            continue;
        permitted = it->tls ? tls_server_names(it->tls, origin->proof, session->user)
                            : user_table_accepts(settings->users, session->user, origin->proof);
    }
    transport_settings_release(settings);
    return permitted;
}

/* What has changed since the last look: true if the thread is to end. *STRANGERS: sessions that the
 * settings let in no more are still to be ended. */
static bool look(struct transport *transport, struct transport_settings **settings, int *local_fd,
                 bool *strangers)
{
    eventfd_t woken;
    eventfd_read(transport->wake, &woken);
    transport_settings_release(*settings);
    pthread_mutex_lock(&transport->lock);
    *settings = transport_settings_share(transport->settings);
    *local_fd = transport->local_fd;
    *strangers = *strangers || transport->users_changed;
    bool stopping = transport->stopping;
    transport->users_changed = false;
    pthread_mutex_unlock(&transport->lock);
    if (*strangers && !stopping)
        *strangers = !sessions_end_others(transport->sessions);
    return stopping;
}

static void *accept_clients(void *context)
{
    struct transport *transport = context;
    struct transport_settings *settings = NULL;
    int local_fd;
    bool strangers = false;
    while (!look(transport, &settings, &local_fd, &strangers)) {
        struct pollfd ready[ENDPOINTS_MAX + 2] = {
            {.fd = transport->wake, .events = POLLIN},
            {.fd = local_fd, .events = POLLIN},
        };
        size_t count = 2;
        for (size_t i = 0; i < settings->endpoint_count; i++)
            ready[count++] = (struct pollfd){.fd = settings->endpoints[i].fd, .events = POLLIN};
        if (poll(ready, count, strangers ? USERS_PAUSE_MS : -1) > 0)
            accept_all(transport, ready, count, settings);
    }
    transport_settings_release(settings);
    return NULL;
}

struct transport *transport_create(struct sessions *sessions, struct front *front,
                                   const char *folder, struct error *error)
{
    struct transport *transport = calloc(1, sizeof(*transport));
    struct rpc_error why = {0};
    if (!transport) {
        error_set(error, "no memory for transports");
        return NULL;
    }
    transport->sessions = sessions;
    transport->front = front;
    transport->folder = folder ? strdup(folder) : NULL;
    transport->local_fd = -1;
    transport->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    transport->settings = transport_settings_create(NULL, NULL, NULL, &why);
    transport->calls = calls_home_create(transport, front);
    pthread_mutex_init(&transport->lock, NULL);
    if (transport->wake >= 0 && transport->settings && transport->calls &&
        pthread_create(&transport->thread, NULL, accept_clients, transport) == 0) {
        sessions_set_permission(sessions, is_permitted, transport);
        return transport;
    }
    error_set(error, "no thread, memory or descriptor for transports");
    calls_home_destroy(transport->calls);
    transport_settings_release(transport->settings);
    if (transport->wake >= 0)
        close(transport->wake);
    free(transport->folder);
    free(transport);
    return NULL;
}

void transport_destroy(struct transport *transport)
{
    if (!transport)
        return;
    pthread_mutex_lock(&transport->lock);
    transport->stopping = true;
    pthread_mutex_unlock(&transport->lock);
    eventfd_write(transport->wake, 1);
    pthread_join(transport->thread, NULL);
    sessions_set_permission(transport->sessions, NULL, NULL);
    calls_home_destroy(transport->calls);
    transport_settings_release(transport->settings);
    if (transport->local_fd >= 0) {
        unlink(transport->local_path);
        close(transport->local_fd);
    }
    close(transport->wake);
    pthread_mutex_destroy(&transport->lock);
    free(transport->folder);
    free(transport);
}

/* Root and the group may connect; who is let in is decided by credentials all the same. */
static void permit_group(const char *path)
{
    char memory[16384];
    struct group found;
    struct group *group = NULL;
    getgrnam_r(TRANSPORT_LOCAL_GROUP, &found, memory, sizeof(memory), &group);
    bool given = group && chown(path, (uid_t)-1, group->gr_gid) == 0;
    if (chmod(path, given ? 0660 : 0600) != 0)
        log_line("the rights of %s cannot be set: %s", path, strerror(errno));
}

bool transport_listen_local(struct transport *transport, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set(error, "the path %s is too long for a socket, at most %zu octets", path,
                  sizeof(address.sun_path) - 1);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (alive) {
        error_set(error, "another process answers on %s: end it, or give another --control", path);
        close(fd);
        return false;
    }
    /* A file that is no socket is somebody's mistake, and stays. */
    struct stat found;
    if (lstat(path, &found) == 0 && S_ISSOCK(found.st_mode))
        unlink(path);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                 listen(fd, SOMAXCONN) == 0;
    int failed = errno;
    umask(before);
    if (!bound) {
        error_set(error, "the local socket %s: %s", path, strerror(failed));
        if (fd >= 0)
            close(fd);
        return false;
    }
    permit_group(path);
    pthread_mutex_lock(&transport->lock);
    transport->local_fd = fd;
    snprintf(transport->local_path, sizeof(transport->local_path), "%s", path);
    pthread_mutex_unlock(&transport->lock);
    eventfd_write(transport->wake, 1);
    return true;
}

struct transport_settings *transport_prepare(struct transport *transport,
                                             const struct lyd_node *spanflow,
                                             struct rpc_error *error)
{
    struct transport_settings *present = transport_present(transport);
    struct transport_settings *settings =
        transport_settings_create(spanflow, transport->folder, present, error);
    transport_settings_release(present);
    return settings;
}

void transport_adopt(struct transport *transport, struct transport_settings *settings)
{
    pthread_mutex_lock(&transport->lock);
    struct transport_settings *before = transport->settings;
    transport->settings = settings;
    transport->users_changed = true;
    pthread_mutex_unlock(&transport->lock);
    transport_settings_release(before);
    eventfd_write(transport->wake, 1);
    calls_home_adopt(transport->calls, settings);
}

bool transport_configure(struct transport *transport, const struct lyd_node *spanflow,
                         struct rpc_error *error)
{
    struct transport_settings *settings = transport_prepare(transport, spanflow, error);
    if (settings)
        transport_adopt(transport, settings);
    return settings != NULL;
}
