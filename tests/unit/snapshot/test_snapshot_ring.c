/*
 * The snapshot ring by itself: blocks as they are sealed, overload and overwriting, books and cuts,
 * copies of sealed and open blocks, and bounded reading of damaged ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "snapshot/snapshot_ring.h"

enum { BLOCKS = 3, FRAME = 1500 };
static const uint64_t second = 1000000000;
static const uint64_t start_ns = 1700000000ull * 1000000000u;

struct scene {
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *ring;
    struct packet_batch packets;
    struct snapshot_batch batch;
    uint8_t frame[FRAME];
    uint64_t given; /* packets; each has its number in its first octets */
    uint8_t copy[SNAPSHOT_BLOCK_OCTETS];
};
static struct scene scene;

static void open_scene(bool writer, uint64_t flush_ns)
{
    struct error error = {""};
    memset(&scene, 0, sizeof scene);
    scene.interfaces = snapshot_interfaces_create(&error);
    snapshot_interfaces_name(scene.interfaces, 5, 77, "eth5");
    struct snapshot_ring_config config = {.worker = 9,
                                          .run = 0x1122334455667788,
                                          .blocks = BLOCKS,
                                          .flush_ns = flush_ns,
                                          .writer = writer,
                                          .interfaces = scene.interfaces};
    scene.ring = snapshot_ring_create(&config, &error);
    assert_non_null(scene.ring);
}

static void close_scene(void)
{
    snapshot_ring_release(scene.ring);
    snapshot_interfaces_destroy(scene.interfaces);
}

/* Gives COUNT packets of LENGTH octets, one batch each. */
static void give(uint64_t count, uint32_t length, uint64_t now_ns)
{
    for (; count; count--) {
        memcpy(scene.frame, &scene.given, sizeof scene.given);
        scene.packets.count = 1;
        scene.packets.data[0] = scene.frame;
        scene.packets.captured_length[0] = FRAME;
        scene.packets.wire_length[0] = FRAME + 10;
        scene.packets.timestamp_ns[0] = start_ns + scene.given;
        scene.packets.port[0] = 5;
        scene.packets.link[0] = LINK_ETHERNET;
        scene.batch = (struct snapshot_batch){.packets = &scene.packets, .kept = 1};
        scene.batch.lengths[0] = length;
        scene.batch.flow_ids[0] = scene.given * 3;
        snapshot_ring_append(scene.ring, &scene.batch, now_ns);
        scene.given++;
    }
}

static uint32_t in_block(uint32_t length)
{
    return (SNAPSHOT_BLOCK_ROOM - SNAPSHOT_BLOCK_FIRST) / snapshot_epb_octets(length);
}

/* The block at BLOCK holds COUNT packets from number FIRST on, LENGTH octets of each. */
static void expect_block(const uint8_t *block, uint64_t first, uint32_t count, uint32_t length)
{
    struct snapshot_block_header header;
    assert_true(snapshot_block_read_header(block, SNAPSHOT_BLOCK_OCTETS, &header));
    assert_int_equal(header.worker, 9);
    assert_int_equal(header.run, 0x1122334455667788);
    assert_int_equal(header.packets, count);
    assert_int_equal(header.octets, (uint64_t)count * (FRAME + 10));
    assert_int_equal(header.first_ns, start_ns + first);
    assert_int_equal(header.last_ns, start_ns + first + count - 1);
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    struct snapshot_packet packet;
    for (uint64_t n = first; n < first + count; n++) {
        uint64_t number = 0;
        assert_int_equal(snapshot_block_next(block, header.used, &offset, &packet),
                         SNAPSHOT_WALK_PACKET);
        memcpy(&number, packet.data, sizeof number);
        assert_int_equal(number, n);
        assert_int_equal(packet.captured_length, length);
        assert_int_equal(packet.original_length, FRAME + 10);
        assert_int_equal(packet.time_ns, start_ns + n);
        assert_int_equal(packet.flow_id, n * 3);
        assert_int_equal(packet.interface, 0);
    }
    assert_int_equal(snapshot_block_next(block, header.used, &offset, &packet), SNAPSHOT_WALK_END);
    assert_true(header.used - offset >= SNAPSHOT_PADDING_MIN &&
                header.used - offset < SNAPSHOT_PADDING_MIN + SNAPSHOT_BLOCK_ALIGNMENT);
    for (uint32_t at = offset + 12; at < header.used - 4; at++)
        assert_int_equal(block[at], 0);
}

