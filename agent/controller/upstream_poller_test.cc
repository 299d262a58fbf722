#include "agent/controller/upstream_poller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/record/record.h"
#include "common/clock/fake_clock.h"
#include "common/schedule/scheduler.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using testing::ElementsAre;

class FakeUpstream final : public Upstream {
 public:
  absl::StatusOr<Tips> Newest(const std::set<std::string>& refs, std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    MutexLock lock(mutex_);
    asked_.push_back(refs);
    changed_.NotifyAll();
    while (held_ && !stop.stop_requested()) changed_.Wait(mutex_);
    if (held_) return absl::CancelledError("stopped");
    if (!status_.ok()) return status_;
    Tips tips;
    for (const std::string& ref : refs) {
      if (ref == "gone") {
        tips[ref] = absl::NotFoundError("no branch gone");
      } else {
        tips[ref] = push_ + "tip of " + ref;
      }
    }
    return tips;
  }
  std::string name() const override { return "fake"; }
  absl::StatusOr<std::set<std::string>> Touched(const std::string&, const std::string& from,
                                                const std::string& to,
                                                const std::set<std::string>& paths,
                                                std::stop_token) override {
    MutexLock lock(mutex_);
    compared_.push_back(from + " -> " + to);
    if (!touched_status_.ok()) return touched_status_;
    std::set<std::string> touched;
    for (const std::string& path : paths) {
      if (touched_[from + " -> " + to].contains(path)) touched.insert(path);
    }
    return touched;
  }
  absl::StatusOr<CommitInfo> Describe(const std::string&, const std::string& revision,
                                      std::stop_token) override {
    MutexLock lock(mutex_);
    described_.push_back(revision);
    if (!described_status_.ok()) return described_status_;
    return CommitInfo{.hash = revision, .subject = "Subject of " + revision};
  }

  // The paths that differ between two revisions; those that are not told of are the same.
  void Touch(const std::string& from, const std::string& to, std::set<std::string> paths) {
    MutexLock lock(mutex_);
    touched_[from + " -> " + to] = std::move(paths);
  }
  void FailComparisons(absl::Status status) {
    MutexLock lock(mutex_);
    touched_status_ = std::move(status);
  }
  void FailDescriptions(absl::Status status) {
    MutexLock lock(mutex_);
    described_status_ = std::move(status);
  }
  std::vector<std::string> compared() {
    MutexLock lock(mutex_);
    return std::exchange(compared_, {});
  }
  std::vector<std::string> described() {
    MutexLock lock(mutex_);
    return described_;
  }
  void SetStatus(absl::Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }
  // Every branch has another tip from now on.
  void Push(const std::string& name) {
    MutexLock lock(mutex_);
    push_ = name + " ";
  }
  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  bool AwaitAsked(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (asked_.size() < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    return asked_.size() >= count;
  }
  std::vector<std::set<std::string>> asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::set<std::string>> asked_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_), touched_status_ ABSL_GUARDED_BY(mutex_);
  absl::Status described_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::set<std::string>> touched_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> compared_ ABSL_GUARDED_BY(mutex_), described_ ABSL_GUARDED_BY(mutex_);
  std::string push_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
};

class UpstreamPollerTest : public testing::Test {
 protected:
  struct Told {
    absl::StatusOr<std::string> tip = absl::UnknownError("not told");
    absl::Time next;
    TipLook look;
  };

