// SPDX-License-Identifier: MIT
#pragma once

/// Marks what the shared library exports: each function of the interface, each
/// class that has members defined in src/, and each class that such a one has
/// for a member. All else of the library is hidden.
#define CLOFORK_EXPORT __attribute__((visibility("default")))

/// Takes a private class within an exported one out again.
#define CLOFORK_HIDDEN __attribute__((visibility("hidden")))
