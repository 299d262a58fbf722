#include "agent/program/deferred_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Notes what it is asked.
struct Notes {
  std::vector<std::string> calls;
};

class NotingSource final : public Source {
 public:
  explicit NotingSource(Notes* notes) : notes_(notes) {}
  absl::Status Prepare(const std::string& revision, bool afresh, std::stop_token) override {
    notes_->calls.push_back("prepare " + revision + (afresh ? " afresh" : ""));
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Resolve(absl::string_view prefix, std::stop_token) override {
    return std::string(prefix) + "-whole";
  }
  absl::StatusOr<bool> SameContent(const std::string& a, const std::string& b,
                                   std::stop_token) override {
    return a == b;
  }
  absl::StatusOr<std::vector<File>> Files(const std::string& revision, std::stop_token) override {
    return std::vector<File>{{revision, 0100644, "id"}};
  }
  absl::StatusOr<std::map<std::string, std::string>> Contents(const std::set<std::string>&, int64_t,
                                                              int64_t, std::stop_token) override {
    return std::map<std::string, std::string>{{"id", "content"}};
  }
  CommitInfo Describe(const std::string& revision, std::stop_token) override {
    return {.hash = revision};
  }
  std::vector<std::string> Ready() override { return {"r1"}; }
  absl::Status Prune(int keep, const std::set<std::string>&, std::stop_token) override {
    notes_->calls.push_back("prune " + std::to_string(keep));
    return absl::OkStatus();
  }

 private:
  Notes* notes_;
};

class NotingPublisher final : public Publisher {
 public:
  explicit NotingPublisher(Notes* notes) : notes_(notes) {}
  absl::Status Publish(const std::string& revision, const MayExchange& may_exchange,
                       const std::function<void()>&, std::stop_token) override {
    notes_->calls.push_back("publish " + revision);
    return may_exchange();
  }
  absl::StatusOr<std::string> Published() override { return "r1"; }
  absl::StatusOr<std::vector<DriftEntry>> Drift(const std::string&, bool with_untracked,
                                                std::stop_token) override {
    return std::vector<DriftEntry>(with_untracked ? 2 : 1);
  }
  absl::StatusOr<std::string> Content(const std::string&, const std::string& path,
                                      int64_t) override {
    return "content of " + path;
  }
  absl::StatusOr<bool> IsIntact(const std::string& revision, std::stop_token) override {
    return revision == "r1";
  }

 private:
  Notes* notes_;
};

class DeferredDriversTest : public testing::Test {
 protected:
  DeferredPair Defer() {
    return DeferDrivers([this]() -> absl::StatusOr<SourceAndPublisher> {
      ++opened_;
      if (!status_.ok()) return status_;
      SourceAndPublisher pair;
      pair.source = std::make_unique<NotingSource>(&notes_);
      pair.publisher = std::make_unique<NotingPublisher>(&notes_);
      return pair;
    });
  }

  int opened_ = 0;
  absl::Status status_;
  Notes notes_;
};

TEST_F(DeferredDriversTest, NothingIsOpenedBeforeTheFirstUseAndOnceForBoth) {
  DeferredPair pair = Defer();
  EXPECT_EQ(opened_, 0);
  EXPECT_EQ(pair.source->Prepare("r1", true), absl::OkStatus());
  EXPECT_EQ(pair.publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(pair.source->Prune(5, {}), absl::OkStatus());
  EXPECT_EQ(*pair.source->Resolve("ab"), "ab-whole");
  EXPECT_TRUE(*pair.source->SameContent("a", "a"));
  EXPECT_THAT(pair.source->Ready(), ElementsAre("r1"));
  EXPECT_EQ(*pair.publisher->Published(), "r1");
  EXPECT_EQ(pair.publisher->Drift("r1", true)->size(), 2u);
  EXPECT_FALSE(*pair.publisher->IsIntact("r2"));
  EXPECT_EQ(opened_, 1);
  EXPECT_THAT(notes_.calls, ElementsAre("prepare r1 afresh", "publish r1", "prune 5"));
}

TEST_F(DeferredDriversTest, AFailureToOpenIsToldByEachUseAndEndsByItself) {
  status_ = absl::PermissionDeniedError("no way in");
  DeferredPair pair = Defer();
  EXPECT_EQ(pair.source->Prepare("r1", false), status_);
  EXPECT_EQ(pair.source->Resolve("ab").status(), status_);
  EXPECT_EQ(pair.source->SameContent("a", "b").status(), status_);
  EXPECT_THAT(pair.source->Ready(), IsEmpty());
  EXPECT_EQ(pair.source->Prune(5, {}), status_);
  EXPECT_EQ(pair.publisher->Publish("r1"), status_);
  EXPECT_EQ(pair.publisher->Published().status(), status_);
  EXPECT_EQ(pair.publisher->Drift("r1", false).status(), status_);
  EXPECT_EQ(pair.publisher->IsIntact("r1").status(), status_);
  status_ = absl::OkStatus();
  EXPECT_EQ(pair.publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(pair.source->Prepare("r1", false), absl::OkStatus());
}

TEST_F(DeferredDriversTest, ThePublisherMayOutliveTheSource) {
  DeferredPair pair = Defer();
  EXPECT_EQ(pair.source->Prepare("r1", false), absl::OkStatus());
  pair.source.reset();
  EXPECT_EQ(pair.publisher->Publish("r1"), absl::OkStatus());
}

}  // namespace
}  // namespace gitops