static struct snapshot_account account_at(uint64_t cut)
{
    struct snapshot_account account;
    snapshot_ring_make_cut(scene.ring, cut);
    if (snapshot_ring_config(scene.ring)->writer) {
        assert_false(snapshot_ring_cut(scene.ring, cut, &account));
        snapshot_ring_answer(scene.ring);
    }
    assert_true(snapshot_ring_cut(scene.ring, cut, &account));
    assert_true(snapshot_account_balanced(&account));
    assert_int_equal(account.seen.packets, scene.given);
    return account;
}

static void test_seals_when_full(void **state)
{
    (void)state;
    for (uint32_t length = 61; length <= 64; length++) {
        open_scene(true, 0);
        uint32_t count = in_block(length);
        struct snapshot_sealed sealed;
        give(count, length, 1);
        assert_false(snapshot_ring_peek(scene.ring, 0, &sealed));
        give(1, length, 1);
        assert_true(snapshot_ring_peek(scene.ring, 0, &sealed));
        assert_false(snapshot_ring_peek(scene.ring, 1, &sealed));
        expect_block(sealed.block, 0, count, length);
        assert_int_equal((uintptr_t)sealed.block % SNAPSHOT_BLOCK_OCTETS, 0);
        assert_int_equal(sealed.used, SNAPSHOT_BLOCK_OCTETS);
        assert_int_equal(sealed.header->seen_packets, count);
        close_scene();
    }
}

static void test_seals_by_time(void **state)
{
    (void)state;
    open_scene(true, 10 * second);
    struct snapshot_sealed sealed;
    give(2, 64, second);
    snapshot_ring_tick(scene.ring, 11 * second - 1, true);
    assert_false(snapshot_ring_peek(scene.ring, 0, &sealed));
    snapshot_ring_tick(scene.ring, 11 * second, true);
    assert_true(snapshot_ring_peek(scene.ring, 0, &sealed));
    expect_block(sealed.block, 0, 2, 64);
    assert_int_equal(sealed.used, SNAPSHOT_BLOCK_ALIGNMENT);
    snapshot_ring_tick(scene.ring, 99 * second, true); /* nothing is open */
    assert_false(snapshot_ring_peek(scene.ring, 1, &sealed));
    close_scene();
}

static void test_overload(void **state)
{
    (void)state;
    open_scene(true, 0);
    uint32_t count = in_block(64);
    give(BLOCKS * count, 64, 1);
    struct snapshot_account account = account_at(1);
    assert_int_equal(account.in_memory.packets, BLOCKS * count);
    give(7, 64, 1);
    account = account_at(2);
    assert_int_equal(account.overload.packets, 7);
    assert_int_equal(account.overload.octets, 7 * (FRAME + 10));
    snapshot_ring_done(scene.ring, SNAPSHOT_STORED);
    give(1, 64, 1);
    account = account_at(3);
    assert_int_equal(account.stored.packets, count);
    assert_int_equal(account.overload.packets, 7);
    snapshot_ring_done(scene.ring, SNAPSHOT_LOST_SPACE);
    snapshot_ring_done(scene.ring, SNAPSHOT_LOST_WRITE);
    snapshot_ring_leave(scene.ring);
    assert_true(snapshot_ring_left(scene.ring));
    assert_false(snapshot_ring_drained(scene.ring));
    snapshot_ring_done(scene.ring, SNAPSHOT_LOST_GONE);
    assert_true(snapshot_ring_drained(scene.ring));
    snapshot_ring_account(scene.ring, &account);
    assert_true(snapshot_account_balanced(&account));
    assert_int_equal(account.failed[SNAPSHOT_FAILED_SPACE].packets, count);
    assert_int_equal(account.failed[SNAPSHOT_FAILED_WRITE].packets, count);
    assert_int_equal(account.failed[SNAPSHOT_FAILED_GONE].packets, 1);
    assert_int_equal(account.in_memory.packets, 0);
    close_scene();
}

