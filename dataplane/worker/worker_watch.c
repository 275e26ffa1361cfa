/* Lists: counts and alerts. See worker_watch.h. */
#include "worker/worker_watch.h"

#include <string.h>

#include "worker/worker_alert.h"
#include "worker/worker_private.h"

/* While the workers of a probe are exchanged, two of one number may count for a moment. */
static void count_one(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Copies the name of LIST as far as there is room: no character is cut. */
static void copy_name(char name[ALERT_NAME_OCTETS], const struct watch_list *list)
{
    size_t octets = strnlen(list->name, ALERT_NAME_OCTETS - 1);
    while (octets > 0 && (list->name[octets] & 0xc0) == 0x80)
        octets--;
    memcpy(name, list->name, octets);
}

static void raise_alert(struct worker *worker, const struct watch_list *list,
                        const struct packet_facts *facts, const struct flow_ref *ref,
                        uint8_t listed, uint64_t time_ns)
{
    struct flow_sought sought;
    if (!flow_cache_identify(worker->caches[0], ref, facts, &sought)) {
        /* It has ended in this batch; who began it knows its number. */
        sought.flow_id = listed == ALERT_LISTED_NAME ? 0 : ref->flow_id;
        sought.initiator = facts->side;
    }
    struct alert alert = {.time_ns = time_ns,
                          .flow_id = sought.flow_id,
                          .number = list->number,
                          .kind = ALERT_LIST,
                          .severity = (uint8_t)list->severity,
                          .side = sought.initiator,
                          .key = facts->key,
                          .listed = listed};
    copy_name(alert.name, list);
    worker_raise(worker, &alert);
}

/* The flow of FACTS is in every list of ROWS. */
static void tell_rows(struct worker *worker, uint64_t rows, const struct packet_facts *facts,
                      const struct flow_ref *ref, uint8_t listed, uint64_t time_ns)
{
    struct watch_tally *tally = worker->config.watch;
    for (; rows; rows &= rows - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(rows);
        count_one(&tally->hits[row]);
        raise_alert(worker, watch_set_list(tally->set, row), facts, ref, listed, time_ns);
    }
}

static void tell_flow(struct worker *worker, const struct packet_facts *facts,
                      const struct flow_ref *ref, uint64_t time_ns)
{
    struct watch_tally *tally = worker->config.watch;
    uint64_t sides[2];
    watch_flow(tally->set, &facts->key, sides);
    count_one(&tally->flows);
    tell_rows(worker, sides[0], facts, ref, 0, time_ns);
    tell_rows(worker, sides[1] & ~sides[0], facts, ref, 1, time_ns);
}

void worker_watch(struct worker *worker, const struct packet_batch *batch)
{
    struct flow_listed *listed = &worker->listed;
    for (uint32_t n = 0; n < listed->count; n++) {
        unsigned i = listed->packets[n];
        tell_flow(worker, &worker->facts[i], &listed->refs[n], batch->timestamp_ns[i]);
    }
    listed->count = 0;
}

uint32_t worker_watched_names(const struct watch_tally *tally)
{
    const uint32_t servers =
        1u << NAME_TLS_SERVER_NAME | 1u << NAME_HTTP_HOST | 1u << NAME_DNS_QUERY_NAME;
    bool any = tally && (tally->brands || (tally->set && watch_set_has_domains(tally->set)));
    return any ? servers : 0;
}

void worker_watch_name(struct worker *worker, const struct packet_facts *facts,
                       const struct flow_ref *ref, const uint8_t *text, uint32_t octets,
                       uint64_t time_ns)
{
    struct watch_tally *tally = worker->config.watch;
    if (!tally)
        return;
    uint64_t rows = tally->set ? watch_domain(tally->set, text, octets) : 0;
    uint32_t brand = tally->brands ? brand_set_find(tally->brands, text, octets) : 0;
    count_one(&tally->names);
    if (brand)
        count_one(&tally->branded);
    flow_cache_mark_list(worker->caches[0], ref, facts, rows);
    flow_cache_mark_brand(worker->caches[0], ref, facts, brand);
    tell_rows(worker, rows, facts, ref, ALERT_LISTED_NAME, time_ns);
}
