#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_FAKE_PROMOTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_FAKE_PROMOTER_H_

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

// A strategy whose effect is to note the promotion under its effect key, as an idempotent one does.
// It can be told what to answer. Thread-safe.
class FakePromoter : public Promoter {
 public:
  using Answer = std::function<absl::StatusOr<PromotionResult>(const PromotionOrder&)>;

  // The nth call from now (1: the next) is answered so, and has no effect unless it says kDone.
  void AnswerNth(int n, Answer answer) {
    MutexLock lock(mutex_);
    answers_[calls_ + n] = std::move(answer);
  }
  void AnswerNth(int n, absl::StatusOr<PromotionResult> answer) {
    AnswerNth(n, [answer](const PromotionOrder&) { return answer; });
  }
  // Calls hang until Release, or until they have to give up.
  void Hang() {
    MutexLock lock(mutex_);
    hanging_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    hanging_ = false;
    changed_.NotifyAll();
  }

  int calls() {
    MutexLock lock(mutex_);
    return calls_;
  }
  // The revisions that were promoted, in order, each effect once.
  std::vector<std::string> effects() {
    MutexLock lock(mutex_);
    return effects_;
  }
  bool overlapped() {
    MutexLock lock(mutex_);
    return overlapped_;
  }

  absl::StatusOr<PromotionResult> Promote(const PromotionOrder& order) override {
    MutexLock lock(mutex_);
    const int call = ++calls_;
    const std::string target = order.pipeline.Id() + "/" + order.promotion.environment();
    overlapped_ |= !busy_.insert(target).second;
    absl::StatusOr<PromotionResult> result = Run(order, call);
    busy_.erase(target);
    return result;
  }

 private:
  absl::StatusOr<PromotionResult> Run(const PromotionOrder& order, int call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (hanging_) {
      if (order.give_up()) return absl::CancelledError("told to give up");
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    PromotionResult done;
    done.result = "effect of " + order.promotion.effect_key();
    if (const auto answer = answers_.find(call); answer != answers_.end()) {
      const auto told = answer->second;
      absl::StatusOr<PromotionResult> result = told(order);
      if (!result.ok() || result->end != PromotionResult::End::kDone) return result;
      done = *result;
    }
    if (keys_.insert(order.promotion.effect_key()).second) {
      effects_.push_back(order.promotion.revision());
    }
    return done;
  }

  Mutex mutex_;
  CondVar changed_;
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  bool overlapped_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> busy_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> keys_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> effects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_FAKE_PROMOTER_H_
