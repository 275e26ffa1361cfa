/*
 * The NETCONF process's side of the control channel (control_channel.h): any thread asks and waits
 * for its answer; a reader thread of the client's own takes what comes, hands answers to those who
 * wait, by their id, and tells notifications and the end by callbacks.
 *
 * The daemon is trusted to be alive, not to be quick: every call has a bound of time. An answer
 * that comes after its caller gave up is dropped.
 */
#ifndef SPANFLOW_CONFIG_CONTROL_CLIENT_H
#define SPANFLOW_CONFIG_CONTROL_CLIENT_H

#include "control/control_channel.h"

/* Called by the reader thread; they must not call control_client_call(), which would wait for the
 * same thread, nor control_client_destroy(). */
struct control_client_events {
    void *context;
    void (*notify)(void *context, const char *json, size_t length); /* JSON ends with a zero byte */
    void (*gone)(void *context, const char *why);                   /* once; one line */
};

enum control_answer {
    CONTROL_ANSWER_OK,      /* BODY is that of CONTROL_OK */
    CONTROL_ANSWER_REFUSED, /* BODY is that of CONTROL_ERROR: control_refusal_read() */
    CONTROL_ANSWER_LATE,    /* none within the time; whether it was done is not known */
    CONTROL_ANSWER_GONE,    /* the daemon is gone; the same */
    CONTROL_ANSWER_FAILED,  /* it was not sent: too long */
};

struct control_client;

/* A client on FD (CONTROL_CHILD_FD), which it owns. Waits up to TIMEOUT_MS for the daemon's hello,
 * then starts the reader thread. EVENTS is copied. NULL and ERROR: FD is closed. */
struct control_client *control_client_create(int fd, const struct control_client_events *events,
                                             int timeout_ms, struct error *error);

/* Closes the channel, which wakes all that wait (CONTROL_ANSWER_GONE), joins the reader thread and
 * frees. No call may be inside. NULL is allowed. */
void control_client_destroy(struct control_client *client);

/* The body of the daemon's hello; belongs to the client. */
const char *control_client_hello(const struct control_client *client);

/* Sends a request of TYPE with LENGTH octets of BODY and waits up to TIMEOUT_MS for the answer.
 * *ANSWER (may be NULL) is its body, ends with a zero byte and is freed by the caller; NULL if
 * there is none. Any thread, several at once. */
enum control_answer control_client_call(struct control_client *client, enum control_type type,
                                        uint16_t flags, const char *body, size_t length,
                                        int timeout_ms, char **answer);

/* Sends a frame of TYPE that has no answer. False if it was not sent. Any thread. */
bool control_client_tell(struct control_client *client, enum control_type type, const char *body,
                         size_t length);

#endif
