/* Time, and the clock that tests hold still. */
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static atomic_bool frozen;
static _Atomic int64_t frozen_wall_us, frozen_mono_us;

static int64_t read_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Rounds towards the past, also before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t clock_now_us(void)
{
    return atomic_load(&frozen) ? atomic_load(&frozen_wall_us) : read_us(CLOCK_REALTIME);
}

int64_t clock_now_ms(void)
{
    return floor_div(clock_now_us(), 1000);
}

int64_t clock_mono_us(void)
{
    return atomic_load(&frozen) ? atomic_load(&frozen_mono_us) : read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

void clock_freeze_ms(int64_t wall_ms)
{
    atomic_store(&frozen_mono_us, clock_mono_us());
    atomic_store(&frozen_wall_us, wall_ms * 1000);
    atomic_store(&frozen, true);
}

void clock_advance_ms(int64_t by_ms)
{
    atomic_fetch_add(&frozen_wall_us, by_ms * 1000);
    atomic_fetch_add(&frozen_mono_us, by_ms * 1000);
}

void clock_thaw(void)
{
    atomic_store(&frozen, false);
}

char *clock_iso(int64_t wall_ms, char out[static CLOCK_ISO_MAX])
{
    time_t s = (time_t)floor_div(wall_ms, 1000);
    int ms = (int)(wall_ms % 1000 + (wall_ms % 1000 < 0 ? 1000 : 0));
    struct tm t;
    char text[128]; /* room for what the compiler believes ints to hold */

    gmtime_r(&s, &t); /* any int64 of milliseconds has a year that fits */
    int n = snprintf(text, sizeof text, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ",
                     (int64_t)t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                     t.tm_sec, ms);
    assert(n > 0 && n < CLOCK_ISO_MAX);
    memcpy(out, text, (size_t)n + 1);
    return out;
}

char *clock_us_text(int64_t us, char out[static CLOCK_ISO_MAX])
{
    uint64_t abs_us = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;

    snprintf(out, CLOCK_ISO_MAX, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", abs_us / 1000000,
             abs_us % 1000000);
    return out;
}
