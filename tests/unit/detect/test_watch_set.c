/* Lookups in compiled lists: edges of prefixes, nesting, several lists, and a plain search beside
 * them over random entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "detect/watch_set.h"

static struct watch_list list_of(const char *name, enum watch_kind kind, enum severity severity)
{
    struct watch_list list = {.kind = kind, .severity = severity};
    snprintf(list.name, sizeof list.name, "%s", name);
    snprintf(list.label, sizeof list.label, "label %s", name);
    return list;
}

static void add(struct watch_builder *builder, uint32_t list, const char *entry)
{
    struct error error = {""};
    if (!watch_builder_add(builder, list, entry, (uint32_t)strlen(entry), &error))
        fail_msg("%s: %s", entry, error.text);
}

static struct watch_set *finish(struct watch_builder *builder)
{
    struct error error = {""};
    struct watch_set *set = watch_builder_finish(builder, &error);
    if (!set)
        fail_msg("%s", error.text);
    return set;
}

/* A key of two addresses, ports 1 and 2; *SIDE is the first one's. */
static struct flow_key key_of(const char *first, const char *second, unsigned *side)
{
    struct flow_key key = {.family = 4};
    uint8_t a[16], b[16];
    if (strchr(first, ':')) {
        assert_int_equal(inet_pton(AF_INET6, first, a), 1);
        assert_int_equal(inet_pton(AF_INET6, second, b), 1);
        *side = flow_key_make6(&key, a, b, 1, 2, 6, 0, 0);
    } else {
        uint32_t from, to;
        assert_int_equal(inet_pton(AF_INET, first, &from), 1);
        assert_int_equal(inet_pton(AF_INET, second, &to), 1);
        *side = flow_key_make4(&key, from, to, 1, 2, 6, 0, 0);
    }
    return key;
}

/* The rows of one address. */
static uint64_t rows_of(const struct watch_set *set, const char *address)
{
    uint64_t sides[2];
    unsigned side;
    struct flow_key key = key_of(address, strchr(address, ':') ? "::1" : "127.0.0.1", &side);
    watch_prefetch(set, &key);
    watch_flow(set, &key, sides);
    return sides[side];
}

