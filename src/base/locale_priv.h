/* The "C" locale for numbers, whatever setlocale() a library may have called. Private to base/. */
#ifndef BASE_LOCALE_PRIV_H
#define BASE_LOCALE_PRIV_H

#include <locale.h>

locale_t locale_c_(void); /* never freed; any thread */

#endif
