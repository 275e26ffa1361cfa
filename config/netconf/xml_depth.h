/*
 * How deep the elements of an XML text are nested, without parsing it. Parsers walk elements by
 * recursion, so depth is bounded before a text of a stranger reaches one.
 */
#ifndef SPANFLOW_NETCONF_XML_DEPTH_H
#define SPANFLOW_NETCONF_XML_DEPTH_H

#include <stddef.h>

/* The greatest number of elements that are open at once in the LENGTH octets of TEXT. Comments,
 * CDATA sections, processing instructions and quoted values count for nothing. For text that is
 * not well-formed it is at least what a parser meets before it finds the mistake. Any thread. */
size_t xml_depth(const char *text, size_t length);

#endif
