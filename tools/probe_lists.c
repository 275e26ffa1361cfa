/* Lists and brands of a probe. See probe_lists.h. */
#include "probe_lists.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "list_load.h"
#include "probe.h"
#include "worker/worker_watch.h"

static_assert((int)WATCH_TEXT_OCTETS == (int)EXPORT_LIST_TEXT, "one name and one label");
static_assert((int)BRAND_OCTETS == (int)EXPORT_BRAND_NAME, "one name");

/* Names of lists and brands that are gone and still told of flows that have their marks. */
enum { NAMES_KEPT = 1024 };

struct probe_lists {
    struct watch_set *set;    /* NULL: no lists */
    struct brand_set *brands; /* NULL: brands are not told */
    uint64_t loaded_ns;       /* wall clock */
    uint64_t loads;           /* this one and those before it */
    struct export_marks marks;
    struct export_list *list_rows;   /* the set's, then those that are gone */
    struct export_brand *brand_rows; /* by number */
    struct state_list_counts before; /* counted by earlier ones */
    /* A worker's own, on lines of its own. */
    struct {
        _Alignas(64) struct watch_tally tally;
    } workers[EXPORT_RINGS_MAX];
};

/* ---- names for the exporter ---- */

static void add_list(struct probe_lists *lists, const struct export_list *row)
{
    for (uint32_t i = 0; i < lists->marks.list_count; i++)
        if (lists->list_rows[i].number == row->number)
            return;
    if (lists->marks.list_count < WATCH_LISTS_MAX + NAMES_KEPT)
        lists->list_rows[lists->marks.list_count++] = *row;
}

static void name_lists(struct probe_lists *lists, const struct probe_lists *before)
{
    for (uint32_t i = 0; lists->set && i < watch_set_count(lists->set); i++) {
        const struct watch_list *list = watch_set_list(lists->set, i);
        struct export_list row = {.number = list->number, .severity = (uint8_t)list->severity};
        memcpy(row.name, list->name, sizeof row.name);
        memcpy(row.label, list->label, sizeof row.label);
        add_list(lists, &row);
    }
    for (uint32_t i = 0; before && i < before->marks.list_count; i++)
        add_list(lists, &before->list_rows[i]);
}

static int compare_brands(const void *left, const void *right)
{
    const struct export_brand *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static void name_brands(struct probe_lists *lists, const struct probe_lists *before)
{
    uint32_t count = lists->brands ? brand_set_count(lists->brands) : 0, own = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct brand *brand = brand_set_brand(lists->brands, i);
        lists->brand_rows[i].number = brand->number;
        memcpy(lists->brand_rows[i].name, brand->name, sizeof lists->brand_rows[i].name);
    }
    qsort(lists->brand_rows, own, sizeof *lists->brand_rows, compare_brands);
    lists->marks.brands = lists->brand_rows;
    lists->marks.brand_count = own;
    for (uint32_t i = 0; before && i < before->marks.brand_count && count < own + NAMES_KEPT; i++)
        if (!export_brand_find(&lists->marks, before->brand_rows[i].number))
            lists->brand_rows[count++] = before->brand_rows[i];
    qsort(lists->brand_rows, count, sizeof *lists->brand_rows, compare_brands);
    lists->marks.brand_count = count;
}

static bool name_all(struct probe_lists *lists, const struct probe_lists *before,
                     struct error *error)
{
    size_t brands = (lists->brands ? brand_set_count(lists->brands) : 0) + (size_t)NAMES_KEPT;
    lists->list_rows = calloc(WATCH_LISTS_MAX + NAMES_KEPT, sizeof *lists->list_rows);
    lists->brand_rows = calloc(brands, sizeof *lists->brand_rows);
    if (!lists->list_rows || !lists->brand_rows) {
        error_set(error, "no memory for the names of lists");
        return false;
    }
    name_lists(lists, before);
    name_brands(lists, before);
    lists->marks.lists = lists->list_rows;
    return true;
}

/* ---- life ---- */

