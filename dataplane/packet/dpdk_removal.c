/* Devices that the kernel asks back. See dpdk_removal.h. */
#define ALLOW_EXPERIMENTAL_API /* DPDK 22.11 calls its device events so; later ones do not */
#include "packet/dpdk_removal.h"

#include <errno.h>
#include <rte_dev.h>
#include <sched.h>

/* EAL's interrupt thread. */
static void note_event(const char *device, enum rte_dev_event_type type, void *asked)
{
    (void)device;
    if (type == RTE_DEV_EVENT_REMOVE)
        atomic_store_explicit((_Atomic bool *)asked, true, memory_order_release);
}

void dpdk_removal_watch(const char *device, _Atomic bool *asked)
{
    rte_dev_event_callback_register(device, note_event, (void *)asked);
}

void dpdk_removal_forget(const char *device, _Atomic bool *asked)
{
    /* Refused only while the callback runs. */
    while (rte_dev_event_callback_unregister(device, note_event, (void *)asked) == -EAGAIN)
        sched_yield();
}
