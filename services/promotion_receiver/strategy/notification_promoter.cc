#include "services/promotion_receiver/strategy/notification_promoter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/git/url.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/store/table.h"
#include "common/text/nearest.h"
#include "gitops/record/v1/notification.pb.h"
#include "services/promotion_receiver/provider/answer.h"
#include "services/promotion_receiver/sink/notification.h"

namespace gitops {
namespace {

using record::v1::NotificationDelivery;

constexpr char kPrefix[] = "promotion-receiver/v1/notification/";
// As long as promotions are kept.
constexpr absl::Duration kKept = absl::Hours(24 * 90);
constexpr size_t kMostRemovals = 100;
constexpr int64_t kMostAnswerBytes = 64 << 10;

absl::Status Fail(absl::string_view why) { return absl::FailedPreconditionError(why); }

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsAborted(status);
}

bool Has(const NotificationDelivery& delivery, const std::string& sink) {
  return std::count(delivery.sinks().begin(), delivery.sinks().end(), sink) > 0;
}

// One error for all sinks that failed: to be retried if that helps one of them, not before the last
// of their times.
absl::Status Together(const std::vector<absl::Status>& failures) {
  std::vector<std::string> messages;
  const absl::Status* chosen = &failures[0];
  for (const absl::Status& failure : failures) {
    messages.emplace_back(failure.message());
    const bool later = MayPass(failure) && RetryDelayOf(failure).value_or(absl::ZeroDuration()) >
                                               RetryDelayOf(*chosen).value_or(absl::ZeroDuration());
    if (later || (MayPass(failure) && !MayPass(*chosen))) chosen = &failure;
  }
  return WithMessage(*chosen, absl::StrJoin(messages, "\n"));
}

class NotificationPromoter final : public Promoter {
 public:
  explicit NotificationPromoter(NotificationPromoterOptions options)
      : options_(std::move(options)), deliveries_(options_.store, kPrefix) {}

  absl::StatusOr<PromotionResult> Promote(const PromotionOrder& order) override {
    auto sinks = SinksOf(order);
    if (!sinks.ok()) return sinks.status();
    auto delivery = DeliveryOf(order.promotion);
    if (!delivery.ok()) return delivery.status();
    std::vector<absl::Status> failures;
    std::vector<std::string> names;
    for (const SinkSpec& sink : *sinks) {
      names.push_back(sink.name);
      if (Has(*delivery, sink.name)) continue;
      absl::Status told = Tell(sink, order, delivery->key());
      if (absl::IsCancelled(told)) return told;
      if (told.ok()) told = Note(sink.name, order.promotion.id(), *delivery);
      if (!told.ok()) failures.push_back(std::move(told));
    }
    if (!failures.empty()) return Together(failures);
    RemoveOld();
    return PromotionResult{.end = PromotionResult::End::kDone,
                           .result = "",
                           .message = absl::StrCat("notified ", absl::StrJoin(names, ", ")),
                           .again = {}};
  }

 private:
  absl::StatusOr<std::vector<SinkSpec>> SinksOf(const PromotionOrder& order) const {
    const std::string& name = order.promotion.environment();
    const Environment* environment = order.pipeline.Find(name);
    const NotificationStrategy* strategy = nullptr;
    if (environment != nullptr && environment->promotion.strategy.has_value()) {
      strategy = std::get_if<NotificationStrategy>(&*environment->promotion.strategy);
    }
    if (strategy == nullptr) {
      return Fail(absl::StrCat("pipeline ", order.pipeline.Id(),
                               " has no notification strategy for \"", name, "\" any more"));
    }
    std::vector<SinkSpec> all = options_.sinks();
    if (all.empty()) return Fail("no [[sinks]] are configured");
    if (strategy->sinks.empty()) return all;
    std::vector<SinkSpec> chosen;
    std::vector<std::string> known;
    for (const SinkSpec& sink : all) known.push_back(sink.name);
    for (const std::string& wanted : strategy->sinks) {
      const auto found = std::find(known.begin(), known.end(), wanted);
      if (found == known.end()) {
        return Fail(absl::StrCat("the sink \"", wanted, "\" of pipeline ", order.pipeline.Id(),
                                 " is not configured", Suggestion(wanted, known)));
      }
      chosen.push_back(all[static_cast<size_t>(found - known.begin())]);
    }
    return chosen;
  }

  absl::StatusOr<NotificationDelivery> DeliveryOf(const record::v1::Promotion& promotion) const {
    const std::string key =
        promotion.effect_key().empty() ? promotion.id() : promotion.effect_key();
    auto stored = deliveries_.Get(promotion.id());
    if (stored.ok() && stored->key() == key) return stored;
    // A damaged record is written anew: a repeat is better than none.
    if (!stored.ok() && !absl::IsNotFound(stored.status()) && !absl::IsDataLoss(stored.status())) {
      return stored.status();
    }
    NotificationDelivery delivery;
    delivery.set_key(key);
    return delivery;
  }

  absl::Status Tell(const SinkSpec& sink, const PromotionOrder& order,
                    const std::string& key) const {
    const Attempt attempt{
        .what = absl::StrCat("notifying the sink \"", sink.name, "\" at ", RedactUrl(sink.url)),
        .now = options_.clock->Now(),
        .secrets = {sink.secret}};
    absl::StatusOr<HttpRequest> request = NotificationTo(sink, order.promotion, key);
    if (!request.ok()) return request.status();
    request->timeout = options_.timeout;
    request->max_body = kMostAnswerBytes;
    request->give_up = order.give_up;
    // The body of an answer does not matter.
    HttpResponse partial;
    request->partial = &partial;
    const absl::StatusOr<HttpResponse> answer = options_.http->Do(*request);
    if (answer.ok()) return StatusOfAnswer(attempt, *answer);
    if (absl::IsResourceExhausted(answer.status()) && partial.status != 0) {
      return StatusOfAnswer(attempt, partial);
    }
    return StatusOfExchange(attempt, answer.status());
  }

  absl::Status Note(const std::string& sink, const std::string& id,
                    NotificationDelivery& delivery) const {
    delivery.add_sinks(sink);
    *delivery.mutable_time() = ToTimestamp(options_.clock->Now());
    return options_.store->Write({deliveries_.Put(id, delivery)}).status();
  }

  // Ids grow with time, so that the oldest ones come first.
  void RemoveOld() const {
    const absl::Time before = options_.clock->Now() - kKept;
    std::vector<StoreWrite> removals;
    absl::Status status = deliveries_.ForEach("", "", [&](auto& row) {
      if (row.message.ok() && FromTimestamp(row.message->time()) >= before) return false;
      removals.push_back(deliveries_.Delete(row.name));
      return removals.size() < kMostRemovals;
    });
    if (status.ok() && !removals.empty()) status = options_.store->Write(removals).status();
    if (!status.ok()) {
      LogWarning("cannot remove old records of notifications",
                 {{"error", std::string(status.message())}});
    }
  }

  const NotificationPromoterOptions options_;
  const Table<NotificationDelivery> deliveries_;
};

}  // namespace

std::unique_ptr<Promoter> NewNotificationPromoter(NotificationPromoterOptions options) {
  return std::make_unique<NotificationPromoter>(std::move(options));
}

}  // namespace gitops
