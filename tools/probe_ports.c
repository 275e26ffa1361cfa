/* Ports of sources. See probe_ports.h. */
#include "probe_ports.h"

#include <stdio.h>
#include <string.h>

#include "packet/source_xdp.h"
#include "probe.h"
#include "source_match.h"

static const char *words_of(const struct source_config *config)
{
    return config->interface[0] ? config->interface : source_device_words(config);
}

void probe_ports_keep(struct probe *probe, uint32_t s, const struct source_config *config)
{
    uint16_t number = probe->sources[s]->interface_base;
    struct probe_port *port = &probe->ports[number];
    port->left = false;
    snprintf(port->device, sizeof port->device, "%s", words_of(config));
    if (probe->port_count <= number)
        probe->port_count = number + 1u;
}

void probe_ports_keep_counted(struct probe *probe, uint32_t b)
{
    struct packet_source *source = probe->sources[b];
    struct ledger_pair *observed = &probe->ports[source->interface_base].counted.observed;
    if (!probe->config->sources[b].interface[0])
        return;
    const struct ledger_pair counted = source_xdp_counted(source);
    ledger_add(observed, counted.packets, counted.octets);
}

void probe_ports_leave(struct probe *probe, uint32_t s)
{
    const struct packet_source *source = probe->sources[s];
    struct probe_port *port = &probe->ports[source->interface_base];
    const struct source_ledger ledger = probe_source_ledger(probe, s);
    port->left = true;
    port->left_ns = clock_monotonic_ns();
    port->interface = source->interface;
    port->interface.partner_ifindex = 0;
    source_ledger_add(&port->counted, &ledger);
    probe_ports_keep_counted(probe, s);
}

/* Whether CANDIDATE suits the device WORDS better than port BEST (-1: none does). */
static bool is_better(const struct probe *probe, const char *words, uint32_t candidate, int best)
{
    const struct probe_port *port = &probe->ports[candidate];
    if (best < 0 || strcmp(port->device, words) == 0)
        return true;
    const struct probe_port *other = &probe->ports[best];
    return strcmp(other->device, words) != 0 && port->left_ns < other->left_ns;
}

bool probe_ports_find(const struct probe *probe, const struct source_config *config, bool taken[],
                      uint16_t *port)
{
    const char *words = words_of(config);
    int best = -1;
    for (uint32_t p = 0; p < probe->port_count; p++)
        if (probe->ports[p].left && !taken[p] && is_better(probe, words, p, best))
            best = (int)p;
    /* Those that nobody had go first: flows of the others may be there for a while. */
    if (best < 0 || strcmp(probe->ports[best].device, words) != 0)
        for (uint32_t p = probe->port_count; p < EXPORT_INTERFACES_MAX; p++)
            if (!taken[p]) {
                best = (int)p;
                break;
            }
    if (best < 0)
        return false;
    taken[best] = true;
    *port = (uint16_t)best;
    return true;
}

/* What port P is or was called. One whose source leaves with a change that is being prepared has it
 * still. */
static const struct packet_interface *interface_of(const struct probe *probe, uint32_t p)
{
    for (uint32_t s = 0; !probe->ports[p].left && s < probe->source_count; s++)
        if (probe->sources[s]->interface_base == p)
            return &probe->sources[s]->interface;
    return &probe->ports[p].interface;
}

void probe_ports_describe(const struct probe *probe, const struct source_places *places, uint32_t p,
                          struct export_interface *interface)
{
    const struct packet_interface *left = interface_of(probe, p);
    interface->ifindex = left->ifindex;
    interface->partner_ifindex = 0;
    memcpy(interface->name, left->name, sizeof interface->name);
    /* One number has one name. */
    for (uint32_t s = 0; s < places->count; s++)
        if (places->places[s].interface.ifindex == left->ifindex)
            memcpy(interface->name, places->places[s].interface.name, sizeof interface->name);
}

void probe_ports_add_given(const struct probe *probe, struct ledger *ledger)
{
    for (uint32_t p = 0; p < probe->port_count; p++)
        ledger_add_given(ledger, &probe->ports[p].counted.observed);
}
