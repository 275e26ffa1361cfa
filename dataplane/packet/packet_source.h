/*
 * The one contract between whatever brings packets (DPDK, files, memory) and a worker.
 *
 * A source counts what it observed while it fills a batch; nothing else in the probe may derive
 * that number. receive() never blocks; wait() may, and only the thread loop calls it.
 */
#ifndef SPANFLOW_PACKET_PACKET_SOURCE_H
#define SPANFLOW_PACKET_PACKET_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "packet/packet_batch.h"

enum receive_status {
    RECEIVE_PACKETS, /* batch->count > 0 */
    RECEIVE_IDLE,    /* nothing now; time may advance */
    RECEIVE_END,     /* nothing ever again; everything readable was delivered */
    RECEIVE_FAILED   /* as END, but the source broke or its data is damaged: see problem */
};

struct packet_source;
struct pollfd;

struct packet_source_ops {
    /* Fills BATCH (its previous content was released). Worker thread. */
    enum receive_status (*receive)(struct packet_source *source, struct packet_batch *batch);
    /* Gives the packets of BATCH back. Worker thread. */
    void (*release)(struct packet_source *source, struct packet_batch *batch);
    /* Sleeps until packets may be there or until the monotonic time UNTIL_NS. NULL: the source
     * is polled without sleeping (DPDK) or never idle (files). Thread loop only. */
    void (*wait)(struct packet_source *source, uint64_t until_ns);
    /* Instead of wait(), for sources of which several may be slept on at once: fills POLLED with
     * what becomes ready when packets come. Returns how many; 0 if there is no ROOM, or if the
     * source must be polled. Thread loop only. */
    uint32_t (*descriptors)(struct packet_source *source, struct pollfd *polled, uint32_t room);
    /* Asks the device for no more packets; those that came before are still received, until
     * receive() says IDLE. NULL: packets that are not yet received when the run stops are not
     * observed. Once: the worker thread, when stop was asked for, or the control thread before the
     * source is taken from its reader. */
    void (*stop)(struct packet_source *source);
    /* Reads the device's own loss counters into source->ledger (dropped and observed packets).
     * NULL: the source has none. Worker thread, at most once a second and at each ledger cut. */
    void (*poll_device)(struct packet_source *source);
    /* Looks whether something happened to the device: its link, its clock. True with one line for
     * the operator; called again until it is false. NULL: nothing ever happens. Control thread,
     * about once a second while the worker runs. */
    bool (*news)(struct packet_source *source, struct error *line);
    /* Frees SOURCE and all it owns; no batch may be outstanding. Control thread, worker ended. */
    void (*close)(struct packet_source *source);
};

/* One observed interface (RFC 5470 observation point) of a source. */
enum interface_role { INTERFACE_SPAN, INTERFACE_TAP_A, INTERFACE_TAP_B };
struct packet_interface {
    uint32_t ifindex; /* element 10, 1..65535 */
    char name[32];    /* at most 31 bytes, UTF-8 */
    enum interface_role role;
    uint32_t partner_ifindex; /* element 14 for taps, else 0 */
};

/* The link of a source's device. */
struct packet_link {
    bool known;
    bool up;
    uint64_t losses; /* how often it went down */
};

struct packet_source {
    const struct packet_source_ops *ops;
    /* Single writer: the worker that owns the source. observed and dropped only. */
    struct source_ledger ledger;
    /* Offline sources (files) are the clock and may be held back; live ones may not. */
    bool live;
    /* The source's device cannot tell what it lost: shown as drops_not_visible. */
    bool drops_not_visible;
    /* A time that has come though no packet shows it: every packet that is yet to be received was
     * sent after it, or is late anyway. 0 if the source tells none. Worker thread. */
    uint64_t clock_ns;
    /* How often the clock behind the time stamps has jumped, so that times before and after do not
     * compare. Changes only between batches. Worker thread. */
    uint64_t clock_steps;
    uint16_t interface_base;           /* packet_batch.port of this source's first interface */
    uint16_t interface_count;          /* sources with more interfaces (pcapng) share the first */
    struct packet_interface interface; /* as configured or found */
    uint32_t own_ifindex;              /* the number that it has if none is configured; 0: none */
    struct packet_link link;           /* control thread: written by news() */
    char name[128];                    /* as the user wrote it, for messages */
    struct error problem;              /* one line, set when receive() says FAILED */
    bool problem_told;                 /* that line has been printed; control thread */
};

/* The sources that somebody reads. */
enum { SOURCE_LIST_MAX = 16 };
struct source_list {
    uint32_t count;
    bool more; /* another list follows: the end of all that are in this one is not the reader's */
    struct packet_source *sources[SOURCE_LIST_MAX]; /* not owned */
};

/* The place of SOURCE in a list of COUNT; -1: it is not there. */
int packet_source_place(struct packet_source *const sources[], uint32_t count,
                        const struct packet_source *source);

/* Adds what LEDGER has counted to SUM. */
void source_ledger_add(struct source_ledger *sum, const struct source_ledger *ledger);

/* What stands in the place of a device called NAME that is there no more, for PROBLEM: its reader
 * is told so, and nothing ever comes. NULL if memory is short. Control thread. */
struct packet_source *packet_source_broken(const char *name, const struct error *problem);

/* Puts the problem of SOURCE into LINE, once. False if there is none, or it has been told. Control
 * thread, when the problem is known to be complete: from news(), or when nobody receives. */
bool packet_source_tell_problem(struct packet_source *source, struct error *line);

/* Sleeps until one of COUNT SOURCES that have not ENDED may have packets, or until the monotonic
 * time UNTIL_NS. Returns at once if one of them must be polled; without any source it only sleeps.
 * Thread loop only. */
void packet_sources_wait(struct packet_source *const sources[], const bool ended[], uint32_t count,
                         uint64_t until_ns);

#endif
