/* Scans payload. See application_scan.h. */
#include "app/application_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/application_set_private.h"
#include "app/look_budget.h"
#include "base/arena.h"
#include "base/check.h"

enum { PATIENCE = 3 };  /* times the packets of a direction, until nobody waits for the other */
enum { HITS_MAX = 48 }; /* expressions that match in one packet; the rest is not looked at */

/* What is known of a flow while it is scanned. */
struct scanned_flow {
    uint32_t tag;       /* low bits of the flow's id: whose row this is */
    uint32_t memory;    /* of the candidate's check */
    uint16_t candidate; /* index of the application + 1; 0: none */
    uint8_t packets[2]; /* scanned, by side */
    uint8_t hits;       /* packets that were the candidate's */
    uint8_t sides;      /* that they came from: a set */
    uint8_t needed;     /* hits */
    uint8_t both;       /* sides that are needed: 1 or 2 of them */
};
static_assert(sizeof(struct scanned_flow) == 16, "four rows in a cache line");

struct hit_list {
    uint32_t count;
    uint32_t match[HITS_MAX];
};

struct application_scanner {
    const struct application_set *set;
    struct application_limits limits;
    hs_scratch_t *scratch;
    struct arena arena;
    struct scanned_flow *flows;
    struct look_budget budget;
    struct application_counters counters;
    struct hit_list hits;
};

static bool make_scratch(struct application_scanner *scanner)
{
    for (unsigned transport = 0; transport < TRANSPORTS; transport++)
        for (unsigned anchorage = 0; anchorage < ANCHORAGES; anchorage++) {
            const hs_database_t *database = scanner->set->databases[transport][anchorage];
            if (database && hs_alloc_scratch(database, &scanner->scratch) != HS_SUCCESS)
                return false;
        }
    return true;
}

struct application_scanner *application_scanner_create(const struct application_set *set,
                                                       const struct application_limits *limits,
                                                       struct error *error)
{
    struct application_scanner *scanner = calloc(1, sizeof *scanner);
    if (!scanner) {
        error_set(error, "not enough memory for finding applications");
        return NULL;
    }
    scanner->set = set;
    scanner->limits = *limits;
    scanner->budget = look_budget_open(limits->scans_per_s, limits->time_percent);
    if (!arena_map(&scanner->arena, limits->flows_max * sizeof *scanner->flows, ARENA_SPARSE,
                   error) ||
        !make_scratch(scanner)) {
        application_scanner_destroy(scanner);
        error_set(error, "not enough memory for finding applications");
        return NULL;
    }
    scanner->flows = scanner->arena.memory;
    return scanner;
}

void application_scanner_set_limits(struct application_scanner *scanner,
                                    const struct application_limits *limits)
{
    check(limits->flows_max == scanner->limits.flows_max);
    scanner->limits = *limits;
    look_budget_change(&scanner->budget, limits->scans_per_s, limits->time_percent);
}

void application_scanner_destroy(struct application_scanner *scanner)
{
    if (!scanner)
        return;
    hs_free_scratch(scanner->scratch);
    arena_unmap(&scanner->arena);
    free(scanner);
}

size_t application_scanner_memory(const struct application_scanner *scanner)
{
    size_t scratch = 0;
    hs_scratch_size(scanner->scratch, &scratch);
    return scanner->arena.size + scratch;
}

/* ---- one packet ---- */

static int note_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct hit_list *hits = context;
    (void)from;
    (void)to;
    (void)flags;
    hits->match[hits->count++] = id;
    return hits->count == HITS_MAX;
}

/* Collects the expressions that match. */
static void look(struct application_scanner *scanner, const struct application_packet *packet,
                 unsigned anchorage)
{
    const hs_database_t *database =
        scanner->set->databases[packet->tcp ? TRANSPORT_TCP : TRANSPORT_UDP][anchorage];
    uint32_t octets = packet->length;
    scanner->hits.count = 0;
    if (!database)
        return;
    if (octets > scanner->limits.octets)
        octets = scanner->limits.octets;
    hs_error_t status = hs_scan(database, (const char *)packet->data, octets, 0, scanner->scratch,
                                note_hit, &scanner->hits);
    check(status == HS_SUCCESS || status == HS_SCAN_TERMINATED);
    scanner->counters.scanned_octets += octets;
}

/* Adds what the packet's ports propose. */
static void ask_port(struct application_scanner *scanner, bool tcp, uint16_t port)
{
    const struct application_set *set = scanner->set;
    uint16_t at = set->proposed[tcp ? TRANSPORT_TCP : TRANSPORT_UDP][port];
    for (; at && scanner->hits.count < HITS_MAX; at = set->proposals[at - 1u].next)
        scanner->hits.match[scanner->hits.count++] = set->proposals[at - 1u].match;
}

/* Whether the conditions beside the expression hold; the check comes last. */
static bool holds(const struct application_match *match, const struct application_packet *packet,
                  uint32_t *memory)
{
    unsigned side = packet->from_client ? APPLICATION_CLIENT : APPLICATION_SERVER;
    if (packet->client_known && !(match->sides & side))
        return false;
    if (packet->whole_length < match->length_min || packet->whole_length > match->length_max)
        return false;
    bool port = match->port_count == 0;
    for (unsigned i = 0; i < match->port_count; i++)
        port |=
            match->ports[i] == packet->source_port || match->ports[i] == packet->destination_port;
    return port && (!match->confirm || match->confirm(packet, memory));
}

