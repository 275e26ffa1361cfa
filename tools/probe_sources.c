/*
 * Opens what the configuration observes: capture files, or devices by DPDK or XDP, and gives every
 * interface its place in the table that records refer to.
 */
#include <stdio.h>
#include <string.h>

#include "packet/source_dpdk.h"
#include "packet/source_file.h"
#include "packet/source_xdp.h"
#include "probe.h"
#include "probe_folders.h"
#include "probe_kernel.h"
#include "probe_ports.h"
#include "source_match.h"

static bool open_files(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    probe->sources[0] = source_file_open(config->files, config->file_count, error);
    if (!probe->sources[0])
        return false;
    probe->source_count = 1;
    return true;
}

/* Remembers what there is for several workers, and why not more. */
static void keep_queues(struct probe *probe, uint32_t queues, const char *reason)
{
    probe->queue_count = queues;
    probe->queues_by_ports = probe->config->hash_ports;
    if (queues == 1)
        snprintf(probe->queues_why, sizeof probe->queues_why, "%s", reason);
}

/* The number that source INDEX had in the last run; 0 if it is new, or if another source has that
 * number now. */
static uint32_t kept_number(const struct probe *probe, const struct probe_config *config,
                            uint32_t index)
{
    const struct export_state *state = probe_folders_state(probe);
    if (!state)
        return 0;
    uint32_t number = export_state_interface(state, config->sources[index].name);
    for (uint32_t s = 0; s < config->source_count; s++)
        if (config->sources[s].ifindex == number ||
            (s < index && probe->sources[s]->interface.ifindex == number))
            return 0;
    return number;
}

static struct packet_source *open_dpdk(const struct source_config *config,
                                       const struct packet_interface *wanted,
                                       const uint64_t *now_ns, struct error *error)
{
    struct packet_source *source = source_dpdk_open(config->device, wanted, now_ns, error);
    const struct source_dpdk_options options = {.receive_descriptors =
                                                    (uint16_t)config->receive_descriptors,
                                                .device_time = config->device_time};
    if (source)
        source_dpdk_configure(source, &options);
    return source;
}

/* The configuration gives devices of af_packet the least numbers that are free in its own list; one
 * that goes on may have such a number here. */
static void number_packet_device(struct source_config *config)
{
    const char *words = source_device_words(config);
    char name[32], rest[sizeof config->device - sizeof name];
    if (words == config->device)
        return;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(config->device, ","), config->device);
    snprintf(rest, sizeof rest, "%s", words);
    for (unsigned number = 0; number <= SOURCES_MAX && source_dpdk_is_open(name); number++)
        snprintf(name, sizeof name, "net_af_packet%u", number);
    snprintf(config->device, sizeof config->device, "%s%s", name, rest);
}

struct packet_source *probe_open_source(const struct probe *probe,
                                        const struct source_config *config,
                                        const struct packet_interface *wanted, struct error *error)
{
    const uint64_t *now_ns = &probe->receive_clocks[0].now_ns;
    struct source_config numbered = *config;
    if (config->interface[0]) {
        struct source_xdp_options options = config->xdp;
        options.counter =
            probe_kernel_counter(probe->metering ? probe->metering->kernel : probe->kernel);
        return source_xdp_open(config->interface, wanted, &options, now_ns, error);
    }
    number_packet_device(&numbered);
    return open_dpdk(&numbered, wanted, now_ns, error);
}

static void tell_notes(const struct source_notes *notes)
{
    for (uint32_t n = 0; n < notes->count; n++)
        fprintf(stderr, "spanflowd: %s\n", notes->lines[n]);
}

bool probe_prepare_source(const struct probe *probe, const struct source_config *config,
                          struct packet_source *source, struct error *error)
{
    struct source_notes notes = {.count = 0};
    struct receive_queues queues = {.ports = config->interface[0] ? false : probe->queues_by_ports,
                                    .wanted = probe->queue_count};
    bool good = config->interface[0] ? source_xdp_prepare(source, &notes, error)
                                     : source_dpdk_start(&source, 1, &queues, &notes, error);
    tell_notes(&notes);
    if (!good || config->interface[0] || queues.given == probe->queue_count)
        return good;
    error_set(error,
              "it cannot have %u receive queues, as those that are there have (%s); restart "
              "the daemon with this configuration",
              probe->queue_count, queues.reason.text);
    return false;
}

