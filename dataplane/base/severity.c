/* Words and numbers of severities. See severity.h. */
#include "base/severity.h"

#include <string.h>

#define SEVERITY_WORD(symbol, word, help) [SEVERITY_##symbol] = word,
static const char *const words[SEVERITY_COUNT] = {SEVERITIES(SEVERITY_WORD)};

const char *severity_word(enum severity severity)
{
    return (unsigned)severity < SEVERITY_COUNT ? words[severity] : NULL;
}

bool severity_find(const char *word, enum severity *severity)
{
    *severity = SEVERITY_NONE;
    for (unsigned i = SEVERITY_NONE + 1u; i < SEVERITY_COUNT; i++)
        if (strcmp(words[i], word) == 0)
            *severity = (enum severity)i;
    return *severity != SEVERITY_NONE;
}
