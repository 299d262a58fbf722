#include "services/planner/testing/fake_hook_caller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

bool AtSelectPoint(const v1::DispatchHookRequest& request) {
  return request.point() == "pre-select" || request.point() == "post-select";
}

std::string HostOf(const v1::DispatchHookRequest& request) {
  return AtSelectPoint(request) || request.hosts_size() == 0 ? "" : request.hosts(0).host();
}

std::vector<v1::HostPayload> Answer(const FakeHook& hook, const v1::DispatchHookRequest& request) {
  std::vector<v1::HostPayload> hosts(request.hosts().begin(), request.hosts().end());
  if (hook.answer) return hook.answer(std::move(hosts));
  if (!hook.actions.has_value()) return hosts;
  for (v1::HostPayload& host : hosts) {
    host.mutable_actions()->Assign(hook.actions->begin(), hook.actions->end());
  }
  return hosts;
}

// As the dispatcher records it, in short.
std::string Asked(bool nobody) { return nobody ? "[]" : "[{}]"; }

v1::DispatchHookResponse Respond(const FakeHook& hook, const v1::DispatchHookRequest& request) {
  v1::DispatchHookResponse response;
  v1::HookCall& call = *response.add_calls();
  call.set_hook(hook.failed_hook.empty() ? "fake" : hook.failed_hook);
  call.set_point(request.point());
  call.set_host(HostOf(request));
  call.set_request(Asked(request.hosts().empty()));
  call.set_attempt_count(1);
  call.set_http_status(hook.failed_hook.empty() ? 200 : hook.http_status);
  if (hook.failed_hook.empty()) {
    for (v1::HostPayload& host : Answer(hook, request)) *response.add_hosts() = std::move(host);
    if (!hook.next_hook.empty()) {
      v1::HookCall next = call;
      next.set_hook(hook.next_hook);
      next.set_request(Asked(response.hosts().empty()));
      *response.add_calls() = std::move(next);
    }
    return response;
  }
  *response.mutable_hosts() = request.hosts();
  call.set_error(hook.message);
  v1::HookFailure& failure = *response.mutable_failure();
  failure.set_hook(hook.failed_hook);
  failure.set_point(request.point());
  failure.set_http_status(hook.http_status);
  failure.set_message(hook.message);
  return response;
}

}  // namespace

void FakeHookCaller::Add(FakeHook hook) {
  MutexLock lock(mutex_);
  hooks_.push_back(std::move(hook));
}

void FakeHookCaller::Clear() {
  MutexLock lock(mutex_);
  hooks_.clear();
}

void FakeHookCaller::Release() {
  {
    MutexLock lock(mutex_);
    for (FakeHook& hook : hooks_) hook.stall = false;
  }
  gate_.Release();
}

void FakeHookCaller::SetHooks(v1::ListHooksResponse hooks) {
  MutexLock lock(mutex_);
  listed_ = std::move(hooks);
}

std::vector<v1::DispatchHookRequest> FakeHookCaller::requests() {
  MutexLock lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeHookCaller::asked() {
  std::vector<std::string> lines;
  for (const v1::DispatchHookRequest& request : requests()) {
    std::string line = request.point();
    for (const v1::HostPayload& host : request.hosts()) {
      absl::StrAppend(&line, " ", host.host(), " [", absl::StrJoin(host.actions(), " "), "]");
    }
    if (request.result() != v1::STEP_RESULT_UNSPECIFIED) {
      absl::StrAppend(&line, " ",
                      absl::AsciiStrToLower(absl::StripPrefix(v1::StepResult_Name(request.result()),
                                                              "STEP_RESULT_")));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

int FakeHookCaller::peak() {
  MutexLock lock(mutex_);
  return peak_;
}

FakeHook FakeHookCaller::Take(const v1::DispatchHookRequest& request) {
  const std::string name = HostOf(request);
  FakeHook taken;
  bool found = false;
  for (FakeHook& hook : hooks_) {
    const bool matches = (hook.point.empty() || hook.point == request.point()) &&
                         (hook.host.empty() || hook.host == name);
    if (!matches) continue;
    if (hook.skip > 0) {
      --hook.skip;
    } else if (!found && hook.times > 0) {
      --hook.times;
      taken = hook;
      found = true;
    }
  }
  return taken;
}

absl::StatusOr<v1::DispatchHookResponse> FakeHookCaller::Dispatch(
    const v1::DispatchHookRequest& request, const std::function<bool()>& give_up) {
  FakeHook hook;
  if (!configured_) {
    v1::DispatchHookResponse response;
    *response.mutable_hosts() = request.hosts();
    return response;
  }
  {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    hook = Take(request);
    peak_ = std::max(peak_, ++active_);
  }
  const bool gave_up = hook.stall && !gate_.Pass(give_up);
  {
    MutexLock lock(mutex_);
    --active_;
  }
  if (gave_up) return absl::CancelledError("gave up waiting for the hooks");
  if (hook.code != absl::StatusCode::kOk) return absl::Status(hook.code, hook.message);
  return Respond(hook, request);
}

absl::StatusOr<v1::ListHooksResponse> FakeHookCaller::List() {
  MutexLock lock(mutex_);
  return listed_;
}

}  // namespace gitops
