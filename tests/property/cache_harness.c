/* The real cache and the reference, fed alike. */
#include "cache_harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void harness_open(struct harness *harness, const struct flow_cache_config *config,
                  uint32_t ring_lines)
{
    struct error error = {""};
    memset(harness, 0, sizeof *harness);
    harness->ring = record_ring_create(ring_lines, &error);
    check(harness->ring != NULL);
    harness->config = *config;
    harness->config.ring = harness->ring;
    harness->config.ledger = &harness->ledger;
    harness->cache = flow_cache_create(&harness->config, &error);
    check(harness->cache != NULL);
    struct reference_config reference = {config->active_timeout_ns, config->idle_timeout_ns,
                                         config->tcp_linger_ns};
    harness->reference = reference_create(&reference, &harness->expected);
    harness->auto_drain = true;
}

void harness_close(struct harness *harness)
{
    flow_cache_destroy(harness->cache);
    record_ring_destroy(harness->ring);
    reference_destroy(harness->reference);
    plain_list_free(&harness->expected);
    plain_list_free(&harness->got);
}

void harness_add(struct harness *harness, const struct plain_packet *packet)
{
    struct packet_batch *batch = &harness->batch;
    check(batch->count < PACKET_BATCH_MAX);
    uint32_t i = batch->count++;
    harness->packets[i] = *packet;
    batch->data[i] = harness->packets[i].macs;
    batch->captured_length[i] = sizeof packet->macs;
    batch->wire_length[i] = (uint32_t)(packet->ip_octets & 0xffff) + 14;
    batch->timestamp_ns[i] = packet->time_ns;
    batch->port[i] = packet->port;
    plain_packet_facts(packet, &harness->facts[i]);
}

static void fail(struct harness *harness, const char *what, uint64_t expected, uint64_t got)
{
    if (!harness->failed)
        fprintf(stderr, "  %s: %" PRIu64 " expected, %" PRIu64 " got\n", what, expected, got);
    harness->failed = true;
}

void harness_drain(struct harness *harness)
{
    size_t before = harness->got.count;
    record_ring_publish(harness->ring);
    harness->drained += plain_list_drain(&harness->got, harness->ring, NULL);
    if (!harness->evictions_told)
        return;
    for (size_t i = before; i < harness->got.count; i++)
        if (harness->got.rows[i].end_reason == FLOW_END_RESOURCES &&
            !reference_evict(harness->reference, &harness->got.rows[i].key))
            fail(harness, "an evicted record is not in the reference", 1, 0);
}

void harness_run_batch(struct harness *harness)
{
    struct packet_batch *batch = &harness->batch;
    struct flow_ref refs[PACKET_BATCH_MAX];
    uint32_t count = batch->count;
    if (count == 0)
        return;
    uint64_t selected = count == 64 ? UINT64_MAX : (1ull << count) - 1;
    memset(refs, 0xee, sizeof refs);
    flow_cache_update_batch(harness->cache, batch, harness->facts, selected, refs);
    for (uint32_t i = 0; i < count; i++) {
        harness->given++;
        harness->given_octets += harness->facts[i].ip_octets;
        if (batch->timestamp_ns[i] > harness->newest_ns)
            harness->newest_ns = batch->timestamp_ns[i];
        if (refs[i].index == FLOW_REF_NONE) {
            harness->dropped++;
            harness->given_octets -= harness->facts[i].ip_octets;
            continue;
        }
        if (refs[i].index == FLOW_REF_AGGREGATE) {
            ledger_add(&harness->aggregated, 1, harness->facts[i].ip_octets);
            continue;
        }
        if (flow_ref_is_record(&refs[i]) && refs[i].index >= harness->config.flows_max)
            fail(harness, "a ref's index", harness->config.flows_max, refs[i].index);
        if (refs[i].side != harness->facts[i].side)
            fail(harness, "a ref's side", harness->facts[i].side, refs[i].side);
        reference_update(harness->reference, &harness->facts[i], batch->data[i],
                         batch->timestamp_ns[i], batch->port[i]);
    }
    batch->count = 0;
    if (harness->config.kernel.table)
        flow_kernel_offer(harness->cache, harness->facts, refs, selected);
    if (flow_cache_flows(harness->cache) > harness->flows_peak)
        harness->flows_peak = flow_cache_flows(harness->cache);
    if (harness->auto_drain)
        harness_drain(harness);
}

