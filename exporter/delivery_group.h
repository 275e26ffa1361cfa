/*
 * Groups of destinations (RFC 6728 section 4.4, exportMode): who of a group gets a record. In a
 * parallel group everybody does, which is how destinations without a group are treated too; such
 * groups need nothing of what is here.
 *
 * Owned by the exporting process; exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DELIVERY_GROUP_H
#define SPANFLOW_EXPORTER_DELIVERY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "exporting_process.h"

struct destination;

struct delivery_group {
    const struct export_group *config;             /* not owned */
    uint32_t count;                                /* of the members, in order of configuration */
    struct destination *members[DESTINATIONS_MAX]; /* not owned */
    uint64_t seeds[DESTINATIONS_MAX];              /* balance: of each, from its name */
    bool away[DESTINATIONS_MAX];                   /* gets nothing at the moment */
    uint64_t trouble_ns[DESTINATIONS_MAX];         /* monotonic time of its last trouble */
    uint64_t start_ns;                             /* of the first step */
    uint64_t step_ns;                              /* of the last step */
    bool offline;
    bool told[DESTINATIONS_MAX]; /* what was last said about it */
    struct error news;           /* the newest line about who is away */
    bool news_untold;
};

/* Makes the group NUMBER of PROCESS (from 0) out of those of the COUNT DESTINATIONS that belong to
 * it. */
void delivery_group_init(struct delivery_group *group,
                         const struct exporting_process_config *process, uint32_t number,
                         struct destination *const *destinations, uint32_t count);
/* GROUP goes on with what BEFORE knows of the members that both have. */
void delivery_group_inherit(struct delivery_group *group, const struct delivery_group *before);
/* Once for each step of the exporting process: finds out who is away and who is back. */
void delivery_group_step(struct delivery_group *group, uint64_t monotonic_ns);
/* The member that gets RECORD. */
struct destination *delivery_group_choose(struct delivery_group *group,
                                          const struct flow_record *record, uint64_t monotonic_ns);
/* Whether DESTINATION, a member, is away. */
bool delivery_group_is_away(const struct delivery_group *group,
                            const struct destination *destination);

#endif
