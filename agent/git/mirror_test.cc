#include "agent/git/mirror.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <map>
#include <stop_token>
#include <thread>

#include "agent/git/git_test_base.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

using MirrorTest = GitTest;

// An upstream that takes connections and never says a word.
class SilentUpstream {
 public:
  SilentUpstream() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_.get(), 10), 0);
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    url_ = "git://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x";
  }
  const std::string& url() const { return url_; }

 private:
  const Fd socket_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string url_;
};

TEST_F(MirrorTest, ServicesOfOneUpstreamAndUserShareOneMirrorAndOneFetch) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  EXPECT_EQ(driver_->UpstreamFor(service_.upstream, ""), polled_);
  EXPECT_NE(driver_->UpstreamFor(service_.upstream, "nobody"), polled_);
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    ServiceSpec service = service_;
    service.service = "s" + std::to_string(i);
    sources.push_back(driver_->SourceFor(service, *RevisionStore::Open(RevisionRoot(service))));
  }
  for (auto& source : sources) {
    threads.emplace_back([&] { EXPECT_EQ(source->Prepare(commit, false), absl::OkStatus()); });
  }
  for (auto& thread : threads) thread.join();
  int commit_fetches = 0;
  for (const Command& command : runner_.commands()) {
    for (const std::string& argument : command.argv) {
      commit_fetches += argument.find(":refs/gitops/") != std::string::npos;
    }
  }
  EXPECT_EQ(commit_fetches, 1);
}

TEST_F(MirrorTest, APollOfAnUnchangedUpstreamIsOneProcess) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  const int64_t before = runner_.spawned();
  EXPECT_EQ(Newest().value_or(""), commit);
  EXPECT_EQ(runner_.spawned(), before + 1);
}

TEST_F(MirrorTest, ADamagedMirrorIsMadeAgain) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  const std::vector<std::pair<const char*, std::function<void(const std::string&)>>> damages = {
      {"a file in its place",
       [](const std::string& mirror) {
         fs::remove_all(mirror);
         std::ofstream(mirror) << "no directory";
       }},
      {"HEAD gone", [](const std::string& mirror) { fs::remove(mirror + "/HEAD"); }},
      {"packs gone",
       [](const std::string& mirror) {
         fs::remove_all(mirror + "/objects/pack");
         fs::create_directories(mirror + "/objects/pack");
       }},
      {"config garbled",
       [](const std::string& mirror) { std::ofstream(mirror + "/config") << "[[[\n"; }},
      {"packs cut short",
       [](const std::string& mirror) {
         for (const auto& file : fs::directory_iterator(mirror + "/objects/pack")) {
           fs::permissions(file, fs::perms::owner_all);
           fs::resize_file(file, fs::file_size(file) / 2);
         }
       }},
      {"all gone", [](const std::string& mirror) { fs::remove_all(mirror); }},
  };
  int i = 0;
  for (const auto& [what, damage] : damages) {
    Start();
    ASSERT_TRUE(source_->Prepare(a, true).ok()) << what;
    damage(MirrorPath());
    Start();
    const std::string next = upstream_->CommitFiles({{"etc/a", std::to_string(++i)}});
    ASSERT_EQ(Newest().value_or(""), next) << what;
    const absl::Status status = Prepare(next);
    EXPECT_TRUE(status.ok()) << what << ": " << status;
    EXPECT_EQ(Read(next, "etc/a"), std::to_string(i)) << what;
  }
}

