/* Receive side scaling by addresses, and its proof. See dpdk_rss.h. */
#include "packet/dpdk_rss.h"

#include <rte_thash.h>
#include <string.h>

/*
 * Addresses and nothing else. Where a packet is told apart more finely (TCP, fragments) these two
 * types stand for all packets of their family; a device that offers them in no such sense hashes
 * some packets of a conversation and not others, so both must be there, and no other type may be
 * on: types of TCP and UDP hash ports, those of fragments may hash the identification.
 */
static const uint64_t address_types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
/* With these, the two above stand for what has no ports. */
static const uint64_t port_types = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                   RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
static const uint64_t more_port_types =
    RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP;

/* Of these drivers the device has one type for all packets of a family that are not told apart as
 * TCP or UDP; when asked, they give it all these names. */
static const char *const broad_drivers[] = {"net_virtio"};
static const uint64_t broad_names = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
                                    RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |
                                    RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;

enum {
    CONVERSATIONS = 1000,    /* of each family */
    KEY_OCTETS_MIN = 32 + 4, /* two IPv6 addresses and one word for the last bit */
    KEY_OCTETS_PORTS = 4,    /* both ports */
    KEY_OCTETS_USUAL = 40,   /* of a device that tells no length */
    IPV4_WORDS = 2,          /* both addresses, in words; the ports are one more */
    IPV6_WORDS = 8,
    TUPLE_WORDS_MAX = IPV6_WORDS + 1,
    GROUPS_MAX = RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE
};

/* What is to be hashed; 0 and the reason if the device does not offer it. */
static uint64_t choose_types(uint64_t offered, bool ports, struct error *error)
{
    if ((offered & address_types) != address_types) {
        error_set(error, "cannot spread packets by their addresses alone");
        return 0;
    }
    if (!ports)
        return address_types;
    if ((offered & port_types) != port_types) {
        error_set(error, "cannot spread packets by their ports");
        return 0;
    }
    return address_types | port_types | (offered & more_port_types);
}

static uint64_t further_names(const char *driver)
{
    for (size_t i = 0; i < sizeof broad_drivers / sizeof broad_drivers[0]; i++)
        if (driver && strcmp(driver, broad_drivers[i]) == 0)
            return broad_names;
    return 0;
}

bool dpdk_rss_choose(struct dpdk_rss *rss, const struct rte_eth_dev_info *info, uint32_t queues,
                     bool ports, struct error *error)
{
    memset(rss, 0, sizeof *rss);
    rss->ports = ports;
    if (info->max_rx_queues < queues) {
        error_set(error, "has only %u receive queues", info->max_rx_queues);
        return false;
    }
    rss->types = choose_types(info->flow_type_rss_offloads, ports, error);
    if (!rss->types)
        return false;
    rss->key_octets = info->hash_key_size ? info->hash_key_size : KEY_OCTETS_USUAL;
    uint32_t needed = KEY_OCTETS_MIN + (ports ? KEY_OCTETS_PORTS : 0);
    if (rss->key_octets < needed || rss->key_octets > RSS_KEY_OCTETS_MAX) {
        error_set(error, "takes no hash key of a usable length (%u octets)", rss->key_octets);
        return false;
    }
    if (info->reta_size < queues || info->reta_size > RSS_TABLE_MAX) {
        error_set(error, "has no usable redirection table (%u entries)", info->reta_size);
        return false;
    }
    rss->names = rss->types | further_names(info->driver_name);
    rss->table_size = info->reta_size;
    /* A Toeplitz key that repeats after 16 bits weighs each bit of the source as it weighs the same
     * bit of the destination, in addresses as in ports. */
    for (uint32_t i = 0; i < rss->key_octets; i++)
        rss->key[i] = i % 2 ? 0x5a : 0x6d;
    for (uint32_t i = 0; i < rss->table_size; i++)
        rss->table[i] = (uint16_t)(i % queues);
    return true;
}

/* ---- the check ---- */

