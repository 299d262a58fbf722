#include "services/hook_dispatcher/call/hook_call.h"

#include <algorithm>
#include <random>
#include <utility>

#include "common/clock/timestamp.h"
#include "common/git/url.h"
#include "common/plan/vocabulary.h"
#include "common/retry/backoff.h"
#include "common/sync/mutex.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);

double Jitter() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// Returns false if the call was cancelled meanwhile.
bool Pause(absl::Duration duration, Clock& clock, const std::function<bool()>& give_up) {
  Mutex mutex;
  CondVar nobody;
  MutexLock lock(mutex);
  const SteadyTime end = clock.SteadyNow() + duration;
  for (SteadyTime now = clock.SteadyNow(); now < end; now = clock.SteadyNow()) {
    if (give_up()) return false;
    clock.WaitUntil(mutex, nobody, std::min(end, now + kLook));
  }
  return true;
}

class Attempts {
 public:
  Attempts(const HookSpec& hook, HttpClient& http, Clock& clock,
           const std::function<bool()>& give_up)
      : hook_(hook), http_(http), clock_(clock), give_up_(give_up) {}

  // Returns the status of the exchange; response() has what was received.
  absl::Status Make(HttpRequest request) {
    request.partial = &response_;
    request.give_up = give_up_;
    while (true) {
      ++made_;
      response_ = {};
      absl::StatusOr<HttpResponse> response = http_.Do(request);
      if (response.ok()) response_ = *std::move(response);
      const absl::Status status = response.status();
      if (made_ > hook_.retries || !IsWorthRetrying(status, response_)) return status;
      if (!Pause(kHookBackoff.After(made_, Jitter()), clock_, give_up_)) {
        return absl::CancelledError("cancelled before the next attempt");
      }
    }
  }

  int made() const { return made_; }
  const HttpResponse& response() const { return response_; }

 private:
  const HookSpec& hook_;
  HttpClient& http_;
  Clock& clock_;
  const std::function<bool()>& give_up_;
  int made_ = 0;
  HttpResponse response_;
};

}  // namespace

HookOutcome CallHook(const HookSpec& hook, const HookQuestion& question, HttpClient& http,
                     Clock& clock, const std::function<bool()>& give_up) {
  const absl::Time began = clock.Now();
  absl::StatusOr<HttpRequest> request = MakeHookRequest(hook, question);
  Attempts attempts(hook, http, clock, give_up);
  const absl::Status status = request.ok() ? attempts.Make(*request) : request.status();
  const HttpResponse& response = attempts.response();
  HookOutcome outcome;
  if (absl::IsCancelled(status)) {
    outcome.answer = status;
  } else {
    outcome.answer = JudgeAnswer(hook, question, status, response);
  }
  v1::HookCall& call = outcome.call;
  call.set_hook(hook.name);
  call.set_point(question.point);
  if (!IsSelectPoint(question.point)) call.set_host(question.payload[0].host);
  call.set_url(RedactUrl(hook.url));
  *call.mutable_start_time() = ToTimestamp(began);
  *call.mutable_duration() = ToDuration(clock.Now() - began);
  call.set_attempt_count(attempts.made());
  if (request.ok()) call.set_request(ValidUtf8(request->body, kMostRecordedBytes));
  call.set_response(ValidUtf8(response.body, kMostRecordedBytes));
  call.set_http_status(response.status);
  if (!outcome.answer.ok()) {
    call.set_error(DescribeFailure(hook, question, outcome.answer.status().message(), response));
  }
  return outcome;
}

}  // namespace gitops
