/* Look-ups in the names of lists and brands. */
#include <stdlib.h>

#include "exporting_process.h"

const struct export_list *export_list_find(const struct export_marks *marks, uint32_t number)
{
    for (uint32_t i = 0; marks && i < marks->list_count; i++)
        if (marks->lists[i].number == number)
            return &marks->lists[i];
    return NULL;
}

static int compare_brands(const void *key, const void *row)
{
    uint32_t number = *(const uint32_t *)key;
    const struct export_brand *brand = row;
    return (number > brand->number) - (number < brand->number);
}

const struct export_brand *export_brand_find(const struct export_marks *marks, uint32_t number)
{
    if (!marks || marks->brand_count == 0)
        return NULL;
    return bsearch(&number, marks->brands, marks->brand_count, sizeof *marks->brands,
                   compare_brands);
}
