/* An exporting process whose messages go nowhere. See discard.h. */
#include "perf/bench/discard.h"

#include <stdio.h>
#include <string.h>

#include "exporting_process_hooks.h"
#include "perf/bench/measure.h"

static enum transport_status discard_send(void *state, const struct iovec *messages, uint32_t count,
                                          uint32_t *sent, struct error *error)
{
    (void)state;
    (void)messages;
    (void)error;
    *sent = count;
    return TRANSPORT_DONE;
}

static int discard_complete(void *state, struct error *error)
{
    (void)state;
    (void)error;
    return 0;
}

static void discard_close(void *state)
{
    (void)state;
}

static const struct transport_ops discard_ops = {
    .send = discard_send, .complete = discard_complete, .close = discard_close};

void discard_configure(struct exporting_process_config *config, unsigned version,
                       enum export_profile profile, bool biflow, uint16_t port)
{
    memset(config, 0, sizeof *config);
    struct destination_config *destination = &config->destinations[0];
    config->destination_count = 1;
    snprintf(destination->name, sizeof destination->name, "benchmark");
    destination->kind = DESTINATION_UDP;
    snprintf(destination->host, sizeof destination->host, "127.0.0.1");
    destination->port = port;
    destination->version = version;
    destination->profile = profile;
    destination->biflow = biflow;
    destination->time_unit = TIME_MILLISECONDS;
    destination->domain = 1;
    destination->mtu = 1400;
    destination->rate_set = true;
    config->interface_count = 1;
    config->interfaces[0].ifindex = 1;
    snprintf(config->interfaces[0].name, sizeof config->interfaces[0].name, "memory");
    config->sampling_interval = 1;
    config->offline = true;
    config->queue_octets_max = 1 << 20;
}

struct exporting_process *discard_exporter(struct record_ring *ring, unsigned version,
                                           enum export_profile profile, bool biflow)
{
    static struct exporting_process_config config;
    discard_configure(&config, version, profile, biflow, 4739);
    return discard_open(ring, &config);
}

struct exporting_process *discard_open(struct record_ring *ring,
                                       const struct exporting_process_config *config)
{
    struct error error;
    struct exporting_process *process = exporting_process_create(config, &ring, 1, &error);
    if (!process)
        bench_fail(error.text);
    struct transport transport = {&discard_ops, NULL};
    exporting_process_set_transport(process, 0, transport);
    return process;
}
