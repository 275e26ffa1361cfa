/* Finds checks by their names. See application_check.h. */
#include "app/application_check.h"

#include <stddef.h>
#include <string.h>

application_check *application_check_find(const char *name)
{
#define APPLICATION_CHECK_ROW(name) {#name, application_check_##name},
    static const struct {
        const char *name;
        application_check *check;
    } checks[] = {APPLICATION_CHECKS(APPLICATION_CHECK_ROW)};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (strcmp(checks[i].name, name) == 0)
            return checks[i].check;
    return NULL;
}