/* The next of a fixed sequence of numbers that look random (xorshift). */
static uint32_t next_word(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* FIELDS: addresses, or addresses and ports. */
static uint16_t queue_of(const struct dpdk_rss *rss, const uint32_t *fields, uint32_t words)
{
    uint32_t tuple[TUPLE_WORDS_MAX];
    memcpy(tuple, fields, words * sizeof *tuple);
    return rss->table[rte_softrss(tuple, words, rss->key) % rss->table_size];
}

/* Whether both directions of a conversation meet; marks their queue in REACHED. An odd number of
 * WORDS ends with the ports. */
static bool meets(const struct dpdk_rss *rss, const uint32_t *forward, uint32_t words,
                  uint32_t queues, uint64_t *reached)
{
    uint32_t reverse[TUPLE_WORDS_MAX];
    uint32_t half = words / 2;
    for (uint32_t i = 0; i < 2 * half; i++)
        reverse[i] = forward[(i + half) % (2 * half)];
    if (words % 2)
        reverse[words - 1] = forward[words - 1] << 16 | forward[words - 1] >> 16;
    uint16_t queue = queue_of(rss, forward, words);
    if (queue >= queues || queue != queue_of(rss, reverse, words))
        return false;
    *reached |= 1ull << queue;
    return true;
}

bool dpdk_rss_check(const struct dpdk_rss *rss, uint32_t queues, struct error *error)
{
    uint64_t state = 0x9e3779b97f4a7c15;
    uint64_t reached = 0;
    for (uint32_t i = 0; i < CONVERSATIONS; i++) {
        uint32_t tuple[TUPLE_WORDS_MAX];
        bool met = true;
        for (uint32_t w = 0; w < TUPLE_WORDS_MAX; w++)
            tuple[w] = next_word(&state);
        for (uint32_t ports = 0; ports <= rss->ports; ports++)
            met = met && meets(rss, tuple, IPV4_WORDS + ports, queues, &reached) &&
                  meets(rss, tuple, IPV6_WORDS + ports, queues, &reached);
        if (!met) {
            error_set(error, "does not bring both directions to one receive queue");
            return false;
        }
    }
    if (reached != (queues == 64 ? UINT64_MAX : (1ull << queues) - 1)) {
        error_set(error, "leaves receive queues without packets");
        return false;
    }
    return true;
}

/* Two keys that repeat alike give one hash, so the tables decide. */
bool dpdk_rss_agree(const struct dpdk_rss *a, const struct dpdk_rss *b, struct error *error)
{
    bool agree = a->types == b->types;
    uint32_t octets = a->key_octets < b->key_octets ? a->key_octets : b->key_octets;
    agree = agree && memcmp(a->key, b->key, octets) == 0;
    uint64_t hashes = (uint64_t)a->table_size * b->table_size; /* then all comes again */
    for (uint64_t hash = 0; agree && hash < hashes; hash++)
        agree = a->table[hash % a->table_size] == b->table[hash % b->table_size];
    if (!agree)
        error_set(error, "brings conversations to other receive queues than the first device");
    return agree;
}

/* ---- the device ---- */

void dpdk_rss_apply(const struct dpdk_rss *rss, uint16_t port)
{
    uint8_t key[RSS_KEY_OCTETS_MAX];
    memcpy(key, rss->key, sizeof key);
    struct rte_eth_rss_conf configuration = {
        .rss_key = key, .rss_key_len = (uint8_t)rss->key_octets, .rss_hf = rss->types};
    rte_eth_dev_rss_hash_update(port, &configuration);
    struct rte_eth_rss_reta_entry64 groups[GROUPS_MAX];
    memset(groups, 0, sizeof groups);
    for (uint32_t i = 0; i < rss->table_size; i++) {
        struct rte_eth_rss_reta_entry64 *group = &groups[i / RTE_ETH_RETA_GROUP_SIZE];
        group->mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
        group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = rss->table[i];
    }
    rte_eth_dev_rss_reta_update(port, groups, (uint16_t)rss->table_size);
}

static bool read_table(struct dpdk_rss *rss, uint16_t port)
{
    struct rte_eth_rss_reta_entry64 groups[GROUPS_MAX];
    memset(groups, 0, sizeof groups);
    for (uint32_t i = 0; i < rss->table_size; i++) {
        struct rte_eth_rss_reta_entry64 *group = &groups[i / RTE_ETH_RETA_GROUP_SIZE];
        group->mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
        group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = UINT16_MAX; /* what is not written shows */
    }
    if (rte_eth_dev_rss_reta_query(port, groups, (uint16_t)rss->table_size) != 0)
        return false;
    for (uint32_t i = 0; i < rss->table_size; i++)
        rss->table[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
    return true;
}

/* What the device says it does now. */
static bool read_back(struct dpdk_rss *now, const struct dpdk_rss *wanted, uint16_t port)
{
    memset(now, 0, sizeof *now);
    now->table_size = wanted->table_size;
    struct rte_eth_rss_conf configuration = {.rss_key = now->key,
                                             .rss_key_len = (uint8_t)wanted->key_octets};
    if (rte_eth_dev_rss_hash_conf_get(port, &configuration) != 0)
        return false;
    now->key_octets = wanted->key_octets;
    now->types = configuration.rss_hf;
    return read_table(now, port);
}

bool dpdk_rss_prove(const struct dpdk_rss *rss, uint16_t port, uint32_t queues, struct error *error)
{
    static struct dpdk_rss now;
    if (!read_back(&now, rss, port)) {
        error_set(error, "does not tell how it spreads packets");
        return false;
    }
    if ((now.types & rss->types) != rss->types || (now.types & ~rss->names) != 0) {
        error_set(error, "spreads packets by more or less than %s (%#lx)",
                  rss->ports ? "addresses and ports" : "their addresses", (unsigned long)now.types);
        return false;
    }
    if (memcmp(now.key, rss->key, rss->key_octets) != 0 ||
        memcmp(now.table, rss->table, rss->table_size * sizeof rss->table[0]) != 0) {
        error_set(error, "did not keep the hash key or the redirection table");
        return false;
    }
    now.ports = rss->ports;
    return dpdk_rss_check(&now, queues, error);
}
