/*
 * The interfaces that the packets of the snapshot ring came by, one registry for the whole process:
 * an id for each pair of port and link layer, which is the interface id of pcapng. An id, once
 * given, never changes, so that blocks of all workers and rings can be mixed; segments and extracts
 * write an interface description for each.
 *
 * Names of ports are told before packets come. Ids are given at start for what is known, else by
 * the worker that first sees the pair, under a lock: once per pair.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_INTERFACES_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet_batch.h"

/* When no more ids are there, all further ports of a link layer share one that is named "other". */
enum { SNAPSHOT_INTERFACES_MAX = 1024 };

struct snapshot_interface {
    uint16_t port;      /* packet_batch.port */
    uint8_t link;       /* enum link_layer */
    uint16_t link_type; /* LINKTYPE number of pcapng; 147 (user 0) where the link is unknown */
    uint32_t ifindex;   /* element 10; 0 if it is not known */
    char name[32];      /* UTF-8, ends with 0 */
};

struct snapshot_interfaces;

/* NULL and ERROR if memory is short. Control thread. */
struct snapshot_interfaces *snapshot_interfaces_create(struct error *error);
/* No ring, store or query may use it any more. NULL is fine. Control thread. */
void snapshot_interfaces_destroy(struct snapshot_interfaces *interfaces);

/* The name and the index of PORT; at most 31 octets of NAME are kept. Counts for ids that are given
 * from then on. Control thread. */
void snapshot_interfaces_name(struct snapshot_interfaces *interfaces, uint16_t port,
                              uint32_t ifindex, const char *name);

/* The id of PORT and LINK, given now if there is none yet. Without a lock if there is. Any thread.
 */
uint32_t snapshot_interfaces_id(struct snapshot_interfaces *interfaces, uint16_t port,
                                enum link_layer link);

/* How many ids there are: 0 to this less one. Whoever reads a packet's id in a published block sees
 * a count above it. Any thread. */
uint32_t snapshot_interfaces_count(const struct snapshot_interfaces *interfaces);

/* The interface with ID, below the count; never changes. Any thread. */
const struct snapshot_interface *
snapshot_interfaces_get(const struct snapshot_interfaces *interfaces, uint32_t id);

#endif
