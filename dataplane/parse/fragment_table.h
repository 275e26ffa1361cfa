/*
 * The bounded fragment table: it remembers the ports of first fragments, so that later fragments
 * of the same datagram join its flow. One per parser, used by the worker thread only; memory is
 * taken once at creation. When it is full the oldest entry makes room.
 */
#ifndef SPANFLOW_PARSE_FRAGMENT_TABLE_H
#define SPANFLOW_PARSE_FRAGMENT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum { FRAGMENT_TABLE_ENTRIES = 4096 };
#define FRAGMENT_LIFETIME_NS (30ull * 1000000000ull) /* by packet time */

/* A datagram (RFC 791 section 3.2, RFC 8200 section 4.5). Addresses of IPv4 fill 4 bytes, the
 * rest is 0. All bytes take part in the comparison. */
struct fragment_key {
    uint8_t source[16];
    uint8_t destination[16];
    uint32_t id;
    uint8_t protocol;
    uint8_t family;
    uint16_t zero;
};

/* What later fragments inherit. Ports in network byte order. */
struct fragment_ports {
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t protocol; /* of the flow key: behind an IPv6 extension chain it is known only here */
};

struct fragment_table;

/* Allocates a table whose hash is keyed with SEED. NULL on lack of memory. Control thread. */
struct fragment_table *fragment_table_create(const uint64_t seed[2]);

/* Frees it; NULL is fine. */
void fragment_table_destroy(struct fragment_table *table);

/*
 * Remembers PORTS for KEY at packet time TIMESTAMP_NS and makes it the youngest entry. Returns
 * true if a living entry was thrown out to make room.
 */
bool fragment_table_insert(struct fragment_table *table, const struct fragment_key *key,
                           const struct fragment_ports *ports, uint64_t timestamp_ns);

/* The ports of KEY if its first fragment is at most FRAGMENT_LIFETIME_NS away in time. */
bool fragment_table_find(struct fragment_table *table, const struct fragment_key *key,
                         uint64_t timestamp_ns, struct fragment_ports *ports);

#endif
