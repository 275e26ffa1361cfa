/*
 * The folder in which running outlives the process: DIR/running.json (RFC 7951), which the daemon
 * reads at its start, the last versions of it, and what is known of a confirmed commit that waits.
 *
 *   running.json            the configuration that was last confirmed, never another one
 *   versions/00000042.json  {"version", "user", "time", "comment", "configuration"}
 *   unconfirmed.json        a confirmed commit that waits: {"user", "time", "base",
 * "configuration"}
 *
 * A file appears whole or not at all: it is written under another name, synchronised, renamed, and
 * the folder synchronised. So a process that dies at any moment leaves the old or the new
 * configuration; the new one once store_write() has returned. Since running.json is written only
 * when a configuration needs no (further) confirmation, whoever starts from it reverts what was not
 * confirmed. Names that begin with a point are left from a death and are removed at the next open.
 *
 * One process at a time, one thread at a time. Errors are one line.
 */
#ifndef SPANFLOW_NETCONF_STORE_H
#define SPANFLOW_NETCONF_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { STORE_VERSIONS = 50 };

struct store;

/* What is known of one version. */
struct store_version {
    uint32_t number;
    int64_t time; /* seconds since 1970 */
    char user[128];
    char comment[256];
};

/* Opens the folder PATH, made (mode 0750) if it is missing, removes leftovers and takes the lock
 * that keeps a second process out. NULL and ERROR if that fails. */
struct store *store_open(const char *path, struct error *error);

/* Frees STORE; NULL is fine. */
void store_close(struct store *store);

/* The text of running.json in *TEXT, to be freed; NULL when there is none yet. False and ERROR when
 * it cannot be read. */
bool store_read(struct store *store, char **text, struct error *error);

/* Makes TEXT (a JSON object) running.json and the newest version, and forgets versions older than
 * STORE_VERSIONS. VERSION says who and when; its number is set here. False and ERROR: then
 * running.json is what it was. An unconfirmed one is over in any case. */
bool store_write(struct store *store, const char *text, struct store_version *version,
                 struct error *error);

/* Notes that TEXT waits for its confirmation. */
bool store_write_unconfirmed(struct store *store, const char *text,
                             const struct store_version *version, struct error *error);

/* Forgets it. */
bool store_forget_unconfirmed(struct store *store, struct error *error);

/* Whether one waits, with what is known of it in *VERSION (its number is the base's). */
bool store_unconfirmed(struct store *store, struct store_version *version);

/* The stored versions, newest first: at most STORE_VERSIONS in VERSIONS, their number returned. */
size_t store_list(struct store *store, struct store_version versions[STORE_VERSIONS]);

/* The configuration of version NUMBER as text in *TEXT, to be freed. */
bool store_read_version(struct store *store, uint32_t number, char **text, struct error *error);

#endif
