/*
 * What a worker keeps: of every frame of the parser's catalogue, at every captured length, no octet
 * behind the headers in headers mode and every octet with everything; of flows, the packets in
 * front of the cutoff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/application_set.h"
#include "frame_case.h"
#include "packet/source_memory.h"
#include "snapshot/snapshot_policy.h"
#include "snapshot/snapshot_ring.h"
#include "worker/worker_change.h"

enum { PACKETS_MAX = 2048 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;

struct scene {
    struct memory_packet packets[PACKETS_MAX];
    uint32_t count, given;
    struct packet_source *source;
    struct record_ring *records;
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *ring;
    struct snapshot_policy *policy;
    struct worker_config config;
    const struct application_set *applications; /* NULL: none are looked for */
    struct worker *worker;
    uint8_t copy[SNAPSHOT_BLOCK_OCTETS];
};
static struct scene scene;

static void make_ring(void)
{
    struct error error = {""};
    const struct snapshot_ring_config config = {.blocks = 2, .interfaces = scene.interfaces};
    scene.ring = snapshot_ring_create(&config, &error);
    assert_non_null(scene.ring);
}

static void make_policy(const struct snapshot_policy_config *config)
{
    struct error error = {""};
    scene.policy = snapshot_policy_create(config, &error);
    assert_non_null(scene.policy);
}

/* A worker with a ring for the packets that were added. */
static void open_scene(const struct snapshot_policy_config *policy, uint32_t tunnels)
{
    struct error error = {""};
    const struct source_memory_options options = {.rounds = 1};
    scene.given = 0;
    scene.source = source_memory_open(scene.packets, scene.count, &options);
    source_memory_allow(scene.source, 0);
    scene.records = record_ring_create(1024, &error);
    scene.interfaces = snapshot_interfaces_create(&error);
    make_ring();
    make_policy(policy);
    scene.config = (struct worker_config){
        .source_count = 1,
        .sources = {scene.source},
        .cache_count = 1,
        .parser = {.fragment_table = true, .tunnels = tunnels},
        .offline = true,
        .applications = scene.applications,
        .application_limits = {.packets = 4, .octets = 64},
        .snapshot = scene.ring,
        .snapshot_policy = scene.policy,
    };
    scene.config.caches[0] = (struct flow_cache_config){.flows_max = 64,
                                                        .hash_seed = {1, 2, 3, 4},
                                                        .active_timeout_ns = 1000000000,
                                                        .ring = scene.records};
    scene.worker = worker_create(&scene.config, &error);
    assert_non_null(scene.worker);
}

static void give(uint32_t packets)
{
    scene.given += packets;
    source_memory_allow(scene.source, scene.given);
    while (worker_step(scene.worker, 0) == WORKER_BUSY)
        ;
}

static void close_scene(void)
{
    worker_destroy(scene.worker);
    snapshot_ring_release(scene.ring);
    snapshot_policy_destroy(scene.policy);
    snapshot_interfaces_destroy(scene.interfaces);
    record_ring_destroy(scene.records);
    scene.source->ops->close(scene.source);
}

static void add(const uint8_t *data, uint32_t captured, const struct frame *frame, uint64_t after)
{
    assert_true(scene.count < PACKETS_MAX);
    scene.packets[scene.count++] = (struct memory_packet){.data = data,
                                                          .captured_length = captured,
                                                          .wire_length = frame->wire_length,
                                                          .timestamp_ns = start_ns + after,
                                                          .link = frame->link};
}

/* ---- the catalogue ---- */

static uint32_t link_header(const struct frame *frame)
{
    static const uint32_t octets[LINK_LAYER_COUNT] = {
        [LINK_LINUX_SLL] = 16, [LINK_LINUX_SLL2] = 20, [LINK_NULL_LOOP] = 4,
        [LINK_LOOP] = 4,       [LINK_PPP] = 4,         [LINK_CHDLC] = 4};
    if (frame->link != LINK_ETHERNET)
        return frame->link >= LINK_LAYER_COUNT ? 0 : octets[frame->link];
    uint32_t length = 14;
    for (unsigned tags = 0; tags < 3 && length <= frame->length; tags++, length += 4) {
        unsigned type = (unsigned)frame->data[length - 2] << 8 | frame->data[length - 1];
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200)
            break;
    }
    return length;
}

