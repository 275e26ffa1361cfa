/*
 * bench_lists: what it costs to compare a flow's two addresses with lists, and a name with domains;
 * how long files of a million entries and more take to be read and compiled, and what they take in
 * memory. Addresses that are looked up are as good as random, one in a hundred is in the list, and
 * a plain read of random lines of as much memory stands beside. One thread.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detect/watch_file.h"
#include "perf/bench/measure.h"

enum { KEYS = 1 << 16, NAME_OCTETS = 64 };

struct list_case {
    const char *kind;
    enum watch_kind watch;
    bool six;
    uint32_t entries;
};

static const struct list_case cases[] = {
    {"hosts of IPv4", WATCH_HOSTS, false, 1000000},
    {"hosts of IPv4", WATCH_HOSTS, false, 4000000},
    {"hosts of IPv6", WATCH_HOSTS, true, 1000000},
    {"networks of IPv4", WATCH_NETWORKS, false, 1000000},
    {"networks of IPv6", WATCH_NETWORKS, true, 1000000},
    {"domains", WATCH_DOMAINS, false, 1000000},
    {"domains", WATCH_DOMAINS, false, 4000000},
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* The address of entry I. */
static void address_of(const struct list_case *it, uint64_t i, uint8_t address[16])
{
    uint64_t value = mix(i + 1);
    uint64_t high = htobe64(0x2001000000000000ull | (value >> 16 & 0xffffffffffull) << 8);
    memset(address, 0, 16);
    memcpy(address, it->six ? (const void *)&high : (const void *)&value, it->six ? 8 : 4);
    if (it->six)
        memcpy(address + 8, &value, 8);
}

static int name_of(uint64_t i, char name[NAME_OCTETS])
{
    return snprintf(name, NAME_OCTETS, "host%llu.example%llu.com", (unsigned long long)(i % 7),
                    (unsigned long long)i);
}

static void write_entry(FILE *file, const struct list_case *it, uint64_t i)
{
    char text[NAME_OCTETS];
    uint8_t address[16];
    if (it->watch == WATCH_DOMAINS) {
        name_of(i, text);
        fprintf(file, "%s\n", strchr(text, '.') + 1);
        return;
    }
    address_of(it, i, address);
    inet_ntop(it->six ? AF_INET6 : AF_INET, address, text, sizeof text);
    if (it->watch == WATCH_NETWORKS)
        fprintf(file, "%s/%u\n", text, it->six ? 64 - (unsigned)(i % 16) : 32 - (unsigned)(i % 9));
    else
        fprintf(file, "%s\n", text);
}

static void write_list(const char *path, const struct list_case *it, uint32_t entries)
{
    FILE *file = fopen(path, "we");
    if (!file)
        bench_fail("no folder for the lists");
    for (uint32_t i = 0; i < entries; i++)
        write_entry(file, it, i);
    if (fclose(file) != 0)
        bench_fail("the disk is full");
}

static struct watch_set *load(const char *path, const struct list_case *it, double *seconds)
{
    struct watch_list list = {.name = "bench", .label = "bench", .kind = it->watch};
    struct error error = {""};
    uint64_t start = bench_cycles();
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    if (!builder || !watch_file_add(builder, 0, path, &error))
        bench_fail(error.text);
    struct watch_set *set = watch_builder_finish(builder, &error);
    if (!set)
        bench_fail(error.text);
    *seconds = (double)(bench_cycles() - start) / bench_cycles_hz();
    return set;
}

/* One in a hundred looks for an entry, the others for what is none. */
static void make_keys(const struct list_case *it, uint32_t entries, struct flow_key *keys,
                      char (*names)[NAME_OCTETS])
{
    for (uint32_t k = 0; k < KEYS; k++) {
        uint8_t address[16];
        uint64_t i = mix(k + 77) % entries;
        if (k % 100)
            i = 1ull << 40 | mix(k);
        address_of(it, i, address);
        memset(&keys[k], 0, sizeof keys[k]);
        keys[k].family = it->six ? 6 : 4;
        memcpy(keys[k].address6_a, address, 16);
        memcpy(&keys[k].head.address_a, address, 4);
        address_of(it, 1ull << 41 | k, address);
        memcpy(keys[k].address6_b, address, 16);
        memcpy(&keys[k].head.address_b, address, 4);
        name_of(i, names[k]);
    }
}

/* One read of a random line for each lookup. */
static double limit_round(const uint8_t *memory, size_t octets, uint64_t count)
{
    uint64_t sum = 0, start = bench_cycles();
    for (uint64_t i = 0; i < count; i++)
        sum += *(const volatile uint8_t *)&memory[mix(i + sum) % octets];
    return (double)(bench_cycles() - start) / (double)count;
}

static double lookup_round(const struct watch_set *set, const struct list_case *it, uint64_t count,
                           const struct flow_key *keys, char (*names)[NAME_OCTETS], uint64_t *found)
{
    uint64_t start = bench_cycles();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t sides[2] = {0, 0};
        if (it->watch == WATCH_DOMAINS) {
            const char *name = names[i % KEYS];
            sides[0] = watch_domain(set, (const uint8_t *)name, (uint32_t)strlen(name));
        } else {
            watch_flow(set, &keys[i % KEYS], sides);
        }
        *found += (sides[0] | sides[1]) != 0;
    }
    return (double)(bench_cycles() - start) / (double)count;
}

static void run_case(const struct bench_options *options, const struct list_case *it, bool quick,
                     const char *path)
{
    static struct flow_key keys[KEYS];
    static char names[KEYS][NAME_OCTETS];
    uint32_t entries = quick ? it->entries / 100 : it->entries;
    double seconds;
    write_list(path, it, entries);
    struct watch_set *set = load(path, it, &seconds);
    size_t octets = watch_set_memory(set);
    uint8_t *memory = malloc(octets);
    if (!memory)
        bench_fail("not enough memory");
    memset(memory, 1, octets);
    make_keys(it, entries, keys, names);
    struct bench_samples cycles = {0}, limit = {0};
    uint64_t found = 0, lookups = 0;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_round(memory, octets, options->packets));
        bench_add(&cycles, lookup_round(set, it, options->packets, keys, names, &found));
        lookups += options->packets;
    }
    bench_row_begin("lists");
    bench_row_text("list", it->kind);
    bench_row_number("entries", entries, 0);
    bench_row_number("load_s", seconds, 2);
    bench_row_number("mib", (double)octets / 1048576, 1);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("ns_per_flow", bench_best(&cycles) / bench_cycles_hz() * 1e9, 0);
    bench_row_number("found", (double)found / (double)lookups, 2);
    bench_row_truth("balanced", watch_set_list(set, 0)->entries == entries);
    bench_row_end(options);
    free(memory);
    watch_set_destroy(set);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    char path[] = "/tmp/bench_lists.XXXXXX";
    bool quick = false;
    for (int i = 1; i < argc; i++)
        quick |= strcmp(argv[i], "--quick") == 0;
    bench_start(&options, "bench_lists", argc, argv);
    int file = mkstemp(path);
    if (file < 0)
        bench_fail("no folder for the lists");
    close(file);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&options, &cases[i], quick, path);
    unlink(path);
    return EXIT_SUCCESS;
}