void harness_sweep(struct harness *harness, uint64_t now_ns, bool exact)
{
    flow_cache_sweep(harness->cache, now_ns);
    if (now_ns > harness->newest_ns)
        harness->newest_ns = now_ns;
    if (exact)
        reference_sweep(harness->reference, now_ns);
    if (harness->auto_drain)
        harness_drain(harness);
}

void harness_check(struct harness *harness)
{
    harness_drain(harness);
    struct ledger_pair in_kernel = flow_kernel_walk(harness->cache);
    struct ledger_pair cached = flow_cache_walk(harness->cache);
    cached.packets += in_kernel.packets;
    cached.octets += in_kernel.octets;
    struct ledger_pair out = plain_list_sum(&harness->got);
    const struct worker_ledger *ledger = &harness->ledger;
    const struct ledger_pair *full = &ledger->dropped[DROPPED_CACHE_FULL];
    if (ledger->metered.packets != out.packets + cached.packets)
        fail(harness, "metered packets", out.packets + cached.packets, ledger->metered.packets);
    if (ledger->metered.octets != out.octets + cached.octets)
        fail(harness, "metered octets", out.octets + cached.octets, ledger->metered.octets);
    if (ledger->metered.octets != harness->given_octets)
        fail(harness, "octets given", harness->given_octets, ledger->metered.octets);
    if (full->packets != harness->dropped)
        fail(harness, "dropped packets", harness->dropped, full->packets);
    if (ledger->metered.packets + full->packets != harness->given)
        fail(harness, "packets given", harness->given, ledger->metered.packets + full->packets);
    if (ledger->records_out != harness->drained)
        fail(harness, "records out", harness->drained, ledger->records_out);
    if (harness->flows_peak > harness->config.flows_max)
        fail(harness, "flows at most", harness->config.flows_max, harness->flows_peak);
}

/* Takes the prefix aggregates out of the list: the reference knows nothing of them, but what they
 * hold must be what was put into them. */
static void settle_aggregates(struct harness *harness)
{
    struct plain_list *got = &harness->got;
    struct ledger_pair sum = {0, 0};
    size_t kept = 0;
    for (size_t i = 0; i < got->count; i++) {
        const struct plain_record *row = &got->rows[i];
        if (row->aggregate)
            ledger_add(&sum, row->side[0].packets, row->side[0].octets);
        else
            got->rows[kept++] = *row;
    }
    got->count = kept;
    struct flow_cache_counters counters;
    flow_cache_copy_counters(harness->cache, &counters);
    if (sum.packets != harness->aggregated.packets || sum.octets != harness->aggregated.octets)
        fail(harness, "aggregated octets", harness->aggregated.octets, sum.octets);
    if (counters.flood.aggregated_packets != sum.packets ||
        counters.flood.aggregated_octets != sum.octets)
        fail(harness, "aggregated packets", sum.packets, counters.flood.aggregated_packets);
}

bool harness_finish(struct harness *harness, uint64_t now_ns, enum plain_compare how,
                    const char *name)
{
    harness_run_batch(harness);
    harness_check(harness);
    reference_flush(harness->reference, now_ns, FLOW_END_FORCED);
    for (unsigned round = 0; !flow_cache_flush(harness->cache, now_ns, FLOW_END_FORCED); round++) {
        if (round > 1000000) {
            fail(harness, "a flush that ends", 1, 0);
            break;
        }
        harness_drain(harness);
    }
    harness->evictions_told = false;
    harness_check(harness);
    struct ledger_pair left = flow_cache_walk(harness->cache);
    if (left.packets != 0 || flow_cache_flows(harness->cache) != 0)
        fail(harness, "flows after the flush", 0, flow_cache_flows(harness->cache));
    if (harness->ledger.flows != harness->ledger.records_out)
        fail(harness, "records made", harness->ledger.records_out, harness->ledger.flows);
    settle_aggregates(harness);
    return plain_list_equal(&harness->expected, &harness->got, how, name) && !harness->failed;
}
