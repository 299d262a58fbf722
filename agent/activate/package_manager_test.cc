#include "agent/activate/package_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/process/fake_process.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A host's root with an os-release and programs.
class Root {
 public:
  Root(const std::string& os_release, const std::vector<std::string>& programs) {
    std::string path = testing::TempDir() + "/rootXXXXXX";
    path_ = mkdtemp(path.data());
    std::filesystem::create_directories(path_ / "etc");
    std::filesystem::create_directories(path_ / "usr/bin");
    std::ofstream(path_ / "etc/os-release") << os_release;
    for (const std::string& program : programs) {
      std::ofstream(path_ / "usr/bin" / program) << "";
      std::filesystem::permissions(path_ / "usr/bin" / program, std::filesystem::perms::owner_all);
    }
  }
  ~Root() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

CommandResult Said(const std::string& output) {
  CommandResult result;
  result.output = output;
  return result;
}

CommandResult Status(int exit_status, const std::string& error_output = "") {
  CommandResult result;
  result.exit_status = exit_status;
  result.error_output = error_output;
  return result;
}

std::vector<std::string> Lines(const FakeProcessRunner& runner) {
  std::vector<std::string> lines;
  for (const Command& command : runner.commands())
    lines.push_back(absl::StrJoin(command.argv, " "));
  return lines;
}

constexpr char kAptInstall[] =
    "apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confdef -o "
    "Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 -o APT::Cmd::Pattern-Only=true ";
constexpr char kAptLook[] = "dpkg-query -W -f=${db:Status-Status} ";

TEST(PackageManagerTest, EachSystemIsAskedItsOwnWay) {
  struct Case {
    const char* why;
    const char* os_release;
    std::vector<std::string> programs;
    std::vector<std::string> commands;
  };
  const Case cases[] = {
      {"Debian",
       "ID=debian\n",
       {"apt-get"},
       {std::string(kAptLook) + "nginx", std::string(kAptInstall) + "nginx"}},
      {"a derivative of Debian, with dnf lying about",
       "ID=mint\nID_LIKE=\"ubuntu debian\"\n",
       {"apt-get", "dnf"},
       {std::string(kAptLook) + "nginx", std::string(kAptInstall) + "nginx"}},
      {"Fedora, with apt lying about",
       "NAME=F\nID=fedora\n",
       {"apt-get", "dnf"},
       {"rpm -q --whatprovides nginx", "dnf install -y -q --setopt=install_weak_deps=False nginx"}},
      {"a derivative of RHEL",
       "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
       {"dnf"},
       {"rpm -q --whatprovides nginx", "dnf install -y -q --setopt=install_weak_deps=False nginx"}},
      {"Arch",
       "ID=arch\n",
       {"pacman"},
       {"pacman -Q nginx", "pacman -S --noconfirm --needed nginx"}},
      {"unheard of, with a known tool",
       "ID=other\n",
       {"pacman"},
       {"pacman -Q nginx", "pacman -S --noconfirm --needed nginx"}},
  };
  for (const Case& c : cases) {
    Root root(c.os_release, c.programs);
    FakeProcessRunner runner;
    for (const char* look : {"dpkg-query", "rpm", "-Q"}) runner.On({look}, Status(1));
    EXPECT_TRUE(NewPackageManager(&runner, root.path())->EnsureInstalled("nginx").ok()) << c.why;
    EXPECT_EQ(Lines(runner), c.commands) << c.why;
  }
}

class AptTest : public testing::Test {
 protected:
  AptTest()
      : root_("ID=debian\n", {"apt-get"}), packages_(NewPackageManager(&runner_, root_.path())) {}

  Root root_;
  FakeProcessRunner runner_;
  std::unique_ptr<PackageManager> packages_;
};

TEST_F(AptTest, InstalledPackageIsLookedForOnce) {
  runner_.On({"dpkg-query"}, Said("installed"));
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
  EXPECT_THAT(Lines(runner_), ElementsAre(std::string(kAptLook) + "nginx"));
}

TEST_F(AptTest, InstallationIsNotRepeatedAndAsksNobody) {
  runner_.On({"dpkg-query"}, Said("config-files"));
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
  ASSERT_EQ(runner_.commands().size(), 2u);
  EXPECT_THAT(runner_.commands()[1].environment,
              testing::Contains(std::make_pair("DEBIAN_FRONTEND", "noninteractive")));
}

TEST_F(AptTest, FailureIsToldAndTriedAgainNextTime) {
  runner_.On({"dpkg-query"}, Status(1));
  runner_.On({"apt-get", "install"}, Status(100, "E: no space left\n"));
  const absl::Status status = packages_->EnsureInstalled("nginx");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      status.message(),
      "package nginx could not be installed: apt-get ended with status 100: E: no space left");
  runner_.On({"apt-get", "install"}, CommandResult{});
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
}

