/*
 * First payloads that look like what they are: HTTP requests, TLS ClientHellos with a server name,
 * DNS queries and answers. Called by the imix workload; keeps nothing.
 */
#ifndef SPANFLOW_PERF_FLOWGEN_PAYLOAD_H
#define SPANFLOW_PERF_FLOWGEN_PAYLOAD_H

#include <stdint.h>

enum { PAYLOAD_OCTETS_MAX = 600 };

/* Each fills BUFFER (PAYLOAD_OCTETS_MAX) with a message about host number HOST and returns its
 * length in octets. */
uint32_t payload_http_request(uint8_t *buffer, uint32_t host);
uint32_t payload_tls_client_hello(uint8_t *buffer, uint32_t host);
uint32_t payload_dns_query(uint8_t *buffer, uint32_t host);
uint32_t payload_dns_answer(uint8_t *buffer, uint32_t host);

#endif
