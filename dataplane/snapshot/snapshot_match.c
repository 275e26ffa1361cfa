/* Packets and index entries against a question. See snapshot_match.h. */
#include "snapshot/snapshot_match.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_filter.h"
#include "snapshot/snapshot_tuple.h"

enum {
    SNAP_LENGTH = 262144,
    PROGRAMS_MAX = 32, /* link types; beyond, the last place is used again and again */
    PORTS_ASKED_MAX = 64,
    LINKTYPE_ETHERNET = 1
};

/* The expression on one link type. */
struct program {
    uint16_t link_type;
    bool compiled;
    bool analysed;
    struct bpf_program code;
    struct snapshot_condition condition;
};

struct snapshot_match {
    uint64_t from_ns, to_ns;
    uint64_t flow_id;
    bool with_filter, with_tuple;
    struct snapshot_tuple tuple;
    uint32_t program_count;
    struct program programs[PROGRAMS_MAX];
    char filter[SNAPSHOT_FILTER_OCTETS_MAX];
};

/* One block of an index, as snapshot_condition_may_hold() hands it on. */
struct block {
    const struct snapshot_index *index;
    uint32_t i;
};

/* libpcap's number for a link type of a file: the same but for a few old ones. */
static int dlt_of(uint16_t link_type)
{
    switch (link_type) {
    case 12: /* raw IP in files of some systems, as the next two */
    case 14:
    case 101:
        return DLT_RAW;
    case 100:
        return DLT_ATM_RFC1483;
    case 102:
        return DLT_SLIP_BSDOS;
    case 103:
        return DLT_PPP_BSDOS;
    default:
        return link_type;
    }
}

static bool compile(struct bpf_program *code, uint16_t link_type, const char *filter,
                    struct error *error)
{
    pcap_t *handle = pcap_open_dead(dlt_of(link_type), SNAP_LENGTH);
    if (!handle) {
        error_set(error, "filter: no memory");
        return false;
    }
    int result = pcap_compile(handle, code, filter, 1, PCAP_NETMASK_UNKNOWN);
    if (result != 0)
        error_set(error, "filter '%.200s': %s", filter, pcap_geterr(handle));
    pcap_close(handle);
    return result == 0;
}

static void free_program(struct program *program)
{
    if (program->compiled)
        pcap_freecode(&program->code);
    snapshot_condition_free(&program->condition);
    memset(program, 0, sizeof *program);
}

/* The program for LINK_TYPE, made when it is first met. */
static struct program *program_of(struct snapshot_match *match, uint16_t link_type)
{
    for (uint32_t i = 0; i < match->program_count; i++)
        if (match->programs[i].link_type == link_type)
            return &match->programs[i];
    if (match->program_count == PROGRAMS_MAX)
        free_program(&match->programs[--match->program_count]);
    struct program *program = &match->programs[match->program_count++];
    program->link_type = link_type;
    program->compiled = compile(&program->code, link_type, match->filter, NULL);
    if (program->compiled)
        program->analysed = snapshot_condition_make(&program->condition, &program->code, link_type);
    return program;
}

struct snapshot_match *snapshot_match_create(const struct snapshot_question *question,
                                             struct error *error)
{
    struct snapshot_match *match = calloc(1, sizeof *match);
    if (!match) {
        error_set(error, "query: no memory");
        return NULL;
    }
    match->from_ns = question->from_ns;
    match->to_ns = question->to_ns != 0 ? question->to_ns : UINT64_MAX;
    match->flow_id = question->flow_id;
    match->with_tuple = question->tuple != NULL;
    if (question->tuple)
        match->tuple = *question->tuple;
    match->with_filter = question->filter && question->filter[0] != 0;
    bool good = true;
    if (match->with_filter && strlen(question->filter) >= sizeof match->filter) {
        error_set(error, "filter: longer than %zu octets", sizeof match->filter - 1);
        good = false;
    } else if (match->with_filter) {
        strcpy(match->filter, question->filter);
        struct bpf_program code;
        good = compile(&code, LINKTYPE_ETHERNET, match->filter, error);
        if (good)
            pcap_freecode(&code);
    }
    if (!good) {
        snapshot_match_destroy(match);
        return NULL;
    }
    return match;
}

void snapshot_match_destroy(struct snapshot_match *match)
{
    if (!match)
        return;
    for (uint32_t i = 0; i < match->program_count; i++)
        free_program(&match->programs[i]);
    free(match);
}

