#include "common/process/fake_process.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace gitops {
namespace {

bool Holds(const Command& command, const std::vector<std::string>& words) {
  auto at = command.argv.begin();
  for (const std::string& word : words) {
    at = std::find(at, command.argv.end(), word);
    if (at == command.argv.end()) return false;
    ++at;
  }
  return true;
}

class FakeConversation final : public Conversation {
 public:
  FakeConversation(ProcessRunner* runner, Command command)
      : runner_(runner), command_(std::move(command)) {}

  absl::Status Ask(absl::string_view request, const OnAnswer& on_answer, absl::Duration timeout,
                   int cancel) override {
    Command command = command_;
    command.input = std::string(request);
    command.timeout = timeout;
    command.cancel = cancel;
    command.on_output = nullptr;
    absl::StatusOr<CommandResult> result = runner_->Run(command);
    if (!result.ok()) return result.status();
    const absl::StatusOr<bool> complete = on_answer(result->output);
    if (!complete.ok()) return complete.status();
    if (*complete) return absl::OkStatus();
    result->output.clear();
    ending_ = *std::move(result);
    return absl::AbortedError("the fake process ended before it had answered");
  }
  const std::optional<CommandResult>& ending() const override { return ending_; }

 private:
  ProcessRunner* const runner_;
  const Command command_;
  std::optional<CommandResult> ending_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Conversation>> FakeProcessRunner::Converse(const Command& command) {
  return std::make_unique<FakeConversation>(this, command);
}

absl::StatusOr<CommandResult> FakeProcessRunner::Run(const Command& command) {
  absl::StatusOr<Handler> handler = Choose(command);
  if (!handler.ok()) return handler.status();
  absl::StatusOr<CommandResult> result = (*handler)(command);
  if (!result.ok() || command.on_output == nullptr) return result;
  if (!result->output.empty()) {
    absl::Status status = command.on_output(result->output);
    if (!status.ok()) return status;
    result->output.clear();
  }
  return result;
}

absl::StatusOr<FakeProcessRunner::Handler> FakeProcessRunner::Choose(const Command& command) {
  MutexLock lock(mutex_);
  if (stopped_) return absl::CancelledError("the fake process runner was stopped");
  commands_.push_back(command);
  changed_.NotifyAll();
  const auto number = static_cast<int64_t>(commands_.size());
  for (const Failure& failure : failures_) {
    if (failure.at == number) return failure.error;
  }
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (Holds(command, rule->words)) return rule->handler;
  }
  return Handler([](const Command&) { return CommandResult(); });
}

void FakeProcessRunner::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
}

int64_t FakeProcessRunner::spawned() const {
  MutexLock lock(mutex_);
  return static_cast<int64_t>(commands_.size());
}

void FakeProcessRunner::On(std::vector<std::string> words, Handler handler) {
  MutexLock lock(mutex_);
  rules_.push_back(Rule{std::move(words), std::move(handler)});
}

void FakeProcessRunner::On(std::vector<std::string> words, CommandResult result) {
  On(std::move(words), Handler([result = std::move(result)](const Command&) { return result; }));
}

void FakeProcessRunner::On(std::vector<std::string> words, absl::Status error) {
  On(std::move(words), Handler([error = std::move(error)](const Command&) { return error; }));
}

void FakeProcessRunner::FailNth(int n, absl::Status error) {
  MutexLock lock(mutex_);
  failures_.push_back(Failure{static_cast<int64_t>(commands_.size()) + n, std::move(error)});
}

std::vector<Command> FakeProcessRunner::commands() const {
  MutexLock lock(mutex_);
  return commands_;
}

int FakeProcessRunner::CountOf(const std::vector<std::string>& words) const {
  MutexLock lock(mutex_);
  return CountLocked(words);
}

int FakeProcessRunner::CountLocked(const std::vector<std::string>& words) const {
  return static_cast<int>(
      std::count_if(commands_.begin(), commands_.end(),
                    [&](const Command& command) { return Holds(command, words); }));
}

bool FakeProcessRunner::AwaitCount(const std::vector<std::string>& words, int count,
                                   std::chrono::milliseconds within) {
  const auto give_up = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  while (CountLocked(words) < count) {
    if (!changed_.WaitUntil(mutex_, give_up)) return CountLocked(words) >= count;
  }
  return true;
}

}  // namespace gitops
