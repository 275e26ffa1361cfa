/*
 * One pass over the tags of an XML text, no memory, no recursion. Called for each message before
 * it is parsed.
 */
#include "xml_blank.h"

#include <stdbool.h>
#include <string.h>

static bool starts_with(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0;
}

/* The octet behind the next WORD, or END. */
static char *behind(char *at, char *end, const char *word)
{
    char *found = memmem(at, (size_t)(end - at), word, strlen(word));
    return found ? found + strlen(word) : end;
}

static bool is_blank(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static char *skip_blanks(char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* The octet behind the declaration of an empty namespace at AT; NULL if there is none. */
static char *empty_namespace(char *at, const char *end)
{
    if (!starts_with(at, end, "xmlns"))
        return NULL;
    at += strlen("xmlns");
    if (at < end && *at == ':')
        while (at < end && *at != '=' && !is_blank(*at) && *at != '>' && *at != '"')
            at++;
    at = skip_blanks(at, end);
    if (at == end || *at != '=')
        return NULL;
    at = skip_blanks(at + 1, end);
    bool empty = end - at >= 2 && (*at == '"' || *at == '\'') && at[1] == *at;
    return empty ? at + 2 : NULL;
}

/* The octet behind the start tag at AT. */
static char *blank_tag(char *at, const char *end)
{
    char quote = 0;
    for (at++; at < end && (quote || *at != '>'); at++) {
        if (quote) {
            quote = *at == quote ? 0 : quote;
            continue;
        }
        /* libyang does not insist on a blank between two attributes. */
        bool begins = is_blank(at[-1]) || at[-1] == '"' || at[-1] == '\'';
        char *behind_it = begins ? empty_namespace(at, end) : NULL;
        if (behind_it) {
            memset(at, ' ', (size_t)(behind_it - at));
            at = behind_it - 1;
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
        }
    }
    return at;
}

void xml_blank_namespaces(char *text, size_t length)
{
    char *at = text, *end = text + length;
    while (at < end && (at = memchr(at, '<', (size_t)(end - at))) != NULL) {
        if (starts_with(at, end, "<!--"))
            at = behind(at + 4, end, "-->");
        else if (starts_with(at, end, "<![CDATA["))
            at = behind(at, end, "]]>");
        else if (starts_with(at, end, "<?"))
            at = behind(at, end, "?>");
        else
            at = blank_tag(at, end);
    }
}
