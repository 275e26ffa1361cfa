/* Counts packets and looks at their payload. See worker_payload.h. */
#include "worker/worker_payload.h"

#include <endian.h>

#include "worker/worker_alert.h"
#include "worker/worker_private.h"
#include "worker/worker_watch.h"

enum { PROTOCOL_TCP = 6 };

/* Payload I of BATCH as the scanner wants it. */
static struct application_packet payload_of(const struct packet_batch *batch,
                                            const struct packet_facts *facts,
                                            const struct flow_sought *sought, unsigned i)
{
    const struct flow_key_head *key = &facts->key.head;
    bool tcp = key->protocol == PROTOCOL_TCP;
    uint32_t missing = batch->wire_length[i] - batch->captured_length[i];
    struct application_packet packet = {
        .data = batch->data[i] + facts->payload_offset,
        .length = facts->payload_length,
        .whole_length = tcp ? facts->tcp_payload_length : facts->payload_length + missing,
        .tcp_sequence = facts->tcp_sequence + (facts->tcp_flags >> 1 & 1), /* SYN counts as one */
        .source_port = be16toh(facts->side ? key->port_b : key->port_a),
        .destination_port = be16toh(facts->side ? key->port_a : key->port_b),
        .tcp = tcp,
        .from_client = facts->side == sought->initiator,
        .client_known = sought->initiator_seen,
        .start_known = tcp && sought->start_known,
        .tcp_start = sought->start};
    if (packet.whole_length < packet.length)
        packet.whole_length = packet.length;
    return packet;
}

/* Looks for the application of the flow of packet I, whose record REF tells, and sets that of
 * SOUGHT. True if later packets need not be looked at for it. */
static bool find_application(struct worker *worker, const struct flow_ref *ref,
                             const struct application_packet *packet,
                             const struct packet_facts *facts, uint64_t time_ns,
                             struct flow_sought *sought)
{
    uint8_t *classes = worker->snapshot_classes.memory;
    struct application_verdict verdict = application_scan(
        worker->scanner, ref->index, sought->flow_id, facts->side, packet, time_ns);
    if (verdict.found)
        worker_note_application(worker, verdict.found, facts, sought, time_ns);
    if (!verdict.changed)
        return verdict.settled;
    unsigned application = verdict.number;
    if (verdict.confidence == APPLICATION_BY_CONTENT)
        application |= FLOW_APPLICATION_BY_CONTENT;
    else if (verdict.confidence == APPLICATION_BY_PORT)
        application |= FLOW_APPLICATION_BY_PORT;
    sought->application = (uint16_t)application;
    flow_cache_set_application(worker->caches[0], ref, sought->application);
    if (classes)
        classes[ref->index] = 0; /* the application may make it one of another class */
    return verdict.settled;
}

/* The same for names, of the flow FLOW, of which FACTS are of a packet at TIME_NS. */
static bool find_names(struct worker *worker, const struct flow_ref *ref,
                       const struct application_packet *packet, const struct name_flow *flow,
                       const struct packet_facts *facts, uint64_t time_ns)
{
    const uint8_t *names, *server;
    uint32_t count;
    bool done = name_finder_look(worker->finder, flow, packet, time_ns, &names, &count);
    if (count)
        flow_cache_add_names(worker->caches[0], ref, names, count);
    uint32_t octets = name_finder_server(worker->finder, &server);
    if (octets)
        worker_watch_name(worker, facts, ref, server, octets, time_ns);
    return done;
}

/* Looks for both, where names are looked for. */
static bool find_both(struct worker *worker, const struct packet_batch *batch,
                      const struct packet_facts *facts, const struct flow_ref *ref, unsigned i,
                      struct flow_sought *sought)
{
    struct application_packet packet = payload_of(batch, facts, sought, i);
    struct name_flow flow = {.index = ref->index, .id = sought->flow_id, .had = sought->name_types};
    bool settled = !worker->scanner || name_finder_knows_application(worker->finder, &flow);
    if (!settled) {
        settled = find_application(worker, ref, &packet, facts, batch->timestamp_ns[i], sought);
        if (settled)
            name_finder_end_application(worker->finder, &flow);
    }
    if (sought->application & FLOW_APPLICATION_BY_CONTENT)
        flow.application = sought->application & FLOW_APPLICATION_NUMBER;
    return find_names(worker, ref, &packet, &flow, facts, batch->timestamp_ns[i]) && settled;
}

