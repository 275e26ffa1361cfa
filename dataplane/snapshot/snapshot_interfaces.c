/*
 * The registry of interfaces. Ids are looked up in a table by port and link layer that only grows;
 * an entry is complete before its id is in the table, and its id before the count tells it.
 */
#include "snapshot/snapshot_interfaces.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { PORTS = 65536, LINKTYPE_USER0 = 147 };

struct snapshot_interfaces {
    pthread_mutex_t lock; /* of who adds */
    _Atomic uint32_t count;
    struct snapshot_interface entries[SNAPSHOT_INTERFACES_MAX];
    struct port_name {
        uint32_t ifindex;
        char name[32];
    } * names[PORTS];                 /* NULL: not told */
    uint32_t other[LINK_LAYER_COUNT]; /* id of those without one of their own, plus 1 */
    _Atomic uint16_t ids[PORTS][LINK_LAYER_COUNT]; /* plus 1; 0: none yet */
};

static uint16_t link_type_of(enum link_layer link)
{
    static const uint16_t types[LINK_LAYER_COUNT] = {
        [LINK_ETHERNET] = 1,     [LINK_RAW_IP] = 101,  [LINK_LINUX_SLL] = 113,
        [LINK_LINUX_SLL2] = 276, [LINK_NULL_LOOP] = 0, [LINK_LOOP] = 108,
        [LINK_PPP] = 9,          [LINK_CHDLC] = 104,   [LINK_UNKNOWN] = LINKTYPE_USER0,
    };
    return types[link];
}

struct snapshot_interfaces *snapshot_interfaces_create(struct error *error)
{
    struct snapshot_interfaces *interfaces = calloc(1, sizeof *interfaces);
    if (!interfaces) {
        error_set(error, "no memory for the interfaces of the snapshot ring");
        return NULL;
    }
    pthread_mutex_init(&interfaces->lock, NULL);
    return interfaces;
}

void snapshot_interfaces_destroy(struct snapshot_interfaces *interfaces)
{
    if (!interfaces)
        return;
    for (uint32_t port = 0; port < PORTS; port++)
        free(interfaces->names[port]);
    pthread_mutex_destroy(&interfaces->lock);
    free(interfaces);
}

void snapshot_interfaces_name(struct snapshot_interfaces *interfaces, uint16_t port,
                              uint32_t ifindex, const char *name)
{
    pthread_mutex_lock(&interfaces->lock);
    struct port_name *told = interfaces->names[port];
    if (!told)
        told = interfaces->names[port] = calloc(1, sizeof *told);
    if (told) { /* without memory it goes by its number */
        bool other = told->ifindex != ifindex || strncmp(told->name, name, sizeof told->name) != 0;
        for (unsigned link = 0; other && link < LINK_LAYER_COUNT; link++)
            atomic_store_explicit(&interfaces->ids[port][link], 0, memory_order_release);
        told->ifindex = ifindex;
        snprintf(told->name, sizeof told->name, "%s", name);
    }
    pthread_mutex_unlock(&interfaces->lock);
}

/* The new entry's id. The lock is held, and there is room. */
static uint32_t add(struct snapshot_interfaces *interfaces, uint16_t port, enum link_layer link,
                    const char *name)
{
    uint32_t id = atomic_load_explicit(&interfaces->count, memory_order_relaxed);
    const struct port_name *told = interfaces->names[port];
    struct snapshot_interface *entry = &interfaces->entries[id];
    check(id < SNAPSHOT_INTERFACES_MAX);
    *entry = (struct snapshot_interface){
        .port = port, .link = (uint8_t)link, .link_type = link_type_of(link)};
    if (name) {
        snprintf(entry->name, sizeof entry->name, "%s", name);
    } else if (told) {
        entry->ifindex = told->ifindex;
        memcpy(entry->name, told->name, sizeof entry->name);
    } else {
        snprintf(entry->name, sizeof entry->name, "port%u", port);
    }
    atomic_store_explicit(&interfaces->count, id + 1, memory_order_release);
    return id;
}

/* The last places of the registry are those of the links' others. */
static uint32_t choose(struct snapshot_interfaces *interfaces, uint16_t port, enum link_layer link)
{
    uint32_t count = atomic_load_explicit(&interfaces->count, memory_order_relaxed);
    if (count < SNAPSHOT_INTERFACES_MAX - LINK_LAYER_COUNT)
        return add(interfaces, port, link, NULL);
    if (interfaces->other[link] == 0)
        interfaces->other[link] = add(interfaces, port, link, "other") + 1;
    return interfaces->other[link] - 1;
}

uint32_t snapshot_interfaces_id(struct snapshot_interfaces *interfaces, uint16_t port,
                                enum link_layer link)
{
    if ((unsigned)link >= LINK_LAYER_COUNT)
        link = LINK_UNKNOWN;
    _Atomic uint16_t *slot = &interfaces->ids[port][link];
    uint16_t id = atomic_load_explicit(slot, memory_order_acquire);
    if (id)
        return id - 1u;
    pthread_mutex_lock(&interfaces->lock);
    id = atomic_load_explicit(slot, memory_order_relaxed);
    if (!id) {
        id = (uint16_t)(choose(interfaces, port, link) + 1);
        atomic_store_explicit(slot, id, memory_order_release);
    }
    pthread_mutex_unlock(&interfaces->lock);
    return id - 1u;
}

uint32_t snapshot_interfaces_count(const struct snapshot_interfaces *interfaces)
{
    return atomic_load_explicit(&interfaces->count, memory_order_acquire);
}

const struct snapshot_interface *
snapshot_interfaces_get(const struct snapshot_interfaces *interfaces, uint32_t id)
{
    check(id < snapshot_interfaces_count(interfaces));
    return &interfaces->entries[id];
}
