/* The spool of a simulated probe. */
#include "sim_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "spool.h"

enum { PATIENCE = 20000, ROOM = 1 << 28 };
static const uint64_t step_ns = 50000000;

static struct spool *open_spool(const struct sim_world *world)
{
    struct error error = {""};
    uint32_t streams = 0;
    for (uint32_t d = 0; d < world->exporting.destination_count; d++)
        streams += destination_can_spool(world->exporting.destinations[d].kind);
    uint64_t octets_max = world->plan.spool == SIM_SPOOL_SMALL ? 1 << 17 : ROOM;
    struct spool *spool = spool_open(world->spool_folder, octets_max, streams, &error);
    if (!spool)
        fprintf(stderr, "%s\n", error.text);
    check(spool != NULL);
    return spool;
}

void sim_spool_open(struct sim_world *world)
{
    if (world->plan.spool == SIM_SPOOL_NONE || world->plan.offline)
        return;
    snprintf(world->spool_folder, sizeof world->spool_folder, "/tmp/spanflow-sim-spool-XXXXXX");
    check(mkdtemp(world->spool_folder) != NULL);
    world->exporting.replay_rate = random_chance(&world->random, 50) ? 0 : 2000;
    world->spool = world->exporting.spool = open_spool(world);
}

/* Removes what is in the folder; returns how many files there were. */
static unsigned empty_folder(const struct sim_world *world)
{
    unsigned files = 0;
    DIR *folder = opendir(world->spool_folder);
    check(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.') {
            files++;
            unlinkat(dirfd(folder), entry->d_name, 0);
        }
    closedir(folder);
    return files;
}

/* What had been read from the spool by the time that the run ended is not there any more. */
static void run_again(struct sim_world *world, const struct exporter_counters *before)
{
    static struct exporter_counters now;
    static struct sim_far_end far_ends[SIM_COLLECTORS_MAX];
    struct error error = {""};
    bool waits = true;
    world->spool = world->exporting.spool = open_spool(world);
    world->exporter = exporting_process_create(&world->exporting, NULL, 0, &error);
    check(world->exporter != NULL);
    for (uint32_t c = 0; c < world->plan.collectors; c++) {
        far_ends[c] = (struct sim_far_end){.mood = {.sessions = world->plan.moods[c].sessions,
                                                    .topic = world->plan.moods[c].topic,
                                                    .returns = 100},
                                           .partitions = world->far_ends[c].partitions};
        exporting_process_set_transport(world->exporter, c + 1,
                                        sim_transport_open(&far_ends[c], c));
    }
    for (unsigned i = 0; waits; i++) {
        world->monotonic_ns += step_ns;
        world->wall_ns += step_ns;
        exporting_process_step(world->exporter, world->monotonic_ns, world->wall_ns, NULL);
        exporting_process_counters(world->exporter, &now);
        waits = false;
        for (uint32_t d = 0; d < now.destination_count; d++)
            waits |= now.destination[d].recovered_spooled || now.destination[d].recovered_queued;
        if (i == PATIENCE) {
            sim_fail(world, "the next run does not empty the spool");
            return;
        }
    }
    for (uint32_t d = 0; d < now.destination_count; d++) {
        const struct destination_counters *c = &now.destination[d];
        if (c->recovered != before->destination[d].spooled || c->recovered_sent != c->recovered)
            sim_fail(world, "the next run does not send what this one had spooled");
    }
    if (empty_folder(world) != 0)
        sim_fail(world, "files of the spool are left that nobody needs");
}

void sim_spool_check(struct sim_world *world, const struct exporter_counters *exported,
                     bool abandoned)
{
    if (!world->spool)
        return;
    for (uint32_t d = 1; d < exported->destination_count; d++) {
        const struct destination_counters *c = &exported->destination[d];
        const struct sim_mood *mood =
            &world->plan.moods[d - 1]; /* rows are never in another order */
        if (!mood->sessions || mood->broken || abandoned || world->plan.spool == SIM_SPOOL_SMALL)
            continue;
        for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
            if (c->lost[i] && (i != DESTINATION_LOST_CONNECTION || mood->topic) &&
                (i != DESTINATION_LOST_SEND_FAILED || !mood->failed) &&
                i != DESTINATION_LOST_NOT_REPRESENTABLE && i != DESTINATION_LOST_NO_PROGRESS) {
                fprintf(stderr, "  destination %u lost %lu for reason %u\n", d,
                        (unsigned long)c->lost[i], i);
                sim_fail(world, "records are lost although the spool has room");
            }
    }
    if (world->changes) /* files of settings that there were are nobody's */
        return;
    exporting_process_destroy(world->exporter);
    spool_close(world->spool);
    run_again(world, exported);
}

void sim_spool_close(struct sim_world *world)
{
    if (!world->spool)
        return;
    spool_close(world->spool);
    empty_folder(world);
    rmdir(world->spool_folder);
}
