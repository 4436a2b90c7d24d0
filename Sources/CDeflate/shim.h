// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <libdeflate.h>

/// A string macro that is pasted together: Swift does not import every one. Of the header, as the library tells none.
static inline const char *cdeflate_version(void) { return LIBDEFLATE_VERSION_STRING; }
