/* Demands of a filter program. See snapshot_filter.h. */
#include "snapshot/snapshot_filter.h"

#include <assert.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
    STATES_MAX = 1 << 16, /* of the program, with what is known there; beyond: "always" */
    DEPTH_MAX = 4096,     /* jumps on one way through it */
    TABLE_SLOTS = STATES_MAX * 2,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW_BSD = 12,
    LINKTYPE_RAW_OPENBSD = 14,
    LINKTYPE_RAW = 101,
    LINKTYPE_SLL = 113,
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_SLL2 = 276,
    NOWHERE = 0xffff, /* no such place */
    PROTOCOL_UNKNOWN = 0xffff
};

/* What the accumulator or the index register holds. */
enum value_kind {
    VALUE_UNKNOWN,
    VALUE_LOAD,         /* octets at a place of the packet, with a mask */
    VALUE_LOAD_INDEXED, /* the same, the length of the IPv4 header at BASE further on */
    VALUE_HEADER_LENGTH /* that length */
};

struct value {
    uint32_t mask;
    uint16_t offset;
    uint16_t base;
    uint8_t kind;
    uint8_t size;
    uint16_t unused; /* compared as octets: no gaps */
};
static_assert(sizeof(struct value) == 12, "no gaps");

enum family { FAMILY_UNKNOWN, FAMILY_IPV4, FAMILY_IPV6, FAMILY_ARP };

/* What is known at an instruction. Compared as octets: always zeroed first. */
struct state {
    struct value a, x;
    uint16_t type_at;  /* place of the EtherType; NOWHERE when it was read */
    uint16_t base;     /* place of the network header, if the family is known */
    uint16_t tags;     /* VLAN tags so far */
    uint16_t protocol; /* in the network header */
    uint8_t family;
    uint8_t first_fragment; /* the offset in the IPv4 header is 0 */
    uint8_t known[2];       /* which words of the IPv6 addresses are known: bit 0 the first */
    uint32_t words[2][4];   /* host order */
    struct value range_of;  /* the port whose range is known */
    uint16_t range_low, range_high;
};
static_assert(sizeof(struct state) == 84, "no gaps");

struct slot {
    uint32_t node;
    uint16_t used;
    uint16_t pc;
    struct state state;
};

struct analysis {
    struct snapshot_condition *condition;
    const struct bpf_insn *code;
    uint32_t length;
    uint32_t link_type;
    struct slot **table; /* by hash; owned, as the slots */
    uint32_t states;
    uint32_t depth;
    bool no_memory;
};

/* The first two nodes of every condition. */
enum { NEVER, ALWAYS, FIXED_NODES };

static uint32_t add_node(struct analysis *analysis, enum snapshot_node_kind kind, uint32_t left,
                         uint32_t right)
{
    struct snapshot_condition *condition = analysis->condition;
    if (condition->node_count == condition->node_capacity) {
        uint32_t capacity = condition->node_capacity ? condition->node_capacity * 2 : 64;
        struct snapshot_node *nodes = realloc(condition->nodes, capacity * sizeof *nodes);
        if (!nodes) {
            analysis->no_memory = true;
            return ALWAYS;
        }
        condition->nodes = nodes;
        condition->node_capacity = capacity;
    }
    condition->nodes[condition->node_count] =
        (struct snapshot_node){.kind = (uint8_t)kind, .left = left, .right = right};
    return condition->node_count++;
}

static uint32_t both(struct analysis *analysis, uint32_t left, uint32_t right)
{
    if (left == NEVER || right == NEVER)
        return NEVER;
    if (left == ALWAYS || left == right)
        return right;
    return right == ALWAYS ? left : add_node(analysis, SNAPSHOT_NODE_BOTH, left, right);
}

static uint32_t either(struct analysis *analysis, uint32_t left, uint32_t right)
{
    if (left == ALWAYS || right == ALWAYS)
        return ALWAYS;
    if (left == NEVER || left == right)
        return right;
    return right == NEVER ? left : add_node(analysis, SNAPSHOT_NODE_EITHER, left, right);
}