TEST_F(MirrorTest, AMirrorWhoseTreesAreDamagedIsMadeAgainWhenAFetchNeedsThem) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 200; ++i) files["etc/file-" + std::to_string(i)] = std::to_string(i);
  const std::string a = upstream_->CommitFiles(files);
  Start();
  ASSERT_EQ(Prepare(a), absl::OkStatus());
  // Commits come first in a pack, so references and history stay as they were.
  int damaged = 0;
  for (const auto& file : fs::directory_iterator(MirrorPath() + "/objects/pack")) {
    if (file.path().extension() != ".pack") continue;
    fs::permissions(file, fs::perms::owner_all);
    const auto half = static_cast<std::streamoff>(fs::file_size(file) / 2);
    std::fstream pack(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    pack.seekp(half) << std::string(static_cast<size_t>(half) - 20, '\0');
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  Start();
  // The upstream sends the changed tree as a delta of the one that the mirror had.
  files["etc/file-1"] = "changed";
  const std::string next = upstream_->CommitFiles(files);
  ASSERT_EQ(Newest().value_or(""), next);
  EXPECT_EQ(Prepare(next), absl::OkStatus());
  EXPECT_EQ(Read(next, "etc/file-1"), "changed");
  EXPECT_EQ(runner_.CountOf("init"), 2) << "the mirror is a new one";
}

TEST_F(MirrorTest, WhatAnSshServerSaysIsNoDamage) {
  fs::create_directories(dir_ + "/bin");
  const std::string words = dir_ + "/words";
  std::ofstream(dir_ + "/bin/ssh")
      << "#!/bin/sh\n[ -e " << words << " ] && cat " << words
      << " >&2 && exit 255\nfor last; do :; done\nexec sh -c \"$last\"\n";
  fs::permissions(dir_ + "/bin/ssh", fs::perms(0755));
  runner_.path = dir_ + "/bin:/usr/bin:/bin";
  service_.upstream.url = "ssh://host" + upstream_->path();
  Start();
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  ASSERT_TRUE(Newest().ok());
  ASSERT_EQ(Prepare(a), absl::OkStatus());
  int number = 1;
  for (const char* lie :
       {"fatal: packfile x.pack is corrupt", "error: bad object refs/gitops/x",
        "fatal: not a git repository: 'x'", "error: inflate: data stream error (x)",
        "fatal: index file corrupt", "fatal: mismatched algorithms: client sha1; server sha256"}) {
    const std::string next = upstream_->CommitFiles({{"etc/a", std::to_string(++number)}});
    ASSERT_EQ(Newest().value_or(""), next);
    std::ofstream(words) << lie << "\n";
    const absl::Status status = Prepare(next);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << lie << ": " << status;
    fs::remove(words);
    EXPECT_EQ(Prepare(next), absl::OkStatus()) << lie;
  }
  EXPECT_EQ(runner_.CountOf("init"), 1) << "the mirror is the first one";
}

TEST_F(MirrorTest, DamageWhileTheAgentRunsIsMendedToo) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(a).ok());
  fs::remove_all(MirrorPath());
  EXPECT_TRUE(source_->Prepare(a, true).ok());
}

TEST_F(MirrorTest, WhatAKilledFetchLeftStopsNothing) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(a).ok());
  for (const auto& entry : fs::directory_iterator(MirrorPath() + "/refs/gitops")) {
    std::ofstream(entry.path().string() + ".lock");
    break;
  }
  std::ofstream(MirrorPath() + "/objects/pack/tmp_pack_x") << "half";
  std::ofstream(MirrorPath() + "/packed-refs.lock");
  Start();
  const std::string b = upstream_->CommitFiles({{"etc/a", "2"}});
  ASSERT_TRUE(Prepare(b).ok()) << Prepare(b);
  EXPECT_FALSE(fs::exists(MirrorPath() + "/objects/pack/tmp_pack_x"));
}

TEST_F(MirrorTest, AFetchThatIsCutOffLeavesTheOldOnesUsableAndIsMadeUpFor) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(a).ok());
  const std::string b = upstream_->CommitFiles({{"etc/a", "2"}});
  ASSERT_EQ(Newest().value_or(""), b);
  // The upstream dies between poll and fetch.
  fs::rename(upstream_->path(), upstream_->path() + ".away");
  const absl::Status status = Prepare(b);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_TRUE(Prepare(a).ok());
  fs::rename(upstream_->path() + ".away", upstream_->path());
  EXPECT_TRUE(Prepare(b).ok());
}