static void edges_of_prefixes_are_exact(void **state)
{
    struct error error;
    struct watch_list list = list_of("n", WATCH_NETWORKS, SEVERITY_LOW);
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    (void)state;
    add(builder, 0, "192.0.2.77/25"); /* host bits mean nothing */
    add(builder, 0, "10.0.0.0/31");
    add(builder, 0, "255.255.255.254/31");
    add(builder, 0, "0.0.0.0/30");
    add(builder, 0, "198.51.100.7/32");
    add(builder, 0, "2001:db8:0:1::/64");
    add(builder, 0, "2001:db8::8/125");
    add(builder, 0, "ffff::/16");
    struct watch_set *set = finish(builder);
    static const char *const inside[] = {"192.0.2.0",
                                         "192.0.2.127",
                                         "10.0.0.0",
                                         "10.0.0.1",
                                         "255.255.255.254",
                                         "255.255.255.255",
                                         "0.0.0.0",
                                         "0.0.0.3",
                                         "198.51.100.7",
                                         "2001:db8:0:1::",
                                         "2001:db8:0:1:ffff:ffff:ffff:ffff",
                                         "2001:db8::8",
                                         "2001:db8::f",
                                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                         "ffff::"};
    static const char *const outside[] = {"192.0.1.255",     "192.0.2.128",
                                          "9.255.255.255",   "10.0.0.2",
                                          "255.255.255.253", "0.0.0.4",
                                          "198.51.100.6",    "198.51.100.8",
                                          "2001:db8:0:2::",  "2001:db8:0:0:ffff:ffff:ffff:ffff",
                                          "2001:db8::7",     "2001:db8::10",
                                          "fffe:ffff::",     "::"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (rows_of(set, inside[i]) != 1)
            fail_msg("%s was not found", inside[i]);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        if (rows_of(set, outside[i]) != 0)
            fail_msg("%s was found", outside[i]);
    watch_set_destroy(set);
}

static void whole_families_can_be_listed(void **state)
{
    struct error error;
    struct watch_list list = list_of("n", WATCH_NETWORKS, SEVERITY_LOW);
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    (void)state;
    add(builder, 0, "0.0.0.0/0");
    struct watch_set *set = finish(builder);
    assert_int_equal(rows_of(set, "0.0.0.0"), 1);
    assert_int_equal(rows_of(set, "255.255.255.255"), 1);
    assert_int_equal(rows_of(set, "::"), 0);
    watch_set_destroy(set);
}

static void every_list_is_told_the_gravest_first(void **state)
{
    struct error error;
    struct watch_list lists[] = {list_of("outer", WATCH_NETWORKS, SEVERITY_LOW),
                                 list_of("host", WATCH_HOSTS, SEVERITY_CRITICAL),
                                 list_of("inner", WATCH_NETWORKS, SEVERITY_HIGH),
                                 list_of("twin", WATCH_HOSTS, SEVERITY_LOW)};
    enum { HOST = 1, INNER = 2, OUTER = 4, TWIN = 8 };
    struct watch_builder *builder = watch_builder_create(lists, 4, &error);
    (void)state;
    add(builder, 0, "10.0.0.0/8");
    add(builder, 2, "10.1.0.0/16");
    add(builder, 2, "10.1.0.0/16");
    add(builder, 0, "10.1.2.0/24"); /* again in the outer one */
    add(builder, 1, "10.1.2.3");
    add(builder, 3, "10.1.2.3");
    add(builder, 1, "192.0.2.1");
    struct watch_set *set = finish(builder);
    assert_int_equal(watch_set_count(set), 4);
    assert_string_equal(watch_set_list(set, 0)->name, "host");
    assert_string_equal(watch_set_list(set, 1)->label, "label inner");
    assert_int_equal(watch_set_list(set, 1)->entries, 2);
    assert_int_equal(watch_set_list(set, 2)->number, watch_number("outer"));
    assert_int_equal(rows_of(set, "10.0.255.255"), OUTER);
    assert_int_equal(rows_of(set, "10.1.0.0"), INNER | OUTER);
    assert_int_equal(rows_of(set, "10.1.2.3"), HOST | INNER | OUTER | TWIN);
    assert_int_equal(rows_of(set, "10.2.0.0"), OUTER);
    assert_int_equal(rows_of(set, "11.0.0.0"), 0);
    assert_int_equal(rows_of(set, "192.0.2.1"), HOST);
    unsigned side;
    uint64_t sides[2];
    struct flow_key key = key_of("10.5.5.5", "192.0.2.1", &side);
    watch_flow(set, &key, sides);
    assert_int_equal(sides[side], OUTER);
    assert_int_equal(sides[1 - side], HOST);
    watch_set_destroy(set);
}

static void domains_are_found_by_any_spelling(void **state)
{
    struct error error;
    struct watch_list lists[] = {list_of("a", WATCH_DOMAINS, SEVERITY_LOW),
                                 list_of("b", WATCH_DOMAINS, SEVERITY_LOW)};
    struct watch_builder *builder = watch_builder_create(lists, 2, &error);
    (void)state;
    add(builder, 0, "Example.COM");
    add(builder, 1, "www.example.com");
    add(builder, 1, "evil.test");
    struct watch_set *set = finish(builder);
    assert_true(watch_set_has_domains(set));
    static const struct {
        const char *name;
        uint64_t rows;
    } cases[] = {{"example.com", 1},
                 {"WWW.EXAMPLE.com:8443", 3},
                 {"a.www.example.com.", 3},
                 {"notexample.com", 0},
                 {"evil.test", 2},
                 {"evil.test.example", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            watch_domain(set, (const uint8_t *)cases[i].name, (uint32_t)strlen(cases[i].name)),
            cases[i].rows);
    assert_int_equal(rows_of(set, "192.0.2.1"), 0);
    watch_set_destroy(set);
}

static void an_empty_set_finds_nothing(void **state)
{
    struct error error;
    struct watch_builder *builder = watch_builder_create(NULL, 0, &error);
    (void)state;
    struct watch_set *set = finish(builder);
    assert_int_equal(rows_of(set, "192.0.2.1"), 0);
    assert_int_equal(rows_of(set, "2001:db8::1"), 0);
    assert_int_equal(watch_domain(set, (const uint8_t *)"a.b", 3), 0);
    assert_false(watch_set_has_domains(set));
    watch_set_destroy(set);
}

static void lists_of_one_number_are_refused(void **state)
{
    struct error error = {""};
    struct watch_list lists[] = {list_of("same", WATCH_HOSTS, SEVERITY_LOW),
                                 list_of("same", WATCH_DOMAINS, SEVERITY_LOW)};
    (void)state;
    assert_null(watch_builder_create(lists, 2, &error));
    assert_non_null(strstr(error.text, "one number"));
}

/* ---- random entries, and a plain search ---- */

enum { ENTRIES = 3000, LISTS = 64, LOOKUPS = 40000 };

struct entry {
    unsigned __int128 first, last;
    unsigned row;
};

static uint64_t state64 = 0x243f6a8885a308d3ull;

static uint64_t next_random(void)
{
    state64 ^= state64 << 13;
    state64 ^= state64 >> 7;
    state64 ^= state64 << 17;
    return state64 * 0x2545f4914f6cdd1dull;
}

static void put_address(uint8_t bytes[16], unsigned __int128 value, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        bytes[i] = (uint8_t)(value >> (8 * (octets - 1 - i)));
}

/* An address of a small part of the space, so that prefixes nest and are hit. */
static unsigned __int128 random_address(bool six)
{
    uint64_t r = next_random();
    if (!six)
        return 0x0a000000u + (uint32_t)(r & 0x3fff) * (r >> 60 ? 1 : 0x3ff);
    unsigned __int128 high = 0x20010db800000000ull + (r & 0xff) * (r >> 62 ? 1 : 1ull << 40);
    return high << 64 | (r >> 8 & 0xfff) * (r >> 61 & 1 ? 1 : 1ull << 52);
}

static void add_random(struct watch_builder *builder, struct entry *entry, bool six,
                       const struct watch_list *lists)
{
    unsigned bits = six ? 128 : 32, list = (unsigned)(next_random() % LISTS);
    unsigned length =
        lists[list].kind == WATCH_HOSTS ? bits : bits - (unsigned)(next_random() % (six ? 80 : 20));
    unsigned __int128 address = random_address(six);
    unsigned __int128 rest = length == bits ? 0 : ((unsigned __int128)1 << (bits - length)) - 1;
    uint8_t bytes[16];
    char text[INET6_ADDRSTRLEN], line[80];
    put_address(bytes, address, bits / 8);
    assert_non_null(inet_ntop(six ? AF_INET6 : AF_INET, bytes, text, sizeof text));
    snprintf(line, sizeof line, "%s/%u", text, length);
    add(builder, list, line);
    *entry = (struct entry){address & ~rest, address | rest, list};
}

static void lookups_agree_with_a_plain_search(bool six)
{
    struct error error = {""};
    struct watch_list lists[LISTS];
    static struct entry entries[ENTRIES];
    uint64_t found = 0, several = 0;
    for (unsigned i = 0; i < LISTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "list%u", i);
        lists[i] = list_of(name, i % 4 ? WATCH_NETWORKS : WATCH_HOSTS, SEVERITY_LOW);
    }
    struct watch_builder *builder = watch_builder_create(lists, LISTS, &error);
    assert_non_null(builder);
    for (unsigned i = 0; i < ENTRIES; i++)
        add_random(builder, &entries[i], six, lists);
    struct watch_set *set = finish(builder);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        /* also the ends of entries and their neighbours */
        const struct entry *near = &entries[next_random() % ENTRIES];
        unsigned __int128 address = random_address(six);
        if (i % 3 == 1)
            address = near->first - i % 2;
        else if (i % 3 == 2)
            address = near->last + i % 2;
        uint64_t rows = 0, sides[2];
        for (unsigned e = 0; e < ENTRIES; e++)
            if (entries[e].first <= address && address <= entries[e].last)
                rows |= 1ull << entries[e].row;
        struct flow_key key = {.family = six ? 6 : 4};
        uint8_t bytes[16];
        put_address(bytes, address, six ? 16 : 4);
        memcpy(key.address6_a, bytes, 16);
        memcpy(&key.head.address_a, bytes, 4);
        watch_flow(set, &key, sides);
        assert_true(sides[0] == rows);
        found += rows != 0;
        several += (rows & (rows - 1)) != 0;
    }
    assert_true(found > LOOKUPS / 10 && several > LOOKUPS / 20);
    watch_set_destroy(set);
}

