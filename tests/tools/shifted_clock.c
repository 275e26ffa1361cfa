/*
 * A library for LD_PRELOAD that shifts the wall clock of one process: the file named by
 * SHIFTED_CLOCK holds nanoseconds that are added to every reading, and may change at any time.
 * See tests/support/clock.py; the machine's clock is left alone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t second_ns = 1000000000;
static const _Atomic int64_t *shift_ns;

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
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, id, now);
    if (status != 0 || !shift_ns || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return status;
    int64_t ns = (int64_t)now->tv_sec * second_ns + now->tv_nsec + *shift_ns;
    *now = (struct timespec){.tv_sec = ns / second_ns, .tv_nsec = ns % second_ns};
    return 0;
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
