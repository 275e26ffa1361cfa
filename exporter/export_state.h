/*
 * What a live probe must know of its last run so that UDP collectors see no break: for each
 * destination the sequence number of the next message, sysUptime's zero (NetFlow v9) and the source
 * port; and the number of each interface. All of it lies in one small file that is mapped into
 * memory, so that it is as new as the last message even if the process is killed. After a loss of
 * power the file may be some seconds old: a collector then reports one jump of the sequence.
 *
 * Opened and closed on the control thread; a destination's row belongs to the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_EXPORT_STATE_H
#define SPANFLOW_EXPORTER_EXPORT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct destination_config;
struct export_state;

enum { STATE_KEY_OCTETS = 480, STATE_NAME_OCTETS = 48 };

/* One destination, in the mapped file. The observation domain is part of the key. */
struct state_destination {
    char key[STATE_KEY_OCTETS]; /* "" if the row is free */
    uint32_t sequence;          /* of the next message */
    uint32_t boot_s;            /* 0: not known */
    uint32_t source_port;       /* 0: not known */
    uint32_t reserved;
    uint64_t use; /* grows with each start: the lowest is the oldest */
    uint64_t unused;
};

/* Opens the file in DIRECTORY, which is made if it is not there, and locks the folder. A file of
 * another version, or a damaged one, is renamed, and NOTE gets a line. NULL and ERROR if it cannot
 * be had or another probe has it. */
struct export_state *export_state_open(const char *directory, struct error *note,
                                       struct error *error);
void export_state_close(struct export_state *state);

/* The row of a UDP destination, a new one if there was none; never NULL. The row that was not used
 * for the longest time makes room. */
struct state_destination *export_state_destination(struct export_state *state,
                                                   const struct destination_config *config);
/* The number that the interface NAME had, 0 if it is new. */
uint32_t export_state_interface(const struct export_state *state, const char *name);
/* Keeps the number of the interface NAME. */
void export_state_keep_interface(struct export_state *state, const char *name, uint32_t ifindex);

/* Stores SEQUENCE so that it survives the process at any moment. Exporter's thread. */
static inline void state_destination_keep(struct state_destination *row, uint32_t sequence)
{
    __atomic_store_n(&row->sequence, sequence, __ATOMIC_RELEASE);
}

#endif
