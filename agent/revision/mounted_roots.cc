#include "agent/revision/mounted_roots.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

struct Mount {
  int id = 0;
  std::string device;  // "MAJOR:MINOR" from mountinfo, which on btrfs differs from stat
  std::string root;    // within its file system
  std::string point;
};

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::vector<Mount> ParseMountInfo(absl::string_view text) {
  std::vector<Mount> mounts;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    Mount mount;
    if (fields.size() < 6 || !absl::SimpleAtoi(fields[0], &mount.id)) continue;
    mount.device = std::string(fields[2]);
    mount.root = Unescape(fields[3]);
    mount.point = Unescape(fields[4]);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// What follows `base` in `path`, without slashes at its ends; none if it is not beneath.
std::optional<std::string> Beneath(absl::string_view path, absl::string_view base) {
  if (base != "/") {
    if (!absl::ConsumePrefix(&path, base)) return std::nullopt;
    if (!path.empty() && path.front() != '/') return std::nullopt;
  }
  absl::ConsumePrefix(&path, "/");
  return std::string(path);
}

std::string Join(absl::string_view base, absl::string_view rest) {
  if (rest.empty()) return std::string(base);
  return absl::StrCat(base == "/" ? "" : base, "/", rest);
}

void AddFirstComponent(const std::optional<std::string>& rest, std::set<std::string>* names) {
  if (rest.has_value() && !rest->empty()) names->insert(rest->substr(0, rest->find('/')));
}

absl::StatusOr<std::string> ReadAll(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::InternalError(absl::StrCat("cannot read ", file));
  return text.str();
}

absl::StatusOr<int> MountIdOf(int fd) {
  const auto info = ReadAll(absl::StrCat("/proc/self/fdinfo/", fd));
  if (!info.ok()) return info.status();
  for (absl::string_view line : absl::StrSplit(*info, '\n')) {
    int id = 0;
    if (absl::ConsumePrefix(&line, "mnt_id:") && absl::SimpleAtoi(line, &id)) return id;
  }
  return absl::InternalError("/proc/self/fdinfo has no mount");
}

}  // namespace

std::set<std::string> MountedEntriesIn(absl::string_view mountinfo, int mount_id,
                                       absl::string_view path) {
  const std::vector<Mount> mounts = ParseMountInfo(mountinfo);
  std::set<std::string> names;
  const Mount* own = nullptr;
  for (const Mount& mount : mounts) {
    AddFirstComponent(Beneath(mount.point, path), &names);
    if (mount.id == mount_id) own = &mount;
  }
  if (own == nullptr) return names;
  const auto from_mount = Beneath(path, own->point);
  if (!from_mount.has_value()) return names;
  // The kernel shows a mount's root as a path within its file system, wherever that is mounted:
  // comparing such paths finds bind mounts made through any path.
  const std::string in_filesystem = Join(own->root, *from_mount);
  for (const Mount& mount : mounts) {
    if (mount.device == own->device) AddFirstComponent(Beneath(mount.root, in_filesystem), &names);
  }
  return names;
}

absl::StatusOr<std::set<std::string>> MountedEntries(int directory) {
  char path[PATH_MAX];
  const ssize_t length =
      readlink(absl::StrCat("/proc/self/fd/", directory).c_str(), path, sizeof(path));
  if (length <= 0 || static_cast<size_t>(length) == sizeof(path)) {
    return absl::ErrnoToStatus(errno, "cannot determine the path of an open directory");
  }
  const auto id = MountIdOf(directory);
  if (!id.ok()) return id.status();
  const auto mountinfo = ReadAll("/proc/self/mountinfo");
  if (!mountinfo.ok()) return mountinfo.status();
  return MountedEntriesIn(*mountinfo, *id, absl::string_view(path, static_cast<size_t>(length)));
}

}  // namespace gitops
