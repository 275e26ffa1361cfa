/*
 * Fuzz target: the input is one packet's payload behind eight octets that say which check, ports,
 * transport, direction and how much of the packet was not captured. Whatever is in it, every check
 * ends and stays inside the octets.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/application_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROW(name) application_check_##name,
static application_check *const checks[] = {APPLICATION_CHECKS(ROW)};
enum { CHECKS = sizeof checks / sizeof checks[0], HEAD = 8, LENGTH_MAX = 65535 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= HEAD || size > LENGTH_MAX)
        return 0;
    uint32_t memory = data[0] & 1 ? (uint32_t)data[1] << 24 | data[2] : 0;
    struct application_packet packet = {.data = data + HEAD,
                                        .length = (uint32_t)(size - HEAD),
                                        .whole_length = (uint32_t)(size - HEAD) +
                                                        (data[0] & 2 ? data[3] * 8u : 0),
                                        .source_port = (uint16_t)(data[4] << 8 | data[5]),
                                        .destination_port = (uint16_t)(data[6] << 8 | data[7]),
                                        .tcp = data[0] & 4,
                                        .from_client = data[0] & 8,
                                        .client_known = data[0] & 16};
    for (unsigned i = 0; i < CHECKS; i++) {
        uint32_t own = memory;
        checks[i](&packet, &own);
        checks[i](&packet, &own); /* the same again, with what it noted */
    }
    return 0;
}
