/*
 * NETCONF messages over a connected stream socket, from the client's side: the framing of RFC 6242
 * and the exchange of hellos of RFC 6241, section 8.1. Knows nothing of what the messages say.
 *
 * One thread. A message is text that ends in NUL and is owned by whoever got it (free()).
 */
#ifndef SPANFLOW_CLI_MESSAGE_H
#define SPANFLOW_CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Bound of what is taken from the probe as one message. */
enum { MESSAGE_OCTETS_MAX = 256 << 20 };

struct message_stream {
    int socket; /* owned */
    size_t used, taken;
    char buffer[65536];
};

/* Connects to the local socket PATH and greets. False and ERROR with what to do; then nothing is
 * open. */
bool message_open(struct message_stream *stream, const char *path, struct error *error);
void message_close(struct message_stream *stream);

/* Sends TEXT as one message in chunked framing. */
bool message_send(struct message_stream *stream, const char *text, struct error *error);

/* Waits for a message at most WAIT_MS milliseconds; -1: for ever. NULL and ERROR if none came or it
 * was not one. */
char *message_receive(struct message_stream *stream, int wait_ms, struct error *error);

/* Whether something of a message is there, or comes within WAIT_MS milliseconds. */
bool message_waits(const struct message_stream *stream, int wait_ms);

#endif
