/* The facts of a running probe that state tells beside the ledger. Main thread. */
#include <string.h>

#include "base/simd.h"
#include "probe_alerts.h"
#include "probe_change.h"
#include "probe_control_private.h"
#include "probe_history.h"
#include "probe_lists.h"
#include "probe_snapshot.h"
#include "state.h"

static void add(struct ledger_pair *sum, const struct ledger_pair *term)
{
    sum->packets += term->packets;
    sum->octets += term->octets;
}

static void add_source(struct state_port *port, const struct source_ledger *ledger)
{
    add(&port->observed, &ledger->observed);
    for (unsigned i = 0; i < DROPPED_COUNT; i++)
        add(&port->dropped[i], &ledger->dropped[i]);
}

static void fill_port(const struct probe *probe, uint32_t s,
                      const struct worker_account *const accounts[], struct state_port *port)
{
    const struct packet_source *source = probe->sources[s];
    const struct source_config *config = &probe->config->sources[s];
    static const char *const modes[] = {[XDP_ATTACH_AUTO] = "auto",
                                        [XDP_ATTACH_NATIVE] = "native",
                                        [XDP_ATTACH_GENERIC] = "generic"};
    bool xdp = !probe->config->offline && config->interface[0];
    memset(port, 0, sizeof *port);
    port->name = source->interface.name;
    port->device = source->name;
    port->driver = probe->config->offline ? "file" : xdp ? "xdp" : "dpdk";
    port->mode = xdp ? modes[config->xdp.attach] : NULL;
    port->ifindex = source->interface.ifindex;
    port->link_known = source->link.known;
    port->link_up = source->link.up;
    port->link_losses = source->link.losses;
    port->drops_visible = !source->drops_not_visible;
    /* What the reader has counted so far, or workers one after the other. */
    if (probe->metering->distribution || probe->metering->takes_over || probe->sources_changed) {
        struct source_ledger copy = probe_source_ledger(probe, s);
        add_source(port, &copy);
        return;
    }
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        if (s < accounts[w]->source_count)
            add_source(port, &accounts[w]->source[s]);
}

char *probe_state(struct probe *probe, unsigned sections, const struct ledger *ledger,
                  const struct worker_account *const accounts[])
{
    static struct state_port ports[SOURCES_MAX];
    const struct probe_control *control = probe->control;
    for (uint32_t s = 0; s < probe->source_count; s++)
        fill_port(probe, s, accounts, &ports[s]);
    struct state_facts facts = {
        .config = probe->config,
        .ledger = ledger,
        .start_ns = control->start_wall_ns,
        .is_volatile = control->is_volatile,
        .store = control->store,
        .configuration = control->text,
        .applied = control->applied,
        .rebuilt = control->rebuilt,
        .rebuilding = probe->rebuilding,
        .unobserved_ns = control->unobserved_ns,
        .clock_steps = atomic_load(&probe->clock_steps) / 2,
        .vector_instructions = simd_level_name(simd_choose()),
        .worker_count = probe->metering->worker_count,
        .cores = probe->metering->cores,
        .port_count = probe->source_count,
        .ports = ports,
        .monotonic_zero_ns = clock_wall_ns() - clock_monotonic_ns(),
        .netconf = {.restarts = control->restarts,
                    .events_waiting = control->events.count,
                    .events_lost = control->events.lost},
    };
    struct state_json json = {false};
    probe_snapshot_facts(probe, &facts.snapshot);
    probe_alerts_facts(probe, &facts.alerts, &facts.rules);
    probe_lists_facts(probe->lists, probe_change_lists(probe), &facts.lists);
    if (sections & STATE_SNAPSHOT)
        facts.snapshot.flow_history = probe_history_state(probe, &json);
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        facts.caches[c].pages = "";
        facts.caches[c].exporting = probe->exporting->descriptions[c];
        for (uint32_t w = 0; w < probe->metering->worker_count; w++)
            facts.caches[c].memory += flow_cache_memory(
                worker_flow_cache(probe->metering->workers[w], c), &facts.caches[c].pages);
    }
    return state_json(&facts, sections);
}
