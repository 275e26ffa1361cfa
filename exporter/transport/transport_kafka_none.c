/* Stands for transport_kafka.c in builds without librdkafka and says so. */
#include "transport/transport.h"

int transport_kafka_open(struct transport *transport, const struct destination_config *destination,
                         struct error *error)
{
    (void)transport;
    error_set(error, "%.300s: not in this build; configure it with -Dkafka=enabled",
              destination->name);
    return -1;
}
