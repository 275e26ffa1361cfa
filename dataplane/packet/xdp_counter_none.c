/* Stands for xdp_counter.c in builds without XDP and says so. */
#include "packet/xdp_counter.h"

uint32_t xdp_counter_cpus(void)
{
    return 1;
}

struct xdp_counter *xdp_counter_create(const struct flow_counter_geometry *geometry,
                                       struct error *error)
{
    (void)geometry;
    error_set(error, "the kernel's flow counter is not in this build; configure it with "
                     "-Dxdp=enabled");
    return NULL;
}

void xdp_counter_close(struct xdp_counter *counter)
{
    (void)counter;
}

const struct kernel_memory *xdp_counter_memory(const struct xdp_counter *counter)
{
    (void)counter;
    return NULL;
}

size_t xdp_counter_octets(const struct xdp_counter *counter)
{
    (void)counter;
    return 0;
}

bool xdp_counter_settle(struct xdp_counter *counter, struct error *error)
{
    (void)counter;
    error_set(error, "the kernel's flow counter is not in this build");
    return false;
}