  UpstreamPoller::Follower Following(const std::string& service, const std::string& ref,
                                     absl::Duration poll = absl::Seconds(60)) {
    return {.ref = ref,
            .poll = poll,
            .on_polled = [this, service](const absl::StatusOr<std::string>& tip, absl::Time next,
                                         const TipLook& look, const std::shared_ptr<TipNote>&) {
              MutexLock lock(mutex_);
              told_[service].tip = tip;
              told_[service].look = look;
              told_[service].next = next;
            }};
  }
  Told What(const std::string& service) {
    MutexLock lock(mutex_);
    return told_[service];
  }
  // One that does not follow its branch by itself, and publishes revision "p".
  UpstreamPoller::Follower Watched(const std::string& service, const std::string& path) {
    {
      MutexLock lock(mutex_);
      places_[service] = {.watched = true, .published = "p"};
    }
    UpstreamPoller::Follower follower = Following(service, "main");
    follower.paths = {path};
    follower.at = [this, service] {
      MutexLock lock(mutex_);
      return places_[service];
    };
    return follower;
  }
  // Polls, and returns what was found of ServiceRecord::newest, which is then the service's.
  std::optional<std::string> NewestFor(const std::string& service) {
    EXPECT_EQ(Poll(), absl::OkStatus());
    MutexLock lock(mutex_);
    const auto newest = told_[service].look.newest;
    if (newest.has_value()) places_[service].newest = *newest;
    return newest;
  }
  absl::Status Poll() { return poller_.PollAndWait({}); }
  // Lets the next poll come by itself, and end.
  void PollInTime() {
    const size_t asked = upstream_->asked().size();
    const absl::Time begun = clock_.Now() + absl::Minutes(10);
    clock_.Advance(absl::Minutes(10));
    ASSERT_TRUE(upstream_->AwaitAsked(asked + 1));
    ASSERT_TRUE(Eventually([&] { return What("db").next > begun; }));
  }

  FakeClock clock_;
  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 4);
  std::shared_ptr<FakeUpstream> upstream_ = std::make_shared<FakeUpstream>();
  Mutex mutex_;
  std::map<std::string, Told> told_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ServicePlace> places_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> successes_;
  UpstreamPoller poller_{upstream_, &clock_, scheduler_.get(),
                         [this](const std::string& name) { successes_.push_back(name); }};
};

TEST_F(UpstreamPollerTest, OneExchangeServesAllBranches) {
  poller_.Add("web", Following("web", "main"));
  poller_.Add("db", Following("db", "canary"));
  poller_.Add("dns", Following("dns", "main"));
  poller_.Add("old", Following("old", "gone"));
  ASSERT_EQ(Poll(), absl::OkStatus());
  EXPECT_THAT(upstream_->asked().back(), ElementsAre("canary", "gone", "main"));
  EXPECT_EQ(*What("web").tip, "tip of main");
  EXPECT_EQ(*What("dns").tip, "tip of main");
  EXPECT_EQ(*What("db").tip, "tip of canary");
  EXPECT_TRUE(absl::IsNotFound(What("old").tip.status())) << "others are told all the same";
  EXPECT_EQ(successes_.back(), "fake");
}

TEST_F(UpstreamPollerTest, TheShortestIntervalCountsAndIsJitteredByUpToHalf) {
  poller_.Add("web", Following("web", "main", absl::Seconds(60)));
  poller_.Add("db", Following("db", "main", absl::Seconds(20)));
  ASSERT_EQ(Poll(), absl::OkStatus());
  // A poll that was asked for meanwhile may follow.
  ASSERT_TRUE(Eventually([this] { return clock_.AwaitDeadline(What("web").next); }));
  const absl::Duration wait = What("web").next - clock_.Now();
  EXPECT_GE(wait, absl::Seconds(10));
  EXPECT_LE(wait, absl::Seconds(20));
  const size_t asked = upstream_->asked().size();
  clock_.Advance(wait);
  EXPECT_TRUE(upstream_->AwaitAsked(asked + 1));
}

TEST_F(UpstreamPollerTest, FailuresAreToldToAllAndBackOffUntilOneSucceeds) {
  poller_.Add("web", Following("web", "main"));
  ASSERT_EQ(Poll(), absl::OkStatus());
  upstream_->SetStatus(absl::UnavailableError("no route"));
  for (int failure = 0; failure < 10; ++failure) ASSERT_EQ(Poll(), absl::OkStatus());
  EXPECT_EQ(What("web").tip.status().message(), "no route");
  EXPECT_GE(What("web").next - clock_.Now(), absl::Seconds(150));
  EXPECT_LE(What("web").next - clock_.Now(), absl::Minutes(5));
  upstream_->SetStatus(absl::OkStatus());
  ASSERT_EQ(Poll(), absl::OkStatus());
  EXPECT_EQ(*What("web").tip, "tip of main");
  EXPECT_LE(What("web").next - clock_.Now(), absl::Seconds(60));
}

