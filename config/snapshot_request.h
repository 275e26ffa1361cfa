/*
 * The operations snapshot-* of spanflow-snapshot.yang: their input is read and checked, and answers
 * are made. Knows no ring and no probe.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_SNAPSHOT_REQUEST_H
#define SPANFLOW_CONFIG_SNAPSHOT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_extract.h"
#include "snapshot/snapshot_manifest.h"
#include "snapshot/snapshot_store.h"
#include "state_json.h"

enum snapshot_request_kind {
    SNAPSHOT_LIST,
    SNAPSHOT_EXTRACT,
    SNAPSHOT_JOB,
    SNAPSHOT_READ,
    SNAPSHOT_CANCEL,
    SNAPSHOT_FREEZE,
    SNAPSHOT_RELEASE,
    SNAPSHOT_VERIFY,
    SNAPSHOT_REPLAY, /* of the flow history, as the next */
    SNAPSHOT_REPLAY_CANCEL
};

/* What is asked for, and by whom. Leaves that the operation does not have are 0 or "". */
struct snapshot_request {
    enum snapshot_request_kind kind;
    char user[SNAPSHOT_WHO_OCTETS_MAX];
    char from[SNAPSHOT_WHO_OCTETS_MAX]; /* from where */
    bool root;                          /* whom no rule holds */
    char reason[SNAPSHOT_REASON_OCTETS_MAX];
    char filter[SNAPSHOT_FILTER_OCTETS_MAX];
    char name[SNAPSHOT_FREEZE_NAME_MAX];
    uint64_t from_ns;
    uint64_t to_ns; /* 0 = no end */
    uint64_t flow_id;
    bool with_tuple;
    struct snapshot_tuple tuple;
    uint64_t packets_max;
    uint64_t octets_max;
    bool anonymise;
    uint64_t job;
    uint64_t offset;
    uint32_t size;
    uint32_t expiry_s;
    char destination[1536]; /* of a replay, as the next two */
    uint32_t domain;        /* 0 = none was given */
    uint64_t rate;
};

/* Whether BODY, of CONTROL_RPC, asks for one of these operations. */
bool snapshot_request_is(const char *body, size_t length);

/* Reads {"spanflow:NAME":{input},"caller":{"user","from","root"}}. False and MISTAKE, with *TAG an
 * error-tag of RFC 6241. */
bool snapshot_request_read(struct snapshot_request *request, const char *body, size_t length,
                           const char **tag, struct error *mistake);

/* Reads a date-and-time of RFC 6991 as wall time; false if TEXT is none from 1970 to 2554. */
bool snapshot_time_read(const char *text, uint64_t *time_ns);

/* A job, or a verification as one. */
struct snapshot_job_facts {
    uint64_t id;
    bool verifies;
    const char *user;
    const char *state; /* as in the model */
    uint32_t percent;
    uint64_t packets;
    uint64_t octets;
    const struct snapshot_query_counts *counts; /* NULL: none */
    uint64_t packets_cut;
    const char *file; /* "": none, as the next two */
    const char *sha256;
    const char *text;
};

/* The children of an entry of the list job. */
void snapshot_job_fill(struct state_json *json, json_t *object,
                       const struct snapshot_job_facts *facts);
/* Entries of the lists segment and freeze; to be owned by a list. */
json_t *snapshot_segment_object(struct state_json *json, const struct snapshot_listed *listed);
json_t *snapshot_freeze_object(struct state_json *json, const struct snapshot_freeze *freeze);

/* {"spanflow:NAME":OUTPUT} as text, to be freed; OUTPUT is taken. NULL if memory is short. */
char *snapshot_answer(struct state_json *json, enum snapshot_request_kind kind, json_t *output);

/* What a verification found, in a line, to be freed. */
char *snapshot_verification_text(const struct snapshot_verification *found);

/* DATA in base64, to be freed; NULL if memory is short. */
char *snapshot_base64(const uint8_t *data, size_t octets);

#endif
