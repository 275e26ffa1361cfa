/*
 * Packets of every length come out of the stage octet for octet, and no octet behind them is read:
 * each frame ends where memory that cannot be read begins. Run for each set of vector instructions
 * (SPANFLOW_SIMD).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "snapshot/snapshot_ring.h"

enum { PAGE = 4096, FRAME_MAX = 2 * PAGE, BLOCKS = 8, BATCHES = 400 };

static struct {
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *ring;
    uint8_t *end; /* of the memory that can be read */
    uint64_t random;
    uint64_t given, found;
    uint8_t copy[SNAPSHOT_BLOCK_OCTETS];
} scene;

static int open_scene(void **state)
{
    (void)state;
    struct error error = {""};
    memset(&scene, 0, sizeof scene);
    scene.random = 1;
    scene.interfaces = snapshot_interfaces_create(&error);
    const struct snapshot_ring_config config = {.blocks = BLOCKS, .interfaces = scene.interfaces};
    scene.ring = snapshot_ring_create(&config, &error);
    assert_non_null(scene.ring);
    uint8_t *memory =
        mmap(NULL, FRAME_MAX + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    scene.end = memory + FRAME_MAX;
    assert_int_equal(mprotect(scene.end, PAGE, PROT_NONE), 0);
    for (uint32_t i = 0; i < FRAME_MAX; i++)
        memory[i] = (uint8_t)(i * 7 + i / 251 + 1);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    munmap(scene.end - FRAME_MAX, FRAME_MAX + PAGE);
    snapshot_ring_release(scene.ring);
    snapshot_interfaces_destroy(scene.interfaces);
    return 0;
}

static uint32_t random_below(uint32_t end)
{
    scene.random = scene.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(scene.random >> 33) % end;
}

/* Gives COUNT packets; number n has length n, later ones any length, most of them a short one. */
static void give(uint32_t count)
{
    static struct packet_batch packets;
    struct snapshot_batch batch = {.packets = &packets, .payload = true};
    packets.count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t n = scene.given++;
        uint32_t length =
            n < 300 ? (uint32_t)n : random_below(random_below(8) ? 200 : FRAME_MAX + 1);
        packets.data[i] = scene.end - length;
        packets.captured_length[i] = length;
        packets.wire_length[i] = length + 4;
        packets.timestamp_ns[i] = n;
        packets.port[i] = (uint16_t)(random_below(20) == 0);
        packets.link[i] = LINK_ETHERNET;
        batch.lengths[i] = length;
        batch.flow_ids[i] = n * n;
        batch.kept |= 1ull << i;
    }
    snapshot_ring_append(scene.ring, &batch, 1);
}

/* Looks at the packets that were published since the last time. */
static void look(void)
{
    uint64_t first, stored, end;
    snapshot_ring_window(scene.ring, &first, &stored, &end);
    assert_true(end > 0);
    for (uint64_t sequence = first; sequence < end; sequence++) {
        struct snapshot_packet packet;
        struct snapshot_block_header header;
        uint32_t offset = SNAPSHOT_BLOCK_FIRST;
        assert_int_equal(snapshot_ring_copy(scene.ring, sequence, scene.copy), SNAPSHOT_COPIED);
        assert_true(snapshot_block_read_header(scene.copy, sizeof scene.copy, &header));
        for (uint32_t n = 0; n < header.packets; n++) {
            assert_int_equal(snapshot_block_next(scene.copy, header.used, &offset, &packet),
                             SNAPSHOT_WALK_PACKET);
            if (packet.time_ns < scene.found)
                continue;
            assert_int_equal(packet.time_ns, scene.found);
            assert_int_equal(packet.flow_id, scene.found * scene.found);
            assert_int_equal(packet.original_length, packet.captured_length + 4);
            assert_memory_equal(packet.data, scene.end - packet.captured_length,
                                packet.captured_length);
            for (uint32_t at = packet.captured_length; at % 4; at++)
                assert_int_equal(packet.data[at], 0);
            scene.found++;
        }
        assert_int_equal(snapshot_block_next(scene.copy, header.used, &offset, &packet),
                         SNAPSHOT_WALK_END);
    }
    assert_int_equal(scene.found, scene.given);
}

static void test_every_length(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < BATCHES; n++) {
        give(1 + random_below(PACKET_BATCH_MAX));
        snapshot_ring_tick(scene.ring, 1, true);
        look();
    }
    assert_true(scene.given > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_length, open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
