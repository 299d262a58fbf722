#include "services/promotion_receiver/intake/intake.h"

#include <cstddef>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "services/promotion_receiver/intake/pending.h"

namespace gitops {
namespace {

using record::v1::Promotion;

// Only the engine, which begins a promotion that was to be superseded, can come in between.
constexpr int kAttempts = 10;
// Many outcomes share one answer.
constexpr size_t kMostErrorBytes = 1 << 10;

const char* ResultOf(Pending::Decision decision) {
  switch (decision) {
    case Pending::Decision::kNew:
      return "new";
    case Pending::Decision::kRepeat:
      return "repeat";
    case Pending::Decision::kIgnored:
      return "ignored";
    case Pending::Decision::kOlder:
      return "superseded";
  }
  return "new";
}

// Whatever is wrong with the store, the client may try again.
absl::Status CannotStore(const absl::Status& status) {
  LogError("events cannot be stored", {{"error", std::string(status.message())}});
  return absl::UnavailableError("the event cannot be stored now; try again later");
}

void LogRefusal(const v1::ReceivedEvent& event, const absl::Status& error) {
  LogWarning("an event was refused", {{"pipeline", event.namespace_() + "/" + event.pipeline()},
                                      {"environment", event.environment()},
                                      {"address", event.address()},
                                      {"reason", ReasonName(error)},
                                      {"error", std::string(error.message())}});
}

}  // namespace

// One call of Receive. One thread.
class Intake::Call {
 public:
  Call(const IntakeOptions& options, const v1::ReceiveEventsRequest& request)
      : options_(options),
        request_(request),
        pipelines_(options.pipelines()),
        now_(options.clock->Now()) {}

  void Check() {
    checked_.reserve(static_cast<size_t>(request_.events_size()));
    for (const v1::ReceivedEvent& event : request_.events()) {
      checked_.push_back(CheckEvent(event, *pipelines_, *options_.secrets, options_.policy, now_));
    }
  }

  // Decides about the events that passed the checks, and stores what was decided.
  void Store() {
    const absl::Status stored = options_.store->Decide([this] {
      absl::Status status;
      for (int attempt = 0; attempt < kAttempts; ++attempt) {
        status = TryToStore();
        if (!absl::IsAborted(status)) break;
      }
      return status;
    });
    if (stored.ok()) return;
    const absl::Status error = CannotStore(stored);
    writes_.clear();
    outcomes_.clear();
    for (const auto& event : checked_) outcomes_.push_back(event.ok() ? error : event.status());
  }

  v1::ReceiveEventsResponse Answer() {
    v1::ReceiveEventsResponse response;
    for (int i = 0; i < request_.events_size(); ++i) {
      const auto& decided = outcomes_[static_cast<size_t>(i)];
      v1::ReceivedEventOutcome& outcome = *response.add_outcomes();
      if (decided.ok()) {
        outcome.set_promotion(decided->id);
        Note(request_.events(i), ResultOf(decided->decision));
        if (decided->decision != Pending::Decision::kIgnored) LookAt(request_.events(i));
      } else {
        *outcome.mutable_error() = ToStatusProto(decided.status(), kMostErrorBytes);
        Note(request_.events(i), ReasonName(decided.status()));
        LogRefusal(request_.events(i), decided.status());
      }
    }
    return response;
  }

  void TellEngine() const {
    for (const PromotionWrite& write : writes_) {
      const bool ended = write.promotion->state() == record::v1::PROMOTION_STATE_SUPERSEDED;
      if (options_.on_end && ended && !write.repeat) options_.on_end(*write.promotion);
    }
    if (!options_.look) return;
    for (const EnvironmentName& source : sources_) options_.look(source);
  }

 private:
  absl::Status TryToStore() {
    Pending pending(options_.store);
    outcomes_.clear();
    for (size_t i = 0; i < checked_.size(); ++i) {
      if (!checked_[i].ok()) {
        outcomes_.push_back(checked_[i].status());
        continue;
      }
      outcomes_.push_back(
          pending.Add(*checked_[i], request_.events(static_cast<int>(i)).body(), now_));
      if (!outcomes_.back().ok()) return outcomes_.back().status();
    }
    writes_ = std::move(pending).Writes();
    return writes_.empty() ? absl::OkStatus() : options_.store->Write(writes_);
  }

  void Note(const v1::ReceivedEvent& event, const std::string& result) const {
    if (!options_.observer) return;
    const bool known = pipelines_->Find(event.namespace_(), event.pipeline()) != nullptr;
    options_.observer(known ? event.namespace_() + "/" + event.pipeline() : "unknown", result);
  }

  void LookAt(const v1::ReceivedEvent& event) {
    sources_.insert({event.namespace_(), event.pipeline(), event.environment()});
  }

  const IntakeOptions& options_;
  const v1::ReceiveEventsRequest& request_;
  const std::shared_ptr<const Pipelines> pipelines_;
  const absl::Time now_;
  std::vector<absl::StatusOr<Promotion>> checked_;
  std::vector<absl::StatusOr<Pending::Decided>> outcomes_;
  std::vector<PromotionWrite> writes_;
  std::set<EnvironmentName> sources_;
};

v1::ReceiveEventsResponse Intake::Receive(const v1::ReceiveEventsRequest& request) {
  Call call(options_, request);
  call.Check();
  call.Store();
  v1::ReceiveEventsResponse response = call.Answer();
  call.TellEngine();
  return response;
}

}  // namespace gitops
