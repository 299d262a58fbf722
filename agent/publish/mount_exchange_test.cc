#include "agent/publish/mount_exchange.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "agent/publish/mount_sandbox.h"
#include "common/mount/mount_table.h"
#include "common/testing/parent_flipper.h"

namespace gitops {
namespace {

using Kind = MountSandbox::Kind;
using testing::HasSubstr;

Fd OpenPath(const std::string& path) { return Fd(::open(path.c_str(), O_PATH | O_CLOEXEC)); }

MountEntry MountOf(const std::string& path) {
  absl::StatusOr<MountTable> table = MountTable::Read();
  absl::StatusOr<PathView> view = ViewPath(path);
  EXPECT_TRUE(table.ok() && view.ok());
  const MountEntry* entry = table->Find(view->mount_id);
  EXPECT_NE(entry, nullptr);
  return entry == nullptr ? MountEntry() : *entry;
}

// Each test in both ways of exchanging, with a shared and with a private parent mount.
class MountExchange : public testing::TestWithParam<std::tuple<ExchangeWay, Kind>> {
 protected:
  MountExchange() : box_(std::get<Kind>(GetParam())) {
    for (const char* revision : {"1", "2", "3"}) {
      box_.Write(absl::StrCat("rev/", revision, "/a"), revision);
      box_.Write(absl::StrCat("rev/", revision, "/b"), revision);
      box_.Write(absl::StrCat("other/", revision, "/f"), absl::StrCat("other ", revision));
    }
    target_ = box_.MakeDirectory("etc/service");
    exchanger_ = New({});
    other_ = std::make_unique<MountExchanger>(
        MountExchanger::Options{.owned_directory = box_.Path("other"), .way = Way()});
  }

  static ExchangeWay Way() { return std::get<ExchangeWay>(GetParam()); }
  bool Shared() const { return std::get<Kind>(GetParam()) == Kind::kShared; }

  std::unique_ptr<MountExchanger> New(
      std::function<absl::Status(absl::string_view, const std::string&)> before_step) {
    return std::make_unique<MountExchanger>(MountExchanger::Options{
        .owned_directory = box_.Path("rev"), .way = Way(), .before_step = std::move(before_step)});
  }

  absl::Status Show(const std::string& source, const std::string& target, bool read_only = false) {
    return exchanger_->Exchange(OpenPath(box_.Path(source)).get(), target, read_only).status();
  }
  absl::Status ShowOther(const std::string& source, const std::string& target) {
    return other_->Exchange(OpenPath(box_.Path(source)).get(), target, false).status();
  }

