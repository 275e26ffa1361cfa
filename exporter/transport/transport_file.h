/*
 * What only files can do, besides the contract of transport.h. For threads see there.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_FILE_H
#define SPANFLOW_EXPORTER_TRANSPORT_TRANSPORT_FILE_H

#include "transport/transport.h"

/* Completes the file written so far under its final name, if the destination writes several; the
 * next message begins another one. 0, or -1 and ERROR. Other transports ignore it. */
int transport_file_end(struct transport *transport, struct error *error);

#endif
