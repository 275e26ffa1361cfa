/*
 * Assertions about our own code. Bad input is never an assert: it is counted by a reason.
 *
 * check() is always on and belongs in code that runs once per batch or per control action;
 * debug_check() vanishes from release builds and may stand in per-packet code.
 */
#ifndef SPANFLOW_BASE_CHECK_H
#define SPANFLOW_BASE_CHECK_H

#include <assert.h>

/* Prints file, line and the broken invariant to stderr and aborts. Any thread. */
_Noreturn void check_failed(const char *file, int line, const char *expression);

#define check(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

#ifdef NDEBUG
#define debug_check(condition) ((void)sizeof(condition))
#else
#define debug_check(condition) check(condition)
#endif

#endif
