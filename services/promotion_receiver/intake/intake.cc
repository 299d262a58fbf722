#include "services/promotion_receiver/intake/intake.h"

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

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

using Checked = std::vector<absl::StatusOr<Promotion>>;
using Outcomes = std::vector<absl::StatusOr<Pending::Decided>>;

// Decides about the events that passed the checks, and stores what was decided.
absl::Status StoreAll(PromotionStore& store, const v1::ReceiveEventsRequest& request,
                      const Checked& checked, absl::Time now, Outcomes& outcomes) {
  Pending pending(&store);
  outcomes.clear();
  for (size_t i = 0; i < checked.size(); ++i) {
    if (!checked[i].ok()) {
      outcomes.push_back(checked[i].status());
      continue;
    }
    outcomes.push_back(pending.Add(*checked[i], request.events(static_cast<int>(i)).body(), now));
    if (!outcomes.back().ok()) return outcomes.back().status();
  }
  const std::vector<PromotionWrite> writes = pending.Writes();
  return writes.empty() ? absl::OkStatus() : store.Write(writes);
}

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

}  // namespace

v1::ReceiveEventsResponse Intake::Receive(const v1::ReceiveEventsRequest& request) {
  const std::shared_ptr<const Pipelines> pipelines = options_.pipelines();
  const absl::Time now = options_.clock->Now();
  Checked checked;
  for (const v1::ReceivedEvent& event : request.events()) {
    checked.push_back(CheckEvent(event, *pipelines, *options_.secrets, options_.policy, now));
  }
  Outcomes outcomes;
  const absl::Status stored = options_.store->Decide([&] {
    absl::Status status;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      status = StoreAll(*options_.store, request, checked, now, outcomes);
      if (!absl::IsAborted(status)) break;
    }
    return status;
  });
  if (!stored.ok()) {
    const absl::Status error = CannotStore(stored);
    outcomes.clear();
    for (const auto& event : checked) outcomes.push_back(event.ok() ? error : event.status());
  }
  v1::ReceiveEventsResponse response;
  std::set<EnvironmentName> sources;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const v1::ReceivedEvent& event = request.events(static_cast<int>(i));
    const std::string id = event.namespace_() + "/" + event.pipeline();
    v1::ReceivedEventOutcome& outcome = *response.add_outcomes();
    std::string result;
    if (outcomes[i].ok()) {
      outcome.set_promotion(outcomes[i]->id);
      result = ResultOf(outcomes[i]->decision);
      if (outcomes[i]->decision != Pending::Decision::kIgnored) {
        sources.insert({event.namespace_(), event.pipeline(), event.environment()});
      }
    } else {
      *outcome.mutable_error() = ToStatusProto(outcomes[i].status(), kMostErrorBytes);
      result = ReasonName(outcomes[i].status());
      LogWarning("an event was refused", {{"pipeline", id},
                                          {"environment", event.environment()},
                                          {"address", event.address()},
                                          {"reason", result},
                                          {"error", std::string(outcomes[i].status().message())}});
    }
    const bool known = pipelines->Find(event.namespace_(), event.pipeline()) != nullptr;
    if (options_.observer) options_.observer(known ? id : "unknown", result);
  }
  if (options_.look) {
    for (const EnvironmentName& source : sources) options_.look(source);
  }
  return response;
}

}  // namespace gitops
