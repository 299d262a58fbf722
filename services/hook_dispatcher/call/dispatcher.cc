#include "services/hook_dispatcher/call/dispatcher.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "common/sync/mutex.h"
#include "common/trace/traceparent.h"
#include "services/hook_dispatcher/call/hook_call.h"

namespace gitops {
namespace {

using Hooks = std::vector<HookSpec>;

// The limit for texts that become headers.
constexpr size_t kLongestName = 1000;

absl::Status CheckWhole(const HookQuestion& question) {
  const std::pair<const char*, const std::string&> names[] = {
      {"deployment", question.deployment},
      {"idempotency_key", question.idempotency_key},
      {"traceparent", question.traceparent}};
  for (const auto& [field, text] : names) {
    if (text.size() <= kLongestName) continue;
    return InvalidField(
        field, absl::StrCat(field, " has ", text.size(), " bytes; the limit is ", kLongestName));
  }
  return CheckQuestion(question.point, question.payload);
}

v1::HookFailure ToFailure(const v1::HookCall& call) {
  v1::HookFailure failure;
  failure.set_hook(call.hook());
  failure.set_point(call.point());
  failure.set_http_status(call.http_status());
  failure.set_message(call.error());
  return failure;
}

void LogCall(const HookQuestion& question, const v1::HookCall& call, const std::string& result) {
  Log(call.error().empty() ? LogLevel::kDebug : LogLevel::kWarning, "hook called",
      {{"hook", call.hook()},
       {"point", call.point()},
       {"host", call.host()},
       {"deployment", question.deployment},
       {"result", result},
       {"attempts", absl::StrCat(call.attempt_count())},
       {"error", call.error()}});
}

class DispatcherImpl : public Dispatcher {
 public:
  explicit DispatcherImpl(DispatcherOptions options) : options_(std::move(options)) {}

  void SetHooks(Hooks hooks) override {
    auto shared = std::make_shared<const Hooks>(std::move(hooks));
    MutexLock lock(mutex_);
    hooks_ = std::move(shared);
  }

  std::shared_ptr<const Hooks> hooks() const override {
    MutexLock lock(mutex_);
    return hooks_;
  }

  absl::StatusOr<v1::DispatchHookResponse> Dispatch(HookQuestion question,
                                                    const std::function<bool()>& give_up) override {
    if (absl::Status status = CheckWhole(question); !status.ok()) return status;
    if (question.idempotency_key.empty()) question.idempotency_key = NewIdempotencyKey();
    question.traceparent = TraceparentOrNew(question.traceparent);
    v1::DispatchHookResponse response;
    const std::shared_ptr<const Hooks> hooks = this->hooks();
    for (const HookSpec& hook : *hooks) {
      if (!hook.IsFor(question.point)) continue;
      HookOutcome outcome = CallHook(hook, question, *options_.http, *options_.clock, give_up);
      const bool ignored = hook.ignore_errors || question.ignore_errors;
      Note(question, outcome, ignored);
      if (absl::IsCancelled(outcome.answer.status())) return outcome.answer.status();
      *response.add_calls() = outcome.call;
      if (outcome.answer.ok()) {
        question.payload = *std::move(outcome.answer);
      } else if (!ignored) {
        *response.mutable_failure() = ToFailure(outcome.call);
        break;
      }
    }
    for (HostActions& host : question.payload) {
      v1::HostPayload* const added = response.add_hosts();
      added->set_host(std::move(host.host));
      for (std::string& action : host.actions) added->add_actions(std::move(action));
    }
    return response;
  }

 private:
  void Note(const HookQuestion& question, HookOutcome& outcome, bool ignored) const {
    std::string result = "ok";
    if (absl::IsCancelled(outcome.answer.status())) {
      result = "cancelled";
    } else if (!outcome.answer.ok()) {
      result = ignored ? "ignored" : "failed";
      outcome.call.set_ignored(ignored);
    }
    LogCall(question, outcome.call, result);
    if (options_.observer) options_.observer(outcome.call, result);
  }

  const DispatcherOptions options_;
  mutable Mutex mutex_;
  std::shared_ptr<const Hooks> hooks_ ABSL_GUARDED_BY(mutex_) = std::make_shared<const Hooks>();
};

}  // namespace

std::unique_ptr<Dispatcher> NewDispatcher(DispatcherOptions options) {
  return std::make_unique<DispatcherImpl>(std::move(options));
}

}  // namespace gitops
