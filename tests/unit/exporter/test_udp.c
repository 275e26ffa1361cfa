/*
 * The UDP transport on loopback: one source port, the don't-fragment bit, a collector that is not
 * there and comes back, both address families, and what cannot be opened.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

/* A receiver on loopback; *PORT 0: any, and it is filled in. -1 if FAMILY is not there. */
static int receiver(int family, uint16_t *port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    v4.sin_port = v6.sin6_port = htons(*port);
    int fd = socket(family, SOCK_DGRAM, 0);
    struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
    if (fd < 0 || bind(fd, address, length) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    getsockname(fd, address, &length);
    *port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

/* One datagram; returns its length and the sender's port. */
static size_t receive(int fd, uint8_t *data, size_t room, uint16_t *sender)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 5000), 1);
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, data, room, 0, (struct sockaddr *)&from, &length);
    assert_true(got > 0);
    if (sender)
        *sender = ntohs(((struct sockaddr_in *)&from)->sin_port); /* same place in both families */
    return (size_t)got;
}

static struct exporting_process *start(struct record_ring *ring, const char *host, uint16_t port)
{
    struct exporting_process_config config;
    fake_config(&config);
    strcpy(config.destinations[0].host, host);
    config.destinations[0].port = port;
    return fake_process(&config, &ring, 1, NULL);
}

static void push(struct record_ring *ring, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(ring, &flow), 0);
}

static void check_family(int family, const char *host, unsigned headers)
{
    uint16_t port = 0, sender = 0;
    int fd = receiver(family, &port);
    if (fd < 0)
        skip(); /* a machine without IPv6 */
    struct record_ring *ring = fake_ring(1024);
    struct exporting_process *process = start(ring, host, port);
    push(ring, 300);
    while (!exporting_process_drain(process, 1, export_ns, NULL))
        continue;
    uint32_t records = 0;
    for (uint16_t first = 0; records < 600;) {
        uint8_t data[2048];
        size_t octets = receive(fd, data, sizeof data, &sender);
        assert_true(octets + headers <= 1400);
        assert_int_equal(get16(data + 2), octets);
        assert_int_equal(sender, first ? first : sender);
        first = sender;
        if (get16(data + 16) >= 256)
            records += (get16(data + 18) - 4) / 59;
    }
    assert_int_equal(records, 600);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    close(fd);
}

static void ipv4_datagrams_have_one_source_port(void **state)
{
    (void)state;
    check_family(AF_INET, "127.0.0.1", 28);
}

static void ipv6_datagrams_have_one_source_port(void **state)
{
    (void)state;
    check_family(AF_INET6, "::1", 48);
}

static void the_dont_fragment_bit_is_set(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = receiver(AF_INET, &port), found = 0;
    struct record_ring *ring = fake_ring(1024);
    struct exporting_process *process = start(ring, "127.0.0.1", port);
    for (int i = 3; i < 64; i++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        if (getpeername(i, (struct sockaddr *)&peer, &length) != 0 || peer.sin_port != htons(port))
            continue;
        int value = -1;
        length = sizeof value;
        assert_int_equal(getsockopt(i, IPPROTO_IP, IP_MTU_DISCOVER, &value, &length), 0);
        assert_int_equal(value, IP_PMTUDISC_DO);
        found++;
    }
    assert_int_equal(found, 1);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    close(fd);
}

/* Nobody listens, then somebody does. */
static void a_collector_may_come_late(void **state)
{
    (void)state;
    static struct exporter_counters counters;
    uint16_t port = 0;
    int fd = receiver(AF_INET, &port);
    close(fd);
    struct record_ring *ring = fake_ring(1024);
    struct exporting_process *process = start(ring, "127.0.0.1", port);
    push(ring, 100);
    while (!exporting_process_drain(process, 1, export_ns, NULL))
        continue;
    exporting_process_counters(process, &counters);
    struct destination_counters *d = &counters.destination[0];
    assert_true(d->lost[DESTINATION_LOST_REFUSED] > 0);
    assert_int_equal(d->sent + d->lost[DESTINATION_LOST_REFUSED], 100);
    assert_false(exporting_process_failed(process));
    fd = receiver(AF_INET, &port);
    if (fd < 0)
        skip(); /* somebody else took the port meanwhile */
    bool templates = false, records = false;
    for (unsigned i = 0; i < 4; i++) { /* the first may still meet an old refusal */
        push(ring, 20);
        while (!exporting_process_drain(process, 2000000000u * (i + 1), export_ns, NULL))
            continue;
    }
    for (unsigned i = 0; i < 4 && !records; i++) {
        uint8_t data[2048];
        receive(fd, data, sizeof data, NULL);
        templates |= get16(data + 16) == 2;
        records |= templates && get16(data + 16) >= 256;
    }
    assert_true(templates && records);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    close(fd);
}

/* Messages of several lengths in one call stay the datagrams that they are, in order, whole. */
static void runs_keep_their_bounds(void **state)
{
    (void)state;
    static const size_t lengths[] = {1000, 1000, 500, 1000, 1000, 1000, 300, 300, 20, 1372, 1372};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    static uint8_t octets[COUNT][1400];
    struct iovec messages[COUNT];
    struct exporting_process_config config;
    struct transport transport;
    struct error error = {""};
    uint32_t longest = 0, sent = 0;
    uint16_t port = 0;
    int fd = receiver(AF_INET, &port);
    fake_config(&config);
    config.destinations[0].port = port;
    assert_int_equal(transport_udp_open(&transport, &config.destinations[0], &longest, &error), 0);
    assert_int_equal(longest, 1372);
    for (unsigned i = 0; i < COUNT; i++) {
        memset(octets[i], (int)i + 1, lengths[i]);
        messages[i] = (struct iovec){octets[i], lengths[i]};
    }
    assert_int_equal(transport.ops->send(transport.state, messages, COUNT, &sent, &error),
                     TRANSPORT_DONE);
    assert_int_equal(sent, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t data[4096];
        assert_int_equal(receive(fd, data, sizeof data, NULL), lengths[i]);
        assert_memory_equal(data, octets[i], lengths[i]);
    }
    transport.ops->close(transport.state);
    close(fd);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct error error = {""};
    struct record_ring *ring = fake_ring(1024);
    fake_config(&config);
    strcpy(config.destinations[0].host, "collector.invalid.");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "collector.invalid."));
    fake_config(&config);
    strcpy(config.destinations[0].source_address, "192.0.2.77");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "source=192.0.2.77"));
    strcpy(config.destinations[0].source_address, "::1");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "source=::1"));
    record_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_datagrams_have_one_source_port),
        cmocka_unit_test(ipv6_datagrams_have_one_source_port),
        cmocka_unit_test(the_dont_fragment_bit_is_set),
        cmocka_unit_test(a_collector_may_come_late),
        cmocka_unit_test(runs_keep_their_bounds),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
