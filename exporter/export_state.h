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

enum { STATE_KEY_OCTETS = 472, STATE_NAME_OCTETS = 48 };

/* A number in the mapped file: itself in the upper half and its complement in the lower. One store
 * writes both, so it is whole at any moment, and damage shows. */
typedef uint64_t state_word;

/* The word that holds VALUE. */
static inline state_word state_word_of(uint32_t value)
{
    return (uint64_t)value << 32 | (uint32_t)~value;
}

/* The number in WORD, which is whole once the file was opened. */
static inline uint32_t state_value(state_word word)
{
    return (uint32_t)(word >> 32);
}

/* Stores VALUE so that it survives the process at any moment. */
static inline void state_put(state_word *word, uint32_t value)
{
    __atomic_store_n(word, state_word_of(value), __ATOMIC_RELEASE);
}

/* One destination, in the mapped file. The observation domain is part of the key. */
struct state_destination {
    char key[STATE_KEY_OCTETS];
    uint32_t key_check; /* over the key */
    uint32_t reserved;
    state_word sequence;    /* of the next message */
    state_word boot_s;      /* 0: not known */
    state_word source_port; /* 0: not known */
    state_word use;         /* grows with each start: the lowest is the oldest. All zero: free */
};

/* Opens the file in DIRECTORY, which is made if it is not there, and locks the folder. A file of
 * another version, or one with damage in a row in use, is renamed, and NOTE gets a line. NULL and
 * ERROR if it cannot be had or another probe has it. */
struct export_state *export_state_open(const char *directory, struct error *note,
                                       struct error *error);
void export_state_close(struct export_state *state);

/* ---- another folder while the probe runs; control thread ---- */

/* Whether the folder of STATE is DIRECTORY, perhaps by another name. */
bool export_state_is_in(const struct export_state *state, const char *directory);
/* Opens and locks DIRECTORY, which is made if it is not there, for a probe that keeps BEFORE (NULL:
 * nothing) and goes on. The file is written beside the one that may lie there and gets the rows of
 * both; where both have one of the same key, that of BEFORE is right. NULL and ERROR if the folder
 * cannot be had or written, if another probe has it, or if the file in it is damaged or of another
 * version: nothing in it was changed. Closed without export_state_settle() it leaves no trace. */
struct export_state *export_state_prepare(const struct export_state *before, const char *directory,
                                          struct error *error);
/* The prepared file takes the place of the one that lay there. False with errno: it cannot, so the
 * state will be lost. */
bool export_state_settle(struct export_state *state);

/* The row of a UDP destination, a new one if there was none; never NULL. The row that was not used
 * for the longest time makes room. */
struct state_destination *export_state_destination(struct export_state *state,
                                                   const struct destination_config *config);
/* Rows that are asked for from now on are newer than all others. Control thread. */
void export_state_age(struct export_state *state);
/* The number that the interface NAME had, 0 if it is new. */
uint32_t export_state_interface(const struct export_state *state, const char *name);
/* Keeps the number of the interface NAME. */
void export_state_keep_interface(struct export_state *state, const char *name, uint32_t ifindex);

/* Keeps SEQUENCE, of the message that follows. Exporter's thread. */
static inline void state_destination_keep(struct state_destination *row, uint32_t sequence)
{
    state_put(&row->sequence, sequence);
}

#endif
