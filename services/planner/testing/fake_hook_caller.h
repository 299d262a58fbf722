#ifndef GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOOK_CALLER_H_
#define GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOOK_CALLER_H_

#include <functional>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/testing/gate.h"

namespace gitops {

// What comes of the dispatches that match. Empty fields match all; at select points `host` is "".
struct FakeHook {
  std::string point, host;
  int skip = 0;  // so many that match answer their payload first
  int times = std::numeric_limits<int>::max();
  // Stands still until Release() or give_up.
  bool stall = false;
  // Not OK: Dispatch itself fails.
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message = "it was told to fail";
  // A hook of this name stopped the chain.
  std::string failed_hook;
  int http_status = 500;
  // The list of the host; none: as it came.
  std::optional<std::vector<std::string>> actions;
  // Any other answer: given the payload.
  std::function<std::vector<v1::HostPayload>(std::vector<v1::HostPayload>)> answer;
  // The hook after it in the chain, which changes nothing; empty: there is none.
  std::string next_hook = "";
};

// A dispatcher in memory. Where several hooks match, the first that was added answers. Every
// dispatch makes one HookCall, and one of `next_hook`. Any thread.
class FakeHookCaller final : public HookCaller {
 public:
  explicit FakeHookCaller(bool configured = true) : configured_(configured) {}

  void Add(FakeHook hook);
  void Clear();
  // Ends all stalls.
  void Release();
  // Waits until so many stand still at once; false if they do not within 10 s.
  bool AwaitStalled(int count) { return gate_.AwaitStanding(count); }
  void SetHooks(v1::ListHooksResponse hooks);

  // What was asked, oldest first; also what failed.
  std::vector<v1::DispatchHookRequest> requests();
  // The same as "pre-deploy web1 [sync reboot]", with " ok" (the result) at post points.
  std::vector<std::string> asked();
  int peak();

  bool configured() const override { return configured_; }
  absl::StatusOr<v1::DispatchHookResponse> Dispatch(const v1::DispatchHookRequest& request,
                                                    const std::function<bool()>& give_up) override;
  absl::StatusOr<v1::ListHooksResponse> List() override;

 private:
  FakeHook Take(const v1::DispatchHookRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool configured_;
  Gate gate_;
  Mutex mutex_;
  std::list<FakeHook> hooks_ ABSL_GUARDED_BY(mutex_);
  v1::ListHooksResponse listed_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::DispatchHookRequest> requests_ ABSL_GUARDED_BY(mutex_);
  int active_ ABSL_GUARDED_BY(mutex_) = 0;
  int peak_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_FAKE_HOOK_CALLER_H_