static uint32_t demand(struct analysis *analysis, const struct snapshot_fact *fact)
{
    struct snapshot_condition *condition = analysis->condition;
    if (condition->fact_count == condition->fact_capacity) {
        uint32_t capacity = condition->fact_capacity ? condition->fact_capacity * 2 : 16;
        struct snapshot_fact *facts = realloc(condition->facts, capacity * sizeof *facts);
        if (!facts) {
            analysis->no_memory = true;
            return ALWAYS;
        }
        condition->facts = facts;
        condition->fact_capacity = capacity;
    }
    condition->facts[condition->fact_count] = *fact;
    return add_node(analysis, SNAPSHOT_NODE_FACT, condition->fact_count++, 0);
}

static uint32_t demand_number(struct analysis *analysis, enum snapshot_fact_kind kind, uint32_t low,
                              uint32_t high)
{
    struct snapshot_fact fact = {
        .kind = (uint8_t)kind, .low = (uint16_t)low, .high = (uint16_t)high};
    return demand(analysis, &fact);
}

/* The number of leading ones if there are no others, -1 otherwise. */
static int prefix_of(uint32_t mask)
{
    uint32_t rest = ~mask;
    return (rest & (rest + 1)) != 0 ? -1 : __builtin_popcount(mask);
}

static uint32_t demand_address4(struct analysis *analysis, uint32_t mask, uint32_t value)
{
    int bits = prefix_of(mask);
    if (bits <= 0)
        return ALWAYS;
    struct snapshot_fact fact = {.kind = SNAPSHOT_FACT_ADDRESS4, .prefix_bits = (uint8_t)bits};
    value = __builtin_bswap32(value);
    memcpy(fact.address, &value, sizeof value);
    return demand(analysis, &fact);
}

/* One more word of an IPv6 address: all that is known of it without a gap. */
static uint32_t demand_address6(struct analysis *analysis, struct state *state, unsigned which,
                                unsigned word, uint32_t mask, uint32_t value)
{
    int bits = prefix_of(mask);
    struct snapshot_fact fact = {.kind = SNAPSHOT_FACT_ADDRESS6};
    if (mask == UINT32_MAX) {
        state->known[which] |= (uint8_t)(1u << word);
        state->words[which][word] = value;
        bits = 0;
        value = 0;
    }
    unsigned full = 0;
    while (full < 4 && (state->known[which] >> full & 1) != 0) {
        uint32_t octets = __builtin_bswap32(state->words[which][full]);
        memcpy(fact.address + 4 * full++, &octets, sizeof octets);
    }
    if (bits > 0 && full == word) {
        value = __builtin_bswap32(value);
        memcpy(fact.address + 4 * word, &value, sizeof value);
    } else {
        bits = 0;
    }
    fact.prefix_bits = (uint8_t)(32 * full + (unsigned)bits);
    return fact.prefix_bits == 0 ? ALWAYS : demand(analysis, &fact);
}

/* The EtherType at its place is VALUE. */
static uint32_t learn_type(struct analysis *analysis, struct state *state, uint32_t value)
{
    uint32_t node = demand_number(analysis, SNAPSHOT_FACT_ETHERTYPE, value, value);
    if (value == 0x8100 || value == 0x88a8 || value == 0x9100) {
        /* libpcap looks behind a tag of Ethernet only. A tag is no EtherType of a packet. */
        bool ethernet = analysis->link_type == LINKTYPE_ETHERNET;
        state->type_at = ethernet ? (uint16_t)(state->type_at + 4) : NOWHERE;
        state->tags++;
        return ALWAYS;
    }
    state->base = analysis->link_type == LINKTYPE_SLL2 ? 20 : (uint16_t)(state->type_at + 2);
    state->type_at = NOWHERE;
    switch (value) {
    case 0x0800:
        state->family = FAMILY_IPV4;
        break;
    case 0x86dd:
        state->family = FAMILY_IPV6;
        break;
    case 0x0806:
    case 0x8035:
        state->family = FAMILY_ARP;
        break;
    default:
        break;
    }
    return node;
}

static bool has_ports(uint32_t protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 132;
}

