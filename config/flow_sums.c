/* The largest of live flows: a bounded table of sums. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_query.h"

enum { SUMS_SLOTS = 1 << 17, SUMS_MAX = SUMS_SLOTS / 2 };

struct sum_key {
    uint8_t family; /* 4, 6; else 0 */
    uint8_t protocol;
    uint16_t number; /* port or application, host order */
    uint8_t address[16];
};

struct flow_sum {
    struct sum_key key;
    uint64_t flows; /* 0: the slot is free */
    uint64_t packets;
    uint64_t octets;
};

struct flow_sums {
    struct flow_query query;
    uint32_t count;
    uint64_t others;
    struct flow_sum slots[SUMS_SLOTS];
};

struct flow_sums *flow_sums_create(const struct flow_query *query)
{
    struct flow_sums *sums = calloc(1, sizeof *sums);
    if (sums)
        sums->query = *query;
    return sums;
}

void flow_sums_destroy(struct flow_sums *sums)
{
    free(sums);
}

/* The sum of KEY, NULL if there is no room for a new one. */
static struct flow_sum *find_sum(struct flow_sums *sums, const struct sum_key *key)
{
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ ((const uint8_t *)key)[i]) * 1099511628211ull;
    for (size_t at = hash % SUMS_SLOTS;; at = (at + 1) % SUMS_SLOTS) {
        struct flow_sum *sum = &sums->slots[at];
        if (sum->flows && memcmp(&sum->key, key, sizeof *key) == 0)
            return sum;
        if (sum->flows)
            continue;
        if (sums->count == SUMS_MAX)
            return NULL;
        sums->count++;
        sum->key = *key;
        return sum;
    }
}

static struct sum_key key_of(const struct flow_view *view, enum flow_query_of of, unsigned side)
{
    const struct flow_key_head *head = &view->hot.key;
    struct sum_key key;
    memset(&key, 0, sizeof key);
    bool six = flow_state(&view->hot) & FLOW_STATE_IPV6;
    switch (of) {
    case QUERY_OF_ADDRESS:
        key.family = six ? 6 : 4;
        if (six)
            memcpy(key.address, side ? view->hot6.address_b : view->hot6.address_a, 16);
        else
            memcpy(key.address, side ? &head->address_b : &head->address_a, 4);
        break;
    case QUERY_OF_PORT:
        key.protocol = head->protocol;
        key.number = ntohs(side ? head->port_b : head->port_a);
        break;
    case QUERY_OF_PROTOCOL:
        key.protocol = head->protocol;
        break;
    case QUERY_OF_APPLICATION:
        key.number = view->cold.application & FLOW_APPLICATION_NUMBER;
        break;
    }
    return key;
}

void flow_sums_add(struct flow_sums *sums, const struct flow_view *view)
{
    enum flow_query_of of = sums->query.of;
    bool ends = of == QUERY_OF_ADDRESS || of == QUERY_OF_PORT;
    struct sum_key first = key_of(view, of, 0);
    for (unsigned side = 0; side < (ends ? 2u : 1u); side++) {
        struct sum_key key = key_of(view, of, side);
        if (side && memcmp(&key, &first, sizeof key) == 0)
            break;
        struct flow_sum *sum = find_sum(sums, &key);
        if (!sum) {
            sums->others++;
            continue;
        }
        sum->flows++;
        for (unsigned s = 0; s < 2; s++) {
            sum->packets += flow_packets(&view->hot, &view->cold, s);
            sum->octets += flow_octets(&view->hot, &view->cold, s);
        }
    }
}

static uint64_t weight(const struct flow_sums *sums, const struct flow_sum *sum)
{
    return sums->query.by_packets ? sum->packets : sum->octets;
}

static void name_sum(const struct flow_sums *sums, const struct flow_sum *sum,
                     const struct export_applications *applications, char *text, size_t size)
{
    const char *name = flow_query_application(applications, sum->key.number);
    switch (sums->query.of) {
    case QUERY_OF_ADDRESS:
        inet_ntop(sum->key.family == 6 ? AF_INET6 : AF_INET, sum->key.address, text,
                  (socklen_t)size);
        break;
    case QUERY_OF_PORT:
        snprintf(text, size, "%u/%u", sum->key.protocol, sum->key.number);
        break;
    case QUERY_OF_PROTOCOL:
        snprintf(text, size, "%u", sum->key.protocol);
        break;
    case QUERY_OF_APPLICATION:
        snprintf(text, size, "%s", name ? name : "unknown");
        break;
    }
}

/* The largest that was not shown yet; NULL: there is none. */
static struct flow_sum *find_largest(struct flow_sums *sums)
{
    struct flow_sum *largest = NULL;
    for (size_t i = 0; i < SUMS_SLOTS; i++) {
        struct flow_sum *sum = &sums->slots[i];
        if (sum->flows && (!largest || weight(sums, sum) > weight(sums, largest)))
            largest = sum;
    }
    return largest;
}

char *flow_sums_answer(struct flow_sums *sums, const struct export_applications *applications)
{
    struct state_json json = {false};
    json_t *output = json_object(), *entries = json_array();
    for (uint32_t rank = 1; rank <= sums->query.limit; rank++) {
        struct flow_sum *sum = find_largest(sums);
        if (!sum)
            break;
        char text[64];
        json_t *entry = json_object();
        name_sum(sums, sum, applications, text, sizeof text);
        state_set_number(&json, entry, "rank", rank);
        state_set_text(&json, entry, "value", text);
        state_set_large(&json, entry, "flows", sum->flows);
        state_set_large(&json, entry, "packets", sum->packets);
        state_set_large(&json, entry, "octets", sum->octets);
        state_append(&json, entries, entry);
        sum->flows = 0;
    }
    state_set(&json, output, "entry", entries);
    state_set_large(&json, output, "others", sums->others);
    return flow_query_wrap(&json, QUERY_TOP, output);
}
