/*
 * Takes empty namespaces out of an XML text before libyang reads it: version 2.1.30 ends in a null
 * pointer where two siblings of one name have xmlns="". A subtree filter may say that (RFC 6241,
 * section 6.2.1: any namespace), so it is not refused; its elements then inherit the namespace of
 * <filter>, and filter.h takes that for any.
 */
#ifndef SPANFLOW_NETCONF_XML_BLANK_H
#define SPANFLOW_NETCONF_XML_BLANK_H

#include <stddef.h>

/* Puts blanks in the place of each xmlns="" and xmlns:NAME="" in the tags of the LENGTH octets of
 * TEXT, which keeps its length. Comments, CDATA sections and processing instructions are left as
 * they are. TEXT need not be well-formed, nor end with a zero. Any thread. */
void xml_blank_namespaces(char *text, size_t length);

#endif
