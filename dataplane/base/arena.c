/* Long-lived tables in huge pages where there are any. Called at start by the control thread. */
#include "base/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const size_t huge_page = (size_t)2 << 20;

/* False where the system gives none, although it takes the wish. */
static bool transparent_pages_are_given(void)
{
    char text[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (!file)
        return false;
    bool read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    return read && !strstr(text, "[never]");
}

bool arena_map(struct arena *arena, size_t size, enum arena_use use, struct error *error)
{
    memset(arena, 0, sizeof *arena);
    size_t rounded = (size + huge_page - 1) & ~(huge_page - 1);
    if (use == ARENA_DENSE && size >= huge_page) {
        void *huge = mmap(NULL, rounded, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
        if (huge != MAP_FAILED) {
            *arena = (struct arena){huge, rounded, ARENA_HUGETLB};
            return true;
        }
    }
    /* One huge page more, so that the part in use starts on a huge page boundary. */
    char *raw = mmap(NULL, rounded + huge_page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        error_set(error, "cannot map %zu MiB of memory: lower the number of flows", rounded >> 20);
        return false;
    }
    size_t skip = (huge_page - ((size_t)raw & (huge_page - 1))) & (huge_page - 1);
    if (skip)
        munmap(raw, skip);
    if (skip != huge_page)
        munmap(raw + skip + rounded, huge_page - skip);
    *arena = (struct arena){raw + skip, rounded, ARENA_SMALL};
    if (use == ARENA_DENSE && size >= huge_page) {
        if (madvise(arena->memory, rounded, MADV_HUGEPAGE) == 0 && transparent_pages_are_given())
            arena->backing = ARENA_TRANSPARENT;
    } else {
        madvise(arena->memory, rounded, MADV_NOHUGEPAGE);
    }
    return true;
}

/* Octets that can be taken without pushing anything out of memory; SIZE_MAX if nobody says. */
static size_t available(void)
{
    char line[128];
    size_t kib = SIZE_MAX >> 10;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %zu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib << 10;
}

/* MADV_POPULATE_WRITE, Linux 5.14; older kernels give pages when they are touched. */
enum { POPULATE_WRITE = 23 };

bool arena_populate(const struct arena *arena, size_t size, struct error *error)
{
    const size_t page = 4096;
    size = (size + page - 1) & ~(page - 1);
    size_t left = arena->backing == ARENA_HUGETLB ? SIZE_MAX : available();
    if (size > left) {
        error_set(error, "a table needs %zu MiB more, the machine has %zu: give fewer flows",
                  size >> 20, left >> 20);
        return false;
    }
    if (madvise(arena->memory, size, POPULATE_WRITE) == 0 || errno == EINVAL)
        return true;
    error_set(error, "a table of %zu MiB: %s: give fewer flows", size >> 20, strerror(errno));
    return false;
}

void arena_unmap(struct arena *arena)
{
    if (arena->memory)
        munmap(arena->memory, arena->size);
    memset(arena, 0, sizeof *arena);
}

const char *arena_backing_name(enum arena_backing backing)
{
    switch (backing) {
    case ARENA_HUGETLB:
        return "reserved huge pages";
    case ARENA_TRANSPARENT:
        return "transparent huge pages";
    case ARENA_SMALL:
        break;
    }
    return "4 KiB pages";
}
