#include "services/promotion_receiver/pipeline/pipeline_set.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/path/fd.h"
#include "services/promotion_receiver/pipeline/pipeline_file.h"

namespace gitops {
namespace {

constexpr absl::Duration kLook = absl::Seconds(2);
constexpr size_t kMaxFiles = 10'000;
constexpr size_t kMostBytes = 1 << 20;

// Changes whenever a file may have new content.
using Stamp = std::tuple<mode_t, dev_t, ino_t, off_t, time_t, long, time_t, long>;

Stamp StampOf(const struct stat& info) {
  return {info.st_mode,        info.st_dev,          info.st_ino,         info.st_size,
          info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

bool IsPipelineFile(absl::string_view name) {
  return !absl::StartsWith(name, ".") &&
         (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml"));
}

absl::Status CannotRead(absl::string_view what, const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read the ", what, " ", path));
}

// The names and stamps of the pipeline files.
absl::StatusOr<std::map<std::string, Stamp>> ListFiles(const std::string& directory) {
  DIR* const open = ::opendir(directory.c_str());
  if (open == nullptr) return CannotRead("directory of the pipelines", directory, errno);
  std::map<std::string, Stamp> files;
  absl::Status status;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(open);
    if (entry == nullptr) {
      if (errno != 0) status = CannotRead("directory of the pipelines", directory, errno);
      break;
    }
    if (!IsPipelineFile(entry->d_name)) continue;
    struct stat info;
    // Gone meanwhile, or it is looked at again soon.
    if (::fstatat(::dirfd(open), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.emplace(entry->d_name, StampOf(info));
    if (files.size() > kMaxFiles) {
      status = absl::ResourceExhaustedError(
          absl::StrCat(directory, " has more than ", kMaxFiles, " pipeline files"));
      break;
    }
  }
  ::closedir(open);
  if (!status.ok()) return status;
  return files;
}

absl::Status IsSymlink(const std::string& path) {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(path, error).string();
  const std::string directory = std::filesystem::path(path).parent_path().string();
  // As Kubernetes mounts a ConfigMap.
  const bool is_mount = absl::StartsWith(target, "..data/");
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": it is a symlink",
      error ? std::string() : absl::StrCat(" to ", absl::CHexEscape(target)),
      ", which is not followed, so no pipeline is read from it; ",
      is_mount ? absl::StrCat("for a mounted ConfigMap give --pipelines ", directory, "/..data")
               : std::string("put the file itself here")));
}

// Reads a regular file that is no symlink.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path) {
  // Without waiting for a writer, should it be a pipe.
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    if (errno == ELOOP) return IsSymlink(path);
    return CannotRead("pipeline file", path, errno);
  }
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return CannotRead("pipeline file", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is not a regular file"));
  }
  // One byte more than is allowed shows that there is more.
  std::string text(kMostBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead("pipeline file", path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

std::vector<std::string> BranchesOf(const Pipeline& pipeline) {
  std::vector<std::string> branches;
  for (size_t i = 1; i < pipeline.environments.size(); ++i) {
    branches.push_back(PromotionBranch(pipeline, pipeline.environments[i]));
  }
  return branches;
}

// Takes the pipelines of files together, where no two have the same name or branch.
class Together {
 public:
  // Takes all or none. Empty: taken; else why not.
  std::string Take(const std::vector<Pipeline>& pipelines) {
    for (const Pipeline& pipeline : pipelines) {
      const auto same = files_.find(pipeline.Id());
      if (same != files_.end()) {
        return absl::StrCat(pipeline.file, ": the pipeline ", pipeline.Id(), " is already in ",
                            same->second);
      }
    }
    std::map<std::string, std::string> branches;
    for (const Pipeline& pipeline : pipelines) {
      for (const std::string& branch : BranchesOf(pipeline)) {
        auto same = branches_.find(branch);
        bool found = same != branches_.end();
        if (!found) {
          const auto [own, is_new] = branches.emplace(branch, pipeline.Id());
          found = !is_new;
          same = own;
        }
        if (found) {
          return absl::StrCat(pipeline.file, ": the pipelines ", pipeline.Id(), " and ",
                              same->second, " would both have the branch ", branch,
                              "; rename one of them or of their environments");
        }
      }
    }
    for (const Pipeline& pipeline : pipelines) files_.emplace(pipeline.Id(), pipeline.file);
    branches_.merge(branches);
    return "";
  }

 private:
  std::map<std::string, std::string> files_;     // by the id of the pipeline
  std::map<std::string, std::string> branches_;  // the ids of pipelines
};

}  // namespace

const Pipeline* Pipelines::Find(const std::string& namespace_, const std::string& name) const {
  const auto found = entries.find({namespace_, name});
  return found == entries.end() ? nullptr : &found->second.pipeline;
}

// What is known of the directory's files. One thread.
class PipelineSet::Directory {
 public:
  Directory(std::string path, Clock* clock) : path_(std::move(path)), clock_(clock) {}

  // Whether anything changed since the last call. An error that is the same as before is no change.
  // An error: the directory could not be read yet.
  absl::StatusOr<bool> Read();
  Pipelines Result() const;
  Clock* clock() const { return clock_; }

 private:
  struct File {
    Stamp stamp;
    // As it is now; none: it is bad.
    std::optional<std::vector<Pipeline>> content;
    std::vector<Pipeline> good;  // its last good version
    absl::Time load_time = absl::InfinitePast();
    std::string error;  // empty: `content` is used
  };

  // False: it is as bad as before.
  bool ReadFile(const std::string& name, File& file);
  // Decides which versions are used together: those in use first, so that a new file never
  // displaces what works.
  void Combine(const std::set<std::string>& changed);

  const std::string path_;
  Clock* const clock_;
  std::map<std::string, File> files_;  // by name
  bool was_read_ = false;
  std::string error_;  // of the directory
};

absl::StatusOr<bool> PipelineSet::Directory::Read() {
  const auto listed = ListFiles(path_);
  if (!listed.ok()) {
    const bool is_new = error_ != listed.status().message();
    if (is_new) {
      LogError("cannot read the pipelines; the ones that were read before stay in use",
               {{"error", std::string(listed.status().message())}});
    }
    error_ = std::string(listed.status().message());
    if (!was_read_) return listed.status();
    return is_new;
  }
  was_read_ = true;
  bool any = !error_.empty();
  error_.clear();
  for (auto file = files_.begin(); file != files_.end();) {
    const bool gone = !listed->contains(file->first);
    any = any || gone;
    file = gone ? files_.erase(file) : std::next(file);
  }
  std::set<std::string> changed;
  for (const auto& [name, stamp] : *listed) {
    const auto [file, is_new] = files_.try_emplace(name);
    if (!is_new && file->second.stamp == stamp) continue;
    file->second.stamp = stamp;
    if (ReadFile(name, file->second)) changed.insert(name);
  }
  any = any || !changed.empty();
  if (any) Combine(changed);
  return any;
}

bool PipelineSet::Directory::ReadFile(const std::string& name, File& file) {
  const std::string path = absl::StrCat(path_, "/", name);
  const absl::StatusOr<std::string> text = ReadRegularFile(path);
  absl::StatusOr<std::vector<Pipeline>> parsed =
      text.ok() ? ParsePipelines(*text, path) : text.status();
  const bool was_bad = !file.content.has_value();
  file.content.reset();
  if (parsed.ok()) {
    file.content = *std::move(parsed);
    return true;
  }
  // A file that cannot be read now is read again.
  if (!text.ok() && !absl::IsInvalidArgument(text.status())) file.stamp = Stamp();
  std::string error(parsed.status().message());
  if (was_bad && error == file.error) return false;
  LogError("a pipeline file cannot be used", {{"file", path}, {"error", error}});
  file.error = std::move(error);
  return true;
}

void PipelineSet::Directory::Combine(const std::set<std::string>& changed) {
  Together together;
  for (auto& [name, file] : files_) {
    if (!changed.contains(name) && file.error.empty()) together.Take(file.good);
  }
  for (auto& [name, file] : files_) {
    if (!changed.contains(name) && file.error.empty()) continue;
    if (file.content.has_value()) {
      const std::string conflict = together.Take(*file.content);
      if (conflict.empty()) {
        file.good = *file.content;
        file.load_time = clock_->Now();
        file.error.clear();
        continue;
      }
      if (conflict != file.error) {
        LogError("a pipeline file cannot be used", {{"file", name}, {"error", conflict}});
      }
      file.error = conflict;
    }
    if (!together.Take(file.good).empty()) file.good.clear();
  }
}

Pipelines PipelineSet::Directory::Result() const {
  Pipelines result;
  if (!error_.empty()) result.bad[path_] = error_;
  for (const auto& [name, file] : files_) {
    if (!file.error.empty()) result.bad[absl::StrCat(path_, "/", name)] = file.error;
    for (const Pipeline& pipeline : file.good) {
      result.entries[{pipeline.namespace_, pipeline.name}] = {
          .pipeline = pipeline, .load_time = file.load_time, .error = file.error};
    }
  }
  return result;
}

PipelineSet::PipelineSet(std::unique_ptr<Directory> directory, std::function<void()> changed)
    : directory_(std::move(directory)),
      changed_(std::move(changed)),
      now_(std::make_shared<const Pipelines>(directory_->Result())) {}

PipelineSet::~PipelineSet() = default;

absl::StatusOr<std::unique_ptr<PipelineSet>> PipelineSet::Open(std::string directory, Clock* clock,
                                                               Scheduler* scheduler,
                                                               std::function<void()> changed) {
  auto read = std::make_unique<Directory>(std::move(directory), clock);
  if (const absl::StatusOr<bool> first = read->Read(); !first.ok()) return first.status();
  std::unique_ptr<PipelineSet> set(new PipelineSet(std::move(read), std::move(changed)));
  set->job_ = scheduler->Add(clock->Now() + kLook, [set = set.get()] {
    set->Look();
    return set->directory_->clock()->Now() + kLook;
  });
  return set;
}

absl::StatusOr<Pipelines> PipelineSet::ReadOnce(const std::string& directory, Clock* clock) {
  Directory read(directory, clock);
  if (const absl::StatusOr<bool> first = read.Read(); !first.ok()) return first.status();
  return read.Result();
}

std::shared_ptr<const Pipelines> PipelineSet::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

void PipelineSet::Look() {
  const absl::StatusOr<bool> any = directory_->Read();
  if (!any.ok() || !*any) return;
  auto result = std::make_shared<const Pipelines>(directory_->Result());
  LogInfo("pipelines were read again", {{"pipelines", absl::StrCat(result->entries.size())},
                                        {"bad", absl::StrCat(result->bad.size())}});
  {
    MutexLock lock(mutex_);
    now_ = std::move(result);
  }
  if (changed_) changed_();
}

}  // namespace gitops
