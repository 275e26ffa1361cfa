/*
 * Receive side scaling by addresses: how a port spreads packets over its receive queues so that
 * both directions of a conversation, all fragments and both ports of a tap meet in one queue; and
 * the proof, from what the device says of itself, that it will. By choice ports are hashed as well:
 * then fragments, which devices hash by addresses, may come by another queue than whole datagrams
 * of their flow. Control thread.
 */
#ifndef SPANFLOW_PACKET_DPDK_RSS_H
#define SPANFLOW_PACKET_DPDK_RSS_H

#include <rte_ethdev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { RSS_KEY_OCTETS_MAX = 128, RSS_TABLE_MAX = 2048 };

/* Key and redirection table, in the order of the device. */
struct dpdk_rss {
    uint8_t key[RSS_KEY_OCTETS_MAX];
    uint32_t key_octets;
    uint16_t table[RSS_TABLE_MAX]; /* receive queue by the low bits of the hash */
    uint32_t table_size;
    uint64_t types; /* RTE_ETH_RSS_*: what is hashed */
    bool ports;     /* ports of TCP and UDP, too */
    uint64_t names; /* RTE_ETH_RSS_*: what the driver may call these types in its answer */
};

/* What a device with INFO is to be set to for QUEUES queues: a symmetric key, addresses only or
 * (PORTS) ports as well, the table filled evenly. False and the reason in ERROR if the device does
 * not offer it. */
bool dpdk_rss_choose(struct dpdk_rss *rss, const struct rte_eth_dev_info *info, uint32_t queues,
                     bool ports, struct error *error);

/* Writes key, types and table of RSS into the started PORT, for drivers that did not take them
 * before the start. What a driver refuses shows in the proof. */
void dpdk_rss_apply(const struct dpdk_rss *rss, uint16_t port);

/* Reads key, types and table back from the started PORT: they must be those of RSS, and pass the
 * check. False and the reason in ERROR. */
bool dpdk_rss_prove(const struct dpdk_rss *rss, uint16_t port, uint32_t queues,
                    struct error *error);

/* Whether 1,000 IPv4 and 1,000 IPv6 conversations of RSS meet in one of QUEUES queues each, by
 * their addresses and, if they are hashed, by addresses and ports; and whether each queue gets
 * some. False and the reason in ERROR. */
bool dpdk_rss_check(const struct dpdk_rss *rss, uint32_t queues, struct error *error);

/* Whether two ports that are set to A and B bring every conversation to the queue of the same
 * number, so that the two sides of a tap meet. False and the reason in ERROR. */
bool dpdk_rss_agree(const struct dpdk_rss *a, const struct dpdk_rss *b, struct error *error);

#endif
