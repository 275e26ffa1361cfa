/*
 * Reads a capture with libpcap and prints what the parsers of TLS, DTLS and QUIC tell of each flow,
 * one JSON line per packet that told something: its number, ends, and the names as hexadecimal
 * octets. A tool for checking these parsers alone against captures with known contents; run by
 * tests/captures/test_hellos. Usage: parse_hellos [-t] CAPTURE (-t: open tunnels).
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/name_quic.h"
#include "app/name_tls.h"
#include "parse/parse.h"

struct flow {
    struct flow_key key;
    uint64_t id;
    uint8_t initiator; /* side of the first packet */
    bool told;
};

struct teller {
    struct name_sink sink;
    char text[NAME_TYPE_COUNT][2 * 600];
    bool told;
};

#define TYPE_KEY(symbol, key, ...) key,
static const char *const type_keys[] = {NAME_TYPES(TYPE_KEY)};

static void *flows;
static uint64_t flow_count;

static int compare_flows(const void *left, const void *right)
{
    const struct flow *a = left, *b = right;
    int order = memcmp(&a->key.head, &b->key.head, sizeof a->key.head);
    if (order == 0)
        order = a->key.family - b->key.family;
    if (order == 0 && a->key.family == 6)
        order = memcmp(a->key.address6_a, b->key.address6_a, 16);
    if (order == 0 && a->key.family == 6)
        order = memcmp(a->key.address6_b, b->key.address6_b, 16);
    return order;
}

static struct flow *flow_of(const struct packet_facts *facts)
{
    struct flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        exit(1);
    flow->key = facts->key;
    flow->initiator = facts->side;
    struct flow **held = tsearch(flow, &flows, compare_flows);
    if (held == NULL)
        exit(1);
    if (*held == flow)
        flow->id = ++flow_count;
    else
        free(flow);
    return *held;
}

static void note(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    struct teller *teller = (struct teller *)sink;
    teller->told = true;
    for (uint32_t i = 0; i < octets && 2 * i + 2 < sizeof teller->text[type]; i++)
        sprintf(teller->text[type] + (size_t)(2 * i), "%02x", text[i]);
}

static void print(const struct teller *teller, const struct packet_facts *facts, uint64_t number)
{
    const struct flow_key_head *head = &facts->key.head;
    bool is_ipv4 = facts->key.family == 4;
    char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6,
              is_ipv4 ? (const void *)&head->address_a : facts->key.address6_a, a, sizeof a);
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6,
              is_ipv4 ? (const void *)&head->address_b : facts->key.address6_b, b, sizeof b);
    printf("{\"packet\":%" PRIu64 ",\"ends\":[\"%s\",%u,\"%s\",%u]", number, a, ntohs(head->port_a),
           b, ntohs(head->port_b));
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
        if (teller->text[type][0])
            printf(",\"%s\":\"%s\"", type_keys[type], teller->text[type]);
    printf("}\n");
}

/* A packet that tells nothing does not end the search: TLS may begin late in a connection. */
static void look(struct name_workspace *workspace, const struct packet_batch *batch,
                 const struct packet_facts *facts, uint64_t number)
{
    if (facts->verdict != PACKET_METERED || facts->payload_length == 0 ||
        facts->facts & PACKET_FACT_LATER_FRAGMENT)
        return;
    struct flow *flow = flow_of(facts);
    struct teller teller = {.sink = {.wanted = UINT32_MAX, .found = note}};
    struct name_state state = {.workspace = workspace, .flow_id = flow->id};
    bool tcp = facts->key.head.protocol == IPPROTO_TCP;
    uint32_t missing = batch->wire_length[0] - batch->captured_length[0];
    struct application_packet packet = {.data = batch->data[0] + facts->payload_offset,
                                        .length = facts->payload_length,
                                        .whole_length = tcp ? facts->tcp_payload_length
                                                            : facts->payload_length + missing,
                                        .tcp_sequence = facts->tcp_sequence,
                                        .tcp = tcp,
                                        .from_client = facts->side == flow->initiator};
    if (flow->told || (!tcp && facts->key.head.protocol != IPPROTO_UDP))
        return;
    bool done = name_tls(&packet, &teller.sink, &state) == NAME_DONE;
    if (!teller.told)
        done = name_quic(&packet, &teller.sink, &state) == NAME_DONE;
    if (teller.told)
        print(&teller, facts, number);
    flow->told = teller.told && done;
}

static uint8_t link_of(int link_type)
{
    static const struct {
        int type;
        uint8_t link;
    } links[] = {{DLT_EN10MB, LINK_ETHERNET},
                 {DLT_RAW, LINK_RAW_IP},
                 {DLT_LINUX_SLL, LINK_LINUX_SLL},
                 {DLT_LINUX_SLL2, LINK_LINUX_SLL2},
                 {DLT_NULL, LINK_NULL_LOOP},
                 {DLT_LOOP, LINK_LOOP},
                 {DLT_PPP, LINK_PPP},
                 {DLT_C_HDLC, LINK_CHDLC},
                 {DLT_IPV4, LINK_RAW_IP},
                 {DLT_IPV6, LINK_RAW_IP}};
    for (unsigned i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i].type == link_type)
            return links[i].link;
    return LINK_UNKNOWN;
}

static void read_capture(pcap_t *capture, struct parser *parser, struct name_workspace *workspace)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    uint64_t packets = 0;
    struct packet_batch batch = {.count = 1, .link = {link_of(pcap_datalink(capture))}};
    struct packet_facts facts[PACKET_BATCH_MAX];
    while (pcap_next_ex(capture, &header, &data) == 1) {
        batch.data[0] = data;
        batch.captured_length[0] = header->caplen;
        batch.wire_length[0] = header->len;
        batch.timestamp_ns[0] = (uint64_t)header->ts.tv_sec * 1000000000u;
        parse_batch(parser, &batch, facts);
        look(workspace, &batch, &facts[0], ++packets);
    }
}

int main(int argc, char **argv)
{
    bool tunnels = argc > 1 && strcmp(argv[1], "-t") == 0;
    struct parser_config config = {.fragment_table = true, .tunnels = tunnels ? TUNNEL_ALL : 0};
    char problem[PCAP_ERRBUF_SIZE] = "no file named";
    pcap_t *capture = NULL;
    if (argc > 1 + tunnels)
        capture = pcap_open_offline(argv[1 + tunnels], problem);
    struct error error;
    struct parser *parser = parser_create(&config, &error);
    struct name_workspace *workspace = name_workspace_create(256, &error);
    if (capture == NULL || parser == NULL || workspace == NULL) {
        fprintf(stderr, "parse_hellos: %s\n", capture == NULL ? problem : error.text);
        return 2;
    }
    read_capture(capture, parser, workspace);
    name_workspace_destroy(workspace);
    parser_destroy(parser);
    pcap_close(capture);
    tdestroy(flows, free);
    return 0;
}
