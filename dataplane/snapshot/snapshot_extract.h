/*
 * Extraction: the packets that a question selects, written to a pcapng file whose first block says
 * who asked, from where, why, for what, when, and what came of it.
 *
 * Two ways in. snapshot_extract_run() does it on the caller's thread and writes where it is told:
 * the offline way, on a folder of segments copied elsewhere. A snapshot_extractor is the probe's:
 * it keeps jobs, runs them one after the other on a thread of its own (nice 19, idle I/O class),
 * and puts results into extracts/ below the ring's directory, bounded in number, octets and age.
 *
 * The output is a hidden file until it is complete (".NAME", mode 0600, in the same folder), then
 * its line is in the audit log, then it is renamed (mode 0640): a file without a dot is complete
 * and accounted for. What the first block says is written over when the numbers are known, in space
 * kept for it. Packets keep their bytes, lengths and times; only interfaces are numbered anew. The
 * output of the same question over the same blocks differs in the first block alone.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACT_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_audit.h"
#include "snapshot/snapshot_query.h"

#define SNAPSHOT_EXTRACTS_FOLDER "extracts"
enum {
    SNAPSHOT_JOBS_MAX = 16,              /* that are known: waiting, running, or held results */
    SNAPSHOT_EXTRACT_NAME_MAX = 64,      /* with the end of the string */
    SNAPSHOT_EXTRACT_READ_MAX = 1 << 20, /* octets in one read */
    SNAPSHOT_REASON_OCTETS_MAX = 1024,   /* with the end of the string, as the next two */
    SNAPSHOT_WHO_OCTETS_MAX = 256,
    SNAPSHOT_NOTICE_OCTETS_MAX = 4096
};

/*
 * Replaces addresses, in place and in network order; the same address always becomes the same
 * other one. Called on the thread of the job. release() (may be NULL) is called exactly once, when
 * the job is over or was refused; whatever thread that happens on.
 *
 * What is done with it: addresses of the IPv4 and IPv6 headers, with any number of VLAN tags, MPLS
 * labels and PPPoE in front of them, and of ARP for IPv4; also inside IP in IP, 6in4 and GRE
 * tunnels, and inside the packets that ICMP and ICMPv6 errors quote. The checksums of IPv4, TCP,
 * UDP and ICMPv6 follow. Everything behind the transport header is cut off (payload holds addresses
 * in ways nobody can list), and so are the options of IPv4, IPv6 extension headers that name
 * addresses (routing, destination and hop-by-hop options), bodies of ICMP that name addresses
 * (redirects, router and neighbour discovery), and whatever is not understood: there the frame ends
 * with the last octet that is known to be clean, so its captured length shrinks and its wire length
 * does not. Hardware addresses become zero.
 */
struct snapshot_anonymiser {
    void *context;
    void (*ipv4)(void *context, uint8_t address[4]);
    void (*ipv6)(void *context, uint8_t address[16]);
    void (*release)(void *context);
};

/* Who wants what and why. */
struct snapshot_extract_order {
    struct snapshot_question question;
    const char *user;     /* must not be empty */
    const char *from;     /* from where: "local", "ssh 192.0.2.7", "offline" */
    const char *reason;   /* must not be empty */
    uint64_t packets_max; /* the output ends there and says so; 0 = no limit */
    uint64_t octets_max;  /* of the output file; 0 = no limit */
    const struct snapshot_anonymiser *anonymiser; /* NULL: addresses stay */
};

/* How and for whom extracts are made. Strings are copied where they are kept. */
struct snapshot_extract_settings {
    const char *notice;         /* printed into each extract; NULL or "" = none */
    const char *software;       /* "spanflow 0.1.0" */
    uint64_t octets_per_second; /* that are read from the ring; 0 = as fast as it goes */
    uint32_t files_max;         /* in extracts/; the oldest go. 0 = SNAPSHOT_JOBS_MAX */
    uint64_t octets_max; /* of all of them; an extract ends when it alone reaches that. 0 = no
                            limit */
    uint64_t age_max_ns; /* 0 = no limit */
};

enum snapshot_job_state {
    SNAPSHOT_JOB_WAITING,
    SNAPSHOT_JOB_RUNNING,
    SNAPSHOT_JOB_COMPLETE,  /* may be read */
    SNAPSHOT_JOB_LIMITED,   /* the same, but packets_max or octets_max ended it */
    SNAPSHOT_JOB_CANCELLED, /* nothing is kept */
    SNAPSHOT_JOB_FAILED,    /* nothing is kept; text says why */
};

/* A job, as it is now. */
struct snapshot_job_status {
    uint64_t id; /* > 0, never used again by the same process */
    enum snapshot_job_state state;
    struct snapshot_query_counts counts; /* octets_read of octets_wanted is the progress */
    uint64_t packets;                    /* written */
    uint64_t octets;                     /* of the output so far */
    uint64_t started_ns;                 /* wall time; 0 = not yet */
    uint64_t ended_ns;                   /* wall time; 0 = not yet */
    uint64_t packets_cut;                /* shortened because they could not be anonymised whole */
    char user[SNAPSHOT_WHO_OCTETS_MAX];
    char name[SNAPSHOT_EXTRACT_NAME_MAX]; /* file in extracts/, once it is complete */
    char sha256[65];                      /* hexadecimal, once it is complete */
    char text[512];                       /* the error's line, or the first damage that was met */
};

