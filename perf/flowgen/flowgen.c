/*
 * flowgen: writes the capture of a workload and prints its exact ground truth as JSON. The same
 * workload, scale and seed give the same file everywhere.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

struct options {
    const char *workload;
    const char *output;
    uint64_t scale;
    uint64_t seed;
    uint64_t start_s;
    bool nanoseconds;
};

enum { SCALE_MAX = 10000, EXIT_USAGE = 2 };

static void usage(FILE *to)
{
    fputs("Usage: flowgen WORKLOAD -o FILE [--scale N] [--seed N] [--start SECONDS] [--ns]\n"
          "Writes a pcap file (\"-\" = standard output) and prints what is in it as JSON\n"
          "(on standard error if the capture goes to standard output).\n\n"
          "  --scale N        one Nth of the flows and packets (default 1)\n"
          "  --seed N         another capture of the same kind (default 1)\n"
          "  --start SECONDS  time of the first packet since 1970 (default 1700000000)\n"
          "  --ns             nanosecond time stamps\n\nWorkloads:\n",
          to);
    for (const struct workload *it = workloads; it->name != NULL; it++)
        fprintf(to, "  %-12s %s\n", it->name, it->help);
}

static uint64_t number_argument(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "flowgen: --%s takes a number %" PRIu64 "..%" PRIu64 ", not %s\n", option,
                least, most, text);
        exit(EXIT_USAGE);
    }
    return value;
}

static struct options parse_arguments(int argc, char **argv)
{
    static const struct option names[] = {
        {"scale", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'r'},
        {"start", required_argument, NULL, 't'}, {"ns", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    struct options options = {.scale = 1, .seed = 1, .start_s = 1700000000};
    int option;
    while ((option = getopt_long(argc, argv, "o:h", names, NULL)) != -1) {
        if (option == 'o')
            options.output = optarg;
        else if (option == 's')
            options.scale = number_argument("scale", optarg, 1, SCALE_MAX);
        else if (option == 'r')
            options.seed = number_argument("seed", optarg, 0, UINT64_MAX);
        else if (option == 't')
            options.start_s = number_argument("start", optarg, 0, UINT32_MAX - 1000);
        else if (option == 'n')
            options.nanoseconds = true;
        else {
            usage(option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
    }
    if (optind + 1 == argc)
        options.workload = argv[optind];
    if (options.workload == NULL || options.output == NULL) {
        usage(stderr);
        exit(EXIT_USAGE);
    }
    return options;
}

static const struct workload *find_workload(const char *name)
{
    for (const struct workload *it = workloads; it->name != NULL; it++)
        if (strcmp(it->name, name) == 0)
            return it;
    fprintf(stderr, "flowgen: no workload is called %s; see flowgen --help\n", name);
    exit(EXIT_USAGE);
}

static void print_truth(FILE *to, const struct options *options, const struct workload_truth *truth)
{
    const struct {
        const char *name;
        uint64_t value;
    } members[] = {
        {"scale", options->scale},
        {"seed", options->seed},
        {"packets", truth->packets},
        {"frame_octets", truth->frame_octets},
        {"ip_octets", truth->ip_octets},
        {"uniflows", truth->uniflows},
        {"biflows", truth->biflows},
        {"tcp_packets", truth->tcp_packets},
        {"udp_packets", truth->udp_packets},
        {"icmp_packets", truth->icmp_packets},
        {"ipv6_packets", truth->ipv6_packets},
        {"first_ns", truth->first_ns},
        {"last_ns", truth->last_ns},
    };
    fprintf(to, "{\"workload\":\"%s\"", options->workload);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        fprintf(to, ",\"%s\":%" PRIu64, members[i].name, members[i].value);
    fputs("}\n", to);
}

int main(int argc, char **argv)
{
    struct options options = parse_arguments(argc, argv);
    const struct workload *workload = find_workload(options.workload);
    struct capture_writer writer;
    if (!capture_writer_open(&writer, options.output, options.nanoseconds)) {
        fprintf(stderr, "flowgen: cannot write %s: %s\n", options.output, strerror(errno));
        return EXIT_FAILURE;
    }
    struct workload_run run = {
        .writer = &writer,
        .seed = options.seed,
        .scale = (uint32_t)options.scale,
        .start_ns = options.start_s * 1000000000u,
    };
    if (!workload->generate(&run, workload)) {
        fprintf(stderr, "flowgen: not enough memory for %s\n", options.workload);
        return EXIT_FAILURE;
    }
    if (!capture_writer_close(&writer)) {
        fprintf(stderr, "flowgen: cannot write %s: %s\n", options.output, strerror(errno));
        return EXIT_FAILURE;
    }
    print_truth(strcmp(options.output, "-") == 0 ? stderr : stdout, &options, &run.truth);
    return EXIT_SUCCESS;
}
