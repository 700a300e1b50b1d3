// SPDX-License-Identifier: MIT
// Replaces the global operator new of the program that it is linked to.
#include "failing_allocation.h"

#include <cstdlib>
#include <new>

namespace {

thread_local int left = -1; ///< before the one that fails; -1: none does

bool fails_now() {
  return left >= 0 && left-- == 0;
}

void *try_to_allocate(std::size_t size) noexcept {
  return fails_now() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void *allocate(std::size_t size) {
  void *memory = try_to_allocate(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

} // namespace

failing_allocation::failing_allocation(int after) {
  left = after;
}

void failing_allocation::stop() {
  left = -1;
}

void *operator new(std::size_t size) {
  return allocate(size);
}

void *operator new[](std::size_t size) {
  return allocate(size);
}

void *operator new(std::size_t size, const std::nothrow_t & /*tag*/) noexcept {
  return try_to_allocate(size);
}

void operator delete(void *memory) noexcept {
  std::free(memory);
}

void operator delete[](void *memory) noexcept {
  std::free(memory);
}

void operator delete(void *memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

void operator delete[](void *memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
