/*
 * The terms of the ledger, each listed once. Enum, JSON and YANG name and help text come from
 * these lists, so that a new reason cannot stay invisible.
 *
 *   (1) observed = metered + filtered + ignored + dropped     packets, frame octets
 *   (2) metered  = exported + cached + in_kernel + lost       packets, IP octets
 *   (3) records out = sent + queued + spooled + lost          records, for each destination
 *   (4) seen = stored + in_memory + cut_off + overload + failed   packets, frame octets, of the
 *                                                             snapshot ring
 *
 * No term is ever computed from the others. Every counter has one writer; others read it from
 * the copy made at a ledger cut. All increments go through ledger_add() so that the tests can
 * switch off one counter at a time and see the balance break.
 */
#ifndef SPANFLOW_BASE_LEDGER_TERMS_H
#define SPANFLOW_BASE_LEDGER_TERMS_H

#include <stdint.h>

/* Left out on purpose by configuration. */
#define LEDGER_FILTERED(X)                                                                         \
    X(FILTERED_EXPRESSION, "expression", "the filter expression did not match")                    \
    X(FILTERED_DUPLICATE, "duplicate", "seen on another port shortly before")                      \
    X(FILTERED_SAMPLING, "sampling", "not selected by packet sampling")                            \
    X(FILTERED_IGNORE_PREFIX, "ignore_prefix", "an address lies in an ignored prefix")             \
    X(FILTERED_HOST, "host", "left to the host itself: the interface is not dedicated")

/* Not IP, or an IP header that cannot be used. */
#define LEDGER_IGNORED(X)                                                                          \
    X(IGNORED_LINK_TYPE, "link_type", "the link type of the capture is unknown")                   \
    X(IGNORED_LINK_CUT, "link_cut", "the frame ends inside a link-layer header")                   \
    X(IGNORED_ARP, "arp", "ARP or RARP")                                                           \
    X(IGNORED_LLC, "llc", "IEEE 802.2 frame that does not carry IP")                               \
    X(IGNORED_ETHERTYPE, "ethertype", "EtherType or address family that is not IP")                \
    X(IGNORED_TAG_DEPTH, "tag_depth", "more VLAN tags or labels than are followed")                \
    X(IGNORED_MPLS, "mpls", "MPLS payload that is not IP")                                         \
    X(IGNORED_PPP, "ppp", "PPP or PPPoE frame that does not carry IP")                             \
    X(IGNORED_NSH, "nsh", "NSH whose payload is not IP or whose header is malformed")              \
    X(IGNORED_IP_VERSION, "ip_version", "IP version nibble does not fit the link layer")           \
    X(IGNORED_IP_HEADER_LENGTH, "ip_header_length", "IPv4 header length below 20")                 \
    X(IGNORED_IP_LENGTH, "ip_length", "IPv4 total length below the header length")                 \
    X(IGNORED_IP_CUT, "ip_cut", "the captured bytes end inside the IP header")

/* Lost for lack of resources before metering. Device reasons count packets only. */
#define LEDGER_DROPPED(X)                                                                          \
    X(DROPPED_CACHE_FULL, "cache_full", "no room in the flow cache and none could be made")        \
    X(DROPPED_DEVICE_MISSED, "device_missed", "the device ran out of receive descriptors")         \
    X(DROPPED_DEVICE_NO_BUFFER, "device_no_buffer", "no packet buffer was free")                   \
    X(DROPPED_DEVICE_ERROR, "device_error", "the device received a broken frame")                  \
    X(DROPPED_SOCKET_FULL, "socket_full", "the capture socket's ring was full")                    \
    X(DROPPED_SOCKET_BUFFER, "socket_buffer",                                                      \
      "no buffer of the capture socket was free, or the packet did not fit one")                   \
    X(DROPPED_QUEUE_UNREAD, "queue_unread", "it came by a receive queue that nobody reads")        \
    X(DROPPED_DISTRIBUTION_FULL, "distribution_full", "the worker of the packet was too far behind")

/* Metered, but its record never reached the exporting process. */
#define LEDGER_LOST(X) X(LOST_SHUTDOWN, "shutdown", "given up when the stop was cut short")

