/* Waits for XDP programs. See xdp_settle.h. */
#include "packet/xdp_settle.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

bool xdp_settle_open(struct xdp_settle *settle)
{
    const __u32 size = sizeof(__u32);
    *settle = XDP_SETTLE_NONE;
    settle->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "settle_map", size, size, 1, NULL);
    if (settle->map < 0)
        return false;
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (__u32)settle->map);
    settle->array =
        bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "settle_array", size, size, 1, &options);
    if (settle->array >= 0 && xdp_settle_wait(settle))
        return true;
    int failed = errno;
    xdp_settle_close(settle);
    errno = failed;
    return false;
}

void xdp_settle_close(struct xdp_settle *settle)
{
    if (settle->array >= 0)
        close(settle->array);
    if (settle->map >= 0)
        close(settle->map);
    *settle = XDP_SETTLE_NONE;
}

bool xdp_settle_wait(const struct xdp_settle *settle)
{
    const __u32 key = 0;
    return bpf_map_update_elem(settle->array, &key, &settle->map, BPF_ANY) == 0;
}
