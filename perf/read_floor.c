/*
 * read_floor: reads a capture through libpcap and touches each packet's IP header. What this costs
 * no program that reads through libpcap can go below, so other costs are given as ratios to it.
 * Prints packets, frame octets and a sum over the bytes touched, as JSON.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

struct floor_totals {
    uint64_t packets;
    uint64_t frame_octets;
    uint64_t touched; /* keeps the compiler from leaving the reads out */
};

enum { TOUCHED_FIRST = 14, TOUCHED_OCTETS = 40 };

static void touch(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct floor_totals *totals = (struct floor_totals *)(void *)user;
    totals->packets++;
    totals->frame_octets += header->len;
    if (header->caplen >= TOUCHED_FIRST + TOUCHED_OCTETS)
        totals->touched += (uint64_t)data[TOUCHED_FIRST] + data[TOUCHED_FIRST + TOUCHED_OCTETS - 1];
}

int main(int argc, char **argv)
{
    char problem[PCAP_ERRBUF_SIZE];
    if (argc != 2) {
        fputs("Usage: read_floor FILE\n", stderr);
        return 2;
    }
    pcap_t *capture = pcap_open_offline(argv[1], problem);
    if (capture == NULL) {
        fprintf(stderr, "read_floor: %s\n", problem);
        return EXIT_FAILURE;
    }
    struct floor_totals totals = {0};
    int status = pcap_loop(capture, -1, touch, (u_char *)(void *)&totals);
    if (status < 0)
        fprintf(stderr, "read_floor: %s: %s\n", argv[1], pcap_geterr(capture));
    pcap_close(capture);
    printf("{\"packets\":%" PRIu64 ",\"frame_octets\":%" PRIu64 ",\"touched\":%" PRIu64 "}\n",
           totals.packets, totals.frame_octets, totals.touched);
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