TEST_F(AptTest, UnknownPackageIsLookedForInFreshLists) {
  runner_.On({"dpkg-query"}, Status(1));
  std::atomic<bool> updated = false;
  runner_.On({"apt-get", "update"}, [&](const Command&) -> absl::StatusOr<CommandResult> {
    updated = true;
    return CommandResult{};
  });
  runner_.On({"apt-get", "install"}, [&](const Command&) -> absl::StatusOr<CommandResult> {
    if (updated) return CommandResult{};
    return Status(100, "E: Unable to locate package x");
  });
  EXPECT_TRUE(packages_->EnsureInstalled("nginx").ok());
  EXPECT_EQ(runner_.CountOf({"apt-get", "install"}), 2);
}

TEST_F(AptTest, LockHeldByAnotherIsUnavailable) {
  runner_.On({"dpkg-query"}, Status(1));
  runner_.On({"install"}, Status(100, "E: Could not get lock /var/lib/dpkg"));
  EXPECT_EQ(packages_->EnsureInstalled("nginx").code(), absl::StatusCode::kUnavailable);
}

TEST_F(AptTest, RunnersErrorsKeepTheirMeaning) {
  const std::pair<absl::Status, absl::StatusCode> cases[] = {
      {absl::DeadlineExceededError("x"), absl::StatusCode::kDeadlineExceeded},
      {absl::CancelledError("x"), absl::StatusCode::kCancelled},
      {absl::ResourceExhaustedError("x"), absl::StatusCode::kUnavailable},
      {absl::NotFoundError("x"), absl::StatusCode::kFailedPrecondition},
  };
  for (const auto& [error, expected] : cases) {
    for (const char* at : {"dpkg-query", "install"}) {
      FakeProcessRunner runner;
      runner.On({"dpkg-query"}, Status(1));
      runner.On({at}, error);
      const absl::Status status =
          NewPackageManager(&runner, root_.path())->EnsureInstalled("nginx");
      EXPECT_EQ(status.code(), expected) << at << " " << error;
    }
  }
}

TEST_F(AptTest, NamesThatSayMoreThanANameAreNeverRun) {
  for (const char* name : {"", "-oDebug=1", "nginx-", "a b", "a;b", "nginx=1", "../x", "~i", "a*",
                           "nginx\n", "n\xc3\xa4"}) {
    EXPECT_EQ(packages_->EnsureInstalled(name).code(), absl::StatusCode::kFailedPrecondition)
        << name;
  }
  EXPECT_THAT(Lines(runner_), IsEmpty());
  runner_.On({"dpkg-query"}, Said("installed"));
  for (const char* name : {"g++", "libc6:i386", "python3.11", "lib_x", "0ad", "perl-base"}) {
    EXPECT_TRUE(packages_->EnsureInstalled(name).ok()) << name;
  }
}

TEST_F(AptTest, TwoInstallationsNeverOverlap) {
  runner_.On({"dpkg-query"}, Status(1));
  std::atomic<int> running = 0, most = 0;
  runner_.On({"install"}, [&](const Command&) -> absl::StatusOr<CommandResult> {
    const int now = ++running;
    if (now > most) most = now;
    std::this_thread::yield();
    --running;
    return CommandResult{};
  });
  std::vector<std::thread> threads;
  for (const char* name : {"a1", "a2", "a3", "a1"}) {
    threads.emplace_back([this, name] { EXPECT_TRUE(packages_->EnsureInstalled(name).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(runner_.CountOf({"install"}), 3);
}

TEST_F(AptTest, AStopEndsTheWaitAndNotTheInstallationAndWhatHasNotBegunIsNotInstalled) {
  runner_.On({"dpkg-query"}, Status(1));
  std::promise<void> begun, go;
  runner_.On({"install"}, [&](const Command&) -> absl::StatusOr<CommandResult> {
    begun.set_value();
    go.get_future().wait();
    return CommandResult{};
  });
  std::stop_source stop;
  std::vector<std::thread> threads;
  for (const char* name : {"nginx", "redis"}) {
    threads.emplace_back([&, name] {
      EXPECT_EQ(packages_->EnsureInstalled(name, stop.get_token()).code(),
                absl::StatusCode::kCancelled);
    });
    if (threads.size() == 1) begun.get_future().wait();
  }
  stop.request_stop();
  for (std::thread& thread : threads) thread.join();
  go.set_value();
  packages_.reset();  // waits for its end
  EXPECT_EQ(runner_.CountOf({"install"}), 1);
}

TEST(PackageManagerTest, HostWithoutAPackageManagerSaysSo) {
  Root root("ID=nixos\n", {});
  FakeProcessRunner runner;
  const absl::Status status = NewPackageManager(&runner, root.path())->EnsureInstalled("nginx");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("neither apt-get, dnf nor pacman"));
  EXPECT_THAT(Lines(runner), IsEmpty());
}

}  // namespace
}  // namespace gitops
