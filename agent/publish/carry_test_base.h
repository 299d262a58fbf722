#ifndef GITOPS_AGENT_PUBLISH_CARRY_TEST_BASE_H_
#define GITOPS_AGENT_PUBLISH_CARRY_TEST_BASE_H_

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "agent/publish/carry_over.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"

namespace gitops {

// A published directory, "old", the next one, "new", and a stage, neither with tracked files.
class CarryTest : public testing::Test {
 protected:
  CarryTest() {
    for (const char* name : {"old", "new", "stage"}) {
      std::filesystem::create_directories(box_ / name);
    }
  }

  Fd Open(const std::string& name) const {
    return Fd(::open((box_ / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  CarryOver::Request RequestWith(CarryHooks hooks) const {
    return {.from = Open("old"),
            .to = Open("new"),
            .stage = Open("stage"),
            .tracked_from = {},
            .tracked_to = {},
            .excluded = {},
            .revisions = "",
            .local = "/etc/service",
            .budget = budget_,
            .stop = stop_.get_token(),
            .hooks = std::move(hooks)};
  }
  std::unique_ptr<CarryOver> New(CarryHooks hooks = {}) const {
    return std::make_unique<CarryOver>(RequestWith(std::move(hooks)));
  }

  TemporaryDirectory box_;
  std::shared_ptr<CarryBudget> budget_ = std::make_shared<CarryBudget>();
  std::stop_source stop_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_TEST_BASE_H_
