/*
 * The XDP program of one interface: loaded from its skeleton, attached by a link that nobody pins,
 * so that the kernel takes it off with the process, and asked for its verdicts. Control thread,
 * unless said otherwise.
 */
#ifndef SPANFLOW_PACKET_XDP_PROGRAM_H
#define SPANFLOW_PACKET_XDP_PROGRAM_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "bpf/probe_maps.h"
#include "packet/source_xdp.h"
#include "packet/xdp_interface.h"
#include "packet/xdp_settle.h"

struct xdp_probe; /* the skeleton */

struct xdp_attachment {
    struct xdp_probe *skeleton; /* whose program is attached; control thread */
    struct xdp_probe *other;    /* prepared to take its place, or what it took; NULL: none */
    bool whole;                 /* without multi-buffer */
    int verdicts;               /* descriptor of their map, that every program counts in; -1 */
    int link;                   /* descriptor, -1: not attached */
    struct xdp_settle settle;
    bool native;
    char reason[128];       /* why it is not native, "" */
    uint32_t memory_octets; /* program and maps, about */
};

#define XDP_ATTACHMENT_NONE                                                                        \
    ((struct xdp_attachment){.verdicts = -1, .link = -1, .settle = XDP_SETTLE_NONE})

/* Loads the program for OPTIONS. False with one line in ERROR (interface named). */
bool xdp_program_load(struct xdp_attachment *program, const struct xdp_interface *interface,
                      const struct source_xdp_options *options, struct error *error);

/* Attaches it, in the mode that OPTIONS want. It leaves every packet to the host until it is
 * enabled. False with one line in ERROR; a program of somebody else stays where it is. */
bool xdp_program_attach(struct xdp_attachment *program, const struct xdp_interface *interface,
                        const struct source_xdp_options *options, struct error *error);

/* Loads another program for the same interface and sockets, with the same OPTIONS but for the
 * counter: it is to take the place of the one that is there, in whose verdicts it goes on counting.
 * False with one line in ERROR, as xdp_program_load(). */
bool xdp_program_prepare(struct xdp_attachment *program, const struct xdp_interface *interface,
                         const struct source_xdp_options *options, struct error *error);
/* Puts the prepared program in the place of the other, between two packets; the same again undoes
 * it. On return every run of the program that was there before has ended; that may take
 * milliseconds. Without effect where nothing is attached any more. False with one line in ERROR:
 * the one that was there goes on. */
bool xdp_program_exchange(struct xdp_attachment *program, const struct xdp_interface *interface,
                          struct error *error);
/* Frees the program that is not attached. */
void xdp_program_drop(struct xdp_attachment *program);

/* Puts the variant without multi-buffer in its place, for sockets that take whole frames only. */
bool xdp_program_take_whole(struct xdp_attachment *program);

/* Packets of QUEUE go to SOCKET (descriptor) from now on. */
bool xdp_program_give_socket(struct xdp_attachment *program, uint32_t queue, int socket);

/* From now on every packet gets a verdict. */
void xdp_program_enable(struct xdp_attachment *program);

/* The interface's own address, for pass mode. Any thread. */
void xdp_program_set_host(struct xdp_attachment *program, const uint8_t address[6]);

/* Whether PROGRAM was attached, and somebody else took it off (bpftool link detach), or its
 * interface is gone. */
bool xdp_program_is_taken_off(const struct xdp_attachment *program);

/* Takes the program off, for good. On return every run that was under way has ended, and what it
 * delivered is in its socket's ring; that may take milliseconds. Any thread. */
void xdp_program_detach(struct xdp_attachment *program);

/* Sums the verdicts of all CPUs since the start, by enum probe_verdict. False if the kernel does
 * not tell. Any one thread at a time. */
bool xdp_program_verdicts(const struct xdp_attachment *program,
                          struct ledger_pair verdicts[VERDICT_COUNT]);

/* Detaches and frees; XDP_ATTACHMENT_NONE is fine. */
void xdp_program_close(struct xdp_attachment *program);

#endif
