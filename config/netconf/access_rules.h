/*
 * The rules of a container nacm, compiled once, and which of them apply to a user. Used by access.c
 * and its test only; the dispatcher's mutex is held.
 */
#ifndef SPANFLOW_NETCONF_ACCESS_RULES_H
#define SPANFLOW_NETCONF_ACCESS_RULES_H

#include "access_path.h"

enum access_operation {
    ACCESS_BIT_CREATE = 1,
    ACCESS_BIT_READ = 2,
    ACCESS_BIT_UPDATE = 4,
    ACCESS_BIT_DELETE = 8,
    ACCESS_BIT_EXEC = 16,
};

enum access_subject { ACCESS_ANYTHING, ACCESS_RPC, ACCESS_NOTIFICATION, ACCESS_DATA };

/* Texts belong to the copy of the subtree. */
struct access_rule {
    const char *module;          /* NULL: every one */
    enum access_subject subject; /* the rule-type; ACCESS_ANYTHING: none given */
    const char *name;            /* of the operation or notification; NULL: every one */
    struct access_path path;
    unsigned operations; /* bits */
    bool permit;
};

struct access_rule_list {
    const struct lyd_node *entry; /* for its leaf-list group */
    bool all_groups;
    struct access_rule *rules;
    size_t rule_count;
};

struct access_rules {
    struct lyd_node *nacm; /* copy of the subtree; NULL: there is none */
    bool enabled;
    bool read_permit, write_permit, exec_permit;
    bool external_groups;
    struct access_rule_list *lists;
    size_t list_count;
};

/* What is to be decided. NAME is that of the operation or notification; NODE the data node, or an
 * action or notification within data; NULL if there is none. */
struct access_request {
    enum access_subject subject;
    enum access_operation operation;
    const char *module;
    const char *name;
    const struct lyd_node *node;
};

enum access_decision { ACCESS_NO_RULE, ACCESS_PERMIT, ACCESS_DENY };

/* Which lists of rules apply to a user: one flag for each, in their order. */
struct access_view {
    char user[256];
    uint32_t session;
    bool local;
    bool grouped; /* in any group at all */
    bool *applies;
};

enum { ACCESS_GROUPS_MAX = 64, ACCESS_GROUP_OCTETS = 64 };

/* Groups that the system reports for a user. */
struct access_groups {
    char names[ACCESS_GROUPS_MAX][ACCESS_GROUP_OCTETS];
    size_t count;
};

/* Compiles NACM, the container (NULL: the defaults of the model), which is copied. False when there
 * is no memory; RULES then holds nothing that has to be freed. access_rules_free() frees. */
bool access_rules_compile(struct access_rules *rules, const struct ly_ctx *context,
                          const struct lyd_node *nacm);

/* Frees what RULES owns; all zeros are fine. */
void access_rules_free(struct access_rules *rules);

/* Fills in VIEW->grouped and VIEW->applies (allocated) for VIEW->user, who is also in the groups
 * REPORTED (may be NULL). False when there is no memory. */
bool access_rules_view(const struct access_rules *rules, struct access_view *view,
                       const struct access_groups *reported);

/* The first rule that matches REQUEST, in the order of lists and rules (RFC 8341, sections 3.4.4
 * to 3.4.6), decides. */
enum access_decision access_rules_decide(const struct access_rules *rules,
                                         const struct access_view *view,
                                         const struct access_request *request);

/* The groups of the system that count for the local user NAME: of the UNIX groups spanflow-NAME the
 * NAME, of the UNIX group spanflow viewer. May ask the name service. */
void access_system_groups(const char *user, struct access_groups *groups);

#endif
