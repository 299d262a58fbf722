#include "agent/activate/package_manager.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/path/read_file.h"
#include "common/sync/mutex.h"
#include "common/sync/start_thread.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

using Words = std::vector<std::string>;

constexpr absl::Duration kMaxLookWait = absl::Minutes(1);
constexpr absl::Duration kMaxInstallation = absl::Minutes(15);
constexpr size_t kMaxShownError = 400;

struct Tool {
  std::string program;               // the installer, whose presence shows that the tool is there
  std::vector<std::string> systems;  // ID and ID_LIKE of /etc/os-release
  Words look;                        // the package's name follows
  // The output of `look` for an installed package; empty: its exit status decides.
  std::string installed_output;
  Words install;  // the package's name follows
  Words refresh;  // refreshes the package lists, if the name is not found
  std::vector<std::string> not_found;
  std::vector<std::string> locked;
};

const std::vector<Tool>& Tools() {
  static const auto* const tools = new std::vector<Tool>{
      {.program = "apt-get",
       .systems = {"debian", "ubuntu"},
       .look = {"dpkg-query", "-W", "-f=${db:Status-Status}"},
       .installed_output = "installed",
       // Existing config files are kept: the agent publishes them. The name is not a pattern, which
       // could match a hundred packages.
       .install = {"apt-get", "install", "-y", "-q", "--no-install-recommends", "-o",
                   "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o",
                   "DPkg::Lock::Timeout=300", "-o", "APT::Cmd::Pattern-Only=true"},
       .refresh = {"apt-get", "update", "-q"},
       .not_found = {"Unable to locate package", "has no installation candidate"},
       .locked = {"Could not get lock", "Unable to acquire the dpkg frontend lock"}},
      {.program = "dnf",
       .systems = {"fedora", "rhel", "centos"},
       .look = {"rpm", "-q", "--whatprovides"},
       .installed_output = "",
       .install = {"dnf", "install", "-y", "-q", "--setopt=install_weak_deps=False"},
       .refresh = {},  // dnf refreshes by itself
       .not_found = {},
       .locked = {}},  // and waits for its lock
      {.program = "pacman",
       .systems = {"arch"},
       .look = {"pacman", "-Q"},
       .installed_output = "",
       .install = {"pacman", "-S", "--noconfirm", "--needed"},
       .refresh = {"pacman", "-Sy"},
       .not_found = {"target not found"},
       .locked = {"unable to lock database"}},
  };
  return *tools;
}

bool IsPackageName(absl::string_view name) {
  if (name.empty() || name.size() > 200) return false;
  if (!absl::ascii_isalnum(static_cast<unsigned char>(name.front()))) return false;
  // apt interprets a trailing '-' as "remove".
  if (name.back() == '-') return false;
  return absl::c_all_of(name, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("+._@:-", c);
  });
}

bool Says(const CommandResult& result, const std::vector<std::string>& phrases) {
  return absl::c_any_of(phrases, [&](const std::string& phrase) {
    return absl::StrContains(result.error_output, phrase);
  });
}

// Words of ID and ID_LIKE.
std::set<std::string> SystemIds(const std::string& root) {
  const std::string text = ReadWholeFile(absl::StrCat(root, "/etc/os-release")).value_or("");
  std::set<std::string> ids;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, std::string> entry =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (entry.first != "ID" && entry.first != "ID_LIKE") continue;
    for (absl::string_view id :
         absl::StrSplit(entry.second, absl::ByAnyChar(" \"'"), absl::SkipEmpty())) {
      ids.emplace(id);
    }
  }
  return ids;
}

bool HasProgram(const std::string& root, const std::string& program) {
  return absl::c_any_of(Words{"/usr/bin/", "/bin/", "/usr/sbin/"}, [&](const std::string& folder) {
    return access(absl::StrCat(root, folder, program).c_str(), X_OK) == 0;
  });
}

const Tool* ChooseTool(const std::string& root) {
  const std::set<std::string> ids = SystemIds(root);
  const Tool* any = nullptr;
  for (const Tool& tool : Tools()) {
    if (!HasProgram(root, tool.program)) continue;
    if (absl::c_any_of(tool.systems, [&](const std::string& id) { return ids.contains(id); })) {
      return &tool;
    }
    if (any == nullptr) any = &tool;
  }
  return any;
}

class HostPackageManager : public PackageManager {
 public:
  HostPackageManager(ProcessRunner* runner, const std::string& root)
      : runner_(runner), tool_(ChooseTool(root == "/" ? "" : root)) {}
  ~HostPackageManager() override;

  absl::Status EnsureInstalled(const std::string& package, const std::stop_token& stop) override;

 private:
  struct Order {
    std::string package;
    int waiting = 0;  // callers; without any, it is not begun
    std::optional<absl::Status> result;
  };

  absl::StatusOr<std::shared_ptr<Order>> Want(const std::string& package)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work();
  absl::Status LookAndInstall(const std::string& package);
  absl::StatusOr<CommandResult> Run(Words argv, const std::string& package, absl::Duration limit);
  absl::StatusOr<bool> IsInstalled(const std::string& package);
  absl::Status Install(const std::string& package);

  ProcessRunner* const runner_;
  const Tool* const tool_;  // null: none
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> known_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Order>> orders_ ABSL_GUARDED_BY(mutex_);  // the first is under way
  bool working_ ABSL_GUARDED_BY(mutex_) = false;  // the thread runs, or is about to
  std::thread thread_ ABSL_GUARDED_BY(mutex_);    // only while there are orders
};