bool probe_lists_make(struct probe_lists **made, const struct lists_config *config,
                      const struct probe_lists *before, struct error *error)
{
    *made = NULL;
    if (!config_has_lists(config) && !before)
        return true;
    struct probe_lists *lists = aligned_alloc(64, sizeof *lists);
    if (!lists) {
        error_set(error, "no memory for lists");
        return false;
    }
    memset(lists, 0, sizeof *lists);
    if (!config_load_lists(config, &lists->set, &lists->brands, error) ||
        !name_all(lists, before, error)) {
        probe_lists_free(lists);
        return false;
    }
    lists->loaded_ns = clock_wall_ns();
    lists->loads = 1;
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        lists->workers[w].tally.set = lists->set;
        lists->workers[w].tally.brands = lists->brands;
    }
    *made = lists;
    return true;
}

void probe_lists_free(struct probe_lists *lists)
{
    if (!lists)
        return;
    watch_set_destroy(lists->set);
    brand_set_destroy(lists->brands);
    free(lists->list_rows);
    free(lists->brand_rows);
    free(lists);
}

/* What was counted so far: by the rows of the set, and in all. */
static void sum_up(const struct probe_lists *lists, struct state_list_counts *counts)
{
    *counts = lists->before;
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        const struct watch_tally *tally = &lists->workers[w].tally;
#define ADD_COUNTER(name, help)                                                                    \
    counts->name += atomic_load_explicit(&tally->name, memory_order_relaxed);
        WATCH_COUNTERS(ADD_COUNTER)
        for (uint32_t row = 0; row < WATCH_LISTS_MAX; row++)
            counts->hits[row] += atomic_load_explicit(&tally->hits[row], memory_order_relaxed);
    }
}

/* Adds what BEFORE has counted to TO, by the rows of LISTS. */
static void add_before(const struct probe_lists *lists, const struct probe_lists *before,
                       struct state_list_counts *to)
{
    struct state_list_counts counts;
    sum_up(before, &counts);
#define KEEP_COUNTER(name, help) to->name += counts.name;
    WATCH_COUNTERS(KEEP_COUNTER)
    for (uint32_t old = 0; before->set && old < watch_set_count(before->set); old++)
        for (uint32_t row = 0; lists->set && row < watch_set_count(lists->set); row++)
            if (watch_set_list(before->set, old)->number == watch_set_list(lists->set, row)->number)
                to->hits[row] += counts.hits[old];
}

void probe_lists_follow(struct probe_lists *lists, const struct probe_lists *before)
{
    if (!lists || !before)
        return;
    add_before(lists, before, &lists->before);
    lists->loads += before->loads;
}

void probe_lists_fill(struct probe_lists *lists, uint32_t number, struct worker_config *worker)
{
    bool any = lists && (lists->set || lists->brands);
    worker->watch = any ? &lists->workers[number].tally : NULL;
    worker->names.watched = worker_watched_names(worker->watch);
}

const struct export_marks *probe_lists_marks(const struct probe_lists *lists)
{
    return lists ? &lists->marks : NULL;
}

/* ---- telling ---- */

static size_t memory_of(const struct probe_lists *lists)
{
    return (lists->set ? watch_set_memory(lists->set) : 0) +
           (lists->brands ? brand_set_memory(lists->brands) : 0);
}

void probe_lists_tell(const struct probe_lists *lists)
{
    uint64_t entries = 0;
    if (!lists || !(lists->set || lists->brands))
        return;
    uint32_t count = lists->set ? watch_set_count(lists->set) : 0;
    for (uint32_t i = 0; i < count; i++)
        entries += watch_set_list(lists->set, i)->entries;
    fprintf(stderr, "spanflowd: %u list%s of %llu entries and %u domains of brands in %zu MiB\n",
            count, count == 1 ? "" : "s", (unsigned long long)entries,
            lists->brands ? brand_set_domains(lists->brands) : 0,
            (memory_of(lists) + (1u << 20) - 1) >> 20);
}

void probe_lists_facts(const struct probe_lists *lists, const struct probe_lists *leaving,
                       struct state_lists *facts)
{
    *facts = (struct state_lists){.set = NULL};
    if (!lists)
        return;
    facts->set = lists->set;
    facts->loaded_ns = lists->loaded_ns;
    facts->loads = lists->loads + (leaving ? leaving->loads : 0);
    facts->memory = memory_of(lists);
    facts->brand_domains = lists->brands ? brand_set_domains(lists->brands) : 0;
    sum_up(lists, &facts->counts);
    if (leaving)
        add_before(lists, leaving, &facts->counts);
}
