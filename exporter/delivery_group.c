/*
 * Balance and fallback. See delivery_group.h.
 *
 * A member is away from its first trouble until it had none for the hold time of the group. Trouble
 * is: it is broken; its session is down; the host refused a datagram; live, its queue is full.
 * While nothing better is there, a member gets records although it is away.
 *
 * Balance: each member has a number for a flow, made from the flow's key and the member's name, and
 * the highest of those that are there wins. So a member's trouble moves the flows of that member
 * and no others, they come back with it, and the order of members or a restart changes nothing.
 */
#include "delivery_group.h"

#include <string.h>

#include "destination.h"

static const uint64_t second_ns = 1000000000u;
/* So long after the start a session may take to begin. */
static const uint64_t grace_ns = 1000000000u;

/* The finishing step of MurmurHash3's 64 bits. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdu;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 33;
}

static uint64_t seed_of(const char *name)
{
    uint64_t seed = 0;
    for (; *name; name++)
        seed = mix(seed + (uint8_t)*name + 1);
    return seed;
}

void delivery_group_init(struct delivery_group *group,
                         const struct exporting_process_config *process, uint32_t number,
                         struct destination *const *destinations, uint32_t count)
{
    memset(group, 0, sizeof *group);
    group->config = &process->groups[number];
    group->offline = process->offline;
    for (uint32_t i = 0; i < count; i++) {
        if (destinations[i]->config->group != number + 1)
            continue;
        group->seeds[group->count] = seed_of(destinations[i]->config->name);
        group->members[group->count++] = destinations[i];
    }
}

void delivery_group_inherit(struct delivery_group *group, const struct delivery_group *before)
{
    for (uint32_t i = 0; i < group->count; i++) {
        for (uint32_t j = 0; j < before->count; j++) {
            if (group->members[i] != before->members[j])
                continue;
            group->away[i] = before->away[j];
            group->told[i] = before->told[j];
            group->trouble_ns[i] = before->trouble_ns[j];
        }
    }
}

static bool is_in_trouble(const struct delivery_group *group, const struct destination *d,
                          uint64_t monotonic_ns)
{
    if (d->broken || (!group->offline && !destination_has_room(d)))
        return true;
    if (d->refused_ns && d->refused_ns >= group->step_ns)
        return true;
    bool patient = !d->reached && monotonic_ns - group->start_ns < grace_ns;
    return d->transport.ops->step && !d->session && !d->renews && !patient;
}

static void say(struct delivery_group *group, uint32_t member)
{
    const char *name = group->members[member]->config->name;
    group->told[member] = group->away[member];
    error_set(&group->news,
              group->away[member] ? "group %s: %.300s is away: others take over"
                                  : "group %s: %.300s is back",
              group->config->name, name);
    group->news_untold = true;
}

/* One line for all, since nobody takes over. */
static void say_none(struct delivery_group *group)
{
    for (uint32_t i = 0; i < group->count; i++)
        group->told[i] = true;
    error_set(&group->news, "group %s: no destination of it is there", group->config->name);
    group->news_untold = true;
}

/* Tells one thing that is not known yet. */
static void tell_news(struct delivery_group *group)
{
    uint32_t away = 0, told = 0, news = group->count;
    for (uint32_t i = 0; i < group->count; i++) {
        away += group->away[i];
        told += group->told[i];
        if (group->away[i] != group->told[i])
            news = i;
    }
    if (group->news_untold || news == group->count)
        return;
    if (away == group->count && told < away)
        say_none(group);
    else
        say(group, news);
}

void delivery_group_step(struct delivery_group *group, uint64_t monotonic_ns)
{
    if (!group->start_ns)
        group->start_ns = monotonic_ns;
    for (uint32_t i = 0; i < group->count; i++) {
        if (is_in_trouble(group, group->members[i], monotonic_ns)) {
            group->away[i] = true;
            group->trouble_ns[i] = monotonic_ns;
        } else if (group->away[i] &&
                   monotonic_ns - group->trouble_ns[i] >= group->config->hold_s * second_ns) {
            group->away[i] = false;
        }
        group->members[i]->probes = group->away[i];
    }
    tell_news(group);
    group->step_ns = monotonic_ns;
}

/* Who is good enough, from the best to the worst. */
enum demand { IS_THERE, HAS_ROOM, IS_WHOLE, DEMANDS };

/* Whether a member meets DEMAND. One whose queue became full within this step is away from now on.
 */
static bool meets(struct delivery_group *group, uint32_t member, enum demand demand,
                  uint64_t monotonic_ns)
{
    const struct destination *d = group->members[member];
    if (d->broken || demand == IS_WHOLE)
        return !d->broken;
    if (demand == IS_THERE && group->away[member])
        return false;
    if (group->offline || destination_has_room(d))
        return true;
    group->away[member] = true;
    group->trouble_ns[member] = monotonic_ns;
    return false;
}

/* Both directions of a conversation have one number, also where they are never one record: ICMP,
 * whose ports are type and code, and fragments without ports. */
static uint64_t flow_number(const struct flow_record *record)
{
    struct flow_key_head key = record->hot->key;
    if (!flow_key_joins(key.protocol, key.port_a, key.port_b)) {
        uint32_t low = key.address_a < key.address_b ? key.address_a : key.address_b;
        key.address_b ^= key.address_a ^ low;
        key.address_a = low;
        key.port_a = key.port_b = 0;
    }
    uint64_t words[2];
    memcpy(words, &key, sizeof words);
    return mix(mix(words[0]) ^ words[1]);
}

/* The member with the highest number of those that meet DEMAND. NULL: none. */
static struct destination *choose_highest(struct delivery_group *group, uint64_t flow,
                                          enum demand demand, uint64_t monotonic_ns)
{
    struct destination *chosen = NULL;
    uint64_t highest = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        if (!meets(group, i, demand, monotonic_ns))
            continue;
        uint64_t number = mix(flow ^ group->seeds[i]);
        if (chosen && number <= highest)
            continue;
        highest = number;
        chosen = group->members[i];
    }
    return chosen;
}

static struct destination *choose_first(struct delivery_group *group, enum demand demand,
                                        uint64_t monotonic_ns)
{
    for (uint32_t i = 0; i < group->count; i++)
        if (meets(group, i, demand, monotonic_ns))
            return group->members[i];
    return NULL;
}

struct destination *delivery_group_choose(struct delivery_group *group,
                                          const struct flow_record *record, uint64_t monotonic_ns)
{
    bool balance = group->config->mode == EXPORT_BALANCE;
    uint64_t flow = balance ? flow_number(record) : 0;
    for (enum demand demand = IS_THERE; demand < DEMANDS; demand++) {
        struct destination *chosen = balance ? choose_highest(group, flow, demand, monotonic_ns)
                                             : choose_first(group, demand, monotonic_ns);
        if (chosen)
            return chosen;
    }
    return group->members[0]; /* all are broken: the loss is its */
}

bool delivery_group_is_away(const struct delivery_group *group,
                            const struct destination *destination)
{
    for (uint32_t i = 0; i < group->count; i++)
        if (group->members[i] == destination)
            return group->away[i];
    return false;
}