bool snapshot_match_packet(struct snapshot_match *match, const struct snapshot_kept *packet,
                           uint16_t link_type)
{
    if (packet->time_ns < match->from_ns || packet->time_ns > match->to_ns)
        return false;
    if (match->flow_id != 0 && packet->flow_id != match->flow_id)
        return false;
    if (match->with_tuple &&
        !snapshot_tuple_matches(&match->tuple, packet->data, packet->captured_length, link_type))
        return false;
    if (!match->with_filter)
        return true;
    const struct program *program = program_of(match, link_type);
    return program->compiled && bpf_filter(program->code.bf_insns, packet->data,
                                           packet->wire_length, packet->captured_length) != 0;
}

static bool may_hold_ports(const struct block *block, const struct snapshot_fact *fact)
{
    if (fact->high - fact->low >= PORTS_ASKED_MAX)
        return true;
    for (uint32_t port = fact->low; port <= fact->high; port++)
        if (snapshot_index_may_hold(block->index, block->i,
                                    snapshot_index_key_port((uint16_t)port)))
            return true;
    return false;
}

/* Asks the index for one demand of a program. */
static bool may_hold(const void *context, const struct snapshot_fact *fact)
{
    const struct block *block = context;
    switch ((enum snapshot_fact_kind)fact->kind) {
    case SNAPSHOT_FACT_ADDRESS4:
        return snapshot_index_may_hold(block->index, block->i,
                                       snapshot_index_key_ipv4(fact->address, fact->prefix_bits));
    case SNAPSHOT_FACT_ADDRESS6:
        return snapshot_index_may_hold(block->index, block->i,
                                       snapshot_index_key_ipv6(fact->address, fact->prefix_bits));
    case SNAPSHOT_FACT_PORT:
        return may_hold_ports(block, fact);
    case SNAPSHOT_FACT_PROTOCOL:
        return fact->low != fact->high ||
               snapshot_index_may_have_protocol(block->index, block->i, (uint8_t)fact->low);
    case SNAPSHOT_FACT_ETHERTYPE: /* the index has flags of headers that were captured, */
    case SNAPSHOT_FACT_VLAN:      /* which are fewer, and no VLAN ids */
        break;
    }
    return true;
}

static bool may_hold_tuple(const struct snapshot_tuple *tuple, const struct block *block)
{
    for (unsigned end = 0; end < 2; end++) {
        if (tuple->family == 0 || !tuple->with_address[end])
            continue;
        uint64_t key = tuple->family == 4 ? snapshot_index_key_ipv4(tuple->address[end], 32)
                                          : snapshot_index_key_ipv6(tuple->address[end], 128);
        if (!snapshot_index_may_hold(block->index, block->i, key))
            return false;
    }
    /* Ports are not asked for: later fragments have none. */
    return tuple->protocol == 0 ||
           snapshot_index_may_have_protocol(block->index, block->i, tuple->protocol);
}

bool snapshot_match_block(struct snapshot_match *match, const struct snapshot_index *index,
                          uint32_t i, const uint16_t *link_types, uint32_t link_type_count)
{
    const struct snapshot_index_entry *entry = &index->entries[i];
    if (entry->packets != 0 && !snapshot_match_times(match, entry->first_ns, entry->last_ns))
        return false;
    if ((entry->flags & (SNAPSHOT_INDEX_DAMAGED | SNAPSHOT_INDEX_OPAQUE)) != 0)
        return true;
    struct block block = {.index = index, .i = i};
    if (match->flow_id != 0 &&
        !snapshot_index_may_hold(index, i, snapshot_index_key_flow(match->flow_id)))
        return false;
    if (match->with_tuple && !may_hold_tuple(&match->tuple, &block))
        return false;
    if (!match->with_filter || link_type_count == 0)
        return true;
    for (uint32_t k = 0; k < link_type_count; k++) {
        const struct program *program = program_of(match, link_types[k]);
        if (program->compiled && (!program->analysed || snapshot_condition_may_hold(
                                                            &program->condition, may_hold, &block)))
            return true;
    }
    return false;
}

void snapshot_match_range(const struct snapshot_match *match, uint64_t *from_ns, uint64_t *to_ns)
{
    *from_ns = match->from_ns;
    *to_ns = match->to_ns;
}

bool snapshot_match_times(const struct snapshot_match *match, uint64_t first_ns, uint64_t last_ns)
{
    return last_ns >= match->from_ns && first_ns <= match->to_ns;
}

bool snapshot_question_check(const struct snapshot_question *question, struct error *error)
{
    struct snapshot_match *match = snapshot_match_create(question, error);
    snapshot_match_destroy(match);
    return match != NULL;
}