/* The writer's answer is of the cut, whatever the worker did since. */
static void test_cut_in_order(void **state)
{
    (void)state;
    open_scene(true, 0);
    uint32_t count = in_block(64);
    struct snapshot_account account;
    give(count + 5, 64, 1); /* one sealed, 5 open */
    snapshot_ring_make_cut(scene.ring, 1);
    give(count, 64, 1); /* the open one of the cut is sealed, too */
    snapshot_ring_done(scene.ring, SNAPSHOT_STORED);
    assert_true(snapshot_ring_cut(scene.ring, 1, &account));
    assert_true(snapshot_account_balanced(&account));
    assert_int_equal(account.seen.packets, count + 5);
    assert_int_equal(account.stored.packets, 0); /* it answers before it counts */
    assert_int_equal(account.in_memory.packets, count + 5);
    snapshot_ring_done(scene.ring, SNAPSHOT_STORED);
    assert_true(snapshot_ring_cut(scene.ring, 1, &account));
    assert_int_equal(account.in_memory.packets, count + 5);
    close_scene();
}

static void test_memory_only(void **state)
{
    (void)state;
    open_scene(false, 0);
    uint32_t count = in_block(64);
    uint64_t first, stored, end, time_ns[2];
    assert_int_equal(snapshot_ring_copy(scene.ring, 0, scene.copy), SNAPSHOT_NOT_YET);
    give(4 * count + 1, 64, 1); /* blocks 0 to 3 are sealed, 4 is open; 0 and 1 are gone */
    snapshot_ring_window(scene.ring, &first, &stored, &end);
    assert_int_equal(end, 4); /* the last packet is shown when there is time */
    snapshot_ring_tick(scene.ring, 1, false);
    snapshot_ring_window(scene.ring, &first, &stored, &end);
    assert_int_equal(end, 4);
    snapshot_ring_tick(scene.ring, 1, false); /* no packet in between */
    snapshot_ring_window(scene.ring, &first, &stored, &end);
    assert_int_equal(first, 2);
    assert_int_equal(end, 5);
    assert_int_equal(snapshot_ring_copy(scene.ring, 1, scene.copy), SNAPSHOT_OVERWRITTEN);
    assert_int_equal(snapshot_ring_copy(scene.ring, 2, scene.copy), SNAPSHOT_COPIED);
    expect_block(scene.copy, 2 * (uint64_t)count, count, 64);
    assert_int_equal(snapshot_ring_copy(scene.ring, 4, scene.copy), SNAPSHOT_COPIED);
    expect_block(scene.copy, 4 * (uint64_t)count, 1, 64);
    assert_int_equal(snapshot_ring_copy(scene.ring, 5, scene.copy), SNAPSHOT_NOT_YET);
    assert_false(snapshot_ring_times(scene.ring, 1, &time_ns[0], &time_ns[1]));
    assert_true(snapshot_ring_times(scene.ring, 3, &time_ns[0], &time_ns[1]));
    assert_int_equal(time_ns[0], start_ns + 3 * (uint64_t)count);
    struct snapshot_account account = account_at(1);
    assert_int_equal(account.stored.packets, 4 * (uint64_t)count);
    assert_int_equal(account.in_memory.packets, 1);
    snapshot_ring_tick(scene.ring, 5 * second, true);
    struct snapshot_ring_counts counts;
    snapshot_ring_counts(scene.ring, &counts);
    assert_int_equal(counts.oldest_ns, start_ns + 2 * (uint64_t)count);
    assert_int_equal(counts.written_octets, 4ull * SNAPSHOT_BLOCK_OCTETS);
    snapshot_ring_leave(scene.ring);
    assert_true(snapshot_ring_drained(scene.ring));
    account = account_at(2);
    assert_int_equal(account.stored.packets, scene.given);
    close_scene();
}

