/*
 * The NETCONF process as a child of the daemon: a program of its own, a user of its own, one
 * capability (CAP_NET_BIND_SERVICE), no descriptor but its end of the control channel and the
 * standard streams. It is spawned without copying the daemon's memory, so that it is cheap at any
 * time and the packet path does not notice.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_CHILD_H
#define SPANFLOW_TOOLS_PROBE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct probe_child {
    char program[1024];
    bool other_user; /* the daemon is root: the child runs as USER */
    uid_t user;
    gid_t group;
    pid_t pid; /* 0: there is none */
};

/* Finds the program and the user; nothing is started. False and ERROR with what to do. */
bool probe_child_find(struct probe_child *child, struct error *error);

/* Makes the folder PATH (mode 0750) for the child's user if it is not there; one that is there is
 * left alone. False and ERROR. */
bool probe_child_folder(const struct probe_child *child, const char *path, struct error *error);

/* Starts the child and returns the daemon's end of the channel (close-on-exec); -1 and ERROR. */
int probe_child_start(struct probe_child *child, struct error *error);

/* True if the child has ended, and how in WHY ("exit status 1", "signal 9"). False: it runs. */
bool probe_child_ended(struct probe_child *child, char *why, size_t size);

/* Ends a child that is still there, at once. */
void probe_child_kill(struct probe_child *child);

/* After the channel was closed: waits for the child's end, then kills it. */
void probe_child_end(struct probe_child *child);

/* What main() calls first: if the arguments are those that probe_child_start() gives to a new
 * process of the daemon's program, this gives up privileges, becomes the child's program and does
 * not return unless that fails; then it says why and returns 1. Otherwise -1 at once. */
int probe_child_become(int argc, char *argv[]);

#endif
