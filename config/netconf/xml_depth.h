/*
 * How deep the elements of an XML text are nested, and how many are in one of them, without parsing
 * it. Parsers walk elements by recursion, and libyang compares an entry of a list with all entries
 * before it that have the same keys: both are bounded before a text of a stranger reaches one.
 */
#ifndef SPANFLOW_NETCONF_XML_DEPTH_H
#define SPANFLOW_NETCONF_XML_DEPTH_H

#include <stddef.h>

struct xml_shape {
    size_t depth;  /* the greatest number of elements that are open at once */
    size_t widest; /* the greatest number of elements right inside another one */
};

/* The shape of the LENGTH octets of TEXT. Comments, CDATA sections, processing instructions and
 * quoted values count for nothing. For text that is not well-formed it is at least what a parser
 * meets before it finds the mistake. Any thread. */
struct xml_shape xml_shape(const char *text, size_t length);

#endif
