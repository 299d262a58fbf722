#ifndef GITOPS_CTL_TESTING_FLEET_FIXTURE_H_
#define GITOPS_CTL_TESTING_FLEET_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ctl/run.h"
#include "ctl/testing/fake_planner.h"

namespace gitops::ctl {

// Tests that talk to a real server through the whole program.
class FleetFixture : public testing::Test {
 protected:
  struct Result {
    int exit_code = -1;
    std::string out;
    std::string err;
  };

  FleetFixture() : planner_(FakePlanner::Start()) {}

  // `line` is split at spaces. The planner is the fake one, unless the line names another.
  Result Ctl(const std::string& line, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Console console{out,
                    err,
                    false,
                    nullptr,
                    [&](const std::string& name) -> std::optional<std::string> {
                      if (name == "GITOPS_PLANNER") return planner_->address();
                      const auto found = variables_.find(name);
                      if (found == variables_.end()) return std::nullopt;
                      return found->second;
                    },
                    "alice@laptop"};
    console.in = &in;
    console.in_is_terminal = console.err_is_terminal = terminal_;
    console.err_size = [] { return TerminalSize{24, 80}; };
    console.say_on_interrupt = [&](const std::string& text) {
      if (!text.empty()) interrupt_texts_.push_back(text);
    };
    Result result;
    result.exit_code = ctl::Run(absl::StrSplit(line, ' ', absl::SkipEmpty()), console);
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  FakePlanner::Call LastCall() const {
    const auto calls = planner_->calls();
    return calls.empty() ? FakePlanner::Call() : calls.back();
  }

  // How often a method was called.
  int Called(const std::string& method) const {
    int count = 0;
    for (const auto& call : planner_->calls()) count += call.method == method;
    return count;
  }

  std::unique_ptr<FakePlanner> planner_;
  std::map<std::string, std::string> variables_;
  // Whether standard input is a terminal.
  bool terminal_ = false;
  std::vector<std::string> interrupt_texts_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_TESTING_FLEET_FIXTURE_H_