static void ipv4_agrees_with_a_plain_search(void **state)
{
    (void)state;
    lookups_agree_with_a_plain_search(false);
}

static void ipv6_agrees_with_a_plain_search(void **state)
{
    (void)state;
    lookups_agree_with_a_plain_search(true);
}

/* Every host of many is found, and none besides. */
static void many_hosts_are_all_found(void **state)
{
    struct error error;
    struct watch_list list = list_of("h", WATCH_HOSTS, SEVERITY_LOW);
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    const uint32_t count = 200000;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        char text[64];
        uint32_t address = htonl(i * 2654435761u | 1);
        inet_ntop(AF_INET, &address, text, sizeof text);
        add(builder, 0, text);
        snprintf(text, sizeof text, "2001:db8::%x:%x", i >> 8, i & 0xff);
        add(builder, 0, text);
    }
    struct watch_set *set = finish(builder);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sides[2];
        struct flow_key key = {.family = 4};
        key.head.address_a = htonl(i * 2654435761u | 1);
        key.head.address_b = htonl(i * 2654435761u & ~1u);
        watch_flow(set, &key, sides);
        assert_true(sides[0] == 1 && sides[1] == 0);
        char text[64];
        snprintf(text, sizeof text, "2001:db8::%x:%x", i >> 8, i & 0xff);
        key.family = 6;
        assert_int_equal(inet_pton(AF_INET6, text, key.address6_b), 1);
        memcpy(key.address6_a, key.address6_b, 16);
        key.address6_a[0] ^= 1;
        watch_flow(set, &key, sides);
        assert_true(sides[0] == 0 && sides[1] == 1);
    }
    assert_true(watch_set_memory(set) > count * 20u);
    watch_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_prefixes_are_exact),
        cmocka_unit_test(whole_families_can_be_listed),
        cmocka_unit_test(every_list_is_told_the_gravest_first),
        cmocka_unit_test(domains_are_found_by_any_spelling),
        cmocka_unit_test(an_empty_set_finds_nothing),
        cmocka_unit_test(lists_of_one_number_are_refused),
        cmocka_unit_test(ipv4_agrees_with_a_plain_search),
        cmocka_unit_test(ipv6_agrees_with_a_plain_search),
        cmocka_unit_test(many_hosts_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