/* Whether VALUE is one of the two ports. */
static bool is_port(const struct state *state, const struct value *value)
{
    if (!has_ports(state->protocol) || value->size != 2 || value->mask != 0xffff)
        return false;
    if (state->family == FAMILY_IPV4)
        return state->first_fragment && value->kind == VALUE_LOAD_INDEXED &&
               value->base == state->base &&
               (value->offset == state->base || value->offset == state->base + 2);
    return state->family == FAMILY_IPV6 && value->kind == VALUE_LOAD &&
           (value->offset == state->base + 40 || value->offset == state->base + 42);
}

/* A comparison with octets of the network header held. */
static uint32_t learn_network(struct analysis *analysis, struct state *state, uint32_t value)
{
    const struct value *a = &state->a;
    unsigned at = (unsigned)a->offset - state->base;
    if (a->size == 1 && a->mask == 0xff && state->protocol == PROTOCOL_UNKNOWN &&
        ((state->family == FAMILY_IPV4 && at == 9) || (state->family == FAMILY_IPV6 && at == 6))) {
        state->protocol = (uint16_t)value;
        return demand_number(analysis, SNAPSHOT_FACT_PROTOCOL, value, value);
    }
    if (a->size != 4)
        return ALWAYS;
    if ((state->family == FAMILY_IPV4 && (at == 12 || at == 16)) ||
        (state->family == FAMILY_ARP && (at == 14 || at == 24)))
        return demand_address4(analysis, a->mask, value);
    if (state->family == FAMILY_IPV6 && at >= 8 && at < 40 && at % 4 == 0)
        return demand_address6(analysis, state, at >= 24, (at - 8) / 4 % 4, a->mask, value);
    return ALWAYS;
}

/* The accumulator equals VALUE: what that demands, and STATE knows it from now on. */
static uint32_t learn_equal(struct analysis *analysis, struct state *state, uint32_t value)
{
    const struct value *a = &state->a;
    if (is_port(state, a))
        return demand_number(analysis, SNAPSHOT_FACT_PORT, value & 0xffff, value & 0xffff);
    if (a->kind != VALUE_LOAD)
        return ALWAYS;
    if (a->size == 2 && a->mask == 0xffff && a->offset == state->type_at)
        return learn_type(analysis, state, value);
    if (a->size == 2 && a->mask == 0xfff && state->tags > 0 &&
        a->offset == (unsigned)state->type_at - 2)
        return demand_number(analysis, SNAPSHOT_FACT_VLAN, value & 0xfff, value & 0xfff);
    bool raw = analysis->link_type == LINKTYPE_RAW || analysis->link_type == LINKTYPE_RAW_BSD ||
               analysis->link_type == LINKTYPE_RAW_OPENBSD;
    if (raw && state->family == FAMILY_UNKNOWN && a->size == 1 && a->mask == 0xf0 &&
        a->offset == 0) {
        state->base = 0;
        state->family = value == 0x40 ? FAMILY_IPV4 : value == 0x60 ? FAMILY_IPV6 : FAMILY_UNKNOWN;
        return ALWAYS;
    }
    return state->family == FAMILY_UNKNOWN ? ALWAYS : learn_network(analysis, state, value);
}

/* The accumulator is at least LOW and at most HIGH. */
static uint32_t learn_range(struct analysis *analysis, struct state *state, uint32_t low,
                            uint32_t high)
{
    if (!is_port(state, &state->a) || low > 0xffff)
        return ALWAYS;
    if (memcmp(&state->range_of, &state->a, sizeof state->a) != 0) {
        state->range_of = state->a;
        state->range_low = 0;
        state->range_high = 0xffff;
    }
    if (low > state->range_low)
        state->range_low = (uint16_t)low;
    if (high < state->range_high)
        state->range_high = (uint16_t)high;
    if (state->range_low > state->range_high)
        return NEVER;
    return demand_number(analysis, SNAPSHOT_FACT_PORT, state->range_low, state->range_high);
}

static struct value load(uint32_t size, uint32_t offset)
{
    struct value value;
    memset(&value, 0, sizeof value);
    if (offset >= NOWHERE)
        return value;
    value.kind = VALUE_LOAD;
    value.size = (uint8_t)size;
    value.offset = (uint16_t)offset;
    value.mask = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
    return value;
}

