/*
 * Limits of the process.
 */
#include "confine.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { ARENAS = 4 /* of malloc: threads are many, and most of them wait */ };

/* Sanitizers reserve more memory than there is. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_BOUNDED 0
#else
#define MEMORY_IS_BOUNDED 1
#endif

bool confine_process(struct error *error)
{
    struct rlimit none = {0, 0};
    struct rlimit memory = {(rlim_t)CONFINE_MEMORY_MIB << 20, (rlim_t)CONFINE_MEMORY_MIB << 20};
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, ARENAS);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
        setrlimit(RLIMIT_CORE, &none) == 0 &&
        (!MEMORY_IS_BOUNDED || setrlimit(RLIMIT_DATA, &memory) == 0))
        return true;
    error_set(error, "the process cannot be confined: %s", strerror(errno));
    return false;
}
