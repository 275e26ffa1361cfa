/*
 * The encoding half of a destination, split from destination.c for length: messages, templates,
 * options. Used by destination.c only, on the exporter's thread.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_ENCODE_H
#define SPANFLOW_EXPORTER_DESTINATION_ENCODE_H

#include "destination.h"

/* Closes the message under construction, if any, and puts it into the queue. */
void destination_close_message(struct destination *destination);
/* Sends templates and, if OPTIONS, options templates with their data, in messages of their own. Of
 * a later refresh of a live run, what does not fit into the first message is sent by and by. */
void destination_refresh(struct destination *destination, bool options);
/* Sends statistics records with their templates. */
void destination_send_statistics(struct destination *destination);
/* Sends the next message of options records that wait. */
void destination_send_options(struct destination *destination);
/* Bound of the messages that one record may begin. */
uint32_t destination_record_messages(const struct destination *destination);
/* Bound of the messages that one refresh or statistics record takes. */
uint32_t destination_refresh_messages(const struct destination *destination);

#endif
