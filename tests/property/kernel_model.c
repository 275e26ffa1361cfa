/* The program's code over plain memory. */
#include "kernel_model.h"

#include <stdlib.h>

#include "base/check.h"

/* The model whose run is under way: the program knows its maps by name. */
static struct kernel_model *running;

static uint32_t access_at(uint32_t index, uint32_t count)
{
    if (running->interrupt)
        running->interrupt(running->state);
    check(index < count);
    return index;
}

#define COUNTER_ARRAY_counter_control(m, i) (&(m)->memory.control[access_at(i, 1)])
#define COUNTER_ARRAY_counter_addresses(m, i)                                                      \
    (&(m)->memory.addresses[access_at(i, (m)->sizes.addresses)])
#define COUNTER_ARRAY_counter_lines(m, i)    (&(m)->memory.lines[access_at(i, (m)->sizes.lines)])
#define COUNTER_ARRAY_counter_totals(m, i)   (&(m)->memory.totals[access_at(i, (m)->sizes.totals)])
#define COUNTER_AT(name, index)              COUNTER_ARRAY_##name(running, index)
#define COUNTER_GEOMETRY                     (&running->geometry)
#define COUNTER_CPU()                        (running->cpu)
#define COUNTER_CLOCK()                      (running->clock_ns)
#define COUNTER_LOOP(times, function, state) repeat(times, function, state)

static void repeat(uint32_t times, long (*function)(uint32_t number, void *state), void *state)
{
    for (uint32_t number = 0; number < times && function(number, state) == 0; number++)
        continue;
}

#include "bpf/flow_counter.bpf.h"

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    check(memory != NULL);
    return memory;
}

void kernel_model_open(struct kernel_model *model, const struct flow_counter_geometry *geometry)
{
    struct kernel_sizes sizes = kernel_table_sizes(geometry);
    *model = (struct kernel_model){
        .geometry = *geometry,
        .sizes = sizes,
        .memory = {.control = zeroed(1, sizeof(struct flow_counter_control)),
                   .lines = zeroed(sizes.lines, sizeof(struct flow_counter_line)),
                   .addresses = zeroed(sizes.addresses, sizeof(struct flow_counter_addresses)),
                   .totals = zeroed(sizes.totals, sizeof(struct flow_counter_total))}};
}

void kernel_model_close(struct kernel_model *model)
{
    free(model->memory.control);
    free(model->memory.lines);
    free(model->memory.addresses);
    free(model->memory.totals);
}

bool kernel_model_run(struct kernel_model *model, const uint8_t *data, uint32_t length,
                      uint64_t octets)
{
    struct flow_counter_packet packet;
    running = model;
    return flow_counter_parse(data, data + length, octets, model->geometry.vlan_mask, &packet) &&
           counter_count(&packet, octets);
}

bool kernel_model_parse(const uint8_t *data, uint32_t length, uint64_t octets, uint32_t vlan_mask,
                        struct flow_counter_packet *packet)
{
    return flow_counter_parse(data, data + length, octets, vlan_mask, packet);
}
