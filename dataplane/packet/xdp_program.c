/* Loads, attaches and reads the XDP program. See xdp_program.h; the program is in bpf/. */
#include "packet/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp_probe.skel.h>

#include "base/check.h"
#include "packet/xdp_counter.h"

/* What goes wrong is said by our own lines. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

/* ---- load ---- */

static uint32_t map_octets(const struct bpf_map *map)
{
    uint32_t values = bpf_map__max_entries(map);
    if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
        values *= (uint32_t)libbpf_num_possible_cpus();
    return values * bpf_map__value_size(map);
}

static uint32_t measure(const struct xdp_probe *skeleton)
{
    struct bpf_prog_info info = {.type = 0};
    __u32 size = sizeof info;
    uint32_t octets = 0;
    struct bpf_map *map;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.xdp_probe), &info, &size) == 0)
        octets += info.xlated_prog_len + info.jited_prog_len;
    bpf_object__for_each_map(map, skeleton->obj)
    {
        if (strncmp(bpf_map__name(map), "counter_", 8) != 0) /* those are told for themselves */
            octets += map_octets(map);
    }
    return octets;
}

/* A program for OPTIONS that is not loaded yet. NULL and ERROR. */
static struct xdp_probe *open_skeleton(const struct xdp_interface *interface,
                                       const struct source_xdp_options *options,
                                       struct error *error)
{
    libbpf_set_print(say_nothing);
    struct xdp_probe *skeleton = xdp_probe__open();
    if (!skeleton) {
        error_set(error, "xdp:%s: no memory for the program", interface->name);
        return NULL;
    }
    skeleton->rodata->pass_host = options->pass_host;
    if (!options->counter || xdp_counter_use(options->counter, skeleton))
        return skeleton;
    error_set(error, "xdp:%s: the program does not take the maps of the flow counter",
              interface->name);
    xdp_probe__destroy(skeleton);
    return NULL;
}

static void refuse_load(const struct xdp_interface *interface, int failed, struct error *error)
{
    error_set(error, "xdp:%s: the kernel does not take the program: %s%s", interface->name,
              strerror(failed),
              failed == EPERM ? "; it needs CAP_BPF and CAP_NET_ADMIN"
                              : "; it needs Linux 5.18 or later with BPF and XDP sockets");
}

bool xdp_program_load(struct xdp_attachment *program, const struct xdp_interface *interface,
                      const struct source_xdp_options *options, struct error *error)
{
    *program = XDP_ATTACHMENT_NONE;
    program->skeleton = open_skeleton(interface, options, error);
    if (!program->skeleton)
        return false;
    int failed = xdp_probe__load(program->skeleton);
    if (!failed)
        program->verdicts =
            fcntl(bpf_map__fd(program->skeleton->maps.verdicts), F_DUPFD_CLOEXEC, 0);
    if (!failed && program->verdicts >= 0 && xdp_settle_open(&program->settle)) {
        xdp_program_set_host(program, interface->address);
        program->memory_octets = measure(program->skeleton);
        return true;
    }
    refuse_load(interface, failed ? -failed : errno, error);
    return false;
}

/* ---- another program in its place ---- */

bool xdp_program_prepare(struct xdp_attachment *program, const struct xdp_interface *interface,
                         const struct source_xdp_options *options, struct error *error)
{
    check(!program->other);
    struct xdp_probe *other = open_skeleton(interface, options, error);
    if (!other)
        return false;
    int failed =
        bpf_map__reuse_fd(other->maps.sockets, bpf_map__fd(program->skeleton->maps.sockets));
    failed = failed ? failed : bpf_map__reuse_fd(other->maps.verdicts, program->verdicts);
    failed = failed ? failed : xdp_probe__load(other);
    if (failed) {
        refuse_load(interface, -failed, error);
        xdp_probe__destroy(other);
        return false;
    }
    program->other = other;
    return true;
}

/* The program of SKELETON that is the one to be attached. */
static int program_of(const struct xdp_attachment *program, const struct xdp_probe *skeleton)
{
    return bpf_program__fd(program->whole ? skeleton->progs.xdp_probe_whole
                                          : skeleton->progs.xdp_probe);
}

bool xdp_program_exchange(struct xdp_attachment *program, const struct xdp_interface *interface,
                          struct error *error)
{
    struct xdp_probe *next = program->other;
    if (!next || program->link < 0 || xdp_program_is_taken_off(program))
        return true;
    memcpy((void *)&next->bss->words, (const void *)&program->skeleton->bss->words,
           sizeof next->bss->words);
    if (bpf_link_update(program->link, program_of(program, next), NULL) != 0) {
        int failed = errno;
        if (xdp_program_is_taken_off(program))
            return true;
        error_set(error, "xdp:%s: the program that is attached cannot be exchanged: %s",
                  interface->name, strerror(failed));
        return false;
    }
    program->other = program->skeleton;
    program->skeleton = next;
    xdp_settle_wait(&program->settle);
    return true;
}

void xdp_program_drop(struct xdp_attachment *program)
{
    if (program->other)
        xdp_probe__destroy(program->other);
    program->other = NULL;
}

/* ---- attach ---- */

static bool is_taken(int failed)
{
    return failed == EBUSY || failed == EEXIST;
}

