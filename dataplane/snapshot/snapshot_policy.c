/* What is kept of a packet, and of which packets. See snapshot_policy.h. */
#include "snapshot/snapshot_policy.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_block.h"

struct snapshot_class {
    struct prefix_set *prefixes; /* NULL: any address */
    uint64_t *ports;             /* set of 65,536 bits; NULL: any port */
    uint16_t *applications;      /* NULL: any */
    uint32_t application_count;
    struct snapshot_cutoff cutoff;
};

struct snapshot_policy {
    uint32_t snap_length;
    bool cuts_off;
    uint32_t class_count;
    struct snapshot_cutoff cutoff;
    struct snapshot_class classes[SNAPSHOT_CLASSES_MAX];
};

/* ---- making ---- */

static bool cutoff_fits(const struct snapshot_cutoff *cutoff, struct error *error)
{
    if (cutoff->packets <= SNAPSHOT_CUTOFF_PACKETS_MAX &&
        cutoff->octets <= SNAPSHOT_CUTOFF_OCTETS_MAX)
        return true;
    error_set(error, "snapshot: a cutoff is larger than %llu packets or %llu octets",
              SNAPSHOT_CUTOFF_PACKETS_MAX, SNAPSHOT_CUTOFF_OCTETS_MAX);
    return false;
}

static bool fits(const struct snapshot_policy_config *config, struct error *error)
{
    uint32_t length = config->snap_length;
    if (length != SNAPSHOT_HEADERS && length != SNAPSHOT_EVERYTHING &&
        (length < SNAPSHOT_SNAP_LENGTH_MIN || length > SNAPSHOT_SNAP_LENGTH_MAX)) {
        error_set(error, "snapshot: %u octets of each packet: give %u to %u", length,
                  (unsigned)SNAPSHOT_SNAP_LENGTH_MIN, (unsigned)SNAPSHOT_SNAP_LENGTH_MAX);
        return false;
    }
    if (config->class_count > SNAPSHOT_CLASSES_MAX) {
        error_set(error, "snapshot: %u cutoff classes: at most %u are possible",
                  config->class_count, (unsigned)SNAPSHOT_CLASSES_MAX);
        return false;
    }
    bool good = cutoff_fits(&config->cutoff, error);
    for (uint32_t c = 0; good && c < config->class_count; c++)
        good = cutoff_fits(&config->classes[c].cutoff, error);
    return good;
}

static bool make_ports(struct snapshot_class *class, const struct snapshot_class_config *config)
{
    if (config->port_count == 0)
        return true;
    class->ports = calloc(65536 / 64, sizeof *class->ports);
    for (uint32_t p = 0; class->ports && p < config->port_count; p++)
        class->ports[config->ports[p] / 64] |= 1ull << config->ports[p] % 64;
    return class->ports != NULL;
}

static bool make_applications(struct snapshot_class *class,
                              const struct snapshot_class_config *config)
{
    if (config->application_count == 0)
        return true;
    size_t octets = config->application_count * sizeof *class->applications;
    class->applications = malloc(octets);
    if (!class->applications)
        return false;
    memcpy(class->applications, config->applications, octets);
    class->application_count = config->application_count;
    return true;
}

static bool make_class(struct snapshot_class *class, const struct snapshot_class_config *config,
                       struct error *error)
{
    class->cutoff = config->cutoff;
    if (config->prefix_count) {
        class->prefixes = prefix_set_create(config->prefixes, config->prefix_count, error);
        if (!class->prefixes)
            return false;
    }
    if (make_ports(class, config) && make_applications(class, config))
        return true;
    error_set(error, "no memory for a cutoff class of the snapshot ring");
    return false;
}

struct snapshot_policy *snapshot_policy_create(const struct snapshot_policy_config *config,
                                               struct error *error)
{
    if (!fits(config, error))
        return NULL;
    struct snapshot_policy *policy = calloc(1, sizeof *policy);
    if (!policy) {
        error_set(error, "no memory for the policy of the snapshot ring");
        return NULL;
    }
    policy->snap_length = config->snap_length;
    policy->cutoff = config->cutoff;
    policy->cuts_off = config->cutoff.packets || config->cutoff.octets;
    for (uint32_t c = 0; c < config->class_count; c++) {
        policy->class_count = c + 1;
        if (!make_class(&policy->classes[c], &config->classes[c], error)) {
            snapshot_policy_destroy(policy);
            return NULL;
        }
        policy->cuts_off |= config->classes[c].cutoff.packets || config->classes[c].cutoff.octets;
    }
    return policy;
}

void snapshot_policy_destroy(struct snapshot_policy *policy)
{
    for (uint32_t c = 0; policy && c < policy->class_count; c++) {
        prefix_set_destroy(policy->classes[c].prefixes);
        free(policy->classes[c].ports);
        free(policy->classes[c].applications);
    }
    free(policy);
}

bool snapshot_policy_keeps_payload(const struct snapshot_policy *policy)
{
    return policy->snap_length != SNAPSHOT_HEADERS;
}

bool snapshot_policy_cuts_off(const struct snapshot_policy *policy)
{
    return policy->cuts_off;
}

bool snapshot_policy_has_classes(const struct snapshot_policy *policy)
{
    return policy->cuts_off && policy->class_count;
}

