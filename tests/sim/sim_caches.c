/* The caches of a simulated worker after the first. */
#include <string.h>

#include "base/check.h"
#include "sim_world.h"

void sim_open_others(struct sim_world *world, struct sim_worker *w, struct worker_config *config)
{
    struct random *random = &world->random;
    struct error error = {""};
    w->feed.other_count = world->plan.others;
    for (unsigned c = 0; c < world->plan.others; c++) {
        struct sim_other *other = &w->others[c];
        struct flow_cache_config *cache = &config->caches[config->cache_count++];
        const struct reference_config timeouts = {
            sim_draw_timeout(random), sim_draw_timeout(random), sim_draw_timeout(random)};
        other->ring = record_ring_create(world->plan.ring_lines, &error);
        check(other->ring != NULL);
        w->feed.others[c] = reference_create(&timeouts, &other->expected);
        *cache = (struct flow_cache_config){.flows_max = world->plan.flows_max,
                                            .active_timeout_ns = timeouts.active_timeout_ns,
                                            .idle_timeout_ns = timeouts.idle_timeout_ns,
                                            .tcp_linger_ns = timeouts.tcp_linger_ns,
                                            .several_ports = world->plan.sources > 1,
                                            .ring = other->ring};
        for (unsigned i = 0; i < 4; i++)
            cache->hash_seed[i] = random_next(random);
    }
}

void sim_close_others(struct sim_world *world, struct sim_worker *w)
{
    for (unsigned c = 0; c < world->plan.others; c++) {
        record_ring_destroy(w->others[c].ring);
        reference_destroy(w->feed.others[c]);
        plain_list_free(&w->others[c].expected);
        plain_list_free(&w->others[c].got);
    }
}

static void take_record(struct sim_other *other, const struct flow_hot *element)
{
    struct plain_record row = plain_record_of(element);
    plain_list_add(&other->got, &row);
    other->taken.records++;
    for (unsigned side = 0; side < 2; side++) {
        other->taken.exported.packets += row.side[side].packets;
        other->taken.exported.octets += row.side[side].octets;
    }
}

void sim_take_others(struct sim_world *world, uint32_t number)
{
    for (unsigned c = 0; c < world->plan.others; c++) {
        struct sim_other *other = &world->workers[number].others[c];
        const struct flow_hot *element;
        while ((element = record_ring_peek(other->ring)) != NULL) {
            if ((flow_state(element) & FLOW_ELEMENT_KIND_MASK) == FLOW_ELEMENT_MARKER) {
                other->at_cut = other->taken;
                other->cut = ((const struct flow_marker *)(const void *)element)->cut;
            } else {
                take_record(other, element);
            }
            record_ring_next(other->ring);
        }
        record_ring_release(other->ring);
    }
}

void sim_other_ledger(struct sim_world *world, unsigned c,
                      const struct worker_account *const accounts[], bool at_cut,
                      struct ledger *ledger)
{
    static struct exporter_counters exported;
    struct ledger_account copies[SIM_WORKERS_MAX];
    memset(&exported, 0, sizeof exported);
    for (uint32_t w = 0; w < world->plan.workers; w++) {
        sim_take_others(world, w);
        const struct sim_other *other = &world->workers[w].others[c];
        const struct sim_taken *taken = at_cut ? &other->at_cut : &other->taken;
        if (at_cut && other->cut != world->cut)
            sim_fail(world, "a cache's ring has no marker of the cut");
        exported.exported[w] = taken->exported;
        exported.records[w] = taken->records;
        copies[w] = (struct ledger_account){.worker = &accounts[w]->others[c].ledger,
                                            .sources = accounts[w]->source,
                                            .source_count = accounts[w]->source_count,
                                            .cached = accounts[w]->others[c].cached};
    }
    ledger_make(ledger, copies, world->plan.workers, &exported);
    ledger->cache_name = "other";
}

void sim_compare_others(struct sim_world *world, const char *name)
{
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        static struct worker_account account;
        struct sim_worker *w = &world->workers[i];
        worker_account_now(w->worker, &account);
        for (unsigned c = 0; c < world->plan.others; c++) {
            const struct worker_cache_account *own = &account.others[c];
            bool exact = !world->plan.late_anyhow && !world->plan.tiny_cache && !w->retimed &&
                         own->cache.flood.changes == 0 && own->cache.ended[FLOW_END_RESOURCES] == 0;
            if (own->cache.flood.aggregated_packets == 0 &&
                own->ledger.dropped[DROPPED_CACHE_FULL].packets == 0 &&
                !plain_list_equal(&w->others[c].expected, &w->others[c].got,
                                  exact ? PLAIN_EXACT : PLAIN_SUMS_BY_KEY, name))
                sim_fail(world, "the records of another cache are not those of its reference");
        }
    }
}