/* Whether MATCH is worth more than BEST: by priority, then by what it still needs, then by place.
 */
static bool outranks(const struct application_match *match, const struct application_match *best)
{
    if (!best || match->priority != best->priority)
        return !best || match->priority > best->priority;
    unsigned needs = match->hits + (match->both ? 1u : 0u);
    unsigned best_needs = best->hits + (best->both ? 1u : 0u);
    return needs != best_needs ? needs < best_needs : match < best;
}

/* Of the matches the one with the highest priority whose conditions hold; NULL: none. *MEMORY is
 * what its check left. */
static const struct application_match *choose(const struct application_scanner *scanner,
                                              const struct scanned_flow *flow,
                                              const struct application_packet *packet,
                                              uint32_t *memory)
{
    const struct application_match *matches = scanner->set->rules.matches, *best = NULL;
    for (uint32_t i = 0; i < scanner->hits.count; i++) {
        const struct application_match *match = &matches[scanner->hits.match[i]];
        uint32_t own = match->application + 1u == flow->candidate ? flow->memory : 0;
        if (!outranks(match, best) || !holds(match, packet, &own))
            continue;
        best = match;
        *memory = own;
    }
    return best;
}

/* Takes MATCH into account; true if the flow's application is certain with it. */
static bool weigh(struct scanned_flow *flow, const struct application_match *match, unsigned side,
                  uint32_t memory)
{
    if (match->hits == 1 && !match->both) {
        flow->candidate = (uint16_t)(match->application + 1u);
        return true;
    }
    if (flow->candidate != match->application + 1u) {
        flow->candidate = (uint16_t)(match->application + 1u);
        flow->hits = flow->sides = 0;
        flow->needed = match->hits;
        flow->both = match->both ? 2 : 1;
    }
    flow->memory = memory;
    flow->hits++;
    flow->sides |= (uint8_t)(1u << side);
    return flow->hits >= flow->needed && __builtin_popcount(flow->sides) >= flow->both;
}

/* What the ports tell, which is the verdict until payload tells more. */
static struct application_verdict guess(const struct application_scanner *scanner,
                                        const struct application_packet *packet)
{
    uint16_t server = packet->from_client ? packet->destination_port : packet->source_port;
    uint16_t client = packet->from_client ? packet->source_port : packet->destination_port;
    struct application_verdict verdict = {
        .changed = true,
        .number = application_set_guess(scanner->set, packet->tcp, server, client)};
    verdict.confidence = verdict.number ? APPLICATION_BY_PORT : APPLICATION_NONE;
    return verdict;
}

/* Scans PACKET, of FLOW; true if the flow's application is certain with it. */
static bool scan_packet(struct application_scanner *scanner, struct scanned_flow *flow,
                        unsigned side, const struct application_packet *packet)
{
    bool certain = false;
    for (unsigned anchorage = 0; anchorage < ANCHORAGES && !certain; anchorage++) {
        uint32_t memory = 0;
        look(scanner, packet, anchorage);
        if (anchorage == ANCHORED) {
            ask_port(scanner, packet->tcp, packet->source_port);
            if (packet->destination_port != packet->source_port)
                ask_port(scanner, packet->tcp, packet->destination_port);
        }
        const struct application_match *match = choose(scanner, flow, packet, &memory);
        certain = match && weigh(flow, match, side, memory);
    }
    return certain;
}

struct application_verdict application_scan(struct application_scanner *scanner, uint32_t index,
                                            uint64_t flow_id, unsigned side,
                                            const struct application_packet *packet,
                                            uint64_t now_ns)
{
    struct scanned_flow *flow = &scanner->flows[index];
    struct application_verdict verdict = {.changed = false};
    if (flow->tag != (uint32_t)flow_id) {
        *flow = (struct scanned_flow){.tag = (uint32_t)flow_id};
        verdict = guess(scanner, packet);
    }
    if (flow->packets[side] >= scanner->limits.packets) {
        /* The other direction may have no payload at all: it is not waited for for ever. */
        verdict.settled = flow->packets[side] / PATIENCE >= scanner->limits.packets;
        if (flow->packets[side] < UINT8_MAX)
            flow->packets[side]++;
        return verdict;
    }
    if (!look_budget_begin(&scanner->budget, now_ns)) {
        scanner->counters.not_scanned++;
        return verdict;
    }
    flow->packets[side]++;
    scanner->counters.scanned++;
    bool certain = scan_packet(scanner, flow, side, packet);
    look_budget_end(&scanner->budget);
    if (certain) {
        const struct application *found = &scanner->set->rules.applications[flow->candidate - 1u];
        scanner->counters.content++;
        return (struct application_verdict){true, found->number, APPLICATION_BY_CONTENT, true};
    }
    verdict.settled =
        flow->packets[0] >= scanner->limits.packets && flow->packets[1] >= scanner->limits.packets;
    return verdict;
}

const struct application_counters *application_counters(const struct application_scanner *scanner)
{
    return &scanner->counters;
}
