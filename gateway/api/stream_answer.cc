#include "gateway/api/stream_answer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/json/json.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

constexpr absl::Duration kBeatEvery = absl::Seconds(15);

std::string Formatted(const StreamEvent& event, bool events) {
  if (!events) return absl::StrCat(event.data, "\n");
  return absl::StrCat(event.name.empty() ? "" : absl::StrCat("event: ", event.name, "\n"),
                      event.id.empty() ? "" : absl::StrCat("id: ", event.id, "\n"),
                      "data: ", event.data, "\n\n");
}

}  // namespace

bool WantsEvents(const HttpServerRequest& request) {
  return absl::StrContains(request.Header("Accept"), "text/event-stream");
}

StreamAnswer::StreamAnswer(std::unique_ptr<HttpExchange> exchange, bool events)
    : events_(events), exchange_(std::move(exchange)) {}

void StreamAnswer::Start() {
  MutexLock lock(mutex_);
  StartLocked();
}

void StreamAnswer::StartLocked() {
  if (exchange_ == nullptr || std::exchange(started_, true)) return;
  HttpServerResponse head;
  head.content_type = events_ ? "text/event-stream" : "application/x-ndjson";
  head.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold the events back
  exchange_->Start(std::move(head));
}

void StreamAnswer::Send(const StreamEvent& event, std::function<void()> then) {
  SendText(Formatted(event, events_), std::move(then));
}

void StreamAnswer::SendText(const std::string& text, std::function<void()> then) {
  HttpExchange* exchange = nullptr;
  bool full = false;
  {
    MutexLock lock(mutex_);
    StartLocked();
    exchange = exchange_.get();
    if (exchange != nullptr) full = absl::IsResourceExhausted(exchange->Write(text));
  }
  if (exchange == nullptr) return then();
  // Heartbeats may have taken the room that there was.
  if (full) {
    return exchange->OnRoom(
        [self = shared_from_this(), text, then] { self->SendText(text, then); });
  }
  exchange->OnRoom(std::move(then));
}

void StreamAnswer::Fail(const absl::Status& error) {
  MutexLock lock(mutex_);
  if (exchange_ == nullptr) return;
  const std::unique_ptr<HttpExchange> exchange = std::move(exchange_);
  if (!started_) return exchange->Respond(ProblemOf(error));
  const std::string problem = ToText(ProblemJson(error));
  const StreamEvent event{.data = events_ ? problem : absl::StrCat("{\"error\":", problem, "}"),
                          .name = "error"};
  exchange->Write(Formatted(event, events_)).IgnoreError();
  exchange->Finish();
}

void StreamAnswer::End() {
  MutexLock lock(mutex_);
  StartLocked();
  const std::unique_ptr<HttpExchange> exchange = std::move(exchange_);
  if (exchange != nullptr) exchange->Finish();
}

void StreamAnswer::Abandon() {
  MutexLock lock(mutex_);
  exchange_ = nullptr;
}

void StreamAnswer::Beat() {
  MutexLock lock(mutex_);
  if (exchange_ == nullptr || !started_ || !events_) return;
  exchange_->Write(": heartbeat\n\n").IgnoreError();
}

Heartbeats::Heartbeats(Scheduler* scheduler, Clock* clock)
    : job_(scheduler->Add(clock->Now() + kBeatEvery, [this, clock] {
        BeatAll();
        return clock->Now() + kBeatEvery;
      })) {}

void Heartbeats::Add(const std::shared_ptr<StreamAnswer>& answer, std::function<void()> check) {
  MutexLock lock(mutex_);
  answers_.push_back({answer, std::move(check)});
}

void Heartbeats::BeatAll() {
  std::vector<std::pair<std::shared_ptr<StreamAnswer>, std::function<void()>>> living;
  {
    MutexLock lock(mutex_);
    std::erase_if(answers_, [](const Beating& beating) { return beating.answer.expired(); });
    for (const Beating& beating : answers_) {
      if (auto alive = beating.answer.lock()) living.emplace_back(std::move(alive), beating.check);
    }
  }
  for (const auto& [answer, check] : living) {
    answer->Beat();
    if (check) check();
  }
}

}  // namespace gitops
