/* What the server announces of its modules and itself (RFC 6241, section 8). */
#include <nc_server.h>
#include <string.h>

#include "context.h"

static const char *const capabilities[] = {
    "urn:ietf:params:netconf:capability:notification:1.0",
    "urn:ietf:params:netconf:capability:interleave:1.0",
};

static char *content_id(void *context)
{
    char text[16];
    netconf_context_content_id(context, text);
    return strdup(text);
}

bool netconf_context_announce(struct ly_ctx *context, struct error *error)
{
    bool good = nc_server_init(context) == 0 &&
                nc_server_set_capab_withdefaults(NC_WD_EXPLICIT,
                                                 NC_WD_ALL | NC_WD_ALL_TAG | NC_WD_TRIM) == 0;
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
        good = good && nc_server_set_capability(capabilities[i]) == 0;
    if (!good) {
        error_set(error, "the NETCONF library cannot be set up");
        return false;
    }
    nc_server_set_content_id_clb(content_id, context, NULL);
    nc_server_set_idle_timeout(0);
    return true;
}