static int attach(struct xdp_attachment *program, uint32_t ifindex, bool native)
{
    LIBBPF_OPTS(bpf_link_create_opts, options,
                .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
    program->native = native;
    program->link = bpf_link_create(bpf_program__fd(program->skeleton->progs.xdp_probe),
                                    (int)ifindex, BPF_XDP, &options);
    return program->link >= 0 ? 0 : errno;
}

/* Which program is there already. */
static void describe_other(const struct xdp_interface *interface, char *text, size_t size)
{
    struct xdp_interface now = {.ifindex = interface->ifindex};
    struct bpf_prog_info info = {.type = 0};
    __u32 length = sizeof info;
    text[0] = '\0';
    if (xdp_interface_read(&now, NULL) != 0 || now.program == 0)
        return;
    int other = bpf_prog_get_fd_by_id(now.program);
    if (other >= 0 && bpf_obj_get_info_by_fd(other, &info, &length) == 0)
        snprintf(text, size, " (%s, id %u)", info.name, now.program);
    else
        snprintf(text, size, " (id %u)", now.program);
    if (other >= 0)
        close(other);
}

static void refuse(const struct xdp_interface *interface, int failed, bool native,
                   struct error *error)
{
    char other[64];
    describe_other(interface, other, sizeof other);
    if (is_taken(failed))
        error_set(error,
                  "xdp:%s: another XDP program%s is attached to the interface and stays there; "
                  "take it off first (ip link set dev %s xdp off), or use af_packet:%s",
                  interface->name, other, interface->name, interface->name);
    else
        error_set(error, "xdp:%s: the program cannot be attached in %s mode: %s%s", interface->name,
                  native ? "native" : "generic", strerror(failed),
                  native ? "; mode=auto falls back to generic mode" : "");
}

bool xdp_program_attach(struct xdp_attachment *program, const struct xdp_interface *interface,
                        const struct source_xdp_options *options, struct error *error)
{
    int failed = 0;
    if (options->attach != XDP_ATTACH_GENERIC) {
        failed = attach(program, interface->ifindex, true);
        if (failed == 0)
            return true;
        if (options->attach == XDP_ATTACH_NATIVE || is_taken(failed) || failed == EPERM) {
            refuse(interface, failed, true, error);
            return false;
        }
        snprintf(program->reason, sizeof program->reason, "native mode is not possible: %s",
                 strerror(failed));
    } else {
        snprintf(program->reason, sizeof program->reason, "as configured");
    }
    failed = attach(program, interface->ifindex, false);
    if (failed)
        refuse(interface, failed, false, error);
    return failed == 0;
}

bool xdp_program_take_whole(struct xdp_attachment *program)
{
    program->whole = true;
    return bpf_link_update(program->link, program_of(program, program->skeleton), NULL) == 0;
}

bool xdp_program_give_socket(struct xdp_attachment *program, uint32_t queue, int socket)
{
    return bpf_map_update_elem(bpf_map__fd(program->skeleton->maps.sockets), &queue, &socket,
                               BPF_ANY) == 0;
}

void xdp_program_enable(struct xdp_attachment *program)
{
    __atomic_store_n(&program->skeleton->bss->words.enabled, 1, __ATOMIC_RELEASE);
}

void xdp_program_set_host(struct xdp_attachment *program, const uint8_t address[6])
{
    memcpy(program->skeleton->bss->words.host_address, address, 6);
}

bool xdp_program_is_taken_off(const struct xdp_attachment *program)
{
    struct bpf_link_info info = {.type = 0};
    __u32 size = sizeof info;
    int link = __atomic_load_n(&program->link, __ATOMIC_RELAXED);
    return link >= 0 && bpf_obj_get_info_by_fd(link, &info, &size) == 0 && info.xdp.ifindex == 0;
}

/* ---- at the end ---- */

void xdp_program_detach(struct xdp_attachment *program)
{
    int link = __atomic_exchange_n(&program->link, -1, __ATOMIC_RELAXED);
    if (link < 0)
        return;
    close(link);
    xdp_settle_wait(&program->settle);
}

bool xdp_program_verdicts(const struct xdp_attachment *program,
                          struct ledger_pair verdicts[VERDICT_COUNT])
{
    enum { CPUS_MAX = 1024 };
    static _Thread_local struct probe_verdict_count counts[CPUS_MAX];
    int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0 || cpus > CPUS_MAX)
        return false;
    for (__u32 v = 0; v < VERDICT_COUNT; v++) {
        verdicts[v] = (struct ledger_pair){0, 0};
        if (bpf_map_lookup_elem(program->verdicts, &v, counts) != 0)
            return false;
        for (int cpu = 0; cpu < cpus; cpu++) {
            verdicts[v].packets += counts[cpu].packets;
            verdicts[v].octets += counts[cpu].octets;
        }
    }
    return true;
}

void xdp_program_close(struct xdp_attachment *program)
{
    if (program->link >= 0)
        xdp_program_detach(program);
    xdp_settle_close(&program->settle);
    xdp_program_drop(program);
    if (program->skeleton)
        xdp_probe__destroy(program->skeleton);
    if (program->verdicts >= 0)
        close(program->verdicts);
    *program = XDP_ATTACHMENT_NONE;
}
