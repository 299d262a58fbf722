#include "agent/nix/nix.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/nix/nix_error.h"
#include "agent/nix/store_path.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// Where Nix may be installed, by Debian, by its own installer, and on NixOS.
constexpr absl::string_view kDirectories[] = {"/usr/local/bin", "/usr/bin", "/bin",
                                              "/nix/var/nix/profiles/default/bin",
                                              "/run/current-system/sw/bin"};

// The program itself if it is nowhere: then the error names it.
std::string Find(absl::string_view program) {
  for (const absl::string_view directory : kDirectories) {
    const std::string path = absl::StrCat(directory, "/", program);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return std::string(program);
}

// "2.8.0", "2.18.1pre".
bool IsOlder(absl::string_view version, absl::string_view than) {
  const auto numbers = [](absl::string_view text) {
    std::vector<int> result;
    for (absl::string_view part : absl::StrSplit(text, '.')) {
      const auto end = std::find_if_not(part.begin(), part.end(), absl::ascii_isdigit);
      int number = 0;
      (void)absl::SimpleAtoi(part.substr(0, static_cast<size_t>(end - part.begin())), &number);
      result.push_back(number);
    }
    return result;
  };
  return numbers(version) < numbers(than);
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("make the directory ", path, ": ", error.message()));
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

NixHost NixHostFrom(const char* const* environ) {
  NixHost host;
  for (; *environ != nullptr; ++environ) {
    const std::pair<std::string, std::string> variable =
        absl::StrSplit(*environ, absl::MaxSplits('=', 1));
    const auto& [name, value] = variable;
    if (name == "NIX_STORE_DIR") host.store = value;
    if (name == "NIX_STATE_DIR") host.state = value;
    const bool passed = absl::StartsWith(name, "NIX_") || name == "HOME" ||
                        name == "SSL_CERT_FILE" || name == "XDG_CONFIG_HOME" ||
                        absl::EndsWithIgnoreCase(name, "_proxy");
    if (passed) host.environment.push_back(variable);
  }
  return host;
}

absl::StatusOr<std::string> Nix::Version(std::stop_token stop) const {
  absl::StatusOr<std::string> output =
      Run({"nix-store", "--version"}, "ask Nix for its version", options_.command_timeout, stop);
  if (!output.ok()) return output.status();
  // "nix-store (Nix) 2.8.0"
  const absl::string_view line = absl::StripAsciiWhitespace(*output);
  std::string version(line.substr(line.rfind(' ') + 1));
  if (!IsOlder(version, kOldestVersion)) return version;
  return absl::FailedPreconditionError(
      absl::StrCat("Nix ", kOldestVersion, " or newer is needed, and this host has \"",
                   EscapeText(line.substr(0, 100)), "\"; install a newer one"));
}

std::string Nix::ProfilePath(absl::string_view profile) const {
  if (absl::StartsWith(profile, "/")) return std::string(profile);
  return absl::StrCat(options_.host.state, "/profiles/", profile);
}

absl::Status Nix::Realise(const std::string& path, const std::string& root,
                          std::stop_token stop) const {
  if (absl::Status status = CheckStorePath(path, options_.host.store); !status.ok()) return status;
  if (absl::Status status = MakeDirectories(ParentOf(root)); !status.ok()) return status;
  // Otherwise a path that is uploaded after it was asked for is missing for an hour.
  return Run({"nix-store", "--realise", path, "--add-root", root, "--indirect", "--option",
              "narinfo-cache-negative-ttl", "0"},
             absl::StrCat("get ", path), options_.realise_timeout, stop)
      .status();
}

absl::Status Nix::Set(const std::string& profile, const std::string& path,
                      std::stop_token stop) const {
  if (absl::Status status = CheckStorePath(path, options_.host.store); !status.ok()) return status;
  const std::string link = ProfilePath(profile);
  if (absl::Status status = MakeDirectories(ParentOf(link)); !status.ok()) return status;
  // So that what is missing is told as such, and not fetched without a look at its time limit.
  if (access(path.c_str(), F_OK) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("set the profile ", link, " to ", path));
  }
  return Run({"nix-env", "--profile", link, "--set", path},
             absl::StrCat("set the profile ", link, " to ", path), options_.command_timeout, stop)
      .status();
}

absl::Status Nix::SwitchTo(const std::string& profile, int64_t generation,
                           std::stop_token stop) const {
  const std::string link = ProfilePath(profile);
  const absl::StatusOr<ProfileContent> content = Read(link);
  if (!content.ok()) return content.status();
  const bool known =
      std::any_of(content->generations.begin(), content->generations.end(),
                  [&](const Generation& candidate) { return candidate.number == generation; });
  if (!known) {
    return absl::NotFoundError(
        absl::StrCat("the profile ", link, " has no generation ", generation));
  }
  return Run({"nix-env", "--profile", link, "--switch-generation", absl::StrCat(generation)},
             absl::StrCat("switch the profile ", link, " to generation ", generation),
             options_.command_timeout, stop)
      .status();
}

absl::Status Nix::RemoveOld(const std::string& profile, int keep,
                            const std::set<std::string>& in_use, std::stop_token stop) const {
  const std::string link = ProfilePath(profile);
  const absl::StatusOr<ProfileContent> content = Read(link);
  if (!content.ok()) return content.status();
  std::vector<std::string> argv = {"nix-env", "--profile", link, "--delete-generations"};
  const size_t fixed = argv.size();
  const auto& all = content->generations;
  const size_t kept = static_cast<size_t>(std::max(keep, 0));
  for (size_t i = 0; i + kept < all.size(); ++i) {
    if (all[i].number == content->current || in_use.contains(all[i].path)) continue;
    argv.push_back(absl::StrCat(all[i].number));
  }
  if (argv.size() == fixed) return absl::OkStatus();
  return Run(std::move(argv), absl::StrCat("remove old generations of the profile ", link),
             options_.command_timeout, stop)
      .status();
}

absl::StatusOr<std::string> Nix::Run(std::vector<std::string> argv, const std::string& attempted,
                                     absl::Duration timeout, const std::stop_token& stop) const {
  const std::string program = argv[0];
  argv[0] = Find(program);
  Command command;
  command.argv = std::move(argv);
  command.environment = options_.host.environment;
  // NixError knows the messages of the system in English only.
  command.environment.emplace_back("LC_ALL", "C");
  command.timeout = timeout;
  command.give_up = [&stop] { return stop.stop_requested(); };
  const absl::StatusOr<CommandResult> result = options_.runner->Run(command);
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(attempted, ": ", program, " is not installed on this host; install Nix ",
                     kOldestVersion, " or newer"));
  }
  if (!result.ok()) {
    return absl::Status(result.status().code(),
                        absl::StrCat(attempted, ": ", result.status().message()));
  }
  if (!result->ok()) return NixError(attempted, result->exit_status, result->error_output);
  return result->output;
}

}  // namespace gitops
