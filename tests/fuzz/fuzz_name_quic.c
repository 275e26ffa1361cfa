/*
 * Fuzz target: the input is datagrams of one flow of QUIC. Flags: the octets are the datagram as it
 * is; or they are frames, which are protected here as a client does it, of version 2 or the draft
 * 29, or with a token; from the server. Whatever is in them, the parser ends, stays inside the
 * octets and tells whole names.
 */
#include "app/name_quic.h"

#include "../unit/app/initial_builder.h"
#include "name_packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_IT_IS = 1, SECOND = 2, DRAFT = 4, WITH_TOKEN = 8, FROM_SERVER = 16 };
enum { HEADER_MAX = 200 };

/* The protected datagram with FRAMES, to be freed. */
static uint8_t *protect(const uint8_t *frames, uint32_t *octets, unsigned flags)
{
    static const uint8_t id[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct initial_parts parts = {.version = flags & SECOND  ? 0x6b3343cf
                                             : flags & DRAFT ? 0xff00001d
                                                             : 1,
                                  .id = id,
                                  .id_octets = sizeof id,
                                  .token_octets = flags & WITH_TOKEN ? 100 : 0,
                                  .number_octets = 1 + (flags & 3),
                                  .frames = frames,
                                  .frame_octets = *octets,
                                  .padded = 20};
    uint8_t *built = malloc(*octets + HEADER_MAX), *copy;
    if (!built)
        abort();
    *octets = initial_packet(&parts, built);
    copy = malloc(*octets);
    if (!copy)
        abort();
    memcpy(copy, built, *octets);
    free(built);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name_sink sink = {.wanted = UINT32_MAX, .found = read_name};
    struct name_state state = next_flow();
    struct packet_cursor cursor = {.data = data, .left = size};
    uint32_t octets;
    for (uint8_t *copy; (copy = next_packet(&cursor, &octets)) != NULL; free(copy)) {
        if (!(cursor.flags & AS_IT_IS)) {
            uint8_t *packet = protect(copy, &octets, cursor.flags);
            free(copy);
            copy = packet;
        }
        struct application_packet packet = {.data = copy,
                                            .length = octets,
                                            .whole_length = octets,
                                            .from_client = !(cursor.flags & FROM_SERVER)};
        name_quic(&packet, &sink, &state);
    }
    return 0;
}