/* The most that may be kept of IT's FRAME: by the catalogue, not by the parser. */
static uint32_t headers_of(const struct frame_case *it, const struct frame *frame)
{
    uint32_t headers;
    if (it->verdict == PACKET_METERED)
        headers = frame->length - it->payload;
    else
        headers = link_header(frame) + (it->verdict == IGNORED_ARP ? 28 : 0);
    headers = headers < frame->length ? headers : frame->length;
    return headers < SNAPSHOT_HEADERS_MAX ? headers : SNAPSHOT_HEADERS_MAX;
}

/* Every captured length of IT's frame is a packet. Every packet is in the ring: its data is what
 * the frame begins with, as much as WANTED (headers) says, or all. */
static void expect_kept(const struct frame_case *it, bool everything)
{
    static struct frame frame;
    memset(&frame, 0, sizeof frame);
    it->build(&frame);
    const struct snapshot_policy_config policy = {.snap_length = everything ? SNAPSHOT_EVERYTHING
                                                                            : SNAPSHOT_HEADERS};
    uint32_t shortest = frame.length > 600 ? frame.length - 600 : 0;
    scene.count = 0;
    for (uint32_t captured = shortest; captured <= frame.length; captured++)
        add(frame.data, captured, &frame, 0);
    open_scene(&policy, it->tunnels);
    give(scene.count);
    assert_int_equal(snapshot_ring_copy(scene.ring, 0, scene.copy), SNAPSHOT_COPIED);
    struct snapshot_block_header header;
    assert_true(snapshot_block_read_header(scene.copy, sizeof scene.copy, &header));
    assert_int_equal(header.packets, scene.count);
    uint32_t offset = SNAPSHOT_BLOCK_FIRST, headers = headers_of(it, &frame);
    struct snapshot_packet packet;
    for (uint32_t captured = shortest; captured <= frame.length; captured++) {
        assert_int_equal(snapshot_block_next(scene.copy, header.used, &offset, &packet),
                         SNAPSHOT_WALK_PACKET);
        assert_int_equal(packet.original_length, frame.wire_length);
        assert_memory_equal(packet.data, frame.data, packet.captured_length);
        if (everything)
            assert_int_equal(packet.captured_length, captured);
        else if (packet.captured_length > headers)
            fail_msg("%s: of %u octets %u are kept, the headers are %u", it->name, captured,
                     packet.captured_length, headers);
    }
    /* The whole frame keeps its headers, not less, unless something stands behind the packet. */
    if (!everything && it->verdict == PACKET_METERED && it->payload && !it->transport_cut &&
        packet.captured_length != headers && !strstr(it->name, "padded"))
        fail_msg("%s: %u octets are kept, the headers are %u", it->name, packet.captured_length,
                 headers);
    assert_int_equal(packet.flow_id == 0, it->verdict != PACKET_METERED);
    close_scene();
}

static void test_catalogue(void **state)
{
    (void)state;
    for (unsigned list = 0; frame_cases[list]; list++)
        for (const struct frame_case *it = frame_cases[list]; it->name; it++) {
            expect_kept(it, false);
            expect_kept(it, true);
        }
}

/* ---- flows ---- */

enum { FLOW_OCTETS = 46 }; /* of IP in each packet */

/* COUNT UDP packets of the flow with PORT, STEP apart. */
static void add_flow(unsigned count, uint16_t port, uint64_t step)
{
    static struct frame flows[8];
    static unsigned used;
    struct frame *frame = &flows[used++ % 8];
    memset(frame, 0, sizeof *frame);
    frame_ethernet(frame, 0x0800);
    frame_ipv4(frame, 1, 17);
    frame_udp(frame, port, 2000);
    frame_fill(frame, 0x77, FLOW_OCTETS - 28);
    frame_close(frame);
    for (unsigned n = 0; n < count; n++)
        add(frame->data, frame->length, frame, scene.count * step);
}

