/*
 * A transport that keeps every message and answers as the test wants. Used in place of a socket
 * by exporting_process_set_transport(); the test owns it and outlives the process.
 */
#ifndef SPANFLOW_TESTS_FAKE_TRANSPORT_H
#define SPANFLOW_TESTS_FAKE_TRANSPORT_H

#include "exporting_process_hooks.h"

enum { FAKE_OCTETS_MAX = 4 << 20, FAKE_MESSAGES_MAX = 65536 };

struct fake_transport {
    enum transport_status answer; /* to each message that is not taken */
    uint64_t take;                /* messages still taken before ANSWER holds */
    uint32_t message_count;
    uint32_t offsets[FAKE_MESSAGES_MAX + 1]; /* of the messages in octets[] */
    uint64_t times_ns[FAKE_MESSAGES_MAX];    /* now_ns when each was taken */
    uint64_t now_ns;                         /* set by the test */
    uint64_t sends;
    bool with_sessions;               /* set before fake_transport_as() */
    bool confirms;                    /* the same; only with sessions */
    struct transport_session session; /* what step() tells; parts and line are told once */
    uint64_t steps;
    bool completed, closed;
    uint8_t octets[FAKE_OCTETS_MAX];
};

/* A new one that takes everything; freed by the test with free(). */
struct fake_transport *fake_transport_new(void);
/* To be given to exporting_process_set_transport(). */
struct transport fake_transport_as(struct fake_transport *fake);

/* The I-th message taken, and its length. */
const uint8_t *fake_message(const struct fake_transport *fake, uint32_t i, uint32_t *octets);
/* Big-endian numbers in it. */
uint32_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);

/* A process with one UDP destination (which is never used) whose transport is FAKE; the caller
 * fills CONFIG by fake_config() and may change it before. Fails the test if it cannot start. */
struct exporting_process *fake_process(const struct exporting_process_config *config,
                                       struct record_ring *const rings[], uint32_t ring_count,
                                       struct fake_transport *fake);
/* The account of the first destination; its identities, that of an earlier run's records too, are
 * checked. */
struct destination_counters fake_account(const struct exporting_process *process);
/* One offline plain IPFIX destination with an MTU of 1400, no interfaces, no refresh. */
void fake_config(struct exporting_process_config *config);
/* A ring of LINES. Fails the test if there is none. */
struct record_ring *fake_ring(uint32_t lines);

/* One destination whose transport is a fake, as many tests want it: the state of a cmocka test that
 * has fake_bench_set_up() and fake_bench_tear_down(). */
struct fake_bench {
    struct exporting_process_config config; /* of fake_config(); may be changed before the start */
    struct fake_transport *fake;
    struct record_ring *ring;
    struct exporting_process *process; /* NULL until fake_bench_start() */
    uint64_t now_ns;                   /* monotonic, of the last step; the test's */
    uint64_t pushed;
};
int fake_bench_set_up(void **state);
int fake_bench_tear_down(void **state);
void fake_bench_start(struct fake_bench *bench);
/* Puts COUNT records of describe_simple() on the ring, fewer if it is full; returns how many. */
uint32_t fake_bench_push(struct fake_bench *bench, uint32_t count);
/* The account of the destination, with its identity checked. */
struct destination_counters fake_bench_account(const struct fake_bench *bench);

/* A TCP conversation of 3 and 2 packets over IPv4, at a fixed time. */
struct flow_description;
void describe_simple(struct flow_description *flow);
enum { SIMPLE_SECOND = 1700000000 };

#endif
