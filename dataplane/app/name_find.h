/*
 * Finds the names inside flows: decides which parser sees a flow, takes what it tells, cleans it,
 * hashes it if that is wanted, and keeps the first of each type. One finder per worker, used on its
 * thread only.
 *
 * A flow belongs to the parser of the application that its payload told; before that is known, to
 * the one that recognises its own protocol in the packet. Of a flow that nobody recognises a few
 * packets are looked at and no more.
 */
#ifndef SPANFLOW_APP_NAME_FIND_H
#define SPANFLOW_APP_NAME_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/application_check.h"
#include "app/application_set.h"
#include "app/name_state.h"
#include "base/error.h"
#include "base/siphash.h"
#include "flow/flow_names.h"

struct name_finder;

struct name_settings {
    struct flow_names wanted; /* all 0: none is kept */
    uint32_t watched;         /* set of 1 << enum name_type: told by name_finder_server() */
    uint8_t key[SIPHASH_KEY_OCTETS];
};

/* Diagnostics; none is a term of the ledger. */
#define NAME_FINDER_COUNTERS(X)                                                                    \
    X(looked_at, "packets whose payload was looked at for names")                                  \
    X(passed_over, "packets that were not, because a bound of the worker was reached")             \
    X(found, "names that were found")                                                              \
    X(cut, "of these, cut at the greatest length of their type")

#define NAME_FINDER_MEMBER(name, help) uint64_t name;
struct name_finder_counters {
    NAME_FINDER_COUNTERS(NAME_FINDER_MEMBER)
    NAME_WORKSPACE_COUNTERS(NAME_FINDER_MEMBER)
};

/* A finder for records whose indices are below FLOWS_MAX. SET (NULL: applications are not looked
 * for) tells the numbers of applications, and is not needed later. NULL and ERROR if memory is
 * short. Control thread. */
struct name_finder *name_finder_create(const struct name_settings *settings, uint32_t flows_max,
                                       const struct application_set *set, struct error *error);
void name_finder_destroy(struct name_finder *finder);
/* From now on it looks at so many packets in a second at most (0: any number), and takes so much of
 * the worker's time (0 or 100: any); at first both have no bound. Worker thread, or before it runs.
 */
void name_finder_set_bounds(struct name_finder *finder, uint32_t looks_per_s, uint32_t percent);

/* The flow of a packet. */
struct name_flow {
    uint32_t index;       /* of its record */
    uint64_t id;          /* not 0 */
    uint32_t had;         /* set of 1 << enum name_type: names that it has */
    uint16_t application; /* number that content told; 0: none yet */
};

/* Whether the search for the application of FLOW had ended at an earlier packet; and that it has
 * ended now. */
bool name_finder_knows_application(const struct name_finder *finder, const struct name_flow *flow);
void name_finder_end_application(struct name_finder *finder, const struct name_flow *flow);

/*
 * Looks at PACKET (with payload) of FLOW, at its time NOW_NS. True if later packets need not be
 * looked at. *NAMES becomes the names that it showed, *COUNT octets of them as in flow_names.h,
 * valid until the next call.
 */
bool name_finder_look(struct name_finder *finder, const struct name_flow *flow,
                      const struct application_packet *packet, uint64_t now_ns,
                      const uint8_t **names, uint32_t *count);

/* The name of the server that the last packet showed, of a type that is watched, as it stood there:
 * its octets, 0 if there is none, and *TEXT, valid until the next packet. */
uint32_t name_finder_server(const struct name_finder *finder, const uint8_t **text);

/* What was counted so far. Worker thread. */
void name_finder_count(const struct name_finder *finder, struct name_finder_counters *counters);

#endif
