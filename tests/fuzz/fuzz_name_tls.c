/*
 * Fuzz target: the input is packets of one flow of TLS or DTLS. Flags: over TCP; from the client;
 * further on in the stream than it is; cut by the capture. Whatever is in them, the parser ends,
 * stays inside the octets and tells whole names.
 */
#include "app/name_tls.h"

#include "name_packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OVER_TCP = 1, FROM_SERVER = 2, FURTHER = 4, CUT = 8, AGAIN = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name_sink sink = {.wanted = UINT32_MAX, .found = read_name};
    struct name_state state = next_flow();
    struct packet_cursor cursor = {.data = data, .left = size};
    uint32_t octets, sequence = 0xfffffe00u;
    for (uint8_t *copy; (copy = next_packet(&cursor, &octets)) != NULL; free(copy)) {
        if (cursor.flags & AGAIN)
            sequence -= octets;
        struct application_packet packet = {.data = copy,
                                            .length = octets,
                                            .whole_length = octets + (cursor.flags & CUT ? 100 : 0),
                                            .tcp_sequence =
                                                sequence + (cursor.flags & FURTHER ? 100 : 0),
                                            .tcp = cursor.flags & OVER_TCP,
                                            .from_client = !(cursor.flags & FROM_SERVER)};
        name_tls(&packet, &sink, &state);
        sequence += octets;
    }
    return 0;
}
