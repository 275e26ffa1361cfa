/* Command line of the benchmarks and the table of default cases. See measure.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/bench/measure.h"

static const uint32_t flows_small = 1u << 16, flows_middle = 1u << 20, flows_large = 1u << 23;

/* A parameter whose values may be listed on the command line. */
struct parameter {
    const char *name;
    const char *help;
    const char *words[FEATURE_COUNT]; /* names of the values 0, 1, ...; numbers if none */
    uint32_t standard;
    uint32_t values[BENCH_LIST_MAX];
    uint32_t count; /* 0: not given */
};

enum { SIZE, FLOWS, NEW, ORDER, FAMILY, FEATURE, EXPORTER, PARAMETER_COUNT };
static struct parameter parameters[PARAMETER_COUNT] = {
    [SIZE] = {"size", "frame octets with FCS, 0 = IMIX", {NULL}, 64, {0}, 0},
    [FLOWS] = {"flows", "active flows, a power of two up to 8388608", {NULL}, 1 << 20, {0}, 0},
    [NEW] = {"new", "percent of packets that start a flow, to a tenth", {NULL}, 0, {0}, 0},
    [ORDER] = {"order", "uniform, zipf", {"uniform", "zipf"}, ORDER_UNIFORM, {0}, 0},
    [FAMILY] = {"family", "4, 6", {NULL}, 4, {0}, 0},
    [FEATURE] = {"feature",
                 "none, no-fragment-table, vlan, decapsulation",
                 {"none", "no-fragment-table", "vlan", "decapsulation"},
                 FEATURE_NONE,
                 {0},
                 0},
    [EXPORTER] = {"export", "discard, ipfix (bench_pipeline)", {"discard", "ipfix"}, 0, {0}, 0},
};

static void usage(const char *name)
{
    printf("Usage: %s [--json] [--quick] [--rounds N] [--packets N]", name);
    for (unsigned p = 0; p < PARAMETER_COUNT; p++)
        printf(" [--%s LIST]", parameters[p].name);
    puts("\nPrints one row for each case. Lists are separated by commas; their product is run.\n"
         "Without lists a fixed set of cases is run.\n");
    for (unsigned p = 0; p < PARAMETER_COUNT; p++)
        printf("  --%-9s %s\n", parameters[p].name, parameters[p].help);
}

static bool read_value(const struct parameter *parameter, const char *word, uint32_t *value)
{
    for (uint32_t w = 0; w < FEATURE_COUNT && parameter->words[w]; w++)
        if (strcmp(word, parameter->words[w]) == 0) {
            *value = w;
            return true;
        }
    char *end;
    unsigned long number = strtoul(word, &end, 10);
    if (parameter == &parameters[NEW] && number < flows_large / 10) {
        number *= 10;
        if (end > word && end[0] == '.' && end[1] >= '0' && end[1] <= '9') {
            number += (unsigned long)(end[1] - '0');
            end += 2;
        }
    }
    *value = (uint32_t)number;
    return !parameter->words[0] && *word && !*end && number <= flows_large;
}

static bool valid_value(unsigned which, uint32_t value)
{
    switch (which) {
    case SIZE:
        return value == 0 || (value >= 64 && value <= 1518);
    case FLOWS:
        return value >= 64 && (value & (value - 1)) == 0;
    case NEW:
        return value <= 1000;
    case FAMILY:
        return value == 4 || value == 6;
    default:
        return true;
    }
}

static void read_list(unsigned which, char *text, const char *name)
{
    struct parameter *parameter = &parameters[which];
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        uint32_t value;
        if (parameter->count == BENCH_LIST_MAX || !read_value(parameter, word, &value) ||
            !valid_value(which, value)) {
            fprintf(stderr, "%s: --%s: '%s' is none of: %s\n", name, parameter->name, word,
                    parameter->help);
            exit(2);
        }
        parameter->values[parameter->count++] = value;
    }
}

static void add_case(struct bench_options *options, struct bench_case it)
{
    if (options->case_count == BENCH_CASES_MAX)
        bench_fail("too many cases: shorten the lists");
    if (options->quick && it.flows > flows_small)
        it.flows = it.flows == flows_middle ? flows_small >> 2 : flows_small;
    options->cases[options->case_count++] = it;
}

