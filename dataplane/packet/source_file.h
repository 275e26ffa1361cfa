/*
 * Capture files as a packet source: pcap and pcapng, several files merged by the time of their
 * next packet, the order inside each file kept. Offline: packet time is the clock.
 */
#ifndef SPANFLOW_PACKET_SOURCE_FILE_H
#define SPANFLOW_PACKET_SOURCE_FILE_H

#include "packet/packet_source.h"

/*
 * Opens COUNT files; "-" is standard input, pipes are read as they come. NULL with one line in
 * ERROR if a file is missing, unreadable or no capture at all. PATHS is copied. Control thread.
 *
 * A damaged file is read up to the damage, the others to their end; then receive() says
 * RECEIVE_FAILED and source->problem names file, offset and damage. The whole batch stays valid
 * until release(). receive() says RECEIVE_IDLE while a pipe has nothing; wait() sleeps for it.
 */
struct packet_source *source_file_open(char *const paths[], uint32_t count, struct error *error);

/* How many files of a file source were found damaged so far. Worker thread or after its end. */
uint32_t source_file_damaged_count(const struct packet_source *source);

#endif
