/* Plain records: taken from ring elements, sorted by key, compared field by field. */
#include "sim/plain_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/ledger_terms.h"

void plain_list_add(struct plain_list *list, const struct plain_record *row)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 256;
        list->rows = realloc(list->rows, list->capacity * sizeof *list->rows);
        check(list->rows != NULL);
    }
    list->rows[list->count++] = *row;
}

void plain_list_free(struct plain_list *list)
{
    free(list->rows);
    memset(list, 0, sizeof *list);
}

static void take_side(struct plain_record *row, const struct flow_record *record, unsigned side)
{
    const struct flow_hot *hot = record->hot;
    const struct flow_cold *cold = record->cold;
    struct plain_side *s = &row->side[side];
    s->packets = flow_packets(hot, cold, side);
    s->octets = flow_octets(hot, cold, side);
    if (s->packets == 0)
        return; /* octets of no packets stay visible: they would be a fault */
    s->first_ns = cold->first_ns[side];
    s->last_ns = hot->last_ns[side];
    s->tcp_flags = (uint16_t)flow_tcp_flags(hot, side);
    s->port = cold->port[side];
    s->initial_flags = hot->initial_flags[side];
    s->later_flags = (uint8_t)flow_later_flags(hot, side);
    s->tos = hot->tos[side];
    s->ttl_min = hot->ttl_min[side];
    s->ttl_max = hot->ttl_max[side];
    if (record->extra) {
        s->label_count = record->extra->label_count[side];
        memcpy(s->labels, record->extra->labels[side], (size_t)s->label_count * 3);
    }
}

struct plain_key plain_key_of(const struct flow_key *key)
{
    struct plain_key plain;
    memset(&plain, 0, sizeof plain);
    plain.head = key->head;
    plain.family = key->family;
    if (key->family == 6) {
        memcpy(plain.address6_a, key->address6_a, 16);
        memcpy(plain.address6_b, key->address6_b, 16);
    }
    return plain;
}

struct plain_record plain_record_of(const struct flow_hot *element)
{
    struct flow_record record = flow_record_at(element);
    struct plain_record row;
    memset(&row, 0, sizeof row);
    row.key.head = element->key;
    row.key.family = record.hot6 ? 6 : 4;
    if (record.hot6) {
        memcpy(row.key.address6_a, record.hot6->address_a, 16);
        memcpy(row.key.address6_b, record.hot6->address_b, 16);
    }
    take_side(&row, &record, 0);
    take_side(&row, &record, 1);
    row.flow_id = record.cold->flow_id;
    memcpy(row.mac_a, record.cold->mac_a, 6);
    memcpy(row.mac_b, record.cold->mac_b, 6);
    row.initiator = (flow_state(element) & FLOW_STATE_INITIATOR_B) != 0;
    row.end_reason = record.cold->end_reason;
    row.marks = record.cold->marks;
    row.aggregate = record.extra ? record.extra->aggregate : 0;
    return row;
}

size_t plain_list_drain(struct plain_list *list, struct record_ring *ring, unsigned *markers)
{
    size_t records = 0;
    const struct flow_hot *element;
    while ((element = record_ring_peek(ring)) != NULL) {
        if ((flow_state(element) & FLOW_ELEMENT_KIND_MASK) == FLOW_ELEMENT_MARKER) {
            if (markers)
                ++*markers;
        } else {
            records++;
            if (list) {
                struct plain_record row = plain_record_of(element);
                plain_list_add(list, &row);
            }
        }
        record_ring_next(ring);
    }
    record_ring_release(ring);
    return records;
}

struct ledger_pair plain_list_sum(const struct plain_list *list)
{
    struct ledger_pair sum = {0, 0};
    for (size_t i = 0; i < list->count; i++)
        for (unsigned side = 0; side < 2; side++) {
            sum.packets += list->rows[i].side[side].packets;
            sum.octets += list->rows[i].side[side].octets;
        }
    return sum;
}

static uint64_t oldest(const struct plain_record *row)
{
    uint64_t a = row->side[0].packets ? row->side[0].first_ns : UINT64_MAX;
    uint64_t b = row->side[1].packets ? row->side[1].first_ns : UINT64_MAX;
    return a < b ? a : b;
}

/* Rows of one key by their oldest packet, then by everything else but the flow id. A record that
 * waited for room on the ring may have been overtaken, so the order on the ring decides last. */
struct keyed {
    const struct plain_record *row;
    size_t place;
};