TEST_F(UpstreamPollerTest, AServiceThatIsWatchedLearnsWhatItsBranchHasForIt) {
  poller_.Add("db", Watched("db", "db/etc"));
  upstream_->Touch("p", "1 tip of main", {"db/etc"});
  upstream_->Touch("p", "2 tip of main", {"db/etc"});
  upstream_->Touch("p", "3 tip of main", {"db/etc"});
  upstream_->Touch("1 tip of main", "3 tip of main", {"db/etc"});
  EXPECT_EQ(NewestFor("db"), "") << "\"tip of main\" changes nothing";
  upstream_->Push("1");
  EXPECT_EQ(NewestFor("db"), "1 tip of main");
  EXPECT_EQ(What("db").look.commit.subject, "Subject of 1 tip of main");
  upstream_->Push("2");
  EXPECT_EQ(NewestFor("db"), "1 tip of main") << "the second commit is not for it";
  upstream_->Push("3");
  EXPECT_EQ(NewestFor("db"), "3 tip of main");
  upstream_->Push("4");
  EXPECT_EQ(NewestFor("db"), "") << "what came is taken back";
}

TEST_F(UpstreamPollerTest, WatchedServicesCostOneComparisonForAllThatAreAtTheSameRevision) {
  upstream_->Touch("p", "1 tip of main", {"a/etc"});
  for (const std::string service : {"a", "b", "c"}) {
    poller_.Add(service, Watched(service, service + "/etc"));
  }
  ASSERT_EQ(Poll(), absl::OkStatus());
  upstream_->compared();
  upstream_->Push("1");
  EXPECT_EQ(NewestFor("a"), "1 tip of main");
  EXPECT_THAT(upstream_->compared(), ElementsAre("p -> 1 tip of main"));
  for (int poll = 0; poll < 3; ++poll) EXPECT_EQ(NewestFor("a"), std::nullopt);
  EXPECT_THAT(upstream_->compared(), ElementsAre()) << "nothing is new";
  EXPECT_THAT(upstream_->described(), ElementsAre("1 tip of main"));
}

TEST_F(UpstreamPollerTest, WhatCannotBeComparedNowIsComparedLater) {
  poller_.Add("db", Watched("db", "db/etc"));
  upstream_->FailComparisons(absl::UnavailableError("no route"));
  EXPECT_EQ(NewestFor("db"), std::nullopt);
  EXPECT_EQ(*What("db").tip, "tip of main") << "it is no error of the service";
  upstream_->FailComparisons(absl::NotFoundError("p is gone"));
  EXPECT_EQ(NewestFor("db"), "tip of main") << "it can never be told, so it may be new";
}

TEST_F(UpstreamPollerTest, WhatCanNeverBeToldIsAskedOnceUntilTheTipMovesOrAPullAsks) {
  upstream_->FailComparisons(absl::NotFoundError("p is gone"));
  upstream_->FailDescriptions(absl::FailedPreconditionError("too large"));
  poller_.Add("db", Watched("db", "db/etc"));
  {
    MutexLock lock(mutex_);
    places_["db"].shows_tip = true;
  }
  ASSERT_EQ(Poll(), absl::OkStatus());
  upstream_->compared();
  // The service does not take up that the tip may be new for it.
  const size_t described = upstream_->described().size();
  for (int poll = 0; poll < 3; ++poll) PollInTime();
  EXPECT_THAT(upstream_->compared(), ElementsAre());
  EXPECT_EQ(upstream_->described().size(), described);
  upstream_->Push("1");
  PollInTime();
  EXPECT_THAT(upstream_->compared(), ElementsAre("p -> 1 tip of main"));
  EXPECT_EQ(upstream_->described().size(), described + 1);
  ASSERT_EQ(Poll(), absl::OkStatus());
  EXPECT_THAT(upstream_->compared(), ElementsAre("p -> 1 tip of main"));
  EXPECT_EQ(upstream_->described().size(), described + 2);
}

TEST_F(UpstreamPollerTest, WhoIsRemovedIsToldNothingMore) {
  poller_.Add("web", Following("web", "main"));
  poller_.Add("db", Following("db", "canary"));
  ASSERT_EQ(Poll(), absl::OkStatus());
  upstream_->Hold(true);
  const size_t asked = upstream_->asked().size();
  poller_.PollNow();
  ASSERT_TRUE(upstream_->AwaitAsked(asked + 1));
  poller_.Remove("db");
  upstream_->SetStatus(absl::UnavailableError("no route"));
  upstream_->Hold(false);
  ASSERT_EQ(Poll(), absl::OkStatus());
  EXPECT_FALSE(What("web").tip.ok());
  EXPECT_TRUE(What("db").tip.ok()) << "as it was before";
  EXPECT_FALSE(poller_.empty());
  poller_.Remove("web");
  EXPECT_TRUE(poller_.empty());
}