/* What the registers hold after an instruction that is neither a jump nor the end. */
static void step(struct state *state, const struct bpf_insn *instruction)
{
    static const struct value unknown;
    uint16_t code = instruction->code;
    uint32_t size = BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
    switch (BPF_CLASS(code)) {
    case BPF_LD:
        state->a = BPF_MODE(code) == BPF_ABS ? load(size, instruction->k) : unknown;
        if (BPF_MODE(code) == BPF_IND && state->x.kind == VALUE_HEADER_LENGTH) {
            state->a = load(size, instruction->k);
            state->a.base = state->x.base;
            state->a.kind = state->a.kind == VALUE_LOAD ? VALUE_LOAD_INDEXED : VALUE_UNKNOWN;
        }
        break;
    case BPF_LDX:
        state->x = unknown;
        if (BPF_MODE(code) == BPF_MSH && instruction->k < NOWHERE) {
            state->x.kind = VALUE_HEADER_LENGTH;
            state->x.base = (uint16_t)instruction->k;
        }
        break;
    case BPF_ALU:
        if (BPF_OP(code) == BPF_AND && BPF_SRC(code) == BPF_K &&
            (state->a.kind == VALUE_LOAD || state->a.kind == VALUE_LOAD_INDEXED))
            state->a.mask &= instruction->k;
        else
            state->a = unknown;
        break;
    case BPF_MISC:
        if (BPF_MISCOP(code) == BPF_TAX)
            state->x = state->a;
        else
            state->a = state->x;
        break;
    default: /* stores: scratch memory is not followed, so loading from it is unknown */
        break;
    }
}

/* Whether VALUE is SIZE whole octets at OFFSET. */
static bool is_load(const struct value *value, uint32_t size, uint32_t offset)
{
    struct value whole = load(size, offset);
    return value->kind == VALUE_LOAD && memcmp(value, &whole, sizeof whole) == 0;
}

static uint32_t analyse(struct analysis *analysis, uint32_t pc, struct state state);

/* A conditional jump at PC: either way may be taken. */
static uint32_t branch(struct analysis *analysis, uint32_t pc, const struct state *state)
{
    const struct bpf_insn *jump = &analysis->code[pc];
    struct state yes = *state, no = *state;
    uint32_t if_yes = ALWAYS, if_no = ALWAYS;
    if (BPF_SRC(jump->code) == BPF_K) {
        switch (BPF_OP(jump->code)) {
        case BPF_JEQ:
            if_yes = learn_equal(analysis, &yes, jump->k);
            break;
        case BPF_JGT:
            if_yes = jump->k == UINT32_MAX ? NEVER
                                           : learn_range(analysis, &yes, jump->k + 1, UINT32_MAX);
            if_no = learn_range(analysis, &no, 0, jump->k);
            break;
        case BPF_JGE:
            if_yes = learn_range(analysis, &yes, jump->k, UINT32_MAX);
            if_no = jump->k == 0 ? NEVER : learn_range(analysis, &no, 0, jump->k - 1);
            break;
        default: /* BPF_JSET */
            no.first_fragment |= state->family == FAMILY_IPV4 && jump->k == 0x1fff &&
                                 is_load(&state->a, 2, state->base + 6u);
            break;
        }
    }
    if (if_yes != NEVER)
        if_yes = both(analysis, if_yes, analyse(analysis, pc + 1 + jump->jt, yes));
    if (if_no != NEVER)
        if_no = both(analysis, if_no, analyse(analysis, pc + 1 + jump->jf, no));
    return either(analysis, if_yes, if_no);
}

/* From PC to the next jump or end. */
static uint32_t follow(struct analysis *analysis, uint32_t pc, struct state *state)
{
    for (; pc < analysis->length; pc++) {
        const struct bpf_insn *instruction = &analysis->code[pc];
        if (BPF_CLASS(instruction->code) == BPF_RET)
            return BPF_RVAL(instruction->code) == BPF_K && instruction->k == 0 ? NEVER : ALWAYS;
        if (BPF_CLASS(instruction->code) != BPF_JMP)
            step(state, instruction);
        else if (BPF_OP(instruction->code) == BPF_JA)
            pc += instruction->k; /* forward only: libpcap makes no other programs */
        else
            return branch(analysis, pc, state);
    }
    return ALWAYS;
}