HostPackageManager::~HostPackageManager() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

absl::Status HostPackageManager::EnsureInstalled(const std::string& package,
                                                 const std::stop_token& stop) {
  if (!IsPackageName(package)) {
    return absl::FailedPreconditionError(
        absl::StrCat("\"", package,
                     "\" is not a package name (letters, digits and + . _ @ : -, starting with a ",
                     "letter or digit and not ending with -); correct `package`"));
  }
  if (tool_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("package ", package,
                     " cannot be installed: neither apt-get, dnf nor pacman is installed on this ",
                     "host; install it by other means and leave `package` empty"));
  }
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  MutexLock lock(mutex_);
  if (known_.contains(package)) return absl::OkStatus();
  const auto order = Want(package);
  if (!order.ok()) return order.status();
  ++(*order)->waiting;
  while (!(*order)->result.has_value() && !stop.stop_requested()) changed_.Wait(mutex_);
  --(*order)->waiting;
  // A deep copy, as in Completion: several callers may have this result.
  const std::optional<absl::Status>& result = (*order)->result;
  if (result.has_value()) return absl::Status(result->code(), result->message());
  return absl::CancelledError(absl::StrCat("stopped waiting for package ", package));
}

// On a thread of its own, so that nobody has to wait for its end.
absl::StatusOr<std::shared_ptr<HostPackageManager::Order>> HostPackageManager::Want(
    const std::string& package) {
  for (const auto& order : orders_) {
    if (order->package == package) return order;
  }
  if (!working_) {
    absl::StatusOr<std::thread> thread = StartThread("install packages", [this] { Work(); });
    if (!thread.ok()) return thread.status();
    if (thread_.joinable()) thread_.join();  // it has left the lock
    thread_ = *std::move(thread);
    working_ = true;
  }
  orders_.push_back(std::make_shared<Order>(Order{.package = package, .result = {}}));
  return orders_.back();
}

void HostPackageManager::Work() {
  MutexLock lock(mutex_);
  while (!orders_.empty()) {
    const std::shared_ptr<Order> order = orders_.front();
    if (order->waiting > 0) {
      mutex_.Unlock();
      absl::Status status = LookAndInstall(order->package);
      mutex_.Lock();
      if (status.ok()) known_.insert(order->package);
      order->result = std::move(status);
    }
    orders_.pop_front();
    changed_.NotifyAll();
  }
  working_ = false;
}

absl::Status HostPackageManager::LookAndInstall(const std::string& package) {
  absl::StatusOr<bool> installed = IsInstalled(package);
  if (!installed.ok()) return installed.status();
  return *installed ? absl::OkStatus() : Install(package);
}

absl::StatusOr<CommandResult> HostPackageManager::Run(Words argv, const std::string& package,
                                                      absl::Duration limit) {
  if (!package.empty()) argv.push_back(package);
  Command command;
  command.argv = std::move(argv);
  command.environment = {{"DEBIAN_FRONTEND", "noninteractive"}, {"LC_ALL", "C.UTF-8"}};
  command.timeout = limit;
  absl::StatusOr<CommandResult> result = runner_->Run(command);
  if (result.ok()) return result;
  const absl::Status& status = result.status();
  const std::string message =
      absl::StrCat("package ", package, ": running ", command.argv[0], ": ", status.message());
  if (absl::IsDeadlineExceeded(status) || absl::IsCancelled(status)) {
    return absl::Status(status.code(), message);
  }
  return absl::IsResourceExhausted(status) ? absl::UnavailableError(message)
                                           : absl::FailedPreconditionError(message);
}

absl::StatusOr<bool> HostPackageManager::IsInstalled(const std::string& package) {
  absl::StatusOr<CommandResult> result = Run(tool_->look, package, kMaxLookWait);
  if (!result.ok()) return result.status();
  if (!result->ok()) return false;
  // "installed" appears twice if it is installed for two architectures.
  return absl::StartsWith(result->output, tool_->installed_output);
}

absl::Status HostPackageManager::Install(const std::string& package) {
  absl::StatusOr<CommandResult> result = Run(tool_->install, package, kMaxInstallation);
  if (result.ok() && !result->ok() && Says(*result, tool_->not_found)) {
    absl::StatusOr<CommandResult> refreshed = Run(tool_->refresh, "", kMaxInstallation);
    if (refreshed.ok() && refreshed->ok()) result = Run(tool_->install, package, kMaxInstallation);
  }
  if (!result.ok()) return result.status();
  if (result->ok()) return absl::OkStatus();
  const std::string said = absl::StrReplaceAll(absl::StripAsciiWhitespace(result->error_output),
                                               {{"\n", "; "}, {"\r", ""}});
  const std::string message =
      absl::StrCat("package ", package, " could not be installed: ", tool_->program,
                   " ended with status ", result->exit_status, ": ",
                   EscapeText(said.substr(said.size() - std::min(said.size(), kMaxShownError))));
  return Says(*result, tool_->locked) ? absl::UnavailableError(message)
                                      : absl::FailedPreconditionError(message);
}

}  // namespace

std::unique_ptr<PackageManager> NewPackageManager(ProcessRunner* runner, const std::string& root) {
  return std::make_unique<HostPackageManager>(runner, root);
}

}  // namespace gitops
