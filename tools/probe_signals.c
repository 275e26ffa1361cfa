/*
 * Signals become counters that the loops look at between batches. Nothing else happens in a
 * handler.
 */
#include <signal.h>
#include <stddef.h>

#include "probe.h"

static _Atomic uint32_t stops_asked;
static _Atomic uint32_t ledgers_asked;

static void count_signal(int number)
{
    if (number == SIGUSR1)
        atomic_fetch_add(&ledgers_asked, 1);
    else
        atomic_fetch_add(&stops_asked, 1);
}

void probe_signals_take(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

uint32_t probe_stops_asked(void)
{
    return atomic_load(&stops_asked);
}

uint32_t probe_ledgers_asked(void)
{
    return atomic_load(&ledgers_asked);
}
