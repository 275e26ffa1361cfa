/*
 * The thread that does what time asks of the datastores: it reverts confirmed commits, and asks the
 * daemon again for what it refused. Both last as long as a commit, so nobody else does them.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "server_internal.h"

/* One turn; how many milliseconds until the next, -1: when woken. Under the mutex of operations. */
static int turn(struct server *server)
{
    struct datastore *datastore = server->netconf->datastore;
    datastore_tick(datastore, clock_monotonic_ns());
    if (server->behind)
        server_catch_up(server, clock_monotonic_ns());
    uint64_t now_ns = clock_monotonic_ns();
    int wait_ms = server_sooner(now_ns, datastore_deadline(datastore), -1);
    /* Who applies something now wakes this thread when he is done. */
    return server->behind && !datastore_busy(datastore)
               ? server_sooner(now_ns, server->behind_ns, wait_ms)
               : wait_ms;
}

static void *keep_time(void *context)
{
    struct server *server = context;
    for (;;) {
        eventfd_t woken;
        operations_lock(server->netconf);
        int wait_ms = server->stopping ? 0 : turn(server);
        bool stopping = server->stopping;
        operations_unlock(server->netconf);
        if (stopping)
            return NULL;
        struct pollfd ready = {.fd = server->timer_wake, .events = POLLIN};
        if (poll(&ready, 1, wait_ms) > 0)
            eventfd_read(server->timer_wake, &woken);
    }
}

bool server_timer_start(struct server *server, struct error *error)
{
    server->timer_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->timing =
        server->timer_wake >= 0 && pthread_create(&server->timer, NULL, keep_time, server) == 0;
    if (!server->timing)
        error_set(error, "no thread or descriptor for what time asks for");
    return server->timing;
}

void server_timer_stop(struct server *server)
{
    if (server->timing) {
        operations_lock(server->netconf);
        server->stopping = true;
        operations_unlock(server->netconf);
        server_timer_wake(server);
        pthread_join(server->timer, NULL);
        server->timing = false;
    }
    if (server->timer_wake >= 0)
        close(server->timer_wake);
    server->timer_wake = -1;
}

void server_timer_wake(struct server *server)
{
    if (server->timer_wake >= 0)
        eventfd_write(server->timer_wake, 1);
}
