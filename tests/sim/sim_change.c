/* Changes of a simulated configuration. */
#include "sim_change.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "exporting_process_change.h"
#include "exporting_process_hooks.h"

enum { CHANGE_PERCENT = 8 };

void sim_change_open(struct sim_world *world, uint64_t seed)
{
    world->change_random.state = seed * 0x9e3779b97f4a7c15ull + 1;
    world->changes = !world->plan.offline && random_chance(&world->change_random, 50);
    world->all = world->exporting;
}

/* Other settings for the collector D, of what its far end understands. */
static void draw_settings(struct sim_world *world, struct destination_config *d)
{
    struct random *random = &world->change_random;
    bool sessions = d->kind == DESTINATION_TCP, topic = d->kind == DESTINATION_KAFKA;
    static const enum export_profile profiles[] = {PROFILE_PLAIN, PROFILE_NFDUMP, PROFILE_SILK,
                                                   PROFILE_FULL};
    if (d->version == 10 && random_chance(random, 50)) {
        d->profile = profiles[random_below(random, 4)];
        d->biflow = random_chance(random, 50);
        d->time_unit = d->profile == PROFILE_PLAIN && random_chance(random, 30) ? TIME_MICROSECONDS
                                                                                : TIME_MILLISECONDS;
    }
    if (random_chance(random, 30))
        d->mtu = (uint32_t)random_between(random, 576, 9000);
    if (random_chance(random, 30)) {
        d->rate_set = random_chance(random, 50);
        d->rate = random_chance(random, 50) ? 0 : random_between(random, 1000, 1000000);
    }
    if (random_chance(random, 20))
        d->port = (uint16_t)random_between(random, 9, 11);
    if (!sessions && !topic && random_chance(random, 20))
        d->version = d->version == 5 ? 5 : d->version; /* its profile fits that version alone */
    if (topic && d->format == KAFKA_IPFIX && random_chance(random, 20))
        snprintf(d->topic, sizeof d->topic, "topic%u", (unsigned)random_below(random, 2));
    if (random_chance(random, 20))
        d->domain = d->domain > 100 ? d->domain - 100 : d->domain + 100;
    if (random_chance(random, 30)) {
        bool merges = random_chance(random, 50);
        d->client_port_records = merges ? (uint32_t)random_between(random, 1, 300) : 0;
        d->client_port_window_s = merges ? (uint32_t)random_between(random, 1, 60) : 0;
    }
}

static void draw_groups(struct sim_world *world)
{
    struct random *random = &world->change_random;
    struct exporting_process_config *config = &world->exporting;
    config->group_count = 0;
    for (uint32_t d = 0; d < config->destination_count; d++)
        config->destinations[d].group = 0;
    if (config->destination_count < 2 || random_chance(random, 50))
        return;
    struct export_group *group = &config->groups[config->group_count++];
    snprintf(group->name, sizeof group->name, "group");
    group->mode = (enum export_mode)random_below(random, 3);
    group->hold_s = (uint32_t)random_below(random, 20);
    for (uint32_t d = 1; d < config->destination_count; d++)
        config->destinations[d].group = d == 1 || random_chance(random, 50);
}

static void draw_process(struct sim_world *world)
{
    struct random *random = &world->change_random;
    struct exporting_process_config *config = &world->exporting;
    if (random_chance(random, 30))
        config->template_refresh_s = (uint32_t)random_below(random, 30);
    if (random_chance(random, 30))
        config->template_refresh_messages = (uint32_t)random_below(random, 30);
    if (random_chance(random, 20))
        config->statistics_interval_s = (uint32_t)random_below(random, 3) * 10;
    if (random_chance(random, 20))
        config->queue_octets_max = (uint32_t)random_between(random, 1, 1 << 20);
    if (random_chance(random, 10))
        config->interface_count = (uint32_t)random_between(random, 1, 100);
    if (config->spool && world->plan.spool == SIM_SPOOL_SMALL)
        config->spool_octets_max = random_between(random, 1 << 16, 1 << 18);
}

/* The configuration that comes next: the json file stays, so that nothing goes unseen. */
static void draw_configuration(struct sim_world *world)
{
    struct random *random = &world->change_random;
    struct exporting_process_config *config = &world->exporting;
    config->destination_count = 1;
    for (uint32_t c = 1; c < world->all.destination_count; c++) {
        struct destination_config *d = &world->all.destinations[c];
        if (random_chance(random, 30))
            draw_settings(world, d);
        if (random_chance(random, 80))
            config->destinations[config->destination_count++] = *d;
    }
    draw_groups(world);
    draw_process(world);
}

/* Which collector the destination I of the configuration is. */
static uint32_t collector_of(const struct sim_world *world, uint32_t i)
{
    for (uint32_t c = 1; c < world->all.destination_count; c++)
        if (strcmp(world->all.destinations[c].name, world->exporting.destinations[i].name) == 0)
            return c - 1;
    check(false);
    return 0;
}

static void change(struct sim_world *world)
{
    struct exporting_process_config before = world->exporting;
    struct error error = {""};
    draw_configuration(world);
    struct exporting_process_change *next =
        exporting_process_prepare_change(world->exporter, &world->exporting, &error);
    if (!next) {
        bool known = strstr(error.text, "under way") || strstr(error.text, "still have records") ||
                     strstr(error.text, "DOMAIN");
        if (!known)
            fprintf(stderr, "  change: %s\n", error.text);
        check(known);
        world->exporting = before;
        return;
    }
    if (random_chance(&world->change_random, 5)) {
        exporting_process_cancel_change(next);
        world->exporting = before;
        return;
    }
    for (uint32_t i = 1; i < world->exporting.destination_count; i++) {
        struct sim_far_end *far_end = &world->far_ends[collector_of(world, i)];
        struct transport transport =
            sim_transport_open(far_end, random_next(&world->change_random));
        if (!exporting_process_change_set_transport(next, i, transport))
            transport.ops->close(transport.state);
    }
    exporting_process_submit_change(world->exporter, next);
    world->change_pending = true;
}

void sim_step_change(struct sim_world *world)
{
    if (!world->changes)
        return;
    if (random_chance(&world->change_random, 3)) /* nobody waits longer than ten seconds */
        world->monotonic_ns += random_below(&world->change_random, 13000) * 1000000;
    if (world->change_pending)
        world->change_pending = !exporting_process_change_taken(world->exporter);
    else if (random_chance(&world->change_random, CHANGE_PERCENT))
        change(world);
    else if (random_chance(&world->change_random, 20))
        exporting_process_tidy(world->exporter);
}
