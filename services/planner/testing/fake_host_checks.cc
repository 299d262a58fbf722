#include "services/planner/testing/fake_host_checks.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {

void FakeHostChecks::Add(FakeCheck check) {
  MutexLock lock(mutex_);
  checks_.push_back(std::move(check));
}

void FakeHostChecks::Clear() {
  MutexLock lock(mutex_);
  checks_.clear();
}

void FakeHostChecks::Release() {
  {
    MutexLock lock(mutex_);
    for (FakeCheck& check : checks_) check.hang = false;
  }
  gate_.Release();
}

std::vector<FakeHostChecks::Ran> FakeHostChecks::runs() {
  MutexLock lock(mutex_);
  return runs_;
}

absl::Status FakeHostChecks::Run(const HostSpec& host, const AgentAddress& address,
                                 v1::RunCheckRequest::Kind kind, absl::Duration within,
                                 const std::function<bool()>& give_up, std::string* output,
                                 const TriesSeen& seen) {
  FakeCheck taken;
  {
    MutexLock lock(mutex_);
    runs_.push_back({host.name, address, kind, within});
    bool found = false;
    for (FakeCheck& check : checks_) {
      const bool matches =
          (check.host.empty() || check.host == host.name) &&
          (check.kind == v1::RunCheckRequest::KIND_UNSPECIFIED || check.kind == kind);
      if (!matches) continue;
      if (check.skip > 0) {
        --check.skip;
      } else if (!found && check.times > 0) {
        --check.times;
        taken = check;
        found = true;
      }
    }
  }
  if (taken.tries > 0 && seen) seen(taken.tries, taken.message);
  if (taken.hang && !gate_.Pass(taken.deaf ? nullptr : give_up))
    return absl::CancelledError("gave up on the checks");
  const bool failed = taken.code != absl::StatusCode::kOk;
  if (output != nullptr) absl::StrAppend(output, failed ? taken.message : "ok", "\n");
  return absl::Status(taken.code, failed ? taken.message : "");
}

}  // namespace gitops
