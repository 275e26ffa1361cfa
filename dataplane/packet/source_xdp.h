/*
 * A network interface of the kernel as a packet source, through an XDP program and an AF_XDP socket
 * for each receive queue. Receive only: the sockets have no ring to send from. In builds without
 * XDP the functions answer with an error.
 */
#ifndef SPANFLOW_PACKET_SOURCE_XDP_H
#define SPANFLOW_PACKET_SOURCE_XDP_H

#include "packet/packet_source.h"
#include "packet/source_notes.h"

/* Where the program runs. */
enum source_xdp_attach {
    XDP_ATTACH_AUTO,   /* in the driver if it can, else as generic */
    XDP_ATTACH_NATIVE, /* in the driver */
    XDP_ATTACH_GENERIC /* in the kernel's stack, for every driver */
};

/* How packets come into the socket's memory. */
enum source_xdp_frames {
    XDP_FRAMES_AUTO,      /* without copying if the driver can */
    XDP_FRAMES_ZERO_COPY, /* the device writes them there */
    XDP_FRAMES_COPIED     /* the kernel copies them */
};

struct xdp_counter;

struct source_xdp_options {
    const struct xdp_counter *counter; /* NULL: no flow is counted in the kernel. Not owned */
    enum source_xdp_attach attach;
    enum source_xdp_frames frames;
    bool pass_host;               /* the host's own packets stay with it and are not metered */
    uint32_t busy_poll_us;        /* the worker polls the driver; 0: it sleeps when idle */
    uint32_t receive_descriptors; /* of each queue's ring, rounded up to a power of two; 0: 4096 */
};

/*
 * Remembers a source for the interface NAME. WANTED gives ifindex (0 = the kernel's), name ("" =
 * NAME), role and partner. *NOW_NS is read with each batch and stamps its packets; the thread that
 * receives keeps it current, and it must outlive the source. Nothing is touched yet. NULL with one
 * line in ERROR if memory is short or XDP is not in this build. Control thread.
 */
struct packet_source *source_xdp_open(const char *name, const struct packet_interface *wanted,
                                      const struct source_xdp_options *options,
                                      const uint64_t *now_ns, struct error *error);

/*
 * Attaches the program, opens a socket for each receive queue and starts. What was chosen, and why,
 * is one line in NOTES (may be NULL). False with one line in ERROR; the caller still closes SOURCE,
 * and nothing stays attached then. Control thread.
 */
bool source_xdp_start(struct packet_source *source, struct source_notes *notes,
                      struct error *error);

/* The same in two steps: everything but packets, which all stay with the host until
 * source_xdp_begin(), which cannot fail. */
bool source_xdp_prepare(struct packet_source *source, struct source_notes *notes,
                        struct error *error);
void source_xdp_begin(struct packet_source *source);
/* Whether nothing comes from the started SOURCE any more: its interface is gone, or the program was
 * taken off it; or it is what packet_source_broken() made. Control thread. */
bool source_xdp_is_lost(const struct packet_source *source);

/*
 * Packets of known flows are to be counted by COUNTER from some moment on (NULL: by none): loads
 * the program that does so for the started SOURCE. False with one line in ERROR. Control thread, as
 * the next two; and as they it is without effect for what packet_source_broken() made.
 */
bool source_xdp_prepare_counter(struct packet_source *source, const struct xdp_counter *counter,
                                struct error *error);
/* The moment, between two packets: the program takes the place of the one that is there. On return
 * nothing is counted by the counter of before any more; that may take milliseconds. The same again
 * undoes it. False with one line in ERROR: nothing has changed. */
bool source_xdp_exchange_counter(struct packet_source *source, struct error *error);
/* Frees what was prepared and is not in use, or what was in use before. */
void source_xdp_drop_counter(struct packet_source *source);

/* What the program of the started SOURCE counted in the kernel since the start, by its own
 * verdicts: packets and frame octets; nothing for what packet_source_broken() made. Control thread,
 * the worker ended. */
struct ledger_pair source_xdp_counted(struct packet_source *source);

#endif
