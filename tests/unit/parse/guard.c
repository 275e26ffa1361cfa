/*
 * Memory that ends at a page nobody may touch; see guard.h.
 */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

const uint8_t *guard_copy(const uint8_t *bytes, uint32_t length)
{
    static uint8_t *pages;
    if (pages == NULL) {
        pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE) != 0)
            abort();
    }
    if (length > PAGE)
        abort();
    memcpy(pages + PAGE - length, bytes, length);
    return pages + PAGE - length;
}
