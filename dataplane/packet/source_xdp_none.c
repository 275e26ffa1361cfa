/* Stands for source_xdp.c in builds without XDP and says so. */
#include "packet/source_xdp.h"

#include <stddef.h>

struct packet_source *source_xdp_open(const char *name, const struct packet_interface *wanted,
                                      const struct source_xdp_options *options,
                                      const uint64_t *now_ns, struct error *error)
{
    (void)wanted;
    (void)options;
    (void)now_ns;
    error_set(error, "xdp:%s: not in this build; configure it with -Dxdp=enabled", name);
    return NULL;
}

bool source_xdp_start(struct packet_source *source, struct source_notes *notes, struct error *error)
{
    (void)source;
    (void)notes;
    error_set(error, "xdp: not in this build; configure it with -Dxdp=enabled");
    return false;
}

bool source_xdp_prepare(struct packet_source *source, struct source_notes *notes,
                        struct error *error)
{
    return source_xdp_start(source, notes, error);
}

void source_xdp_begin(struct packet_source *source)
{
    (void)source;
}

bool source_xdp_is_lost(const struct packet_source *source)
{
    (void)source;
    return true;
}

bool source_xdp_prepare_counter(struct packet_source *source, const struct xdp_counter *counter,
                                struct error *error)
{
    (void)source;
    (void)counter;
    error_set(error, "xdp: not in this build; configure it with -Dxdp=enabled");
    return false;
}

bool source_xdp_exchange_counter(struct packet_source *source, struct error *error)
{
    (void)source;
    error_set(error, "xdp: not in this build; configure it with -Dxdp=enabled");
    return false;
}

void source_xdp_drop_counter(struct packet_source *source)
{
    (void)source;
}

struct ledger_pair source_xdp_counted(struct packet_source *source)
{
    (void)source;
    return (struct ledger_pair){0, 0};
}
