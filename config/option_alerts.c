/* The option --alerts: words. See options.h. */
#include "options.h"

#define ALERTS "/spanflow/alerts/"

const struct option_word option_alert_words[] = {
    {.word = "severity=WORD",
     .leaf = ALERTS "minimumSeverity",
     .help = "less grave findings raise none: info, low, medium, high or critical"},
    {.word = "held=N", .leaf = ALERTS "held", .help = "so many are held for spanflow alerts"},
    {.word = "notifications=N",
     .leaf = ALERTS "notificationsPerMinute",
     .help = "so many notifications, and lines on the standard error stream, in a minute"},
    {.word = "freeze=never|rule|SEVERITY",
     .leaf = ALERTS "freeze/when",
     .help = "keep packets around an alert in the snapshot ring: if its rule says freeze, or if it "
             "is so grave"},
    {.word = "before=SECONDS",
     .leaf = ALERTS "freeze/before",
     .help = "the window that is frozen begins so long before"},
    {.word = "after=SECONDS", .leaf = ALERTS "freeze/after", .help = "and ends so long behind"},
    {.word = "freezes=N", .leaf = ALERTS "freeze/maximum", .help = "so many at a time"},
    {.word = "expiry=SECONDS",
     .leaf = ALERTS "freeze/expiry",
     .help = "each ends by itself after this time"},
    {0},
};

bool option_alerts_apply(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error)
{
    (void)option;
    return option_words_apply(
        state, option_alert_words, argument,
        "nothing that --alerts knows; give severity=, held=, notifications=, freeze=, before=, "
        "after=, freezes= or expiry=",
        error);
}
