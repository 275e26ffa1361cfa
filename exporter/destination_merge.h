/*
 * Records of a destination that wait for others to become one with (client_ports.h): when they
 * leave, and what the ledger is told. Such a record is queued as one that is encoded is. Used by
 * the other halves of a destination only, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_MERGE_H
#define SPANFLOW_EXPORTER_DESTINATION_MERGE_H

#include "destination.h"

/* Makes the table if the destination wants one. 0, or -1 and ERROR. Control thread. */
int destination_merge_open(struct destination *destination, struct error *error);
/* Takes RECORD if it is one of those that become one with others; there must be room for one
 * record, because another one may have to leave. False: it was not taken. */
bool destination_merge(struct destination *destination, const struct flow_record *record);
/* Encodes those that have waited long enough, or ALL, as far as there is room. */
void destination_merge_send(struct destination *destination, bool all);
/* Encodes what waits in TABLE, one that is not the destination's any more (NULL is good), as far as
 * there is room. LATE: what has none is lost (queue_full). */
void destination_merge_empty(struct destination *destination, struct client_ports *table,
                             bool late);
/* Counts all that wait as lost for REASON. */
void destination_merge_lose(struct destination *destination, enum ledger_destination_lost reason);

#endif
