/*
 * Holds DPDK's interrupt thread back. When the peer of a memif leaves, that thread takes the shared
 * memory away, and whatever is in the rings with it, and the driver does not see to it that nobody
 * receives from it at that moment. So a source with such a peer holds the thread as long as it
 * receives, and lets it run only while it stands still itself. Called by the one thread that
 * receives from these sources, or by the control thread when nobody receives. After
 * dpdk_eal_start().
 */
#ifndef SPANFLOW_PACKET_DPDK_INTERRUPTS_H
#define SPANFLOW_PACKET_DPDK_INTERRUPTS_H

#include <stdbool.h>

/* Returns when the interrupt thread stands still, which it does until each hold was released.
 * Waits for what the thread is doing: microseconds, unless the processors are taken. */
void dpdk_interrupts_hold(void);
void dpdk_interrupts_release(void);

/* Lets the thread do what has come up, one message of each peer at most, and returns when it stands
 * still again. So a peer that comes, sends and leaves has come in one round, and leaves in another.
 * Does nothing while it is not held. */
void dpdk_interrupts_round(void);

/* Whether a peer said something that the thread has not yet heard, as that it leaves: all that it
 * sent is in the rings then. Takes a system call for each descriptor of the process. */
bool dpdk_interrupts_news(void);

/* The last memif is closed: DPDK 22.11 forgets its listening sockets without closing them, nor does
 * its interrupt thread let go of them. They are closed here; in their places are descriptors that
 * never tell anything, one for each, because that thread must find something there. Control thread.
 */
void dpdk_interrupts_silence_listeners(void);

#endif