static void test_cut_off_is_seen(void **state)
{
    (void)state;
    open_scene(false, 0);
    give(1, 64, 1);
    scene.batch.kept = 0;
    scene.batch.cut_off[SNAPSHOT_CUT_OFF_OCTETS] = 1;
    snapshot_ring_append(scene.ring, &scene.batch, 1);
    scene.given++;
    struct snapshot_account account = account_at(1);
    assert_int_equal(account.cut_off[SNAPSHOT_CUT_OFF_OCTETS].octets, FRAME + 10);
    close_scene();
}

/* Whatever stands in a block, a walk stays inside and comes to an end. */
static void test_damaged_blocks(void **state)
{
    (void)state;
    open_scene(false, 0);
    give(20, 64, 1);
    snapshot_ring_tick(scene.ring, 1, true);
    assert_int_equal(snapshot_ring_copy(scene.ring, 0, scene.copy), SNAPSHOT_COPIED);
    struct snapshot_block_header header;
    assert_true(snapshot_block_read_header(scene.copy, sizeof header, &header));
    uint32_t crc = snapshot_block_crc(scene.copy, header.used);
    for (uint32_t bit = 0; bit < header.used * 8; bit += 5) {
        scene.copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct snapshot_packet packet;
        uint32_t offset = SNAPSHOT_BLOCK_FIRST, packets = 0;
        while (snapshot_block_next(scene.copy, header.used, &offset, &packet) ==
               SNAPSHOT_WALK_PACKET) {
            packets++;
            assert_true(packet.data + packet.captured_length <= scene.copy + header.used);
        }
        assert_true(packets <= 20);
        bool crc_field = bit / 8 >= offsetof(struct snapshot_block_header, crc) &&
                         bit / 8 < offsetof(struct snapshot_block_header, length_end);
        assert_int_equal(snapshot_block_crc(scene.copy, header.used) == crc, crc_field);
        scene.copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    close_scene();
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(snapshot_crc32c(0, "123456789", 9), 0xe3069283); /* RFC 3720's polynomial */
    uint32_t crc = snapshot_crc32c(0, "1234", 4);
    assert_int_equal(snapshot_crc32c(crc, "56789", 5), 0xe3069283);
}

static void test_interfaces(void **state)
{
    (void)state;
    struct error error = {""};
    struct snapshot_interfaces *interfaces = snapshot_interfaces_create(&error);
    snapshot_interfaces_name(interfaces, 3, 42, "span0");
    assert_int_equal(snapshot_interfaces_id(interfaces, 3, LINK_ETHERNET), 0);
    assert_int_equal(snapshot_interfaces_id(interfaces, 3, LINK_RAW_IP), 1);
    assert_int_equal(snapshot_interfaces_id(interfaces, 3, LINK_ETHERNET), 0);
    const struct snapshot_interface *raw = snapshot_interfaces_get(interfaces, 1);
    assert_string_equal(raw->name, "span0");
    assert_int_equal(raw->ifindex, 42);
    assert_int_equal(raw->link_type, 101);
    for (uint32_t port = 0; port < 65536; port++)
        assert_true(snapshot_interfaces_id(interfaces, (uint16_t)port, LINK_ETHERNET) <
                    SNAPSHOT_INTERFACES_MAX);
    uint32_t other = snapshot_interfaces_id(interfaces, 65535, LINK_ETHERNET);
    assert_string_equal(snapshot_interfaces_get(interfaces, other)->name, "other");
    uint32_t loop = snapshot_interfaces_id(interfaces, 65535, LINK_LOOP);
    assert_int_equal(snapshot_interfaces_get(interfaces, loop)->link_type, 108);
    snapshot_interfaces_destroy(interfaces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seals_when_full), cmocka_unit_test(test_seals_by_time),
        cmocka_unit_test(test_overload),        cmocka_unit_test(test_cut_in_order),
        cmocka_unit_test(test_memory_only),     cmocka_unit_test(test_cut_off_is_seen),
        cmocka_unit_test(test_damaged_blocks),  cmocka_unit_test(test_crc),
        cmocka_unit_test(test_interfaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
