/* Clocks, samples and rows of the benchmarks. See measure.h; options are in options.c. */
#include "perf/bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { COLUMNS_MAX = 48, COLUMN_OCTETS = 48 };

struct column {
    char key[COLUMN_OCTETS];
    char value[COLUMN_OCTETS];
    bool quoted;
};

static struct column columns[COLUMNS_MAX];
static unsigned column_count;
static char last_header[COLUMNS_MAX * COLUMN_OCTETS];

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cycles(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return bench_wall_ns();
#endif
}

double bench_cycles_hz(void)
{
    static double hz;
    if (hz > 0)
        return hz;
    uint64_t start_ns = bench_wall_ns(), start = bench_cycles(), now_ns;
    do {
        now_ns = bench_wall_ns();
    } while (now_ns - start_ns < 20000000u);
    hz = (double)(bench_cycles() - start) * 1e9 / (double)(now_ns - start_ns);
    return hz;
}

uint64_t bench_interval(uint64_t start, uint64_t end)
{
    static uint64_t longest;
    if (longest == 0)
        longest = (uint64_t)(bench_cycles_hz() / 10000);
    return end - start < longest ? end - start : 0;
}

void bench_add(struct bench_samples *samples, double value)
{
    if (samples->count < BENCH_SAMPLES_MAX)
        samples->value[samples->count++] = value;
}

static int compare_values(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

double bench_best(const struct bench_samples *samples)
{
    double best = samples->count ? samples->value[0] : 0;
    for (uint32_t i = 1; i < samples->count; i++)
        best = samples->value[i] < best ? samples->value[i] : best;
    return best;
}

double bench_median(const struct bench_samples *samples)
{
    if (samples->count == 0)
        return 0;
    struct bench_samples sorted = *samples;
    qsort(sorted.value, sorted.count, sizeof sorted.value[0], compare_values);
    return sorted.value[(sorted.count - 1) / 2];
}

static struct column *next_column(const char *key, bool quoted)
{
    if (column_count == COLUMNS_MAX)
        bench_fail("a row has too many columns");
    struct column *column = &columns[column_count++];
    snprintf(column->key, sizeof column->key, "%s", key);
    column->quoted = quoted;
    return column;
}

void bench_row_begin(const char *bench)
{
    column_count = 0;
    bench_row_text("bench", bench);
}

void bench_row_text(const char *key, const char *value)
{
    struct column *column = next_column(key, true);
    snprintf(column->value, sizeof column->value, "%s", value);
}

void bench_row_number(const char *key, double value, int decimals)
{
    struct column *column = next_column(key, false);
    snprintf(column->value, sizeof column->value, "%.*f", decimals, value);
}

void bench_row_truth(const char *key, bool value)
{
    struct column *column = next_column(key, false);
    snprintf(column->value, sizeof column->value, "%s", value ? "true" : "false");
}

void bench_row_case(const struct bench_case *it)
{
    static const char *const features[FEATURE_COUNT] = {"none", "no-fragment-table", "vlan",
                                                        "decapsulation"};
    if (it->size)
        bench_row_number("size", it->size, 0);
    else
        bench_row_text("size", "imix");
    bench_row_number("flows", it->flows, 0);
    bench_row_number("new_percent", it->new_tenths / 10.0, it->new_tenths % 10 != 0);
    bench_row_text("order", it->order == ORDER_ZIPF ? "zipf" : "uniform");
    bench_row_number("family", it->family, 0);
    bench_row_text("feature", features[it->feature]);
    bench_row_text("records_to", it->exporter ? "ipfix" : "discard");
}

void bench_row_rate(const char *rate_key, const struct bench_samples *cycles,
                    const struct bench_samples *limit_cycles)
{
    bool records = strcmp(rate_key, "records_per_s") == 0;
    double scale = records ? 1 : 1e6;
    double best = bench_best(cycles), median = bench_median(cycles);
    double limit = bench_best(limit_cycles), hz = bench_cycles_hz();
    bench_row_number(rate_key, hz / best / scale, records ? 0 : 2);
    bench_row_number(records ? "median_records_per_s" : "median_mpps", hz / median / scale,
                     records ? 0 : 2);
    bench_row_number("cycles_per_packet", best, 1);
    bench_row_number("limit_mpps", hz / limit / 1e6, 2);
    bench_row_number("ratio_to_limit", limit / best, 3);
}

static void print_json(void)
{
    for (unsigned c = 0; c < column_count; c++) {
        const char *quote = columns[c].quoted ? "\"" : "";
        printf("%s\"%s\":%s%s%s", c ? "," : "{", columns[c].key, quote, columns[c].value, quote);
    }
    puts("}");
}

static void print_table(void)
{
    char header[sizeof last_header] = "";
    size_t length = 0;
    for (unsigned c = 0; c < column_count; c++)
        length += (size_t)snprintf(header + length, sizeof header - length, "%9s ", columns[c].key);
    if (strcmp(header, last_header) != 0)
        printf("%s%s\n", last_header[0] ? "\n" : "", header);
    memcpy(last_header, header, sizeof header);
    for (unsigned c = 0; c < column_count; c++) {
        size_t width = strlen(columns[c].key);
        printf("%*s ", (int)(width > 9 ? width : 9), columns[c].value);
    }
    putchar('\n');
}

void bench_row_end(const struct bench_options *options)
{
    double load = 0;
    if (getloadavg(&load, 1) != 1)
        load = -1;
    bench_row_number("load", load, 2);
    if (options->json)
        print_json();
    else
        print_table();
    fflush(stdout);
}

void bench_fail(const char *message)
{
    fprintf(stderr, "benchmark: %s\n", message);
    exit(EXIT_FAILURE);
}
