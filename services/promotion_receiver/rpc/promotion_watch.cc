#include "services/promotion_receiver/rpc/promotion_watch.h"

#include "common/rpc/fingerprint.h"
#include "services/promotion_receiver/rpc/promotion_filter.h"

namespace gitops {

absl::StatusOr<int64_t> PromotionWatch::Start(Changes<std::string>& changes) {
  return stream_.Start(request_.resume_token(), store_->Revision(), [&](int64_t after) {
    auto events = store_->Watch(
        after, [&changes](const std::string& id, int64_t revision) { changes.Add(id, revision); });
    if (events.ok()) events_ = *std::move(events);
    return events.status();
  });
}

absl::Status PromotionWatch::TellAll(int64_t revision) {
  absl::Status sent;
  const auto tell = [&](const record::v1::Promotion& promotion) {
    if (Matches(promotion, request_.filter())) sent = SendNews(promotion);
    return sent.ok();
  };
  if (!stream_.resumed()) {
    if (absl::Status read = store_->ForEach("", tell); !read.ok()) return read;
  }
  return sent.ok() ? stream_.EndBatch(ResumeToken(revision), /*initial=*/true) : sent;
}

absl::Status PromotionWatch::TellChanges(const std::set<std::string>& ids, int64_t revision) {
  for (const std::string& id : ids) {
    if (absl::Status sent = SendChange(id); !sent.ok()) return sent;
  }
  return stream_.EndBatch(ResumeToken(revision));
}

absl::Status PromotionWatch::SendChange(const std::string& id) {
  const absl::StatusOr<record::v1::Promotion> promotion = store_->Get(id);
  if (!promotion.ok() && !absl::IsNotFound(promotion.status())) return promotion.status();
  if (promotion.ok() && Matches(*promotion, request_.filter())) return SendNews(*promotion);
  // A client that resumed may have got it in its former watch.
  if (told_.erase(id) == 0 && !stream_.resumed()) return absl::OkStatus();
  v1::WatchPromotionsResponse response;
  response.mutable_promotion()->set_id(id);
  response.set_removed(true);
  return stream_.Send(std::move(response));
}

absl::Status PromotionWatch::SendNews(const record::v1::Promotion& promotion) {
  v1::WatchPromotionsResponse response;
  *response.mutable_promotion() = ToApi(promotion);
  const size_t fingerprint = Fingerprint(response.promotion());
  const auto [told, is_new] = told_.emplace(promotion.id(), fingerprint);
  if (!is_new && std::exchange(told->second, fingerprint) == fingerprint) return absl::OkStatus();
  return stream_.Send(std::move(response));
}

}  // namespace gitops
