/*
 * Payload that is made to be expensive for the rules that come with the probe: it matches much, or
 * keeps many expressions alive to its end. For tests and benchmarks.
 */
#ifndef SPANFLOW_PERF_BENCH_HOSTILE_PAYLOAD_H
#define SPANFLOW_PERF_BENCH_HOSTILE_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hostile_payload {
    const char *kind;
    bool tcp;
    uint16_t port;
    const char *head, *body; /* the head once, then the body again and again */
};

static const struct hostile_payload hostile_payloads[] = {
    {"hostile path", true, 443, "GET /", "_search_cat_bulk_alias_"},
    {"hostile lines", true, 443, "HTTP/1.1 200 OK\r\n", "a:b\r\nX-elastic-product\r\n:\r\n"},
    {"hostile pieces", true, 443, "",
     "(ADDRESS=\"cluster_name\":\"a\",\x28\xca\x22\x02(ERROR_STACK="},
    {"hostile tags", false, 3702, "<a:Envelope ", "schemas.xmlsoap.org/ws/2005/04/discover"},
    {"hostile dots", false, 53, "HTTP/1.1 200 OK\r\n", "ST:uuiST:uuSERVER:\r\n:\r\n"},
};
enum { HOSTILE_PAYLOADS = sizeof hostile_payloads / sizeof hostile_payloads[0] };

/* Fills DATA with OCTETS octets of KIND. */
static inline void hostile_fill(const struct hostile_payload *kind, uint8_t *data, uint32_t octets)
{
    size_t head = strlen(kind->head), body = strlen(kind->body);
    for (uint32_t i = 0; i < octets; i++)
        data[i] = (uint8_t)(i < head ? kind->head[i] : kind->body[(i - head) % body]);
}

#endif
