#ifndef GITOPS_COMMON_PROCESS_FAKE_PROCESS_H_
#define GITOPS_COMMON_PROCESS_FAKE_PROCESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/process/process.h"
#include "common/sync/mutex.h"

namespace gitops {

// A process runner that spawns nothing and gives scripted answers. Thread-safe.
//
//   FakeProcessRunner runner;
//   runner.On({"git", "fetch"}, {.exit_status = 128, .error_output = "fatal: no route"});
//   runner.FailNth(3, absl::ResourceExhaustedError("no more processes"));
class FakeProcessRunner : public ProcessRunner {
 public:
  using Handler = std::function<absl::StatusOr<CommandResult>(const Command&)>;

  // Commands without a rule succeed with no output.
  absl::StatusOr<CommandResult> Run(const Command& command) override;
  // What is asked in a conversation is answered as if it were a run of the command with that input;
  // a result that is not ok() is the process's end. It must give the whole answer.
  absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) override;
  void Stop() override;
  int64_t spawned() const override;

  // Answers commands whose argv contains all of `words`, in this order but not necessarily
  // adjacent. If several rules match, the newest one answers. The handler may block or call this
  // object; the output of its result goes to the command's on_output if it has one.
  void On(std::vector<std::string> words, Handler handler);
  void On(std::vector<std::string> words, CommandResult result);
  void On(std::vector<std::string> words, absl::Status error);

  // The Nth Run() from now (1: the next) fails with `error`, regardless of the rules. May be called
  // for several N.
  void FailNth(int n, absl::Status error);

  // All commands so far, oldest first, including those that FailNth() failed.
  std::vector<Command> commands() const;
  // The number of commands that match `words` as in On().
  int CountOf(const std::vector<std::string>& words) const;
  // Waits until CountOf(words) is at least `count`. Returns false after `within` of real time.
  bool AwaitCount(const std::vector<std::string>& words, int count,
                  std::chrono::milliseconds within = std::chrono::seconds(10));

 private:
  struct Rule {
    std::vector<std::string> words;
    Handler handler;
  };
  struct Failure {
    int64_t at;
    absl::Status error;
  };

  absl::StatusOr<Handler> Choose(const Command& command);
  int CountLocked(const std::vector<std::string>& words) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Command> commands_ ABSL_GUARDED_BY(mutex_);
  std::vector<Rule> rules_ ABSL_GUARDED_BY(mutex_);
  std::vector<Failure> failures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_FAKE_PROCESS_H_
