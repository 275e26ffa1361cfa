/*
 * Which function runs which operation on datastores. Read by the dispatcher.
 */
#include "operation_internal.h"

const struct operation_row datastore_operations[] = {
    {"ietf-netconf", "get", false, operation_get},
    {"ietf-netconf", "get-config", false, operation_get_config},
    {"ietf-netconf", "edit-config", true, operation_edit_config},
    {"ietf-netconf", "copy-config", true, operation_copy_config},
    {"ietf-netconf", "delete-config", false, operation_delete_config},
    {"ietf-netconf", "validate", true, operation_validate},
    {"ietf-netconf", "commit", true, operation_commit},
    {"ietf-netconf", "cancel-commit", true, operation_cancel_commit},
    {"ietf-netconf", "discard-changes", true, operation_discard_changes},
    {"ietf-netconf", "lock", true, operation_lock},
    {"ietf-netconf", "unlock", true, operation_unlock},
    {"ietf-netconf-nmda", "get-data", false, operation_get_data},
    {"ietf-netconf-nmda", "edit-data", true, operation_edit_data},
    {NULL, NULL, false, NULL},
};
