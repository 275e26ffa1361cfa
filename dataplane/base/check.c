/* The one place where a broken invariant ends the process. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "spanflow: broken invariant at %s:%d: %s\n", file, line, expression);
    abort();
}
