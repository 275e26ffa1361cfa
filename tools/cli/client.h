/*
 * A NETCONF session with the probe of this machine: operations in, trees out. Everything that the
 * program spanflow asks goes through here.
 *
 * One thread. Trees that are returned are the caller's, for lyd_free_all().
 */
#ifndef SPANFLOW_CLI_CLIENT_H
#define SPANFLOW_CLI_CLIENT_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "message.h"

struct client {
    struct ly_ctx *context;
    struct message_stream stream;
    unsigned message_id;
    const char *socket;        /* of the probe, to which the first operation connects */
    void (*greet)(void *whom); /* when it is connected; NULL: nothing */
    void *whom;
    bool wrong_words;  /* an operation could not be formed of what was typed */
    const char *doing; /* what takes long, for a line on a terminal; NULL: nothing is said */
};

enum client_datastore { CLIENT_RUNNING, CLIENT_CANDIDATE, CLIENT_OPERATIONAL };

/* Loads the modules. The first operation connects to SOCKET, which lives as long, so that wrong
 * words are found whether a probe is there or not. False and ERROR; then nothing is open. */
bool client_prepare(struct client *client, const char *socket, struct error *error);
/* GREET will be called with WHOM as soon as the first operation has connected. */
void client_greet(struct client *client, void (*greet)(void *whom), void *whom);
/* Loads the modules and connects to SOCKET. False and ERROR; then nothing is open. */
bool client_open(struct client *client, const char *socket, struct error *error);
/* Keeps in CLIENT that what was typed is wrong. Returns false. */
bool client_blame(struct client *client);
void client_close(struct client *client);

/* Sends OPERATION, the XML element inside <rpc>, and waits at most WAIT_MS milliseconds (-1: for
 * ever). The answer is the operation's tree with its output below it. NULL and ERROR with the
 * probe's message and path if it refused. */
struct lyd_node *client_call(struct client *client, const char *operation, int wait_ms,
                             struct error *error);
/* As client_call() for what has no output but "ok". */
bool client_do(struct client *client, const char *operation, int wait_ms, struct error *error);

/* The nodes that XPATH selects in DATASTORE ("" or NULL: all), with defaults if DEFAULTS. *DATA is
 * NULL if there are none. False and ERROR on failure. XPATH names nodes by their modules' prefixes.
 */
bool client_get(struct client *client, enum client_datastore datastore, const char *xpath,
                bool defaults, struct lyd_node **data, struct error *error);

/* Opens a growing text for an operation; closed by fclose(), freed by free(). */
FILE *client_text(char **text, size_t *length);
/* Writes TEXT with what XML reserves replaced. */
void client_write_escaped(FILE *file, const char *text);

#endif
