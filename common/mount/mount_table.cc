#include "common/mount/mount_table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/read_file.h"

namespace gitops {
namespace {

constexpr char kMountInfo[] = "/proc/thread-self/mountinfo";

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash as \ooo.
std::string DecodeOctal(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      decoded += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                   (text[i + 3] - '0'));
      i += 3;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS
std::optional<MountEntry> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
  const auto separator = std::find(fields.begin(), fields.end(), "-");
  if (separator - fields.begin() < 6 || fields.end() - separator < 2) return std::nullopt;
  MountEntry entry;
  if (!absl::SimpleAtoi(fields[0], &entry.id) || !absl::SimpleAtoi(fields[1], &entry.parent_id)) {
    return std::nullopt;
  }
  entry.device = std::string(fields[2]);
  entry.root = DecodeOctal(fields[3]);
  entry.mount_point = DecodeOctal(fields[4]);
  for (absl::string_view option : absl::StrSplit(fields[5], ',')) {
    if (option == "ro") entry.read_only = true;
  }
  for (auto tag = fields.begin() + 6; tag != separator; ++tag) {
    if (absl::StartsWith(*tag, "shared:")) entry.shared = true;
    if (absl::StartsWith(*tag, "master:")) entry.slave = true;
  }
  entry.type = std::string(*(separator + 1));
  return entry;
}

absl::StatusOr<PathView> View(int directory, const char* path, int flags, const std::string& name) {
  struct statx found = {};
  if (::statx(directory, path, flags | AT_NO_AUTOMOUNT,
              STATX_TYPE | STATX_MODE | STATX_INO | STATX_MNT_ID, &found) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat ", name));
  }
  PathView view;
  view.mount_id = found.stx_mnt_id;
  view.mount_root = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  view.device = makedev(found.stx_dev_major, found.stx_dev_minor);
  view.inode = found.stx_ino;
  view.mode = found.stx_mode;
  return view;
}

}  // namespace

absl::StatusOr<MountTable> MountTable::Parse(absl::string_view mountinfo) {
  MountTable table;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n', absl::SkipEmpty())) {
    std::optional<MountEntry> entry = ParseLine(line);
    if (!entry) {
      return absl::InvalidArgumentError(absl::StrCat("cannot read this line of mountinfo: ", line));
    }
    table.entries_.push_back(*std::move(entry));
  }
  return table;
}

absl::StatusOr<MountTable> MountTable::Read() {
  absl::StatusOr<std::string> text = ReadWholeFile(kMountInfo);
  if (!text.ok()) return text.status();
  if (text->empty()) {
    return absl::UnavailableError(absl::StrCat(
        kMountInfo, ", which lists this process's mounts, is empty; is /proc mounted?"));
  }
  return Parse(*text);
}

const MountEntry* MountTable::Find(uint64_t id) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [id](const MountEntry& entry) { return entry.id == id; });
  return found == entries_.end() ? nullptr : &*found;
}

std::vector<const MountEntry*> MountTable::ChildrenOf(uint64_t id) const {
  std::vector<const MountEntry*> children;
  for (const MountEntry& entry : entries_) {
    if (entry.parent_id == id && entry.id != id) children.push_back(&entry);
  }
  return children;
}

std::vector<const MountEntry*> MountTable::StackUnder(uint64_t top, uint64_t base) const {
  std::vector<const MountEntry*> stack;
  uint64_t id = top;
  while (id != base) {
    const MountEntry* const entry = Find(id);
    if (entry == nullptr || stack.size() == entries_.size()) return {};
    stack.push_back(entry);
    id = entry->parent_id;
  }
  return stack;
}

absl::StatusOr<PathView> ViewPath(const std::string& path, bool follow) {
  return View(AT_FDCWD, path.c_str(), follow ? 0 : AT_SYMLINK_NOFOLLOW, path);
}

absl::StatusOr<PathView> ViewFd(int fd) { return View(fd, "", AT_EMPTY_PATH, "an open file"); }

absl::StatusOr<std::string> PathOfFd(int fd) {
  char path[PATH_MAX];
  const ssize_t length = ::readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), path, sizeof path);
  if (length < 0) return absl::ErrnoToStatus(errno, "cannot determine the path of an open file");
  return std::string(path, static_cast<size_t>(length));
}

}  // namespace gitops
