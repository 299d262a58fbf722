// Profiles as they are on disk: NAME is a symlink to NAME-N-link, which is one to a store path.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/nix/nix.h"
#include "common/path/directory_names.h"
#include "common/path/fd.h"
#include "common/path/split_path.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

// Empty: there is nothing.
absl::StatusOr<std::string> ReadLink(int directory, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(directory, name.c_str(), target, sizeof target);
  if (size >= 0) return std::string(target, static_cast<size_t>(size));
  if (errno == ENOENT) return "";
  if (errno == EINVAL) {
    return absl::FailedPreconditionError(
        absl::StrCat("\"", name,
                     "\" is no symlink, as a profile and its generations are; move it "
                     "away, or name another profile"));
  }
  return FileStatus(errno, absl::StrCat("read the symlink ", name));
}

// The number of NAME-N-link; 0: it is no generation of `profile`.
int64_t NumberOf(absl::string_view link, absl::string_view profile) {
  int64_t number = 0;
  const bool is = absl::ConsumePrefix(&link, profile) && absl::ConsumePrefix(&link, "-") &&
                  absl::ConsumeSuffix(&link, "-link") && absl::SimpleAtoi(link, &number);
  return is && number > 0 && absl::StrCat(number) == link ? number : 0;
}

struct ProfilePlace {
  Fd directory;  // none: it does not exist
  std::string name;
};

absl::StatusOr<ProfilePlace> Open(const std::string& profile) {
  const size_t slash = profile.rfind('/');
  ProfilePlace place;
  place.name = profile.substr(slash + 1);
  const std::string parent = slash == 0 ? "/" : profile.substr(0, slash);
  place.directory = Fd(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (place.directory || errno == ENOENT) return place;
  return FileStatus(errno, absl::StrCat("open ", parent, ", the directory of the profile"));
}

absl::Status Remove(int directory, const std::string& name) {
  if (unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileStatus(errno, absl::StrCat("remove ", name, " of the profile"));
}

}  // namespace

absl::StatusOr<ProfileContent> Nix::Read(const std::string& profile) {
  absl::StatusOr<ProfilePlace> place = Open(profile);
  if (!place.ok()) return place.status();
  ProfileContent content;
  if (!place->directory) return content;
  const int directory = place->directory.get();
  const absl::StatusOr<std::string> current = ReadLink(directory, place->name);
  if (!current.ok()) return current.status();
  content.current = NumberOf(current->substr(current->rfind('/') + 1), place->name);
  const absl::Status listed = ForEachEntry(directory, [&](const DirectoryEntry& entry) {
    const int64_t number = NumberOf(entry.name, place->name);
    if (number == 0) return absl::OkStatus();
    absl::StatusOr<std::string> path = ReadLink(directory, entry.name);
    // One that was removed meanwhile is no generation.
    if (path.ok() && !path->empty()) content.generations.push_back({number, *std::move(path)});
    return path.status();
  });
  if (!listed.ok()) return listed;
  std::sort(content.generations.begin(), content.generations.end(),
            [](const Generation& a, const Generation& b) { return a.number < b.number; });
  const auto shown = std::find_if(
      content.generations.begin(), content.generations.end(),
      [&](const Generation& generation) { return generation.number == content.current; });
  if (shown != content.generations.end()) {
    content.path = shown->path;
  } else {
    // Somebody linked it to the store by hand, or to a generation that is gone.
    content.path = content.current == 0 ? *current : "";
    content.current = 0;
  }
  return content;
}

absl::Status Nix::RemoveProfile(const std::string& profile) const {
  const std::string path = ProfilePath(profile);
  const absl::StatusOr<ProfileContent> content = Read(path);
  if (!content.ok()) return content.status();
  const absl::StatusOr<ProfilePlace> place = Open(path);
  if (!place.ok()) return place.status();
  if (!place->directory) return absl::OkStatus();
  // The profile first: while it is there, what it shows must be.
  std::vector<std::string> names = {place->name};
  for (const Generation& generation : content->generations) {
    names.push_back(absl::StrCat(place->name, "-", generation.number, "-link"));
  }
  names.push_back(place->name + ".lock");
  for (const std::string& name : names) {
    if (absl::Status status = Remove(place->directory.get(), name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

const Generation* Previous(const ProfileContent& content) {
  const Generation* previous = nullptr;
  for (const Generation& generation : content.generations) {
    if (generation.number < content.current && generation.path != content.path) {
      previous = &generation;
    }
  }
  return previous;
}

}  // namespace gitops
