/*
 * Unit tests of the keyed hashes, for each instruction set that this processor has: even spread of
 * sequential keys, every bit of the flow matters, every word of the secret matters, all sets with
 * AES give the same. All numbers are drawn from fixed seeds, so the outcome is the same in each
 * run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_lookup.h"
#include "sim/random.h"

enum { KEYS = 1 << 16, CELLS = 4096 };
/* Mean of the chi-square sum over 4,096 cells is 4,095, its deviation 90.5: seven of them away. */
enum { CHI_LOW = 3461, CHI_HIGH = 4729 };

static struct flow_hash_key secret(uint64_t seed)
{
    struct random random = {seed};
    struct flow_hash_key key;
    for (unsigned i = 0; i < 4; i++)
        key.word[i] = random_next(&random);
    return key;
}

typedef uint64_t hash_function(const struct flow_hash_key *key, const struct flow_key *flow);

static uint64_t hash_one(hash_function *hash, const struct flow_hash_key *key,
                         const struct packet_facts *facts)
{
    return hash(key, &facts->key);
}

enum pattern { PORTS, HOSTS, SUBNETS, HOSTS6, PATTERNS };

/* The N-th key of a series as scanners and load generators make them. */
static void sequential(struct packet_facts *facts, enum pattern pattern, uint32_t n)
{
    memset(facts, 0, sizeof *facts);
    uint32_t source = __builtin_bswap32(0x0a000001);
    uint32_t destination = __builtin_bswap32(0xc0a80001);
    uint16_t port = __builtin_bswap16(1024);
    uint8_t address6[2][16] = {{0x20, 1, 0xd, 0xb8}, {0x20, 1, 0xd, 0xb8, 1}};
    if (pattern == HOSTS6) {
        memcpy(&address6[1][12], &n, 4);
        flow_key_make6(&facts->key, address6[0], address6[1], port, port, 17, 0, 0);
        return;
    }
    if (pattern == PORTS)
        port = __builtin_bswap16((uint16_t)n);
    else if (pattern == HOSTS)
        destination = __builtin_bswap32(0xc0a80000 + n);
    else
        destination = __builtin_bswap32(n << 16 | 1);
    flow_key_make4(&facts->key, source, destination, port, __builtin_bswap16(53), 17, 0, 0);
}

static double chi_square(const uint32_t *cells)
{
    const double expected = (double)KEYS / CELLS;
    double sum = 0;
    for (unsigned i = 0; i < CELLS; i++)
        sum += ((double)cells[i] - expected) * ((double)cells[i] - expected) / expected;
    return sum;
}

/* The bits that the cache uses: first choice, second choice, tag. */
static void check_spread(hash_function *hash)
{
    static const unsigned shifts[] = {0, 24, 48};
    struct flow_hash_key key = secret(7);
    static uint32_t cells[3][CELLS];
    for (enum pattern pattern = 0; pattern < PATTERNS; pattern++) {
        memset(cells, 0, sizeof cells);
        for (uint32_t n = 0; n < KEYS; n++) {
            struct packet_facts facts;
            sequential(&facts, pattern, n);
            uint64_t value = hash_one(hash, &key, &facts);
            for (unsigned s = 0; s < 3; s++)
                cells[s][value >> shifts[s] & (CELLS - 1)]++;
        }
        for (unsigned s = 0; s < 3; s++) {
            double chi = chi_square(cells[s]);
            assert_true(chi > CHI_LOW && chi < CHI_HIGH);
        }
    }
}

