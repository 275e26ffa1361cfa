/*
 * Holding DPDK's interrupt thread. See dpdk_interrupts.h. The thread runs a callback of ours, and
 * goes on when that returns. The callback belongs to a descriptor that is readable as long as the
 * thread is held, and that is older than the sockets of any peer, so that in each look for events
 * the thread comes by here, before it handles what a peer said since the last one.
 */
#define ALLOW_EXPERIMENTAL_API /* an interrupt of our own: stable in later versions, unchanged */

#include "packet/dpdk_interrupts.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <rte_interrupts.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct rte_intr_handle *handle; /* made once; NULL: not yet */
    uint32_t holds;
    uint64_t stops; /* how often the thread came to stand */
    bool standing;  /* the thread is in our callback */
    bool wanted;    /* and shall stay there */
    bool step;      /* but for one look for events */
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Runs on the interrupt thread. */
static void stand(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&gate.mutex);
    gate.standing = true;
    gate.stops++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.wanted && !gate.step)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.step = false;
    gate.standing = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

/* With the mutex. What fails here fails without memory for some octets only. */
static void make_handle(void)
{
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gate.handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    check(gate.handle && descriptor >= 0);
    check(rte_intr_fd_set(gate.handle, descriptor) == 0 &&
          rte_intr_type_set(gate.handle, RTE_INTR_HANDLE_EXT) == 0 &&
          rte_intr_callback_register(gate.handle, stand, NULL) == 0);
}

/* With the mutex. */
static void stop_thread(void)
{
    if (!gate.handle)
        make_handle();
    gate.wanted = true;
    check(eventfd_write(rte_intr_fd_get(gate.handle), 1) == 0);
    while (!gate.standing)
        pthread_cond_wait(&gate.changed, &gate.mutex);
}

/* With the mutex. */
static void let_thread_go(void)
{
    eventfd_t value;
    check(eventfd_read(rte_intr_fd_get(gate.handle), &value) == 0);
    gate.wanted = false;
    pthread_cond_broadcast(&gate.changed);
    while (gate.standing)
        pthread_cond_wait(&gate.changed, &gate.mutex);
}

void dpdk_interrupts_hold(void)
{
    pthread_mutex_lock(&gate.mutex);
    if (gate.holds++ == 0)
        stop_thread();
    pthread_mutex_unlock(&gate.mutex);
}

void dpdk_interrupts_release(void)
{
    pthread_mutex_lock(&gate.mutex);
    check(gate.holds > 0);
    if (--gate.holds == 0)
        let_thread_go();
    pthread_mutex_unlock(&gate.mutex);
}

void dpdk_interrupts_round(void)
{
    pthread_mutex_lock(&gate.mutex);
    uint64_t stops = gate.stops;
    gate.step = gate.holds > 0;
    pthread_cond_broadcast(&gate.changed);
    while (gate.holds > 0 && gate.stops == stops)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static int socket_option(int descriptor, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* Of all sockets of this process only those of memif are of this kind. */
static bool is_memif_socket(int descriptor, bool listens)
{
    return socket_option(descriptor, SO_DOMAIN) == AF_UNIX &&
           socket_option(descriptor, SO_TYPE) == SOCK_SEQPACKET &&
           socket_option(descriptor, SO_ACCEPTCONN) == (listens ? 1 : 0);
}

bool dpdk_interrupts_news(void)
{
    bool news = false;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return true;
    for (struct dirent *entry; !news && (entry = readdir(directory));) {
        struct pollfd polled = {.fd = atoi(entry->d_name), .events = POLLIN};
        news = is_memif_socket(polled.fd, false) && poll(&polled, 1, 0) == 1;
    }
    closedir(directory);
    return news;
}

void dpdk_interrupts_silence_listeners(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        int descriptor = atoi(entry->d_name);
        int silent = is_memif_socket(descriptor, true) ? eventfd(0, EFD_CLOEXEC) : -1;
        if (silent < 0)
            continue;
        dup3(silent, descriptor, O_CLOEXEC);
        close(silent);
    }
    closedir(directory);
}