/* Looks at the payload of packet I, whose flow's record REF tells. */
static void look_at_payload(struct worker *worker, const struct packet_batch *batch,
                            const struct packet_facts *facts, const struct flow_ref *ref,
                            unsigned i)
{
    struct flow_cache *cache = worker->caches[0];
    struct flow_sought sought;
    bool settled;
    if (!flow_cache_sought(cache, ref, facts, &sought))
        return;
    if (__builtin_expect(worker->finder != NULL, 0)) {
        settled = find_both(worker, batch, facts, ref, i, &sought);
    } else {
        struct application_packet packet = payload_of(batch, facts, &sought, i);
        settled = find_application(worker, ref, &packet, facts, batch->timestamp_ns[i], &sought);
    }
    if (settled)
        flow_cache_settle_application(cache, ref);
}

/* Whether the flow of REF had no verdict when its packet was counted. */
static bool is_pending(const struct flow_ref *ref)
{
    return flow_ref_is_record(ref) && (ref->pending & FLOW_STATE_APP_PENDING);
}

static void look_at_payloads(struct worker *worker, const struct packet_batch *batch,
                             const struct packet_facts *facts, const struct flow_ref *refs,
                             uint64_t selected)
{
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzll(selected);
        if (is_pending(&refs[i]) && facts[i].payload_length &&
            !(facts[i].facts & PACKET_FACT_LATER_FRAGMENT))
            look_at_payload(worker, batch, &facts[i], &refs[i], i);
    }
}

/* Counts the packets of SELECTED in cache C as well, and writes what is known of their flows'
 * applications and names to its records: where payload was looked at just now, and where a record
 * begins. */
static void follow_first(struct worker *worker, uint32_t c, const struct packet_batch *batch,
                         uint64_t selected)
{
    struct flow_cache *first = worker->caches[0], *cache = worker->caches[c];
    struct flow_ref *refs = worker->other_refs;
    flow_cache_update_announced(cache, batch, worker->facts, selected, refs, NULL);
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzll(selected);
        if (!refs[i].new_record && !is_pending(&worker->refs[i]))
            continue;
        const struct packet_facts *facts = &worker->facts[i];
        flow_cache_adopt_application(cache, &refs[i],
                                     flow_cache_application(first, &worker->refs[i], facts), facts);
        if (worker->finder)
            flow_cache_adopt_names(cache, &refs[i], first, &worker->refs[i], facts);
        if (worker->config.watch)
            flow_cache_adopt_marks(cache, &refs[i], first, &worker->refs[i], facts);
    }
}

/* Where packets are far apart, a later one of the batch may end the record of an earlier one: then
 * the payload of the earlier ones is looked at first. */
uint64_t worker_meter_payload(struct worker *worker, const struct packet_batch *batch,
                              uint64_t selected)
{
    static const uint64_t apart_ns = 100000000;
    struct flow_cache *cache = worker->caches[0];
    struct flow_ref *refs = worker->refs;
    uint64_t *flow_ids = worker->config.snapshot ? worker->snapshot_batch.flow_ids : NULL;
    uint64_t undecided = 0;
    while (selected) {
        uint64_t first_ns = batch->timestamp_ns[__builtin_ctzll(selected)], together = 0;
        for (uint64_t rest = selected; rest; rest &= rest - 1) {
            uint64_t time_ns = batch->timestamp_ns[__builtin_ctzll(rest)];
            if (time_ns > first_ns + apart_ns)
                break;
            together |= rest & -rest;
        }
        flow_cache_update_announced(cache, batch, worker->facts, together, refs, flow_ids);
        look_at_payloads(worker, batch, worker->facts, refs, together);
        for (uint32_t c = 1; c < worker->config.cache_count; c++)
            follow_first(worker, c, batch, together);
        selected &= ~together;
        for (; together; together &= together - 1)
            if (is_pending(&refs[__builtin_ctzll(together)]))
                undecided |= together & -together;
    }
    return undecided;
}