/* A record that one destination did not get. */
#define LEDGER_DESTINATION_LOST(X)                                                                 \
    X(DESTINATION_LOST_QUEUE_FULL, "queue_full", "the destination's queue was full")               \
    X(DESTINATION_LOST_REFUSED, "refused", "the collector's host refused an earlier datagram")     \
    X(DESTINATION_LOST_CONNECTION, "connection",                                                   \
      "the connection ended before the collector's host confirmed the message")                    \
    X(DESTINATION_LOST_SEND_FAILED, "send_failed",                                                 \
      "the kernel did not take the message, or a broker refused it")                               \
    X(DESTINATION_LOST_WRITE_FAILED, "write_failed", "the file could not be written")              \
    X(DESTINATION_LOST_NOT_REPRESENTABLE, "not_representable",                                     \
      "the record cannot be told in this version or profile")                                      \
    X(DESTINATION_LOST_NO_PROGRESS, "no_progress", "the destination took nothing for 30 s")        \
    X(DESTINATION_LOST_SPOOL_FULL, "spool_full",                                                   \
      "the spool's oldest file made room for newer ones")                                          \
    X(DESTINATION_LOST_SPOOL_FAILED, "spool_failed", "the spool could not be written or read")     \
    X(DESTINATION_LOST_SHUTDOWN, "shutdown", "given up when the stop was cut short")               \
    X(DESTINATION_LOST_REMOVED, "removed",                                                         \
      "the destination was removed or changed, and its collector did not take the rest in time")

/* Not to be kept in the snapshot ring, by configuration. */
#define LEDGER_SNAPSHOT_CUT_OFF(X)                                                                 \
    X(SNAPSHOT_CUT_OFF_PACKETS, "packets", "its flow had as many packets as are kept")             \
    X(SNAPSHOT_CUT_OFF_OCTETS, "octets", "its flow had as many octets as are kept")

/* In a block of the snapshot ring that could not be stored. */
#define LEDGER_SNAPSHOT_FAILED(X)                                                                  \
    X(SNAPSHOT_FAILED_WRITE, "write", "the block could not be written")                            \
    X(SNAPSHOT_FAILED_SPACE, "space", "the file system had no room for the block")                 \
    X(SNAPSHOT_FAILED_GONE, "gone", "the directory is not there or cannot be used")

#define LEDGER_ENUM(name, text, help) name,
enum ledger_filtered { LEDGER_FILTERED(LEDGER_ENUM) FILTERED_COUNT };
enum ledger_ignored { LEDGER_IGNORED(LEDGER_ENUM) IGNORED_COUNT };
enum ledger_dropped { LEDGER_DROPPED(LEDGER_ENUM) DROPPED_COUNT };
enum ledger_lost { LEDGER_LOST(LEDGER_ENUM) LOST_COUNT };
enum ledger_destination_lost { LEDGER_DESTINATION_LOST(LEDGER_ENUM) DESTINATION_LOST_COUNT };
enum ledger_snapshot_cut_off { LEDGER_SNAPSHOT_CUT_OFF(LEDGER_ENUM) SNAPSHOT_CUT_OFF_COUNT };
enum ledger_snapshot_failed { LEDGER_SNAPSHOT_FAILED(LEDGER_ENUM) SNAPSHOT_FAILED_COUNT };

/* Packets, and octets of the kind that the term has (frame octets or IP octets). */
struct ledger_pair {
    uint64_t packets;
    uint64_t octets;
};

/* What one source knows: written by the worker that owns it. Frame octets. */
struct source_ledger {
    struct ledger_pair observed;
    struct ledger_pair dropped[DROPPED_COUNT]; /* device reasons only, octets 0 */
    struct ledger_pair host;                   /* filtered(host) */
};

/* What one worker knows. filtered, ignored and dropped in frame octets; lost in IP octets. */
struct worker_ledger {
    struct ledger_pair counted; /* observed and counted by the kernel; frame octets */
    struct ledger_pair filtered[FILTERED_COUNT];
    struct ledger_pair ignored[IGNORED_COUNT];
    struct ledger_pair dropped[DROPPED_COUNT];
    struct ledger_pair metered;       /* IP octets */
    struct ledger_pair metered_frame; /* the same packets, frame octets */
    struct ledger_pair lost[LOST_COUNT];
    uint64_t flows;       /* records created */
    uint64_t records_out; /* records put into the record ring */
};

#ifdef SPANFLOW_LEDGER_FAULT
/* Test builds only: increments of this counter are skipped. NULL: none. */
extern _Thread_local const void *ledger_fault;
#define LEDGER_SKIPPED(counter) (ledger_fault == (const void *)(counter))
#else
#define LEDGER_SKIPPED(counter) 0
#endif

/* Adds to one term. The counter's only writer calls it. */
static inline void ledger_add(struct ledger_pair *pair, uint64_t packets, uint64_t octets)
{
    if (LEDGER_SKIPPED(pair))
        return;
    pair->packets += packets;
    pair->octets += octets;
}

/* The same for a plain counter. */
static inline void ledger_count(uint64_t *counter, uint64_t amount)
{
    if (LEDGER_SKIPPED(counter))
        return;
    *counter += amount;
}

#endif
