/* What struct access is: for access.c, and for the test that plays the system's groups. */
#ifndef SPANFLOW_NETCONF_ACCESS_INTERNAL_H
#define SPANFLOW_NETCONF_ACCESS_INTERNAL_H

#include "access.h"
#include "access_rules.h"

/* Sessions whose rules are remembered; more than there can be sessions. */
enum { ACCESS_VIEWS = 48 };

struct access {
    const struct ly_ctx *context;
    struct access_rules rules;
    bool broken; /* the rules of running could not be compiled */
    struct access_view views[ACCESS_VIEWS];
    size_t next_view;
    void (*system_groups)(const char *user, struct access_groups *groups);
    struct access_groups reported; /* scratch */
    bool protected_shown;
    uint32_t denied_operations;
    uint32_t denied_data_writes;
    uint32_t denied_notifications;
};

#endif
