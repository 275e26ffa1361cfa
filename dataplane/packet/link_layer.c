/* The table of link types. See link_layer.h. */
#include "packet/link_layer.h"

#include <stddef.h>

struct link_type {
    uint32_t file; /* LINKTYPE_ number in capture files */
    int dlt;       /* libpcap's number on this system, for filters */
    enum link_layer link;
};

/* The first row of each link layer is the one that filters are compiled for. */
static const struct link_type link_types[] = {
    {1, 1, LINK_ETHERNET},       /* EN10MB */
    {101, 12, LINK_RAW_IP},      /* RAW */
    {12, 12, LINK_RAW_IP},       /* RAW as some systems wrote it */
    {14, 12, LINK_RAW_IP},       /* RAW as OpenBSD wrote it */
    {228, 12, LINK_RAW_IP},      /* IPV4 */
    {229, 12, LINK_RAW_IP},      /* IPV6 */
    {113, 113, LINK_LINUX_SLL},  /* LINUX_SLL */
    {276, 276, LINK_LINUX_SLL2}, /* LINUX_SLL2 */
    {0, 0, LINK_NULL_LOOP},      /* NULL */
    {108, 108, LINK_LOOP},       /* LOOP */
    {9, 9, LINK_PPP},            /* PPP */
    {50, 9, LINK_PPP},           /* PPP_HDLC */
    {104, 104, LINK_CHDLC},      /* C_HDLC */
};

enum { LINK_TYPE_ROWS = sizeof link_types / sizeof link_types[0] };

enum link_layer link_layer_of_file(uint32_t link_type)
{
    for (size_t i = 0; i < LINK_TYPE_ROWS; i++)
        if (link_types[i].file == link_type)
            return link_types[i].link;
    return LINK_UNKNOWN;
}

int link_layer_dlt(enum link_layer link)
{
    for (size_t i = 0; i < LINK_TYPE_ROWS; i++)
        if (link_types[i].link == link)
            return link_types[i].dlt;
    return -1;
}
