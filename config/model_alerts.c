/* The container alerts as plain values. */
#include <string.h>

#include "base/severity.h"
#include "config_tree.h"
#include "model_read.h"

void model_read_alerts(const struct lyd_node *node, struct alerts_config *alerts)
{
    enum severity severity;
    const char *when = config_tree_value(node, "freeze/when");
    severity_find(config_tree_value(node, "minimumSeverity"), &severity);
    alerts->minimum = (uint8_t)severity;
    alerts->freeze_by_rule = strcmp(when, "never") != 0;
    alerts->freeze_minimum = severity_find(when, &severity) ? (uint8_t)severity : SEVERITY_COUNT;
    alerts->held_max = model_number32(node, "held");
    alerts->notifications_per_minute = model_number32(node, "notificationsPerMinute");
    alerts->before_s = model_number32(node, "freeze/before");
    alerts->after_s = model_number32(node, "freeze/after");
    alerts->freezes_max = model_number32(node, "freeze/maximum");
    alerts->expiry_s = model_number32(node, "freeze/expiry");
}