static uint32_t hash_of(uint32_t pc, const struct state *state)
{
    uint64_t hash = pc * 0x9e3779b97f4a7c15ull;
    const uint8_t *octets = (const uint8_t *)state;
    for (size_t i = 0; i < sizeof *state; i++)
        hash = (hash ^ octets[i]) * 0x100000001b3ull;
    return (uint32_t)(hash >> 29);
}

/* The demands of the program from PC on, where STATE is known. The same place with the same
 * knowledge is looked at once. */
static uint32_t analyse(struct analysis *analysis, uint32_t pc, struct state state)
{
    if (analysis->no_memory || pc > UINT16_MAX || analysis->depth >= DEPTH_MAX)
        return ALWAYS;
    uint32_t place = hash_of(pc, &state) % TABLE_SLOTS;
    for (; analysis->table[place]; place = (place + 1) % TABLE_SLOTS) {
        const struct slot *slot = analysis->table[place];
        if (slot->pc == pc && memcmp(&slot->state, &state, sizeof state) == 0)
            return slot->node;
    }
    if (analysis->states >= STATES_MAX)
        return ALWAYS;
    struct slot *slot = malloc(sizeof *slot);
    if (!slot) {
        analysis->no_memory = true;
        return ALWAYS;
    }
    /* Until its node is known it cannot be met again: programs only go forward. */
    slot->pc = (uint16_t)pc;
    slot->node = ALWAYS;
    memcpy(&slot->state, &state, sizeof state);
    analysis->table[place] = slot;
    analysis->states++;
    analysis->depth++;
    slot->node = follow(analysis, pc, &state);
    analysis->depth--;
    return slot->node;
}

bool snapshot_condition_make(struct snapshot_condition *condition,
                             const struct bpf_program *program, uint32_t link_type)
{
    memset(condition, 0, sizeof *condition);
    struct analysis analysis = {.condition = condition,
                                .code = program->bf_insns,
                                .length = program->bf_len,
                                .link_type = link_type};
    analysis.table = calloc(TABLE_SLOTS, sizeof(struct slot *));
    if (!analysis.table)
        return false;
    add_node(&analysis, SNAPSHOT_NODE_NEVER, 0, 0);
    add_node(&analysis, SNAPSHOT_NODE_ALWAYS, 0, 0);
    struct state state;
    memset(&state, 0, sizeof state);
    state.protocol = PROTOCOL_UNKNOWN;
    state.type_at = NOWHERE;
    switch (link_type) {
    case LINKTYPE_ETHERNET:
        state.type_at = 12;
        break;
    case LINKTYPE_SLL:
        state.type_at = 14;
        break;
    case LINKTYPE_SLL2:
        state.type_at = 0;
        break;
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
        state.family = link_type == LINKTYPE_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
        break;
    default: /* raw IP says its version itself; of others nothing is known */
        break;
    }
    condition->root = analyse(&analysis, 0, state);
    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        free(analysis.table[i]);
    free(analysis.table);
    condition->answers = malloc(condition->node_count + 1);
    return condition->answers && !analysis.no_memory;
}

bool snapshot_condition_may_hold(const struct snapshot_condition *condition,
                                 snapshot_fact_function may_hold, const void *block)
{
    if (!condition->nodes)
        return true;
    uint8_t *answers = condition->answers;
    for (uint32_t i = 0; i <= condition->root; i++) {
        const struct snapshot_node *node = &condition->nodes[i];
        debug_check(node->kind <= SNAPSHOT_NODE_FACT || (node->left < i && node->right < i));
        switch (node->kind) {
        case SNAPSHOT_NODE_NEVER:
            answers[i] = false;
            break;
        case SNAPSHOT_NODE_FACT:
            answers[i] = may_hold(block, &condition->facts[node->left]);
            break;
        case SNAPSHOT_NODE_BOTH:
            answers[i] = answers[node->left] && answers[node->right];
            break;
        case SNAPSHOT_NODE_EITHER:
            answers[i] = answers[node->left] || answers[node->right];
            break;
        default:
            answers[i] = true;
            break;
        }
    }
    return answers[condition->root];
}

void snapshot_condition_free(struct snapshot_condition *condition)
{
    free(condition->nodes);
    free(condition->facts);
    free(condition->answers);
    memset(condition, 0, sizeof *condition);
}