static struct snapshot_account account_now(void)
{
    static struct worker_account account;
    worker_account_now(scene.worker, &account);
    assert_true(snapshot_account_balanced(&account.snapshot));
    return account.snapshot;
}

/* Packets in the ring. */
static uint64_t kept(void)
{
    struct snapshot_account account = account_now();
    return account.in_memory.packets + account.stored.packets;
}

static void test_cutoff_packets(void **state)
{
    (void)state;
    const struct snapshot_policy_config policy = {.cutoff = {.packets = 3}};
    scene.count = 0;
    add_flow(10, 1000, 0); /* in one batch */
    add_flow(2, 1001, 0);
    open_scene(&policy, 0);
    give(12);
    struct snapshot_account account = account_now();
    assert_int_equal(account.seen.packets, 12);
    assert_int_equal(kept(), 5);
    assert_int_equal(account.cut_off[SNAPSHOT_CUT_OFF_PACKETS].packets, 7);
    assert_int_equal(account.cut_off[SNAPSHOT_CUT_OFF_PACKETS].octets, 7 * (14 + FLOW_OCTETS));
    close_scene();
}

static void test_cutoff_octets(void **state)
{
    (void)state;
    const struct snapshot_policy_config policy = {.cutoff = {.octets = 2 * FLOW_OCTETS + 1}};
    scene.count = 0;
    add_flow(10, 1000, 0);
    open_scene(&policy, 0);
    for (unsigned n = 0; n < 10; n++)
        give(1);
    struct snapshot_account account = account_now();
    assert_int_equal(kept(), 3); /* the one that passes it is kept whole */
    assert_int_equal(account.cut_off[SNAPSHOT_CUT_OFF_OCTETS].packets, 7);
    close_scene();
}

/* An active cut does not begin a flow. */
static void test_cutoff_stays(void **state)
{
    (void)state;
    const struct snapshot_policy_config policy = {.cutoff = {.packets = 4}};
    scene.count = 0;
    add_flow(20, 1000, 300000000); /* the active timeout is a second */
    open_scene(&policy, 0);
    for (unsigned n = 0; n < 20; n++)
        give(1);
    assert_int_equal(kept(), 4);
    close_scene();
}

static void test_classes(void **state)
{
    (void)state;
    const uint16_t port = 1001, other = 1002;
    const struct snapshot_class_config classes[] = {
        {.ports = &port, .port_count = 1, .cutoff = {.packets = 1}},
        {.ports = &other, .port_count = 1}}; /* no cutoff */
    const struct snapshot_policy_config policy = {
        .cutoff = {.packets = 3}, .classes = classes, .class_count = 2};
    scene.count = 0;
    add_flow(10, 1000, 0);
    add_flow(10, 1001, 0);
    add_flow(10, 1002, 0);
    open_scene(&policy, 0);
    give(30);
    assert_int_equal(kept(), 3 + 1 + 10);
    close_scene();
}

/* The class is chosen anew when the application is found: with the first packet here, whose payload
 * tells it, so that the flow never has the cutoff of those without a class. */
static void test_class_of_application(void **state)
{
    (void)state;
    static const char text[] = "application seventy 200 \"Seventy\"\n  match udp either /^www/\n";
    const uint16_t application = 200;
    const struct snapshot_class_config class = {
        .applications = &application, .application_count = 1, .cutoff = {.packets = 5}};
    const struct snapshot_policy_config policy = {
        .cutoff = {.packets = 2}, .classes = &class, .class_count = 1};
    struct application_rules rules = {0};
    struct error error = {""};
    struct application_set *set = NULL;
    if (application_rules_read(&rules, text, sizeof text - 1, "own", &error))
        set = application_set_create(&rules, "own", NULL, &error);
    application_rules_free(&rules);
    if (!set)
        skip(); /* not in this build */
    scene.count = 0;
    add_flow(9, 1000, 0); /* its payload is 0x77, 'w' */
    scene.applications = set;
    open_scene(&policy, 0);
    give(9);
    assert_int_equal(kept(), 5);
    close_scene();
    scene.applications = NULL;
    application_set_destroy(set);
}

