/* Command line of the seeded tests. */
#include "sim/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "17" or "1-100". */
static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *from = strtoull(text, &end, 10);
    *to = *from;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *to = strtoull(end + 1, &end, 10);
    return *end == '\0' && *to >= *from;
}

int seeds_main(int argc, char **argv, seed_function *run)
{
    uint64_t from = 1;
    uint64_t to = 100;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            if (!parse_range(argv[++i], &from, &to)) {
                fprintf(stderr, "--seeds %s: give a number or a range like 1-100\n", argv[i]);
                return 2;
            }
        } else {
            fprintf(stderr, "usage: %s [--seeds A-B] [--verbose]\n", argv[0]);
            return 2;
        }
    }
    uint64_t failed = 0;
    for (uint64_t seed = from; seed <= to; seed++) {
        if (run(seed, verbose))
            continue;
        failed++;
        printf("failed; repeat it with: %s --seeds %" PRIu64 " --verbose\n", argv[0], seed);
        if (failed == 5) {
            printf("stopping after 5 failures\n");
            return 1;
        }
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", to - from + 1, failed);
    return failed ? 1 : 0;
}
