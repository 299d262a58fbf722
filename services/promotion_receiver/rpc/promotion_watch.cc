#include "services/promotion_receiver/rpc/promotion_watch.h"

#include <utility>
#include <vector>

#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/rpc/resume_token.h"
#include "services/promotion_receiver/rpc/promotion_filter.h"

namespace gitops {

absl::StatusOr<std::unique_ptr<StoreWatch>> PromotionWatch::Start(Changes<std::string>& changes) {
  const absl::StatusOr<int64_t> since = ReadResumeToken(request_.resume_token());
  if (!since.ok()) return since.status();
  const absl::StatusOr<int64_t> now = store_->Revision();
  if (!now.ok()) return now.status();
  const auto changed = [&changes](const std::string& id, int64_t revision) {
    changes.Add(id, revision);
  };
  // A revision in the future is one of another store, or of this one before it was restored.
  if (*since > 0 && *since <= *now) {
    auto watch = store_->Watch(*since, changed);
    resumed_ = watch.ok();
    revision_ = *since;
    if (!absl::IsOutOfRange(watch.status())) return watch;
  }
  revision_ = *now;
  return store_->Watch(*now, changed);
}

absl::Status PromotionWatch::Follow(Changes<std::string>& changes,
                                    const std::function<bool()>& cancelled) {
  if (absl::Status status = CheckFilter(request_.filter()); !status.ok()) return status;
  const auto watch = Start(changes);
  if (!watch.ok()) return watch.status();
  absl::Status told = TellBeginning();
  while (told.ok() && !cancelled()) {
    const std::set<std::string> ids = changes.Next(&revision_);
    told = TellChanges(ids);
    if (changes.closed()) return MakeError(Reason::kServerStopping, "the receiver is stopping");
  }
  return told.ok() ? absl::CancelledError("the watcher is gone") : told;
}

absl::Status PromotionWatch::TellBeginning() {
  v1::WatchPromotionsResponse held;  // the last one is marked, so one is held back
  bool holds = false;
  held.set_restarted(!resumed_ && !request_.resume_token().empty());
  absl::Status sent;
  const auto tell = [&](const record::v1::Promotion& promotion) {
    if (!Matches(promotion, request_.filter())) return true;
    if (holds) sent = Send(held);
    const bool restarted = !std::exchange(holds, true) && held.restarted();
    held = *News(promotion);
    held.set_restarted(restarted);
    return sent.ok();
  };
  if (!resumed_) {
    if (absl::Status read = store_->ForEach("", tell); !read.ok()) return read;
  }
  if (!sent.ok()) return sent;
  held.set_initial_done(true);
  held.set_resume_token(ResumeToken(revision_));
  return Send(held);
}

absl::Status PromotionWatch::TellChanges(const std::set<std::string>& ids) {
  std::vector<v1::WatchPromotionsResponse> news;
  for (const std::string& id : ids) {
    absl::StatusOr<std::optional<v1::WatchPromotionsResponse>> update = Update(id);
    if (!update.ok()) return update.status();
    if (update->has_value()) news.push_back(**std::move(update));
  }
  if (!news.empty()) news.back().set_resume_token(ResumeToken(revision_));
  for (const v1::WatchPromotionsResponse& response : news) {
    if (absl::Status sent = Send(response); !sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::WatchPromotionsResponse>> PromotionWatch::Update(
    const std::string& id) {
  const absl::StatusOr<record::v1::Promotion> promotion = store_->Get(id);
  if (!promotion.ok() && !absl::IsNotFound(promotion.status())) return promotion.status();
  if (promotion.ok() && Matches(*promotion, request_.filter())) return News(*promotion);
  // A client that resumed may have got it in its former watch.
  if (told_.erase(id) == 0 && !resumed_) return std::nullopt;
  v1::WatchPromotionsResponse response;
  response.mutable_promotion()->set_id(id);
  response.set_removed(true);
  return response;
}

std::optional<v1::WatchPromotionsResponse> PromotionWatch::News(
    const record::v1::Promotion& promotion) {
  v1::WatchPromotionsResponse response;
  *response.mutable_promotion() = ToApi(promotion);
  const size_t fingerprint = Fingerprint(response.promotion());
  const auto [told, is_new] = told_.emplace(promotion.id(), fingerprint);
  if (!is_new && std::exchange(told->second, fingerprint) == fingerprint) return std::nullopt;
  return response;
}

absl::Status PromotionWatch::Send(const v1::WatchPromotionsResponse& response) const {
  return write_(response) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
}

}  // namespace gitops
