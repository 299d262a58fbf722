#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "common/crash/crash_point.h"

namespace gitops {
namespace {

struct Target {
  std::string name;
  int64_t left = 1;
};

// A test whose crash never happens proves nothing, so an invalid value ends the process at once.
[[noreturn]] void Refuse(absl::string_view value) {
  std::fprintf(stderr, "GITOPS_CRASH_AT is \"%s\"; it must be NAME or NAME:N with N from 1 up\n",
               std::string(value).c_str());
  std::abort();
}

Target ReadTarget() {
  const char* const variable = std::getenv("GITOPS_CRASH_AT");
  const absl::string_view value = variable == nullptr ? "" : variable;
  const size_t colon = value.rfind(':');
  if (colon == absl::string_view::npos) return {std::string(value)};
  Target target{std::string(value.substr(0, colon))};
  if (target.name.empty() || !absl::SimpleAtoi(value.substr(colon + 1), &target.left) ||
      target.left < 1) {
    Refuse(value);
  }
  return target;
}

void CrashIfAsked(absl::string_view name) {
  static const Target* const target = new Target(ReadTarget());
  static std::atomic<int64_t> left = target->left;
  if (name.empty() || name != target->name || left.fetch_sub(1) != 1) return;
  kill(getpid(), SIGKILL);
  while (true) pause();
}

// Constant initialization has set the pointer to null before this runs.
[[maybe_unused]] const bool kArmed = (crash_hook = CrashIfAsked, true);

}  // namespace
}  // namespace gitops
