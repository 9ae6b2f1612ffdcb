#include "base/human.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

char *human_size(int64_t bytes, char out[static HUMAN_MAX])
{
    static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t u = 0;

    while (v >= 999.5 && u + 1 < ARRAY_LEN(unit))
        v /= 1000, u++;
    snprintf(out, HUMAN_MAX, u && v < 99.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return out;
}

char *human_time(int64_t us, char out[static HUMAN_MAX])
{
    int64_t tenths = us / 100000, s = tenths / 10;

    if (s >= 3600)
        snprintf(out, HUMAN_MAX, "%" PRId64 ":%02d:%02d.%d", s / 3600, (int)(s / 60 % 60),
                 (int)(s % 60), (int)(tenths % 10));
    else
        snprintf(out, HUMAN_MAX, "%d:%02d.%d", (int)(s / 60), (int)(s % 60), (int)(tenths % 10));
    return out;
}

char *human_duration(int64_t us, char out[static HUMAN_MAX])
{
    if (us < 1000000)
        snprintf(out, HUMAN_MAX, "%" PRId64 " ms", us / 1000);
    else if (us < 120 * INT64_C(1000000))
        snprintf(out, HUMAN_MAX, us % 1000000 ? "%.1f seconds" : "%.0f seconds", (double)us / 1e6);
    else if (us < 120 * INT64_C(60000000))
        snprintf(out, HUMAN_MAX, us % 60000000 ? "%.1f minutes" : "%.0f minutes",
                 (double)us / 60e6);
    else
        snprintf(out, HUMAN_MAX, us % INT64_C(3600000000) ? "%.1f hours" : "%.0f hours",
                 (double)us / 3600e6);
    return out;
}
