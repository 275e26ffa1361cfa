/*
 * bench_names_text: what it costs to read the names out of one packet and to clean them; beside a
 * plain automaton over the same octets. A row for each parser and kind of payload; `names` are told
 * by one packet. `other` rows are what packets of other protocols cost: whether a parser is called
 * for at all. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "app/name_banner.h"
#include "app/name_dns.h"
#include "app/name_http.h"
#include "app/name_text.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"

enum { PAYLOAD_OCTETS_MAX = 1460 };

struct payload_case {
    const char *kind;
    enum name_progress (*parse)(const struct application_packet *packet, struct name_sink *sink,
                                struct name_state *state);
    uint16_t server;
    bool tcp, from_client;
    const char *text;
    uint32_t octets, filled; /* of TEXT, and with letters behind it */
};

#define TEXT(text) text, sizeof(text) - 1

#define QUESTION "\3www\7example\3org\0\0\1\0\1"
#define ADDRESS  "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2"

/* Whether any parser is called for: what each packet of an unknown application is asked. */
static enum name_progress ask_all(const struct application_packet *packet, struct name_sink *sink,
                                  struct name_state *state)
{
    bool called = name_is_http(packet) || name_is_dns(packet) || name_is_ssh(packet) ||
                  name_is_smtp(packet) || name_is_imap(packet) || name_is_pop(packet);
    (void)sink;
    (void)state;
    return called ? NAME_MORE : NAME_DONE;
}

static const struct payload_case cases[] = {
    {"http request", name_http, 80, true, true,
     TEXT("GET /library/index.html?page=2 HTTP/1.1\r\nHost: www.example.org\r\n"
          "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
          "Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate\r\n\r\n"),
     0},
    {"http head uncut", name_http, 80, true, true,
     TEXT("GET / HTTP/1.1\r\nHost: www.example.org\r\nCookie: "), PAYLOAD_OCTETS_MAX},
    {"http response", name_http, 80, true, false,
     TEXT("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\n\r\n"), PAYLOAD_OCTETS_MAX},
    {"http body", name_http, 80, true, false, TEXT(""), PAYLOAD_OCTETS_MAX},
    {"dns question", name_dns, 53, false, true, TEXT("\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION), 0},
    {"dns response", name_dns, 53, false, false,
     TEXT("\x12\x34\x81\x80\0\1\0\4\0\0\0\0" QUESTION ADDRESS "\1" ADDRESS "\2" ADDRESS "\3" ADDRESS
          "\4"),
     0},
    {"ssh banner", name_ssh, 22, true, false, TEXT("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), 0},
    {"smtp greeting", name_smtp, 25, true, false, TEXT("220 mx.example.org ESMTP ready\r\n"), 0},
    {"imap greeting", name_imap, 143, true, false, TEXT("* OK IMAP4rev1 server ready\r\n"), 0},
    {"pop greeting", name_pop, 110, true, false, TEXT("+OK POP3 server ready\r\n"), 0},
    {"other text", ask_all, 4000, true, false, TEXT("FEW words "), PAYLOAD_OCTETS_MAX},
    {"other binary", ask_all, 443, true, false, TEXT("\x17\x03\x03\x05\xaf"), PAYLOAD_OCTETS_MAX},
};

struct clean_sink {
    struct name_sink sink; /* first: the parser's pointer is ours */
    uint64_t names, octets;
};

static void clean(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    struct clean_sink *to = (struct clean_sink *)sink;
    uint8_t out[NAME_OCTETS_MAX];
    to->octets += name_text_clean(type, text, octets, out);
    to->names++;
}

static void run_case(const struct bench_options *options, const struct payload_case *it)
{
    static uint8_t data[PAYLOAD_OCTETS_MAX];
    uint32_t octets = it->filled > it->octets ? it->filled : it->octets;
    const uint16_t client = 50000;
    const struct application_packet packet = {.data = data,
                                              .length = octets,
                                              .whole_length = octets,
                                              .source_port = it->from_client ? client : it->server,
                                              .destination_port =
                                                  it->from_client ? it->server : client,
                                              .tcp = it->tcp,
                                              .from_client = it->from_client,
                                              .client_known = it->tcp};
    struct clean_sink sink = {.sink = {.wanted = UINT32_MAX, .found = clean}};
    struct bench_samples cycles = {0}, limit = {0};
    uint64_t packets = 0;
    memset(data, 'x', octets);
    memcpy(data, it->text, it->octets);
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_automaton(data, octets, options->packets));
        uint64_t start = bench_cycles();
        for (uint64_t i = 0; i < options->packets; i++) {
            it->parse(&packet, &sink.sink, NULL);
            __asm__ volatile("" ::: "memory");
        }
        bench_add(&cycles, (double)(bench_cycles() - start) / (double)options->packets);
        packets += options->packets;
    }
    bench_row_begin("names_text");
    bench_row_text("payload", it->kind);
    bench_row_number("octets", octets, 0);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("ns_per_packet", bench_best(&cycles) / bench_cycles_hz() * 1e9, 0);
    uint64_t each = packets > 0 ? sink.names / packets : 0; /* names of one packet */
    bench_row_number("names", (double)each, 0);
    bench_row_truth("balanced", each * packets == sink.names);
    bench_row_end(options);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_names_text", argc, argv);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&options, &cases[i]);
    return EXIT_SUCCESS;
}
