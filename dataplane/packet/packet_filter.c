/* Filter expressions by libpcap. See packet_filter.h. */
#include "packet/packet_filter.h"

#include <assert.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "packet/link_layer.h"

enum { SNAP_LENGTH = 262144 };

struct packet_filter {
    struct bpf_program programs[LINK_LAYER_COUNT];
    bool compiled[LINK_LAYER_COUNT];
};

static_assert(PACKET_BATCH_MAX <= 64, "one bit for each packet");

/* Compiles for one link layer. False with libpcap's reason in ERROR (may be NULL). */
static bool compile(struct packet_filter *filter, enum link_layer link, const char *expression,
                    struct error *error)
{
    int dlt = link_layer_dlt(link);
    pcap_t *handle = dlt < 0 ? NULL : pcap_open_dead(dlt, SNAP_LENGTH);
    if (!handle) {
        error_set(error, "filter: no memory");
        return false;
    }
    /* Ask for no network mask: only "ip broadcast" would need it. */
    int result = pcap_compile(handle, &filter->programs[link], expression, 1, PCAP_NETMASK_UNKNOWN);
    if (result != 0)
        error_set(error, "filter '%.200s': %s", expression, pcap_geterr(handle));
    pcap_close(handle);
    filter->compiled[link] = result == 0;
    return result == 0;
}

struct packet_filter *packet_filter_create(const char *expression, struct error *error)
{
    struct packet_filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        error_set(error, "filter: no memory");
        return NULL;
    }
    if (!compile(filter, LINK_ETHERNET, expression, error)) {
        free(filter);
        return NULL;
    }
    for (int link = 0; link < LINK_UNKNOWN; link++)
        if (link != LINK_ETHERNET)
            compile(filter, (enum link_layer)link, expression, NULL);
    return filter;
}

uint64_t packet_filter_match(const struct packet_filter *filter, const struct packet_batch *batch)
{
    uint64_t matches = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint8_t link = batch->link[i];
        if (link >= LINK_UNKNOWN || !filter->compiled[link])
            continue;
        if (bpf_filter(filter->programs[link].bf_insns, batch->data[i], batch->wire_length[i],
                       batch->captured_length[i]) != 0)
            matches |= 1ull << i;
    }
    return matches;
}

void packet_filter_destroy(struct packet_filter *filter)
{
    if (!filter)
        return;
    for (int link = 0; link < LINK_LAYER_COUNT; link++)
        if (filter->compiled[link])
            pcap_freecode(&filter->programs[link]);
    free(filter);
}
