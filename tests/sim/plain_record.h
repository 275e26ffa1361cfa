/*
 * Flow records in a plain form that can be compared: what the reference cache makes, and what a
 * record on the ring or a line of a json destination is turned into. Lists of them, and the
 * comparison. Used by the simulator and the property tests; single thread; a list owns its rows.
 */
#ifndef SPANFLOW_SIM_PLAIN_RECORD_H
#define SPANFLOW_SIM_PLAIN_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow_record.h"
#include "flow/record_ring.h"

/* A flow key without bytes that mean nothing, so that memcmp tells all. */
struct plain_key {
    struct flow_key_head head;
    uint8_t address6_a[16]; /* IPv6 only */
    uint8_t address6_b[16];
    uint8_t family;
    uint8_t reserved[3];
};

/* One direction. All zero if it has no packets. */
struct plain_side {
    uint64_t packets;
    uint64_t octets;
    uint64_t first_ns;
    uint64_t last_ns;
    uint16_t tcp_flags;
    uint16_t port;
    uint8_t initial_flags;
    uint8_t later_flags; /* of all packets but the first */
    uint8_t tos;
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint8_t label_count;
    uint8_t labels[3][3];
    uint8_t reserved[5];
};

struct plain_record {
    struct plain_side side[2];
    uint64_t flow_id; /* compared by which records share it, not by value */
    struct plain_key key;
    uint8_t mac_a[6];
    uint8_t mac_b[6];
    uint8_t initiator; /* side */
    uint8_t end_reason;
    uint8_t marks;
    uint8_t aggregate; /* 1: a prefix aggregate, which no reference makes */
    uint8_t reserved[4];
};
static_assert(sizeof(struct plain_key) == 52 && sizeof(struct plain_side) == 56 &&
                  sizeof(struct plain_record) == 192,
              "no padding: rows are compared as bytes");

struct plain_list {
    struct plain_record *rows;
    size_t count;
    size_t capacity;
};

/* Appends a copy of ROW; aborts if memory is short. */
void plain_list_add(struct plain_list *list, const struct plain_record *row);
/* Frees the rows; the list is empty then. */
void plain_list_free(struct plain_list *list);

/* The key of a parsed packet. */
struct plain_key plain_key_of(const struct flow_key *key);
/* The record that ELEMENT of a ring starts. */
struct plain_record plain_record_of(const struct flow_hot *element);

/* Takes every element off RING and gives the lines back. Records go to LIST (may be NULL); returns
 * their number. Markers are counted in MARKERS (may be NULL). */
size_t plain_list_drain(struct plain_list *list, struct record_ring *ring, unsigned *markers);

/* Sums over a list: packets and IP octets of both sides. */
struct ledger_pair plain_list_sum(const struct plain_list *list);

enum plain_compare {
    PLAIN_EXACT,      /* every field, and which records share a flow id */
    PLAIN_SUMS_BY_KEY /* packets and octets of each key and side, OR of the flags, first and last */
};

/* True if both lists say the same. Sorts both. Otherwise false, and the first difference is printed
 * to stderr, beginning with NAME. */
bool plain_list_equal(struct plain_list *expected, struct plain_list *got, enum plain_compare how,
                      const char *name);

/* Prints ROW to stderr in three lines, the first with NAME. */
void plain_record_print(const char *name, const struct plain_record *row);

#endif
