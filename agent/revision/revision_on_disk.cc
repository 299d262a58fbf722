#include "agent/revision/revision_on_disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/revision/compare_tree.h"
#include "agent/revision/manifest_file.h"
#include "agent/revision/revision_name.h"
#include "common/clock/boot_id.h"
#include "common/log/log.h"
#include "common/path/remove_tree.h"
#include "common/path/write_all.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kMaxManifest = size_t{1} << 30;
constexpr size_t kMaxLeftBehind = size_t{1} << 20;

// OK: no difference; DATA_LOSS names one; UNAVAILABLE: not everything could be compared.
absl::Status CompareAll(const Fd& tree, const Manifest& manifest) {
  const auto differences = CompareTree(tree.get(), manifest, {.read_all = true});
  if (!differences.ok()) return differences.status();
  for (const TreeDifference& difference : *differences) {
    if (difference.kind != TreeDifference::Kind::kNotCompared) continue;
    return absl::UnavailableError(
        absl::StrCat("\"", EscapeText(difference.path), "\": ", difference.detail));
  }
  if (differences->empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("\"", EscapeText(differences->front().path),
                                          "\": ", differences->front().detail));
}

}  // namespace

absl::StatusOr<Fd> OpenTreeAt(const ServiceDirectory& service, const Fd& root,
                              const std::string& directory) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (RevisionStore::RevisionOf(directory).empty()) {
    return absl::NotFoundError(
        absl::StrCat("\"", directory, "\" is no revision in ", service.path()));
  }
  if (IsFormerName(directory)) {
    Fd tree(::openat(root.get(), directory.c_str(), kFlags));
    if (!tree) return service.Failed(errno, "open", directory);
    return tree;
  }
  absl::StatusOr<Fd> own = service.OpenOwn(root, directory);
  if (!own.ok()) return own;
  Fd tree(::openat(own->get(), kTreeName, kFlags));
  if (!tree) return service.Failed(errno, "open", RevisionStore::TreeIn(directory));
  return tree;
}

absl::StatusOr<Manifest> ReadManifestAt(const ServiceDirectory& service, const Fd& root,
                                        const std::string& directory) {
  const std::string file = ManifestIn(directory);
  if (!IsFormerName(directory)) {
    absl::StatusOr<Fd> own = service.OpenOwn(root, directory);
    if (!own.ok()) return own.status();
  }
  const auto text = service.ReadFile(root, file, kMaxManifest);
  if (!text.ok()) return text.status();
  return DecodeManifest(*text, service.PathOf(file));
}

absl::Status LookAt(const ServiceDirectory& service, const absl::StatusOr<Fd>& root,
                    const std::string& directory) {
  if (!root.ok()) return root.status();
  absl::StatusOr<Fd> tree = OpenTreeAt(service, *root, directory);
  if (!tree.ok()) return tree.status();
  absl::StatusOr<bool> manifest = service.Has(*root, ManifestIn(directory));
  if (!manifest.ok()) return manifest.status();
  if (*manifest) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(service.PathOf(ManifestIn(directory)), " does not exist"));
}

absl::Status MakePassable(const ServiceDirectory& service, const Fd& root,
                          const std::string& directory) {
  absl::StatusOr<Fd> own = service.OpenOwn(root, directory);
  if (!own.ok()) return own.status();
  absl::StatusOr<bool> durable = service.Has(*own, kDurableName);
  if (!durable.ok()) return durable.status();
  absl::Status status;
  if (!*durable) {
    status = service.Flush(*own);
    if (status.ok()) status = service.MarkDurable(root, directory);
  }
  if (!status.ok() || ::chmod(absl::StrCat("/proc/self/fd/", own->get()).c_str(), 0711) == 0) {
    return status;
  }
  return service.Failed(errno, "set the mode of", directory);
}

absl::StatusOr<std::string> PublishedAt(const ServiceDirectory& service, const Fd& root) {
  char target[NAME_MAX + 1];
  const ssize_t length = ::readlinkat(root.get(), kPublishedName, target, sizeof target);
  if (length < 0) return service.Failed(errno, "read", kPublishedName);
  return std::string(target, static_cast<size_t>(length));
}

absl::Status NotePublishedAt(const ServiceDirectory& service, const Fd& root,
                             const std::string& directory, const std::string& draft) {
  if (::symlinkat(directory.c_str(), root.get(), draft.c_str()) == 0 &&
      ::renameat(root.get(), draft.c_str(), root.get(), kPublishedName) == 0) {
    return absl::OkStatus();
  }
  const int error = errno;
  ::unlinkat(root.get(), draft.c_str(), 0);
  return service.Failed(error, "write", kPublishedName);
}

