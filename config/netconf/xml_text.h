/*
 * Texts inside of XML that we print ourselves.
 */
#ifndef SPANFLOW_NETCONF_XML_TEXT_H
#define SPANFLOW_NETCONF_XML_TEXT_H

#include <stdio.h>

/* Writes TEXT as the content of an element; what XML cannot hold (control characters, octets that
 * are no UTF-8, as of a message that was cut) becomes a question mark. Any thread. */
void xml_text_put(FILE *file, const char *text);

#endif
