/*
 * How much work an XPath expression of a client may be, so that one with search in search in search
 * is refused before it holds everybody up: the library cannot be interrupted.
 */
#ifndef SPANFLOW_NETCONF_XPATH_COST_H
#define SPANFLOW_NETCONF_XPATH_COST_H

#include <stddef.h>
#include <stdint.h>

/* Visits of nodes that take about a second. */
enum { XPATH_COST_MAX = 2000000 };

/* What the data are like that the expression is evaluated on. */
struct xpath_data {
    size_t nodes;    /* all of them */
    size_t siblings; /* the most that any node has below it */
};

/* An estimate of the visits that TEXT costs on DATA: searches from the root (//) and axes that look
 * up or sideways visit all nodes, other paths those of a list, and predicates are evaluated for
 * each node that their step finds. UINT64_MAX where it is longer or more nested than anybody needs.
 * What is no expression is for the library to refuse. No state, any thread. */
uint64_t xpath_cost(const char *text, const struct xpath_data *data);

#endif