TEST_F(UpstreamPollerTest, ATipIsStoredOfServicesAsTheyWereSeenWhateverTheyDoMeanwhile) {
  TempStore temp;
  RecordStore records(temp.store());
  UpstreamPoller poller(upstream_, &clock_, scheduler_.get(), nullptr, nullptr, &records);
  UpstreamPoller::Follower follower = Following("web", "main");
  follower.at = [&] {
    // It is rolled back and unfrozen before the tip is stored.
    ServiceRecord newer;
    newer.generation = 7;
    EXPECT_EQ(records.Save("web", newer, std::nullopt), absl::OkStatus());
    return ServicePlace{"tip of main", 5};
  };
  poller.Add("web", follower);
  ASSERT_EQ(poller.PollAndWait({}), absl::OkStatus());
  const auto tip = records.VerifiedTip("web", {"fake", "", "main"});
  ASSERT_TRUE(tip.has_value());
  EXPECT_LT(tip->generation, (*records.Load("web"))->generation);
}

TEST_F(UpstreamPollerTest, RoundsAreHeldWhereTipsAreNewAndHaveWhomOnlyTheTipMoved) {
  std::vector<UpstreamPoller::TipRounds::Moved> moved;
  int begun = 0, ended = 0;
  std::shared_ptr<TipNote> late;
  UpstreamPoller poller(upstream_, &clock_, scheduler_.get(), nullptr, nullptr, nullptr,
                        {[&] { ++begun; },
                         [&](std::vector<UpstreamPoller::TipRounds::Moved> all) {
                           ++ended;
                           moved = std::move(all);
                         }});
  const auto taking = [&](const std::string& service, bool takes) {
    UpstreamPoller::Follower follower = Following(service, "main");
    follower.on_polled = [&late, takes](const absl::StatusOr<std::string>&, absl::Time,
                                        const TipLook&, std::shared_ptr<TipNote> note) {
      if (note == nullptr) return;
      if (takes) EXPECT_TRUE(note->Take());
      if (!takes) late = std::move(note);
    };
    return follower;
  };
  poller.Add("web", taking("web", true));
  poller.Add("db", taking("db", false));
  upstream_->Push("new");
  ASSERT_EQ(poller.PollAndWait({}), absl::OkStatus());
  EXPECT_EQ(begun, ended);
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].ref, "main");
  EXPECT_EQ(moved[0].tip, "new tip of main");
  EXPECT_THAT(moved[0].services, ElementsAre("web"));
  EXPECT_FALSE(late->Take()) << "the service reports itself";
  const int before = begun;
  ASSERT_EQ(poller.PollAndWait({}), absl::OkStatus());
  EXPECT_EQ(begun, before) << "there is nothing new";
}

TEST_F(UpstreamPollerTest, WaitingForASilentUpstreamEndsAsTheCallerWants) {
  upstream_->Hold(true);
  poller_.Add("web", Following("web", "main"));
  ASSERT_TRUE(upstream_->AwaitAsked(1));
  const absl::Status late = poller_.PollAndWait({.deadline = clock_.Now()});
  EXPECT_TRUE(absl::IsDeadlineExceeded(late));
  EXPECT_THAT(std::string(late.message()), testing::HasSubstr("fake"));
  EXPECT_TRUE(absl::IsCancelled(poller_.PollAndWait({.cancelled = [] { return true; }})));
  upstream_->Hold(false);
  EXPECT_EQ(Poll(), absl::OkStatus());
}

TEST_F(UpstreamPollerTest, APollerDoesNotWaitForItsSilentUpstreamToEnd) {
  upstream_->Hold(true);
  auto end = std::async(std::launch::async, [this] {
    UpstreamPoller poller(upstream_, &clock_, scheduler_.get(), nullptr);
    poller.Add("web", Following("web", "main"));
    EXPECT_TRUE(upstream_->AwaitAsked(1));
  });
  EXPECT_EQ(end.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  upstream_->Hold(false);
}

}  // namespace
}  // namespace gitops
