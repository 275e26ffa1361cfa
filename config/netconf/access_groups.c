/*
 * The UNIX groups of local users as groups of access control. Called by access.c once for each
 * session, because the name service may be slow.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access_rules.h"

/* Who may open the local socket at all may look around. */
static const char socket_group[] = "spanflow";
static const char socket_group_means[] = "viewer";

static void add(struct access_groups *groups, const char *unix_name)
{
    const char *name = unix_name + sizeof socket_group;
    if (strcmp(unix_name, socket_group) == 0)
        name = socket_group_means;
    else if (strncmp(unix_name, socket_group, sizeof socket_group - 1) != 0 || name[-1] != '-')
        return;
    if (!*name || strlen(name) >= ACCESS_GROUP_OCTETS || groups->count == ACCESS_GROUPS_MAX)
        return;
    snprintf(groups->names[groups->count++], ACCESS_GROUP_OCTETS, "%s", name);
}

void access_system_groups(const char *user, struct access_groups *groups)
{
    enum { IDENTIFIERS_MAX = 1024, BUFFER_OCTETS = 65536 };
    static char buffer[BUFFER_OCTETS];
    static gid_t identifiers[IDENTIFIERS_MAX];
    struct passwd entry;
    struct passwd *found = NULL;
    int identifier_count = IDENTIFIERS_MAX;
    groups->count = 0;
    if (getpwnam_r(user, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return;
    if (getgrouplist(user, found->pw_gid, identifiers, &identifier_count) < 0)
        return;
    for (int i = 0; i < identifier_count; i++) {
        struct group group;
        struct group *group_found = NULL;
        if (getgrgid_r(identifiers[i], &group, buffer, sizeof buffer, &group_found) == 0 &&
            group_found)
            add(groups, group.gr_name);
    }
}