/* All packets of a flow have one id, over active cuts, and another flow another. */
static void test_flow_ids(void **state)
{
    (void)state;
    const struct snapshot_policy_config policy = {.snap_length = SNAPSHOT_HEADERS};
    scene.count = 0;
    add_flow(10, 1000, 300000000);
    add_flow(2, 1001, 300000000);
    open_scene(&policy, 0);
    give(12);
    assert_int_equal(snapshot_ring_copy(scene.ring, 0, scene.copy), SNAPSHOT_COPIED);
    uint64_t ids[12];
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    for (unsigned n = 0; n < 12; n++) {
        assert_int_equal(snapshot_block_next(scene.copy, SNAPSHOT_BLOCK_OCTETS, &offset, &packet),
                         SNAPSHOT_WALK_PACKET);
        ids[n] = packet.flow_id;
        assert_int_equal(ids[n], ids[n < 10 ? 0 : 10]);
    }
    assert_int_not_equal(ids[0], ids[10]);
    worker_stop(scene.worker);
    while (worker_step(scene.worker, 0) != WORKER_ENDED)
        ;
    for (const struct flow_hot *hot; (hot = record_ring_peek(scene.records)) != NULL;) {
        uint64_t id = flow_record_at(hot).cold->flow_id;
        assert_true(id == ids[0] || id == ids[10]);
        record_ring_next(scene.records);
    }
    close_scene();
}

/* ---- changes while packets flow ---- */

static void change(void)
{
    struct error error = {""};
    struct worker_change *change = worker_prepare_change(scene.worker, &scene.config, &error);
    if (!change)
        fail_msg("%s", error.text);
    worker_submit_change(scene.worker, change);
    for (unsigned i = 0; i < 100 && !worker_change_finished(change); i++)
        worker_step(scene.worker, 0);
    assert_true(worker_change_finished(change));
    worker_change_free(change);
}

static void test_changes(void **state)
{
    (void)state;
    const struct snapshot_policy_config headers = {.cutoff = {.packets = 3}};
    const struct snapshot_policy_config more = {.snap_length = SNAPSHOT_EVERYTHING,
                                                .cutoff = {.packets = 6}};
    scene.count = 0;
    add_flow(40, 1000, 0);
    open_scene(&headers, 0);
    give(2);
    assert_int_equal(kept(), 2);
    /* Another policy: the flow was not cut off yet. */
    struct snapshot_policy *old_policy = scene.policy;
    make_policy(&more);
    scene.config.snapshot_policy = scene.policy;
    change();
    snapshot_policy_destroy(old_policy);
    give(10);
    assert_int_equal(kept(), 6);
    /* No ring: the old one is sealed and left. */
    scene.config.snapshot = NULL;
    assert_false(snapshot_ring_left(scene.ring));
    change();
    assert_true(snapshot_ring_drained(scene.ring));
    assert_int_equal(snapshot_ring_copy(scene.ring, 0, scene.copy), SNAPSHOT_COPIED);
    struct snapshot_block_header header;
    assert_true(snapshot_block_read_header(scene.copy, sizeof scene.copy, &header));
    assert_int_equal(header.packets, 6);
    assert_int_equal(header.seen_packets, 12);
    assert_true(header.flags & SNAPSHOT_BLOCK_PAYLOAD);
    give(10);
    /* Another ring, and a larger cache at once: cut off is cut off. */
    snapshot_ring_release(scene.ring);
    make_ring();
    scene.config.snapshot = scene.ring;
    scene.config.caches[0].flows_max = 128;
    change();
    give(10);
    struct snapshot_account account = account_now();
    assert_int_equal(account.seen.packets, 10);
    assert_int_equal(account.cut_off[SNAPSHOT_CUT_OFF_PACKETS].packets, 10);
    close_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cutoff_packets),
        cmocka_unit_test(test_cutoff_octets),
        cmocka_unit_test(test_cutoff_stays),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_class_of_application),
        cmocka_unit_test(test_flow_ids),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
