/*
 * Frames made in the kernel and sent out of an interface, for perf/run_xdp:
 *
 *     live_frames send INTERFACE FLOWS PACKETS OCTETS RATE [ORDER]   RATE 0: as fast as it goes
 *     live_frames drop INTERFACE                                     until its standard input ends
 *
 * ORDER: turn (each flow in its turn) or zipf (the flow of rank r as often as 1/r says). `send`
 * prints what it cost as one JSON object. UDP over IPv4; OCTETS with the frame check
 * sequence. Needs root.
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include "live_frames.skel.h"

enum { HEADER_OCTETS = 42, BATCH = 64, TICK_US = 2000, FLOWS_MAX = 1 << 24 };

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int fail(const char *what)
{
    fprintf(stderr, "live_frames: %s: %s\n", what, strerror(errno));
    return 1;
}

/* The frame that the program fills in; returns the sum of its IPv4 header as it is. */
static uint32_t make_frame(uint8_t *frame, uint32_t octets)
{
    static const uint8_t start[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0};
    uint32_t ip = octets - 14, udp = ip - 20, sum = 0;
    memset(frame, 0, octets);
    memcpy(frame, start, sizeof start);
    frame[16] = (uint8_t)(ip >> 8);
    frame[17] = (uint8_t)ip;
    frame[22] = 64;
    frame[23] = 17;
    memcpy(frame + 30, "\xc6\x12\0\1", 4); /* 198.18.0.1, for benchmarks */
    frame[36] = 0x11;                      /* port 4433 */
    frame[37] = 0x51;
    frame[38] = (uint8_t)(udp >> 8);
    frame[39] = (uint8_t)udp;
    for (unsigned i = 14; i < 34; i += 2)
        sum += (uint32_t)frame[i] << 8 | frame[i + 1];
    return sum;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* How many times two are multiplied to be as many as FLOWS. */
static uint32_t octaves_of(uint32_t flows)
{
    uint32_t octaves = 0;
    while ((uint64_t)1 << octaves < flows)
        octaves++;
    return octaves;
}

static bool run(int program, uint8_t *frame, uint32_t octets, uint32_t ifindex, uint32_t packets)
{
    struct xdp_md context = {.data_end = octets, .ingress_ifindex = ifindex};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = octets,
                .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = (int)packets,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
    return bpf_prog_test_run_opts(program, &options) == 0;
}

/* Sends PACKETS; with a RATE in portions, one each TICK_US. */
static bool send_all(int program, uint8_t *frame, uint32_t octets, uint32_t ifindex,
                     uint64_t packets, uint64_t rate)
{
    double start = seconds(CLOCK_MONOTONIC);
    for (uint64_t sent = 0; sent < packets;) {
        uint64_t due = packets;
        if (rate)
            due = (uint64_t)((seconds(CLOCK_MONOTONIC) - start) * (double)rate) + 1;
        uint64_t portion = due > sent ? due - sent : 0;
        portion = portion > packets - sent ? packets - sent : portion;
        portion = portion > 1 << 20 ? 1 << 20 : portion;
        if (portion && !run(program, frame, octets, ifindex, (uint32_t)portion))
            return false;
        sent += portion;
        if (rate)
            usleep(TICK_US);
    }
    return true;
}

static int send_frames(uint32_t ifindex, char **words, bool skewed)
{
    uint8_t frame[2048];
    uint32_t flows = (uint32_t)strtoul(words[0], NULL, 10);
    uint64_t packets = strtoull(words[1], NULL, 10), rate = strtoull(words[3], NULL, 10);
    uint32_t octets = (uint32_t)strtoul(words[2], NULL, 10) - 4;
    if (flows == 0 || flows > FLOWS_MAX || octets < HEADER_OCTETS || octets > 1514) {
        fprintf(stderr, "live_frames: 1 to 2^24 flows, 46 to 1518 octets\n");
        return 2;
    }
    struct live_frames_bpf *skeleton = live_frames_bpf__open();
    if (!skeleton)
        return fail("open");
    uint32_t stride = (uint32_t)((uint64_t)flows * 618 / 1000);
    while (stride == 0 || greatest_divisor(stride, flows) != 1)
        stride++;
    skeleton->rodata->header_sum = make_frame(frame, octets);
    skeleton->rodata->out_interface = ifindex;
    skeleton->rodata->flows = flows;
    skeleton->rodata->stride = flows == 1 ? 0 : stride;
    skeleton->rodata->octaves = skewed ? octaves_of(flows) : 0;
    if (live_frames_bpf__load(skeleton) != 0)
        return fail("load");
    double start = seconds(CLOCK_MONOTONIC);
    int program = bpf_program__fd(skeleton->progs.live_frame);
    if (!send_all(program, frame, octets, ifindex, packets, rate))
        return fail("BPF_PROG_TEST_RUN");
    double passed = seconds(CLOCK_MONOTONIC) - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"packets\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
           (unsigned long long)packets, passed,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6);
    live_frames_bpf__destroy(skeleton);
    return 0;
}

static int drop_frames(uint32_t ifindex)
{
    struct live_frames_bpf *skeleton = live_frames_bpf__open_and_load();
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    if (!skeleton)
        return fail("load");
    if (bpf_link_create(bpf_program__fd(skeleton->progs.drop_all), (int)ifindex, BPF_XDP,
                        &options) < 0)
        return fail("attach");
    puts("attached");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return 0;
}

int main(int count, char **words)
{
    uint32_t ifindex = count > 2 ? if_nametoindex(words[2]) : 0;
    bool skewed = count == 8 && strcmp(words[7], "zipf") == 0;
    bool turn = count == 7 || (count == 8 && strcmp(words[7], "turn") == 0);
    bool send = (turn || skewed) && strcmp(words[1], "send") == 0;
    bool drop = count == 3 && strcmp(words[1], "drop") == 0;
    if (!ifindex || !(send || drop)) {
        fprintf(stderr, "usage: live_frames send INTERFACE FLOWS PACKETS OCTETS RATE "
                        "[turn|zipf]\n"
                        "       live_frames drop INTERFACE\n");
        return 2;
    }
    return send ? send_frames(ifindex, words + 3, skewed) : drop_frames(ifindex);
}
