/*
 * The operations flows, top, expire-all and ledger. Walks wait in line; the first goes from worker
 * to worker, each of which does its part between batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe_change.h"
#include "probe_control_private.h"
#include "probe_lists.h"

enum { TOP_PIECE = 4096 }; /* flows that are copied at a time */

struct probe_walk {
    struct probe_walk *next;
    bool wanted; /* somebody waits for the answer */
    bool begun;  /* a worker has it */
    uint32_t id;
    struct flow_query query;
    uint32_t cache;
    uint32_t worker;
    struct worker_walk walk;
    struct flow_view *views;
    struct state_json json;
    json_t *flows;          /* QUERY_FLOWS */
    struct flow_sums *sums; /* QUERY_TOP */
    uint64_t records;       /* QUERY_EXPIRE_ALL */
};

static void free_walk(struct probe_walk *walk)
{
    json_decref(walk->flows);
    flow_sums_destroy(walk->sums);
    free(walk->views);
    free(walk);
}

static struct probe_walk *make_walk(const struct flow_query *query, uint32_t cache, uint32_t id)
{
    struct probe_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return NULL;
    walk->wanted = true;
    walk->id = id;
    walk->query = *query;
    walk->worker = query->worker;
    walk->walk.position = query->position;
    walk->cache = cache;
    if (query->kind == QUERY_EXPIRE_ALL)
        return walk;
    uint32_t room = query->kind == QUERY_TOP ? TOP_PIECE : query->limit;
    walk->views = calloc(room, sizeof *walk->views);
    walk->walk.room = room;
    if (query->kind == QUERY_TOP)
        walk->sums = flow_sums_create(query);
    else
        walk->flows = json_array();
    if (walk->views && (walk->sums || walk->flows))
        return walk;
    free_walk(walk);
    return NULL;
}

static void begin_ledger(struct probe_control *control, uint32_t id)
{
    struct control_request *place = control_place(control, id);
    if (place)
        *place = (struct control_request){.kind = REQUEST_LEDGER, .id = id};
}

/* The number of the cache NAME; how many there are if there is none. */
static uint32_t find_cache(const struct probe *probe, const char *name)
{
    uint32_t cache = 0;
    while (cache < probe->metering->cache_count &&
           strcmp(probe->config->caches[cache].name, name) != 0)
        cache++;
    return cache;
}

static void queue_walk(struct probe *probe, const struct flow_query *query, uint32_t id)
{
    struct probe_control *control = probe->control;
    if (query->worker >= probe->metering->worker_count) {
        control_refuse(control, id, "invalid-value", "", "continuation: it is of another run");
        return;
    }
    uint32_t cache = query->cache[0] ? find_cache(probe, query->cache) : 0;
    if (cache == probe->metering->cache_count) {
        char line[128];
        snprintf(line, sizeof line, "cache: there is none of the name '%s'", query->cache);
        control_refuse(control, id, "invalid-value", "", line);
        return;
    }
    struct control_request *place = control_place(control, id);
    if (!place)
        return;
    struct probe_walk *walk = make_walk(query, cache, id);
    if (!walk) {
        control_refuse(control, id, "resource-denied", "", "the daemon's memory is short");
        return;
    }
    *place = (struct control_request){.kind = REQUEST_WALK, .id = id, .walk = walk};
    struct probe_walk **last = &control->walks;
    while (*last)
        last = &(*last)->next;
    *last = walk;
}

void probe_walk_begin(struct probe *probe, const struct control_frame *frame)
{
    struct flow_query query;
    struct error mistake = {""};
    const char *tag = "";
    if (!flow_query_read(&query, frame->body, frame->length, probe->rules.names, &tag, &mistake))
        control_refuse(probe->control, frame->id, tag, "", mistake.text);
    else if (query.kind == QUERY_LEDGER)
        begin_ledger(probe->control, frame->id);
    else
        queue_walk(probe, &query, frame->id);
}

/* ---- going on ---- */

