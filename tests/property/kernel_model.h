/*
 * The XDP program's counting code, compiled for the host over plain memory: plays the kernel in
 * tests. Between any two accesses of a run of the program the test may do what other threads would
 * do then. Test code; single thread; the model owns the arrays.
 */
#ifndef SPANFLOW_PROPERTY_KERNEL_MODEL_H
#define SPANFLOW_PROPERTY_KERNEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/kernel_table.h"

#include "bpf/flow_counter_parse.bpf.h"

struct kernel_model {
    struct flow_counter_geometry geometry;
    struct kernel_memory memory;
    struct kernel_sizes sizes;
    uint32_t cpu;                   /* that the next run is on */
    uint64_t clock_ns;              /* monotonic */
    void (*interrupt)(void *state); /* called before each access of a run; NULL: nothing happens */
    void *state;
};

/* Allocates the arrays; aborts if memory is short. */
void kernel_model_open(struct kernel_model *model, const struct flow_counter_geometry *geometry);
void kernel_model_close(struct kernel_model *model);

/* Runs the program on a frame of which LENGTH bytes are linear and OCTETS were on the wire. True:
 * it was counted. */
bool kernel_model_run(struct kernel_model *model, const uint8_t *data, uint32_t length,
                      uint64_t octets);

/* Only parses. True: PACKET says what the program would count. */
bool kernel_model_parse(const uint8_t *data, uint32_t length, uint64_t octets, uint32_t vlan_mask,
                        struct flow_counter_packet *packet);

#endif
