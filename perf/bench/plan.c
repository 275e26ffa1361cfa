/* Filling and draining. See plan.h. */
#include "perf/bench/plan.h"

#include <string.h>

#include "packet/packet_batch.h"

static const uint64_t idle_ns = 15000000000u;

uint32_t plan_flows_max(const struct bench_case *it)
{
    bool mixed = it->new_tenths > 0 && it->new_tenths < 1000;
    return mixed ? it->flows + it->flows / 4 : it->flows;
}

void plan_cache(const struct bench_case *it, struct flow_cache_config *config)
{
    config->flows_max = plan_flows_max(it);
    config->active_timeout_ns = 4 * idle_ns;
    config->idle_timeout_ns = idle_ns;
    config->tcp_linger_ns = 2000000000u;
    for (unsigned w = 0; w < 4; w++)
        config->hash_seed[w] = 0x243f6a8885a308d3u * (w + 1);
}

void plan_parser(const struct bench_case *it, struct parser_config *config)
{
    memset(config, 0, sizeof *config);
    config->vlan_in_key = it->feature == FEATURE_VLAN;
    config->fragment_table = it->feature != FEATURE_NO_FRAGMENTS;
    config->tunnels = it->feature == FEATURE_DECAPSULATION ? TUNNEL_ALL : 0;
}

bool plan_step(const struct bench_case *it, unsigned number, struct plan_step *step)
{
    uint32_t all = plan_flows_max(it);
    if (number == 0) {
        uint64_t span_ns = idle_ns - idle_ns / 100;
        *step = (struct plan_step){false, all, span_ns / (all / PACKET_BATCH_MAX)};
        return true;
    }
    *step = (struct plan_step){true, it->flows, BATCH_STEP_NS};
    return number == 1 && it->new_tenths < 1000;
}

void plan_discard(struct record_ring *ring, struct ledger_pair *sum)
{
    for (const struct flow_hot *hot; (hot = record_ring_peek(ring)) != NULL;) {
        struct flow_record record = flow_record_at(hot);
        for (unsigned side = 0; side < 2; side++)
            ledger_add(sum, flow_packets(record.hot, record.cold, side),
                       flow_octets(record.hot, record.cold, side));
        record_ring_next(ring);
    }
    record_ring_release(ring);
}

bool plan_balances(const struct worker_account *account, struct ledger_pair exported)
{
    const struct worker_ledger *l = &account->ledger;
    struct ledger_pair unmetered = l->dropped[DROPPED_CACHE_FULL];
    for (unsigned reason = 0; reason < IGNORED_COUNT; reason++)
        ledger_add(&unmetered, l->ignored[reason].packets, l->ignored[reason].octets);
    return account->source[0].observed.packets == l->metered.packets + unmetered.packets &&
           account->source[0].observed.octets == l->metered_frame.octets + unmetered.octets &&
           l->metered.packets == exported.packets + account->cached.packets &&
           l->metered.octets == exported.octets + account->cached.octets;
}