/* "waiting", "running", ... as in the model. */
const char *snapshot_job_state_name(enum snapshot_job_state state);

/* Called after each block with how far it is. True: stop (the outcome is CANCELLED). */
typedef bool (*snapshot_progress_function)(void *context, const struct snapshot_job_status *status);

/*
 * Extracts into the file PATH, which must not exist (the hidden name beside it neither), on the
 * caller's thread. AUDIT (may be NULL: nothing is logged) gets its lines before the file gets its
 * name. PROGRESS may be NULL. STATUS is filled in every case; SNAPSHOT_JOB_COMPLETE or LIMITED
 * means that PATH is there. ERROR has one line when it failed.
 */
enum snapshot_job_state snapshot_extract_run(const struct snapshot_sources *sources,
                                             const struct snapshot_extract_order *order,
                                             const struct snapshot_extract_settings *settings,
                                             struct snapshot_audit *audit, const char *path,
                                             snapshot_progress_function progress, void *context,
                                             struct snapshot_job_status *status,
                                             struct error *error);

struct snapshot_extractor;

/*
 * Makes the probe's extractor with its thread, its folder extracts/ (mode 2750) and its audit log
 * in DIRECTORY, and removes what an earlier run left half done. Main thread. NULL and one line in
 * ERROR.
 */
struct snapshot_extractor *
snapshot_extractor_create(const char *directory, const struct snapshot_extract_settings *settings,
                          struct error *error);

/* Everything below: main thread, waits for no disk and no job unless it says so. */

/* Changes the settings; what runs takes the new rate and notice at once. */
void snapshot_extractor_configure(struct snapshot_extractor *extractor,
                                  const struct snapshot_extract_settings *settings);

/* From now on these are the store (NULL: none, such as with memory alone, or not yet) and the rings
 * (COUNT may be 0; at most SNAPSHOT_QUERY_RINGS_MAX are taken), which it holds. Other rings may be
 * given at any time: a running job keeps those that it began with until it is over. With another
 * store than before it waits until the running job has let go of the old one, the reading of one
 * block; that job fails and says so. INTERFACES must outlive the extractor. To give the same again
 * costs nothing. */
void snapshot_extractor_set_sources(struct snapshot_extractor *extractor,
                                    struct snapshot_store *store,
                                    struct snapshot_ring *const *rings, uint32_t count,
                                    const struct snapshot_interfaces *interfaces);

/* Starts a job: its number, or 0 and one line in ERROR: no reason or user, the filter is wrong, or
 * SNAPSHOT_JOBS_MAX jobs wait already. ORDER is copied. A job that ended longest ago makes room. */
uint64_t snapshot_extractor_start(struct snapshot_extractor *extractor,
                                  const struct snapshot_extract_order *order, struct error *error);

/* How job ID is; false if there is no such job (any more). */
bool snapshot_extractor_status(struct snapshot_extractor *extractor, uint64_t id,
                               struct snapshot_job_status *status);

/* All jobs, oldest first, at most SNAPSHOT_JOBS_MAX into STATUS; returns how many. */
uint32_t snapshot_extractor_list(struct snapshot_extractor *extractor,
                                 struct snapshot_job_status status[SNAPSHOT_JOBS_MAX]);

/* Asks job ID to stop; it is CANCELLED soon. A job that is over is forgotten and its file
 * deleted. False if there is no such job. */
bool snapshot_extractor_cancel(struct snapshot_extractor *extractor, uint64_t id);

/*
 * Up to SIZE octets (SNAPSHOT_EXTRACT_READ_MAX at most) of a complete job's output from OFFSET into
 * BUFFER; returns how many, 0 at the end, -1 and one line in ERROR. The first read of each user and
 * job is noted in the audit log (by the job thread). USER and FROM: who reads. Reads a file, most
 * likely from memory.
 */
int64_t snapshot_extractor_read(struct snapshot_extractor *extractor, uint64_t id, const char *user,
                                const char *from, uint64_t offset, void *buffer, size_t size,
                                struct error *error);

/* Has the job thread append ENTRY to the audit log. False and one line in ERROR if too many
 * wait, or the last one could not be written. */
bool snapshot_extractor_note(struct snapshot_extractor *extractor,
                             const struct snapshot_audit_entry *entry, struct error *error);

/* Octets per second at which the last job that read at least a block went through the ring, its
 * rate limit and skipped blocks included; 0 = unknown. Held octets by this is the time to query the
 * whole ring. */
uint64_t snapshot_extractor_speed(struct snapshot_extractor *extractor);

/* Stops and joins the thread: waits for one block's reading, or for the hashing of a result that is
 * being finished. Results stay in extracts/.
 * EXTRACTOR may be NULL. */
void snapshot_extractor_destroy(struct snapshot_extractor *extractor);

#endif
