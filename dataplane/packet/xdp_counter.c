/* Makes and maps the arrays of the kernel's flow counter. See xdp_counter.h. */
#include "packet/xdp_counter.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/probe_maps.h"
#include "packet/xdp_settle.h"

#include <xdp_probe.skel.h>

enum { CONTROL, LINES, ADDRESSES, TOTALS, MAP_COUNT };

struct xdp_counter {
    struct flow_counter_geometry geometry;
    struct kernel_memory memory;
    struct counter_map {
        int descriptor; /* -1: none */
        uint32_t entries;
        size_t size; /* mapped, rounded up to pages */
        void *memory;
    } maps[MAP_COUNT];
    struct xdp_settle settle;
};

uint32_t xdp_counter_cpus(void)
{
    int cpus = libbpf_num_possible_cpus();
    return cpus > 0 ? (uint32_t)cpus : 1;
}

static bool make_map(struct counter_map *map, const char *name, uint32_t element, uint32_t entries,
                     bool is_written)
{
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    map->entries = entries;
    map->size = ((size_t)entries * element + page - 1) / page * page;
    map->descriptor =
        bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), element, entries, &options);
    if (map->descriptor < 0)
        return false;
    void *memory = mmap(NULL, map->size, is_written ? PROT_READ | PROT_WRITE : PROT_READ,
                        MAP_SHARED, map->descriptor, 0);
    map->memory = memory == MAP_FAILED ? NULL : memory;
    return map->memory != NULL;
}

/* Why the kernel refused the maps, and what to do. */
static void refuse(const struct flow_counter_geometry *geometry, size_t octets, int failed,
                   struct error *error)
{
    if (failed == EPERM)
        error_set(error, "the kernel's flow counter needs CAP_BPF (to make its maps); run as root, "
                         "or give it to the process");
    else
        error_set(error,
                  "the kernel does not give the %zu MiB of the flow counter for %u flows and %u "
                  "CPUs: %s; take fewer, or leave it off",
                  octets >> 20, geometry->slots, geometry->cpus, strerror(failed));
}

/* What the kernel cannot have in one map, and our indices cannot reach. */
static bool is_too_large(const struct flow_counter_geometry *geometry)
{
    uint64_t lines = (uint64_t)geometry->slots * geometry->cpus * FLOW_COUNTER_BANKS;
    return lines * sizeof(struct flow_counter_line) > (uint64_t)INT32_MAX;
}

struct xdp_counter *xdp_counter_create(const struct flow_counter_geometry *geometry,
                                       struct error *error)
{
#if !defined(__x86_64__)
    error_set(error, "the kernel's flow counter relies on the memory order of x86-64");
    return NULL;
#endif
    if (is_too_large(geometry)) {
        error_set(error,
                  "the kernel's flow counter has at most 2 GiB: %u flows are too many for %u CPUs",
                  geometry->slots, geometry->cpus);
        return NULL;
    }
    struct xdp_counter *counter = calloc(1, sizeof *counter);
    if (!counter) {
        error_set(error, "no memory for the kernel's flow counter");
        return NULL;
    }
    counter->geometry = *geometry;
    counter->settle = XDP_SETTLE_NONE;
    for (unsigned m = 0; m < MAP_COUNT; m++)
        counter->maps[m].descriptor = -1;
    struct kernel_sizes sizes = kernel_table_sizes(geometry);
    struct counter_map *maps = counter->maps;
    if (!make_map(&maps[CONTROL], "counter_control", sizeof(struct flow_counter_control), 1,
                  true) ||
        !make_map(&maps[LINES], "counter_lines", sizeof(struct flow_counter_line), sizes.lines,
                  true) ||
        !make_map(&maps[ADDRESSES], "counter_address", sizeof(struct flow_counter_addresses),
                  sizes.addresses, true) ||
        !make_map(&maps[TOTALS], "counter_totals", sizeof(struct flow_counter_total), sizes.totals,
                  false) ||
        !xdp_settle_open(&counter->settle)) {
        refuse(geometry, sizes.octets, errno, error);
        xdp_counter_close(counter);
        return NULL;
    }
    counter->memory = (struct kernel_memory){.control = maps[CONTROL].memory,
                                             .lines = maps[LINES].memory,
                                             .addresses = maps[ADDRESSES].memory,
                                             .totals = maps[TOTALS].memory};
    return counter;
}

void xdp_counter_close(struct xdp_counter *counter)
{
    if (!counter)
        return;
    for (unsigned m = 0; m < MAP_COUNT; m++) {
        if (counter->maps[m].memory)
            munmap(counter->maps[m].memory, counter->maps[m].size);
        if (counter->maps[m].descriptor >= 0)
            close(counter->maps[m].descriptor);
    }
    xdp_settle_close(&counter->settle);
    free(counter);
}

const struct kernel_memory *xdp_counter_memory(const struct xdp_counter *counter)
{
    return &counter->memory;
}

size_t xdp_counter_octets(const struct xdp_counter *counter)
{
    size_t octets = 0;
    for (unsigned m = 0; m < MAP_COUNT; m++)
        octets += counter->maps[m].size;
    return octets;
}

bool xdp_counter_use(const struct xdp_counter *counter, struct xdp_probe *skeleton)
{
    struct bpf_map *const maps[MAP_COUNT] = {
        [CONTROL] = skeleton->maps.counter_control,
        [LINES] = skeleton->maps.counter_lines,
        [ADDRESSES] = skeleton->maps.counter_addresses,
        [TOTALS] = skeleton->maps.counter_totals,
    };
    for (unsigned m = 0; m < MAP_COUNT; m++)
        if (bpf_map__set_max_entries(maps[m], counter->maps[m].entries) != 0 ||
            bpf_map__reuse_fd(maps[m], counter->maps[m].descriptor) != 0)
            return false;
    skeleton->rodata->counter_geometry = counter->geometry;
    skeleton->rodata->flow_counting = true;
    return true;
}

bool xdp_counter_settle(struct xdp_counter *counter, struct error *error)
{
    if (xdp_settle_wait(&counter->settle))
        return true;
    error_set(error, "the kernel's flow counter: cannot wait for the program: %s", strerror(errno));
    return false;
}
