/*
 * Holding DPDK's interrupt thread. See dpdk_interrupts.h. The thread runs the callbacks of DPDK's
 * alarms, too: ours returns when the thread may go on.
 */
#include "packet/dpdk_interrupts.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_alarm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint32_t holds;
    bool standing; /* the thread is in our callback */
    bool wanted;   /* and shall stay there */
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false, false};

/* Runs on the interrupt thread. */
static void stand(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&gate.mutex);
    gate.standing = true;
    pthread_cond_broadcast(&gate.changed);
    while (gate.wanted)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.standing = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

/* With the mutex. */
static void stop_thread(void)
{
    gate.wanted = true;
    check(rte_eal_alarm_set(1, stand, NULL) == 0); /* fails only without memory for 64 octets */
    while (!gate.standing)
        pthread_cond_wait(&gate.changed, &gate.mutex);
}

/* With the mutex. */
static void let_thread_go(void)
{
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
    if (gate.holds > 0) {
        let_thread_go();
        stop_thread();
    }
    pthread_mutex_unlock(&gate.mutex);
}

static int socket_option(int descriptor, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* Of all sockets of this process only those of memif are of this kind. */
static bool is_listener(int descriptor)
{
    return socket_option(descriptor, SO_DOMAIN) == AF_UNIX &&
           socket_option(descriptor, SO_TYPE) == SOCK_SEQPACKET &&
           socket_option(descriptor, SO_ACCEPTCONN) == 1;
}

void dpdk_interrupts_silence_listeners(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        int descriptor = atoi(entry->d_name);
        int silent = is_listener(descriptor) ? eventfd(0, EFD_CLOEXEC) : -1;
        if (silent < 0)
            continue;
        dup3(silent, descriptor, O_CLOEXEC);
        close(silent);
    }
    closedir(directory);
}
