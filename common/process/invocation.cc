#include "common/process/invocation.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/account/lookup.h"

namespace gitops {
namespace {

constexpr absl::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Nothing there: OK, with no file type in `mode`. For lack of memory, or on a faulty disk, it is
// not known whether there is something.
absl::Status ModeOf(const std::string& name, const std::string& path, mode_t& mode) {
  struct stat status = {};
  mode = 0;
  if (stat(path.c_str(), &status) == 0) {
    mode = status.st_mode;
  } else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
    return absl::ErrnoToStatus(errno, absl::StrCat("run ", name, ": look for ", path));
  }
  return absl::OkStatus();
}

bool IsFile(mode_t mode) { return mode != 0 && !S_ISDIR(mode); }

absl::Status CheckMayRun(const std::string& name, const std::string& path) {
  if (access(path.c_str(), X_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("run ", name, ": ", path, " may not be executed: ", std::strerror(errno)));
}

absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& directory) {
  if (name.find('/') != std::string::npos) {
    const std::string path = name[0] == '/' ? name : absl::StrCat(directory, "/", name);
    mode_t mode = 0;
    if (absl::Status looked = ModeOf(name, path, mode); !looked.ok()) return looked;
    if (!IsFile(mode)) {
      return absl::NotFoundError(absl::StrCat("run ", name, ": there is no program ", path));
    }
    absl::Status status = CheckMayRun(name, path);
    if (!status.ok()) return status;
    return name;
  }
  absl::Status last =
      absl::NotFoundError(absl::StrCat("run ", name, ": there is no such program in ", kPath,
                                       "; install the package that contains it"));
  for (const absl::string_view folder : absl::StrSplit(kPath, ':')) {
    const std::string path = absl::StrCat(folder, "/", name);
    mode_t mode = 0;
    if (absl::Status looked = ModeOf(name, path, mode); !looked.ok()) return looked;
    if (!IsFile(mode)) continue;
    absl::Status status = CheckMayRun(name, path);
    if (status.ok()) return path;
    last = std::move(status);
  }
  return last;
}

bool Sets(const Command& command, absl::string_view name) {
  return std::any_of(command.environment.begin(), command.environment.end(),
                     [&](const auto& variable) { return variable.first == name; });
}

std::vector<std::string> MakeEnvironment(const Command& command, const UserAccount* account) {
  std::vector<std::string> environment;
  const auto add_default = [&](absl::string_view name, absl::string_view value) {
    if (!Sets(command, name)) environment.push_back(absl::StrCat(name, "=", value));
  };
  add_default("PATH", kPath);
  if (account != nullptr) {
    add_default("HOME", account->home);
    add_default("USER", account->name);
    add_default("LOGNAME", account->name);
  }
  for (const auto& [name, value] : command.environment) {
    environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

// A NUL would silently truncate the text.
absl::Status CheckCommand(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty()) {
    return absl::InvalidArgumentError("a command has no program");
  }
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  bool bad = std::any_of(command.argv.begin(), command.argv.end(), has_nul) ||
             has_nul(command.directory) || has_nul(command.user);
  for (const auto& [name, value] : command.environment) {
    bad = bad || has_nul(name) || has_nul(value) || name.empty() ||
          name.find('=') != std::string::npos;
  }
  if (!bad) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("run ", command.argv[0].c_str(),
                   ": an argument, a variable or the directory contains a NUL, or the name of a "
                   "variable is invalid"));
}

// Puts the program `wrapper`, with `options`, before the program of `invocation`.
absl::Status Wrap(const std::string& wrapper, std::vector<std::string> options,
                  Invocation& invocation) {
  absl::StatusOr<std::string> path = FindProgram(wrapper, "/");
  if (!path.ok()) return path.status();
  // The path of the program: the wrapper would look it up in the command's own PATH.
  invocation.argv[0] = invocation.program;
  options.push_back("--");
  options.insert(options.begin(), *path);
  invocation.argv.insert(invocation.argv.begin(), options.begin(), options.end());
  invocation.program = *std::move(path);
  return absl::OkStatus();
}

absl::Status WrapForAccount(const UserAccount& account, Invocation& invocation) {
  if (account.uid == geteuid()) return absl::OkStatus();
  if (geteuid() != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("run ", invocation.argv[0], " as ", account.name, ": only root may do that"));
  }
  return Wrap("setpriv",
              {absl::StrCat("--reuid=", account.uid), absl::StrCat("--regid=", account.gid),
               "--init-groups"},
              invocation);
}

}  // namespace

absl::StatusOr<std::optional<UserAccount>> AccountOf(const Command& command) {
  if (absl::Status status = CheckCommand(command); !status.ok()) return status;
  if (command.user.empty()) return std::nullopt;
  absl::StatusOr<UserAccount> found = LookUpUser(command.user);
  if (found.ok()) return *std::move(found);
  if (!absl::IsNotFound(found.status())) return found.status();
  return absl::NotFoundError(
      absl::StrCat(found.status().message(), "; create it, or name another as the user"));
}

absl::StatusOr<Invocation> PlanInvocation(const Command& command,
                                          const std::optional<UserAccount>& account) {
  Invocation invocation;
  invocation.directory = command.directory.empty() ? "/" : command.directory;
  mode_t mode = 0;
  absl::Status status = ModeOf(command.argv[0], invocation.directory, mode);
  if (!status.ok()) return status;
  if (!S_ISDIR(mode)) {
    return absl::NotFoundError(absl::StrCat("run ", command.argv[0], " in ", invocation.directory,
                                            ": there is no such directory"));
  }
  absl::StatusOr<std::string> program = FindProgram(command.argv[0], invocation.directory);
  if (!program.ok()) return program.status();
  invocation.program = *std::move(program);
  invocation.argv = command.argv;
  std::vector<std::string> limits;
  if (command.max_file_size.has_value()) {
    limits.push_back(absl::StrCat("--fsize=", *command.max_file_size));
  }
  if (command.max_memory.has_value()) limits.push_back(absl::StrCat("--as=", *command.max_memory));
  if (!limits.empty()) {
    status = Wrap("prlimit", std::move(limits), invocation);
    if (!status.ok()) return status;
  }
  if (account.has_value()) {
    status = WrapForAccount(*account, invocation);
    if (!status.ok()) return status;
  }
  invocation.environment = MakeEnvironment(command, account.has_value() ? &*account : nullptr);
  return invocation;
}

}  // namespace gitops
