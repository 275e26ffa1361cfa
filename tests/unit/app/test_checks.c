/* The checks: each is found by its name, ends, and reads nothing but what was captured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/application_check.h"

#define ROW(name) {#name, application_check_##name},
static const struct {
    const char *name;
    application_check *check;
} checks[] = {APPLICATION_CHECKS(ROW)};
enum { CHECKS = sizeof checks / sizeof checks[0], ROOM = 4096, ROUNDS = 20000 };

static void checks_are_found_by_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHECKS; i++)
        assert_true(application_check_find(checks[i].name) == checks[i].check);
    assert_null(application_check_find(""));
    assert_null(application_check_find("tl"));
    assert_null(application_check_find("tlss"));
}

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

/* Mostly small numbers, and lengths that are nearly right: they lead deep into the checks. */
static void fill(uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        data[i] = (uint8_t)(random_below(2) ? random_below(256) : random_below(6));
    for (unsigned n = random_below(4); n > 0 && length > 0; n--)
        data[random_below(length < 24 ? length : 24)] = (uint8_t)(length - random_below(20));
}

/* Behind the payload lies a page that may not be read. */
static void checks_stay_inside_the_payload(void **state)
{
    static const uint16_t ports[] = {53, 88, 137, 138, 500, 1521, 1719, 4342, 4500, 5247, 502};
    uint8_t *pages =
        mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_true(pages != MAP_FAILED && mprotect(pages + ROOM, ROOM, PROT_NONE) == 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t length = 1 + (random_below(8) ? random_below(80) : random_below(ROOM));
        uint8_t *data = pages + ROOM - length;
        fill(data, length);
        struct application_packet packet = {
            .data = data,
            .length = length,
            .whole_length = length + (random_below(3) ? 0 : random_below(3000)),
            .source_port = 40000,
            .destination_port = ports[random_below(sizeof ports / sizeof ports[0])],
            .tcp = random_below(2),
            .from_client = random_below(2),
            .client_known = random_below(2)};
        for (unsigned i = 0; i < CHECKS; i++) {
            uint32_t memory = random_below(2) ? random_below(UINT32_MAX) : 0;
            checks[i].check(&packet, &memory);
        }
    }
    munmap(pages, 2 * ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_are_found_by_name),
        cmocka_unit_test(checks_stay_inside_the_payload),
    };
    return cmocka_run_group_tests_name("application checks", tests, NULL, NULL);
}
