// SPDX-License-Identifier: MIT
// The descriptor map against the model of a table: any map whatsoever.
#include "table_model.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>
#include <vector>

namespace {

using clofork::table_copy;
using clofork::table_entry;
using origin = table_entry::origin;

/// Small numbers, that meet; numbers around the one from which on descriptors
/// are fetched; and some beyond a word of a table's bits.
int take_number(FuzzedDataProvider &data) {
  constexpr int fetched = clofork::fetched_from;
  switch (data.ConsumeIntegralInRange(0, 7)) {
  case 0:
    return data.ConsumeIntegralInRange(fetched - 2, fetched + 2);
  case 1:
    return data.ConsumeIntegralInRange(0, 200);
  default:
    return data.ConsumeIntegralInRange(0, 12);
  }
}

/// Numbers in the child are distinct and `child` entries name others, which
/// validate() and spawn() see to.
std::vector<table_entry> take_entries(FuzzedDataProvider &data) {
  std::vector<table_entry> entries;
  while (data.remaining_bytes() > 0 && entries.size() < 64) {
    const int number = take_number(data);
    const auto kind = data.PickValueInArray(
        {origin::parent, origin::parent, origin::file, origin::child});
    const bool close_on_exec = data.ConsumeBool();
    const int from = take_number(data);
    const auto has = [&](int each) {
      return [each](const table_entry &entry) {
        return entry.number == each && entry.kind != origin::child;
      };
    };
    const bool doubled =
        std::ranges::count(entries, number, &table_entry::number) != 0;
    if (doubled ||
        (kind == origin::child && std::ranges::none_of(entries, has(from)))) {
      continue;
    }
    entries.push_back({number, kind, from, close_on_exec});
  }
  return entries;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes,
                                      std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  const auto copy = data.PickValueInArray(
      {table_copy::low, table_copy::needed, table_copy::all});
  const auto wrong = table_model::difference(take_entries(data), copy);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