static char *outcome(struct probe *probe, struct probe_walk *walk, bool more)
{
    switch (walk->query.kind) {
    case QUERY_FLOWS: {
        json_t *flows = walk->flows;
        walk->flows = NULL;
        return flow_query_answer(&walk->json, flows, more ? walk->worker : UINT32_MAX,
                                 walk->walk.position);
    }
    case QUERY_TOP:
        return flow_sums_answer(walk->sums, probe->rules.names);
    default:
        return flow_query_expired(walk->records);
    }
}

/* Takes WALK out of the line, answers and frees it. */
static void finish(struct probe *probe, struct probe_walk *walk, bool more)
{
    struct probe_control *control = probe->control;
    control->walks = walk->next;
    for (unsigned i = 0; walk->wanted && i < CONTROL_REQUESTS_MAX; i++) {
        if (control->requests[i].walk != walk)
            continue;
        control->requests[i] = (struct control_request){.kind = REQUEST_NONE};
        control_answer_text(control, walk->id, outcome(probe, walk, more));
    }
    free_walk(walk);
}

/* Takes what the worker has copied or ended. True if the answer is complete; *MORE then says that
 * there are other flows behind it. */
static bool take_part(struct probe *probe, struct probe_walk *walk, bool *more)
{
    uint32_t taken = walk->walk.count;
    for (uint32_t i = 0; i < taken; i++) {
        if (walk->sums)
            flow_sums_add(walk->sums, &walk->views[i]);
        else
            flow_query_add(&walk->json, walk->flows, walk->worker, &walk->views[i],
                           probe->rules.names, probe_lists_marks(probe->lists));
    }
    walk->records += walk->walk.records;
    if (walk->query.kind == QUERY_FLOWS)
        walk->walk.room -= taken;
    if (walk->walk.position == FLOW_WALK_END) {
        walk->worker++;
        walk->walk.position = 0;
    }
    *more = walk->worker < probe->metering->worker_count;
    return !*more || (walk->query.kind == QUERY_FLOWS && walk->walk.room == 0);
}

static void hand_over(struct probe *probe, struct probe_walk *walk)
{
    bool expires = walk->query.kind == QUERY_EXPIRE_ALL;
    walk->walk.kind = expires ? WORKER_WALK_EXPIRE : WORKER_WALK_SHOW;
    walk->walk.filter = walk->query.filter;
    walk->walk.views = walk->views;
    walk->walk.count = 0;
    walk->walk.records = 0;
    walk->walk.cache = walk->cache; /* 0 to expire all, which goes through them */
    atomic_store(&walk->walk.done, false);
    walk->begun = true;
    worker_submit_walk(probe->metering->workers[walk->worker], &walk->walk);
}

bool probe_walk_is_under_way(const struct probe_control *control)
{
    return control && control->walks && control->walks->begun;
}

/* Other workers may be there than when it was asked for, and the cache in another place. */
static bool find_place(const struct probe *probe, struct probe_walk *walk)
{
    if (walk->query.cache[0])
        walk->cache = find_cache(probe, walk->query.cache);
    return walk->worker < probe->metering->worker_count &&
           walk->cache < probe->metering->cache_count;
}

void probe_walk_turn(struct probe *probe)
{
    struct probe_walk *walk = probe->control->walks;
    if (!walk || (!walk->begun && probe_change_waits(probe)))
        return;
    bool more = true;
    if (walk->begun) {
        if (!worker_walk_done(&walk->walk))
            return;
        walk->begun = false;
        if (take_part(probe, walk, &more)) {
            finish(probe, walk, more);
            return;
        }
    }
    if (walk->wanted && find_place(probe, walk))
        hand_over(probe, walk);
    else
        finish(probe, walk, false);
}

/* ---- the end ---- */

void probe_walk_forget(struct probe_control *control)
{
    for (struct probe_walk *walk = control->walks; walk; walk = walk->next)
        walk->wanted = false;
}

void probe_walk_end(struct probe_control *control)
{
    while (control->walks) {
        struct probe_walk *walk = control->walks;
        control->walks = walk->next;
        free_walk(walk);
    }
}
