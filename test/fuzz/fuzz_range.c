/* HTTP Range headers: first byte picks the size of the thing, the rest is the header. */
#include <assert.h>

#include "fuzz.h"
#include "net/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int64_t sizes[] = {0, 1, 2, 10, 1000, INT64_MAX};
    struct byte_range r[RANGE_MAX];
    int parts = 0;
    if (n < 1)
        return 0;
    int64_t size = sizes[data[0] % ARRAY_LEN(sizes)];
    struct str header = {(const char *)data + 1, n - 1};
    if (range_parse(header, size, r, &parts) != RANGE_SOME)
        return 0;
    assert(parts >= 1 && parts <= RANGE_MAX);
    for (int i = 0; i < parts; i++) {
        assert(r[i].first >= 0 && r[i].first <= r[i].last && r[i].last < size);
        assert(i == 0 || r[i].first > r[i - 1].last + 1);
    }
    return 0;
}