static int compare_words(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x;
    uint64_t b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static void check_distinct(hash_function *hash)
{
    struct flow_hash_key key = secret(8);
    uint64_t *values = malloc(KEYS * sizeof *values);
    assert_non_null(values);
    for (enum pattern pattern = 0; pattern < PATTERNS; pattern++) {
        for (uint32_t n = 0; n < KEYS; n++) {
            struct packet_facts facts;
            sequential(&facts, pattern, n);
            values[n] = hash_one(hash, &key, &facts);
        }
        qsort(values, KEYS, sizeof *values, compare_words);
        for (uint32_t n = 1; n < KEYS; n++)
            assert_int_not_equal(values[n], values[n - 1]);
    }
    free(values);
}

static void random_facts(struct random *random, struct packet_facts *facts, bool six)
{
    memset(facts, 0, sizeof *facts);
    uint8_t *bytes = (uint8_t *)&facts->key;
    size_t size = six ? offsetof(struct flow_key, family) : sizeof facts->key.head;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_next(random);
    facts->key.family = six ? 6 : 4;
}

/* Flipping any one bit of the key flips each bit of the hash in about half of the cases. */
static void check_avalanche(hash_function *hash)
{
    enum { TRIES = 400 };
    struct random random = {9};
    struct flow_hash_key key = secret(9);
    for (unsigned six = 0; six < 2; six++) {
        size_t bits = 8 * (six ? offsetof(struct flow_key, family) : sizeof(struct flow_key_head));
        for (size_t bit = 0; bit < bits; bit++) {
            unsigned flips[64] = {0};
            for (unsigned try = 0; try < TRIES; try++) {
                struct packet_facts facts;
                random_facts(&random, &facts, six);
                uint64_t before = hash_one(hash, &key, &facts);
                ((uint8_t *)&facts.key)[bit / 8] ^= (uint8_t)(1u << bit % 8);
                uint64_t changed = before ^ hash_one(hash, &key, &facts);
                for (unsigned i = 0; i < 64; i++)
                    flips[i] += (unsigned)(changed >> i & 1);
            }
            for (unsigned i = 0; i < 64; i++)
                assert_true(flips[i] > TRIES / 4 && flips[i] < TRIES * 3 / 4);
        }
    }
}

/* Keys that meet in one cell under one secret are spread under another, whichever word differs. */
static void check_secret(hash_function *hash)
{
    struct flow_hash_key key = secret(10);
    for (unsigned word = 0; word < 4; word++) {
        struct flow_hash_key other = key;
        other.word[word] ^= 1;
        unsigned met = 0;
        unsigned still = 0;
        for (uint32_t n = 0; n < KEYS; n++) {
            struct packet_facts facts;
            sequential(&facts, HOSTS6, n);
            if (hash_one(hash, &key, &facts) % 64 != 5)
                continue;
            met++;
            still += hash_one(hash, &other, &facts) % 64 == 5;
        }
        assert_true(met > 800);
        assert_true(still < met / 16); /* 1 in 64 is expected */
    }
}

/* An IPv6 key whose head equals an IPv4 key is another flow. */
static void check_family(hash_function *hash)
{
    struct flow_hash_key key = secret(12);
    struct packet_facts facts;
    sequential(&facts, PORTS, 1);
    uint64_t four = hash_one(hash, &key, &facts);
    facts.key.family = 6;
    assert_int_not_equal(four, hash_one(hash, &key, &facts));
}

static void check_all(hash_function *hash)
{
    check_spread(hash);
    check_distinct(hash);
    check_avalanche(hash);
    check_secret(hash);
    check_family(hash);
}

static void test_each_set(void **state)
{
    (void)state;
    for (unsigned level = SIMD_SCALAR; level <= simd_detect(); level++)
        check_all(flow_lookup_for((enum simd_level)level)->hash);
}

static void test_sets_with_aes_agree(void **state)
{
    (void)state;
    struct random random = {11};
    struct flow_hash_key key = secret(11);
    if (simd_detect() < SIMD_SSE)
        skip();
    for (unsigned round = 0; round < 20000; round++) {
        struct packet_facts facts;
        random_facts(&random, &facts, random_chance(&random, 50));
        uint64_t value = hash_one(flow_lookup_for(SIMD_SSE)->hash, &key, &facts);
        for (unsigned level = SIMD_AVX2; level <= simd_detect(); level++)
            assert_int_equal(hash_one(flow_lookup_for((enum simd_level)level)->hash, &key, &facts),
                             value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_set),
        cmocka_unit_test(test_sets_with_aes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
