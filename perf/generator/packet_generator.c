/*
 * packet_generator: offers UDP packets to one DPDK device at a controlled rate and prints what
 * became of them as JSON. perf/pktgen/zero_loss runs it beside spanflowd, both ends of a memif; it
 * works on every device that can send.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/generator/dpdk_sender.h"

enum { EXIT_USAGE = 2 };

struct options {
    const char *device;
    uint32_t size; /* 0: the mix */
    uint32_t flows;
    double link_wait_s;
    struct offer offer;
};

static volatile sig_atomic_t stop;

static void ask_to_stop(int number)
{
    (void)number;
    stop = 1;
}

static void usage(FILE *to)
{
    fputs(
        "Usage: packet_generator DEVICE [options]\n"
        "Offers UDP packets to a DPDK device (a PCI address, or a virtual device such as\n"
        "net_memif0,role=client,socket=/run/spanflow.sock) and prints what became of them as one\n"
        "JSON object. Then it keeps the link up until its standard input ends, so that the other\n"
        "end can take what is still under way.\n\n"
        "  --size OCTETS      of a frame with its check sequence, 64 to 1518, or imix (default "
        "64)\n"
        "  --flows N          different source addresses (default 1000)\n"
        "  --rate PACKETS     in a second; 0 is as fast as it can (default 0)\n"
        "  --packets N        ends after so many (default: no end)\n"
        "  --seconds S        ends after this time (default 10)\n"
        "  --burst N          packets handed over together, 1 to 64 (default 32)\n"
        "  --wait             what the port does not take at once is offered again; without it\n"
        "                     it is counted as unsent, as a switch counts output drops\n"
        "  --link-wait S      how long the link may take to come up (default 30)\n",
        to);
}

_Noreturn static void refuse(const char *option, const char *wanted, const char *text)
{
    fprintf(stderr, "packet_generator: --%s takes %s, not %s\n", option, wanted, text);
    exit(EXIT_USAGE);
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    char wanted[64];
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && value >= least && value <= most)
        return value;
    snprintf(wanted, sizeof wanted, "a number %" PRIu64 "..%" PRIu64, least, most);
    refuse(option, wanted, text);
}

static double amount(const char *option, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == '\0' && value >= 0 && value < 1e12)
        return value;
    refuse(option, "a number that is not negative", text);
}

static void take(struct options *options, int option, const char *text)
{
    if (option == 's')
        options->size = strcmp(text, "imix") == 0
                            ? 0
                            : (uint32_t)number("size", text, FRAME_SIZE_MIN, FRAME_SIZE_MAX);
    else if (option == 'f')
        options->flows = (uint32_t)number("flows", text, 1, FRAME_FLOWS_MAX);
    else if (option == 'r')
        options->offer.packets_per_s = amount("rate", text);
    else if (option == 'p')
        options->offer.packets = number("packets", text, 1, UINT64_MAX);
    else if (option == 't')
        options->offer.seconds = amount("seconds", text);
    else if (option == 'b')
        options->offer.burst = (uint32_t)number("burst", text, 1, SENDER_BURST_MAX);
    else if (option == 'l')
        options->link_wait_s = amount("link-wait", text);
    else
        options->offer.wait = true;
}

static struct options parse_arguments(int argc, char **argv)
{
    static const struct option names[] = {
        {"size", required_argument, NULL, 's'},    {"flows", required_argument, NULL, 'f'},
        {"rate", required_argument, NULL, 'r'},    {"packets", required_argument, NULL, 'p'},
        {"seconds", required_argument, NULL, 't'}, {"burst", required_argument, NULL, 'b'},
        {"wait", no_argument, NULL, 'w'},          {"link-wait", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {0},
    };
    struct options options = {
        .size = FRAME_SIZE_MIN,
        .flows = 1000,
        .link_wait_s = 30,
        .offer = {.packets = UINT64_MAX, .seconds = 10, .burst = 32, .stop = &stop},
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        if (option == 'h' || option == '?') {
            usage(option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
        take(&options, option, optarg);
    }
    if (optind + 1 != argc) {
        usage(stderr);
        exit(EXIT_USAGE);
    }
    options.device = argv[optind];
    return options;
}

static void print_result(const struct options *options, const struct offered *result)
{
    char size[16] = "imix";
    if (options->size)
        snprintf(size, sizeof size, "%" PRIu32, options->size);
    printf("{\"size\":\"%s\",\"flows\":%" PRIu32 ",\"target_pps\":%.0f,\"offered\":%" PRIu64
           ",\"sent\":%" PRIu64 ",\"sent_octets\":%" PRIu64 ",\"unsent\":%" PRIu64
           ",\"schedule_restarts\":%" PRIu64 ",\"seconds\":%.6f}\n",
           size, options->flows, options->offer.packets_per_s, result->offered, result->sent,
           result->sent_octets, result->unsent, result->restarts, result->seconds);
    fflush(stdout);
}

/* Returns when standard input ends or a signal comes. */
static void wait_for_end_of_input(void)
{
    char octets[256];
    while (!stop) {
        ssize_t count = read(STDIN_FILENO, octets, sizeof octets);
        if (count == 0 || (count < 0 && errno != EINTR))
            return;
    }
}

static bool run(const struct options *options, struct error *error)
{
    static struct frame_set frames;
    struct offered result;
    if (!dpdk_sender_open(options->device, error) ||
        !dpdk_sender_start(options->link_wait_s, &stop, error))
        return false;
    frames_start(&frames, options->size, options->flows);
    bool good = dpdk_sender_offer(&frames, &options->offer, &result, error);
    print_result(options, &result);
    if (good)
        wait_for_end_of_input();
    return good;
}

int main(int argc, char **argv)
{
    struct options options = parse_arguments(argc, argv);
    struct sigaction action = {.sa_handler = ask_to_stop};
    struct error error = {""};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    bool good = run(&options, &error);
    if (!good)
        fprintf(stderr, "packet_generator: %s\n", error.text);
    dpdk_sender_close();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
