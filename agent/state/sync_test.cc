// What is told beside the state: sync, reasons, commits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/state/decide.h"

namespace gitops {
namespace {

// Revisions, oldest first.
const std::string kA(40, 'a'), kB(40, 'b'), kC(40, 'c');
constexpr Policy kAuto, kCoordinated{.coordinated = true};

ServiceRecord At(const std::string& revision) {
  ServiceRecord record;
  record.hash = record.published = record.target = record.last_good = revision;
  return Settled(record);
}

Step To(const std::string& revision) { return {Step::Kind::kPublish, revision, revision}; }

ServiceRecord Moved(ServiceRecord record, const std::string& to) {
  return OnActivated(OnPublished(std::move(record), To(to)));
}

TEST(SyncTest, TellsHowWhatIsPublishedRelatesToTheBranch) {
  struct Case {
    std::string reason;
    ServiceRecord record;
    SyncStatus want;
    Policy policy = kAuto;
    bool moving = false;
  };
  const ServiceRecord frozen = OnFreeze(At(kA), "alice");
  const ServiceRecord failed =
      OnFallbackPublished(OnActivationFailed(OnPublished(OnTip(At(kA), kB), To(kB)), "exit 1"), kA);
  const std::vector<Case> cases = {
      {"new", NewRecord(kAuto), SyncStatus::kNever},
      {"nothing published, and an attempt runs", OnTip(NewRecord(kAuto), kA), SyncStatus::kNever,
       kAuto, true},
      {"coordinated, before the first sync", OnTip(NewRecord(kCoordinated), kA), SyncStatus::kNever,
       kCoordinated},
      {"at the tip", At(kA), SyncStatus::kCurrent},
      {"a new tip", OnTip(At(kA), kB), SyncStatus::kBehind},
      {"a new tip that changes nothing of it", OnSameContent(OnTip(At(kA), kB), kB),
       SyncStatus::kCurrent},
      {"an attempt runs", OnTip(At(kA), kB), SyncStatus::kProgressing, kAuto, true},
      {"published, not activated yet", OnPublished(OnTip(At(kA), kB), To(kB)),
       SyncStatus::kProgressing},
      {"arrived", Moved(OnTip(At(kA), kB), kB), SyncStatus::kCurrent},
      {"the tip is refused", OnSourceFailed(OnTip(At(kA), kB), "symlink out"), SyncStatus::kBehind},
      {"the unit fails at the tip", OnActivationFailed(Moved(OnTip(At(kA), kB), kB), "exit 1"),
       SyncStatus::kCurrent},
      {"went back from a tip that failed", OnFellBack(failed, kA, ""), SyncStatus::kBehind},
      {"coordinated: a commit that is not for it", OnTip(At(kA), kB), SyncStatus::kCurrent,
       kCoordinated},
      {"coordinated: one that is", OnNewest(OnTip(At(kA), kB), kB), SyncStatus::kBehind,
       kCoordinated},
      {"coordinated: synced to it", Moved(OnNewest(OnTip(At(kA), kB), kB), kB),
       SyncStatus::kCurrent, kCoordinated},
      {"coordinated: synced to the tip, which is newer",
       Moved(OnTip(OnNewest(OnTip(At(kA), kB), kB), kC), kC), SyncStatus::kCurrent, kCoordinated},
      {"coordinated: synced back to an older one", Moved(At(kB), kA), SyncStatus::kBehind,
       kCoordinated},
      {"frozen at the tip", frozen, SyncStatus::kCurrent},
      {"frozen behind it", OnFreeze(OnTip(At(kA), kB), "alice"), SyncStatus::kBehind},
      {"frozen: a commit for it", OnNewest(OnTip(frozen, kB), kB), SyncStatus::kBehind},
      {"frozen: what came is taken back", OnNewest(OnNewest(frozen, kB), ""), SyncStatus::kCurrent},
      {"frozen in the middle of a move", OnFreeze(OnPublishing(OnTip(At(kA), kB), kB), "alice"),
       SyncStatus::kBehind, kAuto, true},
      {"unfrozen, before the next poll", OnUnfreeze(OnNewest(frozen, kB)), SyncStatus::kBehind},
      {"unfrozen, and what was newer is taken back", OnTip(OnUnfreeze(OnNewest(frozen, kB)), kA),
       SyncStatus::kCurrent},
      {"unfrozen, and at a tip that changes nothing of it, in place of what was newer",
       OnSameContent(OnTip(OnUnfreeze(OnNewest(frozen, kB)), kC), kC), SyncStatus::kCurrent},
      {"unfrozen, and moved to the tip", Moved(OnTip(OnUnfreeze(OnNewest(frozen, kB)), kC), kC),
       SyncStatus::kCurrent},
      {"a rollback runs", OnRollback(At(kB), kA, "alice"), SyncStatus::kProgressing, kAuto, true},
      {"a rollback that cannot begin", OnSourceFailed(OnRollback(At(kB), kA, "alice"), "no route"),
       SyncStatus::kCurrent},
      {"rolled back", Moved(OnRollback(At(kB), kA, "alice"), kA), SyncStatus::kBehind},
      {"rolled back to what is at the tip, too",
       OnNewest(Moved(OnRollback(At(kB), kA, "alice"), kA), ""), SyncStatus::kCurrent},
      {"a rollback that a freeze ends", OnFreeze(OnRollback(At(kB), kA, "alice"), "bob"),
       SyncStatus::kCurrent},
      {"drift says nothing about the branch", OnDrift(At(kA), "/etc/a"), SyncStatus::kCurrent},
      {"nor does a silent upstream", OnPollFailed(At(kA), "no route"), SyncStatus::kCurrent},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(static_cast<int>(SyncOf(test.record, test.policy, test.moving)),
              static_cast<int>(test.want))
        << test.reason;
  }
}

TEST(SyncTest, ACommitThatIsNotForAFrozenServiceLeavesItsRecordAsItIs) {
  const ServiceRecord frozen = OnNewest(OnFreeze(At(kA), "alice"), kB);
  EXPECT_EQ(OnNewest(OnTip(frozen, kC), kB), frozen);
}

TEST(StateReasonTest, IsThatOfTheErrorWhichMakesDiff) {
  using R = StateReason;
  struct Case {
    std::string reason;
    ServiceRecord record;
    R want;
  };
  const ServiceRecord starting = NewRecord(kAuto);
  const ServiceRecord refused = OnSourceFailed(OnTip(At(kA), kB), "symlink", R::kRefusedContent);
  const ServiceRecord silent = OnPollFailed(At(kA), "no route", R::kUpstreamUnreachable);
  const std::vector<Case> cases = {
      {"OK", At(kA), R::kNone},
      {"new", starting, R::kStarting},
      {"new, and the upstream is silent", OnPollFailed(starting, "x", R::kUpstreamUnreachable),
       R::kUpstreamUnreachable},
      {"new, and refused", OnSourceFailed(starting, "x", R::kRefusedContent), R::kRefusedContent},
      {"coordinated and new", NewRecord(kCoordinated), R::kNone},
      {"silent", silent, R::kUpstreamUnreachable},
      {"it answers again", OnTip(silent, kA), R::kNone},
      {"refused", refused, R::kRefusedContent},
      {"refused, and the upstream is silent", OnPollFailed(refused, "x", R::kUpstreamUnreachable),
       R::kRefusedContent},
      {"a new tip", OnTip(refused, kC), R::kNone},
      {"none of these", OnSourceFailed(At(kA), "no user www"), R::kNone},
      {"drift", OnDrift(At(kA), "/etc/a"), R::kDrift},
      {"drift, and refused", OnDrift(refused, "/etc/a"), R::kRefusedContent},
      {"BROKEN is no DIFF", OnActivationFailed(refused, "exit 1"), R::kNone},
      {"nor is FREEZE", OnFreeze(refused, "alice"), R::kNone},
      {"published in the end", Moved(refused, kB), R::kNone},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(static_cast<int>(test.record.state_reason), static_cast<int>(test.want))
        << test.reason;
  }
}

TEST(CommitsTest, StayBesideTheirHashes) {
  const auto commit = [](const std::string& hash) {
    return CommitInfo{.hash = hash, .subject = "of " + hash};
  };
  ServiceRecord record = OnCommit(OnCommit(At(kA), commit(kA)), commit(kC));
  EXPECT_EQ(record.commit, commit(kA));
  EXPECT_EQ(record.target_commit, commit(kA));
  record = OnTip(record, kB);
  EXPECT_EQ(record.target_commit, CommitInfo()) << "not known yet";
  record = OnCommit(record, commit(kB));
  EXPECT_EQ(record.target_commit, commit(kB));
  EXPECT_EQ(record.commit, commit(kA));
  record = Moved(record, kB);
  EXPECT_EQ(record.commit, commit(kB));
  EXPECT_EQ(CommitOf(record, kB), commit(kB));
  EXPECT_EQ(CommitOf(record, kA), CommitInfo());
  EXPECT_EQ(CommitOf(record, ""), CommitInfo());
}

}  // namespace
}  // namespace gitops
