/*
 * The body of CONTROL_ERROR: {"tag":TAG,"path":PATH,"message":TEXT}. TAG is an error-tag of RFC
 * 6241 appendix A ("invalid-value", "resource-denied", "operation-failed" ...), PATH an instance
 * identifier of the leaf it is about, as "/spanflow:spanflow/source[.='xdp:eth1']", or "", TEXT one
 * line for a person: what, where, what to do.
 */
#ifndef SPANFLOW_CONFIG_CONTROL_REFUSAL_H
#define SPANFLOW_CONFIG_CONTROL_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

struct control_refusal {
    char tag[32];
    char path[1024];
    char message[1024];
};

/* Fills all three; what does not fit is cut. */
void control_refusal_set(struct control_refusal *refusal, const char *tag, const char *path,
                         const char *message);

/* The body, to be freed; NULL if memory is short. */
char *control_refusal_json(const struct control_refusal *refusal);

/* Reads a body. False: it is none, and REFUSAL then says operation-failed and that. */
bool control_refusal_read(struct control_refusal *refusal, const char *json, size_t length);

#endif
