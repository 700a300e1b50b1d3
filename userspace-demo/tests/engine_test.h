// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "clofork/process_ring.h"
#include "spawning.h"

/// A test of a process_ring, with io_uring and with epoll.
class engine_test : public spawning,
                    public testing::WithParamInterface<clofork::ring_engine> {
protected:
  void SetUp() override {
    if (GetParam() == clofork::ring_engine::io_uring &&
        !clofork::features()->calls.io_uring) {
      GTEST_SKIP() << "features() has no io_uring here";
    }
    spawning::SetUp();
  }

  void TearDown() override {
    if (!IsSkipped()) {
      spawning::TearDown();
    }
  }
};

inline const auto both_engines = testing::Values(clofork::ring_engine::io_uring,
                                                 clofork::ring_engine::epoll);

inline std::string
name_of_engine(const testing::TestParamInfo<clofork::ring_engine> &info) {
  return info.param == clofork::ring_engine::io_uring ? "io_uring" : "epoll";
}