/* ---- how much of a packet ---- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_tag(unsigned type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* Octets of an Ethernet header with its VLAN tags; *TYPE is what follows. CAPTURED are there. */
static uint32_t ethernet_length(const uint8_t *data, uint32_t captured, unsigned *type)
{
    enum { TAGS_MAX = 3 };
    uint32_t length = 14;
    *type = captured < length ? 0 : (unsigned)data[12] << 8 | data[13];
    for (unsigned tags = 0; tags < TAGS_MAX && is_tag(*type); tags++) {
        length += 4;
        *type = captured < length ? 0 : (unsigned)data[length - 2] << 8 | data[length - 1];
    }
    return length;
}

/* Octets of the link header that starts with LINK; *TYPE is the EtherType behind it, 0 if there is
 * none. */
static uint32_t link_length(enum link_layer link, const uint8_t *data, uint32_t captured,
                            unsigned *type)
{
    *type = 0;
    switch (link) {
    case LINK_ETHERNET:
        return ethernet_length(data, captured, type);
    case LINK_LINUX_SLL:
        *type = captured < 16 ? 0 : (unsigned)data[14] << 8 | data[15];
        return 16;
    case LINK_LINUX_SLL2:
        *type = captured < 20 ? 0 : (unsigned)data[0] << 8 | data[1];
        return 20;
    case LINK_NULL_LOOP:
    case LINK_LOOP:
    case LINK_CHDLC:
        return 4;
    case LINK_PPP:
        return captured >= 2 && data[0] == 0xff && data[1] == 0x03 ? 4 : 2;
    case LINK_RAW_IP:
    case LINK_UNKNOWN:
    case LINK_LAYER_COUNT:
        break;
    }
    return 0;
}

/* Of a packet that cannot be metered. */
__attribute__((noinline)) static uint32_t unusable_length(const uint8_t *data, uint32_t captured,
                                                          enum link_layer link)
{
    enum { ETHERTYPE_ARP = 0x0806, ETHERTYPE_RARP = 0x8035, ARP_OCTETS = 28 };
    unsigned type;
    uint32_t length = link_length(link, data, captured, &type);
    if (type == ETHERTYPE_ARP || type == ETHERTYPE_RARP)
        length += ARP_OCTETS;
    return smaller(length, captured);
}

/* Nothing behind the transport header has been captured: the header may be cut itself, or the IP
 * length may end before it would. */
static uint32_t bare_length(const struct packet_facts *facts)
{
    uint64_t ip_end = facts->ip_offset + facts->ip_octets;
    return ip_end < facts->payload_offset ? (uint32_t)ip_end : facts->payload_offset;
}

static inline uint32_t kept_length(const struct snapshot_policy *policy,
                                   const struct packet_batch *batch,
                                   const struct packet_facts *facts, unsigned i)
{
    uint32_t captured = smaller(batch->captured_length[i], SNAPSHOT_PACKET_MAX);
    if (policy->snap_length != SNAPSHOT_HEADERS)
        return smaller(captured, policy->snap_length);
    captured = smaller(captured, SNAPSHOT_HEADERS_MAX);
    if (__builtin_expect(facts->verdict != PACKET_METERED, 0))
        return unusable_length(batch->data[i], captured, (enum link_layer)batch->link[i]);
    return smaller(captured, facts->payload_length ? facts->payload_offset : bare_length(facts));
}

void snapshot_policy_lengths(const struct snapshot_policy *policy, const struct packet_batch *batch,
                             const struct packet_facts *facts, uint64_t selected, uint32_t *lengths)
{
    uint32_t most = smaller(policy->snap_length, SNAPSHOT_PACKET_MAX);
    if (policy->snap_length != SNAPSHOT_HEADERS) {
        for (uint32_t i = 0; i < batch->count; i++)
            lengths[i] = smaller(batch->captured_length[i], most);
        return;
    }
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzll(selected);
        lengths[i] = kept_length(policy, batch, &facts[i], i);
    }
}

/* ---- which packets of a flow ---- */

static bool holds_port(const struct snapshot_class *class, uint16_t port)
{
    port = be16toh(port);
    return !class->ports || (class->ports[port / 64] >> port % 64 & 1);
}

static bool has_end(const struct snapshot_class *class, const struct flow_key *key)
{
    for (unsigned side = 0; side < 2; side++) {
        bool address = !class->prefixes || prefix_set_holds(class->prefixes, key, side);
        if (address && holds_port(class, side ? key->head.port_b : key->head.port_a))
            return true;
    }
    return false;
}

static bool names(const struct snapshot_class *class, uint16_t application)
{
    for (uint32_t a = 0; a < class->application_count; a++)
        if (class->applications[a] == application)
            return true;
    return class->application_count == 0;
}

uint8_t snapshot_policy_class(const struct snapshot_policy *policy, const struct flow_key *key,
                              uint16_t application)
{
    for (uint32_t c = 0; c < policy->class_count; c++) {
        const struct snapshot_class *class = &policy->classes[c];
        if (names(class, application) && has_end(class, key))
            return (uint8_t)(c + 1);
    }
    return 0;
}

const struct snapshot_cutoff *snapshot_policy_cutoff(const struct snapshot_policy *policy,
                                                     uint8_t number)
{
    if (number == 0 || number > policy->class_count)
        return &policy->cutoff;
    return &policy->classes[number - 1].cutoff;
}
