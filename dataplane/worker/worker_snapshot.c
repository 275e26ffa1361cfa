/* Packets for the snapshot ring. See worker_snapshot.h. */
#include "worker/worker_snapshot.h"

#include "snapshot/snapshot_policy.h"
#include "snapshot/snapshot_ring.h"
#include "worker/worker_private.h"

bool worker_snapshot_map_classes(const struct worker_config *config, struct arena *classes,
                                 struct error *error)
{
    if (!config->snapshot || !snapshot_policy_has_classes(config->snapshot_policy))
        return true;
    return arena_map(classes, config->caches[0].flows_max, ARENA_DENSE, error);
}

void worker_snapshot_fetch(const struct worker *worker, const struct packet_batch *batch)
{
    enum { LINE = 64 };
    if (!snapshot_policy_keeps_payload(worker->config.snapshot_policy))
        return; /* the parser reads the headers */
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t last = batch->captured_length[i] - 1; /* the smaller of two does not branch */
        __builtin_prefetch(batch->data[i] + (last < LINE ? last : LINE));
        __builtin_prefetch(batch->data[i] + (last < 2 * LINE ? last : 2 * LINE - 1));
    }
}

/* ---- cutoffs ---- */

static uint8_t choose_class(const struct worker *worker, const struct flow_ref *ref,
                            const struct packet_facts *facts)
{
    uint16_t application = flow_cache_application(worker->caches[0], ref, facts);
    return snapshot_policy_class(worker->config.snapshot_policy, &facts->key,
                                 application & FLOW_APPLICATION_NUMBER);
}

/* The class of the flow at REF. An octet of the table is the class and 1; 0: not chosen yet. While
 * records move between two tables they are known by no index for long. */
static uint8_t class_of(struct worker *worker, const struct flow_ref *ref,
                        const struct packet_facts *facts)
{
    uint8_t *classes = worker->snapshot_classes.memory;
    if (!classes)
        return 0;
    if (!flow_ref_is_record(ref) || worker->change)
        return choose_class(worker, ref, facts);
    if (ref->new_record || classes[ref->index] == 0)
        classes[ref->index] = choose_class(worker, ref, facts) + 1;
    return classes[ref->index] - 1;
}

/* What the policy says of a packet of which the flow had BEFORE. */
struct decision {
    bool kept;
    bool last; /* no more packets of the flow are to be kept */
    enum ledger_snapshot_cut_off reason;
};

static struct decision decide(const struct snapshot_cutoff *cutoff, bool pending, uint64_t before,
                              uint64_t ip_octets)
{
    uint64_t packets = before >> FLOW_OCTET_BITS;
    uint64_t octets = before & ((1ull << FLOW_OCTET_BITS) - 1);
    bool by_packets = cutoff->packets && packets >= cutoff->packets;
    bool by_octets = cutoff->octets && octets >= cutoff->octets;
    bool any = cutoff->packets || cutoff->octets;
    struct decision decision = {.kept = !any || (pending && !by_packets && !by_octets)};
    decision.last = pending && any &&
                    (!decision.kept || (cutoff->packets && packets + 1 >= cutoff->packets) ||
                     (cutoff->octets && octets + ip_octets >= cutoff->octets));
    bool of_octets = by_octets || (!by_packets && !cutoff->packets);
    decision.reason = of_octets && !by_packets ? SNAPSHOT_CUT_OFF_OCTETS : SNAPSHOT_CUT_OFF_PACKETS;
    return decision;
}

/* Moves the packets of METERED that are cut off to their reasons. */
static void cut_off(struct worker *worker, uint64_t metered, struct snapshot_batch *out)
{
    const struct snapshot_policy *policy = worker->config.snapshot_policy;
    for (uint64_t rest = metered; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        const struct flow_ref *ref = &worker->refs[i];
        const struct packet_facts *facts = &worker->facts[i];
        if (ref->index == FLOW_REF_NONE || ref->index == FLOW_REF_AGGREGATE)
            continue; /* they belong to no flow */
        const struct snapshot_cutoff *cutoff =
            snapshot_policy_cutoff(policy, class_of(worker, ref, facts));
        struct decision decision = decide(cutoff, ref->pending & FLOW_STATE_SNAPSHOT_PENDING,
                                          ref->before, facts->ip_octets);
        if (decision.last)
            flow_cache_settle_snapshot(worker->caches[0], ref, facts);
        if (decision.kept)
            continue;
        out->kept &= ~(1ull << i);
        out->cut_off[decision.reason] |= 1ull << i;
    }
}

/* ---- a batch ---- */

void worker_snapshot_keep(struct worker *worker, const struct packet_batch *batch, uint64_t metered,
                          uint64_t ignored)
{
    const struct snapshot_policy *policy = worker->config.snapshot_policy;
    struct snapshot_batch *out = &worker->snapshot_batch; /* flow ids are in it */
    out->packets = batch;
    out->kept = metered | ignored;
    out->payload = snapshot_policy_keeps_payload(policy);
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++)
        out->cut_off[reason] = 0;
    if (snapshot_policy_cuts_off(policy))
        cut_off(worker, metered, out);
    snapshot_policy_lengths(policy, batch, worker->facts, out->kept, out->lengths);
    for (; ignored; ignored &= ignored - 1)
        out->flow_ids[__builtin_ctzll(ignored)] = 0;
    snapshot_ring_append(worker->config.snapshot, out, worker->now_ns);
}

void worker_snapshot_change(struct worker *worker, const struct worker_config *config)
{
    struct worker_config *own = &worker->config;
    bool another = own->snapshot != config->snapshot;
    if (another && own->snapshot)
        snapshot_ring_leave(own->snapshot);
    if (another || own->snapshot_policy != config->snapshot_policy)
        flow_kernel_recall(worker->caches[0]); /* the kernel's packets are to be kept, perhaps */
    own->snapshot = config->snapshot;
    own->snapshot_policy = config->snapshot_policy;
    if (own->snapshot && worker->phase == PHASE_ENDED)
        snapshot_ring_leave(own->snapshot);
}
