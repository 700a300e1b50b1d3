// SPDX-License-Identifier: MIT
// output_program SEED OUTPUT ERRORS: writes so many bytes of its pattern to
// standard output and to standard errors, by turns. With a
// descriptor 4 it writes a byte there first, and with a descriptor 3 it waits
// for the end of that.
#include "output_pattern.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unistd.h>

namespace {

constexpr std::size_t words_at_once = 8192;

/// Writes a block, and returns how many bytes are left of the stream.
std::size_t write_block(std::uint64_t seed, unsigned stream,
                        std::uint64_t number, std::size_t left) {
  std::array<std::uint64_t, words_at_once> words{};
  for (auto &each : words) {
    each = pattern_word(seed, stream, number++);
  }
  const auto size = std::min(sizeof words, left);
  const auto *bytes = reinterpret_cast<const char *>(words.data());
  for (std::size_t done = 0; done < size;) {
    const ssize_t wrote =
        write(static_cast<int>(stream) + 1, bytes + done, size - done);
    if (wrote <= 0) {
      _exit(2);
    }
    done += static_cast<std::size_t>(wrote);
  }
  return left - size;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    return 2;
  }
  char byte = 0;
  (void)!write(4, &byte, 1);
  while (read(3, &byte, 1) > 0) {
  }
  const auto seed = std::strtoull(argv[1], nullptr, 10);
  std::array<std::size_t, 2> left{std::strtoull(argv[2], nullptr, 10),
                                  std::strtoull(argv[3], nullptr, 10)};
  for (std::uint64_t number = 0; left[0] + left[1] > 0;
       number += words_at_once) {
    for (unsigned stream = 0; stream < left.size(); ++stream) {
      if (left.at(stream) > 0) {
        left.at(stream) = write_block(seed, stream, number, left.at(stream));
      }
    }
  }
}
