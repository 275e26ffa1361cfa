/*
 * What of a packet is kept in the snapshot ring, and of which packets of a flow. Made by the
 * control thread from the configuration, then immutable and shared by all workers.
 *
 * snap_length says how much of each packet:
 *   SNAPSHOT_HEADERS     up to the end of the transport header, at most 128 octets. No octet behind
 *                        it: later fragments and protocols without a transport header that we know
 *                        end with the IP header, ICMP with its first 8 octets, ARP is whole, and of
 *                        other frames and of unusable IP headers only the link header is kept.
 *   64 .. 65535          so many octets
 *   SNAPSHOT_EVERYTHING  all that was captured
 *
 * Cutoffs say how many packets of a flow, both directions together: those whose number in the flow
 * is at most .packets and in front of which the flow had fewer than .octets IP octets. A flow that
 * was cut off stays so until its end, over active cuts and other policies. The cutoff is that of
 * the first class that one of the flow's two ends belongs to (its address lies in a prefix of the
 * class, and its port is among the class's ports, each if there are any) and whose applications
 * name that of the flow, if there are any; else the policy's own. The class is chosen with the
 * flow's first packet and again when its application is found.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_POLICY_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/prefix_set.h"
#include "packet/packet_batch.h"
#include "parse/parse.h"

#define SNAPSHOT_HEADERS    0u
#define SNAPSHOT_EVERYTHING UINT32_MAX
enum {
    SNAPSHOT_HEADERS_MAX = 128,
    SNAPSHOT_SNAP_LENGTH_MIN = 64,
    SNAPSHOT_SNAP_LENGTH_MAX = 65535,
    SNAPSHOT_CLASSES_MAX = 32
};
/* The largest cutoffs; hot counters hold no more. */
#define SNAPSHOT_CUTOFF_PACKETS_MAX (1ull << 22)
#define SNAPSHOT_CUTOFF_OCTETS_MAX  (1ull << 38)

struct snapshot_cutoff {
    uint64_t packets; /* 0: none */
    uint64_t octets;  /* IP octets; 0: none */
};

/* An entry of the list of classes; what it points to is copied. */
struct snapshot_class_config {
    const struct prefix_set_entry *prefixes; /* none: any address */
    uint32_t prefix_count;
    const uint16_t *ports; /* host byte order; none: any port */
    uint32_t port_count;
    const uint16_t *applications; /* numbers of the application rules (flow_cold.application & */
    uint32_t application_count;   /* FLOW_APPLICATION_NUMBER); none: any */
    struct snapshot_cutoff cutoff;
};

struct snapshot_policy_config {
    uint32_t snap_length; /* SNAPSHOT_HEADERS, 64..65535 or SNAPSHOT_EVERYTHING */
    struct snapshot_cutoff cutoff;
    const struct snapshot_class_config *classes; /* in the order in which they are tried */
    uint32_t class_count;                        /* at most SNAPSHOT_CLASSES_MAX */
};

struct snapshot_policy;

/* NULL and ERROR if memory is short or a number is out of its range. Control thread. */
struct snapshot_policy *snapshot_policy_create(const struct snapshot_policy_config *config,
                                               struct error *error);
/* No worker may use it any more. NULL is fine. Control thread. */
void snapshot_policy_destroy(struct snapshot_policy *policy);

/* Whether octets behind transport headers may be kept. */
bool snapshot_policy_keeps_payload(const struct snapshot_policy *policy);
/* Whether there is any cutoff; without one every packet is kept. */
bool snapshot_policy_cuts_off(const struct snapshot_policy *policy);
/* Whether there are classes, so that they are worth choosing. */
bool snapshot_policy_has_classes(const struct snapshot_policy *policy);

/* The octets that are kept of each packet i of SELECTED of BATCH: LENGTHS[i], at most its captured
 * length; FACTS[i] is the parser's word on it, usable or not. Other lengths may be written, too.
 * Worker thread. */
void snapshot_policy_lengths(const struct snapshot_policy *policy, const struct packet_batch *batch,
                             const struct packet_facts *facts, uint64_t selected,
                             uint32_t *lengths);

/* The number of the class of the flow with KEY and APPLICATION (0: none is known): 1 for the first
 * class, 0 for none. Worker thread. */
uint8_t snapshot_policy_class(const struct snapshot_policy *policy, const struct flow_key *key,
                              uint16_t application);
/* The cutoff of class NUMBER as snapshot_policy_class() tells it; of numbers that are no class the
 * policy's own. */
const struct snapshot_cutoff *snapshot_policy_cutoff(const struct snapshot_policy *policy,
                                                     uint8_t number);

#endif
