#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/store/store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// store_writer in a process of its own.
class Writer {
 public:
  Writer(const std::string& path, const std::string& mode) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_ = Fd(ends[0]);
    Fd input(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    std::string program = "common/store/store_writer";
    std::string path_argument = path;
    std::string mode_argument = mode;
    char* arguments[] = {program.data(), path_argument.data(), mode_argument.data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Writer() { Kill(); }

  pid_t pid() const { return pid_; }

  // Reads until `number` was acknowledged, or the process has ended; returns the last one that was.
  int AwaitNumber(int number) {
    char buffer[4096];
    while (last_ < number) {
      const ssize_t size = ::read(output_.get(), buffer, sizeof(buffer));
      if (size <= 0) break;
      for (char c : std::string(buffer, static_cast<size_t>(size))) {
        if (c == '\n') {
          last_ = std::stoi(line_);
          line_.clear();
        } else {
          line_ += c;
        }
      }
    }
    return last_;
  }

  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  Fd output_;
  std::string line_;
  int last_ = 0;
};

class SqliteProcessTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Open(bool exclusive) {
    SqliteStoreOptions options;
    options.path = path_;
    options.exclusive = exclusive;
    return OpenSqliteStore(options);
  }

  TempDirectory directory_;
  std::string path_ = directory_.path() + "/store.db";
};

TEST_F(SqliteProcessTest, WhatWasAcknowledgedOutlivesKill) {
  int known = 0;
  for (int round = 0; round < 3; ++round) {
    Writer writer(path_, "exclusive");
    ASSERT_GE(writer.AwaitNumber(50 + 37 * round), 50);
    writer.Kill();
    const int acknowledged = writer.AwaitNumber(1 << 30);
    known = std::max(known, acknowledged);
    auto store = Open(true);
    ASSERT_TRUE(store.ok()) << store.status();
    for (int number = 1; number <= known; ++number) {
      auto value = (*store)->Get(absl::StrCat("number/", number));
      ASSERT_TRUE(value.ok()) << value.status();
      EXPECT_EQ(value->value, absl::StrCat(number));
    }
  }
}

TEST_F(SqliteProcessTest, ASecondWriterIsRefusedAndToldWhoHoldsTheStore) {
  Writer writer(path_, "exclusive");
  ASSERT_GE(writer.AwaitNumber(1), 1);
  for (bool exclusive : {true, false}) {
    absl::Status status = Open(exclusive).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("process ", writer.pid(), " ")));
    EXPECT_THAT(status.message(), HasSubstr(path_));
  }
  writer.Kill();
  EXPECT_TRUE(Open(true).ok()) << "the lock goes with the process";
}

TEST_F(SqliteProcessTest, AWatchSeesWhatAnotherProcessWrites) {
  auto store = Open(false);
  ASSERT_TRUE(store.ok()) << store.status();
  Mutex mutex;
  CondVar changed;
  int next = 1;
  bool in_order = true;
  auto watch = (*store)->Watch("number/", 0, [&](const StoreEvent& event) {
    MutexLock lock(mutex);
    in_order = in_order && event.key == absl::StrCat("number/", next);
    ++next;
    changed.NotifyAll();
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  Writer writer(path_, "shared");
  ASSERT_GE(writer.AwaitNumber(100), 100);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  {
    MutexLock lock(mutex);
    while (next <= 100 && changed.WaitUntil(mutex, deadline)) {
    }
    EXPECT_GT(next, 100);
    EXPECT_TRUE(in_order);
  }
  watch->reset();
}

}  // namespace
}  // namespace gitops
