// SPDX-License-Identifier: MIT
#include "next.h"

#include "mode.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

static const char *const names[] = {
#define FUNCTION(name) [next_##name] = #name,
#include "functions.def"
#undef FUNCTION
};

static _Atomic(void *) found[next_count];

void *find_next(enum next_function which) {
  // No lock: threads that come first together find the same.
  void *function = atomic_load_explicit(&found[which], memory_order_relaxed);
  if (function == NULL) {
    function = dlsym(RTLD_NEXT, names[which]);
    atomic_store_explicit(&found[which], function, memory_order_relaxed);
  }
  return function;
}

// dlsym() is not async-signal-safe, and much of what is stood in for is.
__attribute__((constructor)) static void find_all(void) {
  for (int which = 0; which < next_count; ++which) {
    find_next((enum next_function)which);
  }
  preload_mode();
}