/* Every combination of the lists given. */
static void add_product(struct bench_options *options)
{
    uint32_t total = 1;
    for (unsigned p = 0; p < PARAMETER_COUNT; p++) {
        if (parameters[p].count == 0)
            parameters[p].values[parameters[p].count++] = parameters[p].standard;
        total *= parameters[p].count;
    }
    for (uint32_t n = 0; n < total; n++) {
        uint32_t value[PARAMETER_COUNT], rest = n;
        for (unsigned p = PARAMETER_COUNT; p-- > 0; rest /= parameters[p].count)
            value[p] = parameters[p].values[rest % parameters[p].count];
        struct bench_case it = {value[SIZE],   value[FLOWS],   value[NEW],     value[ORDER],
                                value[FAMILY], value[FEATURE], value[EXPORTER]};
        add_case(options, it);
    }
}

/* The fixed set: flows by share of new flows, and around its middle one parameter at a time. */
static void add_standard(struct bench_options *options)
{
    const uint32_t flows[] = {flows_small, flows_middle, flows_large};
    const uint32_t shares[] = {0, 10, 100, 1000};
    const struct bench_case base = {64, flows_middle, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0};
    struct bench_case it = base;
    for (unsigned s = 0; s < 4; s++)
        for (unsigned f = 0; f < 3; f++) {
            it.flows = flows[f];
            it.new_tenths = shares[s];
            add_case(options, it);
        }
    it = base;
    for (unsigned f = 0; f < 3; f++) {
        it.flows = flows[f];
        it.order = ORDER_ZIPF;
        add_case(options, it);
    }
    it = base;
    for (unsigned f = 0; f < 3; f++) {
        it.flows = flows[f];
        it.family = 6;
        add_case(options, it);
    }
    it = base;
    it.size = 1518;
    add_case(options, it);
    it.size = 0;
    add_case(options, it);
    it = base;
    for (it.feature = FEATURE_NONE + 1; it.feature < FEATURE_COUNT; it.feature++)
        add_case(options, it);
    it = base;
    it.exporter = 1;
    for (unsigned s = 0; s < 4; s++) {
        it.new_tenths = shares[s];
        add_case(options, it);
    }
}

void bench_start(struct bench_options *options, const char *name, int argc, char **argv)
{
    enum {
        OPTION_JSON = PARAMETER_COUNT,
        OPTION_QUICK,
        OPTION_ROUNDS,
        OPTION_PACKETS,
        OPTION_HELP
    };
    struct option words[OPTION_HELP + 2] = {
        [OPTION_JSON] = {"json", no_argument, NULL, OPTION_JSON},
        [OPTION_QUICK] = {"quick", no_argument, NULL, OPTION_QUICK},
        [OPTION_ROUNDS] = {"rounds", required_argument, NULL, OPTION_ROUNDS},
        [OPTION_PACKETS] = {"packets", required_argument, NULL, OPTION_PACKETS},
        [OPTION_HELP] = {"help", no_argument, NULL, OPTION_HELP},
    };
    for (int p = 0; p < PARAMETER_COUNT; p++)
        words[p] = (struct option){parameters[p].name, required_argument, NULL, p};
    memset(options, 0, sizeof *options);
    bool lists = false;
    for (int c; (c = getopt_long(argc, argv, "", words, NULL)) != -1;) {
        if (c == OPTION_JSON) {
            options->json = true;
        } else if (c == OPTION_QUICK) {
            options->quick = true;
        } else if (c == OPTION_ROUNDS) {
            options->rounds = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (c == OPTION_PACKETS) {
            options->packets = strtoull(optarg, NULL, 10);
        } else if (c >= 0 && c < PARAMETER_COUNT) {
            read_list((unsigned)c, optarg, name);
            lists = true;
        } else {
            usage(name);
            exit(c == OPTION_HELP ? 0 : 2);
        }
    }
    if (options->rounds == 0 || options->rounds > BENCH_SAMPLES_MAX)
        options->rounds = options->quick ? 2 : 7;
    if (options->packets == 0)
        options->packets = options->quick ? 1u << 16 : 1u << 21;
    options->listed = lists;
    if (lists)
        add_product(options);
    else
        add_standard(options);
}

void bench_set_cases(struct bench_options *options, const struct bench_case *table, uint32_t count)
{
    if (options->listed)
        return;
    options->case_count = 0;
    for (uint32_t c = 0; c < count; c++)
        add_case(options, table[c]);
}