bool probe_may_have_queues(const struct source_config *config)
{
    const struct packet_interface any = {.ifindex = 0};
    struct error ignored;
    struct packet_source *source = open_dpdk(config, &any, NULL, &ignored);
    bool may = source && source_dpdk_may_spread(source);
    if (source)
        source->ops->close(source);
    return may;
}

/* Those of DPDK together, the others one by one. An AF_XDP socket gets what its queue gets, and how
 * the device fills its queues is not known, so one thread reads all of them. */
static bool start_devices(struct probe *probe, struct source_notes *notes, struct error *error)
{
    const struct probe_config *config = probe->config;
    struct packet_source *dpdk[SOURCES_MAX];
    uint32_t dpdk_count = 0;
    for (uint32_t s = 0; s < probe->source_count; s++)
        if (!config->sources[s].interface[0])
            dpdk[dpdk_count++] = probe->sources[s];
    bool xdp = dpdk_count < probe->source_count;
    struct receive_queues queues = {.ports = config->hash_ports,
                                    .wanted = config->tunnels || xdp ? 1 : config->workers,
                                    .given = 1};
    if (!source_dpdk_start(dpdk, dpdk_count, &queues, notes, error))
        return false;
    for (uint32_t s = 0; s < probe->source_count; s++)
        if (config->sources[s].interface[0] && !source_xdp_start(probe->sources[s], notes, error))
            return false;
    if (xdp)
        error_set(&queues.reason, "the queues of an XDP source are not known to be filled by "
                                  "addresses, both directions alike");
    keep_queues(probe, queues.given, queues.reason.text);
    return true;
}

bool probe_sources_possible(const struct probe_config *config, uint32_t *wrong, struct error *error)
{
    struct packet_source *sources[SOURCES_MAX];
    uint32_t numbers[SOURCES_MAX];
    const struct packet_interface any = {.ifindex = 0};
    uint32_t count = 0, found = 0;
    bool good = true, xdp = false;
    for (uint32_t s = 0; good && s < config->source_count; s++) {
        const struct source_config *source = &config->sources[s];
        xdp = xdp || source->interface[0];
        if (source->interface[0])
            continue;
        numbers[count] = *wrong = s;
        sources[count] = open_dpdk(source, &any, NULL, error);
        good = sources[count] != NULL;
        count += good;
    }
    if (good && !source_dpdk_possible(sources, count, config->tunnels || xdp ? 1 : config->workers,
                                      &found, error)) {
        *wrong = numbers[found];
        good = false;
    }
    for (uint32_t i = 0; i < count; i++)
        sources[i]->ops->close(sources[i]);
    return good;
}

static bool open_devices(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    for (uint32_t s = 0; s < config->source_count; s++) {
        struct packet_interface wanted = {.ifindex = config->sources[s].ifindex,
                                          .role = config->sources[s].role};
        snprintf(wanted.name, sizeof wanted.name, "%s", config->sources[s].name);
        if (!wanted.ifindex)
            wanted.ifindex = kept_number(probe, config, s);
        probe->sources[s] = probe_open_source(probe, &config->sources[s], &wanted, error);
        if (!probe->sources[s])
            return false;
        probe->source_count++;
    }
    struct source_notes notes = {.count = 0};
    bool started = start_devices(probe, &notes, error);
    tell_notes(&notes);
    return started;
}

/* Gives each worker but the first its receive queue of every source. */
static bool open_queues(struct probe *probe, struct error *error)
{
    for (uint32_t w = 1; w < probe->queue_count; w++)
        for (uint32_t s = 0; s < probe->source_count; s++) {
            probe->queues[w][s] = source_dpdk_queue(probe->sources[s], (uint16_t)w,
                                                    &probe->receive_clocks[w].now_ns, error);
            if (!probe->queues[w][s])
                return false;
        }
    return true;
}

