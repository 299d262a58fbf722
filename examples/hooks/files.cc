#include "examples/hooks/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops::examples {
namespace {

using Answer = absl::StatusOr<std::vector<HostActions>>;

absl::Status FileError(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path, ": ", strerror(errno)));
}

// OK if it was gone already.
absl::Status Remove(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileError("remove", path);
}

absl::StatusOr<std::string> Read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (file.good() || file.eof()) return std::move(text).str();
  return FileError("read", path);
}

// Creates the file with this text, atomically. ALREADY_EXISTS: there is one.
absl::Status Make(const std::string& path, const std::string& text) {
  const std::string fresh = absl::StrCat(path, ".new.", getpid(), ".", gettid());
  std::ofstream file(fresh, std::ios::trunc);
  file << text;
  file.close();
  if (!file.good()) return FileError("write", fresh);
  const bool made = link(fresh.c_str(), path.c_str()) == 0;
  const int why = errno;
  unlink(fresh.c_str());
  if (made) return absl::OkStatus();
  if (why == EEXIST) return absl::AlreadyExistsError(path);
  errno = why;
  return FileError("make", path);
}

absl::Status TakeLock(const std::string& path, const HookRequest& request,
                      const std::string& host) {
  const absl::Status made = Make(path, request.deployment);
  if (!absl::IsAlreadyExists(made)) return made;
  const absl::StatusOr<std::string> holder = Read(path);
  if (!holder.ok()) return holder.status();
  if (*holder == request.deployment) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(host, " is locked by \"", *holder, "\"; when that is done with, remove ", path));
}

absl::Status GiveLockBack(const std::string& path, const HookRequest& request) {
  const absl::StatusOr<std::string> holder = Read(path);
  // Somebody removed it, or another deployment has it, so it must not be released.
  if (!holder.ok() || *holder != request.deployment) return absl::OkStatus();
  return Remove(path);
}

// Calls `what` for each host, and returns the hosts unchanged.
template <typename What>
Answer ForEachHost(const HookRequest& request, const What& what) {
  for (const HostActions& host : request.hosts) {
    absl::Status done = CheckHostName(host.host);
    if (done.ok()) done = what(host.host);
    if (!done.ok()) return done;
  }
  return request.hosts;
}

}  // namespace

absl::Status CheckHostName(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
  });
  if (plain && !name.empty() && name[0] != '.') return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a host's name has other characters than letters, digits, "
      "dots, dashes and underscores, or begins with a dot");
}

Hook MaintenanceHook(std::string directory) {
  return [directory = std::move(directory)](const HookRequest& request) {
    return ForEachHost(request, [&](const std::string& host) -> absl::Status {
      const std::string path = absl::StrCat(directory, "/", host);
      if (request.point.starts_with("pre-")) {
        const absl::Status made = Make(path, request.deployment);
        return absl::IsAlreadyExists(made) ? absl::OkStatus() : made;
      }
      const bool well = request.point == "post-healthchecks" && request.result == "ok";
      return well || request.result == "skipped" ? Remove(path) : absl::OkStatus();
    });
  };
}

Hook SkipListHook(std::string file) {
  return [file = std::move(file)](const HookRequest& request) -> Answer {
    const absl::StatusOr<std::string> text = Read(file);
    if (!text.ok()) return text.status();
    std::set<std::string> skipped;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
      if (!line.empty()) skipped.emplace(line);
    }
    const bool many = request.point.ends_with("-select");
    std::vector<HostActions> answer;
    for (HostActions host : request.hosts) {
      const bool skip = skipped.contains(host.host);
      if (skip && many) continue;
      if (skip) host.actions = {"skip"};
      answer.push_back(std::move(host));
    }
    return answer;
  };
}

Hook LockHook(std::string directory) {
  return [directory = std::move(directory)](const HookRequest& request) {
    return ForEachHost(request, [&](const std::string& host) {
      const std::string path = absl::StrCat(directory, "/", host);
      return request.point.starts_with("pre-") ? TakeLock(path, request, host)
                                               : GiveLockBack(path, request);
    });
  };
}

}  // namespace gitops::examples
