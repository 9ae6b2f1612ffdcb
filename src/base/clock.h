/*
 * Time. Wall time (since 1970, for rows and people) and monotonic time (for deadlines), both int64.
 * Tests can freeze and advance both; production code never sleeps, it waits on a condition or
 * descriptor until a deadline.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_now_us(void);  /* wall, microseconds since the epoch */
int64_t clock_now_ms(void);  /* wall */
int64_t clock_mono_ms(void); /* monotonic */
int64_t clock_mono_us(void);

/* Process-wide test clock: after freeze both clocks stand still at the given wall time until
 * advanced. Any thread. */
void clock_freeze_ms(int64_t wall_ms);
void clock_advance_ms(int64_t by_ms);
void clock_thaw(void);

#define CLOCK_ISO_MAX 32
/* "2026-11-20T22:47:58.123Z" into out; returns out. */
char *clock_iso(int64_t wall_ms, char out[static CLOCK_ISO_MAX]);
/* "83.500000": microseconds as seconds with six decimals, exact, no floating point. */
char *clock_us_text(int64_t us, char out[static CLOCK_ISO_MAX]);

#endif