struct source_ledger probe_source_ledger(const struct probe *probe, uint32_t s)
{
    static_assert(sizeof(struct source_ledger) % sizeof(uint64_t) == 0, "made of words");
    struct source_ledger sum = {.observed = {0, 0}};
    uint64_t *to = &sum.observed.packets;
    for (uint32_t q = 0; q < probe->queue_count; q++) {
        const struct packet_source *source = q == 0 ? probe->sources[s] : probe->queues[q][s];
        if (!source)
            continue;
        const uint64_t *from = &source->ledger.observed.packets;
        for (size_t i = 0; i < sizeof sum / sizeof *to; i++)
            to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
    return sum;
}

void probe_close_sources(struct probe *probe)
{
    for (uint32_t w = 1; w < EXPORT_RINGS_MAX; w++)
        for (uint32_t s = 0; s < probe->source_count; s++)
            if (probe->queues[w][s])
                probe->queues[w][s]->ops->close(probe->queues[w][s]);
    for (uint32_t s = 0; s < probe->source_count; s++)
        probe->sources[s]->ops->close(probe->sources[s]);
}

void probe_tell_news(struct probe *probe)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct packet_source *source = probe->sources[s];
        struct error line = {""};
        while (source->ops->news && source->ops->news(source, &line))
            fprintf(stderr, "spanflowd: %s\n", line.text);
    }
}

/* With several taps, the A port is followed by its own B port in the configuration. */
void probe_pair_taps(struct source_places *places)
{
    struct packet_interface *waiting = NULL;
    for (uint32_t s = 0; s < places->count; s++) {
        struct packet_interface *port = &places->places[s].interface;
        port->partner_ifindex = 0;
        if (port->role == INTERFACE_SPAN)
            continue;
        if (waiting && waiting->role != port->role) {
            waiting->partner_ifindex = port->ifindex;
            port->partner_ifindex = waiting->ifindex;
            waiting = NULL;
        } else {
            waiting = port;
        }
    }
}

/* What source S is called by CONFIG. */
static void name_interface(const struct probe *probe, const struct probe_config *config, uint32_t s,
                           struct packet_interface *wanted)
{
    const struct source_config *source = &config->sources[s];
    /* A number that was chosen stays as long as nothing else is wanted. */
    bool other = source->ifindex != probe->config->sources[s].ifindex;
    if (other)
        wanted->ifindex = source->ifindex ? source->ifindex : kept_number(probe, config, s);
    if (wanted->ifindex == 0)
        wanted->ifindex = probe->sources[s]->own_ifindex;
    wanted->role = source->role;
    snprintf(wanted->name, sizeof wanted->name, "%s", source->name);
}

void probe_places(const struct probe *probe, const struct probe_config *config,
                  struct source_places *places)
{
    places->count = probe->source_count;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        places->places[s] = (struct source_place){.port = source->interface_base,
                                                  .interfaces = source->interface_count,
                                                  .interface = source->interface};
        if (!probe->config->offline)
            name_interface(probe, config, s, &places->places[s].interface);
    }
    probe_pair_taps(places);
}

void probe_rename_interfaces(struct probe *probe, const struct probe_config *config)
{
    struct source_places places;
    probe_places(probe, config, &places);
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_interface *wanted = &places.places[s].interface;
        probe->sources[s]->interface = *wanted;
        if (probe->state && !probe->config->offline)
            export_state_keep_interface(probe->state, wanted->name, wanted->ifindex);
    }
}

/* Each source has the ports behind those of the one before it. */
static void give_ports(struct probe *probe)
{
    uint16_t base = 0;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        probe->sources[s]->interface_base = base;
        base = (uint16_t)(base + probe->sources[s]->interface_count);
    }
    if (probe->config->offline)
        return;
    for (uint32_t s = 0; s < probe->source_count; s++)
        probe_ports_keep(probe, s, &probe->config->sources[s]);
}

bool probe_open_sources(struct probe *probe, struct error *error)
{
    if (probe->config->offline) {
        if (probe->config->file_count && !open_files(probe, error))
            return false;
        keep_queues(probe, 1, "capture files");
    } else if (!open_devices(probe, error)) {
        return false;
    }
    probe->observing_ns = clock_monotonic_ns();
    if (!probe->config->offline)
        probe_rename_interfaces(probe, probe->config);
    give_ports(probe);
    return open_queues(probe, error);
}