// One line each: local, directory, link and time, escaped and separated by tabs.
absl::Status NoteLeftBehindAt(const ServiceDirectory& service, const Fd& root,
                              const std::vector<LeftBehind>& all, const std::string& draft) {
  if (all.empty()) {
    if (::unlinkat(root.get(), kLeftBehindName, 0) == 0 || errno == ENOENT) return absl::OkStatus();
    return service.Failed(errno, "remove", kLeftBehindName);
  }
  std::string text;
  for (const LeftBehind& one : all) {
    absl::StrAppend(&text, absl::CEscape(one.local), "\t", one.directory, "\t",
                    absl::CEscape(one.link), "\t", one.since_ns, "\n");
  }
  const Fd file(::openat(root.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  int error = file ? WriteAll(file.get(), text) : errno;
  if (error == 0 && ::renameat(root.get(), draft.c_str(), root.get(), kLeftBehindName) != 0) {
    error = errno;
  }
  if (error == 0) return absl::OkStatus();
  ::unlinkat(root.get(), draft.c_str(), 0);
  return service.Failed(error, "write", kLeftBehindName);
}

absl::StatusOr<std::vector<LeftBehind>> LeftBehindAt(const ServiceDirectory& service,
                                                     const Fd& root) {
  std::vector<LeftBehind> all;
  const auto text = service.ReadFile(root, kLeftBehindName, kMaxLeftBehind);
  if (absl::IsNotFound(text.status())) return all;
  if (!text.ok()) return text.status();
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    LeftBehind one;
    if (fields.size() == 4 && absl::CUnescape(fields[0], &one.local) &&
        absl::CUnescape(fields[2], &one.link) && absl::SimpleAtoi(fields[3], &one.since_ns)) {
      one.directory = fields[1];
      all.push_back(std::move(one));
    } else {
      LogWarning("a line is not understood",
                 {{"path", service.PathOf(kLeftBehindName)}, {"line", EscapeText(line)}});
    }
  }
  return all;
}

absl::StatusOr<std::vector<std::string>> RemainsAt(const ServiceDirectory& service,
                                                   const Fd& root) {
  absl::StatusOr<std::vector<std::string>> names = service.Names(root);
  if (!names.ok()) return names;
  std::erase_if(*names, [](const std::string& name) {
    return !absl::StartsWith(name, kDelPrefix) && !absl::StartsWith(name, kOldPrefix);
  });
  return names;
}

void RemoveRemains(const ServiceDirectory& service, const Fd& root, const std::string& name) {
  if (absl::Status status = RemoveTreeAt(root.get(), name); !status.ok()) {
    LogWarning("cannot remove the remains of an interrupted write",
               {{"path", service.PathOf(name)}, {"error", std::string(status.message())}});
  }
}

absl::StatusOr<Written> VerifyAt(const ServiceDirectory& service, const Fd& root,
                                 const std::string& directory) {
  absl::StatusOr<Manifest> manifest = ReadManifestAt(service, root, directory);
  if (absl::IsNotFound(manifest.status()) || absl::IsDataLoss(manifest.status())) {
    return Written::kNot;
  }
  if (!manifest.ok()) return manifest.status();
  const auto boot = ReadKernelBootId();
  if (!boot.ok()) return boot.status();
  if (manifest->boot_id == *boot) return Written::kInThisBoot;
  absl::StatusOr<Fd> tree = OpenTreeAt(service, root, directory);
  if (absl::IsNotFound(tree.status())) return Written::kNot;
  if (!tree.ok()) return tree.status();
  const absl::Status same = CompareAll(*tree, *manifest);
  if (absl::IsDataLoss(same)) {
    LogWarning("a revision is not used: the host ended before it was on the disk",
               {{"path", service.PathOf(directory)}, {"error", std::string(same.message())}});
    return Written::kNot;
  }
  if (!same.ok()) {
    return absl::Status(same.code(),
                        absl::StrCat("cannot verify ", service.PathOf(directory),
                                     ", which may not be on the disk: ", same.message()));
  }
  // What was read is on the disk.
  absl::Status marked = service.MarkDurable(root, directory);
  if (!marked.ok()) return marked;
  return Written::kVerified;
}

}  // namespace gitops
