/*
 * Reads a capture with libpcap, parses it and prints the sum of each directed key as one JSON
 * line, with a last line of counters. A tool for checking the parser alone against captures with
 * known contents; run by tests/captures/test_parser. Usage: parse_flows [-t] [-f] CAPTURE (-t: open
 * tunnels, -f: use the fragment table).
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parse/parse.h"

struct flow_sum {
    struct flow_key key;
    uint16_t vlan[2];
    uint8_t side;
    uint64_t packets, octets, first_ns, last_ns;
    unsigned flags;
};

static void *flows;
static uint64_t ignored[IGNORED_COUNT];

static int compare_sums(const void *left, const void *right)
{
    const struct flow_sum *a = left, *b = right;
    int order = memcmp(&a->key.head, &b->key.head, sizeof a->key.head);
    if (order == 0)
        order = a->key.family - b->key.family;
    if (order == 0 && a->key.family == 6)
        order = memcmp(a->key.address6_a, b->key.address6_a, 16);
    if (order == 0 && a->key.family == 6)
        order = memcmp(a->key.address6_b, b->key.address6_b, 16);
    return order == 0 ? a->side - b->side : order;
}

static void add_packet(const struct packet_facts *facts, uint64_t time_ns)
{
    if (facts->verdict != PACKET_METERED) {
        ignored[facts->verdict]++;
        return;
    }
    struct flow_sum *sum = calloc(1, sizeof *sum);
    if (sum == NULL)
        exit(1);
    *sum = (struct flow_sum){.key = facts->key, .side = facts->side, .first_ns = time_ns};
    memcpy(sum->vlan, facts->vlan, sizeof sum->vlan);
    struct flow_sum **held = tsearch(sum, &flows, compare_sums);
    if (held == NULL)
        exit(1);
    if (*held != sum)
        free(sum);
    sum = *held;
    sum->packets++;
    sum->octets += facts->ip_octets;
    sum->flags |= facts->tcp_flags;
    if (time_ns < sum->first_ns)
        sum->first_ns = time_ns;
    if (time_ns > sum->last_ns)
        sum->last_ns = time_ns;
}

static void print_sum(const void *node, VISIT which, int depth)
{
    (void)depth;
    if (which != postorder && which != leaf)
        return;
    const struct flow_sum *sum = *(struct flow_sum *const *)node;
    const struct flow_key_head *head = &sum->key.head;
    bool is_ipv4 = sum->key.family == 4;
    char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6,
              is_ipv4 ? (const void *)&head->address_a : sum->key.address6_a, a, sizeof a);
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6,
              is_ipv4 ? (const void *)&head->address_b : sum->key.address6_b, b, sizeof b);
    printf("{\"vlan\":[%u,%u],\"src\":\"%s\",\"dst\":\"%s\",\"proto\":%u,\"sport\":%u,"
           "\"dport\":%u,\"packets\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"flags\":%u,"
           "\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64 "}\n",
           flow_key_vlan_outer(head), flow_key_vlan_inner(head), sum->side ? b : a,
           sum->side ? a : b, head->protocol, ntohs(sum->side ? head->port_b : head->port_a),
           ntohs(sum->side ? head->port_a : head->port_b), sum->packets, sum->octets, sum->flags,
           sum->first_ns, sum->last_ns);
}

static void print_counters(const struct parser *parser, uint64_t packets)
{
    static const char *const reasons[] = {
#define REASON_NAME(name, text, help) text,
        LEDGER_IGNORED(REASON_NAME)};
    const struct parser_counters *counters = parser_counters(parser);
    printf("{\"counters\":{\"packets\":%" PRIu64 ",\"length_exceeds_frame\":%" PRIu64
           ",\"tunnel_malformed\":%" PRIu64 ",\"transport_cut\":%" PRIu64
           ",\"fragment_hits\":%" PRIu64 ",\"fragment_misses\":%" PRIu64 ",\"ignored\":{",
           packets, counters->length_exceeds_frame, counters->tunnel_malformed,
           counters->transport_cut, counters->fragment_hits, counters->fragment_misses);
    const char *comma = "";
    for (int i = 0; i < IGNORED_COUNT; i++) {
        if (ignored[i] == 0)
            continue;
        printf("%s\"%s\":%" PRIu64, comma, reasons[i], ignored[i]);
        comma = ",";
    }
    printf("}}}\n");
}

static uint8_t link_of(int link_type)
{
    switch (link_type) {
    case DLT_EN10MB:
        return LINK_ETHERNET;
    case DLT_RAW:
        return LINK_RAW_IP;
    case DLT_LINUX_SLL:
        return LINK_LINUX_SLL;
    case DLT_LINUX_SLL2:
        return LINK_LINUX_SLL2;
    default:
        return LINK_UNKNOWN;
    }
}

static uint64_t read_capture(pcap_t *capture, struct parser *parser)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    uint64_t packets = 0;
    struct packet_batch batch = {.count = 1, .link = {link_of(pcap_datalink(capture))}};
    struct packet_facts facts[PACKET_BATCH_MAX];
    while (pcap_next_ex(capture, &header, &data) == 1) {
        uint64_t time_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
        batch.data[0] = data;
        batch.captured_length[0] = header->caplen;
        batch.wire_length[0] = header->len;
        batch.timestamp_ns[0] = time_ns;
        parse_batch(parser, &batch, facts);
        add_packet(&facts[0], time_ns);
        packets++;
    }
    return packets;
}

int main(int argc, char **argv)
{
    struct parser_config config = {.vlan_in_key = true};
    for (int option; (option = getopt(argc, argv, "tf")) != -1;) {
        if (option == 't')
            config = (struct parser_config){.tunnels = TUNNEL_ALL};
        else
            config.fragment_table = true;
    }
    char problem[PCAP_ERRBUF_SIZE] = "no file named";
    pcap_t *capture = NULL;
    if (optind < argc)
        capture = pcap_open_offline_with_tstamp_precision(argv[optind], PCAP_TSTAMP_PRECISION_NANO,
                                                          problem);
    struct error error;
    struct parser *parser = parser_create(&config, &error);
    if (capture == NULL || parser == NULL) {
        fprintf(stderr, "parse_flows: %s\n", capture == NULL ? problem : error.text);
        return 2;
    }
    uint64_t packets = read_capture(capture, parser);
    twalk(flows, print_sum);
    print_counters(parser, packets);
    parser_destroy(parser);
    pcap_close(capture);
    tdestroy(flows, free);
    return 0;
}
