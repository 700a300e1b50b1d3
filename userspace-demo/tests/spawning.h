// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/spawn.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

/// spawned_program, which tells what it finds itself with through a pipe.
clofork::command telling_command();

/// What that command tells; a failed spawn or program is a failed test.
nlohmann::json told_by(const clofork::command &wanted);

/// /bin/sh -c with that script.
clofork::command shell(std::string_view script);

/// Reads a line of its input, a pipe: runs until that is closed.
clofork::command waiting();

/// Spawned, which must not fail.
clofork::child started(const clofork::command &wanted);

/// Runs until it has ended, and leaves it to be waited for.
void await_end(const clofork::child &run);

/// All there is to be read.
std::string read_all(int fd);

/// The error of a spawn, as "stage: text (errno N)"; empty if it succeeded.
std::string refusal_of(const clofork::command &wanted);

/// A test that must leave neither child nor descriptor.
class spawning : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

private:
  long descriptors_ = 0;
};
