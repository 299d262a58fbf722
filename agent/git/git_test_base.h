#ifndef GITOPS_AGENT_GIT_GIT_TEST_BASE_H_
#define GITOPS_AGENT_GIT_GIT_TEST_BASE_H_

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "agent/git/git.h"
#include "common/git/test_repository.h"
#include "common/sync/mutex.h"
#include "gtest/gtest.h"

namespace gitops {

// Runs commands for real, records them, and lets a test intervene before each.
class WatchedRunner : public ProcessRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command) override {
    {
      MutexLock lock(mutex_);
      commands_.push_back(command);
    }
    if (before) before(command);
    if (path.empty()) return runner_->Run(command);
    Command changed = command;
    changed.environment.emplace_back("PATH", path);
    return runner_->Run(changed);
  }
  void Stop() override { runner_->Stop(); }
  absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) override {
    {
      MutexLock lock(mutex_);
      commands_.push_back(command);
    }
    if (before) before(command);
    if (!no_conversation.ok()) return no_conversation;
    return runner_->Converse(command);
  }
  int64_t spawned() const override { return runner_->spawned(); }

  int CountOf(const std::string& word) const {
    MutexLock lock(mutex_);
    int count = 0;
    for (const Command& command : commands_) {
      for (const std::string& argument : command.argv) count += argument == word;
    }
    return count;
  }
  std::vector<Command> commands() const {
    MutexLock lock(mutex_);
    return commands_;
  }

  std::function<void(const Command&)> before;
  std::string path;              // PATH of what is run, if it is not the usual one
  absl::Status no_conversation;  // why none can be begun

 private:
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  mutable Mutex mutex_;
  std::vector<Command> commands_ ABSL_GUARDED_BY(mutex_);
};

// A service that follows a real repository on disk, in /tmp, which every account can reach.
class GitTest : public ::testing::Test {
 protected:
  GitTest() {
    char path[] = "/tmp/gitops-git.XXXXXX";
    if (mkdtemp(path) == nullptr) std::abort();
    chmod(path, 0755);
    dir_ = path;
    upstream_ = std::make_unique<TestRepository>(dir_ + "/upstream.git");
    service_.service = "web";
    service_.upstream.url = upstream_->url();
    service_.mount = dir_ + "/mount";
    service_.directories = {{.local = "/etc/web", .link = "etc"}};
  }
  ~GitTest() override {
    source_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  // (Re)starts the driver, like a restart of the agent.
  void Start() {
    source_.reset();
    store_.reset();
    driver_ = std::make_unique<GitDriver>(GitOptions{
        .state_dir = dir_ + "/state", .runner = &runner_, .fetch_timeout = fetch_timeout_});
    auto store = RevisionStore::Open(RevisionRoot(service_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    source_ = driver_->SourceFor(service_, store_);
    polled_ = driver_->UpstreamFor(service_.upstream, service_.user);
  }

  absl::StatusOr<std::string> Newest(const std::string& branch = "main") {
    auto newest = polled_->Newest({branch});
    if (!newest.ok()) return newest.status();
    return newest->at(branch);
  }
  absl::Status Prepare(const std::string& revision) { return source_->Prepare(revision, false); }

  bool IsReady(const std::string& revision) const { return store_->Newest(revision).ok(); }
  // Where the files of a prepared revision are.
  std::string Tree(const std::string& revision) const {
    const auto directory = store_->Newest(revision);
    return directory.ok() ? store_->TreePath(*directory) : "/nonexistent";
  }
  std::string Read(const std::string& revision, const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(Tree(revision) + "/" + path).rdbuf();
    return text.str();
  }
  std::string MirrorPath() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/state/mirrors")) {
      return entry.path().string() + "/repository.git";
    }
    return "";
  }

  std::string dir_;
  absl::Duration fetch_timeout_ = absl::Minutes(2);
  WatchedRunner runner_;
  std::unique_ptr<TestRepository> upstream_;
  ServiceSpec service_;
  std::unique_ptr<GitDriver> driver_;
  std::shared_ptr<RevisionStore> store_;
  std::unique_ptr<Source> source_;
  std::shared_ptr<Upstream> polled_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_GIT_TEST_BASE_H_
