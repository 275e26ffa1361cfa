/* Filter expressions over batches of mixed link layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/packet_filter.h"

/* UDP 10.0.0.1:53 -> 10.0.0.2:53, behind an Ethernet header, which raw IP leaves out. */
static const uint8_t frame[42] = {
    2, 0,  0,  0, 0, 1,  2, 0, 0, 0,  0, 2, 8, 0, 0x45, 0, 0,  28, 0, 0, 0,
    0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53,   0, 53, 0,  8, 0, 0,
};
static const uint8_t arp[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6};
static struct packet_batch batch;

static void add(const uint8_t *data, uint32_t captured, uint32_t wire, enum link_layer link)
{
    batch.data[batch.count] = data;
    batch.captured_length[batch.count] = captured;
    batch.wire_length[batch.count] = wire;
    batch.link[batch.count] = (uint8_t)link;
    batch.count++;
}

static uint64_t match(const char *expression)
{
    struct error error = {""};
    struct packet_filter *filter = packet_filter_create(expression, &error);
    if (!filter)
        fail_msg("%s", error.text);
    uint64_t result = packet_filter_match(filter, &batch);
    packet_filter_destroy(filter);
    return result;
}

static void test_match(void **state)
{
    (void)state;
    batch.count = 0;
    add(frame, 42, 42, LINK_ETHERNET);    /* bit 0 */
    add(arp, 42, 60, LINK_ETHERNET);      /* bit 1 */
    add(frame + 14, 28, 28, LINK_RAW_IP); /* bit 2 */
    add(frame, 42, 42, LINK_UNKNOWN);     /* bit 3: matches nothing */
    add(frame, 20, 1500, LINK_ETHERNET);  /* bit 4: cut inside the IP header */
    add(frame, 0, 42, LINK_ETHERNET);     /* bit 5: nothing captured */
    assert_int_equal(match("udp port 53"), 1 << 0 | 1 << 2);
    assert_int_equal(match("arp"), 1 << 1);
    assert_int_equal(match("src host 10.0.0.1"), 1 << 0 | 1 << 2);
    assert_int_equal(match("dst host 10.0.0.1"), 0);
    assert_int_equal(match("ether host 02:00:00:00:00:01") & ~(1ull << 2),
                     1 << 0 | 1 << 1 | 1 << 4);
    assert_int_equal(match("greater 1000"), 1 << 4);
    assert_int_equal(match("ip"), 1 << 0 | 1 << 2 | 1 << 4);
    assert_int_equal(match(""), 0x37);
}

static void test_full_batch(void **state)
{
    (void)state;
    batch.count = 0;
    for (uint32_t i = 0; i < PACKET_BATCH_MAX; i++)
        add(i % 2 ? frame : arp, 42, 42, LINK_ETHERNET);
    assert_true(match("udp") == 0xaaaaaaaaaaaaaaaaull);
}

static void test_wrong_expressions(void **state)
{
    (void)state;
    static const char *const expressions[] = {"port nine and", "udp prot 5", "(((",
                                              "host 1.2.3.4.5"};
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct error error = {""};
        assert_null(packet_filter_create(expressions[i], &error));
        assert_non_null(strstr(error.text, expressions[i]));
        assert_null(strchr(error.text, '\n'));
    }
    packet_filter_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_full_batch),
        cmocka_unit_test(test_wrong_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
