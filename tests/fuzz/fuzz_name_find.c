/*
 * Fuzz target: the input is a row of packets of a few flows, each a head of eight octets (flow and
 * direction, transport, ports, length) and its payload. Whatever is in them, the finder of names
 * ends, stays inside the octets, and what it keeps are whole names of types that are wanted and
 * were not there before: hashes where hashes are wanted, else names that are clean already.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/name_find.h"
#include "app/name_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 8, FLOWS = 4, PACKETS_MAX = 64, HASHED = 0x5555, WANTED = 0x7fff };

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Whether the names in COUNT octets are as they must be; adds their types to HAD. */
static void examine(const uint8_t *names, uint32_t count, uint32_t *had)
{
    const uint8_t *at = names, *end = names + count;
    struct flow_name name;
    uint8_t again[NAME_OCTETS_MAX];
    while (flow_name_next(&at, end, &name)) {
        uint32_t bit = 1u << name.type;
        require((WANTED & bit) && !(*had & bit) && name.octets > 0);
        require(name.hashed == ((HASHED & bit) != 0));
        if (name.hashed)
            require(name.octets == FLOW_NAME_HASH_OCTETS);
        else
            require(name_text_clean(name.type, name.text, name.octets, again) == name.octets &&
                    memcmp(again, name.text, name.octets) == 0);
        *had |= bit;
    }
    require(at == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    const struct name_settings settings = {
        .wanted = {.clear = WANTED & ~HASHED, .hashed = WANTED & HASHED}, .key = {1, 2, 3}};
    struct name_finder *finder = name_finder_create(&settings, FLOWS, NULL, &error);
    uint32_t had[FLOWS] = {0}, next[FLOWS][2] = {{0}};
    require(finder != NULL);
    for (unsigned packets = 0; size > HEAD && packets < PACKETS_MAX; packets++) {
        uint32_t length = (uint32_t)data[6] << 8 | data[7], flow = data[0] % FLOWS;
        const uint8_t *names;
        uint32_t count, side = (data[0] & 16) != 0;
        length = length < size - HEAD ? length : (uint32_t)(size - HEAD);
        struct application_packet packet = {.data = data + HEAD,
                                            .length = length,
                                            .whole_length = length + (data[1] & 0x3f),
                                            .tcp_sequence = next[flow][side] - 3u * (data[1] >> 6),
                                            .source_port = (uint16_t)(data[2] << 8 | data[3]),
                                            .destination_port = (uint16_t)(data[4] << 8 | data[5]),
                                            .tcp = data[0] & 8,
                                            .from_client = data[0] & 16,
                                            .client_known = data[0] & 32,
                                            .start_known = data[0] & 64};
        struct name_flow of = {.index = flow, .id = flow + 1, .had = had[flow]};
        if (length > 0) {
            name_finder_look(finder, &of, &packet, packets, &names, &count);
            examine(names, count, &had[flow]);
        }
        next[flow][side] += length + (data[0] >> 7) * 5u; /* some is lost */
        data += HEAD + length;
        size -= HEAD + length;
    }
    name_finder_destroy(finder);
    return 0;
}
