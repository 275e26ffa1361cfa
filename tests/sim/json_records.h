/*
 * The lines of a json: destination (profile plain, uniflow, milliseconds) as plain records, and
 * records of a cache in the same shape, so that both can be compared. Test code; single thread.
 */
#ifndef SPANFLOW_SIM_JSON_RECORDS_H
#define SPANFLOW_SIM_JSON_RECORDS_H

#include <stdbool.h>

#include "sim/plain_record.h"

/*
 * A uniflow has its sender as side a, whatever the addresses, and its counts in side 0. Flow ids,
 * initiator, marks, MACs, TTLs and labels are not told there and are 0.
 */

/* Appends the lines of the file PATH to LIST. False, with a line on stderr, if it is malformed. */
bool json_records_read(struct plain_list *list, const char *path);

/* Appends the uniflows of RECORDS to LIST. */
void json_records_expected(struct plain_list *list, const struct plain_list *records);

#endif