TEST_F(MirrorTest, AFetchThatHangsAndOneThatWaitsForItAreInterruptedEachByItsOwn) {
  const SilentUpstream silent;
  service_.upstream.url = silent.url();
  std::promise<void> begun;
  runner_.before = [&, told = false](const Command& command) mutable {
    for (const std::string& argument : command.argv) {
      if (argument == "fetch" && !std::exchange(told, true)) begun.set_value();
    }
  };
  Start();
  const std::string commit(40, 'a');
  std::stop_source stop_hanging, stop_waiting;
  auto hanging = std::async(std::launch::async, [&] {
    return source_->Prepare(commit, false, stop_hanging.get_token());
  });
  begun.get_future().wait();
  ServiceSpec other = service_;
  other.service = "other";
  const auto waiting_source = driver_->SourceFor(other, *RevisionStore::Open(RevisionRoot(other)));
  auto waiting = std::async(std::launch::async, [&] {
    return waiting_source->Prepare(commit, false, stop_waiting.get_token());
  });
  stop_waiting.request_stop();
  EXPECT_EQ(waiting.get().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(hanging.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  stop_hanging.request_stop();
  EXPECT_EQ(hanging.get().code(), absl::StatusCode::kCancelled);
}

TEST_F(MirrorTest, WhatWasInterruptedCanBeDoneAfterwards) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(source_->Prepare(commit, false, stopped.get_token()).code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(Prepare(commit), absl::OkStatus());
}

TEST_F(MirrorTest, ManyPacksBecomeOneAndNothingIsLost) {
  Start();
  std::vector<std::string> commits;
  for (int i = 0; i < 30; ++i) {
    commits.push_back(upstream_->CommitFiles({{"etc/a", std::to_string(i)}}, "main", i % 2 == 0));
    ASSERT_TRUE(Prepare(commits.back()).ok());
  }
  const auto packs = [&] {
    int count = 0;
    for (const auto& file : fs::directory_iterator(MirrorPath() + "/objects/pack")) {
      count += file.path().extension() == ".pack";
    }
    return count;
  };
  for (int i = 0; packs() <= 50 && i < 60; ++i) {
    commits.push_back(upstream_->CommitFiles({{"etc/a", "x" + std::to_string(i)}}));
    ASSERT_TRUE(Prepare(commits.back()).ok());
  }
  ASSERT_GT(packs(), 50);
  ASSERT_TRUE(source_->Prune(1, {}).ok());
  EXPECT_LE(packs(), 2);
  fs::remove_all(upstream_->path());
  Start();
  for (const std::string& commit : commits) {
    ASSERT_TRUE(Prepare(commit).ok()) << "needs nothing from the upstream";
  }
}

TEST_F(MirrorTest, UnusedMirrorsAreRemovedFromDisk) {
  upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Newest().ok());
  ASSERT_TRUE(driver_->RemoveUnusedMirrors().ok());
  EXPECT_FALSE(fs::is_empty(dir_ + "/state/mirrors"));
  source_.reset();
  polled_.reset();
  ASSERT_TRUE(driver_->RemoveUnusedMirrors().ok());
  EXPECT_TRUE(fs::is_empty(dir_ + "/state/mirrors"));
}

TEST_F(MirrorTest, APasswordIsInNoArgumentNoVariableAndNoMessage) {
  service_.upstream.url = "http://user:hunter2hunter2@127.0.0.1:1/x.git";
  Start();
  const auto newest = Newest();
  EXPECT_EQ(newest.status().code(), absl::StatusCode::kUnavailable) << newest.status();
  EXPECT_THAT(newest.status().ToString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(Prepare(std::string(40, 'a')).ToString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(polled_->name(), Not(HasSubstr("hunter2")));
  ASSERT_FALSE(runner_.commands().empty());
  for (const Command& command : runner_.commands()) {
    for (const std::string& word : command.argv) EXPECT_THAT(word, Not(HasSubstr("hunter2")));
    for (const auto& variable : command.environment) {
      EXPECT_THAT(variable.second, Not(HasSubstr("hunter2")));
    }
  }
}

TEST_F(MirrorTest, OperationsAreCounted) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  std::map<std::string, int> counted;
  driver_ = std::make_unique<GitDriver>(
      GitOptions{.state_dir = dir_ + "/state",
                 .runner = &runner_,
                 .on_operation = [&](absl::string_view operation, bool ok, absl::Duration) {
                   counted[std::string(operation) + (ok ? " ok" : " failed")]++;
                 }});
  ASSERT_TRUE(driver_->UpstreamFor(service_.upstream, "")->Newest({"main"}).ok());
  EXPECT_EQ(counted["ls-remote ok"], 1);
  fs::remove_all(upstream_->path() + "/HEAD");
  EXPECT_FALSE(driver_->UpstreamFor(service_.upstream, "")->Newest({"main"}).ok());
  EXPECT_EQ(counted["ls-remote failed"], 1);
}

TEST_F(MirrorTest, AFullDiskIsSaidAndMendsItself) {
  if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  fs::create_directories(dir_ + "/state");
  ASSERT_EQ(mount("none", (dir_ + "/state").c_str(), "tmpfs", 0, "size=600k,mode=755"), 0);
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 1'000'000; ++i)
    noise.push_back(char((x = x * 1664525 + 1013904223) >> 24));
  const std::string commit = upstream_->CommitFiles({{"etc/a", noise}});
  Start();
  const absl::Status status = Prepare(commit);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(source_->Ready().empty());
  ASSERT_EQ(mount("none", (dir_ + "/state").c_str(), "tmpfs", MS_REMOUNT, "size=20m"), 0);
  EXPECT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  polled_.reset();
  ASSERT_EQ(umount2((dir_ + "/state").c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace gitops