  MountSandbox box_;
  std::string target_;
  std::unique_ptr<MountExchanger> exchanger_;
  std::unique_ptr<MountExchanger> other_;
};

TEST_P(MountExchange, DirectoryShowsTheNewRevisionAndOneMountIsLeft) {
  for (const char* revision : {"1", "2", "3", "1"}) {
    ASSERT_EQ(Show(absl::StrCat("rev/", revision), target_), absl::OkStatus());
    EXPECT_EQ(ReadTestFile(target_ + "/a"), revision);
    EXPECT_EQ(box_.MountCount(), 1);
  }
}

TEST_P(MountExchange, SingleFileIsExchangedToo) {
  const std::string file = box_.Write("etc/one.conf", "");
  for (const char* revision : {"1", "2", "3"}) {
    ASSERT_EQ(Show(absl::StrCat("rev/", revision, "/a"), file), absl::OkStatus());
    EXPECT_EQ(ReadTestFile(file), revision);
    EXPECT_EQ(box_.MountCount(), 1);
  }
}

TEST_P(MountExchange, RepeatingChangesNothing) {
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  const MountEntry before = MountOf(target_);
  absl::StatusOr<MountExchanger::Former> former =
      exchanger_->Exchange(OpenPath(box_.Path("rev/1")).get(), target_, false);
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_FALSE(former->changed);
  EXPECT_EQ(MountOf(target_), before);
}

TEST_P(MountExchange, ReadOnlyIsOfTheMountAndFollowsTheSetting) {
  ASSERT_EQ(Show("rev/1", target_, true), absl::OkStatus());
  EXPECT_LT(::open((target_ + "/new").c_str(), O_CREAT | O_WRONLY, 0644), 0);
  EXPECT_EQ(errno, EROFS);
  ASSERT_EQ(Show("rev/2", target_, true), absl::OkStatus());
  EXPECT_TRUE(MountOf(target_).read_only);
  ASSERT_EQ(Show("rev/2", target_, false), absl::OkStatus());
  EXPECT_FALSE(MountOf(target_).read_only);
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, InnerMountIsThereAtEveryMomentWhileTheOuterIsExchanged) {
  box_.MakeDirectory("rev/1/inner");  // 2 and 3 lack it: it is made
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  ASSERT_EQ(ShowOther("other/1", target_ + "/inner"), absl::OkStatus());
  std::atomic<bool> stop = false;
  std::atomic<int> missing = 0, reads = 0;
  std::thread reader([&] {
    while (!stop) {
      if (ReadTestFile(target_ + "/inner/f") != "other 1") ++missing;
      ++reads;
    }
  });
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Show(absl::StrCat("rev/", 1 + i % 3), target_), absl::OkStatus());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(missing, 0);
  EXPECT_GT(reads, 0);
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "1");
  EXPECT_EQ(box_.MountCount(), 2);
  ASSERT_EQ(ShowOther("other/2", target_ + "/inner"), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/inner/f"), "other 2");
  EXPECT_EQ(box_.MountCount(), 2);
}

TEST_P(MountExchange, FirstMountOverAPlaceWithMountsBelowCarriesThem) {
  box_.MakeDirectory("etc/service/inner");
  ASSERT_EQ(ShowOther("other/1", target_ + "/inner"), absl::OkStatus());
  absl::StatusOr<MountExchanger::Former> former =
      exchanger_->Exchange(OpenPath(box_.Path("rev/1")).get(), target_, false);
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_EQ(ReadTestFile(target_ + "/inner/f"), "other 1");
  EXPECT_EQ(MountSandbox::MountsAt(target_ + "/inner"), 1);
  ASSERT_EQ(exchanger_->Restore(*std::move(former)), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/inner/f"), "other 1");
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, CannotCarryOverAFileWhereADirectoryIsMountedAndLeavesAllAsItWas) {
  box_.MakeDirectory("rev/1/inner");
  box_.Write("rev/2/inner", "in the way");
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  ASSERT_EQ(ShowOther("other/1", target_ + "/inner"), absl::OkStatus());
  const absl::Status status = Show("rev/2", target_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("inner"));
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "1");
  EXPECT_EQ(ReadTestFile(target_ + "/inner/f"), "other 1");
  EXPECT_EQ(box_.MountCount(), 2);
}

TEST_P(MountExchange, RestoreBringsTheFormerRevisionBackAndTakesAwayAFirstMount) {
  absl::StatusOr<MountExchanger::Former> first =
      exchanger_->Exchange(OpenPath(box_.Path("rev/1")).get(), target_, true);
  ASSERT_TRUE(first.ok()) << first.status();
  absl::StatusOr<MountExchanger::Former> second =
      exchanger_->Exchange(OpenPath(box_.Path("rev/2")).get(), target_, false);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(exchanger_->Restore(*std::move(second)), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "1");
  EXPECT_TRUE(MountOf(target_).read_only);
  ASSERT_EQ(exchanger_->Restore(*std::move(first)), absl::OkStatus());
  EXPECT_EQ(box_.MountCount(), 0);
}

TEST_P(MountExchange, AFailingStepLeavesTheOldRevisionInSightAndTheNextExchangeMends) {
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  for (const char* step : {"attach", "detach"}) {
    auto failing = New([&](absl::string_view at, const std::string&) {
      return at == step ? absl::InternalError("injected") : absl::OkStatus();
    });
    EXPECT_EQ(failing->Exchange(OpenPath(box_.Path("rev/2")).get(), target_, false).status().code(),
              absl::StatusCode::kInternal)
        << step;
    EXPECT_EQ(ReadTestFile(target_ + "/a"), "1") << step;
  }
  ASSERT_EQ(Show("rev/3", target_), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "3");
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, AFailureBeforeTheFormerMountIsDetachedLeavesNoMountBeneathIt) {
  const MountEntry parent = MountOf(box_.Path("etc"));
  box_.MakeDirectory("rev/1/inner");
  for (const bool with_inner : {false, true}) {
    ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
    if (with_inner) ASSERT_EQ(ShowOther("other/1", target_ + "/inner"), absl::OkStatus());
    const MountEntry before = MountOf(target_);
    const int mounts = box_.MountCount();
    ReceivingNamespace unit;
    int beneath = 0;
    auto failing = New([&](absl::string_view at, const std::string&) {
      if (at != "detach") return absl::OkStatus();
      beneath = MountSandbox::MountsAt(target_);
      return absl::InternalError("injected");
    });
    EXPECT_EQ(failing->Exchange(OpenPath(box_.Path("rev/2")).get(), target_, false).status().code(),
              absl::StatusCode::kInternal);
    EXPECT_EQ(beneath, 2);
    EXPECT_EQ(ReadTestFile(target_ + "/a"), "1");
    EXPECT_EQ(MountOf(target_).id, before.id);
    EXPECT_EQ(MountOf(box_.Path("etc")), parent);
    // A mount that came by propagation, and has mounts on it, cannot be reached to remove those.
    if (with_inner && Way() == ExchangeWay::kPropagation) continue;
    EXPECT_EQ(box_.MountCount(), mounts);
    EXPECT_EQ(box_.MountCount(unit.pid()), mounts);
    if (with_inner) EXPECT_EQ(ReadTestFile(target_ + "/inner/f"), "other 1");
  }
  ASSERT_EQ(Show("rev/3", target_), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "3");
  EXPECT_EQ(MountSandbox::MountsAt(target_), 1);
}

TEST_P(MountExchange, AForeignMountOverOursIsRemoved) {
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  ASSERT_EQ(::mount("admin", target_.c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(Show("rev/2", target_), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "2");
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, AFileSystemOfItsOwnIsRefusedAndKept) {
  ASSERT_EQ(::mount("admin", target_.c_str(), "tmpfs", 0, nullptr), 0);
  const absl::Status status = Show("rev/1", target_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("tmpfs"));
  EXPECT_EQ(MountOf(target_).root, "/");
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, ABindMountOfAnotherPlaceIsTakenOverAndCanBeRestored) {
  ASSERT_EQ(::mount(box_.Path("other/1").c_str(), target_.c_str(), nullptr, MS_BIND, nullptr), 0);
  absl::StatusOr<MountExchanger::Former> former =
      exchanger_->Exchange(OpenPath(box_.Path("rev/1")).get(), target_, false);
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_EQ(ReadTestFile(target_ + "/a"), "1");
  EXPECT_EQ(box_.MountCount(), 1);
  ASSERT_EQ(exchanger_->Restore(*std::move(former)), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(target_ + "/f"), "other 1");
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(MountExchange, AReaderThatHoldsTheDirectoryNeverSeesAMixOverTwoHundredExchanges) {
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  std::atomic<bool> stop = false;
  std::atomic<int> faults = 0, reads = 0;
  std::thread reader([&] {
    while (!stop) {
      Fd directory(::open(target_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      char a = 0, b = 0;
      Fd first(::openat(directory.get(), "a", O_RDONLY | O_CLOEXEC));
      Fd second(::openat(directory.get(), "b", O_RDONLY | O_CLOEXEC));
      if (::read(first.get(), &a, 1) != 1 || ::read(second.get(), &b, 1) != 1 || a != b) ++faults;
      ++reads;
    }
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(Show(absl::StrCat("rev/", 1 + (i + 1) % 3), target_), absl::OkStatus());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(faults, 0);
  EXPECT_GT(reads, 200);
  EXPECT_EQ(box_.MountCount(), 1);
  EXPECT_EQ(std::filesystem::is_empty(box_.Path("rev/1")), false);
}

TEST_P(MountExchange, TheParentKeepsItsPropagationAndNothingIsMountedInTheRevision) {
  const MountEntry before = MountOf(box_.Path("etc"));
  box_.MakeDirectory("rev/1/inner");
  for (const char* revision : {"1", "2", "3"}) {
    ASSERT_EQ(Show(absl::StrCat("rev/", revision), target_), absl::OkStatus());
  }
  EXPECT_EQ(MountOf(box_.Path("etc")), before);
  EXPECT_EQ(MountOf(target_).shared, Shared());
  ASSERT_EQ(ShowOther("other/1", box_.MakeDirectory("etc/service/inner")), absl::OkStatus());
  ASSERT_EQ(Show("rev/1", target_), absl::OkStatus());
  EXPECT_EQ(MountSandbox::MountsAt(box_.Path("rev/1/inner")), 0);
  EXPECT_EQ(MountSandbox::MountsAt(box_.Path("rev/3/inner")), 0);
}

TEST_P(MountExchange, TargetBelowASymlinkIsTheSameTarget) {
  std::filesystem::create_symlink("etc", box_.Path("alias"));
  ASSERT_EQ(Show("rev/1", box_.Path("alias/service")), absl::OkStatus());
  ASSERT_EQ(Show("rev/2", target_), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(box_.Path("alias/service/a")), "2");
  EXPECT_EQ(box_.MountCount(), 1);
}

// The parents of the target belong to an account that renames them, to lead to a directory of
// root's with the same names, and a mount of root's.
class HostileParents : public MountExchange {
 protected:
  HostileParents() {
    box_.Write("rootdir/bin/f", "root's");
    box_.MakeDirectory("rootdir/mounted");
    Bind("rootdir/bin", "rootdir/mounted");
    app_ = box_.MakeDirectory("home/app");
    target_ = box_.MakeDirectory("home/app/bin");
    mounted_ = box_.MakeDirectory("home/app/mounted");
    for (const char* path : {"home", "home/app", "home/app/bin", "home/app/mounted"}) {
      EXPECT_EQ(::chown(box_.Path(path).c_str(), kAttackerUid, kAttackerGid), 0);
    }
  }

  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "only root can become another account";
  }

  void Bind(const std::string& from, const std::string& to) const {
    ASSERT_EQ(::mount(box_.Path(from).c_str(), box_.Path(to).c_str(), nullptr, MS_BIND, nullptr),
              0);
  }
  // As the attacker would: the symlink is theirs.
  void LeadAway() const {
    std::filesystem::rename(app_, app_ + ".away");
    std::filesystem::create_symlink("../rootdir", app_);
    ASSERT_EQ(::lchown(app_.c_str(), kAttackerUid, kAttackerGid), 0);
  }
  void LeadBack() const {
    std::filesystem::remove(app_);
    std::filesystem::rename(app_ + ".away", app_);
  }
  void ExpectRootsUntouched() const {
    EXPECT_EQ(ReadTestFile(box_.Path("rootdir/bin/f")), "root's");
    EXPECT_EQ(ReadTestFile(box_.Path("rootdir/mounted/f")), "root's");
    EXPECT_EQ(MountSandbox::MountsAt(box_.Path("rootdir/bin")), 0);
    EXPECT_EQ(MountSandbox::MountsAt(box_.Path("rootdir/mounted")), 1);
    struct stat stat = {};
    EXPECT_EQ(::stat(box_.Path("rootdir/bin").c_str(), &stat), 0);
    EXPECT_EQ(stat.st_uid, 0u);
  }

  std::string app_;
  std::string mounted_;
};

TEST_P(HostileParents, ARenameBetweenAnyTwoStepsLeadsNoMountElsewhere) {
  for (const std::string name : {"bin", "mounted"}) {
    const std::string target = absl::StrCat(app_, "/", name);
    int revision = 0;
    // Twice: for the first mount at the target, and for one that replaces another.
    for (const char* step : {"attach", "look", "attach", "beneath", "propagate", "detach"}) {
      int led_away = 0;
      auto exchanger = New([&](absl::string_view at, const std::string&) {
        if (at == step && led_away++ == 0) LeadAway();
        return absl::OkStatus();
      });
      const std::string shown = absl::StrCat(1 + revision++ % 3);
      Fd source = OpenPath(box_.Path("rev/" + shown));
      ASSERT_EQ(exchanger->Exchange(source.get(), target, false).status(), absl::OkStatus())
          << step;
      ExpectRootsUntouched();
      if (led_away > 0) LeadBack();
      EXPECT_EQ(ReadTestFile(target + "/a"), shown) << step;
      EXPECT_EQ(MountSandbox::MountsAt(target), 1) << step;
    }
  }
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(HostileParents, AnExchangeIsUndoneWhereItWasMade) {
  Fd source = OpenPath(box_.Path("rev/1"));
  auto first = exchanger_->Exchange(source.get(), target_, false);
  ASSERT_TRUE(first.ok()) << first.status();
  source = OpenPath(box_.Path("rev/2"));
  auto second = exchanger_->Exchange(source.get(), target_, false);
  ASSERT_TRUE(second.ok()) << second.status();
  LeadAway();
  ASSERT_EQ(exchanger_->Restore(*std::move(second)), absl::OkStatus());
  EXPECT_EQ(ReadTestFile(app_ + ".away/bin/a"), "1");
  ASSERT_EQ(exchanger_->Restore(*std::move(first)), absl::OkStatus());
  ExpectRootsUntouched();
  EXPECT_EQ(box_.MountCount(), 1);
}

TEST_P(HostileParents, OneWhoFlipsThemAllTheTimeGetsNothingMountedOrDetachedElsewhere) {
  constexpr int kRounds = 300;
  int done = 0, refused = 0;
  {
    const ParentFlipper attacker(app_, box_.Path("rootdir"));
    for (int i = 0; i < kRounds || done == 0 || refused == 0; ++i) {
      const std::string& target = i % 2 == 0 ? target_ : mounted_;
      const absl::Status status = Show(absl::StrCat("rev/", 1 + i % 3), target);
      EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
      ++(status.ok() ? done : refused);
      ExpectRootsUntouched();
    }
  }
  for (const std::string& target : {target_, mounted_}) {
    ASSERT_EQ(Show("rev/1", target), absl::OkStatus());
    EXPECT_EQ(ReadTestFile(target + "/a"), "1");
  }
  EXPECT_EQ(box_.MountCount(), 3);
}

const auto kWays =
    testing::Combine(testing::Values(ExchangeWay::kBeneath, ExchangeWay::kPropagation),
                     testing::Values(Kind::kShared, Kind::kPrivate));

std::string NameOf(const testing::TestParamInfo<MountExchange::ParamType>& info) {
  return absl::StrCat(std::get<0>(info.param) == ExchangeWay::kBeneath ? "Beneath" : "Propagation",
                      std::get<1>(info.param) == Kind::kShared ? "SharedParent" : "PrivateParent");
}

INSTANTIATE_TEST_SUITE_P(BothWays, HostileParents, kWays, NameOf);
INSTANTIATE_TEST_SUITE_P(BothWays, MountExchange, kWays, NameOf);

class MountPropagation : public testing::TestWithParam<ExchangeWay> {};

TEST_P(MountPropagation, AReceivingNamespaceSeesEachExchangeAndKeepsOneMount) {
  MountSandbox box(Kind::kShared);
  for (const char* revision : {"1", "2", "3"}) {
    box.Write(absl::StrCat("rev/", revision, "/a"), revision);
    box.MakeDirectory(absl::StrCat("rev/", revision, "/inner"));
  }
  box.Write("other/1/f", "inner");
  const std::string target = box.MakeDirectory("etc/service");
  auto exchanger = std::make_unique<MountExchanger>(
      MountExchanger::Options{.owned_directory = box.Path("rev"), .way = GetParam()});
  auto other = std::make_unique<MountExchanger>(
      MountExchanger::Options{.owned_directory = box.Path("other"), .way = GetParam()});
  ASSERT_TRUE(exchanger->Exchange(OpenPath(box.Path("rev/1")).get(), target, true).ok());
  ASSERT_TRUE(other->Exchange(OpenPath(box.Path("other/1")).get(), target + "/inner", false).ok());
  ReceivingNamespace unit;
  EXPECT_EQ(ReadTestFile(unit.View(target + "/a")), "1");
  for (int i = 0; i < 20; ++i) {
    const std::string revision = absl::StrCat(1 + (i + 1) % 3);
    ASSERT_TRUE(
        exchanger->Exchange(OpenPath(box.Path("rev/" + revision)).get(), target, true).ok());
    EXPECT_EQ(ReadTestFile(unit.View(target + "/a")), revision);
    EXPECT_EQ(ReadTestFile(unit.View(target + "/inner/f")), "inner");
  }
  EXPECT_EQ(MountSandbox::MountsAt(target, unit.pid()), 1);
  EXPECT_EQ(box.MountCount(unit.pid()), 2);
  EXPECT_EQ(box.MountCount(), 2);
  EXPECT_LT(::open(unit.View(target + "/new").c_str(), O_CREAT | O_WRONLY, 0644), 0);
}

TEST(MountExchangeAuto, TakesTheOlderWayWhereTheKernelCannotMountBeneath) {
  for (const Kind kind : {Kind::kShared, Kind::kPrivate}) {
    for (const bool old_kernel : {false, true}) {
      MountSandbox box(kind);
      box.Write("rev/1/a", "1");
      box.Write("rev/2/a", "2");
      const std::string target = box.MakeDirectory("etc/service");
      int tried = 0;
      auto exchanger = std::make_unique<MountExchanger>(MountExchanger::Options{
          .owned_directory = box.Path("rev"),
          .before_step = [&](absl::string_view step, const std::string&) {
            if (step != "beneath") return absl::OkStatus();
            ++tried;
            return old_kernel ? absl::UnimplementedError("injected") : absl::OkStatus();
          }});
      for (const char* revision : {"1", "2", "1"}) {
        Fd source = OpenPath(box.Path(absl::StrCat("rev/", revision)));
        ASSERT_TRUE(exchanger->Exchange(source.get(), target, false).ok());
        EXPECT_EQ(ReadTestFile(target + "/a"), revision);
      }
      EXPECT_EQ(tried, 2);
      EXPECT_EQ(box.MountCount(), 1);
    }
  }
}

TEST_P(MountPropagation, AParentThatOnlyReceivesStaysSo) {
  MountSandbox box(Kind::kShared);
  const std::string peer = box.MakeDirectory("peer");
  box.Write("tree/rev/1/a", "1");
  box.Write("tree/rev/2/a", "2");
  box.MakeDirectory("tree/etc");
  ASSERT_EQ(::mount(box.Path("tree").c_str(), peer.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount("none", peer.c_str(), nullptr, MS_SLAVE, nullptr), 0);
  const MountEntry before = MountOf(peer);
  ASSERT_TRUE(before.slave && !before.shared);
  auto exchanger = std::make_unique<MountExchanger>(
      MountExchanger::Options{.owned_directory = peer + "/rev", .way = GetParam()});
  for (const char* revision : {"1", "2", "1"}) {
    Fd source = OpenPath(absl::StrCat(peer, "/rev/", revision));
    ASSERT_TRUE(exchanger->Exchange(source.get(), peer + "/etc", false).ok());
    EXPECT_EQ(ReadTestFile(peer + "/etc/a"), revision);
  }
  EXPECT_EQ(MountOf(peer), before);
  EXPECT_EQ(box.MountCount(), 2);
}

INSTANTIATE_TEST_SUITE_P(BothWays, MountPropagation,
                         testing::Values(ExchangeWay::kBeneath, ExchangeWay::kPropagation),
                         [](const testing::TestParamInfo<ExchangeWay>& info) {
                           return info.param == ExchangeWay::kBeneath ? "Beneath" : "Propagation";
                         });

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::RunTestsInMountNamespace(argc, argv); }
