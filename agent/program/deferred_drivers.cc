#include "agent/program/deferred_drivers.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"

namespace gitops {
namespace {

class Opener {
 public:
  explicit Opener(std::function<absl::StatusOr<SourceAndPublisher>()> open)
      : open_(std::move(open)) {}

  // The opened pair lives as long as this.
  absl::StatusOr<SourceAndPublisher*> Get() {
    MutexLock lock(mutex_);
    if (opened_.source == nullptr) {
      absl::StatusOr<SourceAndPublisher> opened = open_();
      if (!opened.ok()) return opened.status();
      opened_ = *std::move(opened);
    }
    return &opened_;
  }

 private:
  const std::function<absl::StatusOr<SourceAndPublisher>()> open_;
  Mutex mutex_;
  SourceAndPublisher opened_ ABSL_GUARDED_BY(mutex_);
};

class DeferredSource final : public Source {
 public:
  explicit DeferredSource(std::shared_ptr<Opener> opener) : opener_(std::move(opener)) {}

  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token stop) override {
    auto opened = opener_->Get();
    return opened.ok() ? (*opened)->source->Prepare(revision, afresh, stop) : opened.status();
  }
  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->source->Resolve(prefix, stop);
  }
  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->source->SameContent(a, b, stop);
  }
  std::string Remark(const std::string& revision) override {
    const auto opened = opener_->Get();
    return opened.ok() ? (*opened)->source->Remark(revision) : std::string();
  }
  absl::StatusOr<std::vector<File>> Files(const std::string& revision,
                                          std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->source->Files(revision, stop);
  }
  absl::StatusOr<std::map<std::string, std::string>> Contents(const std::set<std::string>& ids,
                                                              int64_t most_each, int64_t most_all,
                                                              std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->source->Contents(ids, most_each, most_all, stop);
  }
  CommitInfo Describe(const std::string& revision, std::stop_token stop) override {
    const auto opened = opener_->Get();
    return opened.ok() ? (*opened)->source->Describe(revision, stop) : CommitInfo();
  }
  std::vector<std::string> Ready() override {
    auto opened = opener_->Get();
    return opened.ok() ? (*opened)->source->Ready() : std::vector<std::string>();
  }
  absl::Status Prune(int keep, const std::set<std::string>& in_use, std::stop_token stop) override {
    auto opened = opener_->Get();
    return opened.ok() ? (*opened)->source->Prune(keep, in_use, stop) : opened.status();
  }

 private:
  const std::shared_ptr<Opener> opener_;
};

class DeferredPublisher final : public Publisher {
 public:
  explicit DeferredPublisher(std::shared_ptr<Opener> opener) : opener_(std::move(opener)) {}

  absl::StatusOr<std::string> Content(const std::string& revision, const std::string& path,
                                      int64_t most) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->publisher->Content(revision, path, most);
  }

  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       const std::function<void()>& exchanged, std::stop_token stop) override {
    auto opened = opener_->Get();
    return opened.ok() ? (*opened)->publisher->Publish(revision, may_exchange, exchanged, stop)
                       : opened.status();
  }
  absl::StatusOr<std::string> Published() override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->publisher->Published();
  }
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string& revision, bool with_untracked,
                                                std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->publisher->Drift(revision, with_untracked, stop);
  }
  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token stop) override {
    auto opened = opener_->Get();
    if (!opened.ok()) return opened.status();
    return (*opened)->publisher->IsIntact(revision, stop);
  }

 private:
  const std::shared_ptr<Opener> opener_;
};

}  // namespace

DeferredPair DeferDrivers(std::function<absl::StatusOr<SourceAndPublisher>()> open) {
  auto opener = std::make_shared<Opener>(std::move(open));
  return {std::make_unique<DeferredSource>(opener), std::make_unique<DeferredPublisher>(opener)};
}

}  // namespace gitops
