/*
 * A library for LD_PRELOAD that changes the clocks of one process. The file named by SHIFTED_CLOCK
 * holds nanoseconds that are added to every reading of the wall clock, and may change at any time.
 * With CLOCK_SPEED=N both clocks run N times as fast; the process still sleeps as long as it says.
 * See tests/support/clock.py; the machine's clock is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t second_ns = 1000000000;
static const _Atomic int64_t *shift_ns;
static int64_t speed = 1;
static int64_t start_ns; /* monotonic */

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    syscall(SYS_clock_gettime, id, &now);
    return (int64_t)now.tv_sec * second_ns + now.tv_nsec;
}

__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        abort();
    void *mapped = mmap(NULL, sizeof *shift_ns, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    shift_ns = mapped;
    close(file);
    const char *given = getenv("CLOCK_SPEED");
    start_ns = read_clock(CLOCK_MONOTONIC);
    speed = given ? atoi(given) : 1;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    bool wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    bool monotonic = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE;
    if (!shift_ns || (!wall && !monotonic))
        return (int)syscall(SYS_clock_gettime, id, now);
    int64_t ns = read_clock(id) + (speed - 1) * (read_clock(CLOCK_MONOTONIC) - start_ns);
    ns += wall ? *shift_ns : 0;
    *now = (struct timespec){.tv_sec = ns / second_ns, .tv_nsec = ns % second_ns};
    return 0;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *until, struct timespec *left)
{
    struct timespec now, pause = *until;
    if (flags & TIMER_ABSTIME) {
        clock_gettime(id, &now);
        int64_t ns = (until->tv_sec - now.tv_sec) * second_ns + until->tv_nsec - now.tv_nsec;
        if (ns <= 0)
            return 0;
        pause = (struct timespec){.tv_sec = ns / second_ns, .tv_nsec = ns % second_ns};
    }
    return nanosleep(&pause, left) == 0 ? 0 : errno;
}

time_t time(time_t *seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds)
        *seconds = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return 0;
}
