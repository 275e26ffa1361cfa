/* Rings by hand. See ring_maker.h. */
#include "ring_maker.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { STEPS_MAX = 1000000 };

bool ring_maker_open(struct ring_maker *maker, const char *folder, uint64_t octets,
                     uint64_t segment_octets, uint32_t workers, uint32_t blocks,
                     struct error *error)
{
    static uint64_t run;
    struct error note;
    memset(maker, 0, sizeof *maker);
    maker->now_ns = clock_wall_ns();
    maker->interfaces = snapshot_interfaces_create(error);
    if (!maker->interfaces)
        return false;
    const struct snapshot_writer_settings settings = {.store = {.directory = folder,
                                                                .octets = octets,
                                                                .segment_octets = segment_octets,
                                                                .version = "0",
                                                                .configuration = "0",
                                                                .notice = ""}};
    if (folder) {
        maker->writer = snapshot_writer_create(&settings, maker->now_ns, &note, error);
        if (!maker->writer)
            return false;
    }
    for (; maker->workers < workers; maker->workers++) {
        const struct snapshot_ring_config config = {.worker = (uint16_t)maker->workers,
                                                    .run = maker->now_ns ^ ++run << 48,
                                                    .blocks = blocks,
                                                    .flush_ns = 1000000000,
                                                    .writer = folder != NULL,
                                                    .interfaces = maker->interfaces};
        struct snapshot_ring *ring = snapshot_ring_create(&config, error);
        if (!ring)
            return false;
        maker->rings[maker->workers] = ring;
        if (maker->writer)
            snapshot_writer_attach(maker->writer, ring);
    }
    return true;
}

void ring_maker_append(struct ring_maker *maker, uint32_t worker, const struct packet_batch *batch,
                       const uint64_t *flow_ids)
{
    struct snapshot_ring *ring = maker->rings[worker];
    struct snapshot_batch kept = {.packets = batch, .payload = true};
    struct snapshot_ring_counts counts;
    snapshot_ring_counts(ring, &counts);
    if (maker->writer && counts.waiting_blocks > 0)
        snapshot_writer_step(maker->writer, maker->now_ns);
    for (uint32_t i = 0; i < batch->count; i++) {
        kept.kept |= 1ull << i;
        kept.lengths[i] = batch->captured_length[i];
        kept.flow_ids[i] = flow_ids ? flow_ids[i] : 0;
    }
    snapshot_ring_append(ring, &kept, maker->now_ns);
}

void ring_maker_show(struct ring_maker *maker)
{
    for (uint32_t i = 0; i < maker->workers; i++)
        snapshot_ring_tick(maker->rings[i], maker->now_ns, true);
}

void ring_maker_drain(struct ring_maker *maker)
{
    maker->now_ns += 2000000000;
    for (uint32_t i = 0; i < maker->workers; i++)
        snapshot_ring_tick(maker->rings[i], maker->now_ns, true);
    for (uint32_t i = 0; maker->writer && i < STEPS_MAX; i++)
        if (!snapshot_writer_step(maker->writer, maker->now_ns))
            break;
}

struct snapshot_sources ring_maker_sources(const struct ring_maker *maker)
{
    return (struct snapshot_sources){.store = maker->writer ? snapshot_writer_store(maker->writer)
                                                            : NULL,
                                     .rings = maker->rings,
                                     .ring_count = maker->workers,
                                     .interfaces = maker->interfaces};
}

void ring_maker_close(struct ring_maker *maker, bool finish)
{
    for (uint32_t i = 0; i < maker->workers; i++)
        snapshot_ring_leave(maker->rings[i]);
    ring_maker_drain(maker);
    if (finish && maker->writer)
        snapshot_writer_finish_segment(maker->writer, maker->now_ns);
    snapshot_writer_destroy(maker->writer);
    for (uint32_t i = 0; i < maker->workers; i++)
        snapshot_ring_release(maker->rings[i]);
    snapshot_interfaces_destroy(maker->interfaces);
    memset(maker, 0, sizeof *maker);
}
