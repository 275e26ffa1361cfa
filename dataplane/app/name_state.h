/*
 * What the parsers of names need beside the packet: memory of a flow's earlier packets, for the few
 * flows whose ClientHello or HTTP head does not fit in one, and the contexts that open QUIC's first
 * packets.
 *
 * One workspace per worker, all of it allocated at its creation and used on its thread only. The
 * memory of earlier packets is a bounded table: where it is full, the flow that waited longest in
 * the row of four gives its place up.
 */
#ifndef SPANFLOW_APP_NAME_STATE_H
#define SPANFLOW_APP_NAME_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct name_workspace;

/* What a parser gets with each packet. */
struct name_state {
    struct name_workspace *workspace; /* of the worker */
    uint64_t flow_id;                 /* of the packet's flow, unique within the worker; not 0 */
};

enum { NAME_HELLOS_MAX = 1 << 16 };

/* Diagnostics; none is a term of the ledger. */
#define NAME_WORKSPACE_COUNTERS(X)                                                                 \
    X(hellos, "ClientHellos of TLS, DTLS and QUIC that were read")                                 \
    X(gathered, "of these, put together from several packets")                                     \
    X(displaced, "incomplete ones, and other beginnings, given up for those of another flow")      \
    X(oversized, "ClientHellos longer than what is kept of one (4,096 octets)")                    \
    X(opened, "QUIC Initial packets that were decrypted")                                          \
    X(unopened, "QUIC Initial packets that a client's key did not open")

#define NAME_WORKSPACE_MEMBER(name, help) uint64_t name;
struct name_workspace_counters {
    NAME_WORKSPACE_COUNTERS(NAME_WORKSPACE_MEMBER)
};

/* HELLOS: incomplete ClientHellos that are kept at a time, 4..NAME_HELLOS_MAX, rounded up to a
 * power of two; each takes about 4.7 KiB once it is used. NULL and ERROR if memory is short or
 * OpenSSL lacks a cipher. Control thread. */
struct name_workspace *name_workspace_create(uint32_t hellos, struct error *error);
void name_workspace_destroy(struct name_workspace *workspace);

/* Octets that are mapped for it; pages that no flow touches cost nothing. Any thread. */
size_t name_workspace_memory(const struct name_workspace *workspace);

/* Owned by the workspace. Worker thread. */
const struct name_workspace_counters *
name_workspace_counters(const struct name_workspace *workspace);

#endif