static int compare_keyed(const void *x, const void *y)
{
    const struct keyed *a = x;
    const struct keyed *b = y;
    int order = memcmp(&a->row->key, &b->row->key, sizeof a->row->key);
    if (order == 0)
        order = (oldest(a->row) > oldest(b->row)) - (oldest(a->row) < oldest(b->row));
    if (order == 0)
        order = memcmp(a->row->side, b->row->side, sizeof a->row->side);
    if (order == 0)
        order = memcmp(a->row->mac_a, b->row->mac_a, 15);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

static_assert(offsetof(struct plain_record, marks) == offsetof(struct plain_record, mac_a) + 14,
              "MACs, initiator, reason and marks are compared at once");

static void sort_by_key(struct plain_list *list)
{
    if (list->count == 0)
        return;
    struct keyed *keyed = malloc(list->count * sizeof *keyed);
    struct plain_record *sorted = malloc(list->count * sizeof *sorted);
    check(keyed && sorted);
    for (size_t i = 0; i < list->count; i++)
        keyed[i] = (struct keyed){&list->rows[i], i};
    qsort(keyed, list->count, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = *keyed[i].row;
    free(keyed);
    free(list->rows);
    list->rows = sorted;
    list->capacity = list->count;
}

static void print_bytes(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%02x", bytes[i]);
}

void plain_record_print(const char *name, const struct plain_record *row)
{
    const struct plain_key *key = &row->key;
    fprintf(stderr, "  %s: IPv%u protocol %u a ", name, key->family, key->head.protocol);
    if (key->family == 6)
        print_bytes(key->address6_a, 16);
    else
        print_bytes((const uint8_t *)&key->head.address_a, 4);
    fprintf(stderr, " b ");
    if (key->family == 6)
        print_bytes(key->address6_b, 16);
    else
        print_bytes((const uint8_t *)&key->head.address_b, 4);
    fprintf(stderr, " ports %04x %04x vlan ", key->head.port_a, key->head.port_b);
    print_bytes(key->head.vlan, 3);
    fprintf(stderr, " initiator %u reason %u marks %02x id %" PRIx64 " macs ", row->initiator,
            row->end_reason, row->marks, row->flow_id);
    print_bytes(row->mac_a, 6);
    fputc(' ', stderr);
    print_bytes(row->mac_b, 6);
    fputc('\n', stderr);
    for (unsigned side = 0; side < 2; side++) {
        const struct plain_side *s = &row->side[side];
        fprintf(
            stderr,
            "    side %u: %" PRIu64 " packets %" PRIu64 " octets first %" PRIu64 " last %" PRIu64
            " flags %03x initial %02x later %02x tos %02x ttl %u-%u port %u labels %u\n",
            side, s->packets, s->octets, s->first_ns, s->last_ns, s->tcp_flags, s->initial_flags,
            s->later_flags, s->tos, s->ttl_min, s->ttl_max, s->port, s->label_count);
    }
}

static bool differ(const char *name, const char *what, const struct plain_list *expected,
                   const struct plain_list *got, size_t i)
{
    fprintf(stderr, "%s: %s (%zu records expected, %zu got)\n", name, what, expected->count,
            got->count);
    for (size_t j = i > 0 ? i - 1 : 0; j < i + 2; j++) {
        if (j < expected->count)
            plain_record_print(j == i ? "expected" : "  beside", &expected->rows[j]);
        if (j < got->count)
            plain_record_print(j == i ? "got     " : "  beside", &got->rows[j]);
    }
    return false;
}

struct id_pair {
    uint64_t expected;
    uint64_t got;
};

static int compare_ids(const void *x, const void *y)
{
    const struct id_pair *a = x;
    const struct id_pair *b = y;
    if (a->got != b->got)
        return a->got > b->got ? 1 : -1;
    return (a->expected > b->expected) - (a->expected < b->expected);
}

static int compare_ids_expected(const void *x, const void *y)
{
    const struct id_pair *a = x;
    const struct id_pair *b = y;
    return (a->expected > b->expected) - (a->expected < b->expected);
}

/* Records share a flow id in one list exactly where they do in the other. */
static bool ids_correspond(const struct plain_list *expected, const struct plain_list *got)
{
    size_t count = expected->count;
    if (count == 0)
        return true;
    struct id_pair *pairs = malloc(count * sizeof *pairs);
    check(pairs != NULL);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct id_pair){expected->rows[i].flow_id, got->rows[i].flow_id};
    bool good = true;
    qsort(pairs, count, sizeof *pairs, compare_ids);
    for (size_t i = 1; i < count; i++)
        good &= pairs[i].got != pairs[i - 1].got || pairs[i].expected == pairs[i - 1].expected;
    qsort(pairs, count, sizeof *pairs, compare_ids_expected);
    for (size_t i = 1; i < count; i++)
        good &= pairs[i].expected != pairs[i - 1].expected || pairs[i].got == pairs[i - 1].got;
    free(pairs);
    return good;
}

static bool equal_exact(const struct plain_list *expected, const struct plain_list *got,
                        const char *name)
{
    size_t count = expected->count < got->count ? expected->count : got->count;
    for (size_t i = 0; i < count; i++) {
        struct plain_record row = got->rows[i];
        row.flow_id = expected->rows[i].flow_id;
        if (memcmp(&row, &expected->rows[i], sizeof row) != 0)
            return differ(name, "a record differs", expected, got, i);
    }
    if (expected->count != got->count)
        return differ(name, "the number of records differs", expected, got, count);
    if (!ids_correspond(expected, got)) {
        fprintf(stderr, "%s: flow ids are shared by the wrong records\n", name);
        return false;
    }
    return true;
}

/* Folds the rows of each key into one; the list must be sorted. */
static void fold(struct plain_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct plain_record row = list->rows[i]; /* the sum may overwrite it */
        bool same = kept > 0 && memcmp(&list->rows[kept - 1].key, &row.key, sizeof row.key) == 0;
        struct plain_record *sum = &list->rows[same ? kept - 1 : kept];
        if (!same) {
            struct plain_record first;
            memset(&first, 0, sizeof first);
            first.key = row.key;
            for (unsigned side = 0; side < 2; side++)
                first.side[side].first_ns = UINT64_MAX;
            *sum = first;
            kept++;
        }
        for (unsigned side = 0; side < 2; side++) {
            const struct plain_side *from = &row.side[side];
            struct plain_side *to = &sum->side[side];
            to->packets += from->packets;
            to->octets += from->octets;
            to->tcp_flags |= from->tcp_flags;
            if (from->packets > 0 && from->first_ns < to->first_ns)
                to->first_ns = from->first_ns;
            if (from->last_ns > to->last_ns)
                to->last_ns = from->last_ns;
        }
    }
    list->count = kept;
}

bool plain_list_equal(struct plain_list *expected, struct plain_list *got, enum plain_compare how,
                      const char *name)
{
    sort_by_key(expected);
    sort_by_key(got);
    if (how == PLAIN_SUMS_BY_KEY) {
        fold(expected);
        fold(got);
    }
    return equal_exact(expected, got, name);
}
